//! What the documentation shows is what the command prints, and every help text is kept.
//!
//! `TRYCMD=overwrite cargo test -p agentops-cli documented` writes it anew.

use std::path::Path;

use agentops_protocol::{EndState, EventBody, EventKind, Json, Status, Usage};
use trycmd::TestCases;

use crate::recorded::{Program, event};

/// An agent that finds the weather of a city, and one that does not.
fn weather(dir: &Path, id: &str, start: i64, city: &str, fails: bool) {
    let mut program = Program::start(dir);
    let session = program.session(id, start, &["weather", "nightly"]);
    let mut plan = event("plan", EventKind::Action, "plan", start, start + 1_900);
    plan.params = Some(Json::of(&serde_json::json!({ "city": city })).unwrap());
    let mut llm = event("llm", EventKind::Llm, "gpt-4", start + 100, start + 900);
    llm.parent_id = Some(plan.id.clone());
    if let EventBody::Llm(call) = &mut llm.body {
        call.usage = Usage::new(150, 80);
        call.cost = Some("0.00930".parse().unwrap());
        call.prompt = Some(Json::string(&format!("The weather in {city}?")));
    }
    let mut tool = event(
        "tool",
        EventKind::Tool,
        "forecast",
        start + 1_000,
        start + 1_800,
    );
    tool.parent_id = Some(plan.id.clone());
    tool.params = Some(Json::of(&serde_json::json!({ "city": city })).unwrap());
    if fails {
        tool.status = Status::Error;
        let mut error = event(
            "error",
            EventKind::Error,
            "Timeout",
            start + 1_790,
            start + 1_790,
        );
        error.status = Status::Error;
        if let EventBody::Error(info) = &mut error.body {
            info.trigger_event_id = Some(tool.id.clone());
            info.details = Some(Json::string("no answer within 800 ms"));
        }
        program.event(id, &error);
    } else {
        tool.returns = Some(Json::string("rain"));
    }
    for event in [plan, llm, tool] {
        program.event(id, &event);
    }
    let (state, reason) = match fails {
        true => (EndState::Failure, "forecast failed"),
        false => (EndState::Success, "answered"),
    };
    program.end(session, start + 2_000, state, reason);
    program.close();
}

#[test]
fn what_is_shown_is_what_is_printed() {
    let dir = tempfile::tempdir().unwrap();
    weather(
        dir.path(),
        "9f2c6d10-41f0-4c55-8d62-0f6f1f0b7a11",
        0,
        "Rome",
        false,
    );
    weather(
        dir.path(),
        "c4a1e7f3-5b1e-4c0f-9d67-3b0a2f8e5d22",
        60_000,
        "Oslo",
        true,
    );
    let cases = TestCases::new();
    cases.register_bin("agentops", Path::new(env!("CARGO_BIN_EXE_agentops")));
    cases.env("AGENTOPS_DATA_DIR", dir.path().to_str().unwrap());
    for unset in [
        "AGENTOPS_API_ENDPOINT",
        "AGENTOPS_API_KEY",
        "CLICOLOR_FORCE",
    ] {
        cases.env(unset, "");
    }
    cases.env("NO_COLOR", "1");
    cases
        .insert_var("[DATA]", dir.path().display().to_string())
        .unwrap();
    cases.case("tests/cmd/*.trycmd");
    cases.case("../../docs/cli.md");
    cases.run();
}
