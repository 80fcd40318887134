//! One call: from its request's first byte to its answer's last.

use std::cell::Cell;
use std::hash::{DefaultHasher, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use agentops_core::llm::{Format, Request, Squeeze};
use agentops_core::observe::{Ending, Facts, Failure, Observed, Place, Source, What};
use agentops_core::{Entered, Usage};
use serde_json::{Map, Value};

use crate::limits;
use crate::provider::{Endpoint, Provider};
use crate::reply::{Head, Reply};
use crate::retries::{Key, Retries, worth_a_retry};
use crate::scrub;

/// A request's body while it passes, shared by the one who copies it and the one who reads it.
#[derive(Clone, Debug)]
pub(crate) struct Copied(Arc<Mutex<Copy>>);

#[derive(Debug)]
struct Copy {
    text: Squeeze,
    hash: DefaultHasher,
    bytes: u64,
}

impl Copied {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Copy {
            text: Squeeze::new(limits::REQUEST, limits::STRING),
            hash: DefaultHasher::new(),
            bytes: 0,
        })))
    }

    pub(crate) fn push(&self, piece: &[u8]) {
        let mut copy = self.lock();
        copy.text.push(piece);
        copy.hash.write(piece);
        copy.bytes += piece.len() as u64;
    }

    /// What came of it; further pieces are not kept.
    fn take(&self) -> (Option<Value>, u64, u64) {
        let mut copy = self.lock();
        let text = std::mem::replace(&mut copy.text, Squeeze::new(0, 0));
        let (hash, bytes) = (copy.hash.finish(), copy.bytes);
        drop(copy);
        let json = text
            .finish()
            .and_then(|text| serde_json::from_slice(&text).ok());
        (json, hash, bytes)
    }

    fn lock(&self) -> MutexGuard<'_, Copy> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a call is about, known before anything of it has passed.
pub(crate) struct Begin<'a> {
    pub(crate) place: Place,
    pub(crate) endpoint: Endpoint,
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) retries: Arc<Retries>,
    /// Scheme, host and path: never the query.
    pub(crate) url: String,
    /// The body, where it is at hand as a whole.
    pub(crate) body: Option<&'a [u8]>,
}

thread_local! {
    /// Whether the thread works inside a call of ours that another observer around it sees too.
    static NEARER: Cell<bool> = const { Cell::new(false) };
}

/// Whether a request that is sent now has been seen twice already: a third observer has nothing to add.
pub(crate) fn is_seen_twice() -> bool {
    NEARER.get()
}

/// Inside a call, on this thread.
pub(crate) struct Inside {
    _entered: Entered,
    before: bool,
}

impl Drop for Inside {
    fn drop(&mut self) {
        NEARER.set(self.before);
    }
}

/// A call that runs. Dropped, it was cancelled; what had come of its answer is recorded.
#[derive(Debug)]
pub(crate) struct Call {
    /// `None` when it has ended.
    observed: Option<Observed>,
    place: Place,
    endpoint: Endpoint,
    provider: Shared,
    retries: Arc<Retries>,
    key: Key,
    url: String,
    started: Instant,
    /// The body, while it has not been read.
    copied: Option<Copied>,
    model: Option<String>,
    reply: Option<Box<Reply>>,
}

struct Shared(Arc<dyn Provider>);

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Provider")
    }
}

impl Call {
    /// A request begins. `None` if it turns out to be no call of a model.
    pub(crate) fn begin(begin: Begin<'_>) -> Option<Call> {
        let Begin {
            place,
            endpoint,
            provider,
            retries,
            url,
            body,
        } = begin;
        let copied = Copied::new();
        if let Some(body) = body {
            copied.push(body);
        }
        let mut url_hash = DefaultHasher::new();
        url_hash.write(url.as_bytes());
        let key = Key {
            url: url_hash.finish(),
            body: 0,
            parent: place.parent(),
        };
        let mut call = Call {
            observed: None,
            place,
            model: endpoint.model.clone(),
            endpoint,
            provider: Shared(provider),
            retries,
            key,
            url,
            started: Instant::now(),
            copied: None,
            reply: None,
        };
        let asked = if body.is_some() {
            let asked = call.read(&copied);
            if !call.endpoint.sure && call.model.is_none() {
                return None;
            }
            Some(asked)
        } else {
            call.copied = Some(copied);
            None
        };
        let name = call.model.clone().unwrap_or_default();
        call.observed = Some(Observed::open(
            What::Llm,
            Source::Wire,
            place,
            &name,
            |facts| {
                if let Some(asked) = asked {
                    asked.tell(facts);
                }
            },
        ));
        Some(call)
    }

    /// The copy that a passing body is to be put into; `None` where it is at hand already.
    pub(crate) fn copied(&self) -> Option<Copied> {
        self.copied.clone()
    }

    /// Makes the thread do what it does inside the call, until the guard is dropped. Not across an `.await`.
    pub(crate) fn enter(&self) -> Option<Inside> {
        let observed = self.observed.as_ref()?;
        let nearer = observed.id().is_some() && observed.id() == self.place.parent();
        Some(Inside {
            _entered: observed.place().enter(),
            before: NEARER.replace(nearer),
        })
    }

    /// The answer begins.
    pub(crate) fn answered(&mut self, head: Head<'_>) {
        self.finish_request();
        // The next attempt may begin before this answer is read, or let go.
        if worth_a_retry(head.status) {
            self.failed_once();
        }
        // Without `alt=sse` Gemini's streams are one list.
        let listed =
            self.endpoint.format == Format::Gemini && self.url.ends_with(":streamGenerateContent");
        self.reply = Some(Box::new(Reply::new(
            head,
            self.endpoint.format,
            listed,
            self.started,
        )));
    }

