//! What went into a result, as one hash in a file: a step whose stamp still fits is not done again.

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The file that says what a result was made from.
pub struct Stamp {
    file: PathBuf,
}

/// Everything that goes into a result.
#[derive(Default)]
pub struct Inputs {
    hash: Sha256,
}

impl Inputs {
    /// A text under a name.
    pub fn add_text(&mut self, name: &str, text: &str) {
        self.add(name, text.as_bytes());
    }

    /// A file under a name; one that is not there counts as such.
    pub fn add_file(&mut self, name: &str, file: &Path) -> Result<()> {
        match std::fs::read(file) {
            Ok(bytes) => self.add(name, &bytes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => self.add(name, b"absent"),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", file.display())),
        }
        Ok(())
    }

    /// All files of a folder and below, but for the folders of these names at its top.
    pub fn add_folder(&mut self, name: &str, folder: &Path, except: &[&str]) -> Result<()> {
        if !folder.is_dir() {
            return Ok(());
        }
        let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
        let mut entries = entries.collect::<Result<Vec<_>, _>>()?;
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            let file_name = entry.file_name().to_string_lossy().into_owned();
            if except.contains(&file_name.as_str()) {
                continue;
            }
            let below = format!("{name}/{file_name}");
            if entry.path().is_dir() {
                self.add_folder(&below, &entry.path(), &[])?;
            } else {
                self.add_file(&below, &entry.path())?;
            }
        }
        Ok(())
    }

    fn add(&mut self, name: &str, bytes: &[u8]) {
        for part in [name.as_bytes(), bytes] {
            self.hash.update((part.len() as u64).to_be_bytes());
            self.hash.update(part);
        }
    }

    fn text(&self) -> String {
        self.hash.clone().finalize().iter().fold(String::new(), |mut text, byte| {
            // Writing to a String does not fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

impl Stamp {
    /// In this file.
    pub fn new(file: PathBuf) -> Self {
        Self { file }
    }

    /// Whether the result was made from these.
    pub fn is(&self, inputs: &Inputs) -> bool {
        std::fs::read_to_string(&self.file).is_ok_and(|text| text == inputs.text())
    }

    /// Notes that it is now.
    pub fn set(&self, inputs: &Inputs) -> Result<()> {
        let folder = self.file.parent().context("a stamp lies in a folder")?;
        std::fs::create_dir_all(folder)?;
        std::fs::write(&self.file, inputs.text()).with_context(|| format!("cannot write {}", self.file.display()))
    }

    /// Before the result is touched: whoever ends here finds no stamp.
    pub fn forget(&self) -> Result<()> {
        match std::fs::remove_file(&self.file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(folder: &Path) -> String {
        let mut inputs = Inputs::default();
        inputs.add_folder("x", folder, &["made"]).unwrap();
        inputs.text()
    }

    #[test]
    fn stamp_fits_until_a_file_changes_moves_comes_or_goes() {
        let folder = std::env::temp_dir().join(format!("sottovoce-stamp-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("in/made")).unwrap();
        let source = folder.join("in");
        let write = |name: &str, text: &str| std::fs::write(source.join(name), text).unwrap();
        write("a", "1");
        let first = of(&source);
        write("made/b", "what was made does not count");
        assert_eq!(of(&source), first);
        write("a", "2");
        assert_ne!(of(&source), first);
        write("a", "1");
        write("c", "");
        assert_ne!(of(&source), first);
        std::fs::remove_file(source.join("c")).unwrap();
        assert_eq!(of(&source), first);

        let stamp = Stamp::new(folder.join("stamps/one"));
        let inputs = Inputs::default();
        assert!(!stamp.is(&inputs));
        stamp.set(&inputs).unwrap();
        assert!(stamp.is(&inputs));
        stamp.forget().unwrap();
        stamp.forget().unwrap();
        assert!(!stamp.is(&inputs));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
