//! Files on their way into a message: read, and photos without what their camera wrote into them.

use crate::failure::Failure;
use crate::output::Output;
use crate::picture::{self, Encoding, HEAD_BYTES, Kind, Measured, PICTURE_BYTES_MAX, PictureError, Prepared};
use crate::session::Session;
use crate::text::{say, say_with};
use client::files::folder::{path_bytes, stamp};
use client::files::{NewFile, Origin, OwnPath, media_type_of, movie, spool};
use protocol::file::{FILE_BYTES_MAX, FileKey, Look};
use rand_chacha::rand_core::Rng;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;
use wire::id::FileId;
use wire::limit::FILE_NAME_BYTES_MAX;

/// What one word of the command line names: a path, or `-` for standard input.
pub fn new_file(session: &Session, output: &Output, word: &str, is_original: bool) -> Result<NewFile, Failure> {
    if word == "-" {
        return from_stream(session, output, is_original);
    }
    let path = std::path::absolute(word).map_err(|_| unreadable(word))?;
    // It is opened once here, so that who may not read it is told now.
    let mut file = File::open(&path).map_err(|_| unreadable(word))?;
    let found = file.metadata().map_err(|_| unreadable(word))?;
    if !found.is_file() {
        return Err(unreadable(word));
    }
    let head = read_head(&mut file).map_err(|_| unreadable(word))?;
    let kind = picture::kind_of(&head);
    let name = own_name(&path);
    if may_not_go(kind, is_original) {
        return Err(Failure::refused(say_with("cli-photo-foreign", "path", word)));
    }
    let is_small = found.len() <= PICTURE_BYTES_MAX as u64;
    if kind == Kind::Photo && !is_original {
        if !is_small {
            return Err(cannot_clean(word, PictureError::TooLarge));
        }
        let bytes = read_all(&head[..], &mut file).map_err(|_| unreadable(word))?;
        return cleaned(session, word, &name, bytes);
    }
    let mut is_covered = false;
    let look = match kind {
        Kind::Movie => {
            let movie = movie::look_at(&mut file, found.len());
            match movie {
                Ok(_) if !is_original => is_covered = true,
                Err(_) if !is_original => return Err(Failure::refused(say_with("cli-movie-unclean", "path", word))),
                Ok(movie) if movie.has_place => output.warn(&say_with("cli-photo-place", "path", word)),
                Ok(movie) if !movie.has_metadata => {}
                _ => output.warn(&say_with("cli-photo-metadata", "path", word)),
            }
            Look::default()
        }
        Kind::Photo | Kind::Animation if is_small => {
            let bytes = read_all(&head[..], &mut file).map_err(|_| unreadable(word))?;
            look_of_original(output, word, kind, bytes)
        }
        Kind::Photo | Kind::Foreign => {
            output.warn(&say_with("cli-photo-metadata", "path", word));
            Look::default()
        }
        Kind::Animation | Kind::Other => Look::default(),
    };
    Ok(NewFile {
        origin: Origin::Path(OwnPath { path: path_bytes(&path), stamp: stamp(&found), is_covered }),
        size: found.len(),
        media_type: media_type_of(&name).into(),
        name,
        look,
    })
}

/// Whether a file would carry more than its sender means to send, and cannot be helped.
fn may_not_go(kind: Kind, is_original: bool) -> bool {
    kind == Kind::Foreign && !is_original
}

/// The first bytes, as many as there are.
fn read_head(source: &mut impl Read) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(HEAD_BYTES);
    source.take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    Ok(head)
}

