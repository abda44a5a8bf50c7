//! Files in a message, with a caption: the limits of FILES.md s.4.

use crate::file::Reference;
use bytes::Bytes;
use prost::Message as _;
use wire::Malformed;
use wire::id::MsgId;
use wire::limit::{FILES_BYTES_MAX, FILES_MAX};
use wire::proto::content as raw;

/// Files that were sent together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// 1 to 32, in the order in which they are shown.
    pub files: Vec<Reference>,
    /// What is said of them; may be empty. With all the rest at most 60 KiB.
    pub caption: String,
    /// The message that they answer.
    pub reply_to: Option<MsgId>,
    /// The sender passes on what was said elsewhere.
    pub is_forwarded: bool,
    /// Sent before the node has the files: until then they come from the sender's device (FILES.md s.7).
    pub is_early: bool,
}

impl Files {
    /// Checks every limit.
    pub(super) fn check(&self) -> Result<(), Malformed> {
        if self.files.is_empty() {
            return Err(Malformed::Missing { field: "files" });
        }
        super::at_most("files", self.files.len(), FILES_MAX)?;
        self.files.iter().try_for_each(Reference::check)?;
        super::at_most("files", self.to_proto().encoded_len(), FILES_BYTES_MAX)
    }

    pub(super) fn parse(files: raw::Files) -> Result<Self, Malformed> {
        super::at_most("files", files.files.len(), FILES_MAX)?;
        Ok(Self {
            files: files.files.into_iter().map(Reference::parse).collect::<Result<_, _>>()?,
            caption: files.caption,
            reply_to: if files.reply_to.is_empty() { None } else { Some(MsgId::parse(&files.reply_to)?) },
            is_forwarded: files.forwarded,
            is_early: files.early,
        })
    }

