//! Chat messages of histories, stored once a session however often a history is sent again.
//!
//! The newest message of a prompt stays inside its event: most calls are never continued, and a
//! row of its own would cost them more than they are long. So a message is stored twice at most,
//! with the event that brought it and as history.
//!
//! A prompt that is a list of messages (or an object around one) is stored as its text cut into
//! pieces: a piece is `0, length, bytes` or, for a message, `1, distance` where the distance from
//! the message before, folded so that small ones of either sign are small, leads to the row of
//! `messages`. Joining the pieces gives the prompt letter by letter.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension};
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::fault::Fault;
use super::pack::{Packer, Unpacker, put_number, take_number};

/// A list of fewer messages is no history.
const SHORTEST_LIST: usize = 2;
/// Messages shorter than this cost less inside the event.
const SHORTEST: usize = 48;
/// Most messages that the writer remembers.
const REMEMBERED: usize = 16_384;
/// Most bytes of messages that a reader remembers.
const REMEMBERED_BYTES: usize = 16 << 20;

type Hash = [u8; 16];

/// Finds or stores messages; remembers those it has seen.
#[derive(Default)]
pub(crate) struct MessageWriter {
    seen: HashMap<(i64, Hash), i64>,
}

impl MessageWriter {
    /// Forgets everything: after a rollback what was seen may be gone.
    pub(crate) fn forget(&mut self) {
        self.seen.clear();
    }

    /// Cuts `prompt` into pieces; `None` when it holds no list of messages.
    pub(crate) fn cut(
        &mut self,
        connection: &Connection,
        packer: &mut Packer,
        session: i64,
        prompt: &str,
    ) -> Result<Option<Vec<u8>>, Fault> {
        let Some(mut messages) = list(prompt) else {
            return Ok(None);
        };
        // The newest is not history yet.
        messages.pop();
        let mut pieces = Vec::with_capacity(64);
        let (mut done, mut before) = (0, 0_i64);
        for message in messages {
            let text = message.get();
            if text.len() < SHORTEST {
                continue;
            }
            let start = text.as_ptr() as usize - prompt.as_ptr() as usize;
            let seq = self.seq(connection, packer, session, text)?;
            put_text(&mut pieces, &prompt[done..start]);
            pieces.push(1);
            put_number(&mut pieces, fold(seq.wrapping_sub(before)));
            (done, before) = (start + text.len(), seq);
        }
        put_text(&mut pieces, &prompt[done..]);
        Ok(Some(pieces))
    }

    fn seq(
        &mut self,
        connection: &Connection,
        packer: &mut Packer,
        session: i64,
        text: &str,
    ) -> Result<i64, Fault> {
        let mut hash = Hash::default();
        hash.copy_from_slice(&Sha256::digest(text)[..16]);
        if let Some(seq) = self.seen.get(&(session, hash)) {
            return Ok(*seq);
        }
        let stored = connection
            .prepare_cached("SELECT seq FROM messages WHERE session = ?1 AND hash = ?2")?
            .query_row((session, hash), |row| row.get(0))
            .optional()?;
        let seq = match stored {
            Some(seq) => seq,
            None => {
                let packed = packer.pack(text.as_bytes())?;
                connection
                    .prepare_cached(
                        "INSERT INTO messages (session, hash, dict, body) VALUES (?1, ?2, ?3, ?4)",
                    )?
                    .insert((session, hash, packed.dict, packed.bytes))?
            }
        };
        if self.seen.len() >= REMEMBERED {
            self.seen.clear();
        }
        self.seen.insert((session, hash), seq);
        Ok(seq)
    }
}

/// The messages of a prompt: a list, or an object's `messages`.
fn list(prompt: &str) -> Option<Vec<&RawValue>> {
    #[derive(Deserialize)]
    struct Around<'a> {
        #[serde(borrow)]
        messages: Vec<&'a RawValue>,
    }
    let messages: Vec<&RawValue> = match prompt.as_bytes().first()? {
        b'[' => serde_json::from_str(prompt).ok()?,
        b'{' => serde_json::from_str::<Around<'_>>(prompt).ok()?.messages,
        _ => return None,
    };
    (messages.len() >= SHORTEST_LIST).then_some(messages)
}

fn put_text(pieces: &mut Vec<u8>, text: &str) {
    if !text.is_empty() {
        pieces.push(0);
        put_number(pieces, text.len() as u64);
        pieces.extend_from_slice(text.as_bytes());
    }
}

fn fold(distance: i64) -> u64 {
    ((distance << 1) ^ (distance >> 63)).cast_unsigned()
}

fn unfold(folded: u64) -> i64 {
    (folded >> 1).cast_signed() ^ -((folded & 1).cast_signed())
}

