//! LLM calls that libraries make, recorded without a line of code for each: a [`tracing`] layer that reads the spans
//! which the libraries emit anyway.
//!
//! Users reach this crate as `agentops::tracing`, with the feature `tracing`:
//!
//! ```
//! use tracing_subscriber::prelude::*;
//!
//! # let guard =
//! tracing_subscriber::registry()
//!     .with(agentops_tracing::layer())
//! #   .set_default();
//! #   /*
//!     .init();
//! #   */
//! # drop(guard);
//! ```
//!
//! # What is read
//! | spans | of | become |
//! |---|---|---|
//! | `chat`, `generate_content`, `text_completion`, `embeddings`, … by `gen_ai.operation.name` | rig, genai and everything that follows the OpenTelemetry conventions | LLM calls |
//! | `llm.generate`, `embed.documents`, `embed.query` | langchain-rust | LLM calls |
//! | `langfuse.type = "GENERATION"`, with the events inside | swiftide | LLM calls |
//! | any with `gen_ai.request.model`, `gen_ai.prompt…`, `gen_ai.usage.…` | older conventions, OpenLLMetry | LLM calls |
//! | `execute_tool`, `tool.call`, `langfuse.type = "TOOL"` | the same | tool calls |
//! | `invoke_agent`, `agent.run`, `langfuse.type = "AGENT"` | the same | an agent; its run is an action with all that happens inside |
//!
//! Other spans are nothing to this layer, and cost nothing, unless [`LayerExt::record_spans`] names them.
//!
//! What is recorded is what the library puts on its spans: model, tokens, errors, and the messages where the library
//! is told to (rig: `record_content_telemetry(true)`; genai: the variable
//! `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=true`; langchain-rust never does). A request that
//! `agentops-http` sees inside of such a span is the same call, recorded once with what either knows.
//!
//! # How a call ended
//! An error is one if a field of the span says so (`error`, `error.type`, `exception.message`,
//! `otel.status_code = "ERROR"`) or an event inside that has an error as field. A span that declares fields for an
//! answer and is closed without any was *cancelled*: its future or stream was dropped. A library that tells of no
//! error on its spans (rig does not) leaves its failed calls looking like that, unless the request itself is seen.
//!
//! # Nesting
//! A span that is recorded is the parent of what happens while it is entered, recorded by whichever means, on whatever
//! thread; its own parent is the call that runs where it is opened. A span with an explicit `parent` that is recorded,
//! too, belongs there.
//!
//! # Beside other layers
//! The layer has a filter of its own: spans that only others want do not reach it, and what it wants is not switched
//! on for them. It works below or above OpenTelemetry's layer and any filter; one that disables a library's spans for
//! the whole registry (an `EnvFilter` as a layer of its own) disables them for this one, too.

mod answer;
mod entered;
mod fields;
mod messages;
mod shape;
mod usage;

mod filter;
mod layer;

pub use filter::Interesting;
pub use layer::{Layer, LayerExt, Recorder, layer};
