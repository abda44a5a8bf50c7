//! The schema, version by version; a version that was released never changes.

use crate::db::DatabaseError;
use sqlite::rusqlite::{Connection, TransactionBehavior};

/// The schema that this version writes.
pub const SCHEMA_VERSION: i64 = MIGRATIONS.len() as i64;

/// Each brings the schema from its index to its index + 1.
const MIGRATIONS: [&str; 1] = [include_str!("v1.sql")];

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
    fn database_of_another_application_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("PRAGMA user_version = 1; PRAGMA application_id = 8").unwrap();
        assert!(matches!(migrate(&mut connection, 7), Err(DatabaseError::Value("schema version"))));
    }
}
