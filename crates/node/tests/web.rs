//! What a browser gets from a node that serves the web app, and from one that does not.
#![allow(clippy::unwrap_used, missing_docs, dead_code)]

mod process;

use process::{Answer, Node, exchange};
use std::path::Path;

const FILES: [(&str, &[u8]); 8] = [
    ("index.html", b"<!doctype html><title>Sottovoce</title>"),
    ("sw.js", b"// the service worker, long enough to be worth packing"),
    ("sw.js.br", b"packed by brotli"),
    ("sw.js.gz", b"packed by gzip, longer"),
    ("manifest.webmanifest", b"{}"),
    ("assets/index-D0NLPD2k.js", b"// the page"),
    ("assets/worker-AbCdEf12.js", b"// the engine"),
    ("assets/engine_bg-AbCdEf12.wasm", b"\0asm"),
];

fn app() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, bytes) in FILES {
        let path = folder.path().join("web").join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    folder
}

fn start(folder: &Path) -> Node {
    let web = folder.join("web");
    Node::start(&folder.join("data"), &["--web", web.to_str().unwrap()])
}

async fn ask(node: &Node, method: &str, path: &str, headers: &str) -> Answer {
    exchange(node.address, &format!("{method} {path} HTTP/1.1\r\nHost: node\r\n{headers}"), b"").await
}

async fn get(node: &Node, path: &str) -> Answer {
    ask(node, "GET", path, "").await
}

#[tokio::test]
async fn every_file_is_served_with_its_type_and_its_freshness() {
    let folder = app();
    let node = start(folder.path());
    let immutable = "public, max-age=31536000, immutable";
    for (path, file, content_type, cache) in [
        ("/", "index.html", "text/html; charset=utf-8", "no-cache"),
        ("/i", "index.html", "text/html; charset=utf-8", "no-cache"),
        ("/index.html?v=1", "index.html", "text/html; charset=utf-8", "no-cache"),
        ("/sw.js", "sw.js", "text/javascript; charset=utf-8", "no-cache"),
        ("/manifest.webmanifest", "manifest.webmanifest", "application/manifest+json", "no-cache"),
        ("/assets/index-D0NLPD2k.js", "assets/index-D0NLPD2k.js", "text/javascript; charset=utf-8", immutable),
        ("/assets/engine_bg-AbCdEf12.wasm", "assets/engine_bg-AbCdEf12.wasm", "application/wasm", immutable),
    ] {
        let answer = get(&node, path).await;
        let expected = FILES.iter().find(|(name, _)| *name == file).unwrap().1;
        assert_eq!((answer.status, answer.body.as_slice()), (200, expected), "{path}");
        assert_eq!(answer.header("content-type"), Some(content_type), "{path}");
        assert_eq!(answer.header("cache-control"), Some(cache), "{path}");
        assert_eq!(answer.header("content-encoding"), None, "{path}");
    }
}

#[tokio::test]
async fn nothing_but_the_apps_own_files_and_places_is_there() {
    let folder = app();
    std::fs::write(folder.path().join("secret"), "outside").unwrap();
    std::fs::write(folder.path().join("web/.env"), "hidden").unwrap();
    let node = start(folder.path());
    for path in [
        "/../secret",
        "/assets/../../secret",
        "/..%2fsecret",
        "/%2e%2e/secret",
        "//index.html",
        "/index.html/",
        "/.env",
        "/sw.js.br",
        "/settings",
        "/c/0123456789abcdef",
        "/i/secret",
        "/assets/",
        "/assets/gone-12345678.js",
        "/metrics",
        "/v1",
    ] {
        let answer = get(&node, path).await;
        assert_eq!((answer.status, answer.body.as_slice()), (404, b"there is nothing here\n".as_slice()), "{path}");
    }
    // What was written after the start is not there either: nothing is read again.
    std::fs::write(folder.path().join("web/new.js"), "new").unwrap();
    assert_eq!(get(&node, "/new.js").await.status, 404);
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let answer = ask(&node, method, "/", "Content-Length: 0\r\n").await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")), "{method}");
    }
}

