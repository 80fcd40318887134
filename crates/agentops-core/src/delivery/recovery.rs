//! Directories whose processes died: what they recorded for this server and this key is sent,
//! their running calls become interrupted, and sessions that nobody living owns are ended.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use agentops_protocol::Timestamp;
use agentops_spool::{Line, Op, Position, Spool, Taken};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::courier::Delivery;
use super::item::Item;
use super::requests::Call;
use super::sender::Sender;
use super::source::Source;

/// Directories that are sent at the same time: one that cannot be does not hold up all others.
const PARALLEL: usize = 4;

/// The end state reason of a session whose process is gone.
pub(crate) const GONE: &str = "process ended without ending the session";

/// Sends what dead processes left behind for this endpoint and key.
pub(crate) async fn recover(delivery: &Arc<Delivery>, data_dir: &Path, key_fp: Option<&str>) {
    let Some(endpoint) = delivery.settings.endpoint.clone() else {
        return;
    };
    let spool = Spool::at(data_dir);
    let found = spool.abandoned(|_, header| header.may_be_sent_to(&endpoint, key_fp));
    let found = match found {
        Ok(found) => found,
        Err(error) => {
            tracing::debug!(target: "agentops", %error, "the spool cannot be listed");
            return;
        }
    };
    let mut found = found.into_iter();
    let mut sending = JoinSet::new();
    loop {
        while sending.len() < PARALLEL
            && let Some(taken) = found.next()
        {
            let (delivery, spool) = (Arc::clone(delivery), spool.clone());
            sending.spawn(async move {
                if let Err(error) = one(&delivery, &spool, taken).await {
                    tracing::warn!(target: "agentops", %error, "a spool left behind cannot be sent now");
                }
            });
        }
        if sending.join_next().await.is_none() {
            return;
        }
    }
}

async fn one(delivery: &Arc<Delivery>, spool: &Spool, taken: Taken) -> std::io::Result<()> {
    let orphans = spool.orphans(&taken)?;
    let left = Left::read(&taken)?;
    let source = Source::of_directory(taken.path())?;
    let sender = Sender::new(Arc::clone(delivery), source, true);
    sender.drain().await;
    // A server that was told of one while it ran keeps what it has; the end below interrupts it.
    for item in left.running.into_values() {
        if let Some(item) = interrupted(item) {
            sender.send_extra(item, Call::CreateEvents).await;
        }
    }
    for sid in orphans {
        let at = left.last.get(&sid).copied();
        let at = at.unwrap_or_else(crate::state::now);
        let body = json!({
            "id": sid, "session_id": sid,
            "end_timestamp": at.to_string(),
            "end_state": "Indeterminate",
            "end_state_reason": GONE,
            // Ours alone: calls that still run are interrupted, a client's own end wins.
            "recovered": true,
        });
        let Ok(body) = RawValue::from_string(body.to_string()) else {
            continue;
        };
        // The number is beyond all lines, so the batch id is its own.
        let item = Item {
            n: u64::MAX,
            op: Op::Update,
            sid,
            body,
            at: Position::START,
        };
        sender.send_extra(item, Call::UpdateSession).await;
    }
    match taken.remove() {
        Ok(()) => Ok(()),
        Err(error) => Err(std::io::Error::other(error)),
    }
}

/// What all lines of a directory say together, the acknowledged ones included: a call that was
/// running is acknowledged with its neighbours, long before anybody knows how it ends.
#[derive(Default)]
struct Left {
    /// The time of the last event of each session.
    last: BTreeMap<String, Timestamp>,
    /// Calls that never ended, by session and id.
    running: BTreeMap<(String, String), Item>,
}

impl Left {
    fn read(taken: &Taken) -> std::io::Result<Self> {
        let mut reader = taken.reader();
        let mut from = Position::START;
        let mut left = Self::default();
        loop {
            let batch = reader.next_batch(from, 4_096, 8 << 20)?;
            if batch.end == from {
                return Ok(left);
            }
            from = batch.end;
            for line in batch.lines {
                left.line(line);
            }
        }
    }

    fn line(&mut self, line: Line) {
        let Ok(value) = serde_json::from_str::<Value>(line.body.get()) else {
            return;
        };
        let time = ["end_timestamp", "init_timestamp"]
            .iter()
            .find_map(|name| value.get(name)?.as_str()?.parse::<Timestamp>().ok());
        if let Some(time) = time {
            let entry = self.last.entry(line.sid.clone()).or_insert(time);
            *entry = time.max(*entry);
        }
        let Some(id) = value.get("id").and_then(Value::as_str) else {
            return;
        };
        let key = (line.sid.clone(), id.to_owned());
        match line.op {
            Op::Event => drop(self.running.remove(&key)),
            Op::Open => {
                let item = Item {
                    n: line.n,
                    op: line.op,
                    sid: line.sid,
                    body: line.body,
                    at: line.at,
                };
                self.running.insert(key, item);
            }
            _ => {}
        }
    }
}

/// A running call as it is known to have ended: not when, but that it did not.
pub(crate) fn interrupted(mut item: Item) -> Option<Item> {
    let mut value: Value = serde_json::from_str(item.body.get()).ok()?;
    value
        .as_object_mut()?
        .insert("status".to_owned(), "interrupted".into());
    item.body = RawValue::from_string(value.to_string()).ok()?;
    item.op = Op::Event;
    Some(item)
}
