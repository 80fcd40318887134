//! `rmcp::tool`, on a server that a client calls.

use agentops::{Session, record_tool, testing, track_agent};
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::CallToolRequestParams;
use rmcp::{ServiceExt as _, schemars, tool, tool_router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{failed, ok, tools};

/// What to divide.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct Division {
    a: i32,
    b: i32,
}

impl Division {
    fn result(&self) -> Result<String, String> {
        let result = self.a.checked_div(self.b);
        result
            .map(|result| result.to_string())
            .ok_or_else(|| "by zero".to_owned())
    }
}

/// rmcp calls tools on tasks of its own, so the server says which session they belong to.
#[derive(Clone)]
struct Server {
    session: Session,
}

#[tool_router(server_handler)]
impl Server {
    /// Divides.
    #[tool]
    #[record_tool(session = self.session)]
    fn divide_below(&self, Parameters(division): Parameters<Division>) -> Result<String, String> {
        division.result()
    }

    #[record_tool(session = self.session)]
    #[tool(description = "Divides")]
    fn divide_above(&self, Parameters(division): Parameters<Division>) -> Result<String, String> {
        division.result()
    }

    /// Divides.
    #[tool(name = "later-below")]
    #[record_tool("later-below", session = self.session)]
    async fn divide_later_below(
        &self,
        Parameters(division): Parameters<Division>,
    ) -> Result<String, String> {
        tokio::task::yield_now().await;
        division.result()
    }

    /// Divides.
    #[record_tool("later-above", session = self.session)]
    #[tool(name = "later-above")]
    async fn divide_later_above(
        &self,
        Parameters(division): Parameters<Division>,
    ) -> Result<String, String> {
        tokio::task::yield_now().await;
        division.result()
    }

    /// Divides.
    #[track_agent(name = "Divider")]
    #[record_tool("agent", session = self.session)]
    #[tool(name = "agent")]
    async fn divide_as_agent(
        &self,
        Parameters(division): Parameters<Division>,
    ) -> Result<String, String> {
        division.result()
    }
}

const NAMES: [&str; 5] = [
    "divide_below",
    "divide_above",
    "later-below",
    "later-above",
    "agent",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_sees_the_tools_and_each_call_is_one_event() {
    let seen = testing::capture_async(async |session| {
        let (here, there) = tokio::io::duplex(64 * 1024);
        let server = Server {
            session: session.clone(),
        };
        let serving = tokio::spawn(async move {
            let running = server.serve(there).await.expect("a server");
            running.waiting().await.expect("it ends well");
        });
        let client = ().serve(here).await.expect("a client");
        let mut offered: Vec<_> = (client
            .list_all_tools()
            .await
            .expect("its tools")
            .into_iter())
        .map(|tool| tool.name.to_string())
        .collect();
        offered.sort_unstable();
        let mut answers = Vec::new();
        for b in [2, 0] {
            for name in NAMES {
                let arguments = json!({"a": 6, "b": b})
                    .as_object()
                    .cloned()
                    .expect("an object");
                let call = CallToolRequestParams::new(name).with_arguments(arguments);
                let answer = client.call_tool(call).await.expect("an answer");
                answers.push(serde_json::to_value(answer).expect("JSON"));
            }
        }
        client.cancel().await.expect("it ends well");
        serving.await.expect("it ends well");
        (offered, answers)
    })
    .await;
    let (offered, answers) = seen.result;
    let mut names = NAMES;
    names.sort_unstable();
    assert_eq!(offered, names);
    let told = answers.iter().map(|answer| &answer["content"][0]["text"]);
    let expected = (0..10).map(|turn| if turn < 5 { "3" } else { "by zero" });
    assert!(told.eq(expected), "{answers:#?}");

    let mut expected = Vec::new();
    for b in [2, 0] {
        let params = json!({"division": {"a": 6, "b": b}});
        for name in NAMES {
            expected.push(if b == 2 {
                ok(name, &params, "3")
            } else {
                failed(name, &params, "by zero")
            });
        }
    }
    assert_eq!(tools(&seen.export), Value::from(expected));
    let agents = seen.export["agents"].as_array().expect("a list");
    assert!(
        agents.iter().any(|agent| agent["name"] == "Divider"),
        "{agents:#?}"
    );
}