/// All of a picture; one byte more than it may have where it has more.
fn read_all(head: &[u8], rest: &mut impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    head.chain(rest).take(PICTURE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > PICTURE_BYTES_MAX {
        return Err(ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}

/// A photo that holds pixels and nothing else, sealed into the profile.
fn cleaned(session: &Session, word: &str, name: &str, bytes: Vec<u8>) -> Result<NewFile, Failure> {
    let Prepared { measured, encoding, bytes } = picture::prepare(bytes).map_err(|error| cannot_clean(word, error))?;
    let (ending, media_type) = match encoding {
        Encoding::Jpeg => ("jpg", "image/jpeg"),
        Encoding::Webp => ("webp", "image/webp"),
    };
    let file = sealed(session, bytes.as_slice())?;
    Ok(NewFile { name: name_for(name, ending), media_type: media_type.into(), look: look_of(measured), ..file })
}

/// How a picture looks that goes as it is; says what goes with it.
fn look_of_original(output: &Output, word: &str, kind: Kind, bytes: Vec<u8>) -> Look {
    match picture::measure(bytes) {
        Ok(measured) => {
            match measured.found {
                found if found.has_place => output.warn(&say_with("cli-photo-place", "path", word)),
                found if found.has_any => output.warn(&say_with("cli-photo-metadata", "path", word)),
                _ => {}
            }
            look_of(measured)
        }
        // Nobody here knows what it shows, or what is in it.
        Err(_) => {
            if kind == Kind::Photo {
                output.warn(&say_with("cli-photo-metadata", "path", word));
            }
            Look::default()
        }
    }
}

fn look_of(measured: Measured) -> Look {
    let Measured { width, height, thumbhash, .. } = measured;
    Look { width, height, thumbhash: thumbhash.into(), ..Look::default() }
}

fn cannot_clean(word: &str, error: PictureError) -> Failure {
    let id = match error {
        PictureError::Bad => "cli-photo-bad",
        PictureError::TooLarge => "cli-photo-too-large",
        PictureError::Unavailable => "cli-photo-no-decoder",
    };
    Failure::refused(say_with(id, "path", word))
}

/// The last part of a path, as others get it.
fn own_name(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if name.len() <= FILE_NAME_BYTES_MAX { name } else { protocol::file::show_name(&name).text }
}

/// A picture that was encoded anew has another ending.
fn name_for(name: &str, ending: &str) -> String {
    let (stem, old) = match name.rfind('.') {
        Some(at) if at > 0 && name.len() - at <= 9 => name.split_at(at),
        _ => (name, ""),
    };
    let old = old.to_lowercase();
    let is_right = old.strip_prefix('.').is_some_and(|old| old == ending || (old == "jpeg" && ending == "jpg"));
    let named = format!("{stem}.{ending}");
    // A name without an end would be too long with one.
    if name.is_empty() || is_right || named.len() > FILE_NAME_BYTES_MAX { name.into() } else { named }
}

/// A sentence for a path that is none.
pub fn unreadable(word: &str) -> Failure {
    Failure::usage(say_with("cli-file-unreadable", "path", word))
}

/// Standard input: it cannot be read again.
fn from_stream(session: &Session, output: &Output, is_original: bool) -> Result<NewFile, Failure> {
    let mut input = std::io::stdin().lock();
    let head = read_head(&mut input).map_err(|_| unreadable("-"))?;
    match picture::kind_of(&head) {
        kind if may_not_go(kind, is_original) => Err(Failure::refused(say_with("cli-photo-foreign", "path", "-"))),
        // Its index may come last, and a stream has passed by then.
        Kind::Movie if !is_original => Err(Failure::refused(say("cli-movie-stream"))),
        Kind::Photo if !is_original => {
            let bytes = read_all(&head, &mut input).map_err(|error| match error.kind() {
                ErrorKind::FileTooLarge => cannot_clean("-", PictureError::TooLarge),
                _ => unreadable("-"),
            })?;
            cleaned(session, "-", "", bytes)
        }
        kind => {
            if matches!(kind, Kind::Photo | Kind::Foreign | Kind::Movie) {
                output.warn(&say_with("cli-photo-metadata", "path", "-"));
            }
            sealed(session, head.chain(input))
        }
    }
}

/// A stream, sealed into the profile.
fn sealed(session: &Session, stream: impl Read) -> Result<NewFile, Failure> {
    let folder = session.runner.files_folder().ok_or_else(|| Failure::internal(say("cli-no-data-folder")))?;
    let mut rng = crate::session::rng()?;
    let mut file = FileId([0; 32]);
    rng.fill_bytes(&mut file.0);
    let key = FileKey::random(rng.as_mut());
    let (copy, size) = spool::spool(stream, folder, file, key, FILE_BYTES_MAX).map_err(super::file::failed)?;
    let (name, media_type) = (String::new(), String::new());
    Ok(NewFile { origin: Origin::Sealed(copy), size, name, media_type, look: Look::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn picture_that_was_encoded_anew_has_the_ending_of_what_it_is() {
        for (name, ending, expected) in [
            ("a.png", "jpg", "a.jpg"),
            ("a.JPG", "jpg", "a.JPG"),
            ("a.jpeg", "jpg", "a.jpeg"),
            ("a.jpeg", "webp", "a.webp"),
            ("noend", "jpg", "noend.jpg"),
            (".hidden", "jpg", ".hidden.jpg"),
            ("a.tar.png", "webp", "a.tar.webp"),
            ("", "jpg", ""),
        ] {
            assert_eq!(name_for(name, ending), expected, "{name}");
        }
        let long = "x".repeat(FILE_NAME_BYTES_MAX);
        assert_eq!(name_for(&long, "jpg"), long);
    }
}
