//! Calls of language models: what is found in arguments, results and items, on every shape of function.

use std::pin::Pin;
use std::task::{Context, Poll};

use agentops::{LlmEvent, Usage, record_llm, record_tool, track_agent};
use futures_core::Stream;
use serde::Serialize;
use serde_json::{Value, json};

use super::seen::wait;
use super::{CAUSE, NotFound, Opaque, not_found};

/// The LLM calls of a session, without what differs from run to run; a parent, an agent and an error by name.
#[cfg(feature = "enable")]
#[track_caller]
#[expect(
    clippy::needless_pass_by_value,
    reason = "it is written where it is expected"
)]
fn recorded<R>(run: impl FnOnce() -> R, expected: Value) -> R {
    let captured = agentops::testing::capture(|_| run());
    let export = &captured.export;
    let shown = |event: &Value| {
        let mut shown = serde_json::Map::new();
        for key in [
            "model",
            "prompt",
            "completion",
            "params",
            "returns",
            "prompt_tokens",
            "completion_tokens",
            "cached_read_tokens",
            "reasoning_tokens",
            "cost",
            "status",
        ] {
            if !event[key].is_null() {
                shown.insert(key.to_owned(), event[key].clone());
            }
        }
        if event["returns"]["time_to_first_item_us"].is_u64() {
            shown["returns"]["time_to_first_item_us"] = "measured".into();
        }
        if event["time_to_first_token"].is_u64() {
            shown.insert("first_token".to_owned(), "measured".into());
        }
        for (key, list, id, name) in [
            ("under", "llms", "parent_id", "model"),
            ("by", "agents", "agent_id", "name"),
        ] {
            let list = export[list].as_array().expect("a list");
            let other = list.iter().find(|other| other["id"] == event[id]);
            if let Some(other) = other.filter(|other| other[name] != "Default Agent") {
                shown.insert(key.to_owned(), other[name].clone());
            }
        }
        let errors = export["errors"].as_array().expect("a list");
        let fault = errors
            .iter()
            .find(|fault| fault["trigger_event_id"] == event["id"]);
        if let Some(fault) = fault {
            let details = &fault["details"];
            let told = json!([fault["error_type"], details["message"], details["chain"]]);
            shown.insert("error".to_owned(), told);
        }
        assert!(event["end_timestamp"].is_string(), "{event:#}");
        Value::Object(shown)
    };
    let seen: Value = captured.events("llms").iter().map(shown).collect();
    assert_eq!(seen, expected, "{seen:#}");
    let errors = export["errors"].as_array().expect("a list").len();
    let faults = seen.as_array().expect("a list").iter();
    assert_eq!(
        faults.filter(|call| call["error"].is_array()).count(),
        errors
    );
    captured.result
}

/// Runs code with a session that records nothing: the feature is off.
#[cfg(not(feature = "enable"))]
#[expect(
    clippy::needless_pass_by_value,
    reason = "it is written where it is expected"
)]
fn recorded<R>(run: impl FnOnce() -> R, expected: Value) -> R {
    assert!(expected.is_array());
    let session = agentops::init(agentops::Config::new());
    let _inside = session.enter();
    run()
}

/// Runs a shape off and on.
#[track_caller]
fn check<R: PartialEq + std::fmt::Debug>(run: impl Fn() -> R, result: &R, expected: Value) {
    assert_eq!(run(), *result, "without a session");
    recorded(|| assert_eq!(run(), *result, "in a session"), expected);
}

