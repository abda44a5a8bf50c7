//! Empty on purpose. `openmls` names this crate as an optional dependency that nothing here enables, yet cargo
//! resolves it into the lock file, and with it an old rusqlite whose `links = "sqlite3"` excludes ours.
//! The workspace patches it away; see `docs/decisions/0002-client-database.md`.
