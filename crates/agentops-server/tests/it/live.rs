//! What goes on: the stream of changes, the overview, the server's own numbers.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::access::project;
use crate::client::{KEY, Server, key};

/// A reader of the stream of changes.
struct Follower {
    lines: std::io::Lines<BufReader<TcpStream>>,
    /// The last id it was given.
    id: String,
}

impl Follower {
    fn start(server: &Server, issued: &str, last: Option<&str>) -> Self {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        let last = last.map_or(String::new(), |id| format!("Last-Event-ID: {id}\r\n"));
        let host = server.address();
        write!(
            stream,
            "GET /v2/events/stream HTTP/1.1\r\nHost: {host}\r\nX-Agentops-Api-Key: {issued}\r\n{last}\r\n"
        )
        .unwrap();
        let mut lines = BufReader::new(stream).lines();
        let first = lines.next().unwrap().unwrap();
        assert!(first.contains(" 200 "), "{first}");
        let id = String::new();
        Self { lines, id }
    }

    /// The next message: its name and its data; `None` when the stream has ended.
    fn next(&mut self) -> Option<(String, Value)> {
        let mut name = String::new();
        loop {
            let line = self.lines.next()?.ok()?;
            if let Some(id) = line.strip_prefix("id: ") {
                self.id = id.to_owned();
            } else if let Some(told) = line.strip_prefix("event: ") {
                name = told.to_owned();
            } else if let Some(data) = line.strip_prefix("data: ") {
                return Some((name, serde_json::from_str(data).unwrap()));
            }
        }
    }

    fn expect(&mut self, name: &str) -> Value {
        let (told, data) = self.next().expect("the stream goes on");
        assert_eq!(told, name, "{data}");
        data
    }
}

fn tool(server: &Server, jwt: &str, id: &str) {
    let body = json!({"events": [{"id": id, "type": "tool", "name": "t"}]}).to_string();
    assert_eq!(
        server
            .post("/v2/create_events", jwt, body.as_bytes())
            .status,
        200
    );
}

