//! Tables, and the numbered scripts that make them.
//!
//! `user_version` is the number of scripts that ran. Each script's checksum is kept, so that a
//! database made by other scripts is refused instead of misread. A released script never
//! changes: a new one is added.

use rusqlite::{Connection, TransactionBehavior};
use sha2::{Digest, Sha256};

use super::fault::Fault;

/// "AgOp": tells our files from other SQLite databases.
const APPLICATION_ID: i32 = 0x4167_4f70;

const SCRIPTS: [&str; 5] = [
    include_str!("schema/001.sql"),
    include_str!("schema/002.sql"),
    include_str!("schema/003.sql"),
    include_str!("schema/004.sql"),
    include_str!("schema/005.sql"),
];

/// Why the tables cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SchemaError {
    #[error(
        "it was written by a newer version (schema {found}, this version knows {known}); install that version"
    )]
    Newer { found: i64, known: i64 },
    #[error(
        "its schema {0} differs from this version's; restore a backup or use another directory"
    )]
    Differs(i64),
    #[error("it is not a database of agentops; use another directory")]
    Foreign,
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<rusqlite::Error> for SchemaError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Fault(error.into())
    }
}

/// Brings the database to the newest schema, in one transaction.
pub(crate) fn migrate(connection: &mut Connection) -> Result<(), SchemaError> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: i64 = tx.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let application: i32 = tx.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let known = SCRIPTS.len() as i64;
    if version == 0 {
        let tables: i64 =
            tx.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        if tables > 0 || (application != 0 && application != APPLICATION_ID) {
            return Err(SchemaError::Foreign);
        }
    } else if application != APPLICATION_ID {
        return Err(SchemaError::Foreign);
    }
    if version > known {
        return Err(SchemaError::Newer {
            found: version,
            known,
        });
    }
    for (number, script) in (1..).zip(SCRIPTS) {
        let checksum = Sha256::digest(script).to_vec();
        if number <= version {
            let kept: Option<Vec<u8>> = tx.query_row(
                "SELECT max(checksum) FROM migrations WHERE version = ?1",
                [number],
                |row| row.get(0),
            )?;
            if kept.as_deref() != Some(checksum.as_slice()) {
                return Err(SchemaError::Differs(number));
            }
        } else {
            tx.execute_batch(script)?;
            tx.execute(
                "INSERT INTO migrations VALUES (?1, ?2)",
                (number, &checksum),
            )?;
        }
    }
    if version < known {
        tx.pragma_update(None, "user_version", known)?;
        tx.pragma_update(None, "application_id", APPLICATION_ID)?;
    }
    tx.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn migrated() -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        connection
    }

    #[test]
    fn migrating_twice_changes_nothing() {
        let mut connection = migrated();
        migrate(&mut connection).unwrap();
        let version: i64 = connection
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .unwrap();
        assert_eq!(version, SCRIPTS.len() as i64);
    }

    #[test]
    fn a_newer_schema_is_refused_by_name() {
        let mut connection = migrated();
        connection.pragma_update(None, "user_version", 99).unwrap();
        let error = migrate(&mut connection).unwrap_err().to_string();
        assert!(error.contains("newer version (schema 99"), "{error}");
    }

    #[test]
    fn a_changed_script_and_a_foreign_database_are_refused() {
        let mut connection = migrated();
        connection
            .execute("UPDATE migrations SET checksum = x'00'", [])
            .unwrap();
        assert!(matches!(
            migrate(&mut connection),
            Err(SchemaError::Differs(1))
        ));
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE cats(name)").unwrap();
        assert!(matches!(
            migrate(&mut connection),
            Err(SchemaError::Foreign)
        ));
    }
}
