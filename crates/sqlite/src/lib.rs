//! rusqlite on SQLite3 Multiple Ciphers: one SQLite for every crate and both targets.
//!
//! The amalgamation comes from `sqlite3mc-src`. Natively this crate's build script compiles it (a C compiler
//! is all it takes) and rusqlite is told, with its feature `in_gecko`, to link nothing of its own; in a browser
//! `sqlite-wasm-rs` compiles the same source with clang. Whoever needs SQLite depends on this crate and uses
//! [`rusqlite`] from here: a second SQLite in the same program would be two libraries with the same symbols.
//! See `docs/decisions/0002-client-database.md`.

pub use rusqlite;

#[cfg(target_arch = "wasm32")]
pub mod opfs;

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    const KEY: &str = "PRAGMA key = \"raw:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\"";
    const WRONG: &str = "PRAGMA key = \"raw:ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\"";

    fn open(path: &std::path::Path, key: &str) -> Connection {
        let connection = Connection::open(path).unwrap();
        connection.query_row(key, [], |_| Ok(())).unwrap();
        connection
    }

    #[test]
    fn the_library_is_multiple_ciphers_with_full_text_search() {
        let connection = Connection::open_in_memory().unwrap();
        let version: String = connection.query_row("SELECT sqlite3mc_version()", [], |row| row.get(0)).unwrap();
        assert!(version.contains("Multiple Ciphers"), "{version}");
        connection.execute_batch("CREATE VIRTUAL TABLE words USING fts5(text)").unwrap();
        connection.execute("INSERT INTO words VALUES ('sotto voce')", []).unwrap();
        let found: i64 =
            connection.query_row("SELECT count(*) FROM words WHERE words MATCH 'vo*'", [], |row| row.get(0)).unwrap();
        assert_eq!(found, 1);
    }

    #[test]
    fn a_file_and_its_log_show_no_plaintext_and_open_with_the_key_only() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("test.db");
        let connection = open(&path, KEY);
        connection.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (x TEXT)").unwrap();
        connection.execute("INSERT INTO t VALUES ('a very plain sentence')", []).unwrap();
        for name in ["test.db", "test.db-wal"] {
            let bytes = std::fs::read(directory.path().join(name)).unwrap();
            assert!(!bytes.is_empty());
            for needle in [&b"a very plain sentence"[..], b"SQLite format 3", b"CREATE TABLE"] {
                assert!(!bytes.windows(needle.len()).any(|window| window == needle), "{name} holds plaintext");
            }
        }
        drop(connection);
        let again = open(&path, KEY);
        let text: String = again.query_row("SELECT x FROM t", [], |row| row.get(0)).unwrap();
        assert_eq!(text, "a very plain sentence");
        drop(again);
        let wrong = open(&path, WRONG);
        let error = wrong.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get::<_, i64>(0)).unwrap_err();
        assert_eq!(error.sqlite_error_code(), Some(rusqlite::ErrorCode::NotADatabase));
    }
}
