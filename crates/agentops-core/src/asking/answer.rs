//! What was answered, found in a result or put together from the items of a stream: a provider's or a library's
//! answer, by itself or inside of something else; a text; or an object of the user's with a text and counts.

use std::time::Duration;

use agentops_protocol::{Usage, Usd};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::json::read;
use crate::llm::{Answer, Format};
use crate::observe::{Facts, Failure};
use crate::recording::clock;
use crate::recording::shield::cut_text;

/// How much text is kept of one answer.
const MAX_TEXT: usize = 1 << 20;

/// How deep an answer may lie in a result, and how many members are looked into at each level.
const MAX_DEPTH: u32 = 3;
const MAX_MEMBERS: usize = 64;

/// Members of a user's own object that are the text of the answer.
const TEXTS: &[&str] = &[
    "completion",
    "content",
    "text",
    "answer",
    "output_text",
    "output",
    "message",
    "reply",
    "response",
    "delta",
];

/// Members that hold counts of tokens.
const USAGES: &[&str] = &["usage", "token_usage", "tokens", "captured_usage"];

/// Members that are counts of tokens.
const COUNTS: &[&str] = &[
    "prompt_tokens",
    "completion_tokens",
    "input_tokens",
    "output_tokens",
];

/// What is said.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(super) enum Saying {
    /// A text.
    Text,
    /// JSON of a value.
    Value,
    /// Something else; JSON shows it.
    Other,
    /// An event of the user's, as JSON.
    Event,
}

/// What a call has answered, as far as it came.
#[derive(Debug)]
pub(super) struct Answered {
    began: u64,
    /// Whether what is heard are items.
    streams: bool,
    first: Option<Duration>,
    text: String,
    more: usize,
    answer: Option<Answer>,
    told: Told,
    /// What says nothing that is known.
    other: Option<Value>,
}

/// What the user says.
#[derive(Debug, Default, Deserialize)]
struct Told {
    model: Option<String>,
    completion: Option<Value>,
    params: Option<Value>,
    returns: Option<Value>,
    thread_id: Option<String>,
    cost: Option<Usd>,
    time_to_first_token: Option<u64>,
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    cached_read_tokens: Option<u64>,
    cached_write_tokens: Option<u64>,
    reasoning_tokens: Option<u64>,
}

impl Default for Answered {
    fn default() -> Answered {
        Answered {
            began: clock::now(),
            streams: false,
            first: None,
            text: String::new(),
            more: 0,
            answer: None,
            told: Told::default(),
            other: None,
        }
    }
}

impl Answered {
    /// What is heard from here on are items.
    pub(super) fn goes_on(&mut self) {
        self.streams = true;
    }

    pub(super) fn streams(&self) -> bool {
        self.streams
    }

    /// What a result or an item says, by its first byte one of [`Saying`].
    pub(super) fn hear(&mut self, said: &[u8]) {
        match said.split_first() {
            Some((what, text)) if *what == Saying::Text as u8 => {
                // It may have been cut in the middle of a character.
                self.text(&String::from_utf8_lossy(text));
            }
            Some((what, json)) if *what == Saying::Value as u8 => self.json(json),
            Some((what, json)) if *what == Saying::Other as u8 => self.other(json),
            Some((what, json)) if *what == Saying::Event as u8 => self.told(json),
            _ => {}
        }
    }

    /// A text: the next piece of the answer.
    fn text(&mut self, text: &str) {
        let room = MAX_TEXT - self.text.len();
        let fits = if self.more == 0 {
            cut_text(text, room)
        } else {
            ""
        };
        self.text.push_str(fits);
        self.more += text.len() - fits.len();
        self.came(!text.is_empty());
    }

    /// A value, as JSON.
    fn json(&mut self, json: &[u8]) {
        let Some(json) = read(json) else {
            return;
        };
        if self.streams && self.read_on(&json) {
            return;
        }
        if let Some((format, found)) = find(&json, MAX_DEPTH, self.streams) {
            let mut answer = Answer::new(format);
            answer.read(found);
            self.came(answer.has_content());
            self.answer = Some(answer);
        } else if let Value::String(text) = &json {
            // What the crate genai says before the first chunk is no piece of the answer.
            if !(self.streams && text == "Start") {
                self.text(text);
            }
        } else if let Some(own) = own(&json) {
            self.read_own(&own);
        }
        if !self.streams {
            self.other = Some(json);
        }
    }

