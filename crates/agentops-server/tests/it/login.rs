//! Browsers that log in by a link.

use agentops_protocol::{ProjectId, Timestamp};
use agentops_server::{create_login, system_clock};

use crate::access::project;
use crate::client::{Answer, KEY, Server, key};

/// How the server is asked from elsewhere.
const HOST: (&str, &str) = ("Host", "ops.example");

fn code(server: &Server, project: &str, made: Timestamp) -> String {
    let store = server.running().app().store();
    let project: ProjectId = project.parse().unwrap();
    let code = create_login(&**store, &project, made).unwrap();
    assert!(!format!("{code:?}").contains(code.reveal()));
    assert_eq!(code.path(), format!("/login?code={}", code.reveal()));
    code.reveal().to_owned()
}

fn log_in(server: &Server, code: &str) -> Answer {
    let form = format!("code={code}");
    let headers = [
        HOST,
        ("Origin", "http://ops.example"),
        ("Sec-Fetch-Site", "same-origin"),
    ];
    server.send("POST", "/login", &headers, form.as_bytes())
}

/// The cookie of an answer, as it is sent back.
fn cookie(answer: &Answer) -> String {
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, Some("/")),
        "{}",
        answer.text()
    );
    let set = answer.header("set-cookie").unwrap();
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(set.contains(attribute), "{set}");
    }
    set.split(';').next().unwrap().to_owned()
}

#[test]
fn a_link_logs_one_browser_in_to_one_project_until_it_logs_out() {
    let server = Server::start();
    let (ours, _) = project(&server, "ours");
    project(&server, "theirs");
    let body = br#"{"session":{"id":"secret-session"}}"#;
    assert_eq!(
        server
            .send("POST", "/v2/create_session", &[key(&ours)], body)
            .status,
        200
    );
    assert_eq!(server.get("/", &[HOST]).status, 401);

    let link = code(&server, "ours", system_clock()());
    // Looking at the link uses nothing up.
    for _ in 0..2 {
        let page = server.get(&format!("/login?code={link}"), &[HOST]);
        assert!(page.status == 200 && page.text().contains(&link));
    }
    let cookie_ours = cookie(&log_in(&server, &link));
    assert_eq!(log_in(&server, &link).status, 401, "it is good once");
    let seen = server.get("/", &[HOST, ("Cookie", &cookie_ours)]);
    assert!(seen.text().contains("secret-session"), "{}", seen.text());
    let path = "/sessions/secret-session";
    assert_eq!(
        server
            .get(path, &[HOST, ("Cookie", &format!("a=b; {cookie_ours}"))])
            .status,
        200
    );
    let other = cookie(&log_in(&server, &code(&server, "theirs", system_clock()())));
    assert_eq!(server.get(path, &[HOST, ("Cookie", &other)]).status, 404);

    // Its pages may ask the API, to read and not to write.
    let list = server
        .get("/v2/sessions", &[HOST, ("Cookie", &cookie_ours)])
        .json();
    assert_eq!(list["sessions"][0]["session_id"], "secret-session");
    server
        .send(
            "DELETE",
            "/v2/sessions/secret-session",
            &[HOST, ("Cookie", &cookie_ours)],
            b"",
        )
        .refused(401, "/v2/sessions/secret-session");
    server
        .send(
            "POST",
            "/v2/create_session",
            &[HOST, ("Cookie", &cookie_ours)],
            body,
        )
        .refused(401, "/v2/create_session");

    let gone = server.send("POST", "/logout", &[HOST, ("Cookie", &cookie_ours)], b"");
    assert_eq!(gone.status, 303);
    assert!(gone.header("set-cookie").unwrap().contains("Max-Age=0"));
    assert_eq!(
        server.get("/", &[HOST, ("Cookie", &cookie_ours)]).status,
        401
    );
    assert_eq!(server.get("/", &[HOST, ("Cookie", &other)]).status, 200);
}

#[test]
fn links_that_are_old_wrong_or_another_sites_log_nobody_in() {
    let server = Server::start();
    project(&server, "ours");
    let now = system_clock()();
    let ago = Timestamp::from_micros(now.as_micros() - 11 * 60 * 1_000_000);
    let long = "x".repeat(10_000);
    for wrong in [
        code(&server, "ours", ago).as_str(),
        "",
        "x",
        "%00",
        "' OR 1=1",
        &long,
    ] {
        let refused = log_in(&server, wrong);
        assert_eq!((refused.status, refused.header("set-cookie")), (401, None));
    }
    // A code is no cookie, a key neither.
    let link = code(&server, "ours", now);
    for wrong in [link.as_str(), KEY, ""] {
        let cookie = format!("agentops_login={wrong}");
        assert_eq!(server.get("/", &[HOST, ("Cookie", &cookie)]).status, 401);
    }
    // Another site's page cannot log a browser in to what its owner wants seen.
    let form = format!("code={link}");
    for cross in [
        ("Sec-Fetch-Site", "cross-site"),
        ("Origin", "https://evil.example"),
    ] {
        let refused = server.send("POST", "/login", &[HOST, cross], form.as_bytes());
        assert_eq!((refused.status, refused.header("set-cookie")), (403, None));
    }
    cookie(&log_in(&server, &link));
}

#[test]
fn a_page_of_ours_reads_without_a_key_and_others_do_not() {
    let server = Server::start();
    server.session("s");
    let path = "/v2/sessions/s/stats";
    server.get(path, &[]).refused(401, path);
    for site in ["cross-site", "same-site", "none"] {
        server
            .get(path, &[("Sec-Fetch-Site", site)])
            .refused(401, path);
    }
    let ours = ("Sec-Fetch-Site", "same-origin");
    assert_eq!(server.get(path, &[ours]).status, 200);
    // A name that leads here and is another site's is no page of ours.
    server
        .get(path, &[ours, ("Host", "evil.example")])
        .refused(401, path);
    server
        .send("DELETE", "/v2/sessions/s", &[ours], b"")
        .refused(401, "/v2/sessions/s");
}

#[test]
fn behind_a_tls_proxy_the_cookie_is_secure_and_its_origin_is_known() {
    let server = Server::with(|config| config.public_url(Some("https://ops.example".to_owned())));
    project(&server, "ours");
    let link = code(&server, "ours", system_clock()());
    let form = format!("code={link}");
    // The proxy wrote the host anew.
    let headers = [("Origin", "https://ops.example")];
    let answer = server.send("POST", "/login", &headers, form.as_bytes());
    assert!(answer.header("set-cookie").unwrap().contains("; Secure"));
    assert_eq!(server.get("/", &[("Cookie", &cookie(&answer))]).status, 200);
}
