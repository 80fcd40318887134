//! What is written. Every accepted form of a request becomes one of these.

use agentops_protocol::{
    Agent, Event, EventBody, EventId, EventPatch, Json, Patch, ProjectId, SessionId, SessionPatch,
    Thread, Timestamp,
};

use crate::Image;

/// Writes that are committed together or not at all: one request, or a stretch of a spool.
#[derive(Debug)]
pub struct Batch {
    /// In the order they are to take effect.
    pub writes: Vec<Write>,
    /// The client's batch id. A batch whose id the session has seen changes nothing.
    pub idempotency_key: Option<String>,
    /// For an import: how far the spool is read once this batch is in.
    pub cursor: Option<ImportCursor>,
}

impl Batch {
    /// How many rows it touches, about.
    pub(crate) fn rows(&self) -> usize {
        let rows = |write: &Write| match &write.mutation {
            Mutation::CreateEvents(events) => events.len(),
            Mutation::UpdateEvents(patches) => patches.len(),
            _ => 1,
        };
        self.writes.iter().map(rows).sum::<usize>().max(1)
    }

    /// How much memory its texts and images take, about.
    pub(crate) fn bytes(&self) -> usize {
        let bytes = |write: &Write| match &write.mutation {
            Mutation::CreateEvents(events) => events.iter().map(event_bytes).sum(),
            Mutation::UpdateEvents(patches) => patches.iter().map(patch_bytes).sum(),
            Mutation::KeepImages(images) => images.iter().map(|image| image.bytes().len()).sum(),
            Mutation::AppendLogs(text) => text.len(),
            _ => 0,
        };
        self.writes
            .iter()
            .map(|write| bytes(write) + WRITE_BYTES)
            .sum()
    }
}

/// What a write, and what an event takes beside its texts.
const WRITE_BYTES: usize = 512;
const EVENT_BYTES: usize = 512;

fn event_bytes(event: &Event) -> usize {
    let own = match &event.body {
        EventBody::Action(action) => [action.screenshot.as_ref().map_or(0, String::len), 0],
        EventBody::Llm(llm) => [&llm.prompt, &llm.completion].map(json_bytes),
        EventBody::Error(error) => [&error.details, &error.code].map(json_bytes),
        EventBody::Tool(_) => [0, 0],
    };
    let common = [&event.params, &event.returns, &event.logs].map(json_bytes);
    EVENT_BYTES + common.iter().chain(&own).sum::<usize>()
}

fn json_bytes(json: &Option<Json>) -> usize {
    json.as_ref().map_or(0, |json| json.get().len())
}

fn patch_bytes(patch: &EventPatch) -> usize {
    let texts = [
        &patch.params,
        &patch.returns,
        &patch.logs,
        &patch.prompt,
        &patch.completion,
        &patch.details,
        &patch.code,
    ];
    let bytes = texts.map(|text| match text {
        Patch::Set(json) => json.get().len(),
        Patch::Keep | Patch::Clear => 0,
    });
    EVENT_BYTES + bytes.iter().sum::<usize>()
}

/// One write to one session.
#[derive(Debug)]
pub struct Write {
    /// Whose session; sessions of different projects never meet.
    pub project: ProjectId,
    /// The session. Any mutation but `CreateSession` of a session that does not exist makes it,
    /// beginning at `received`: an event is never refused for coming before its session.
    pub session: SessionId,
    /// When the server got it.
    pub received: Timestamp,
    /// What changes.
    pub mutation: Mutation,
}

/// A change of one session.
#[derive(Debug)]
#[non_exhaustive]
pub enum Mutation {
    /// Makes the session, or joins it when it exists: then tags are merged, the earliest start
    /// wins, and nothing else that is set is reset.
    CreateSession(SessionPatch),
    /// Changes the fields given. Tags replace. `Indeterminate` never replaces another end state;
    /// the earliest start wins; a client's end beats a recovered one.
    UpdateSession(SessionPatch),
    /// The client is gone without ending its session: ends it as Indeterminate with this reason
    /// at the time of its last event, unless a client ended it. Running events become
    /// interrupted.
    Recover {
        /// Why, for people.
        reason: String,
    },
    /// The process that ran these events is gone: those of them that still run become
    /// interrupted.
    Interrupt(Vec<EventId>),
    /// Finds the costs anew of all calls that came without one, with the prices of now.
    Reprice,
    /// Lets another project read the session.
    Share(ProjectId),
    /// Takes the session and everything of it away. What arrives of it afterwards begins a new
    /// session of its id.
    Delete,
    /// Adds events. One whose id is stored already is left alone; a stub made by an update before
    /// is filled.
    CreateEvents(Vec<Event>),
    /// Changes events; one that does not exist yet becomes a stub.
    UpdateEvents(Vec<EventPatch>),
    /// Adds or renames an agent.
    UpsertAgent(Agent),
    /// Adds or moves a thread.
    UpsertThread(Thread),
    /// Fills in token counts that clients did not tell, marked as estimated; a call that has
    /// changed since it was looked at is left alone.
    CountTokens(Vec<TokenCount>),
    /// Keeps images that events of the session show; one that is kept already costs nothing.
    KeepImages(Vec<Image>),
    /// Appends to the session's log text.
    AppendLogs(String),
}

/// Tokens of a call, counted by the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenCount {
    /// The call.
    pub event: EventId,
    /// Of the prompt, if there is one.
    pub prompt: Option<u64>,
    /// Of the completion, if there is one.
    pub completion: Option<u64>,
}

/// How far a spool directory has been imported. Stored in the transaction of the rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportCursor {
    /// The directory's name.
    pub directory: String,
    /// Segment number and byte offset, as the spool counts them.
    pub segment: u64,
    /// Byte offset in the segment.
    pub offset: u64,
}
