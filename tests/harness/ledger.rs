//! What a program did, in its own words: the list that a recording is compared with.
//!
//! The program numbers its calls itself and writes a line of JSON for each when it is over. It never asks the
//! SDK for anything but the id of its session.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Microseconds since 1970.
///
/// # Panics
/// Before 1970.
#[must_use]
pub fn unix_micros() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let micros = since.expect("a clock after 1970").as_micros();
    i64::try_from(micros).expect("a clock before the year 290000")
}

/// One thing that the program did.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "what an event's field of the same name is expected to be"
)]
pub struct Entry {
    /// The program's own number, counted by start.
    pub n: u64,
    /// `action`, `tool`, `llm` or `error`.
    pub kind: String,
    /// Name, model or type of error.
    pub name: String,
    /// The number of the call inside which it was done.
    pub parent: Option<u64>,
    /// Name of the agent that did it.
    pub agent: Option<String>,
    pub params: Value,
    pub returns: Value,
    pub status: String,
    /// How it failed.
    pub failure: Option<Failure>,
    /// Read from the clock before it began and after it ended.
    pub before: i64,
    pub after: i64,
    /// Exact times, where the program gave them.
    pub exact: Option<(i64, i64)>,
    pub llm: Option<Llm>,
    /// Of an error that the program recorded itself: the number of the call that failed.
    pub trigger: Option<u64>,
    pub code: Option<String>,
}

/// An error or a panic.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Failure {
    /// The last part of the error's type, or `panic`.
    pub kind: String,
    /// Its text.
    pub message: String,
    /// The texts of its sources.
    pub chain: Vec<String>,
    /// `file:line` of a panic.
    pub place: Option<String>,
}

impl Failure {
    /// An error of this type and text.
    #[must_use]
    pub fn new(kind: &str, message: impl Into<String>) -> Self {
        Self {
            kind: kind.to_owned(),
            message: message.into(),
            chain: Vec::new(),
            place: None,
        }
    }

    /// A source of the one before.
    #[must_use]
    pub fn caused_by(mut self, message: impl Into<String>) -> Self {
        self.chain.push(message.into());
        self
    }

    /// Where it panicked.
    #[must_use]
    pub fn at(mut self, place: String) -> Self {
        self.place = Some(place);
        self
    }
}

/// What only a call of a model has.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "what an event's field of the same name is expected to be"
)]
pub struct Llm {
    pub prompt: Value,
    pub completion: Value,
    pub prompt_tokens: Option<u64>,
    pub completion_tokens: Option<u64>,
    pub cached_read_tokens: Option<u64>,
    /// Worked out by hand from the published price; `None`: nobody knows.
    pub cost: Option<String>,
}

/// The session as the program made it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "what the session's field of the same name is expected to be"
)]
pub struct SessionEntry {
    pub id: String,
    pub tags: Vec<String>,
    pub end_state: String,
    pub end_state_reason: Option<String>,
    pub video: Option<String>,
    pub agents: Vec<String>,
    pub directory: String,
    /// Clock before it was started, after that, before it was ended, after that.
    pub times: [i64; 4],
    /// What the SDK answered when it was asked before the end, as it writes it.
    pub analytics: Value,
    /// The export that the SDK gave after the end.
    pub export: Value,
}

/// A list that is read back.
#[derive(Debug)]
pub struct Written {
    /// By start.
    pub entries: Vec<Entry>,
    /// The session that they are of.
    pub session: SessionEntry,
}

#[derive(Serialize, Deserialize)]
enum Line {
    Entry(Box<Entry>),
    Session(Box<SessionEntry>),
}

/// A list that is being written.
#[derive(Debug)]
pub struct Ledger {
    file: Mutex<File>,
    next: AtomicU64,
}

/// A call that runs.
#[derive(Debug)]
#[must_use = "say how the call ended"]
pub struct Call<'a> {
    ledger: &'a Ledger,
    entry: Entry,
}

