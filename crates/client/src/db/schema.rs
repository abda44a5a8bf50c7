//! The schema, version by version; a version that was released never changes.

use crate::db::DatabaseError;
use sqlite::rusqlite::{Connection, TransactionBehavior};

/// The schema that this version writes.
pub const SCHEMA_VERSION: i64 = MIGRATIONS.len() as i64;

/// Each brings the schema from its index to its index + 1.
const MIGRATIONS: [&str; 7] = [
    include_str!("v1.sql"),
    include_str!("v2.sql"),
    include_str!("v3.sql"),
    include_str!("v4.sql"),
    include_str!("v5.sql"),
    include_str!("v6.sql"),
    include_str!("v7.sql"),
];

/// Indexes the words of messages that the open transaction added: once for all of them, before it commits.
pub(super) fn index_words(connection: &Connection) -> Result<(), DatabaseError> {
    let is_due: bool = connection
        .prepare_cached("SELECT coalesce((SELECT max(id) FROM messages), 0) > up_to FROM indexed")?
        .query_row([], |row| row.get(0))?;
    if is_due {
        connection
            .prepare_cached(
                "INSERT INTO words (rowid, text) SELECT id, text FROM messages
                 WHERE id > (SELECT up_to FROM indexed) AND text IS NOT NULL",
            )?
            .execute([])?;
        connection.prepare_cached("UPDATE indexed SET up_to = (SELECT max(id) FROM messages)")?.execute([])?;
    }
    Ok(())
}

/// Brings the schema up to date, one transaction a version.
pub(super) fn migrate(connection: &mut Connection, application_id: i64) -> Result<(), DatabaseError> {
    let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let marked: i64 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    if found > SCHEMA_VERSION {
        return Err(DatabaseError::Newer { found, supported: SCHEMA_VERSION });
    }
    if found < 0 || (found > 0 && marked != application_id) {
        return Err(DatabaseError::Value("schema version"));
    }
    for (index, sql) in (0_i64..).zip(MIGRATIONS).skip_while(|(index, _)| *index < found) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(sql)?;
        transaction
            .execute_batch(&format!("PRAGMA application_id = {application_id}; PRAGMA user_version = {}", index + 1))?;
        transaction.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrating_twice_is_migrating_once() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, 7).unwrap();
        let tables = |connection: &Connection| -> i64 {
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).unwrap()
        };
        let before = tables(&connection);
        migrate(&mut connection, 7).unwrap();
        assert_eq!(tables(&connection), before);
        let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
        assert_eq!(version, SCHEMA_VERSION);
    }

    #[test]
    fn words_of_the_first_schema_are_found_and_forgotten_in_the_second() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(MIGRATIONS[0]).unwrap();
        connection.execute_batch("PRAGMA user_version = 1; PRAGMA application_id = 7").unwrap();
        let add = |connection: &Connection, id: u8, text: &str| {
            connection
                .execute(
                    "INSERT INTO messages (conversation, msg_id, sender, device, place, sent_ms, received_ms, kind, text,
                       state) VALUES (1, ?1, x'00', x'00', 1, 0, 0, 0, ?2, 5)",
                    sqlite::rusqlite::params![[id], text],
                )
                .unwrap();
        };
        let found = |connection: &Connection| -> Vec<i64> {
            let mut statement = connection.prepare("SELECT rowid FROM words WHERE words MATCH 'plum'").unwrap();
            statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
        };
        connection
            .execute(
                "INSERT INTO conversations (id, conversation, is_direct, state, node_url, epoch, devices, created_ms,
                   last_ms) VALUES (1, x'01', 1, 0, '', 0, 2, 0, 0)",
                [],
            )
            .unwrap();
        add(&connection, 1, "plum");
        migrate(&mut connection, 7).unwrap();
        add(&connection, 2, "plum");
        add(&connection, 3, "plum");
        connection.execute("DELETE FROM messages WHERE id = 3", []).unwrap();
        index_words(&connection).unwrap();
        index_words(&connection).unwrap();
        assert_eq!(found(&connection), [1, 2]);
        connection.execute("DELETE FROM messages WHERE id = 1", []).unwrap();
        connection.execute("UPDATE messages SET text = 'pear' WHERE id = 2", []).unwrap();
        assert!(found(&connection).is_empty());
        connection.execute_batch("INSERT INTO words (words) VALUES ('integrity-check')").unwrap();
    }

    #[test]
    fn database_of_another_application_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("PRAGMA user_version = 1; PRAGMA application_id = 8").unwrap();
        assert!(matches!(migrate(&mut connection, 7), Err(DatabaseError::Value("schema version"))));
    }
}
