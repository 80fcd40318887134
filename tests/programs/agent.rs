//! An agent that does one of everything, and keeps its own list of what it did.
//!
//! `agent LIST [mixed]`: the list goes to the file LIST; with `mixed` it also calls models whose price nobody knows.

use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use agentops::{
    ActionEvent, Agent, Config, EndState, ErrorEvent, InSession, LlmEvent, Session, ToolEvent,
    Usage, record_action, record_tool,
};
use agentops_tests::{Failure, Ledger, Llm, SessionEntry, unix_micros};
use anyhow::Context as _;
use serde::Serialize;
use serde_json::json;

static LEDGER: OnceLock<Ledger> = OnceLock::new();
static SESSION: OnceLock<Session> = OnceLock::new();

fn ledger() -> &'static Ledger {
    LEDGER.get().expect("made first thing in main")
}

fn session() -> &'static Session {
    SESSION.get().expect("made in main")
}

#[derive(Debug, Serialize)]
struct Hit {
    title: String,
    score: f64,
}

#[derive(Debug)]
struct SearchError {
    query: String,
    source: std::io::Error,
}

impl fmt::Display for SearchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot search {:?}", self.query)
    }
}

impl Error for SearchError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}

#[derive(Debug)]
struct PlanError(SearchError);

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no plan")
    }
}

impl Error for PlanError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

#[record_tool]
async fn search(n: u64, query: &str, limit: usize) -> Result<Vec<Hit>, SearchError> {
    let _ = n;
    tokio::task::yield_now().await;
    if limit == 0 {
        return Err(failing(query));
    }
    let hit = |at| Hit {
        title: format!("{query} #{at}"),
        score: 0.5,
    };
    Ok((0..limit).map(hit).collect())
}

fn failing(query: &str) -> SearchError {
    SearchError {
        query: query.to_owned(),
        source: std::io::Error::other("the index is gone"),
    }
}

async fn do_search(
    parent: Option<u64>,
    agent: Option<&str>,
    query: &str,
    limit: usize,
) -> Result<Vec<Hit>, SearchError> {
    let mut call = ledger()
        .begin("tool", "search", parent)
        .params(&json!({ "query": query, "limit": limit }));
    if let Some(agent) = agent {
        call = call.agent(agent);
    }
    let found = search(call.n(), query, limit).await;
    match &found {
        Ok(_) => {
            let hit = |at| json!({ "title": format!("{query} #{at}"), "score": 0.5 });
            call.returned((0..limit).map(hit).collect());
        }
        Err(_) => {
            let message = format!("cannot search {query:?}");
            call.failed(Failure::new("SearchError", message).caused_by("the index is gone"));
        }
    }
    found
}

/// Methods, with what they are allowed to leave out.
struct Planner {
    model: &'static str,
    memory: Vec<String>,
}

impl Planner {
    #[record_action(skip(who), fields(model = self.model))]
    async fn plan(&self, n: u64, goal: &str, who: Option<&str>) -> Result<usize, PlanError> {
        let both = tokio::join!(
            do_search(Some(n), who, goal, 2),
            do_search(Some(n), who, "weather in Köln \"now\"\n\u{1F980}", 1),
        );
        think(Some(n), who);
        if goal.is_empty() {
            do_search(Some(n), who, "", 0).await.map_err(PlanError)?;
        }
        Ok(both.0.map_or(0, |hits| hits.len()) + both.1.map_or(0, |hits| hits.len()))
    }

    #[record_tool(name = "memorise fact", skip(secret), ret = false)]
    fn memorise(&mut self, n: u64, fact: &str, secret: &[u8]) -> usize {
        let _ = n;
        self.memory.push(fact.to_owned());
        secret.len()
    }
}

async fn do_plan(planner: &Planner, who: Option<&str>, goal: &str) {
    let mut call = ledger()
        .begin("action", "plan", None)
        .params(&json!({ "goal": goal, "model": planner.model }));
    if let Some(who) = who {
        call = call.agent(who);
    }
    match planner.plan(call.n(), goal, who).await {
        Ok(hits) => call.returned(json!(hits)),
        Err(_) => {
            let failure = Failure::new("PlanError", "no plan");
            call.failed(
                failure
                    .caused_by("cannot search \"\"")
                    .caused_by("the index is gone"),
            );
        }
    }
}

/// A call of a model, recorded when it is over: 150 tokens for 30 and 80 for 60 dollars a million.
fn think(parent: Option<u64>, who: Option<&str>) {
    let prompt = json!([
        { "role": "system", "content": "You plan." },
        { "role": "user", "content": "What next?" },
    ]);
    let completion = json!({ "role": "assistant", "content": "Search." });
    let mut call = ledger().begin("llm", "gpt-4", parent).llm(Llm {
        prompt: json!({ "type": "chatml", "messages": prompt }),
        completion: json!({ "type": "chatml", "messages": completion }),
        prompt_tokens: Some(150),
        completion_tokens: Some(80),
        cost: Some("0.00930".to_owned()),
        ..Llm::default()
    });
    if let Some(who) = who {
        call = call.agent(who);
    }
    session().record(
        LlmEvent::new("gpt-4")
            .prompt(&prompt)
            .completion(&completion)
            .usage(Usage::new(150, 80))
            .params(&json!({ "n": call.n() })),
    );
    call.returned(json!(null));
}