    /// Something that is neither a text nor can be serialized; `json` shows it.
    fn other(&mut self, json: &[u8]) {
        if !self.streams {
            self.other = read(json);
        }
    }

    /// The user says what a result says.
    fn told(&mut self, event: &[u8]) {
        // By way of a value: what was said twice counts the last time.
        let Some(Ok(told)) = read(event).map(serde_json::from_value::<Told>) else {
            return;
        };
        let before = std::mem::take(&mut self.told);
        let piece = match &told.completion {
            Some(Value::String(piece)) if self.streams => Some(piece.clone()),
            _ => None,
        };
        if let Some(piece) = &piece {
            self.text(piece);
        }
        self.told = Told {
            model: told
                .model
                .filter(|model| !model.is_empty())
                .or(before.model),
            completion: told
                .completion
                .filter(|_| piece.is_none())
                .or(before.completion),
            params: told.params.or(before.params),
            returns: told.returns.or(before.returns),
            thread_id: told.thread_id.or(before.thread_id),
            cost: told.cost.or(before.cost),
            time_to_first_token: told.time_to_first_token.or(before.time_to_first_token),
            prompt_tokens: told.prompt_tokens.or(before.prompt_tokens),
            completion_tokens: told.completion_tokens.or(before.completion_tokens),
            cached_read_tokens: told.cached_read_tokens.or(before.cached_read_tokens),
            cached_write_tokens: told.cached_write_tokens.or(before.cached_write_tokens),
            reasoning_tokens: told.reasoning_tokens.or(before.reasoning_tokens),
        };
    }

    /// The model that has answered.
    pub(super) fn model(&self) -> Option<&str> {
        let answered = || self.answer.as_ref().and_then(Answer::model);
        self.told.model.as_deref().or_else(answered)
    }

    /// What the provider says went wrong, in an answer that the function has taken for one.
    pub(super) fn failure(&self) -> Option<Failure> {
        let error = self.answer.as_ref()?.error()?;
        let kind = error.kind.as_deref().unwrap_or("provider_error");
        let failure = Failure::new(kind).message(&error.message);
        Some(match &error.code {
            Some(code) => failure.code(code),
            None => failure,
        })
    }

    /// Tells what is known.
    pub(super) fn tell(&self, facts: &mut Facts, with_answer: bool) {
        if with_answer && let Some(completion) = self.completion() {
            facts.completion(&completion);
        }
        if let Some(answer) = &self.answer {
            facts.usage(answer.usage());
            if let Some(details) = answer.details() {
                facts.returns(&details);
            }
            if let Some(cost) = answer.cost() {
                facts.cost(cost);
            }
        }
        if self.streams
            && let Some(first) = self.first
        {
            facts.time_to_first_token(first);
        }
        self.told.tell(facts, with_answer);
    }

    fn completion(&self) -> Option<Value> {
        if self.told.completion.is_some() {
            return self.told.completion.clone();
        }
        if !self.text.is_empty() {
            return Some(match self.more {
                0 => self.text.as_str().into(),
                more => format!("{}\u{2026} [{more} bytes more]", self.text).into(),
            });
        }
        let answered = self.answer.as_ref().and_then(Answer::completion);
        answered.or_else(|| self.other.clone().filter(|_| self.answer.is_none()))
    }

    /// An item of an answer that has begun, or of one of another form.
    fn read_on(&mut self, json: &Value) -> bool {
        let Some(answer) = &mut self.answer else {
            return false;
        };
        if !json.is_object() {
            return false;
        }
        answer.read(json);
        let has_content = answer.has_content();
        self.came(has_content);
        true
    }

