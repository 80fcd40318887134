//! The stream of changes: server-sent events that say which sessions changed.
//!
//! Every message has the revision it brings the reader to; sent back as `Last-Event-ID` (a
//! browser does so by itself) it goes on there and leaves nothing out, because what is told is
//! read from the store. A place that is not known any more is answered by `reset`: everything may
//! have changed.
//!
//! ```text
//! event: ready     the stream begins here            data: {}
//! event: session   this session changed              data: {"session_id","project_id"}
//! event: deleted   a session of this project is gone data: {"project_id"}
//! event: reset     look at everything anew           data: {}
//! ```

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use agentops_protocol::ProjectId;
use agentops_store::{Change, Changes, Revision};
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Uri, header};
use http_body_util::channel::{Channel, Sender};
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;

use super::params::Params;
use crate::access::KeyHolder;
use crate::app::App;
use crate::error::ApiError;

/// How often the store is looked at.
const POLL: Duration = Duration::from_millis(300);
/// After so long without a message one that says nothing is sent, so that proxies keep the
/// connection and a reader that is gone is found.
const QUIET: Duration = Duration::from_secs(15);
/// Messages that wait for a slow reader; more wait in the store.
const WAITING: usize = 16;

/// Follows the sessions that the key's project sees.
pub(crate) async fn stream(
    State(app): State<App>,
    holder: KeyHolder,
    uri: Uri,
    request: Request,
) -> Result<Response, ApiError> {
    let place = app.follower().ok_or_else(ApiError::no_room_to_follow)?;
    let after = after(&Params::of(&uri), request.headers())?;
    let (sender, body) = Channel::<Bytes>::new(WAITING);
    let follower = Follower {
        app,
        project: holder.project,
        sender,
        _place: place,
    };
    tokio::spawn(follower.follow(after));
    let content_type = HeaderValue::from_static("text/event-stream");
    Ok(([(header::CONTENT_TYPE, content_type)], Body::new(body)).into_response())
}

/// Where the reader was: `None` when it begins.
fn after(params: &Params<'_>, headers: &HeaderMap) -> Result<Option<Revision>, ApiError> {
    let told = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    if let Some(told) = told.filter(|told| !told.is_empty()) {
        // A browser sends what it was given; what cannot be read is a place long gone.
        let unknown = Revision {
            epoch: String::new(),
            number: 0,
        };
        return Ok(Some(revision(told).unwrap_or(unknown)));
    }
    params.one("after", "the id of a message of this stream", revision)
}

fn revision(text: &str) -> Option<Revision> {
    let (epoch, number) = text.rsplit_once('-')?;
    Some(Revision {
        epoch: epoch.to_owned(),
        number: number.parse().ok()?,
    })
}

/// Somebody who follows.
struct Follower {
    app: App,
    project: ProjectId,
    sender: Sender<Bytes>,
    _place: OwnedSemaphorePermit,
}

impl Follower {
    /// Until the reader is gone or the server ends.
    async fn follow(mut self, after: Option<Revision>) {
        self.app.meter().followers.fetch_add(1, Ordering::Relaxed);
        let mut closing = self.app.closing();
        let app = self.app.clone();
        tokio::select! {
            () = self.tell(after) => {}
            _ = closing.wait_for(|closing| *closing) => {}
        }
        app.meter().followers.fetch_sub(1, Ordering::Relaxed);
    }

    async fn tell(&mut self, mut after: Option<Revision>) {
        let mut spoke = Instant::now();
        loop {
            let (project, from) = (self.project.clone(), after.clone());
            let read = self
                .app
                .read(move |store| store.changes(Some(&project), from.as_ref()));
            // What failed is in the log; the reader comes again where it was.
            let Ok(changes) = read.await else { return };
            let text = messages(&changes, after.is_none());
            let is_behind = after.as_ref() != Some(&changes.next);
            after = Some(changes.next);
            let is_quiet = text.is_empty() && spoke.elapsed() > QUIET;
            let text = if is_quiet { ":\n\n".to_owned() } else { text };
            if !text.is_empty() {
                spoke = Instant::now();
                if self.sender.send_data(text.into()).await.is_err() {
                    return;
                }
            }
            if !is_behind || changes.changes.is_empty() {
                tokio::time::sleep(POLL).await;
            }
        }
    }
}

/// What is told of changes. All but the last message carry no id: who was told half of them
/// hears them again.
fn messages(changes: &Changes, is_first: bool) -> String {
    let mut told: Vec<(&str, Value)> = Vec::new();
    if is_first {
        told.push(("ready", json!({})));
    } else if changes.reset {
        told.push(("reset", json!({})));
    }
    told.extend(changes.changes.iter().map(of_change));
    let count = told.len();
    let mut text = String::new();
    for (index, (name, data)) in told.into_iter().enumerate() {
        if index + 1 == count {
            let Revision { epoch, number } = &changes.next;
            text.push_str(&format!("id: {epoch}-{number}\n"));
        }
        text.push_str(&format!("event: {name}\ndata: {data}\n\n"));
    }
    text
}

fn of_change(change: &Change) -> (&'static str, Value) {
    match &change.session {
        Some(session) => (
            "session",
            json!({"session_id": session, "project_id": change.project}),
        ),
        None => ("deleted", json!({"project_id": change.project})),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_of_some_messages_has_the_place_to_go_on_from() {
        let change = |id: Option<&str>| Change {
            session: id.map(|id| id.parse().unwrap()),
            project: "p".parse().unwrap(),
        };
        let next = Revision {
            epoch: "e-e".to_owned(),
            number: 7,
        };
        let mut changes = Changes {
            changes: vec![change(Some("a\nid: 9")), change(None)],
            next: next.clone(),
            reset: false,
        };
        let text = messages(&changes, false);
        assert_eq!(
            text,
            "event: session\ndata: {\"project_id\":\"p\",\"session_id\":\"a\\nid: 9\"}\n\n\
             id: e-e-7\nevent: deleted\ndata: {\"project_id\":\"p\"}\n\n"
        );
        assert_eq!(revision("e-e-7"), Some(next));
        changes.changes.clear();
        assert_eq!(messages(&changes, false), "");
        assert!(messages(&changes, true).starts_with("id: e-e-7\nevent: ready\n"));
        changes.reset = true;
        assert!(messages(&changes, false).contains("event: reset\n"));
    }
}
