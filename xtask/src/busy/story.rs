//! One session as its program would have sent it.

use serde_json::{Map, Value, json};

use super::cast::{self, Agent, PROGRAMS, Program, Tool};
use super::dice::Dice;

/// How a session ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Success,
    /// The last tool that failed took everything down.
    Failure,
    Panic,
    /// Somebody pressed Ctrl-C: what ran was cancelled.
    Interrupt,
    /// The process was killed: what ran was interrupted, and nobody told the end.
    Killed,
    /// It has not ended.
    Running,
}

/// Everything that is sent of a session.
pub(super) struct Story {
    pub(super) session: Value,
    pub(super) agents: Vec<Value>,
    pub(super) events: Vec<Value>,
    pub(super) logs: String,
    pub(super) end: Option<Value>,
}

impl Story {
    /// One that began at `start_us` and is over.
    pub(super) fn ended(dice: &mut Dice, start_us: u64) -> Self {
        let ending = match dice.between(0, 100) {
            0..76 => Ending::Success,
            76..90 => Ending::Failure,
            90..93 => Ending::Panic,
            93..97 => Ending::Interrupt,
            _ => Ending::Killed,
        };
        let rounds = dice.between(1, 4);
        Teller::new(dice, start_us, ending).tell(rounds, usize::MAX)
    }

    /// One that began a little ago and runs.
    pub(super) fn running(dice: &mut Dice, now_us: u64) -> Self {
        let start = now_us - dice.between(30, 200) * 1_000_000;
        Teller::new(dice, start, Ending::Running).tell(1, usize::MAX)
    }

    /// One of about so many events.
    pub(super) fn long(dice: &mut Dice, now_us: u64, events: usize) -> Self {
        let start = now_us - 3 * 60 * 60 * 1_000_000;
        Teller::new(dice, start, Ending::Success).tell(u64::MAX, events)
    }
}

struct Teller<'a> {
    dice: &'a mut Dice,
    program: &'static Program,
    goal: &'static str,
    id: String,
    start: u64,
    at: u64,
    ending: Ending,
    agent_ids: Vec<String>,
    events: Vec<Value>,
    /// Events that have begun and not ended, by their places.
    open: Vec<usize>,
    logs: String,
    reason: String,
    is_over: bool,
}

impl<'a> Teller<'a> {
    fn new(dice: &'a mut Dice, start: u64, ending: Ending) -> Self {
        let program = dice.pick(&PROGRAMS);
        let goal = *dice.pick(program.goals);
        let id = dice.id();
        let agent_ids = program.agents.iter().map(|_| dice.id()).collect();
        Self {
            dice,
            program,
            goal,
            id,
            start,
            at: start,
            ending,
            agent_ids,
            events: Vec::new(),
            open: Vec::new(),
            logs: String::new(),
            reason: String::new(),
            is_over: false,
        }
    }

    fn tell(mut self, rounds: u64, most: usize) -> Story {
        let main = self.begin("actions", self.program.name, 0);
        self.events[main]["params"] = json!({ "goal": self.goal });
        let mut round = 0;
        while round < rounds && self.events.len() < most && !self.is_over {
            let last = round + 1 >= rounds;
            for (index, agent) in self.program.agents.iter().enumerate() {
                let is_last = last && index + 1 == self.program.agents.len();
                self.act(agent, index, is_last);
                if self.is_over {
                    break;
                }
            }
            round += 1;
        }
        if !self.is_over {
            self.events[main]["returns"] = json!({"answered": true, "rounds": round});
            self.finish(main, "ok");
        }
        self.story()
    }

    /// What one agent does: thinks, calls tools, answers.
    fn act(&mut self, agent: &'static Agent, index: usize, is_last: bool) {
        let action = self.begin("actions", agent.action, index);
        self.events[action]["params"] = json!({"goal": self.goal, "agent": agent.name});
        let turns = self.dice.between(1, 4);
        let mut chat = vec![
            json!({"role": "system", "content": self.program.system}),
            json!({"role": "user", "content": self.goal}),
        ];
        for turn in 0..turns {
            let tool = self.dice.pick(agent.tools);
            let ends_here = is_last && turn + 1 == turns;
            self.think(agent, index, &mut chat, Some(tool));
            if ends_here && self.ending != Ending::Success {
                return self.end_in(tool, index);
            }
            self.use_tool(tool, index, &mut chat);
        }
        self.think(agent, index, &mut chat, None);
        self.events[action]["returns"] = json!({"text": cast::completion(agent.action, self.goal)});
        self.finish(action, "ok");
    }