    /// A user's own object, as the answer it stands for.
    fn read_own(&mut self, own: &Own<'_>) {
        if let Some(text) = own.text {
            self.text(text);
        }
        let mut told = Answer::new(Format::OpenAiChat);
        told.read(&json!({ "model": own.model, "usage": own.usage, "choices": [] }));
        if own.usage.is_some() || self.answer.is_none() {
            self.answer = Some(told);
        }
    }

    fn came(&mut self, something: bool) {
        if something && self.first.is_none() {
            let waited = clock::now().saturating_sub(self.began);
            self.first = Some(Duration::from_nanos(waited));
        }
    }
}

impl Told {
    fn tell(&self, facts: &mut Facts, with_answer: bool) {
        let mut usage = Usage::default();
        usage.prompt = self.prompt_tokens;
        usage.completion = self.completion_tokens;
        usage.cached_read = self.cached_read_tokens;
        usage.cached_write = self.cached_write_tokens;
        usage.reasoning = self.reasoning_tokens;
        facts.usage(usage);
        if let Some(cost) = self.cost {
            facts.cost(cost);
        }
        if let Some(micros) = self.time_to_first_token {
            facts.time_to_first_token(Duration::from_micros(micros));
        }
        if let Some(thread) = &self.thread_id {
            facts.thread(thread);
        }
        if let Some(params) = &self.params {
            facts.params(params);
        }
        if with_answer && let Some(returns) = &self.returns {
            facts.returns(returns);
        }
    }
}

/// An answer that is known, in a value or inside of it.
fn find(json: &Value, depth: u32, is_item: bool) -> Option<(Format, &Value)> {
    let format = Format::of_answer(json).filter(|format| is_item || says(*format, json));
    if let Some(format) = format {
        return Some((format, json));
    }
    let inside = depth.checked_sub(1)?;
    let found = |json| find(json, inside, false);
    match json {
        Value::Array(items) => items.iter().take(MAX_MEMBERS).find_map(found),
        Value::Object(members) => members.values().take(MAX_MEMBERS).find_map(found),
        _ => None,
    }
}

/// Whether a value says something in that form: `{"done":true}` alone may be anything.
fn says(format: Format, json: &Value) -> bool {
    let mut answer = Answer::new(format);
    answer.read(json);
    answer.has_content() || answer.usage().total().is_some()
}

/// A user's own object, or a list of a text and counts.
#[derive(Default)]
struct Own<'a> {
    text: Option<&'a str>,
    model: Option<&'a str>,
    usage: Option<&'a Value>,
}

fn own(json: &Value) -> Option<Own<'_>> {
    let own = match json {
        Value::Object(members) => own_object(json, members),
        Value::Array(items) => {
            let mut own = Own::default();
            for item in items.iter().take(MAX_MEMBERS) {
                own.text = own.text.or(item.as_str());
                if let Value::Object(members) = item {
                    let part = own_object(item, members);
                    own.text = own.text.or(part.text);
                    own.model = own.model.or(part.model);
                    own.usage = own.usage.or(part.usage);
                }
            }
            // Texts in a list are as likely something else.
            own.usage?;
            own
        }
        _ => return None,
    };
    (own.text.is_some() || own.usage.is_some()).then_some(own)
}

