//! `#[track_agent]` on impl blocks and functions, and `agent` by name.

use std::future::Future;
use std::pin::Pin;

use agentops::{record_action, record_tool, track_agent};
use serde_json::json;

use super::seen::{action, check, tool, wait};

#[record_tool]
fn search(query: &str) -> usize {
    query.len()
}

#[record_tool]
async fn ask(question: &str) -> usize {
    tokio::task::yield_now().await;
    question.len()
}

struct Researcher {
    name: &'static str,
}

#[track_agent]
impl Researcher {
    const LIMIT: usize = 3;

    const fn limit() -> usize {
        Self::LIMIT
    }

    fn of(name: &'static str) -> Self {
        search("made");
        Self { name }
    }

    fn run(&self, query: &str) -> usize {
        search(query).min(Self::limit())
    }

    #[record_action(skip(query))]
    async fn plan(&self, query: &str) -> usize {
        search(query) + ask(query).await
    }

    async fn later(&mut self, query: &str) -> Result<usize, std::fmt::Error> {
        if query.is_empty() {
            return Err(std::fmt::Error);
        }
        Ok(ask(query).await)
    }

    fn boxed<'a>(&self, query: &'a str) -> Pin<Box<dyn Future<Output = usize> + Send + 'a>> {
        Box::pin(ask(query))
    }

    fn lazy<'a>(&self, words: &'a [&'a str]) -> impl Iterator<Item = usize> + 'a {
        words.iter().map(|word| search(word))
    }

    #[track_agent(name = "Someone else")]
    fn named_otherwise(&self) -> usize {
        search("other")
    }

    #[record_action(agent = self.name)]
    fn named_by_field(&self) -> usize {
        search("field")
    }
}

#[test]
fn every_function_of_an_impl_block_is_the_agents() {
    let seen = |query: &str, returns: usize| {
        let seen = tool("search").params(json!({"query": query}));
        seen.returns(returns).by("Researcher")
    };
    let asked = |question: &str, returns: usize| {
        let seen = tool("ask").params(json!({"question": question}));
        seen.returns(returns).by("Researcher")
    };
    let agent = || Researcher { name: "Ada" };
    check(|| Researcher::of("Ada").name, "Ada", &[seen("made", 4)]);
    check(|| agent().run("abcd"), 3, &[seen("abcd", 4)]);
    // The event of a recorded function is the agent's as well.
    let expected = [
        action("plan").returns(4).by("Researcher"),
        seen("ab", 2).under("plan"),
        asked("ab", 2).under("plan"),
    ];
    check(|| wait(agent().plan("ab")), 4, &expected);
    check(|| wait(agent().later("abc")), Ok(3), &[asked("abc", 3)]);
    check(|| wait(agent().later("")).is_err(), true, &[]);
    // What is returned goes on as the agent.
    check(|| wait(agent().boxed("ab")), 2, &[asked("ab", 2)]);
    let expected = [seen("a", 1), seen("bc", 2)];
    check(|| agent().lazy(&["a", "bc"]).sum::<usize>(), 3, &expected);
    let other = tool("search").params(json!({"query": "other"})).returns(5);
    check(|| agent().named_otherwise(), 5, &[other.by("Someone else")]);
    let field = tool("search").params(json!({"query": "field"})).returns(5);
    let expected = [
        action("named_by_field").returns(5).by("Ada"),
        field.by("Ada").under("named_by_field"),
    ];
    check(|| agent().named_by_field(), 5, &expected);
}

trait Agent {
    async fn act(&self) -> usize;
}

#[async_trait::async_trait]
trait Remote {
    async fn act_there(&self) -> usize;
}

#[track_agent(name = format!("{}!", self.name))]
impl Agent for Researcher {
    async fn act(&self) -> usize {
        ask("x").await
    }
}

#[track_agent(name = "below")]
#[async_trait::async_trait]
impl Remote for Researcher {
    async fn act_there(&self) -> usize {
        ask("xy").await
    }
}

struct Writer;

#[async_trait::async_trait]
#[track_agent("above")]
impl Remote for Writer {
    async fn act_there(&self) -> usize {
        ask("xyz").await
    }
}

#[track_agent]
fn assistant(query: &str) -> usize {
    search(query)
}

#[track_agent(name = "Critic")]
#[record_action]
async fn criticise(query: &str) -> usize {
    ask(query).await
}

#[record_action(agent = "Editor")]
fn edit(query: &str) -> usize {
    search(query)
}

#[test]
fn traits_and_functions() {
    let asked = |question: &str| {
        let seen = tool("ask").params(json!({"question": question}));
        seen.returns(question.len())
    };
    let agent = Researcher { name: "Ada" };
    check(|| wait(agent.act()), 1, &[asked("x").by("Ada!")]);
    check(|| wait(agent.act_there()), 2, &[asked("xy").by("below")]);
    check(|| wait(Writer.act_there()), 3, &[asked("xyz").by("above")]);
    let seen = tool("search").params(json!({"query": "q"})).returns(1);
    let expected = [seen.clone().by("assistant")];
    check(|| assistant("q"), 1, &expected);
    let called = |name: &str, agent: &str| {
        let seen = action(name).params(json!({"query": "q"})).returns(1);
        seen.by(agent)
    };
    let expected = [
        called("criticise", "Critic"),
        asked("q").by("Critic").under("criticise"),
    ];
    check(|| wait(criticise("q")), 1, &expected);
    let expected = [called("edit", "Editor"), seen.by("Editor").under("edit")];
    check(|| edit("q"), 1, &expected);
}

#[cfg(feature = "enable")]
#[test]
fn a_name_is_one_agent_of_a_session() {
    let captured = agentops::testing::capture(|session| {
        assistant("a");
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let _inside = session.enter();
                    assistant("b")
                });
            }
        });
        search("nobody's")
    });
    let agents = captured.export["agents"].as_array().expect("a list");
    let named = agents.iter().filter(|agent| agent["name"] == "assistant");
    assert_eq!(named.count(), 1, "{agents:#?}");
    let tools = captured.events("tools");
    let ids: std::collections::BTreeSet<_> = tools
        .iter()
        .filter(|event| event["params"]["query"] != "nobody's")
        .map(|event| event["agent_id"].to_string())
        .collect();
    assert_eq!((tools.len(), ids.len()), (6, 1), "{tools:#?}");
}
