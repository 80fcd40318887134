//! Observability for LLM agents: annotate functions, and every run becomes a *session* of timed
//! actions, tool calls, LLM calls and errors, with arguments, results, tokens and cost.
//!
//! ```no_run
//! use agentops::{record_action, record_tool};
//!
//! #[record_tool]
//! fn search(query: &str, limit: usize) -> Result<Vec<String>, std::io::Error> {
//!     Ok(vec![query.to_owned(); limit])
//! }
//!
//! #[record_action]
//! fn plan(goal: &str) -> String {
//!     search(goal, 3).map(|hits| hits.join(", ")).unwrap_or_default()
//! }
//!
//! #[agentops::session(tags = ["research"])]
//! fn main() {
//!     plan("find the users table");
//! }
//! ```
//!
//! Without a key and an endpoint, sessions stay in a local directory that the command `agentops`
//! shows and `agentops serve` opens. With `AGENTOPS_API_ENDPOINT` and `AGENTOPS_API_KEY` they are
//! sent to a server of the AgentOps REST API v2.
//!
//! # What is recorded
//! An argument is written as JSON if it is `Serialize`, else as its `Debug` text, else as the
//! name of its type; the same for the result. An error is recorded with its type, its text and
//! its sources, a panic with its message and place, a dropped future as cancelled. `self` is
//! recorded only by `fields(..)`; a generic argument without bounds only by its type's name,
//! because nothing else is known of it there.
//!
//! # Never in the way
//! Recording returns nothing, never waits for I/O, never panics and never changes what a function
//! returns. What had to be dropped is counted: [`Session::dropped`].
//!
//! Secrets are masked before anything is written: values of keys like `api_key` or `password`
//! ([`Config::redact_keys`] adds more) and the shapes of known tokens.

