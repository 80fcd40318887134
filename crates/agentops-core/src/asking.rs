//! What `#[record_llm]` stands on: a function that asks a language model.
//!
//! The arguments say what was asked (`question`), the result or its items what was answered (`answer`); both are read
//! from the JSON that `Serialize` makes of them, so nothing is asked of the user's types. The call is an
//! [`Observed`] one: what a library's span or an HTTP client sees inside is the same call, and recorded once.
//!
//! A whole result is read at once, items one by one in bounded memory. Where a session records no content, both are
//! read for the model and the tokens, and nothing else of them is kept.

mod answer;
mod extract;
mod json;
mod question;

use serde::Serialize;
use serde_json::Value;

use crate::events::LlmEvent;
use crate::observe::{Ending as Ended, Failure, Observed, Place, Source, What};
use crate::recording::Outcome;
use crate::recording::call::{Call, Params, Target};
use crate::recording::context;
use crate::recording::cut::Cut;
use crate::recording::end::{End, Ending, Heard, Wants};
use crate::recording::shield::shielded;
use answer::{Answered, Saying};
pub use extract::{
    AnyFuture, AnyIter, AnyPlain, AnySame, AnyStream, InNothing, OneOf, SamePlain, SameSame,
};
use json::READ_LIMIT;
use question::Asked;

/// What a function is given to ask.
#[derive(Debug)]
pub struct Question<'a> {
    params: Params<'a>,
    model: Option<Vec<u8>>,
    prompt: Option<Vec<u8>>,
}