impl Ledger {
    /// An empty list.
    ///
    /// # Panics
    /// When the file cannot be made.
    #[must_use]
    pub fn create(path: &Path) -> Self {
        Self {
            file: Mutex::new(File::create(path).expect("a file for the list")),
            next: AtomicU64::new(1),
        }
    }

    /// A call that is about to begin.
    pub fn begin(&self, kind: &str, name: &str, parent: Option<u64>) -> Call<'_> {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        let entry = Entry {
            n,
            kind: kind.to_owned(),
            name: name.to_owned(),
            parent,
            agent: None,
            params: serde_json::json!({ "n": n }),
            returns: Value::Null,
            status: "ok".to_owned(),
            failure: None,
            before: unix_micros(),
            after: 0,
            exact: None,
            llm: None,
            trigger: None,
            code: None,
        };
        Call {
            ledger: self,
            entry,
        }
    }

    /// The session, once it has ended.
    pub fn session(&self, session: SessionEntry) {
        self.write(&Line::Session(Box::new(session)));
    }

    fn write(&self, line: &Line) {
        let mut text = serde_json::to_vec(line).expect("plain data");
        text.push(b'\n');
        let mut file = self.file.lock().expect("nobody panics while writing");
        file.write_all(&text).expect("the list can be written");
    }

    /// Reads a list.
    ///
    /// # Panics
    /// When the file is none, or the session is missing.
    #[must_use]
    pub fn read(path: &Path) -> Written {
        let file = BufReader::new(File::open(path).expect("the list is there"));
        let (mut entries, mut session) = (Vec::new(), None);
        for line in file.lines() {
            let line = line.expect("the list is text");
            match serde_json::from_str(&line).expect("a line of the list") {
                Line::Entry(entry) => entries.push(*entry),
                Line::Session(found) => session = Some(*found),
            }
        }
        entries.sort_by_key(|entry| entry.n);
        Written {
            entries,
            session: session.expect("the program said what its session was"),
        }
    }
}

impl Call<'_> {
    /// Its number.
    #[must_use]
    pub fn n(&self) -> u64 {
        self.entry.n
    }

    /// Arguments beside the number.
    pub fn params(mut self, params: &Value) -> Self {
        let known = self.entry.params.as_object_mut().expect("made above");
        known.extend(params.as_object().expect("arguments by name").clone());
        self
    }

    /// Who does it.
    pub fn agent(mut self, name: &str) -> Self {
        self.entry.agent = Some(name.to_owned());
        self
    }

    /// What a call of a model has.
    pub fn llm(mut self, llm: Llm) -> Self {
        self.entry.llm = Some(llm);
        self
    }

    /// Times that the program gives itself.
    pub fn exactly(mut self, start: i64, end: i64) -> Self {
        self.entry.exact = Some((start, end));
        self
    }

    /// For an error: which call failed.
    pub fn triggered_by(mut self, n: u64) -> Self {
        self.entry.trigger = Some(n);
        self
    }

    /// For an error: its code.
    pub fn code(mut self, code: &str) -> Self {
        self.entry.code = Some(code.to_owned());
        self
    }

    /// It returned this.
    pub fn returned(mut self, returns: Value) {
        self.entry.returns = returns;
        self.done("ok");
    }

    /// It failed.
    pub fn failed(mut self, failure: Failure) {
        self.entry.failure = Some(failure);
        self.done("error");
    }

    /// It panicked.
    pub fn panicked(mut self, failure: Failure) {
        self.entry.failure = Some(failure);
        self.done("panicked");
    }

    /// It was given up.
    pub fn cancelled(self) {
        self.done("cancelled");
    }

    fn done(mut self, status: &str) {
        status.clone_into(&mut self.entry.status);
        self.entry.after = unix_micros();
        self.ledger.write(&Line::Entry(Box::new(self.entry)));
    }
}