#[tokio::test]
async fn packed_copies_go_to_those_who_take_them_each_with_its_own_tag() {
    let folder = app();
    let node = start(folder.path());
    let mut tags = Vec::new();
    for (accepts, encoding, body) in [
        ("gzip, deflate, br", Some("br"), b"packed by brotli".as_slice()),
        ("gzip, br;q=0", Some("gzip"), b"packed by gzip, longer"),
        ("deflate", None, FILES[1].1),
    ] {
        let header = format!("Accept-Encoding: {accepts}\r\n");
        let answer = ask(&node, "GET", "/sw.js", &header).await;
        assert_eq!((answer.header("content-encoding"), answer.body.as_slice()), (encoding, body), "{accepts}");
        assert_eq!(answer.header("vary"), Some("accept-encoding"));
        assert_eq!(answer.header("content-length"), Some(body.len().to_string().as_str()));
        let tag = answer.header("etag").unwrap().to_owned();
        let again = ask(&node, "GET", "/sw.js", &format!("{header}If-None-Match: \"x\", {tag}\r\n")).await;
        assert_eq!((again.status, again.body.len(), again.header("etag")), (304, 0, Some(tag.as_str())));
        assert_eq!(again.header("cache-control"), Some("no-cache"));
        tags.push(tag);
    }
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), 3);
    let head = ask(&node, "HEAD", "/sw.js", "").await;
    assert_eq!((head.status, head.body.len(), head.header("etag").is_some()), (200, 0, true));
    assert_eq!(head.header("content-length"), Some(FILES[1].1.len().to_string().as_str()));
    assert_eq!(ask(&node, "GET", "/sw.js", "Accept-Encoding: identity;q=0\r\n").await.status, 406);
}

#[tokio::test]
async fn every_answer_says_what_a_browser_may_do_with_it() {
    let folder = app();
    let node = start(folder.path());
    let page = get(&node, "/").await;
    for (name, value) in [
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-embedder-policy", "require-corp"),
        ("cross-origin-resource-policy", "same-origin"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(page.header(name), Some(value), "{name}");
    }
    let policy = page.header("content-security-policy").unwrap();
    for part in
        ["default-src 'none'", "connect-src 'self';", "require-trusted-types-for 'script'", "form-action 'none'"]
    {
        assert!(policy.contains(part), "{part} is not in {policy}");
    }
    let permissions = page.header("permissions-policy").unwrap();
    for part in ["camera=(self)", "microphone=(self)", "display-capture=(self)", "geolocation=()", "usb=()"] {
        assert!(permissions.contains(part), "{part} is not in {permissions}");
    }
    let worker = get(&node, "/assets/worker-AbCdEf12.js").await;
    assert!(worker.header("content-security-policy").unwrap().contains("connect-src 'self' https: wss:"));
    assert_eq!(worker.header("cross-origin-embedder-policy"), Some("require-corp"));
    for path in ["/healthz", "/version", "/v1/socket", "/v1/blob/x", "/nowhere"] {
        let answer = get(&node, path).await;
        assert!(answer.header("content-security-policy").unwrap().starts_with("default-src 'none'"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"), "{path}");
    }
}

#[tokio::test]
async fn version_names_the_build_of_the_app_and_null_where_there_is_none() {
    let folder = app();
    let node = start(folder.path());
    let answer = get(&node, "/version").await;
    // In the folder: find * -type f ! -name '*.br' ! -name '*.gz' | LC_ALL=C sort | xargs sha256sum | sha256sum
    let hash = "e4c30007e7e04daeb09cca5d66fea904a43ee498f5f997301624e613a5a8d8b3";
    let expected = format!("{{\"version\":\"{}\",\"web\":\"{hash}\"}}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(String::from_utf8(answer.body).unwrap(), expected);
    assert_eq!(node.stop_and_read_log().await.matches(hash).count(), 1, "the log names the build too");

    let bare = Node::start(&folder.path().join("data"), &["--web", "off"]);
    let version = format!("{{\"version\":\"{}\",\"web\":null}}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(get(&bare, "/version").await.body, version.as_bytes());
    assert_eq!(get(&bare, "/").await.status, 404);
    assert!(get(&bare, "/i").await.body.starts_with(b"This is an invitation"));
}

#[tokio::test]
async fn page_of_another_node_may_use_blobs_and_nothing_else() {
    let folder = app();
    let node = start(folder.path());
    let bytes = b"sealed".to_vec();
    let path = wire::node::blob_path(&process::blob_id(&bytes));
    let origin = "Origin: https://other.example\r\n";
    let asks = format!("{origin}Access-Control-Request-Method: PUT\r\n");
    let preflight = ask(&node, "OPTIONS", &format!("{path}?ttl_s=60"), &asks).await;
    assert_eq!((preflight.status, preflight.header("access-control-allow-methods")), (204, Some("GET, PUT")));
    let head = format!("PUT {path}?ttl_s=60 HTTP/1.1\r\nHost: node\r\n{origin}Content-Length: {}\r\n", bytes.len());
    let put = exchange(node.address, &head, &bytes).await;
    let got = ask(&node, "GET", &path, origin).await;
    assert_eq!((put.status, got.status, got.body), (201, 200, bytes));
    for answer in [&preflight, &put] {
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        assert_eq!(answer.header("access-control-allow-credentials"), None);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    for path in ["/", "/version", "/healthz", "/assets/worker-AbCdEf12.js"] {
        assert_eq!(ask(&node, "GET", path, origin).await.header("access-control-allow-origin"), None, "{path}");
    }
}

#[test]
fn start_with_a_folder_that_is_no_app_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let output = process::command(&data, &["--web", folder.path().to_str().unwrap()]).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && error.contains("no index.html"), "{error}");
}