impl<'a> Question<'a> {
    /// Begins an argument; the name is given as it stands in JSON, with its colon.
    pub fn key(&mut self, quoted: &str) -> &mut Cut<'a> {
        self.params.key(quoted)
    }

    /// An argument that is computed for the record.
    pub fn field(&mut self, quoted: &str, write: impl FnOnce(&mut Cut<'_>)) {
        self.params.field(quoted, write);
    }

    /// The model, as the user says it.
    pub fn model(&mut self, write: impl FnOnce(&mut Cut<'_>)) {
        self.model = written(write);
    }

    /// The prompt, as the user says it.
    pub fn prompt(&mut self, write: impl FnOnce(&mut Cut<'_>)) {
        self.prompt = written(write);
    }
}

/// JSON that code of the user writes; `None` if it panics.
fn written(write: impl FnOnce(&mut Cut<'_>)) -> Option<Vec<u8>> {
    let mut json = Vec::new();
    let done = Cut::with_limit(&mut json, READ_LIMIT).guarded(write);
    done.then_some(json)
}

/// Begins a call of a language model; `target` and `write` run only if something records.
#[inline(always)]
pub fn ask(
    keeps_answer: bool,
    target: impl FnOnce(&mut Target),
    write: impl FnOnce(&mut Question<'_>),
) -> Option<Call> {
    if context::is_off() {
        return None;
    }
    open(keeps_answer, target, write)
}

#[inline(never)]
fn open(
    keeps_answer: bool,
    target: impl FnOnce(&mut Target),
    write: impl FnOnce(&mut Question<'_>),
) -> Option<Call> {
    let mut named = Target::default();
    let _ = shielded(|| target(&mut named));
    let place = Place::of(named.scope()?);
    let mut arguments = Vec::new();
    let mut question = Question {
        params: Params::to_be_read(&mut arguments, READ_LIMIT),
        model: None,
        prompt: None,
    };
    write(&mut question);
    question.params.close();
    let (model, prompt) = (question.model, question.prompt);
    let asked = Asked::read(&arguments, model.as_deref(), prompt.as_deref());
    let observed = Observed::open(What::Llm, Source::Value, place, "", |facts| {
        asked.tell(facts);
    });
    let scope = observed.place().scope();
    let asking = Asking {
        observed,
        answered: Answered::default(),
        names_model: asked.model.is_some(),
        keeps_answer,
    };
    Some(Call::ending(scope, Box::new(asking)))
}

/// A model that is being asked.
struct Asking {
    observed: Observed,
    answered: Answered,
    /// Whether the question has named the model.
    names_model: bool,
    keeps_answer: bool,
}

impl Ending for Asking {
    fn wants(&self) -> Wants {
        if self.observed.wants_content() {
            Wants::Answer
        } else {
            Wants::Counts
        }
    }

    fn goes_on(&mut self) {
        self.answered.goes_on();
    }

    fn item(&mut self, end: &End) {
        self.answered.hear(end.field_bytes());
    }

    fn ended(self: Box<Self>, end: End) {
        let Asking {
            mut observed,
            mut answered,
            names_model,
            keeps_answer,
        } = *self;
        let items = answered.streams().then(|| items(&end)).flatten();
        if items.is_none() {
            answered.hear(end.field_bytes());
        }
        let ending = match end.outcome() {
            Outcome::Ok => answered.failure().map_or(Ended::Ok, Ended::Failed),
            Outcome::Error => Ended::Failed(Failure::written(end.error_bytes())),
            Outcome::Panicked => Ended::Panicked,
            Outcome::Cancelled => Ended::Cancelled,
        };
        observed.learn(|facts| {
            if !names_model && let Some(model) = answered.model() {
                facts.name(model);
            }
            answered.tell(facts, keeps_answer);
            if let Some(items) = items {
                facts.returns(&items);
            }
        });
        observed.end(ending);
    }
}

/// What a stream came to, as it says itself.
fn items(end: &End) -> Option<Value> {
    let members = end.field_bytes().strip_prefix(b"\"returns\":")?;
    serde_json::from_slice(members).ok()
}

/// Something that a result says.
#[derive(Debug)]
pub struct Said<'a, T: ?Sized>(pub &'a T);

/// An event of the user's: what a function of theirs has found.
pub trait SaidEvent {
    /// Tells it; `false` if it is not for telling.
    fn tell(&self, heard: &mut Heard<'_>) -> bool;
}
impl SaidEvent for &&&Said<'_, LlmEvent> {
    fn tell(&self, heard: &mut Heard<'_>) -> bool {
        heard.say(Saying::Event, &self.0.told());
        true
    }
}

/// A text.
pub trait SaidText {
    /// Tells it; `false` if it is not for telling.
    fn tell(&self, heard: &mut Heard<'_>) -> bool;
}
impl<T: AsRef<str> + ?Sized> SaidText for &&Said<'_, T> {
    fn tell(&self, heard: &mut Heard<'_>) -> bool {
        let _ = shielded(|| heard.say(Saying::Text, self.0.as_ref().as_bytes()));
        true
    }
}

/// What can be serialized.
pub trait SaidValue {
    /// Tells it; `false` if it is not for telling.
    fn tell(&self, heard: &mut Heard<'_>) -> bool;
}
impl<T: Serialize + ?Sized> SaidValue for &Said<'_, T> {
    fn tell(&self, heard: &mut Heard<'_>) -> bool {
        if let Some(json) = written(|cut| cut.value(self.0)) {
            heard.say(Saying::Value, &json);
        }
        true
    }
}

/// Anything else.
pub trait SaidOther {
    /// Tells it; `false` if it is not for telling.
    fn tell(&self, heard: &mut Heard<'_>) -> bool;
}
impl<T: ?Sized> SaidOther for Said<'_, T> {
    fn tell(&self, _: &mut Heard<'_>) -> bool {
        false
    }
}

impl Heard<'_> {
    /// One thing is said: of several the last.
    fn say(&mut self, what: Saying, said: &[u8]) {
        self.0.clear();
        self.0.push(what as u8);
        // No more than is read, and one byte, so that it is seen that there was more.
        self.0
            .extend_from_slice(&said[..said.len().min(READ_LIMIT + 1)]);
    }

    /// Tells what is neither a text nor can be serialized.
    pub fn other(&mut self, write: impl FnOnce(&mut Cut<'_>)) {
        if let Some(json) = written(write) {
            self.say(Saying::Other, &json);
        }
    }
}
