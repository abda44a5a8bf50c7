//! What a user or an operator may have written or damaged by hand: a node's settings, a profile's key file.

use crate::Seed;
use client::db::DatabaseKey;
use client::key::KeyFile;
use node::config::Config;
use wire::limit::NODE_URL_BYTES_MAX;

/// Settings that are taken are within their bounds.
pub fn node_config(bytes: &[u8]) -> bool {
    let Ok(config) =
        std::str::from_utf8(bytes).map_err(|_| ()).and_then(|text| Config::from_text(text).map_err(|_| ()))
    else {
        return false;
    };
    assert!((1..=1_024).contains(&config.threads), "threads out of bounds");
    assert!(config.public_url.is_none_or(|url| url.len() <= NODE_URL_BYTES_MAX), "a long URL");
    !bytes.is_empty()
}

/// A key file that is read says the same when it is written again; one without a passphrase gives a key or an error.
pub fn key_file(bytes: &[u8]) -> bool {
    let Ok(file) = KeyFile::parse(bytes) else { return false };
    let again = KeyFile::parse(&file.encode()).map(|again| again.encode());
    assert!(again.is_ok_and(|again| *again == *file.encode()), "another file");
    if let Some(secret) = file.secret() {
        let _ = file.open(secret, None);
    }
    true
}

/// Every kind of value: texts, numbers, limits.
pub fn node_config_seeds() -> Vec<Seed> {
    let plain = "data = \"./data\"\nlisten = \"127.0.0.1:7440\"\nthreads = 2\nlog = \"info\"\npush = \"off\"\n";
    let tls = "public_url = \"https://node.example\"\ntls_cert = \"cert.pem\"\ntls_key = \"key.pem\"\nweb = \"off\"\n";
    let acme = "acme_domain = \"node.example\"\nacme_contact = \"ops@node.example\"\nadmin_listen = \"[::1]:9000\"\n";
    let limits = "[limits]\nconnections = 5000\n";
    vec![Seed::new("plain", plain), Seed::new("tls", tls), Seed::new("acme", acme), Seed::new("limits", limits)]
}

/// In the clear, wrapped, in a keyring. The wrapped one is written out, for a salt is random.
pub fn key_file_seeds() -> Vec<Seed> {
    let Ok(clear) = KeyFile::new(&DatabaseKey::new([7; 32]), None) else { return Vec::new() };
    let wrapped = format!(
        "{{\"version\":1,\"argon2id\":{{\"salt\":\"{}\",\"memory_kib\":65536,\"passes\":3,\"lanes\":4}},\"key\":\"{}\"}}",
        "0a".repeat(16),
        "5c".repeat(72)
    );
    vec![
        Seed::new("clear", clear.encode().to_vec()),
        Seed::new("wrapped", wrapped),
        Seed::new("keyring", clear.in_keyring("0123456789abcdef".into()).encode().to_vec()),
    ]
}
