//! Images that the events of a session show, each once a session. They go with their session.

use rusqlite::{Connection, OptionalExtension};

use super::fault::Fault;
use crate::{Image, ImageName};

/// Keeps an image, unless the session has it already.
pub(crate) fn keep(connection: &Connection, session: i64, image: &Image) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "INSERT INTO images (session, hash, body) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
        )?
        .execute((session, image.name().hash, image.bytes()))?;
    Ok(())
}

/// An image of a session; `None` when it has none of that name.
pub(crate) fn find(
    connection: &Connection,
    session: i64,
    name: &ImageName,
) -> Result<Option<Image>, Fault> {
    let bytes: Option<Vec<u8>> = connection
        .prepare_cached("SELECT body FROM images WHERE session = ?1 AND hash = ?2")?
        .query_row((session, name.hash), |row| row.get(0))
        .optional()?;
    let Some(bytes) = bytes else { return Ok(None) };
    let image = Image::of(bytes).ok_or(Fault::Damaged("image"))?;
    Ok((image.name() == *name).then_some(image))
}
