//! Files in an S3-compatible store: a real one (s3s-fs) on loopback, started here.
#![allow(clippy::unwrap_used, missing_docs, dead_code)]

mod process;

use hyper_util::rt::TokioIo;
use node::file::s3::S3Config;
use process::files::Blob;
use process::{Node, command};
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use store::conformance;
use tokio::net::TcpListener;

const PART: usize = wire::limit::FILE_PART_BYTES;

/// Serves a folder with one bucket until the test ends.
async fn serve(folder: &Path) -> SocketAddr {
    std::fs::create_dir_all(folder.join("bucket")).unwrap();
    let mut service = S3ServiceBuilder::new(s3s_fs::FileSystem::new(folder).unwrap());
    service.set_auth(SimpleAuth::from_single("name", "secret"));
    let service = service.build();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let connection = hyper::server::conn::http1::Builder::new();
            tokio::spawn(connection.serve_connection(TokioIo::new(tcp), service.clone()));
        }
    });
    address
}

fn config(address: SocketAddr) -> S3Config {
    S3Config {
        endpoint: format!("http://{address}"),
        bucket: "bucket".to_owned(),
        region: "us-east-1".to_owned(),
        access_key: "name".to_owned(),
        secret_key: "secret".to_owned(),
        prefix: "some/where".to_owned(),
        ca: None,
    }
}

#[tokio::test]
async fn object_store_conforms() {
    let folder = tempfile::tempdir().unwrap();
    let address = serve(folder.path()).await;
    conformance::parts(&config(address).open([1; 8]).unwrap()).await;
}

#[tokio::test]
async fn wrong_key_is_an_error_without_names() {
    let folder = tempfile::tempdir().unwrap();
    let address = serve(folder.path()).await;
    let good = config(address);
    let name = store::PartName { folder: [0xab; 16], start: 0, tag: 1 };
    for bad in [
        S3Config { secret_key: "another".to_owned(), ..good.clone() },
        S3Config { access_key: "nobody".to_owned(), ..good.clone() },
    ] {
        let parts = bad.open([1; 8]).unwrap();
        let error = store::Parts::put_part(&parts, name, bytes::Bytes::from_static(b"x")).await.unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(!text.contains("abab") && !text.contains("nobody") && !text.contains("127.0.0.1"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn node_over_an_object_store_keeps_files_there_through_a_kill() {
    let (data, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let address = serve(folder.path()).await;
    let endpoint = format!("http://{address}");
    let start = || {
        let store = ["--files-s3-bucket", "bucket", "--files-s3-access-key", "name", "--files-s3-endpoint", &endpoint];
        let mut command = command(data.path(), &store);
        command.env("SOTTOVOCE_FILES_S3_SECRET_KEY", "secret");
        Node::start_command(command)
    };
    let node = start();
    let (blob, half) = (Blob::new(1, 2 * PART + 5), Blob::new(2, PART + 1_000));
    node.store_file(&blob).await;
    assert_eq!(node.post_file(&half, false, &half.bytes[..PART]).await.status, 201);
    assert_eq!(walk(&folder.path().join("bucket")).len(), 4);
    assert!(!data.path().join("files").exists());
    node.kill();
    let node = start();
    assert!(node.get_file(&blob.id, "").await.body == blob.bytes);
    let part = node.get_file(&blob.id, &format!("Range: bytes={}-{}\r\n", PART - 3, 2 * PART + 3)).await;
    assert!(part.status == 206 && part.body == blob.bytes[PART - 3..2 * PART + 4]);
    let head = node.file_offset(&half).await;
    assert_eq!(head.header("upload-offset"), Some(PART.to_string().as_str()));
    assert_eq!(node.patch_file(&half, PART, true, &half.bytes[PART..]).await.status, 204);
    assert!(node.get_file(&half.id, "").await.body == half.bytes);
    assert_eq!(node.delete_file(&blob).await.status, 204);
    let gone = async {
        while walk(&folder.path().join("bucket")).len() > 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(process::PATIENCE, gone).await.unwrap();
}

/// The objects' files; s3s-fs keeps what it knows of them beside the buckets.
fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => files.extend(walk(&entry.path())),
            _ => files.push(entry.path()),
        }
    }
    files
}