/// As the clients of providers have them.
#[derive(Clone, Serialize)]
struct Request {
    model: &'static str,
    messages: Vec<Message>,
    temperature: Option<f32>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Message {
    role: &'static str,
    content: String,
}

#[derive(Debug, PartialEq, Serialize)]
struct Response {
    model: &'static str,
    choices: Vec<Choice>,
    usage: Counts,
}

#[derive(Debug, PartialEq, Serialize)]
struct Choice {
    index: u32,
    message: Message,
    finish_reason: &'static str,
}

#[derive(Debug, PartialEq, Serialize)]
struct Counts {
    prompt_tokens: u64,
    completion_tokens: u64,
}

fn request(text: &str) -> Request {
    let content = text.to_owned();
    Request {
        model: "gpt-4",
        messages: vec![Message {
            role: "user",
            content,
        }],
        temperature: Some(0.5),
    }
}

fn response(text: &str) -> Response {
    let content = text.to_owned();
    Response {
        model: "gpt-4-0613",
        choices: vec![Choice {
            index: 0,
            message: Message {
                role: "assistant",
                content,
            },
            finish_reason: "stop",
        }],
        usage: Counts {
            prompt_tokens: 150,
            completion_tokens: 80,
        },
    }
}

/// A call of [`request`] that [`response`] answers.
fn whole() -> Value {
    json!({
        "model": "gpt-4",
        "prompt": {"type": "chatml", "messages": [{"role": "user", "content": "2 + 2?"}]},
        "params": {"temperature": 0.5},
        "completion": {"type": "chatml", "messages": {"role": "assistant", "content": "4"}},
        "returns": {"finish_reason": "stop", "response_model": "gpt-4-0613"},
        "prompt_tokens": 150, "completion_tokens": 80, "cost": 0.0093, "status": "ok",
    })
}

fn asked(prompt: &str) -> Value {
    json!({"prompt": {"type": "string", "string": prompt}, "model": "", "status": "ok"})
}

/// One more than what `call` says.
fn with(mut call: Value, more: Value) -> Value {
    let (Some(call_members), Value::Object(more)) = (call.as_object_mut(), more) else {
        panic!("objects")
    };
    call_members.extend(more);
    call_members.retain(|_, value| !value.is_null());
    call
}

fn text(text: &str) -> Value {
    json!({"completion": {"type": "string", "string": text}})
}

#[record_llm]
fn chat(request: &Request) -> Response {
    let _ = request;
    response("4")
}

#[record_llm]
async fn chat_later(request: Request, fail: bool) -> Result<(Response, u8), NotFound> {
    tokio::task::yield_now().await;
    if fail {
        return Err(not_found());
    }
    Ok((
        response(&request.messages[0].content.replace("2 + 2?", "4")),
        7,
    ))
}

#[record_llm]
fn ask(question: &str) -> String {
    question.to_uppercase()
}

#[record_llm]
fn panics(question: &str) -> String {
    panic!("no {question}")
}

#[record_llm]
fn unbounded<T>(question: T, _unused: u8) -> Opaque {
    drop(question);
    Opaque(1)
}

#[test]
fn whole_answers() {
    check(
        || chat(&request("2 + 2?")),
        &response("4"),
        json!([whole()]),
    );
    let run = || wait(chat_later(request("2 + 2?"), false)).ok();
    let params = json!({"temperature": 0.5, "fail": false});
    let seen = with(whole(), json!({"params": params}));
    check(run, &Some((response("4"), 7)), json!([seen]));
    let run = || wait(chat_later(request("2 + 2?"), true)).is_err();
    let failed = json!({
        "status": "error", "params": {"temperature": 0.5, "fail": true},
        "error": [std::any::type_name::<NotFound>(), "no such file", [CAUSE]],
        "completion": null, "returns": null, "cost": null, "prompt_tokens": null, "completion_tokens": null,
    });
    check(run, &true, json!([with(whole(), failed)]));
    let run = || drop(chat_later(request("2 + 2?"), false));
    check(run, &(), json!([]));
    check(
        || ask("hi"),
        &"HI".to_owned(),
        json!([with(asked("hi"), text("HI"))]),
    );
    let run = || std::panic::catch_unwind(|| panics("hi")).is_err();
    let panicked = json!({"status": "panicked", "error": ["panic", "no hi", []]});
    check(run, &true, json!([with(asked("hi"), panicked)]));
    let params = json!({"params": {"_unused": 2}});
    let seen = with(asked("&str"), text(std::any::type_name::<Opaque>()));
    check(|| unbounded("hi", 2).0, &1, json!([with(seen, params)]));
}

/// Gives its items, waiting once before each.
struct Items<T>(std::vec::IntoIter<T>, bool);

impl<T: Unpin> Stream for Items<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        self.1 = !self.1;
        if self.1 {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(self.0.next())
    }
}

