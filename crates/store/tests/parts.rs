//! Every engine of parts passes the same suite; local files are what they say after a crash.

use bytes::Bytes;
use futures_util::TryStreamExt;
use std::path::Path;
use store::{FaultyParts, ObjectParts, PartName, Parts, conformance};
use tempfile::TempDir;

fn folder() -> TempDir {
    // In memory where there is such a folder: what is tested here is not the medium.
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a temporary folder")
}

const NAME: PartName = PartName { folder: [0xab; 16], start: 0, tag: 7 };

fn file(folder: &Path) -> std::path::PathBuf {
    folder.join("ab").join("abababababababababababababababab-0000000000000000-0000000000000007")
}

#[tokio::test]
async fn memory_conforms() {
    conformance::parts(&ObjectParts::memory()).await;
}

#[tokio::test]
async fn local_files_conform() {
    let folder = folder();
    conformance::parts(&ObjectParts::local(folder.path()).expect("opens")).await;
}

#[tokio::test]
async fn local_files_conform_inside_a_wrapper_that_does_not_fail() {
    let folder = folder();
    let parts = ObjectParts::local(folder.path()).expect("opens");
    conformance::parts(&FaultyParts::seeded(parts, 0, 0)).await;
}

#[tokio::test]
async fn acknowledged_parts_survive_faults() {
    for seed in 0..10 {
        conformance::parts_survive_faults(&FaultyParts::seeded(ObjectParts::memory(), seed, 200), 200).await;
    }
    let folder = folder();
    let parts = ObjectParts::local(folder.path()).expect("opens");
    conformance::parts_survive_faults(&FaultyParts::seeded(parts, 10, 200), 200).await;
}

#[tokio::test]
async fn part_outlives_its_store_and_a_half_written_one_is_removed() {
    let folder = folder();
    let bytes = Bytes::from_static(b"sealed bytes");
    ObjectParts::local(folder.path()).expect("opens").put_part(NAME, bytes.clone()).await.expect("stores");
    // As a power cut leaves it: the name is taken only by a rename after the sync, so what is half is beside it.
    let half =
        folder.path().join("ab").join(format!("{}#1", file(folder.path()).file_name().unwrap().to_str().unwrap()));
    std::fs::write(&half, b"seal").expect("written");
    let other = folder.path().join("ab").join("somebody's file#1");
    std::fs::write(&other, b"kept").expect("written");
    let parts = ObjectParts::local(folder.path()).expect("opens again");
    assert!(!half.exists() && other.exists());
    assert_eq!(parts.read_part(NAME, 0, bytes.len()).await.expect("reads"), Some(bytes));
    let listed: Vec<PartName> = parts.list_parts(0xab).try_collect().await.expect("lists");
    assert_eq!(listed, [NAME]);
}

#[tokio::test]
async fn error_names_no_part_and_no_path() {
    let folder = folder();
    let parts = ObjectParts::local(folder.path()).expect("opens");
    std::fs::write(folder.path().join("ab"), b"a file where the folder should be").expect("written");
    let error = parts.put_part(NAME, Bytes::from_static(b"x")).await.expect_err("not a folder");
    let text = format!("{error} {error:?}");
    assert!(!text.contains("abab") && !text.contains(folder.path().to_str().unwrap()), "{text}");
}
