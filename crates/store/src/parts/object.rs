//! Parts as objects: local files, any S3-compatible store, or memory, by the crate `object_store`.
//!
//! An object's name is `{prefix}/{first two digits of the folder}/{part}`: 256 lists, so that looking for orphans goes
//! in small steps. Local files are written beside their name, synced, renamed, and their folder is synced
//! (`LocalFileSystem::with_fsync`); S3 acknowledges an object when it is durable.

use super::{PartName, Parts, Pending, check_part};
use crate::StoreError;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt};
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::{Path as ObjectPath, PathPart};
use object_store::{ObjectStore, ObjectStoreExt};
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

/// Bytes that are read of a local file at once.
const LOCAL_READ_BYTES: usize = 256 << 10;
/// Bytes that are read of a remote object at once.
const REMOTE_READ_BYTES: usize = 2 << 20;
/// Parts as objects.
#[derive(Clone)]
pub struct ObjectParts {
    objects: Arc<dyn ObjectStore>,
    prefix: ObjectPath,
    read_bytes: usize,
}

impl std::fmt::Debug for ObjectParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ObjectParts(..)")
    }
}

impl ObjectParts {
    /// In memory: for tests. Nothing survives the process.
    pub fn memory() -> Self {
        Self { objects: Arc::new(InMemory::new()), prefix: ObjectPath::default(), read_bytes: LOCAL_READ_BYTES }
    }

    /// Files below a folder, which is made if need be. What a crash left half written is removed. One process at a
    /// time: the caller holds the lock of the data folder.
    ///
    /// # Errors
    /// What the system refused.
    pub fn local(folder: &Path) -> Result<Self, StoreError> {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder)?;
        if let Some(parent) = folder.parent() {
            sync_folder(parent)?;
        }
        remove_staged(folder)?;
        let files = LocalFileSystem::new_with_prefix(folder).map_err(|error| told(&error))?.with_fsync(true);
        Ok(Self { objects: Arc::new(files), prefix: ObjectPath::default(), read_bytes: LOCAL_READ_BYTES })
    }

    /// Objects of a store that is far away, for example an S3-compatible one; all names begin with `prefix`, which no
    /// other node may use: it would take these parts for orphans.
    ///
    /// # Errors
    /// `Misuse` if no object can have such a name.
    pub fn remote(objects: Arc<dyn ObjectStore>, prefix: &str) -> Result<Self, StoreError> {
        let prefix = ObjectPath::parse(prefix).map_err(|_| StoreError::Misuse("no object can be named so"))?;
        Ok(Self { objects, prefix, read_bytes: REMOTE_READ_BYTES })
    }

    fn shard(&self, shard: u8) -> ObjectPath {
        self.prefix.clone().join(PathPart::from(format!("{shard:02x}")))
    }

    fn path(&self, name: PartName) -> ObjectPath {
        self.shard(name.shard()).join(PathPart::from(name.to_text()))
    }

    async fn read(&self, name: PartName, from: u64, bytes: usize) -> Result<Option<Bytes>, StoreError> {
        let corrupt = StoreError::Corrupt { what: "a part" };
        let path = self.path(name);
        let end = from.checked_add(bytes as u64).ok_or(StoreError::Misuse("a range past the end of numbers"))?;
        if bytes == 0 {
            return Ok(Some(Bytes::new()));
        }
        match self.objects.get_range(&path, from..end).await {
            Ok(read) if read.len() == bytes => Ok(Some(read)),
            Ok(_) => Err(corrupt),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            // Stores have many words for a range past the end; a part that is too short has one.
            Err(error) => match self.objects.head(&path).await {
                Ok(meta) if meta.size < end => Err(corrupt),
                Err(object_store::Error::NotFound { .. }) => Ok(None),
                Ok(_) | Err(_) => Err(told(&error)),
            },
        }
    }
}

impl Parts for ObjectParts {
    fn put_part(&self, name: PartName, bytes: Bytes) -> Pending<'_, ()> {
        async move {
            check_part(&bytes)?;
            self.objects.put(&self.path(name), bytes.into()).await.map_err(|error| told(&error))?;
            Ok(())
        }
        .boxed()
    }

    fn read_part(&self, name: PartName, from: u64, bytes: usize) -> Pending<'_, Option<Bytes>> {
        self.read(name, from, bytes).boxed()
    }

    fn delete_part(&self, name: PartName) -> Pending<'_, ()> {
        async move {
            match self.objects.delete(&self.path(name)).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
                Err(error) => Err(told(&error)),
            }
        }
        .boxed()
    }

    fn list_parts(&self, shard: u8) -> BoxStream<'_, Result<PartName, StoreError>> {
        let listed = self.objects.list(Some(&self.shard(shard)));
        listed
            .filter_map(async |found| match found {
                // What is not named as a part is not ours.
                Ok(meta) => PartName::from_text(meta.location.filename()?).map(Ok),
                Err(object_store::Error::NotFound { .. }) => None,
                Err(error) => Some(Err(told(&error))),
            })
            .boxed()
    }

    fn read_bytes(&self) -> usize {
        self.read_bytes
    }
}

/// The cause without what the library says of it: its words name objects.
fn told(error: &object_store::Error) -> StoreError {
    use object_store::Error as Object;
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(next) = cause {
        if let Some(io) = next.downcast_ref::<std::io::Error>() {
            let raw = io.raw_os_error().map(std::io::Error::from_raw_os_error);
            return StoreError::Io(raw.unwrap_or_else(|| io.kind().into()));
        }
        cause = next.source();
    }
    let (kind, what) = match error {
        Object::NotFound { .. } => (ErrorKind::NotFound, "the object store has no such bucket or object"),
        Object::PermissionDenied { .. } => (ErrorKind::PermissionDenied, "the object store forbids it"),
        Object::Unauthenticated { .. } => (ErrorKind::PermissionDenied, "the object store does not know the key"),
        _ => (ErrorKind::Other, "the object store failed or was not reached"),
    };
    StoreError::Io(std::io::Error::new(kind, what))
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> std::io::Result<()> {
    // A relative name has an empty parent.
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    std::fs::File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> std::io::Result<()> {
    Ok(())
}

/// Removes what `LocalFileSystem` had not finished: `name#digits`, which it neither lists nor writes to again.
fn remove_staged(folder: &Path) -> std::io::Result<()> {
    for shard in std::fs::read_dir(folder)? {
        let shard = shard?;
        if !shard.file_type()?.is_dir() {
            continue;
        }
        for file in std::fs::read_dir(shard.path())? {
            let file = file?;
            let name = file.file_name();
            let staged = name.to_str().and_then(|name| name.split_once('#'));
            if staged.is_some_and(|(name, _)| PartName::from_text(name).is_some()) {
                std::fs::remove_file(file.path())?;
            }
        }
    }
    Ok(())
}