fn items<T>(all: Vec<T>) -> Items<T> {
    Items(all.into_iter(), false)
}

/// Chunks as providers send them.
fn chunks() -> Vec<Value> {
    let delta = |text: &str| json!({"model": "gpt-4-0613", "choices": [{"index": 0, "delta": {"content": text}}]});
    vec![
        delta("fo"),
        delta("ur"),
        json!({"choices": [], "usage": {"prompt_tokens": 150, "completion_tokens": 80}}),
    ]
}

#[record_llm("gpt-4")]
fn stream(question: &str) -> impl Stream<Item = Value> + Send + use<> {
    let _ = question;
    items(chunks())
}

type Boxed<'a> = Pin<Box<dyn Stream<Item = Result<Value, NotFound>> + Send + 'a>>;

#[record_llm(model = "gpt-4")]
async fn boxed_later(question: &str, breaks: bool) -> Result<Boxed<'static>, NotFound> {
    tokio::task::yield_now().await;
    if question.is_empty() {
        return Err(not_found());
    }
    let mut all: Vec<_> = chunks().into_iter().map(Ok).collect();
    if breaks {
        all[1] = Err(not_found());
        all.truncate(2);
    }
    Ok(Box::pin(items(all)))
}

#[record_llm(skip_all)]
async fn texts() -> impl Stream<Item = Result<String, NotFound>> {
    items(vec![Ok("fo".to_owned()), Ok("ur".to_owned())])
}

#[record_llm]
fn tokens(question: &str) -> Box<dyn Iterator<Item = &str> + Send + '_> {
    Box::new(question.split(' '))
}

/// Counts the items of a stream, at most some.
fn drain(stream: impl Stream, at_most: usize) -> usize {
    wait(async {
        let mut stream = std::pin::pin!(stream);
        let mut count = 0;
        while count < at_most
            && std::future::poll_fn(|context| stream.as_mut().poll_next(context))
                .await
                .is_some()
        {
            count += 1;
        }
        count
    })
}

#[test]
fn streams_are_put_together() {
    let came = |count: u64, complete: bool, text: &str| {
        json!({
            "model": "gpt-4",
            "completion": {"type": "chatml", "messages": {"role": "assistant", "content": text}},
            "returns": {"items": count, "time_to_first_item_us": "measured", "complete": complete},
            "first_token": "measured",
        })
    };
    let counted = json!({"prompt_tokens": 150, "completion_tokens": 80, "cost": 0.0093});
    let seen = with(asked("hi"), with(came(3, true, "four"), counted.clone()));
    check(|| drain(stream("hi"), 9), &3, json!([seen]));
    let seen = with(asked("hi"), came(1, false, "fo"));
    let seen = with(seen, json!({"status": "cancelled"}));
    check(|| drain(stream("hi"), 1), &1, json!([seen]));

    let run = |question, breaks, count| {
        wait(boxed_later(question, breaks)).map_or(0, |stream| drain(stream, count))
    };
    let params = |breaks: bool| json!({"params": {"breaks": breaks}});
    let seen = with(asked("hi"), with(came(3, true, "four"), counted));
    check(
        || run("hi", false, 9),
        &3,
        json!([with(seen, params(false))]),
    );
    let error = json!({
        "status": "error",
        "error": [std::any::type_name::<NotFound>(), "no such file", [CAUSE]],
    });
    let seen = with(with(asked("hi"), came(2, true, "fo")), error.clone());
    check(|| run("hi", true, 9), &2, json!([with(seen, params(true))]));
    let seen = with(with(asked(""), json!({"model": "gpt-4"})), error);
    check(|| run("", true, 9), &0, json!([with(seen, params(true))]));

    let came = |count: u64| {
        json!({
            "returns": {"items": count, "time_to_first_item_us": "measured", "complete": true},
            "first_token": "measured",
        })
    };
    let seen = with(with(asked(""), text("four")), came(2));
    let seen = with(seen, json!({"prompt": null}));
    check(|| drain(wait(texts()), 9), &2, json!([seen]));
    let seen = with(with(asked("a b"), text("ab")), came(2));
    check(|| tokens("a b").count(), &2, json!([seen]));
}

