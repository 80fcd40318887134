//! Beginning and ending: one server a directory, a place to find it, a graceful end.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use agentops_server::{ServeError, ServerConfig, running_server, serve};

use crate::access::project;
use crate::client::{Server, key, wait_for};

#[test]
fn one_server_a_directory_and_it_can_be_found() {
    let server = Server::start();
    let place = running_server(server.data_dir()).unwrap().expect("it runs");
    assert_eq!(place.url, server.running().url());
    assert_eq!(place.pid, std::process::id());
    let second = ServerConfig::new(server.data_dir()).listen(([127, 0, 0, 1], 0).into());
    match server.runtime.block_on(serve(second)) {
        Err(error @ ServeError::InUse { .. }) => assert!(error.to_string().contains(&place.url)),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("two servers on one directory"),
    }
    let dir = server.stop();
    assert_eq!(running_server(dir.path()).unwrap(), None);
    assert!(!dir.path().join("server.json").exists());
    Server::in_dir(dir, |config| config).stop();
}

#[test]
fn a_leftover_place_means_nothing() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(
        dir.path().join("server.json"),
        r#"{"pid":1,"url":"http://x","version":"0"}"#,
    )
    .unwrap();
    assert_eq!(running_server(dir.path()).unwrap(), None);
    std::fs::write(dir.path().join("server.lock"), "").unwrap();
    assert_eq!(running_server(dir.path()).unwrap(), None);
}

#[test]
fn an_address_in_use_is_named() {
    let server = Server::start();
    let other = tempfile::tempdir().unwrap();
    let config = ServerConfig::new(other.path()).listen(server.address());
    match server.runtime.block_on(serve(config)) {
        Err(error @ ServeError::Listen { .. }) => {
            assert!(error.to_string().contains(&server.address().to_string()));
        }
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("two servers on one address"),
    }
}

#[test]
fn links_begin_with_the_public_url() {
    let server = Server::with(|config| config.public_url(Some("https://ops.example/".to_owned())));
    let body = br#"{"id":"s"}"#;
    let (issued, _) = project(&server, "ours");
    let created = server
        .send("POST", "/v2/create_session", &[key(&issued)], body)
        .json();
    assert_eq!(created["session_url"], "https://ops.example/sessions/s");
}

#[test]
fn a_request_at_hand_is_answered_and_an_idle_connection_is_closed() {
    let server = Server::start();
    let jwt = server.session("s");
    let connect = || {
        let stream = TcpStream::connect(server.address()).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        stream
    };
    let mut idle = connect();
    let mut busy = connect();
    let body = r#"{"events":[{"id":"e","type":"tool"}]}"#;
    let head = format!(
        "POST /v2/create_events HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {jwt}\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        server.address(),
        body.len()
    );
    busy.write_all(head.as_bytes()).unwrap();
    // The server asks for the body: now the request is at hand.
    let mut asked = [0; 25];
    busy.read_exact(&mut asked).unwrap();
    assert!(asked.starts_with(b"HTTP/1.1 100"));
    let ending = std::thread::spawn(move || server.stop());
    let mut nothing = Vec::new();
    idle.read_to_end(&mut nothing).unwrap();
    assert!(nothing.is_empty());
    busy.write_all(body.as_bytes()).unwrap();
    let mut answer = String::new();
    busy.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let dir = ending.join().unwrap();
    let server = Server::in_dir(dir, |config| config);
    assert_eq!(server.export("s")["tools"][0]["id"], "e");
}

#[test]
fn a_head_that_never_ends_is_not_waited_for() {
    let server = Server::limited(|limits| limits.head_timeout = Duration::from_millis(100));
    let mut slow = TcpStream::connect(server.address()).unwrap();
    slow.set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nHost").unwrap();
    let mut rest = Vec::new();
    slow.read_to_end(&mut rest).unwrap();
}

#[test]
fn two_thousand_slow_connections_keep_nobody_out() {
    let server = Server::limited(|limits| {
        limits.connections = 500;
        limits.head_timeout = Duration::from_millis(500);
    });
    // Each sends the beginning of a head and then nothing; most wait for a place, and all are hung
    // up on in turn. Where this process may not open so many, it opens what it may.
    let slow: Vec<TcpStream> = (0..2_000)
        .map_while(|_| TcpStream::connect(server.address()).ok())
        .filter_map(|mut stream| {
            stream
                .write_all(b"POST /v2/create_session HTTP/1.1\r\nHost")
                .ok()
                .map(|()| stream)
        })
        .collect();
    assert!(slow.len() > 500, "more than there are places for");
    let begun = std::time::Instant::now();
    let jwt = server.session("s");
    let event = br#"{"events":[{"id":"e","type":"tool"}]}"#;
    assert_eq!(server.post("/v2/create_events", &jwt, event).status, 200);
    assert!(
        begun.elapsed() < Duration::from_secs(30),
        "{:?}",
        begun.elapsed()
    );
    drop(slow);
    assert_eq!(server.export("s")["tools"][0]["id"], "e");
}

#[test]
fn connections_over_the_limit_wait_for_a_place() {
    let server = Server::limited(|limits| limits.connections = 2);
    let held: Vec<_> = (0..2)
        .map(|_| TcpStream::connect(server.address()).unwrap())
        .collect();
    let mut third = TcpStream::connect(server.address()).unwrap();
    third
        .write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .unwrap();
    third
        .set_read_timeout(Some(Duration::from_millis(200)))
        .unwrap();
    let mut byte = [0];
    assert!(third.read(&mut byte).is_err(), "both places are taken");
    drop(held);
    third
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let mut answer = String::new();
    third.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[cfg(unix)]
#[test]
fn only_the_user_can_read_the_data_directory() {
    use std::os::unix::fs::PermissionsExt as _;
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("data");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let config = ServerConfig::new(&dir).listen(([127, 0, 0, 1], 0).into());
    let running = runtime.block_on(serve(config)).unwrap();
    let mode =
        |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    wait_for("the importer", || {
        dir.join("import.lock").exists().then_some(())
    });
    for entry in std::fs::read_dir(&dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            assert_eq!(mode(&path), 0o600, "{}", path.display());
        }
    }
    runtime.block_on(running.shutdown());
}

#[test]
fn a_shutdown_does_not_wait_for_ever() {
    let server = Server::limited(|limits| limits.shutdown_timeout = Duration::from_millis(100));
    let jwt = server.session("s");
    let mut stuck = TcpStream::connect(server.address()).unwrap();
    let head = format!(
        "POST /v2/create_events HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {jwt}\r\nContent-Length: 100\r\n\r\n{{",
        server.address()
    );
    stuck.write_all(head.as_bytes()).unwrap();
    let begun = std::time::Instant::now();
    server.stop();
    assert!(begun.elapsed() < Duration::from_secs(5));
}