    /// The next piece of the answer.
    pub(crate) fn push(&mut self, piece: &[u8]) {
        if let Some(reply) = &mut self.reply {
            reply.push(piece, &*self.provider.0);
        }
    }

    /// The answer has ended.
    pub(crate) fn end(&mut self) {
        self.tell();
        let ending = match self.refusal() {
            Some(failure) => Ending::Failed(failure),
            None => Ending::Ok,
        };
        self.close(ending);
    }

    /// The call broke: no answer came, or not all of one.
    pub(crate) fn fail(&mut self, error_type: &str, message: String) {
        self.finish_request();
        self.tell();
        let failure = Failure::new(error_type).message(message);
        self.failed_once();
        self.close(Ending::Failed(failure));
    }

    /// Whether there is nothing more to see.
    pub(crate) fn has_ended(&self) -> bool {
        self.observed.is_none()
    }

    /// Reads the request, as far as it has passed.
    fn finish_request(&mut self) {
        let Some(copied) = self.copied.take() else {
            return;
        };
        let asked = self.read(&copied);
        if let Some(observed) = &mut self.observed {
            observed.learn(|facts| asked.tell(facts));
        }
    }

    fn read(&mut self, copied: &Copied) -> Asked {
        let (json, hash, bytes) = copied.take();
        self.key.body = hash;
        let mut params = Map::new();
        let mut put = |key: &str, value: Value| params.insert(key.to_owned(), value);
        put("provider", self.endpoint.provider.as_ref().into());
        put("url", self.url.as_str().into());
        if let Some(attempt) = self.retries.attempt(&self.key) {
            put("attempt", attempt.number.into());
            if let Some(first) = attempt.first {
                put("retry_of", first.as_str().into());
            }
        }
        if json.is_none() && bytes > 0 {
            put("not_read", format!("the request of {bytes} bytes").into());
        }
        let request =
            json.map(|json| Request::read(self.endpoint.format, self.provider.0.request(json)));
        let request = request.unwrap_or_default();
        self.model = request.model.or(self.model.take());
        if let Some(Value::Object(more)) = request.params {
            // What we say of the call stands in front of what the request happens to say under the same name.
            for (key, value) in more {
                params.entry(key).or_insert(value);
            }
        }
        Asked {
            model: self.model.clone(),
            prompt: request.prompt,
            params: params.into(),
        }
    }

    /// Tells what is known of the answer.
    fn tell(&mut self) {
        let (Some(observed), Some(reply)) = (&mut self.observed, &mut self.reply) else {
            return;
        };
        reply.end(&*self.provider.0);
        let answer = reply.answer();
        let answered_by = answer
            .model()
            .filter(|_| self.endpoint.model_is_alias || self.model.is_none());
        let charged = answer
            .cost()
            .filter(|_| self.endpoint.provider == "openrouter");
        observed.learn(|facts| {
            if let Some(model) = answered_by {
                facts.name(model);
            }
            if facts.wants_content() {
                if let Some(completion) = answer.completion() {
                    facts.completion(&completion);
                }
                let details = reply.details();
                if !details.is_empty() {
                    facts.returns(&Value::Object(details));
                }
            }
            if answer.usage() != Usage::default() {
                facts.usage(answer.usage());
            }
            if let Some(cost) = charged {
                facts.cost(cost);
            }
            if let Some(time) = reply.first_token() {
                facts.time_to_first_token(time);
            }
        });
    }

    /// The same request may come again, and is then another attempt.
    fn failed_once(&self) {
        if let Some(observed) = &self.observed {
            // What another observer sees too is recorded as that one's event.
            let own = observed
                .id()
                .filter(|id| self.place.parent().as_ref() != Some(id));
            self.retries.failed_once(self.key.clone(), own);
        }
    }

    /// What the provider says went wrong.
    fn refusal(&self) -> Option<Failure> {
        let reply = self.reply.as_ref()?;
        let status = reply.status();
        let Some(error) = reply.error() else {
            self.retries.settled(&self.key);
            return None;
        };
        let kind = error
            .kind
            .clone()
            .unwrap_or_else(|| format!("HTTP {status}"));
        let failure = Failure::new(kind).message(scrub::urls(&error.message));
        Some(match (status >= 400, error.code) {
            (true, _) => failure.code(status.to_string()),
            (false, Some(code)) => failure.code(code),
            (false, None) => failure,
        })
    }

    fn close(&mut self, ending: Ending) {
        if let Some(observed) = self.observed.take() {
            observed.end(ending);
        }
        self.reply = None;
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if self.observed.is_none() {
            return;
        }
        self.finish_request();
        // A client that has read `[DONE]`, or a whole answer, need not wait for the end of the connection; one that
        // was refused need not read why.
        let known = |reply: &Reply| reply.is_whole() || reply.status() >= 400;
        if self.reply.as_deref().is_some_and(known) {
            self.end();
        } else {
            self.tell();
            // Dropped in its turn, it was cancelled or the thread panics: it knows which.
            drop(self.observed.take());
        }
    }
}

/// What a request says.
struct Asked {
    model: Option<String>,
    prompt: Option<Value>,
    params: Value,
}

impl Asked {
    fn tell(&self, facts: &mut Facts) {
        if let Some(model) = &self.model {
            facts.name(model);
        }
        if let Some(prompt) = &self.prompt {
            facts.prompt(prompt);
        }
        facts.params(&self.params);
    }
}
