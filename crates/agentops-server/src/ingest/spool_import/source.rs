//! One directory of the spool, and how far the store has it.

use agentops_spool::{Ack, Directory, Position, Reader};
use agentops_store::{Batch, ImportCursor, Write};

use super::report::ImportError;
use crate::app::Storage;

/// One directory that is being imported.
pub(super) struct Source {
    pub(super) directory: Directory,
    pub(super) name: String,
    pub(super) reader: Reader,
    ack: Ack,
    /// Up to where the store has it.
    pub(super) position: Position,
}

impl Source {
    /// Begins where the store's cursor stands.
    pub(super) fn open(store: &dyn Storage, directory: Directory) -> Result<Self, ImportError> {
        let name = name(&directory);
        let cursor = store.import_cursor(&name)?;
        // Without a cursor the store knows nothing of it, whatever is acknowledged: all that is
        // left is imported, and what the store has already stays as it is.
        let position = cursor.map_or(Position::START, |cursor| Position {
            segment: u32::try_from(cursor.segment).unwrap_or(u32::MAX),
            offset: cursor.offset,
        });
        let mut ack = Ack::open(directory.path())?;
        // What the store has is done with, also where the last import ended before it said so.
        ack.record(position)?;
        Ok(Self {
            reader: directory.reader(),
            ack,
            directory,
            name,
            position,
        })
    }

    /// Stores writes and the place up to which they were read, and tells the spool.
    pub(super) fn store(
        &mut self,
        store: &dyn Storage,
        writes: Vec<Write>,
        end: Position,
    ) -> Result<(), ImportError> {
        let cursor = ImportCursor {
            directory: self.name.clone(),
            segment: end.segment.into(),
            offset: end.offset,
        };
        let batch = Batch {
            writes,
            idempotency_key: None,
            cursor: Some(cursor),
        };
        store.submit(batch)?.wait()?;
        self.position = end;
        self.ack.record(end)?;
        Ok(())
    }
}

/// What the store calls a directory.
pub(super) fn name(directory: &Directory) -> String {
    let name = directory.path().file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}