pub use agentops_core::{
    ActionEvent, Agent, Analytics, ApiKey, Client, Config, ConfigError, Content, Durability, End,
    EndState, Ended, Entered, ErrorEvent, Event, EventId, FetchError, InSession, LlmEvent, Loss,
    ModelStats, OpenCall, Scoped, Session, SessionOptions, Settings, Stats, StatsLine, SummaryLine,
    Timestamp, ToolEvent, Usage, Usd, VARIABLES, Variable, current_event, current_session,
    data_dir, dropped_without_session, export, in_current, init, spawn, start_session, stats,
};
/// Records each call of a function as an action: arguments, result, duration, and how it ended.
///
/// It goes on functions and methods, sync and async, generic or not, below or above other
/// attributes. The function keeps its result, its `Send`-ness, its borrows, the lines of its
/// compiler errors and the order in which it drops; without a session it costs about a nanosecond.
/// A `const fn` cannot be recorded.
///
/// # What it becomes
/// ```ignore
/// #[record_action]
/// fn add(a: i32, b: i32) -> i32 {
///     a + b
/// }
/// ```
/// becomes, shortened,
/// ```ignore
/// fn add(a: i32, b: i32) -> i32 {
///     let call = v1::start(SITE, |params| { /* "a": a, "b": b, only if a session records */ });
///     v1::run(call, move || -> i32 { a + b }, |ret, call| { /* what is learnt from the result */ })
/// }
/// ```
/// and an `async fn` wraps its body in a future that keeps the call open through every poll:
/// ```ignore
/// async fn search(query: &str) -> Result<Hits, Error> {
///     let call = v1::start(SITE, |params| { /* "query": query */ });
///     let future = async move { /* the body */ };
///     match call {
///         Some(call) => v1::Recorded::new(Some(call), future, |ret, call| { /* .. */ }).await,
///         None => future.await,
///     }
/// }
/// ```
/// The body stays the tokens you wrote. How a value is written is chosen by its type where the
/// function is written, so nothing is asked of your types.
///
/// # Options
/// | option | |
/// |---|---|
/// | `name = "…"`, or just `"…"` | the event's name; else the function's |
/// | `skip(a, b)`, `skip_all` | arguments that are not captured |
/// | `ret = false` | the result is not captured; errors are |
/// | `fields(key = expr)` | captured beside the arguments; may use `self`; runs only when recorded |
/// | `session = expr` | a [`Session`] other than the current one |
/// | `agent = expr` | who acts: an [`Agent`], or a name as with [`track_agent`] |
/// | `crate = path` | where this crate is, if not at `::agentops` |
///
/// Each of them, and what is recorded:
/// ```
/// # #[cfg(not(all(feature = "enable", feature = "testing")))] fn main() {}
/// # #[cfg(all(feature = "enable", feature = "testing"))]
/// # fn main() {
/// use agentops::{Agent, Session, record_action, testing};
///
/// #[record_action("plan")] // or name = "plan"
/// fn make_plan(goal: &str) -> usize {
///     goal.len()
/// }
/// let seen = testing::capture(|_| make_plan("find"));
/// assert_eq!(seen.events("actions")[0]["action_type"], "plan");
/// assert_eq!(seen.events("actions")[0]["params"]["goal"], "find");
/// assert_eq!(seen.events("actions")[0]["returns"], 4);
///
/// #[record_action(skip(password), ret = false)]
/// fn log_in(user: &str, password: &str) -> String {
///     format!("token of {user} by {password}")
/// }
/// let seen = testing::capture(|_| log_in("ada", "secret"));
/// assert_eq!(seen.events("actions")[0]["params"], serde_json::json!({"user": "ada"}));
/// assert!(seen.events("actions")[0]["returns"].is_null());
///
/// struct Worker {
///     id: u32,
///     session: Session,
///     agent: Agent,
/// }
/// impl Worker {
///     #[record_action(skip_all, fields(worker = self.id, size = data.len()))]
///     fn work(&self, data: &[u8]) {}
///
///     #[record_action(session = self.session, agent = self.agent)]
///     fn report(&self) {}
///
///     #[record_action(agent = "Critic")]
///     fn judge(&self) {}
/// }
/// let seen = testing::capture(|session| {
///     let (session, agent) = (session.clone(), session.create_agent("Worker"));
///     let worker = Worker { id: 7, session, agent };
///     worker.work(b"abc");
///     worker.report();
///     worker.judge();
/// });
/// let actions = seen.events("actions");
/// assert_eq!(actions[0]["params"], serde_json::json!({"worker": 7, "size": 3}));
/// let agents = seen.export["agents"].as_array().expect("a list");
/// let name = |id| agents.iter().find(|agent| agent["id"] == id).map(|agent| &agent["name"]);
/// assert_eq!(name(actions[1]["agent_id"].clone()).unwrap(), "Worker");
/// assert_eq!(name(actions[2]["agent_id"].clone()).unwrap(), "Critic");
/// # }
/// ```
/// `crate = path` is for crates that re-export this one:
/// ```
/// mod my {
///     pub use agentops as tracing_for_agents;
/// }
/// #[my::tracing_for_agents::record_action(crate = my::tracing_for_agents)]
/// fn step() {}
/// # step();
/// ```
///
/// # Results that go on
/// A returned future, stream or iterator is recorded to its end: `impl Future`, `impl Stream`,
/// `impl Iterator` and boxed ones, also inside `Result` and `Option`, also from an `async fn`. The
/// result of a stream or iterator is `{"items", "time_to_first_item_us", "complete"}`; an item that
/// is an `Err` makes the call an error. A future or stream that is dropped before its end is
/// *cancelled*. An iterator that is dropped early has been used as iterators are (`find`, `take`):
/// it is *ok*, and not `complete`. An `impl Trait` with a bound that a wrapper could not keep is
/// recorded when it is returned, and so is a concrete type.
///
/// # What is not captured, and why
/// - `self`: it may be large, and is the same in every call; `fields(..)` names what matters.
/// - A generic argument without bounds gives the name of its type: nothing else is known of it
///   where the function is written. `fields(..)` is the way out, or a bound.
/// - The value of a `Mutex` or `RwLock`: serde would wait for it, and the caller may hold the guard.
///   Its `Debug` is written, which never waits; as a field of a type that derives `Serialize`, also in
///   an `Option`, a collection or behind a pointer, its type. That is so for the locks of std and of
///   `parking_lot`. What cannot be seen from outside is a type that asks its lock itself: a
///   `Serialize` written by hand, `serialize_with`, `transparent`, `flatten`, and the newtype
///   variants of an untagged or internally tagged enum. **The program hangs** if a function is called
///   with such an argument while its lock is held by the caller: `skip` it, and name what matters
///   of it in `fields(..)`. (A result is looked at when the function's own guards are gone.)
/// - A closure returned as `impl Fn`: its type is written.
/// - `return` that a macro hides, as `bail!` does, in a function under `#[track_caller]`: the body of
///   such a function stays where it is, so that `Location::caller` names the caller. The call is
///   *ok* without a result then. `return` and `?` in the arguments of `format!`, `assert_eq!`,
///   `vec!` and the others of std are seen.
/// - The message of a panic, where the program has replaced the panic hook since the session began:
///   the call is *panicked* all the same.
pub use agentops_macros::record_action;
/// Records each call of a function as a call of a language model: model, prompt, completion,
/// tokens, cost, tool calls, and for a stream the time to its first token.
///
/// ```
/// # #[cfg(not(all(feature = "enable", feature = "testing")))] fn main() {}
/// # #[cfg(all(feature = "enable", feature = "testing"))]
/// # fn main() {
/// use agentops::{record_llm, testing};
/// use serde_json::{Value, json};
///
/// #[record_llm]
/// fn chat(request: &Value) -> Result<Value, std::io::Error> {
///     // Ask a provider, with whatever client.
///     Ok(json!({
///         "model": "gpt-4-0613",
///         "choices": [{ "message": { "role": "assistant", "content": "4" }, "finish_reason": "stop" }],
///         "usage": { "prompt_tokens": 150, "completion_tokens": 80 },
///     }))
/// }
/// let request = json!({
///     "model": "gpt-4", "temperature": 0,
///     "messages": [{ "role": "user", "content": "2 + 2?" }],
/// });
/// let seen = testing::capture(|_| chat(&request));
/// let call = &seen.events("llms")[0];
/// assert_eq!(call["model"], "gpt-4");
/// assert_eq!(call["prompt"]["messages"][0]["content"], "2 + 2?");
/// assert_eq!(call["completion"]["messages"]["content"], "4");
/// assert_eq!((&call["prompt_tokens"], &call["completion_tokens"]), (&json!(150), &json!(80)));
/// assert_eq!(seen.export["stats"]["cost"], "0.00930");
/// # }
/// ```
///
/// # Where it is found
/// In what `Serialize` makes of the arguments and of the result, so nothing is asked of your types:
/// - *Asked*: an argument that is a request of OpenAI (chat, responses, embeddings), Anthropic,
///   Gemini or Ollama, or of the crates `rig` and `genai`; else arguments by their names, `model`,
///   `system` or `preamble`, and `messages`, `prompt`, `question`, `input`, `query`, `text`; else all
///   arguments. What is left of them is recorded as parameters.
/// - *Answered*: a response of these providers and crates, by itself or up to three levels inside
///   of the result (`(Response, Duration)`, a field of your own struct); an object of your own with a
///   text (`completion`, `content`, `text`, `answer`, ..) and counts (`usage` or `prompt_tokens` ..);
///   a `String`. A result that says nothing known is the completion as it is.
/// - *Streams* (`impl Stream`, boxed ones, also in `Result` and from an `async fn`): their items are
///   put together, chunks of those providers and crates as well as texts. Dropped early, what came is
///   recorded, as *cancelled*. A stream inside of another type cannot be seen: put the attribute on a
///   function that returns the stream itself.
///
/// Tokens that nobody counted are counted by the server, and marked. Inline images and audio are
/// recorded by kind and size.
///
/// # When it is elsewhere
/// `model = expr` and `prompt = expr` say what was asked, and may use arguments and `self`; just
/// `"…"` is the model. `extract = path` is a function that is given a reference to the result,
/// inside of `Ok`, or to each item of a stream. What it returns is read in place of that: a
/// reference to a response inside, a text, or an [`LlmEvent`] that says all by itself.
/// ```
/// # #[cfg(not(all(feature = "enable", feature = "testing")))] fn main() {}
/// # #[cfg(all(feature = "enable", feature = "testing"))]
/// # fn main() {
/// use agentops::{LlmEvent, Usage, record_llm, testing};
///
/// /// Of another crate: neither `Serialize` nor `Debug`.
/// struct Reply {
///     text: String,
///     tokens: (u64, u64),
/// }
///
/// fn look(reply: &Reply) -> LlmEvent {
///     LlmEvent::new("")
///         .completion(&reply.text)
///         .usage(Usage::new(reply.tokens.0, reply.tokens.1))
/// }
///
/// struct Llm {
///     model: String,
/// }
///
/// impl Llm {
///     #[record_llm(model = self.model, prompt = format!("Summarise: {text}"), extract = look)]
///     async fn summarise(&self, text: &str) -> Result<Reply, std::io::Error> {
///         Ok(Reply { text: "short".to_owned(), tokens: (150, 80) })
///     }
/// }
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// let seen = testing::capture(|_| {
///     let llm = Llm { model: "gpt-4".to_owned() };
///     runtime.block_on(llm.summarise("long")).is_ok()
/// });
/// let call = &seen.events("llms")[0];
/// assert_eq!(call["model"], "gpt-4");
/// assert_eq!(call["prompt"]["string"], "Summarise: long");
/// assert_eq!(call["completion"]["string"], "short");
/// assert_eq!(call["completion_tokens"], 80);
/// # }
/// ```
///
/// # Once
/// A call that is seen in several ways (this attribute, one on a function inside, an HTTP client or
/// spans of a library that are watched) is one event, of the best that each of them knows.
///
/// # Options
/// `skip`, `skip_all`, `ret = false` (the tokens are recorded, the completion is not), `fields`,
/// `session`, `agent` and `crate` as with [`record_action`]; an LLM call has no name but its model's.
/// With [`Content::MetadataOnly`] arguments and result are read for model and tokens, and nothing
/// else of them is kept.
///
/// | option | |
/// |---|---|
/// | `model = expr`, or just `"…"` | the model |
/// | `prompt = expr` | what is asked: a text, messages, any value |
/// | `extract = path` | finds the answer in the result |
pub use agentops_macros::record_llm;
/// Records each call of a function as a call of a tool. Everything is as with [`record_action`],
/// but for the kind of the event.
///
/// ```
/// # #[cfg(not(all(feature = "enable", feature = "testing")))] fn main() {}
/// # #[cfg(all(feature = "enable", feature = "testing"))]
/// # fn main() {
/// #[agentops::record_tool]
/// fn parse(text: &str) -> Result<u32, std::num::ParseIntError> {
///     text.parse()
/// }
/// let seen = agentops::testing::capture(|_| parse("x"));
/// let (tool, error) = (&seen.events("tools")[0], &seen.events("errors")[0]);
/// assert_eq!(tool["status"], "error");
/// assert_eq!(error["trigger_event_id"], tool["id"]);
/// assert_eq!(error["error_type"], "core::num::error::ParseIntError");
/// # }
/// ```
pub use agentops_macros::record_tool;
/// Runs a function in a session.
///
/// On `main`, above or below the attribute of an async runtime, the session is the process's: it
/// begins before the runtime and ends after it, and everything outside any scope belongs to it. On
/// any other function each call is a session of its own: a request handler, a test.
///
/// The session ends as the function does: `Ok` is a success; `Err`, a panic and an
/// [`ExitCode`](std::process::ExitCode) other than success are failures with a reason; a dropped
/// future leaves it indeterminate. The program's exit status and what std prints stay the same.
///
/// ```no_run
/// #[agentops::session(tags = ["research"], config = agentops::Config::from_env().max_queue_size(50))]
/// fn main() -> Result<(), std::io::Error> {
///     Ok(())
/// }
/// ```
/// On `main` the function becomes an inner one, so that the session outlives its runtime:
/// ```ignore
/// fn main() -> Result<(), Error> {
///     #[tokio::main]
///     async fn main() -> Result<(), Error> { /* the body */ }
///     v1::session_main(v1::Options::new().tag("research"), main, |ret, end| { /* .. */ })
/// }
/// ```
///
/// | option | |
/// |---|---|
/// | `tags = [..]` | tags of the session |
/// | `config = expr` | its [`Config`]; else the environment's |
/// | `crate = path` | where this crate is, if not at `::agentops` |
pub use agentops_macros::session;
/// Attributes what happens in a function, or in every function of an `impl` block, to an agent.
///
/// The agent is made in a session when it first acts there; a name is one agent of a session.
/// `name` may be any expression that gives a text, and may use `self`; left out, it is the name of
/// the type or of the function. Functions under [`record_action`], [`record_tool`] or [`record_llm`] are the agent's
/// with their own event; one that names its agent itself keeps it. A `const fn` is left as it is.
///
/// ```
/// # #[cfg(not(all(feature = "enable", feature = "testing")))] fn main() {}
/// # #[cfg(all(feature = "enable", feature = "testing"))]
/// # fn main() {
/// use agentops::{record_tool, track_agent};
///
/// #[record_tool]
/// fn search(query: &str) -> usize {
///     query.len()
/// }
///
/// struct Researcher;
///
/// #[track_agent(name = "Researcher")] // or just #[track_agent]
/// impl Researcher {
///     fn run(&self, goal: &str) -> usize {
///         search(goal)
///     }
/// }
///
/// #[track_agent]
/// async fn critic(text: &str) -> usize {
///     search(text)
/// }
/// let seen = agentops::testing::capture(|_| Researcher.run("users"));
/// let agents = seen.export["agents"].as_array().expect("a list");
/// let agent = agents.iter().find(|agent| agent["name"] == "Researcher").expect("it has acted");
/// assert_eq!(seen.events("tools")[0]["agent_id"], agent["id"]);
/// # }
/// ```
/// A function becomes what [`record_action`] makes of it, with the scope of the agent in place of
/// an event. An attribute `record_action` that was renamed on import is not known as one: what
/// happens inside is the agent's then, the event itself is not; give it `agent = "…"`.
///
/// | option | |
/// |---|---|
/// | `name = expr`, or just `"…"` | the agent's name |
/// | `crate = path` | where this crate is, if not at `::agentops` |
pub use agentops_macros::track_agent;