fn own_object<'a>(json: &'a Value, members: &'a Map<String, Value>) -> Own<'a> {
    let has_counts = |value: &&Value| COUNTS.iter().any(|key| value.get(*key).is_some());
    let word = |keys: &[&str]| keys.iter().find_map(|key| members.get(*key)?.as_str());
    let inside = USAGES
        .iter()
        .find_map(|key| members.get(*key).filter(has_counts));
    Own {
        text: word(TEXTS),
        model: word(&["model", "model_name"]),
        usage: inside.or_else(|| Some(json).filter(has_counts)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(streams: bool, values: &[Value]) -> Answered {
        let mut answered = Answered::default();
        if streams {
            answered.goes_on();
        }
        for value in values {
            answered.json(value.to_string().as_bytes());
        }
        answered
    }

    #[track_caller]
    fn check(answered: &Answered, completion: Value, usage: Usage) {
        assert_eq!(answered.completion().unwrap_or_default(), completion);
        let known = answered.answer.as_ref().map(Answer::usage);
        assert_eq!(known.unwrap_or_default(), usage);
    }

    fn says(text: &str) -> Value {
        json!({"role": "assistant", "content": text})
    }

    fn openai(text: &str) -> Value {
        json!({
            "id": "1", "object": "chat.completion", "model": "gpt-4o-2024-08-06",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 9, "completion_tokens": 1},
        })
    }

    #[test]
    fn an_answer_by_itself_or_inside_of_something_else() {
        for value in [
            openai("4"),
            json!([openai("4"), 1200]),
            json!({"took": 3, "inner": {"response": openai("4")}}),
        ] {
            let answered = heard(false, &[value]);
            check(&answered, says("4"), Usage::new(9, 1));
            assert_eq!(answered.model(), Some("gpt-4o-2024-08-06"));
        }
    }

    #[test]
    fn a_users_own_object() {
        let own =
            json!({"answer": "4", "model": "m", "usage": {"input_tokens": 9, "output_tokens": 1}});
        let answered = heard(false, &[own]);
        check(&answered, json!("4"), Usage::new(9, 1));
        assert_eq!(answered.model(), Some("m"));
        let own = json!({"text": "4", "prompt_tokens": 9, "completion_tokens": 1});
        check(&heard(false, &[own]), json!("4"), Usage::new(9, 1));
        let pair = json!(["4", {"prompt_tokens": 9, "completion_tokens": 1}]);
        check(&heard(false, &[pair]), json!("4"), Usage::new(9, 1));
    }

    #[test]
    fn what_says_nothing_that_is_known_stays_as_it_is() {
        for value in [
            json!({"done": true}),
            json!({"rows": [1, 2]}),
            json!(["a", "b"]),
            json!(7),
        ] {
            let answered = heard(false, std::slice::from_ref(&value));
            check(&answered, value, Usage::default());
        }
        check(&heard(false, &[json!("4")]), json!("4"), Usage::default());
        check(
            &heard(true, &[json!({"rows": 1})]),
            Value::Null,
            Usage::default(),
        );
    }

    #[test]
    fn items_are_put_together() {
        let delta = |text: &str| json!({"model": "m", "choices": [{"index": 0, "delta": {"content": text}}]});
        let end = json!({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 2}});
        let answered = heard(true, &[delta("fo"), delta("ur"), end]);
        check(&answered, says("four"), Usage::new(9, 2));
        assert!(answered.first.is_some());
        let genai = [
            json!("Start"),
            json!({"Chunk": {"content": "fo"}}),
            json!({"Chunk": {"content": "ur"}}),
            json!({"End": {"captured_usage": {"prompt_tokens": 9, "completion_tokens": 2}}}),
        ];
        check(&heard(true, &genai), says("four"), Usage::new(9, 2));
        let answered = heard(true, &[json!("fo"), json!("ur")]);
        check(&answered, json!("four"), Usage::default());
    }

    #[test]
    fn a_text_is_kept_up_to_a_bound() {
        let mut answered = Answered::default();
        answered.goes_on();
        for _ in 0..3 {
            answered.text(&"\u{e9}".repeat(MAX_TEXT / 4));
        }
        let kept = answered.completion().expect("a text");
        let kept = kept.as_str().expect("a text");
        assert!(kept.len() < MAX_TEXT + 40, "{}", kept.len());
        assert!(
            kept.ends_with("[524288 bytes more]"),
            "{}",
            &kept[kept.len() - 40..]
        );
    }

    #[test]
    fn an_error_inside_of_an_answer_is_the_calls() {
        let error =
            json!({"type": "error", "error": {"type": "overloaded_error", "message": "later"}});
        let begun = json!({"type": "message_start", "message": {"model": "claude", "usage": {"input_tokens": 3}}});
        let failure = heard(true, &[begun, error]).failure();
        assert_eq!(
            failure,
            Some(Failure::new("overloaded_error").message("later"))
        );
    }
}
