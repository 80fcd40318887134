//! [`Catalog`] on SQLite. Changes go through the writer, between its groups.

use agentops_protocol::{ProjectId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use super::fault::Fault;
use super::store::SqliteStore;
use crate::{Catalog, CatalogError, Grant, KeyHash, KeyInfo, Project, Purpose};

/// The id of the project that every data directory has; a random UUID, never to change.
const DEFAULT_ID: Uuid = Uuid::from_u128(0x5f0a_7a1c_93d2_4c55_b1e6_44d8_0c2e_9a10);
const DEFAULT_NAME: &str = "default";

const KEY: &str = "SELECT k.id, p.id, k.prefix, k.created_us, k.revoked_us
    FROM keys k JOIN projects p ON p.seq = k.project ";

impl From<Fault> for CatalogError {
    fn from(fault: Fault) -> Self {
        Self::Storage(fault.to_string())
    }
}

impl Catalog for SqliteStore {
    fn default_project(&self) -> Result<Project, CatalogError> {
        let id = DEFAULT_ID.to_string();
        let known = self
            .readers
            .read(|connection, _| project(connection, &id))?;
        let stored = match known {
            Some(known) => known,
            None => self.change(move |connection| {
                connection.execute(
                    "INSERT INTO projects (id, name) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
                    (&id, DEFAULT_NAME),
                )?;
                // A project of that name may have been made by hand; then the id stands for it.
                connection.execute(
                    "INSERT INTO projects (id, name) VALUES (?1, ?1) ON CONFLICT DO NOTHING",
                    [&id],
                )?;
                project(connection, &id)?.ok_or(Fault::Damaged("project"))
            })?,
        };
        Ok(stored)
    }

    fn create_project(&self, id: &ProjectId, name: &str) -> Result<Project, CatalogError> {
        let made = Project {
            id: id.clone(),
            name: name.to_owned(),
        };
        let project = made.clone();
        let added = self.change(move |connection| {
            let added = connection.execute(
                "INSERT INTO projects (id, name) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
                (project.id.as_str(), &project.name),
            )?;
            Ok(added > 0)
        })?;
        if added {
            Ok(made)
        } else {
            Err(CatalogError::NameTaken)
        }
    }

    fn projects(&self) -> Result<Vec<Project>, CatalogError> {
        Ok(self.readers.read(|connection, _| {
            let mut select =
                connection.prepare_cached("SELECT id, name FROM projects ORDER BY name")?;
            let mut rows = select.query([])?;
            let mut projects = Vec::new();
            while let Some(row) = rows.next()? {
                projects.push(read_project(row)?);
            }
            Ok(projects)
        })?)
    }

    fn add_key(&self, key: &KeyInfo, hash: &KeyHash) -> Result<(), CatalogError> {
        let (key, hash) = (key.clone(), *hash);
        let added = self.change(move |connection| {
            let added = connection.execute(
                "INSERT INTO keys (id, project, hash, prefix, created_us, revoked_us)
                 SELECT ?1, seq, ?3, ?4, ?5, ?6 FROM projects WHERE id = ?2",
                params![
                    key.id,
                    key.project.as_str(),
                    hash,
                    key.prefix,
                    key.created.as_micros(),
                    key.revoked.map(Timestamp::as_micros),
                ],
            )?;
            Ok(added > 0)
        })?;
        if added {
            Ok(())
        } else {
            Err(CatalogError::NoProject)
        }
    }

    fn key_by_hash(&self, hash: &KeyHash) -> Result<Option<KeyInfo>, CatalogError> {
        Ok(self.readers.read(|connection, _| {
            let sql = format!("{KEY}WHERE k.hash = ?1");
            let mut select = connection.prepare_cached(&sql)?;
            let mut rows = select.query([hash])?;
            rows.next()?.map(read_key).transpose()
        })?)
    }

    fn key(&self, id: &str) -> Result<Option<KeyInfo>, CatalogError> {
        Ok(self.readers.read(|connection, _| {
            let sql = format!("{KEY}WHERE k.id = ?1");
            let mut select = connection.prepare_cached(&sql)?;
            let mut rows = select.query([id])?;
            rows.next()?.map(read_key).transpose()
        })?)
    }

    fn keys(&self, project: &ProjectId) -> Result<Vec<KeyInfo>, CatalogError> {
        Ok(self.readers.read(|connection, _| {
            let sql = format!("{KEY}WHERE p.id = ?1 ORDER BY k.created_us, k.seq");
            let mut select = connection.prepare_cached(&sql)?;
            let mut rows = select.query([project.as_str()])?;
            let mut keys = Vec::new();
            while let Some(row) = rows.next()? {
                keys.push(read_key(row)?);
            }
            Ok(keys)
        })?)
    }

    fn revoke_key(&self, id: &str, at: Timestamp) -> Result<bool, CatalogError> {
        let id = id.to_owned();
        Ok(self.change(move |connection| {
            // A second revocation keeps the time of the first.
            let found = connection.execute(
                "UPDATE keys SET revoked_us = coalesce(revoked_us, ?2) WHERE id = ?1",
                (&id, at.as_micros()),
            )?;
            Ok(found > 0)
        })?)
    }

    fn secret(&self, name: &str, fresh: [u8; 32]) -> Result<[u8; 32], CatalogError> {
        if let Some(known) = self
            .readers
            .read(|connection, _| secret(connection, name))?
        {
            return Ok(known);
        }
        let name = name.to_owned();
        Ok(self.change(move |connection| {
            connection.execute(
                "INSERT INTO secrets VALUES (?1, ?2) ON CONFLICT DO NOTHING",
                (&name, fresh),
            )?;
            secret(connection, &name)?.ok_or(Fault::Damaged("secret"))
        })?)
    }

    fn add_grant(&self, hash: &KeyHash, grant: &Grant, now: Timestamp) -> Result<(), CatalogError> {
        let (hash, grant) = (*hash, grant.clone());
        let added = self.change(move |connection| {
            connection.execute(
                "DELETE FROM grants WHERE expires_us < ?1",
                [now.as_micros()],
            )?;
            let added = connection.execute(
                "INSERT INTO grants SELECT ?1, ?2, seq, ?4 FROM projects WHERE id = ?3",
                params![
                    hash,
                    purpose_number(grant.purpose),
                    grant.project.as_str(),
                    grant.expires.as_micros(),
                ],
            )?;
            Ok(added > 0)
        })?;
        if added {
            Ok(())
        } else {
            Err(CatalogError::NoProject)
        }
    }

    fn grant(&self, hash: &KeyHash) -> Result<Option<Grant>, CatalogError> {
        Ok(self.readers.read(|connection, _| {
            let mut select = connection.prepare_cached(
                "SELECT g.purpose, p.id, g.expires_us FROM grants g
                 JOIN projects p ON p.seq = g.project WHERE g.hash = ?1",
            )?;
            let mut rows = select.query([hash])?;
            rows.next()?.map(read_grant).transpose()
        })?)
    }

    fn remove_grant(&self, hash: &KeyHash) -> Result<bool, CatalogError> {
        let hash = *hash;
        Ok(self.change(move |connection| {
            Ok(connection.execute("DELETE FROM grants WHERE hash = ?1", [hash])? > 0)
        })?)
    }
}

/// Numbers of purposes; never to change.
fn purpose_number(purpose: Purpose) -> i64 {
    match purpose {
        Purpose::Link => 0,
        Purpose::Browser => 1,
    }
}

fn read_grant(row: &Row<'_>) -> Result<Grant, Fault> {
    let project: String = row.get(1)?;
    Ok(Grant {
        purpose: match row.get(0)? {
            0 => Purpose::Link,
            1 => Purpose::Browser,
            _ => return Err(Fault::Damaged("grant")),
        },
        project: project.parse().map_err(|_| Fault::Damaged("project"))?,
        expires: Timestamp::from_micros(row.get(2)?),
    })
}

fn project(connection: &Connection, id: &str) -> Result<Option<Project>, Fault> {
    let mut select = connection.prepare_cached("SELECT id, name FROM projects WHERE id = ?1")?;
    let mut rows = select.query([id])?;
    rows.next()?.map(read_project).transpose()
}

fn read_project(row: &Row<'_>) -> Result<Project, Fault> {
    let id: String = row.get(0)?;
    Ok(Project {
        id: id.parse().map_err(|_| Fault::Damaged("project"))?,
        name: row.get(1)?,
    })
}

fn read_key(row: &Row<'_>) -> Result<KeyInfo, Fault> {
    let project: String = row.get(1)?;
    Ok(KeyInfo {
        id: row.get(0)?,
        project: project.parse().map_err(|_| Fault::Damaged("project"))?,
        prefix: row.get(2)?,
        created: Timestamp::from_micros(row.get(3)?),
        revoked: row.get::<_, Option<i64>>(4)?.map(Timestamp::from_micros),
    })
}

fn secret(connection: &Connection, name: &str) -> Result<Option<[u8; 32]>, Fault> {
    Ok(connection
        .prepare_cached("SELECT value FROM secrets WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()?)
}
