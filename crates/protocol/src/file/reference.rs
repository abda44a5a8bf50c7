//! What a message says of a file (FILES.md s.4), with its limits.

use crate::file::key::{Commit, FileKey};
use crate::file::shape::FILE_BYTES_MAX;
use crate::file::tree::Root;
use crate::identity::NodeUrl;
use bytes::Bytes;
use wire::Malformed;
use wire::id::FileId;
use wire::limit::{FILE_NAME_BYTES_MAX, MEDIA_TYPE_BYTES_MAX, THUMBHASH_BYTES_MAX, WAVEFORM_BYTES_MAX};
use wire::proto::content as raw;

/// Everything that is needed to get and to open a file: whoever has it, has the file.
#[derive(Clone, PartialEq, Eq)]
pub struct Reference {
    /// Where the blob lies: random, for each sending.
    pub file_id: FileId,
    /// The node that has it, where it is not the conversation's.
    pub node_url: Option<NodeUrl>,
    /// Opens it.
    pub key: FileKey,
    /// Binds the key.
    pub commit: Commit,
    /// BLAKE3 of the ciphertext.
    pub root: Root,
    /// Bytes of the file, at most 2^40.
    pub size: u64,
    /// The name at its sender: at most 255 bytes of anything. Never a path; shown through [`super::show_name`].
    pub name: String,
    /// RFC 6838, lower case, at most 127 bytes; empty where it is not known. A hint that nobody believes.
    pub media_type: String,
    /// How it looks before it is there.
    pub look: Look,
}

/// How a file looks before it is there; what its sender says and nobody checks.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Look {
    /// Pixels; 0 where it has none.
    pub width: u32,
    /// Pixels; 0 where it has none.
    pub height: u32,
    /// Milliseconds; 0 where it has none.
    pub duration_ms: u64,
    /// At most 32 bytes.
    pub thumbhash: Bytes,
    /// At most 128 bytes, one for each moment.
    pub waveform: Bytes,
    /// Recorded as a voice note.
    pub is_voice: bool,
}

impl std::fmt::Debug for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reference(..)")
    }
}

impl std::fmt::Debug for Look {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Look(..)")
    }
}

impl Reference {
    /// Checks every limit.
    ///
    /// # Errors
    /// [`Malformed`] names what is wrong.
    pub fn check(&self) -> Result<(), Malformed> {
        if self.size > FILE_BYTES_MAX {
            return Err(Malformed::Value { field: "size" });
        }
        at_most("name", self.name.len(), FILE_NAME_BYTES_MAX)?;
        at_most("thumbhash", self.look.thumbhash.len(), THUMBHASH_BYTES_MAX)?;
        at_most("waveform", self.look.waveform.len(), WAVEFORM_BYTES_MAX)?;
        check_media_type(&self.media_type)
    }

    /// The part of a message.
    pub fn to_proto(&self) -> raw::File {
        raw::File {
            blob_id: Bytes::copy_from_slice(&self.file_id.0),
            node: self.node_url.as_ref().map(|url| url.as_str().to_owned()).unwrap_or_default(),
            key: Bytes::copy_from_slice(self.key.as_bytes()),
            commit: Bytes::copy_from_slice(&self.commit.0),
            root: Bytes::copy_from_slice(&self.root.0),
            size: self.size,
            name: self.name.clone(),
            media_type: self.media_type.clone(),
            width: self.look.width,
            height: self.look.height,
            duration_ms: self.look.duration_ms,
            thumbhash: self.look.thumbhash.clone(),
            waveform: self.look.waveform.clone(),
            voice: self.look.is_voice,
        }
    }

    /// Reads the part of a message.
    ///
    /// # Errors
    /// [`Malformed`] names what is wrong.
    pub fn parse(file: raw::File) -> Result<Self, Malformed> {
        let commit = file.commit.as_ref().try_into().map_err(|_| Malformed::Length {
            field: "commit",
            expected: 32,
            found: file.commit.len(),
        })?;
        let node_url = match file.node.as_str() {
            "" => None,
            url => Some(NodeUrl::parse(url).map_err(|_| Malformed::Value { field: "node" })?),
        };
        let reference = Self {
            file_id: FileId::parse(&file.blob_id)?,
            node_url,
            key: FileKey::parse(&file.key)?,
            commit: Commit(commit),
            root: Root::parse(&file.root)?,
            size: file.size,
            name: file.name,
            media_type: file.media_type,
            look: Look {
                width: file.width,
                height: file.height,
                duration_ms: file.duration_ms,
                thumbhash: file.thumbhash,
                waveform: file.waveform,
                is_voice: file.voice,
            },
        };
        reference.check()?;
        Ok(reference)
    }
}

/// Empty, or `type/subtype` of RFC 6838 s.4.2 in lower case.
fn check_media_type(media_type: &str) -> Result<(), Malformed> {
    at_most("media_type", media_type.len(), MEDIA_TYPE_BYTES_MAX)?;
    let is_word = |word: &str| {
        word.bytes().next().is_some_and(|first| first.is_ascii_lowercase() || first.is_ascii_digit())
            && word
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"!#$&-^_.+".contains(&byte))
    };
    let is_type = media_type.split_once('/').is_some_and(|(kind, subtype)| is_word(kind) && is_word(subtype));
    if media_type.is_empty() || is_type { Ok(()) } else { Err(Malformed::Value { field: "media_type" }) }
}

fn at_most(field: &'static str, found: usize, limit: usize) -> Result<(), Malformed> {
    if found > limit { Err(Malformed::TooLong { field, limit, found }) } else { Ok(()) }
}