    /// A call of a model, which asks for a tool or answers.
    fn think(
        &mut self,
        agent: &'static Agent,
        index: usize,
        chat: &mut Vec<Value>,
        tool: Option<&Tool>,
    ) {
        let model = *self.dice.pick(agent.models);
        let call = self.begin("llms", model, index);
        let said = match tool {
            Some(tool) => {
                let arguments = cast::arguments(tool.name, self.goal, self.at);
                json!({"role": "assistant", "content": null, "tool_calls": [{
                    "id": format!("call_{}", self.at % 100_000), "type": "function",
                    "function": {"name": tool.name, "arguments": arguments.to_string()}}]})
            }
            None => {
                json!({"role": "assistant", "content": cast::completion(agent.action, self.goal)})
            }
        };
        let prompt_tokens = 180 + chat.len() as u64 * self.dice.between(90, 240);
        let completion_tokens = self.dice.between(30, 420);
        let event = &mut self.events[call];
        event["prompt"] = json!(chat);
        event["completion"] = said.clone();
        event["prompt_tokens"] = json!(prompt_tokens);
        event["completion_tokens"] = json!(completion_tokens);
        if chat.len() > 4 {
            event["cached_read_tokens"] = json!(prompt_tokens / 2);
        }
        if model.starts_with("o3") {
            event["reasoning_tokens"] = json!(completion_tokens / 2);
        }
        event["params"] = json!({"temperature": 0.2, "max_tokens": 1_024});
        chat.push(said);
        let micros = self.dice.latency(300_000 + completion_tokens * 9_000);
        self.events[call]["time_to_first_token"] = json!(micros / 4);
        self.at += micros;
        self.finish(call, "ok");
    }

    /// A call of a tool. A failing one is tried once more.
    fn use_tool(&mut self, tool: &'static Tool, index: usize, chat: &mut Vec<Value>) {
        for _ in 0..2 {
            let call = self.tool(tool, index);
            self.at += self.dice.latency(tool.micros);
            if self.dice.happens(tool.failing) {
                self.fail(call, tool, "error");
                self.at += 200_000;
                continue;
            }
            let result = cast::result(tool.name, self.at);
            self.events[call]["returns"] = result.clone();
            self.finish(call, "ok");
            chat.push(json!({"role": "tool", "content": result.to_string()}));
            return;
        }
        chat.push(json!({"role": "tool", "content": format!("error: {}", tool.error.1)}));
    }

    fn tool(&mut self, tool: &'static Tool, index: usize) -> usize {
        let call = self.begin("tools", tool.name, index);
        self.events[call]["params"] = cast::arguments(tool.name, self.goal, self.at);
        call
    }

    /// The session ends, or stands, inside this tool.
    fn end_in(&mut self, tool: &'static Tool, index: usize) {
        let call = self.tool(tool, index);
        self.at += self.dice.latency(tool.micros);
        self.is_over = true;
        let (status, reason) = match self.ending {
            Ending::Failure => ("error", format!("{} failed: {}", tool.name, tool.error.1)),
            Ending::Panic => (
                "panicked",
                "index out of bounds: the len is 3 but the index is 3".to_owned(),
            ),
            Ending::Interrupt => ("cancelled", "Signal SIGINT detected".to_owned()),
            Ending::Killed => ("interrupted", String::new()),
            Ending::Running | Ending::Success => return,
        };
        self.reason = reason;
        if matches!(status, "error" | "panicked") {
            self.fail(call, tool, status);
        }
        while let Some(inner) = self.open.last().copied() {
            self.finish(inner, status);
        }
    }

    /// An error event under a call that failed.
    fn fail(&mut self, call: usize, tool: &'static Tool, status: &str) {
        let (kind, message, chain) = tool.error;
        let details = match status {
            "panicked" => {
                json!({"message": self.reason, "chain": [], "location": "src/plan.rs:41:17"})
            }
            _ => {
                json!({"message": message, "chain": chain, "location": format!("src/tools/{}.rs:88:9", tool.name)})
            }
        };
        let id = self.dice.id();
        self.events.push(json!({
            "id": id, "event_type": "errors", "trigger_event_id": self.events[call]["id"],
            "trigger_event_type": "tools", "agent_id": self.events[call]["agent_id"],
            "error_type": if status == "panicked" { "panic" } else { kind },
            "details": details, "timestamp": time(self.at), "status": "error",
        }));
        self.log("ERROR", &format!("{}: {message}", tool.name));
        self.finish(call, status);
    }

    fn begin(&mut self, kind: &str, name: &str, agent: usize) -> usize {
        self.at += self.dice.between(200, 4_000);
        let member = match kind {
            "actions" => "action_type",
            "llms" => "model",
            _ => "name",
        };
        let parent = self
            .open
            .last()
            .map(|parent| self.events[*parent]["id"].clone());
        self.events.push(json!({
            "id": self.dice.id(), "event_type": kind, member: name, "parent_id": parent,
            "agent_id": self.agent_ids[agent], "init_timestamp": time(self.at), "status": "running",
        }));
        self.log("INFO", &format!("{kind} {name}"));
        self.open.push(self.events.len() - 1);
        self.events.len() - 1
    }

