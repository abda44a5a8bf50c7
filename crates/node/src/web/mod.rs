//! The web app: a fixed set of files in memory, read when the node starts and never again.
//!
//! | module | holds |
//! |---|---|
//! | this | the files by path, and the hash of them all |
//! | [`folder`] | reading them from a folder or out of the program |
//! | [`policy`] | what a browser is told that the app may do |
//! | [`serve`] | requests and answers |
//!
//! A path is known or it is not: nothing that a client sends becomes a path on disk.

pub mod folder;
pub mod policy;
pub mod serve;

use axum::http::HeaderValue;
use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write;
use wire::id::Hash;

/// Files that a web app may have, variants counted.
pub const FILES_MAX: usize = 4_096;
/// Bytes of all of them.
pub const SITE_BYTES_MAX: u64 = 64 << 20;
/// Bytes of the longest path.
const PATH_BYTES_MAX: usize = 255;

/// Why files are no web app that can be served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SiteError {
    /// There is nothing to open.
    #[error("there is no index.html in it: it is not a built web app")]
    NoIndex,
    /// A name that would need escaping in a URL, or is too long.
    #[error("the name {0:?} has characters other than letters, digits, `.`, `_`, `-`, or is over 255 bytes long")]
    Name(String),
    /// More than a web app has.
    #[error("more than {FILES_MAX} files or {} MiB: it is not a built web app", SITE_BYTES_MAX >> 20)]
    TooLarge,
    /// A compressed file that belongs to none.
    #[error("{0:?} is a compressed copy of a file that is not there")]
    Stray(String),
}

/// How a body is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// As it is.
    Identity,
    /// gzip (`.gz` beside the file).
    Gzip,
    /// Brotli (`.br` beside the file).
    Brotli,
}

/// A body as it is sent, with its strong entity tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// How it is packed.
    pub encoding: Encoding,
    /// What is sent.
    pub bytes: Bytes,
    /// The first half of the SHA-256 of what is sent, quoted.
    pub etag: HeaderValue,
}

/// How long a browser may keep a file without asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// For ever: its name holds the hash of its content.
    Immutable,
    /// It asks each time.
    Ask,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its media type.
    pub content_type: &'static str,
    /// How long it stays fresh.
    pub keep: Keep,
    /// Smallest first; the last is [`Encoding::Identity`].
    pub variants: Vec<Variant>,
}

/// A web app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// By path from the root, beginning with `/`.
    files: BTreeMap<String, File>,
    /// See [`Site::hash`].
    hash: Hash,
}

impl Site {
    /// Of files by path from the root, without a `/` in front. What ends in `.br` or `.gz` is a packed copy of the file
    /// beside it.
    ///
    /// # Errors
    /// Says what keeps them from being served.
    pub fn new(all: BTreeMap<String, Bytes>) -> Result<Self, SiteError> {
        let bytes: u64 = all.values().map(|bytes| bytes.len() as u64).sum();
        if all.len() > FILES_MAX || bytes > SITE_BYTES_MAX {
            return Err(SiteError::TooLarge);
        }
        if let Some(name) = all.keys().find(|name| !is_plain(name)) {
            return Err(SiteError::Name(name.clone()));
        }
        let mut files = BTreeMap::new();
        let mut sums = String::new();
        for (path, bytes) in &all {
            if let Some(base) = path.strip_suffix(".br").or_else(|| path.strip_suffix(".gz")) {
                if !all.contains_key(base) {
                    return Err(SiteError::Stray(path.clone()));
                }
                continue;
            }
            // Writing to a String does not fail.
            let _ = writeln!(sums, "{}  {path}", Hash::of(&[bytes]).to_hex());
            let packed = [(".br", Encoding::Brotli), (".gz", Encoding::Gzip)];
            let packed = packed
                .into_iter()
                .filter_map(|(suffix, encoding)| Some((all.get(&format!("{path}{suffix}"))?.clone(), encoding)));
            let mut variants: Vec<Variant> = packed
                .filter(|(packed, _)| packed.len() < bytes.len())
                .chain([(bytes.clone(), Encoding::Identity)])
                .map(|(bytes, encoding)| Variant { encoding, etag: etag(&bytes), bytes })
                .collect();
            variants.sort_by_key(|variant| variant.bytes.len());
            let keep = if is_named_by_hash(path) { Keep::Immutable } else { Keep::Ask };
            files.insert(format!("/{path}"), File { content_type: content_type(path), keep, variants });
        }
        if !files.contains_key("/index.html") {
            return Err(SiteError::NoIndex);
        }
        Ok(Self { files, hash: Hash(Sha256::digest(&sums).into()) })
    }

    /// The file at a URL's path.
    ///
    /// The app's own places open the app. They are few on purpose: a conversation's place is never part of a path, for
    /// the node would read it there.
    pub fn file(&self, path: &str) -> Option<&File> {
        let path = match path {
            "/" | "/i" => "/index.html",
            other => other,
        };
        self.files.get(path)
    }