/// Of another crate.
struct Reply {
    text: String,
    inner: Response,
}

fn look(reply: &Reply) -> LlmEvent {
    LlmEvent::new("gpt-4")
        .completion(&reply.text)
        .usage(Usage::new(150, 80).cached_read(50).reasoning(8))
}

fn look_inside(reply: &Reply) -> &Response {
    &reply.inner
}

fn look_and_panic(_: &Reply) -> String {
    panic!("not found")
}

impl Reply {
    fn new(text: &str) -> Reply {
        Reply {
            text: text.to_owned(),
            inner: response(text),
        }
    }

    fn text(&self) -> &str {
        &self.text
    }
}

struct Llm {
    model: String,
    greeting: String,
}

impl Llm {
    #[record_llm(model = self.model, prompt = format!("{} {text}", self.greeting), extract = look, skip(text))]
    fn by_event(&self, text: &str) -> Result<Reply, NotFound> {
        let _ = text;
        Ok(Reply::new("4"))
    }

    #[record_llm(model = self.model, prompt = self.greeting, extract = look_inside, skip_all)]
    async fn by_value(self: Box<Self>, _text: &str) -> Reply {
        Reply::new("4")
    }

    #[record_llm(extract = Reply::text, fields(greets = self.greeting))]
    fn by_text(&mut self) -> impl Stream<Item = Result<Reply, NotFound>> + use<> {
        self.greeting.clear();
        items(vec![Ok(Reply::new("fo")), Ok(Reply::new("ur"))])
    }

    #[record_llm(extract = look_and_panic, skip_all)]
    fn by_panic(&self) -> Reply {
        Reply::new(&self.model)
    }

    #[record_llm(ret = false)]
    fn kept_back(&self, request: &Request) -> Response {
        let _ = request;
        response(&self.model)
    }
}

#[test]
fn what_the_user_says() {
    let llm = || Llm {
        model: "gpt-4".to_owned(),
        greeting: "hello".to_owned(),
    };
    let counted = json!({"prompt_tokens": 150, "completion_tokens": 80});
    let seen = with(with(asked("hello world"), text("4")), counted.clone());
    let parts =
        json!({"model": "gpt-4", "cached_read_tokens": 50, "reasoning_tokens": 8, "cost": 0.0093});
    let run = || llm().by_event("world").map(|reply| reply.text).ok();
    check(run, &Some("4".to_owned()), json!([with(seen, parts)]));

    let prompt = json!({"prompt": {"type": "string", "string": "hello"}, "params": null});
    let seen = with(whole(), prompt);
    let run = || wait(Box::new(llm()).by_value("x")).text;
    check(run, &"4".to_owned(), json!([seen]));

    let came = json!({
        "returns": {"items": 2, "time_to_first_item_us": "measured", "complete": true},
        "first_token": "measured",
    });
    let seen = with(with(asked("hello"), text("four")), came);
    check(|| drain(llm().by_text(), 9), &2, json!([seen]));

    let seen = json!({
        "model": "", "status": "ok",
        "completion": {"unserializable": "the function of `extract` panicked"},
    });
    let kept = |export: &Value| export["completion"].to_string().contains("panicked");
    assert!(kept(&seen));
    check(|| llm().by_panic().text, &"gpt-4".to_owned(), json!([seen]));

    let kept_back = with(whole(), json!({"completion": null}));
    check(
        || llm().kept_back(&request("2 + 2?")),
        &response("gpt-4"),
        json!([kept_back]),
    );
}

#[record_tool]
fn search(query: &str) -> usize {
    query.len()
}

