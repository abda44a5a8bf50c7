//! Where the web app comes from: a folder that the operator names, the program itself, or a folder beside it.

use crate::config::WebConfig;
use crate::web::{FILES_MAX, SITE_BYTES_MAX, Site, SiteError};
use anyhow::Context as _;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[cfg(feature = "web-embedded")]
include!(concat!(env!("OUT_DIR"), "/embedded.rs"));
#[cfg(not(feature = "web-embedded"))]
const EMBEDDED: &[(&str, &[u8])] = &[];

/// The folder that is looked for beside the program.
const BESIDE: &str = "web";

/// Reads the web app, if there is one to serve.
///
/// # Errors
/// Names the folder and what is wrong with it.
pub fn open(config: &WebConfig) -> anyhow::Result<Option<Site>> {
    match config {
        WebConfig::Off => Ok(None),
        WebConfig::Folder(folder) => open_folder(folder).map(Some),
        WebConfig::Default if !EMBEDDED.is_empty() => {
            let files = EMBEDDED.iter().map(|(path, bytes)| ((*path).to_owned(), Bytes::from_static(bytes)));
            Ok(Some(Site::new(files.collect()).context("the web app in this program is damaged")?))
        }
        WebConfig::Default => beside_program().map(|folder| open_folder(&folder)).transpose(),
    }
}

fn beside_program() -> Option<PathBuf> {
    let folder = std::env::current_exe().ok()?.parent()?.join(BESIDE);
    folder.join("index.html").is_file().then_some(folder)
}

fn open_folder(folder: &Path) -> anyhow::Result<Site> {
    let mut files = BTreeMap::new();
    let mut bytes_left = SITE_BYTES_MAX;
    read(folder, "", &mut files, &mut bytes_left)
        .and_then(|()| Ok(Site::new(files)?))
        .with_context(|| format!("cannot serve the web app of {}", folder.display()))
}

/// Reads all files below a folder; what begins with a dot is left out, what is neither file nor folder is refused.
fn read(folder: &Path, prefix: &str, files: &mut BTreeMap<String, Bytes>, bytes_left: &mut u64) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        let (path, kind) = (format!("{prefix}{name}"), entry.file_type()?);
        if kind.is_dir() {
            read(&entry.path(), &format!("{path}/"), files, bytes_left)?;
            continue;
        }
        anyhow::ensure!(kind.is_file(), "{path:?} is neither a file nor a folder");
        // Looked at before it is read: a wrong folder may hold anything.
        let room = bytes_left.checked_sub(entry.metadata()?.len()).filter(|_| files.len() < FILES_MAX);
        *bytes_left = room.ok_or(SiteError::TooLarge)?;
        let bytes = std::fs::read(entry.path()).with_context(|| format!("cannot read {path:?}"))?;
        files.insert(path, bytes.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for (path, text) in files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            std::fs::write(path, text).expect("written");
        }
        folder
    }

    #[test]
    fn folder_is_read_whole_but_for_hidden_files() {
        let folder = folder(&[("index.html", "page"), ("assets/x/a-12345678.js", "js"), (".git/config", "secret")]);
        let site = open(&WebConfig::Folder(folder.path().into())).expect("opened").expect("a site");
        assert_eq!(site.file_count(), 2);
        assert!(site.file("/assets/x/a-12345678.js").is_some());
    }

    #[test]
    fn link_out_of_the_folder_is_refused() {
        let folder = folder(&[("index.html", "page")]);
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("passwd")).expect("linked");
        let error = open(&WebConfig::Folder(folder.path().into())).expect_err("refused");
        assert!(format!("{error:#}").contains("\"passwd\" is neither"), "{error:#}");
    }

    #[test]
    fn folder_that_is_missing_or_no_app_is_named_and_none_is_served_when_off() {
        let folder = folder(&[("readme.txt", "not an app")]);
        for (path, what) in [(folder.path().to_owned(), "no index.html"), ("/nowhere/at/all".into(), "cannot read")] {
            let error = format!("{:#}", open(&WebConfig::Folder(path.clone())).expect_err("refused"));
            assert!(error.contains(what) && error.contains(&path.display().to_string()), "{error}");
        }
        assert_eq!(open(&WebConfig::Off).expect("nothing to open"), None);
    }

    #[test]
    fn folder_of_something_else_is_given_up_before_it_is_read() {
        let folder = folder(&[("index.html", "page")]);
        let large = std::fs::File::create(folder.path().join("disk.img")).expect("made");
        large.set_len(SITE_BYTES_MAX).expect("a hole");
        let error = format!("{:#}", open(&WebConfig::Folder(folder.path().into())).expect_err("refused"));
        assert!(error.contains("more than"), "{error}");
    }
}