#[test]
fn changes_are_followed_and_a_reader_who_was_away_misses_none() {
    let server = Server::start();
    let mut follower = Follower::start(&server, KEY, None);
    follower.expect("ready");
    let jwt = server.session("s");
    assert_eq!(follower.expect("session")["session_id"], "s");
    tool(&server, &jwt, "one");
    assert_eq!(follower.expect("session")["session_id"], "s");
    let place = follower.id.clone();
    drop(follower);
    // Away.
    tool(&server, &jwt, "two");
    server.session("other");
    let mut follower = Follower::start(&server, KEY, Some(&place));
    let mut names: Vec<_> = (0..2)
        .map(|_| {
            follower.expect("session")["session_id"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    names.sort();
    assert_eq!(names, ["other", "s"]);
    assert_eq!(
        server
            .send("DELETE", "/v2/sessions/s", &[key(KEY)], b"")
            .status,
        204
    );
    assert_eq!(follower.expect("deleted").get("session_id"), None);
    for unknown in ["another-epoch-7", "nonsense", "-"] {
        Follower::start(&server, KEY, Some(unknown)).expect("reset");
    }
    server
        .get("/v2/events/stream?after=x", &[key(KEY)])
        .refused(400, "/v2/events/stream");
    server
        .get("/v2/events/stream", &[])
        .refused(401, "/v2/events/stream");
}

#[test]
fn nobody_follows_another_project() {
    let server = Server::start();
    let (ours, _) = project(&server, "ours");
    let (theirs, _) = project(&server, "theirs");
    let mut follower = Follower::start(&server, &theirs, None);
    follower.expect("ready");
    for (issued, id) in [(&ours, "secret"), (&theirs, "own")] {
        let body = json!({"id": id}).to_string();
        let made = server.send(
            "POST",
            "/v2/create_session",
            &[key(issued)],
            body.as_bytes(),
        );
        assert_eq!(made.status, 200);
    }
    assert_eq!(follower.expect("session")["session_id"], "own");
}

#[test]
fn followers_are_so_many_and_end_with_the_server() {
    let server = Server::limited(|limits| limits.followers = 1);
    let mut follower = Follower::start(&server, KEY, None);
    follower.expect("ready");
    let refused = server.get("/v2/events/stream", &[key(KEY)]);
    assert_eq!(refused.header("retry-after"), Some("1"));
    refused.refused(503, "/v2/events/stream");
    let begun = Instant::now();
    server.stop();
    assert!(follower.next().is_none());
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "nobody waits for them"
    );
}

#[test]
fn an_overview_sums_what_began_in_its_time() {
    let server = Server::start();
    let jwt = server.session("s");
    let update = json!({"session": {"end_state": "Fail", "end_state_reason": "no answer", "tags": ["night"]}});
    assert_eq!(
        server
            .post("/v2/update_session", &jwt, update.to_string().as_bytes())
            .status,
        200
    );
    let at = |second: u8| format!("2024-03-14T12:00:{second:02}Z");
    let events = json!({"events": [
        {"id": "l", "event_type": "llms", "model": "gpt-4", "prompt_tokens": 150, "completion_tokens": 80,
         "init_timestamp": at(1), "end_timestamp": at(3)},
        {"id": "u", "event_type": "llms", "model": "unheard-of", "prompt_tokens": 1, "completion_tokens": 1,
         "init_timestamp": at(1), "end_timestamp": at(2)},
        {"id": "t", "event_type": "tools", "name": "search", "status": "error",
         "init_timestamp": at(2), "end_timestamp": at(3)},
    ]});
    assert_eq!(
        server
            .post("/v2/create_events", &jwt, events.to_string().as_bytes())
            .status,
        200
    );
    let of = |range: &str| {
        server
            .get(&format!("/v2/metrics/overview?{range}"), &[key(KEY)])
            .json()
    };
    let told = of("from=2024-03-01&to=2024-04-01");
    assert_eq!(
        told["sessions"],
        json!({"total": 1, "running": 0, "success": 0, "fail": 1, "indeterminate": 0})
    );
    assert_eq!(
        told["reasons"],
        json!([{"reason": "no answer", "sessions": 1}])
    );
    assert_eq!(
        told["tags"],
        json!([{"tag": "night", "sessions": 1, "fail": 1, "cost_known": "0.00930"}])
    );
    let day = &told["days"][0];
    assert_eq!(
        (&day["day"], &day["sessions"], &day["events"]),
        (&json!("2024-03-14"), &json!(1), &json!(3))
    );
    let model = &told["models"][0];
    assert_eq!(
        (&model["name"], &model["cost"]),
        (&json!("gpt-4"), &json!("0.00930"))
    );
    let p50 = model["latency_us"]["p50"].as_u64().unwrap();
    assert!((2_000_000..=2_500_000).contains(&p50), "{p50}");
    assert_eq!(
        told["models"][1]["cost"],
        Value::Null,
        "its price is not known"
    );
    assert_eq!(
        (&told["tools"][0]["name"], &told["tools"][0]["failed"]),
        (&json!("search"), &json!(1))
    );
    assert_eq!(
        (&told["total"]["cost"], &told["total"]["cost_known"]),
        (&Value::Null, &json!("0.00930"))
    );
    assert_eq!(of("from=2024-03-15&to=2024-04-01")["total"]["events"], 0);
    for range in ["from=2024-03-15&to=2024-03-14", "from=2001-01-01", "from=x"] {
        let path = format!("/v2/metrics/overview?{range}");
        server
            .get(&path, &[key(KEY)])
            .refused(400, "/v2/metrics/overview");
    }
}

#[test]
fn the_servers_own_numbers_are_for_its_machine_and_its_keys() {
    let server = Server::start();
    let text = server.get("/metrics", &[]);
    assert!(
        text.header("content-type")
            .unwrap()
            .starts_with("text/plain")
    );
    assert!(
        text.text().contains("agentops_writer_alive 1"),
        "{}",
        text.text()
    );
    let far = ("Host", "ops.example");
    server
        .get("/metrics", &[far, key(KEY)])
        .refused(401, "/metrics");
    let (issued, _) = project(&server, "ours");
    assert_eq!(server.get("/metrics", &[far, key(&issued)]).status, 200);
    let bearer = format!("Bearer {issued}");
    assert_eq!(
        server
            .get("/metrics", &[far, ("Authorization", &bearer)])
            .status,
        200
    );
}