    /// What tells two builds apart: SHA-256 over the lines that `sha256sum` prints of all files but packed copies, in
    /// the order of their paths' bytes.
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// How many files there are, packed copies not counted.
    pub fn file_count(&self) -> usize {
        self.files.len()
    }
}

fn is_plain(path: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let is_name = |part: &str| !part.is_empty() && !part.starts_with('.') && part.bytes().all(is_plain);
    path.len() <= PATH_BYTES_MAX && path.split('/').all(is_name)
}

/// `assets/NAME-HASH.ENDING`, as the build names what it may name freely.
fn is_named_by_hash(path: &str) -> bool {
    const HASH_BYTES: usize = 8;
    let Some(name) = path.strip_prefix("assets/") else { return false };
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let Some(at) = stem.len().checked_sub(HASH_BYTES + 1) else { return false };
    stem.as_bytes()[at] == b'-'
}

fn etag(bytes: &[u8]) -> HeaderValue {
    let hash = Hash::of(&[bytes]).to_hex();
    HeaderValue::from_str(&format!("\"{}\"", &hash[..32])).unwrap_or_else(|_| HeaderValue::from_static("\"\""))
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "wasm" => "application/wasm",
        "webmanifest" => "application/manifest+json",
        "json" | "map" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "avif" => "image/avif",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" | "ftl" => "text/plain; charset=utf-8",
        "ogg" | "opus" => "audio/ogg",
        "mp3" => "audio/mpeg",
        "wav" => "audio/wav",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(files: &[(&str, &str)]) -> Result<Site, SiteError> {
        let bytes = |text: &str| Bytes::copy_from_slice(text.as_bytes());
        Site::new(files.iter().map(|(path, text)| ((*path).to_owned(), bytes(text))).collect())
    }

    #[test]
    fn hash_is_that_of_the_lines_of_sha256sum_and_packed_copies_do_not_count() {
        let plain = site(&[("index.html", "hello"), ("assets/a-12345678.js", "js")]).expect("a site");
        // { printf js | sha256sum; printf hello | sha256sum; } with these paths in place of `-`, through sha256sum.
        assert_eq!(plain.hash().to_hex(), "06597f33f893856755f0d6a57cb3cf62be2b495fda98931787823660b99af4f7");
        let packed =
            site(&[("index.html", "hello"), ("assets/a-12345678.js", "js"), ("index.html.gz", "hey")]).expect("a site");
        assert_eq!(plain.hash(), packed.hash());
        let other = site(&[("index.html", "hello"), ("assets/b-12345678.js", "js")]).expect("a site");
        assert_ne!(plain.hash(), other.hash());
    }

    #[test]
    fn only_names_with_a_hash_stay_fresh_for_ever() {
        for (path, expected) in [
            ("assets/index-D0NLPD2k.js", true),
            ("assets/a.b-D0_LPD-k.wasm", true),
            ("assets/index.js", false),
            ("assets/indexD0NLPD2k.js", false),
            ("index-D0NLPD2k.js", false),
            ("assets/x", false),
            ("sw.js", false),
        ] {
            assert_eq!(is_named_by_hash(path), expected, "{path}");
        }
    }

    #[test]
    fn what_is_no_built_app_is_refused() {
        assert_eq!(site(&[("a.js", "")]), Err(SiteError::NoIndex));
        for name in ["a b.js", "../x", "a//b", ".env", "x/.git", "%2e", "ü", "a\\b"] {
            assert_eq!(site(&[("index.html", ""), (name, "")]), Err(SiteError::Name(name.to_owned())), "{name}");
        }
        assert_eq!(site(&[("index.html", ""), ("a.js.br", "")]), Err(SiteError::Stray("a.js.br".to_owned())));
        let many = |count: usize| {
            let names = (1..count).map(|at| (format!("{at}.js"), Bytes::new()));
            Site::new(names.chain([("index.html".to_owned(), Bytes::new())]).collect())
        };
        assert!(many(FILES_MAX).is_ok());
        assert_eq!(many(FILES_MAX + 1), Err(SiteError::TooLarge));
        let of = |bytes: u64| Site::new(BTreeMap::from([("index.html".to_owned(), vec![0; bytes as usize].into())]));
        assert!(of(SITE_BYTES_MAX).is_ok());
        assert_eq!(of(SITE_BYTES_MAX + 1), Err(SiteError::TooLarge));
    }

    #[test]
    fn packed_copy_that_is_no_smaller_is_not_used() {
        let site = site(&[("index.html", "hello"), ("index.html.br", "hello!"), ("index.html.gz", "hey")]);
        let site = site.expect("a site");
        let encodings: Vec<Encoding> =
            site.file("/").expect("the app").variants.iter().map(|variant| variant.encoding).collect();
        assert_eq!(encodings, [Encoding::Gzip, Encoding::Identity]);
        assert_eq!(site.file("/i"), site.file("/index.html"));
        assert_eq!(site.file("/index.html.gz"), None);
        assert_eq!(site.file("/settings"), None);
    }
}