#[record_action]
fn add_up(n: u64, numbers: Vec<i64>, note: Option<&str>) -> i64 {
    let _ = (n, note);
    numbers.iter().sum()
}

#[record_tool]
fn divide(n: u64, by: i64) -> i64 {
    let _ = n;
    assert!(by != 0, "divided by {by}");
    1 / by
}

/// The line of the `assert!` above.
const DIVIDES: u32 = line!() - 5;

#[record_action]
fn risky(n: u64) -> &'static str {
    let call = ledger()
        .begin("tool", "divide", Some(n))
        .params(&json!({ "by": 0 }));
    let number = call.n();
    let caught = catch_unwind(AssertUnwindSafe(|| divide(number, 0)));
    assert!(caught.is_err(), "it panics");
    let place = format!("{}:{DIVIDES}", file!());
    call.panicked(Failure::new("panic", "divided by 0").at(place));
    "survived"
}

#[record_tool]
fn parse(n: u64, text: &str) -> Result<u8, String> {
    let _ = n;
    text.parse()
        .map_err(|error| format!("{text:?} is no number: {error}"))
}

#[record_action]
fn opens(n: u64) -> anyhow::Result<()> {
    let _ = n;
    Err(std::io::Error::other("disk on fire")).context("cannot open the notes")
}

#[record_action]
async fn waits(n: u64, seconds: f32) {
    let _ = do_search(Some(n), None, "first", 1).await;
    tokio::time::sleep(Duration::from_secs_f32(seconds)).await;
}

#[record_action]
async fn fans_out(n: u64) -> u64 {
    let one = agentops::spawn(async move { do_search(Some(n), None, "one", 1).await.is_ok() });
    let work = async move { do_search(Some(n), None, "two", 1).await.is_ok() };
    let two = tokio::spawn(work.in_current());
    u64::from(one.await.unwrap_or(false)) + u64::from(two.await.unwrap_or(false))
}

/// Everything by attribute.
async fn by_attribute(researcher: &Agent) {
    let mut planner = Planner {
        model: "gpt-4",
        memory: Vec::new(),
    };
    do_plan(&planner, None, "find the users table").await;
    let work = do_plan(&planner, Some("Researcher"), "");
    researcher.scope(work).await;

    let call = ledger()
        .begin("tool", "memorise fact", None)
        .params(&json!({ "fact": "it rains" }));
    planner.memorise(call.n(), "it rains", b"hush");
    call.returned(json!(null));

    let call = ledger()
        .begin("action", "add_up", None)
        .params(&json!({ "numbers": [1, -2, i64::MAX - 7], "note": null }));
    let sum = add_up(call.n(), vec![1, -2, i64::MAX - 7], None);
    call.returned(json!(sum));

    let call = ledger().begin("action", "risky", None);
    let survived = risky(call.n());
    call.returned(json!(survived));

    let call = ledger()
        .begin("tool", "parse", None)
        .params(&json!({ "text": "4o" }));
    assert!(parse(call.n(), "4o").is_err(), "no number");
    let message = "\"4o\" is no number: invalid digit found in string";
    call.failed(Failure::new("String", message));

    let call = ledger().begin("action", "opens", None);
    assert!(opens(call.n()).is_err(), "a fire");
    call.failed(Failure::new("Error", "cannot open the notes").caused_by("disk on fire"));

    let call = ledger()
        .begin("action", "waits", None)
        .params(&json!({ "seconds": 3600.0 }));
    let waiting = waits(call.n(), 3600.0);
    let given_up = tokio::time::timeout(Duration::from_millis(50), waiting).await;
    assert!(given_up.is_err(), "nobody waits an hour");
    call.cancelled();

    let call = ledger().begin("action", "fans_out", None);
    let done = fans_out(call.n()).await;
    call.returned(json!(done));
}

