//! A change of an event: only the fields given change, `null` clears.

use super::{Event, EventBody, EventKind, Status};
use crate::{AgentId, EventId, Json, ThreadId, Timestamp, Usd};

/// What a partial update says of one field.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Patch<T> {
    /// Not mentioned.
    #[default]
    Keep,
    /// `null`.
    Clear,
    /// A new value.
    Set(T),
}

impl<T> Patch<T> {
    /// `Set` for a value, `Keep` for none.
    #[must_use]
    pub fn or_keep(value: Option<T>) -> Self {
        value.map_or(Self::Keep, Self::Set)
    }

    /// Carries the change out.
    pub fn apply(self, field: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Clear => *field = None,
            Self::Set(value) => *field = Some(value),
        }
    }

    /// Whether nothing is said.
    #[must_use]
    pub fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }
}

/// A change of one event, of any kind. A field that the event's kind does not have is ignored.
#[derive(Debug, Clone, PartialEq, Default)]
#[expect(
    missing_docs,
    reason = "each field is the field of the same name of an event"
)]
pub struct EventPatch {
    /// The event to change; `None` only where an id may be derived.
    pub id: Option<EventId>,
    /// The kind, if it was given.
    pub kind: Option<EventKind>,
    pub parent_id: Patch<EventId>,
    pub agent_id: Patch<AgentId>,
    /// `Clear` is read as `Keep`: an event always has a start.
    pub init_timestamp: Patch<Timestamp>,
    pub end_timestamp: Patch<Timestamp>,
    /// `Clear` is read as `Keep`.
    pub status: Patch<Status>,
    pub params: Patch<Json>,
    pub returns: Patch<Json>,
    pub logs: Patch<Json>,
    pub action_type: Patch<String>,
    pub screenshot: Patch<String>,
    pub name: Patch<String>,
    pub thread_id: Patch<ThreadId>,
    pub model: Patch<String>,
    pub prompt: Patch<Json>,
    pub completion: Patch<Json>,
    pub prompt_tokens: Patch<u64>,
    pub completion_tokens: Patch<u64>,
    pub cached_read_tokens: Patch<u64>,
    pub cached_write_tokens: Patch<u64>,
    pub reasoning_tokens: Patch<u64>,
    pub cost: Patch<Usd>,
    /// In microseconds.
    pub time_to_first_token: Patch<u64>,
    pub trigger_event_id: Patch<EventId>,
    pub trigger_event_type: Patch<EventKind>,
    pub error_type: Patch<String>,
    pub code: Patch<Json>,
    pub details: Patch<Json>,
}

impl EventPatch {
    /// Carries the change out on `event`. An event that was running and gets an end is `ok`
    /// unless a status is given; one whose end is cleared runs again.
    pub fn apply(self, event: &mut Event) {
        let status_given = !matches!(self.status, Patch::Keep | Patch::Clear);
        self.parent_id.apply(&mut event.parent_id);
        self.agent_id.apply(&mut event.agent_id);
        if let Patch::Set(start) = self.init_timestamp {
            event.init_timestamp = start;
        }
        self.end_timestamp.apply(&mut event.end_timestamp);
        if let Patch::Set(status) = self.status {
            event.status = status;
        }
        self.params.apply(&mut event.params);
        self.returns.apply(&mut event.returns);
        self.logs.apply(&mut event.logs);
        match &mut event.body {
            EventBody::Action(action) => {
                self.action_type.apply(&mut action.action_type);
                // A name is what the action is called where no type is given.
                if let (None, Patch::Set(name)) = (&action.action_type, self.name) {
                    action.action_type = Some(name);
                }
                self.screenshot.apply(&mut action.screenshot);
            }
            EventBody::Tool(tool) => self.name.apply(&mut tool.name),
            EventBody::Llm(llm) => {
                self.thread_id.apply(&mut llm.thread_id);
                self.model.apply(&mut llm.model);
                self.prompt.apply(&mut llm.prompt);
                self.completion.apply(&mut llm.completion);
                self.prompt_tokens.apply(&mut llm.usage.prompt);
                self.completion_tokens.apply(&mut llm.usage.completion);
                self.cached_read_tokens.apply(&mut llm.usage.cached_read);
                self.cached_write_tokens.apply(&mut llm.usage.cached_write);
                self.reasoning_tokens.apply(&mut llm.usage.reasoning);
                self.cost.apply(&mut llm.cost);
                self.time_to_first_token
                    .apply(&mut llm.time_to_first_token_us);
            }
            EventBody::Error(error) => {
                self.trigger_event_id.apply(&mut error.trigger_event_id);
                self.trigger_event_type.apply(&mut error.trigger_event_type);
                self.error_type.apply(&mut error.error_type);
                self.code.apply(&mut error.code);
                self.details.apply(&mut error.details);
            }
        }
        if !status_given {
            event.status = settled(event);
        }
    }