/// Joins prompts again; remembers messages it has read.
#[derive(Default)]
pub(crate) struct MessageReader {
    read: HashMap<i64, Box<[u8]>>,
    bytes: usize,
}

impl MessageReader {
    /// The prompt that was cut into `pieces`.
    pub(crate) fn join(
        &mut self,
        connection: &Connection,
        unpacker: &mut Unpacker,
        mut pieces: &[u8],
    ) -> Result<Vec<u8>, Fault> {
        let mut prompt = Vec::new();
        let mut seq = 0_i64;
        while let Some((tag, rest)) = pieces.split_first() {
            pieces = rest;
            let number = take_number(&mut pieces)?;
            if *tag == 0 {
                let length = usize::try_from(number).map_err(|_| Fault::Damaged("prompt"))?;
                let (text, rest) = pieces
                    .split_at_checked(length)
                    .ok_or(Fault::Damaged("prompt"))?;
                prompt.extend_from_slice(text);
                pieces = rest;
            } else {
                seq = seq.wrapping_add(unfold(number));
                prompt.extend_from_slice(self.message(connection, unpacker, seq)?);
            }
        }
        Ok(prompt)
    }

    fn message(
        &mut self,
        connection: &Connection,
        unpacker: &mut Unpacker,
        seq: i64,
    ) -> Result<&[u8], Fault> {
        if self.bytes >= REMEMBERED_BYTES {
            self.read.clear();
            self.bytes = 0;
        }
        match self.read.entry(seq) {
            std::collections::hash_map::Entry::Occupied(known) => Ok(known.into_mut()),
            std::collections::hash_map::Entry::Vacant(new) => {
                let mut select =
                    connection.prepare_cached("SELECT dict, body FROM messages WHERE seq = ?1")?;
                let mut rows = select.query([seq])?;
                let row = rows.next()?.ok_or(Fault::Damaged("message"))?;
                let bytes = row
                    .get_ref(1)?
                    .as_blob()
                    .map_err(|_| Fault::Damaged("message"))?;
                let text = unpacker.unpack(connection, row.get(0)?, bytes)?;
                self.bytes += text.len();
                Ok(new.insert(text.into_boxed_slice()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::schema;

    #[test]
    fn distances_fold_both_ways() {
        for distance in [0, 1, -1, 63, -64, i64::MAX, i64::MIN] {
            assert_eq!(unfold(fold(distance)), distance);
        }
        assert!(fold(-1) < 4);
    }

    #[test]
    fn prompts_come_back_letter_by_letter_and_history_is_stored_once() {
        let mut connection = Connection::open_in_memory().unwrap();
        schema::migrate(&mut connection).unwrap();
        let mut packer = Packer::new(0, &[]).unwrap();
        let mut unpacker = Unpacker::default();
        let (mut writer, mut reader) = (MessageWriter::default(), MessageReader::default());
        let long = format!(
            "{{\"role\": \"system\",\"content\":\"{}\"}}",
            "é\\u00e9 ".repeat(40)
        );
        let other = format!(
            "{{\"role\":\"user\",\"content\":\"{}\"}}",
            "why ".repeat(40)
        );
        let newest = "{\"role\":\"user\",\"content\":\"short, and not history yet, so inside\"}";
        for prompt in [
            format!("[{long}, {other} , {newest}]"),
            format!("[ {other},{long},{{\"role\":\"a\"}},{long}]"),
            format!("{{\"type\":\"chatml\", \"messages\" : [{long},{other},{newest}],\"x\":1}}"),
        ] {
            let pieces = writer
                .cut(&connection, &mut packer, 1, &prompt)
                .unwrap()
                .unwrap();
            let back = reader.join(&connection, &mut unpacker, &pieces).unwrap();
            assert_eq!(String::from_utf8(back).unwrap(), prompt);
        }
        let count = |connection: &Connection| -> i64 {
            connection
                .query_row("SELECT count(*) FROM messages", [], |row| row.get(0))
                .unwrap()
        };
        assert_eq!(count(&connection), 2);
        writer.forget();
        let prompt = format!("[{long},{other},{newest}]");
        writer.cut(&connection, &mut packer, 1, &prompt).unwrap();
        assert_eq!(count(&connection), 2, "found again in the database");
        writer.cut(&connection, &mut packer, 2, &prompt).unwrap();
        assert_eq!(count(&connection), 4, "another session shares nothing");
    }

    #[test]
    fn what_is_no_list_of_messages_stays_whole() {
        for prompt in [
            "\"hi\"",
            "[]",
            "[{\"role\":\"user\"}]",
            "{\"messages\":5}",
            "7",
        ] {
            assert!(list(prompt).is_none(), "{prompt}");
        }
    }
}