/// Events built by hand.
fn by_hand(writer: &Agent) {
    let call = ledger()
        .begin("tool", "sql", None)
        .params(&json!({ "text": "SELECT 1" }));
    let params = json!({ "n": call.n(), "text": "SELECT 1" });
    let running = session().start(ToolEvent::new("sql").params(&params));
    running.finish(&json!([[1]]));
    call.returned(json!([[1]]));

    let call = ledger().begin("tool", "upload", None).agent("Writer");
    let failed = call.n();
    let inside = writer.enter();
    let running = session().start(ToolEvent::new("upload").params(&json!({ "n": failed })));
    drop(inside);
    let trigger = running.id().expect("it is recorded");
    running.fail(&failing("uploads"));
    let failure = Failure::new("SearchError", "cannot search \"uploads\"");
    call.failed(failure.caused_by("the index is gone"));

    let call = ledger().begin("action", "click", None);
    let params = json!({ "n": call.n() });
    drop(session().start(ActionEvent::new("click").params(&params)));
    call.cancelled();

    let started = unix_micros() - 5_000_000;
    let call = ledger()
        .begin("action", "yesterday's", None)
        .exactly(started, started + 250_000);
    let at = u64::try_from(started).expect("after 1970");
    session().record(
        ActionEvent::new("yesterday's")
            .started(SystemTime::UNIX_EPOCH + Duration::from_micros(at))
            .took(Duration::from_millis(250))
            .params(&json!({ "n": call.n() }))
            .returns(&"late"),
    );
    call.returned(json!("late"));

    let call = ledger()
        .begin("error", "RateLimit", None)
        .triggered_by(failed)
        .code("429");
    session().record(
        ErrorEvent::new("RateLimit")
            .message("slow down")
            .code("429")
            .trigger(&trigger)
            .logs(&json!({ "n": call.n() })),
    );
    call.failed(Failure::new("RateLimit", "slow down"));

    let call = ledger().begin("error", "SearchError", None);
    session().record(ErrorEvent::from_error(&failing("alone")).logs(&json!({ "n": call.n() })));
    let failure = Failure::new("SearchError", "cannot search \"alone\"");
    call.failed(failure.caused_by("the index is gone"));
}

/// 600 tokens for 2.5, 400 from the cache for 1.25, and 200 for 10 dollars a million.
fn ask_with_a_cache() {
    let call = ledger().begin("llm", "gpt-4o", None).llm(Llm {
        prompt: json!({ "type": "string", "string": "2 + 2?" }),
        completion: json!({ "type": "string", "string": "4" }),
        prompt_tokens: Some(1_000),
        completion_tokens: Some(200),
        cached_read_tokens: Some(400),
        cost: Some("0.004".to_owned()),
    });
    let params = json!({ "n": call.n() });
    let running = session().start(LlmEvent::new("gpt-4o").prompt("2 + 2?").params(&params));
    running
        .usage(Usage::new(1_000, 200).cached_read(400))
        .finish("4");
    call.returned(json!(null));
}

/// A price that only the caller knows.
fn ask_a_model_of_our_own() {
    let call = ledger().begin("llm", "house-model-7b", None).llm(Llm {
        prompt: json!({ "type": "string", "string": "Who?" }),
        completion: json!({ "type": "string", "string": "You." }),
        prompt_tokens: Some(3),
        completion_tokens: Some(2),
        cost: Some("0.0123".to_owned()),
        ..Llm::default()
    });
    session().record(
        LlmEvent::new("house-model-7b")
            .prompt("Who?")
            .completion("You.")
            .usage(Usage::new(3, 2))
            .cost("0.0123".parse().expect("an amount"))
            .params(&json!({ "n": call.n() })),
    );
    call.returned(json!(null));
}

/// Calls of which nobody knows the price.
fn ask_without_a_price() {
    let call = ledger().begin("llm", "house-model-7b", None).llm(Llm {
        prompt: json!({ "type": "string", "string": "Why?" }),
        completion: json!({ "type": "string", "string": "So." }),
        prompt_tokens: Some(7),
        completion_tokens: Some(5),
        ..Llm::default()
    });
    session().record(
        LlmEvent::new("house-model-7b")
            .prompt("Why?")
            .completion("So.")
            .usage(Usage::new(7, 5))
            .params(&json!({ "n": call.n() })),
    );
    call.returned(json!(null));
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let list = arguments.next().expect("usage: agent LIST [mixed]");
    let mixed = arguments.next().is_some_and(|word| word == "mixed");
    let _ = LEDGER.set(Ledger::create(Path::new(&list)));

    let before = unix_micros();
    let session = agentops::init(Config::from_env().default_tags(["draft", "e2e"]));
    let started = unix_micros();
    let _ = SESSION.set(session.clone());
    session.add_tags(["gone"]);
    session.set_tags(["final", "two"]);
    session.add_tags(["three", "two"]);
    let (researcher, writer) = (
        session.create_agent("Researcher"),
        session.create_agent("Writer"),
    );

    by_attribute(&researcher).await;
    by_hand(&writer);
    ask_with_a_cache();
    ask_a_model_of_our_own();
    if mixed {
        ask_without_a_price();
    }

    let analytics = session.analytics().await.expect("counts of the session");
    let ending = unix_micros();
    let end = session.end(EndState::Success).reason("all done");
    let ended = end.video("https://example.org/run.mp4").await;
    assert!(ended.delivered, "everything arrived within the time");
    let over = unix_micros();
    let export = agentops::export(session.id()).await;
    ledger().session(SessionEntry {
        id: session.id().to_owned(),
        tags: ["final", "two", "three"].map(str::to_owned).to_vec(),
        end_state: "Success".to_owned(),
        end_state_reason: Some("all done".to_owned()),
        video: Some("https://example.org/run.mp4".to_owned()),
        agents: ["Researcher", "Writer"].map(str::to_owned).to_vec(),
        directory: std::env::current_dir()
            .expect("a directory")
            .display()
            .to_string(),
        times: [before, started, ending, over],
        analytics: serde_json::to_value(&analytics).expect("plain data"),
        export: export.expect("the export of the session"),
    });
}