/// LLM calls of HTTP clients, recorded by themselves: model, prompt, completion, tool calls, tokens, cost, duration,
/// time to first token, errors. Feature `http`.
///
/// [`http::layer`] is a layer over any tower service of `http::Request` or `reqwest::Request`, which
/// `reqwest::Client` itself is, and a middleware of the crate reqwest-middleware. Endpoints of OpenAI and all that
/// speak as it does, Azure, Anthropic, Gemini, Ollama and OpenRouter are known by host and path;
/// [`http::Provider`] adds more.
///
/// ```
/// # #[cfg(all(feature = "http", feature = "testing", feature = "enable"))]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use http_body_util::{BodyExt, Full};
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
///
/// // A client, any client: this one answers by itself.
/// type Body = Full<&'static [u8]>;
/// let client = service_fn(async |request: ::http::Request<agentops::http::RequestBody<Body>>| {
///     request.into_body().collect().await?;
///     let answer = br#"{"choices":[{"message":{"content":"4"}}],"usage":{"prompt_tokens":150,"completion_tokens":80}}"#;
///     Ok::<_, std::convert::Infallible>(::http::Response::new(Body::new(answer)))
/// });
/// let client = ServiceBuilder::new().layer(agentops::http::layer()).service(client);
///
/// let seen = agentops::testing::capture_async(async |_| {
///     let question = br#"{"model":"gpt-4","messages":[{"role":"user","content":"2 + 2?"}]}"#;
///     let request = ::http::Request::post("https://api.openai.com/v1/chat/completions").body(Body::new(question))?;
///     client.oneshot(request).await?.into_body().collect().await?;
///     Ok::<_, Box<dyn std::error::Error>>(())
/// })
/// .await;
/// seen.result?;
/// let call = &seen.export["llms"][0];
/// assert_eq!(call["model"], "gpt-4");
/// assert_eq!(call["completion"]["messages"]["content"], "4");
/// assert_eq!(seen.export["stats"]["cost"], "0.00930");
/// # Ok(())
/// # }
/// # #[cfg(not(all(feature = "http", feature = "testing", feature = "enable")))]
/// # fn main() {}
/// ```
///
/// # What passes is not touched
/// Frames go on as they come, byte for byte, and nobody waits for what is read of them. A stream is recorded to its
/// end, or as far as it came when it is dropped: then it is cancelled, with the text so far. Of a call at most a few
/// megabytes are kept, however long its stream is. Compressed bodies are read if they are gzip or deflate; of others
/// everything but the content is recorded, and the event says so.
///
/// Token counts are the provider's own. Where it gives none (a stream that was broken off, OpenAI's without
/// `stream_options.include_usage`), the event has none, and the server counts them by itself.
///
/// A request that is repeated after a failure is a call of its own, whose `params` name its `attempt` and the event of
/// the first one (`retry_of`). Headers, keys and query strings are never recorded; images and audio by their type and
/// size.
///
/// # Libraries
/// | library | how |
/// |---|---|
/// | reqwest | `ServiceBuilder::new().layer(agentops::http::layer()).service(reqwest::Client::new())` |
/// | reqwest-middleware | `ClientBuilder::new(client).with(agentops::http::layer())` |
/// | async-openai | `with_http_service`, with [`http::Capture::requests_by`] |
/// | ollama-rs, and what takes only a base URL | [`http::Recorder::base_url`] |
/// | other languages | the command `agentops run --capture-llm` |
#[cfg(feature = "http")]
pub use agentops_http as http;