    pub(super) fn to_proto(&self) -> raw::Files {
        raw::Files {
            files: self.files.iter().map(Reference::to_proto).collect(),
            caption: self.caption.clone(),
            reply_to: self.reply_to.map(|id| Bytes::copy_from_slice(&id.0)).unwrap_or_default(),
            forwarded: self.is_forwarded,
            early: self.is_early,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::{Content, Kind};
    use crate::file::{Commit, FILE_BYTES_MAX, FileKey, Look, Root};
    use crate::identity::NodeUrl;
    use wire::id::FileId;
    use wire::limit::{FILE_NAME_BYTES_MAX, MEDIA_TYPE_BYTES_MAX, THUMBHASH_BYTES_MAX, WAVEFORM_BYTES_MAX};

    fn reference() -> Reference {
        Reference {
            file_id: FileId([1; 32]),
            node_url: None,
            key: FileKey::new([2; 32]),
            commit: Commit([3; 32]),
            root: Root([4; 32]),
            size: 300,
            name: "a.jpg".into(),
            media_type: "image/jpeg".into(),
            look: Look::default(),
        }
    }

    fn files(files: Vec<Reference>) -> Files {
        Files { files, caption: String::new(), reply_to: None, is_forwarded: false, is_early: false }
    }

    fn encode(files: Files) -> Result<Vec<u8>, Malformed> {
        let content = Content { sent_ms: 0, timer_s: 0, kind: Kind::Files(files.clone()) };
        let encoded = content.encode();
        // What we refuse to send we refuse to take, too.
        let raw = raw::Message { sent_ms: 0, timer_s: 0, kind: Some(raw::message::Kind::Files(files.to_proto())) };
        let parsed = Content::parse(&raw.encode_to_vec());
        assert_eq!(parsed.is_ok(), encoded.is_ok());
        if let Ok(parsed) = parsed {
            assert_eq!(parsed, content);
        }
        encoded
    }

    #[test]
    fn files_have_their_golden_bytes() {
        let reference = |node_url, look| Reference { node_url, look, ..reference() };
        let plain = encode(files(vec![reference(None, Look::default())])).unwrap();
        let of = |byte: &str| byte.repeat(32);
        let body = format!("0a20{}1a20{}2220{}2a20{}30ac02", of("01"), of("02"), of("03"), of("04"));
        let name = "3a05612e6a7067420a696d6167652f6a706567";
        assert_eq!(data_encoding::HEXLOWER.encode(&plain), format!("aa01a1010a9e01{body}{name}"));

        let look = Look {
            width: 640,
            height: 480,
            duration_ms: 1_500,
            thumbhash: Bytes::from_static(b"th"),
            waveform: Bytes::from_static(b"wave"),
            is_voice: true,
        };
        let full = Files {
            caption: "hi".into(),
            reply_to: Some(MsgId([7; 16])),
            is_forwarded: true,
            ..files(vec![reference(Some(NodeUrl::parse("https://n").unwrap()), look)])
        };
        let body =
            format!("0a20{}120968747470733a2f2f6e1a20{}2220{}2a20{}30ac02", of("01"), of("02"), of("03"), of("04"));
        let look = "4880055 0e00358dc0b620274686a04776176657001".replace(' ', "");
        let rest = format!("120268691a10{}2001", "07".repeat(16));
        let hex = data_encoding::HEXLOWER.encode(&encode(full).unwrap());
        assert!(hex.ends_with(&format!("{body}{name}{look}{rest}")), "{hex}");
    }

    #[test]
    fn every_limit_holds_at_it_and_one_past_it() {
        let with = |change: &dyn Fn(&mut Reference)| {
            let mut reference = reference();
            change(&mut reference);
            files(vec![reference])
        };
        let caption = |bytes: usize| Files { caption: "x".repeat(bytes), ..files(vec![reference()]) };
        let room = FILES_BYTES_MAX - files(vec![reference()]).to_proto().encoded_len() - 4;
        for (is_within, files) in [
            (false, files(vec![])),
            (true, files(vec![reference(); FILES_MAX])),
            (false, files(vec![reference(); FILES_MAX + 1])),
            (true, caption(room)),
            (false, caption(room + 1)),
            (true, with(&|file| file.size = FILE_BYTES_MAX)),
            (false, with(&|file| file.size = FILE_BYTES_MAX + 1)),
            (true, with(&|file| file.name = "n".repeat(FILE_NAME_BYTES_MAX))),
            (false, with(&|file| file.name = "n".repeat(FILE_NAME_BYTES_MAX + 1))),
            (true, with(&|file| file.name = "../\u{202e}\n".into())),
            (true, with(&|file| file.name.clear())),
            (true, with(&|file| file.media_type.clear())),
            (true, with(&|file| file.media_type = "application/vnd.a-b+json".into())),
            (true, with(&|file| file.media_type = format!("a/{}", "b".repeat(MEDIA_TYPE_BYTES_MAX - 2)))),
            (false, with(&|file| file.media_type = format!("a/{}", "b".repeat(MEDIA_TYPE_BYTES_MAX - 1)))),
            (false, with(&|file| file.media_type = "image".into())),
            (false, with(&|file| file.media_type = "Image/png".into())),
            (false, with(&|file| file.media_type = "image/".into())),
            (false, with(&|file| file.media_type = "text/html; charset=utf-8".into())),
            (true, with(&|file| file.look.thumbhash = vec![1; THUMBHASH_BYTES_MAX].into())),
            (false, with(&|file| file.look.thumbhash = vec![1; THUMBHASH_BYTES_MAX + 1].into())),
            (true, with(&|file| file.look.waveform = vec![1; WAVEFORM_BYTES_MAX].into())),
            (false, with(&|file| file.look.waveform = vec![1; WAVEFORM_BYTES_MAX + 1].into())),
        ] {
            assert_eq!(encode(files).is_ok(), is_within);
        }
    }

    #[test]
    fn reference_that_is_cut_is_refused_by_name() {
        let parse = |change: &dyn Fn(&mut raw::File)| {
            let mut file = reference().to_proto();
            change(&mut file);
            Reference::parse(file).unwrap_err()
        };
        let short = Bytes::from_static(&[0; 31]);
        let length = |field| Malformed::Length { field, expected: 32, found: 31 };
        assert_eq!(parse(&|file| file.blob_id = short.clone()), length("blob_id"));
        assert_eq!(parse(&|file| file.key = short.clone()), length("key"));
        assert_eq!(parse(&|file| file.commit = short.clone()), length("commit"));
        assert_eq!(parse(&|file| file.root = short.clone()), length("root"));
        assert_eq!(parse(&|file| file.node = "not a URL".into()), Malformed::Value { field: "node" });
    }

    #[test]
    fn nothing_of_a_file_is_in_its_debug_text() {
        let text = format!("{:?}", files(vec![reference()]));
        assert!(!text.contains("jpg") && !text.contains("jpeg") && !text.contains("300"), "{text}");
    }
}
