//! The sealed copies in a profile: `files/ID`, a whole blob as the node has it; `files/ID.part` while it comes.

use crate::files::Problem;
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use wire::id::FileId;

/// The folder of a profile's sealed copies.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

impl Folder {
    /// The folder below a profile's; it is made when it is needed.
    pub fn below(profile: &Path) -> Self {
        Self(profile.join("files"))
    }

    /// Where the copy of a file is once it is complete.
    pub fn copy(&self, file: &FileId) -> PathBuf {
        self.0.join(file.to_hex())
    }

    /// Where it is until then.
    pub(super) fn part(&self, file: &FileId) -> PathBuf {
        self.0.join(format!("{}.part", file.to_hex()))
    }

    /// Makes the folder, readable by its owner alone.
    pub(super) fn make(&self) -> io::Result<()> {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.0)
    }

    /// Removes the copy of a file, complete or not; that there is none is as good.
    ///
    /// # Errors
    /// What the file system says.
    pub fn remove(&self, file: &FileId) -> io::Result<()> {
        for path in [self.copy(file), self.part(file)] {
            match std::fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Removes copies that belong to no file: what a kill left between a stream's end and its message.
    ///
    /// # Errors
    /// What the file system says.
    pub fn sweep(&self, known: &[FileId]) -> io::Result<()> {
        let known: BTreeSet<String> = known.iter().map(FileId::to_hex).collect();
        let entries = match std::fs::read_dir(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let id = name.to_str().map(|name| name.strip_suffix(".part").unwrap_or(name));
            // What is not named like one of ours is not ours to remove.
            if id.is_some_and(|id| FileId::from_hex(id).is_ok() && !known.contains(id)) {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

/// The path that bytes of the database name.
pub fn path_of(bytes: &[u8]) -> PathBuf {
    #[cfg(unix)]
    {
        let text: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(bytes);
        text.into()
    }
    #[cfg(not(unix))]
    {
        String::from_utf8_lossy(bytes).into_owned().into()
    }
}

/// A path as the database keeps it.
pub fn path_bytes(path: &Path) -> Vec<u8> {
    path.as_os_str().as_encoded_bytes().to_vec()
}

/// When a file was changed last, in nanoseconds as its system tells; 0 where it does not.
pub fn stamp(file: &std::fs::Metadata) -> i64 {
    let since = file.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    since.and_then(|since| i64::try_from(since.as_nanos()).ok()).unwrap_or(0)
}

/// What a failed write means.
pub(super) fn write_problem(error: &io::Error) -> Problem {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => Problem::DiskFull,
        _ => Problem::Unwritable,
    }
}

/// Makes a renamed file's new name durable.
pub(super) fn sync_folder_of(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        std::fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_copies_that_nobody_knows_are_swept() {
        let profile = tempfile::tempdir().unwrap();
        let folder = Folder::below(profile.path());
        folder.sweep(&[]).unwrap();
        folder.make().unwrap();
        let [known, unknown] = [FileId([1; 32]), FileId([2; 32])];
        for path in [folder.copy(&known), folder.part(&known), folder.copy(&unknown), folder.part(&unknown)] {
            std::fs::write(path, b"x").unwrap();
        }
        std::fs::write(profile.path().join("files/notes.txt"), b"x").unwrap();
        folder.sweep(&[known]).unwrap();
        assert!(folder.copy(&known).exists() && folder.part(&known).exists());
        assert!(!folder.copy(&unknown).exists() && !folder.part(&unknown).exists());
        assert!(profile.path().join("files/notes.txt").exists());
        folder.remove(&known).unwrap();
        folder.remove(&known).unwrap();
        assert!(!folder.copy(&known).exists());
    }

    #[test]
    fn path_comes_back_from_its_bytes() {
        let path = Path::new("/a/ü b.txt");
        assert_eq!(path_of(&path_bytes(path)), path);
    }
}