    /// A new event from this description. `start` stands in for a missing start; an error takes
    /// no time, so its end is its start where none is given.
    ///
    /// A missing kind is an action, as any unknown `event_type` is.
    #[must_use]
    pub fn into_event(self, id: EventId, start: Timestamp) -> Event {
        let kind = self.kind.unwrap_or(EventKind::Action);
        let mut event = Event::started(id, kind, start);
        self.apply(&mut event);
        if kind == EventKind::Error && event.end_timestamp.is_none() {
            event.end_timestamp = Some(event.init_timestamp);
        }
        if event.status == Status::Running {
            event.status = settled(&event);
        }
        event
    }
}

/// The status that follows from the times, where none is given.
fn settled(event: &Event) -> Status {
    match (&event.status, event.end_timestamp) {
        (Status::Running | Status::Interrupted, Some(_)) if event.kind() == EventKind::Error => {
            Status::Error
        }
        (Status::Running | Status::Interrupted, Some(_)) => Status::Ok,
        (Status::Interrupted, None) => Status::Interrupted,
        (_, None) => Status::Running,
        (status, Some(_)) => status.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: EventKind) -> Event {
        Event::started("e".parse().unwrap(), kind, Timestamp::from_micros(1_000))
    }

    #[test]
    fn only_what_is_given_changes_and_null_clears() {
        let mut llm = event(EventKind::Llm);
        let first = EventPatch {
            model: Patch::Set("gpt-4".into()),
            prompt: Patch::Set(Json::string("hi")),
            prompt_tokens: Patch::Set(3),
            ..EventPatch::default()
        };
        first.apply(&mut llm);
        let second = EventPatch {
            prompt: Patch::Clear,
            completion_tokens: Patch::Set(2),
            end_timestamp: Patch::Set(Timestamp::from_micros(2_000)),
            ..EventPatch::default()
        };
        second.apply(&mut llm);
        let EventBody::Llm(body) = &llm.body else {
            panic!("still an LLM call")
        };
        assert_eq!(body.model.as_deref(), Some("gpt-4"));
        assert_eq!(body.prompt, None);
        assert_eq!(
            (body.usage.prompt, body.usage.completion),
            (Some(3), Some(2))
        );
        assert_eq!(llm.status, Status::Ok);
        assert_eq!(llm.duration_micros(), Some(1_000));
    }

    #[test]
    fn a_cleared_end_runs_again_and_a_given_status_wins() {
        let mut tool = event(EventKind::Tool);
        let end = Patch::Set(Timestamp::from_micros(5));
        let failed = EventPatch {
            end_timestamp: end,
            status: Patch::Set(Status::Error),
            ..EventPatch::default()
        };
        failed.apply(&mut tool);
        assert_eq!(tool.status, Status::Error);
        EventPatch {
            logs: Patch::Set(Json::string("x")),
            ..EventPatch::default()
        }
        .apply(&mut tool);
        assert_eq!(
            tool.status,
            Status::Error,
            "an unrelated update keeps the status"
        );
        EventPatch {
            end_timestamp: Patch::Clear,
            ..EventPatch::default()
        }
        .apply(&mut tool);
        assert_eq!(tool.status, Status::Running);
    }

    #[test]
    fn an_error_takes_no_time() {
        let patch = EventPatch {
            kind: Some(EventKind::Error),
            ..EventPatch::default()
        };
        let error = patch.into_event("e".parse().unwrap(), Timestamp::from_micros(7));
        assert_eq!(error.end_timestamp, Some(Timestamp::from_micros(7)));
        assert_eq!(error.status, Status::Error);
    }
}