#[record_llm]
async fn around(request: Request, times: u8) -> u64 {
    let mut tokens = 0;
    for _ in 0..times {
        tokens += chat(&request).usage.completion_tokens;
    }
    tokens + u64::try_from(search("x")).unwrap_or(0)
}

#[track_agent(name = "Critic")]
#[record_llm]
fn judge(request: &Request) -> Response {
    let _ = request;
    response("4")
}

#[record_llm(agent = "Editor")]
#[track_caller]
fn edit(request: &Request) -> Option<Response> {
    let text = request.messages.first()?;
    Some(response(&text.content.replace("2 + 2?", "4")))
}

#[test]
fn calls_around_calls_agents_and_callers() {
    // Seen from two places it is one call, told by the nearer.
    check(|| wait(around(request("2 + 2?"), 1)), &81, json!([whole()]));
    let second = with(whole(), json!({"under": "gpt-4"}));
    let run = || wait(around(request("2 + 2?"), 2));
    check(run, &161, json!([whole(), second]));
    let seen = with(whole(), json!({"by": "Critic"}));
    check(|| judge(&request("2 + 2?")), &response("4"), json!([seen]));
    let seen = with(whole(), json!({"by": "Editor"}));
    check(
        || edit(&request("2 + 2?")),
        &Some(response("4")),
        json!([seen]),
    );
}

#[async_trait::async_trait]
trait Model {
    async fn complete(&self, prompt: &str) -> anyhow::Result<String>;
}

struct Parrot;

#[async_trait::async_trait]
impl Model for Parrot {
    #[record_llm("gpt-4")]
    async fn complete(&self, prompt: &str) -> anyhow::Result<String> {
        tokio::task::yield_now().await;
        anyhow::ensure!(!prompt.is_empty(), "nothing to say");
        Ok(prompt.to_owned())
    }
}

#[test]
fn async_functions_of_traits() {
    let named = json!({"model": "gpt-4"});
    let seen = with(with(asked("hi"), text("hi")), named.clone());
    let run = || wait(Parrot.complete("hi")).ok();
    check(run, &Some("hi".to_owned()), json!([seen]));
    let error = json!({
        "status": "error",
        "error": [std::any::type_name::<anyhow::Error>(), "nothing to say", []],
    });
    let seen = with(with(asked(""), named), error);
    check(|| wait(Parrot.complete("")).is_err(), &true, json!([seen]));
}

#[cfg(feature = "enable")]
#[test]
fn a_call_that_is_dropped_is_cancelled_and_metadata_is_all_that_is_kept_where_asked() {
    #[record_llm("gpt-4")]
    async fn waits(question: &str) -> String {
        std::future::pending::<()>().await;
        question.to_owned()
    }
    let run = || {
        wait(async {
            tokio::select! {
                biased;
                _ = waits("hi") => false,
                () = tokio::task::yield_now() => true,
            }
        })
    };
    let seen = with(
        asked("hi"),
        json!({"model": "gpt-4", "status": "cancelled"}),
    );
    check(run, &true, json!([seen]));

    let folder = tempfile::tempdir().expect("a folder");
    let config = agentops::Config::new()
        .data_dir(folder.path())
        .content(agentops::Content::MetadataOnly);
    let session = agentops::Client::new(config).start_session(agentops::SessionOptions::new());
    let inside = session.enter();
    chat(&request("2 + 2?"));
    drop(inside);
    let ended = session.end(agentops::EndState::Success).wait();
    assert_eq!(
        ended.cost.map(|cost| cost.to_string()).as_deref(),
        Some("0.00930")
    );
    let mut spool = String::new();
    let mut folders = vec![folder.path().to_owned()];
    while let Some(inside) = folders.pop() {
        for entry in std::fs::read_dir(inside).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(text) = std::fs::read_to_string(&path) {
                spool.push_str(&text);
            }
        }
    }
    assert!(spool.contains("\"prompt_tokens\":150"), "{spool}");
    assert!(
        !spool.contains("2 + 2?") && !spool.contains("assistant"),
        "{spool}"
    );
}
