//! Names that occur again and again (of events, models, agents, projects), stored once and
//! remembered by the writer.

use std::collections::HashMap;

use agentops_protocol::ProjectId;
use rusqlite::{Connection, OptionalExtension};

use super::fault::Fault;

/// Most names that the writer remembers.
const REMEMBERED: usize = 8_192;
/// Longest name that it remembers; a longer one is looked up each time.
const REMEMBERED_BYTES: usize = 256;

/// The writer's memory of names and projects.
#[derive(Default)]
pub(crate) struct Names {
    names: HashMap<Box<str>, i64>,
    projects: HashMap<ProjectId, i64>,
}

impl Names {
    /// Forgets everything: after a rollback what was remembered may be gone.
    pub(crate) fn forget(&mut self) {
        self.names.clear();
        self.projects.clear();
    }

    /// The id of a name, stored if it is new.
    pub(crate) fn id(
        &mut self,
        connection: &Connection,
        name: Option<&str>,
    ) -> Result<Option<i64>, Fault> {
        let Some(name) = name else { return Ok(None) };
        if let Some(id) = self.names.get(name) {
            return Ok(Some(*id));
        }
        let known = connection
            .prepare_cached("SELECT id FROM names WHERE text = ?1")?
            .query_row([name], |row| row.get(0))
            .optional()?;
        let id = match known {
            Some(id) => id,
            None => connection
                .prepare_cached("INSERT INTO names (text) VALUES (?1)")?
                .insert([name])?,
        };
        if self.names.len() >= REMEMBERED {
            self.names.clear();
        }
        if name.len() <= REMEMBERED_BYTES {
            self.names.insert(name.into(), id);
        }
        Ok(Some(id))
    }

    /// The number of a project. One that the catalog does not know is added under its id: an
    /// accepted event is never refused for that.
    pub(crate) fn project(
        &mut self,
        connection: &Connection,
        project: &ProjectId,
    ) -> Result<i64, Fault> {
        if let Some(seq) = self.projects.get(project) {
            return Ok(*seq);
        }
        let id = project.as_str();
        let known = connection
            .prepare_cached("SELECT seq FROM projects WHERE id = ?1")?
            .query_row([id], |row| row.get(0))
            .optional()?;
        let seq = match known {
            Some(seq) => seq,
            None => connection
                .prepare_cached("INSERT INTO projects (id, name) VALUES (?1, ?1)")?
                .insert([id])?,
        };
        if self.projects.len() >= REMEMBERED {
            self.projects.clear();
        }
        self.projects.insert(project.clone(), seq);
        Ok(seq)
    }
}