#[cfg(feature = "testing")]
pub use agentops_core::testing;

/// LLM calls, tools and agents that libraries make, recorded from the `tracing` spans which they
/// emit anyway: rig, genai, langchain-rust, swiftide, and all that follow the OpenTelemetry
/// conventions for generative AI. Feature `tracing`.
///
/// One line, beside whatever layers there are:
/// ```
/// # #[cfg(not(all(feature = "tracing", feature = "enable", feature = "testing")))] fn main() {}
/// # #[cfg(all(feature = "tracing", feature = "enable", feature = "testing"))]
/// # fn main() {
/// # use ::tracing;
/// use tracing_subscriber::prelude::*;
///
/// let subscriber = tracing_subscriber::registry().with(agentops::tracing::layer());
/// # let _guard =
/// subscriber.set_default(); // a program says .init()
///
/// # let seen = agentops::testing::capture(|_| {
/// // What a library does when it calls a model, and calls a tool of yours meanwhile:
/// let span = tracing::info_span!(
///     "chat",
///     gen_ai.operation.name = "chat",
///     gen_ai.request.model = "gpt-4",
///     gen_ai.usage.input_tokens = 150,
///     gen_ai.usage.output_tokens = 80,
/// );
/// #[agentops::record_tool]
/// fn search(query: &str) -> usize {
///     query.len()
/// }
/// span.in_scope(|| search("whales"));
/// # drop(span);
/// # });
/// let (call, tool) = (&seen.events("llms")[0], &seen.events("tools")[0]);
/// assert_eq!((&call["model"], &call["cost"]), (&"gpt-4".into(), &0.0093.into()));
/// assert_eq!(tool["parent_id"], call["id"]);
/// # }
/// ```
/// Where the same call is seen by [`http`] or [`record_llm`], too, it is recorded once, with the
/// best that each of them knows.
#[cfg(feature = "tracing")]
pub use agentops_tracing as tracing;

#[doc(hidden)]
pub use agentops_core::__private;
