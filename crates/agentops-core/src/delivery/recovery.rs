//! Directories whose processes died: what they recorded for this server and this key is sent,
//! their running calls become interrupted, and sessions that nobody living owns are ended.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use agentops_protocol::Timestamp;
use agentops_spool::{Op, Spool, Taken};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::outbox::{Item, Source};
use super::requests::Call;
use super::sender::{Delivery, Sender};

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
    for taken in found {
        if let Err(error) = one(delivery, &spool, taken).await {
            tracing::warn!(target: "agentops", %error, "a spool left behind cannot be sent now");
        }
    }
}

async fn one(delivery: &Arc<Delivery>, spool: &Spool, taken: Taken) -> std::io::Result<()> {
    let orphans = spool.orphans(&taken)?;
    let last = last_times(&taken)?;
    let source = Source::of_directory(taken.path())?;
    let mut sender = Sender::new(Arc::clone(delivery), source, true);
    sender.drain().await;
    for item in sender.take_running() {
        if let Some(item) = interrupted(item) {
            sender.send_extra(item, Call::CreateEvents).await;
        }
    }
    for sid in orphans {
        let at = last.get(&sid).copied().unwrap_or_else(crate::state::now);
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
        };
        sender.send_extra(item, Call::UpdateSession).await;
    }
    match taken.remove() {
        Ok(()) => Ok(()),
        Err(error) => Err(std::io::Error::other(error)),
    }
}

/// The time of the last event of each session in a directory.
fn last_times(taken: &Taken) -> std::io::Result<BTreeMap<String, Timestamp>> {
    let mut reader = taken.reader();
    let mut from = agentops_spool::Position::START;
    let mut last: BTreeMap<String, Timestamp> = BTreeMap::new();
    loop {
        let batch = reader.next_batch(from, 4_096, 8 << 20)?;
        if batch.end == from {
            return Ok(last);
        }
        from = batch.end;
        for line in batch.lines {
            let Ok(value) = serde_json::from_str::<Value>(line.body.get()) else {
                continue;
            };
            let time = ["end_timestamp", "init_timestamp"]
                .iter()
                .find_map(|name| value.get(name)?.as_str()?.parse::<Timestamp>().ok());
            if let Some(time) = time {
                let entry = last.entry(line.sid).or_insert(time);
                *entry = time.max(*entry);
            }
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