    fn finish(&mut self, event: usize, status: &str) {
        self.at += self.dice.between(50, 900);
        self.events[event]["status"] = status.into();
        self.events[event]["end_timestamp"] = time(self.at).into();
        self.open.retain(|open| *open != event);
    }

    fn log(&mut self, level: &str, text: &str) {
        if self.logs.len() < 16_000 {
            self.logs
                .push_str(&format!("{} {level:5} {text}\n", time(self.at)));
        }
    }

    fn story(self) -> Story {
        let variant = if self.dice.happens(0.3) {
            "prompt-b"
        } else {
            "prompt-a"
        };
        let mut tags: Vec<&str> = self.program.tags.to_vec();
        tags.push(if self.dice.happens(0.7) {
            "production"
        } else {
            "staging"
        });
        tags.push(variant);
        let session = json!({
            "id": self.id, "session_id": self.id, "init_timestamp": time(self.start), "tags": tags,
            "host_env": host(self.program.name),
        });
        let state = match self.ending {
            Ending::Success => Some("Success"),
            Ending::Failure | Ending::Panic => Some("Fail"),
            Ending::Interrupt => Some("Indeterminate"),
            Ending::Killed | Ending::Running => None,
        };
        let end = state.map(|state| {
            let mut end = Map::new();
            end.insert("session_id".to_owned(), json!(self.id));
            end.insert("end_timestamp".to_owned(), json!(time(self.at)));
            end.insert("end_state".to_owned(), json!(state));
            let reason = if self.reason.is_empty() {
                "answered"
            } else {
                &self.reason
            };
            end.insert("end_state_reason".to_owned(), json!(reason));
            end.into()
        });
        let end = end.or_else(|| {
            // What a recovery says of a process that died.
            (self.ending == Ending::Killed).then(|| {
                json!({"session_id": self.id, "end_timestamp": time(self.at),
                    "end_state": "Indeterminate", "recovered": true,
                    "end_state_reason": "the process ended without ending the session"})
            })
        });
        let agents = self.program.agents.iter().zip(&self.agent_ids);
        Story {
            session,
            agents: agents
                .map(|(agent, id)| json!({"id": id, "name": agent.name}))
                .collect(),
            events: self.events,
            logs: self.logs,
            end,
        }
    }
}

fn host(program: &str) -> Value {
    json!({
        "SDK": {"AgentOps SDK Version": "0.1.0", "Rust Version": "1.95.0"},
        "OS": {"Hostname": "worker-3", "OS": "Linux", "OS Release": "6.12", "OS Version": "Debian GNU/Linux 13"},
        "CPU": {"Physical cores": 4, "Total cores": 8, "CPU Usage": "17.0%"},
        "RAM": {"Total": "31.20 GB", "Used": "9.87 GB", "Percentage": "31.6%"},
        "Project Working Directory": {"Project Working Directory": format!("/srv/{program}")},
    })
}

/// RFC 3339 of microseconds since 1970.
fn time(micros: u64) -> String {
    let at = i64::try_from(micros).ok();
    let at = at.and_then(|micros| jiff::Timestamp::from_microsecond(micros).ok());
    at.unwrap_or(jiff::Timestamp::MAX)
        .strftime("%Y-%m-%dT%H:%M:%S.%6f+00:00")
        .to_string()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn one_seed_tells_the_same_and_every_parent_is_there() {
        let (mut one, mut other) = (Dice::new(7), Dice::new(7));
        let mut endings = HashSet::new();
        for _ in 0..200 {
            let story = Story::ended(&mut one, 1_700_000_000_000_000);
            let again = Story::ended(&mut other, 1_700_000_000_000_000);
            assert_eq!(story.events, again.events);
            let mut seen = HashSet::new();
            for event in &story.events {
                let parent = &event["parent_id"];
                assert!(parent.is_null() || seen.contains(parent), "{event}");
                assert_ne!(event["status"], "running", "{event}");
                seen.insert(event["id"].clone());
            }
            assert_eq!(seen.len(), story.events.len());
            endings.insert(story.events[0]["status"].to_string());
        }
        assert!(endings.len() >= 5, "{endings:?}");
        let running = Story::running(&mut one, 1_700_000_000_000_000);
        assert!(running.end.is_none());
        assert!(
            running
                .events
                .iter()
                .any(|event| event["status"] == "running")
        );
        let long = Story::long(&mut one, 1_700_000_000_000_000, 2_000);
        assert!((2_000..2_100).contains(&long.events.len()));
    }
}
