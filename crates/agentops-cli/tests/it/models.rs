//! `agentops run --capture-llm`: a program that knows nothing of us, the recorder, and a provider behind it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::json;

use crate::Run;
use crate::run::{only_session, run};

/// Longest that anything is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// A provider that answers every request with this, byte for byte; then the connection's end. Gives its address and
/// the heads and bodies that it was sent.
fn provider(answer: &'static [u8]) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (seen, requests) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            let request = message(&mut stream);
            if request.is_empty() || seen.send(request).is_err() {
                return;
            }
            stream.write_all(answer).unwrap();
        }
    });
    (address, requests)
}

/// One HTTP message with its body, which is chunked or of a known length.
fn message(stream: &mut TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let (mut text, mut length, mut chunked) = (String::new(), 0, false);
    loop {
        let before = text.len();
        if reader.read_line(&mut text).unwrap() == 0 {
            return text;
        }
        let line = text[before..].trim().to_ascii_lowercase();
        if let Some(given) = line.strip_prefix("content-length:") {
            length = given.trim().parse().unwrap();
        }
        chunked |= line.starts_with("transfer-encoding:") && line.contains("chunked");
        if line.is_empty() {
            break;
        }
    }
    while chunked {
        let mut size = String::new();
        reader.read_line(&mut size).unwrap();
        let size = usize::from_str_radix(size.trim(), 16).unwrap();
        let mut chunk = vec![0; size + 2];
        reader.read_exact(&mut chunk).unwrap();
        text.push_str(&String::from_utf8_lossy(&chunk[..size]));
        chunked = size > 0;
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    text + &String::from_utf8(body).unwrap()
}

/// The program: this test binary, in one of its tests.
fn recorded(name: &str, variables: &[(&str, &str)], more: &[&str]) -> (Run, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let itself = std::env::current_exe().unwrap();
    let path = dir.path().to_str().unwrap().to_owned();
    let options = [&["--capture-llm", "--quiet", "--data-dir", &path], more].concat();
    let name = format!("models::{name}");
    let program = [
        itself.to_str().unwrap(),
        &name,
        "--exact",
        "--include-ignored",
        "--nocapture",
    ];
    let mut command: Command = run(&options, &program);
    command
        .envs(variables.iter().copied())
        .env("MODELS_TEST", "1");
    (Run::of(command), dir)
}

/// Sends a request as any program would, and gives what comes back.
fn post(base: &str, path: &str, body: &str) -> String {
    let (_, rest) = base.split_once("://").unwrap();
    let (host, prefix) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let length = body.len();
    write!(
        stream,
        "POST {prefix}{path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer sk-SECRET\r\nAccept-Encoding: br\r\n\
         Content-Type: application/json\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn variable(name: &str) -> Option<String> {
    // Run by itself, the test has nothing to do.
    std::env::var("MODELS_TEST").ok()?;
    std::env::var(name).ok()
}

const QUESTION: &str =
    r#"{"model":"gpt-4o","messages":[{"role":"user","content":"2 + 2?"}],"stream":true}"#;

const STREAM: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-Theirs: 1\r\nConnection: close\r\n\r\n\
data: {\"model\":\"gpt-4o\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"fo\"}}]}\n\n\
data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"ur\"},\"finish_reason\":\"stop\"}]}\n\n\
data: {\"choices\":[],\"usage\":{\"prompt_tokens\":150,\"completion_tokens\":80}}\n\ndata: [DONE]\n\n";

#[test]
#[ignore = "a program that other tests run"]
fn asking_program() {
    let Some(base) = variable("OPENAI_BASE_URL") else {
        return;
    };
    let answer = post(&base, "/chat/completions", QUESTION);
    // The body is the provider's own; chunks carry it.
    let text: String = answer
        .lines()
        .filter(|line| line.starts_with("data:"))
        .collect();
    assert!(
        answer.contains("x-theirs: 1") && text.ends_with("[DONE]"),
        "{answer}"
    );
    println!("asked");
}

#[test]
fn a_programs_call_is_recorded_and_its_key_passes_through() {
    let (upstream, requests) = provider(STREAM);
    let base = format!("{upstream}/v1");
    let (run, dir) = recorded("asking_program", &[("OPENAI_BASE_URL", &base)], &[]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert!(run.out.contains("asked"));

    let sent = requests.recv_timeout(PATIENCE).unwrap();
    let head = sent.to_ascii_lowercase();
    assert!(
        head.starts_with("post /v1/chat/completions http/1.1"),
        "{sent}"
    );
    assert!(head.contains("authorization: bearer sk-secret"), "{sent}");
    assert!(
        head.contains("accept-encoding: identity"),
        "what cannot be read is not asked for: {sent}"
    );
    assert!(sent.ends_with(QUESTION), "{sent}");

    let export = only_session(dir.path());
    let [call] = export["llms"].as_array().unwrap().as_slice() else {
        panic!("one call: {export}");
    };
    assert_eq!(
        (&call["model"], &call["status"], &call["cost"]),
        (&json!("gpt-4o"), &json!("ok"), &json!(0.001175))
    );
    assert_eq!(call["completion"]["messages"]["content"], "four");
    assert_eq!(call["params"]["url"], format!("{base}/chat/completions"));
    assert!(call["time_to_first_token"].is_u64());
    for file in files(dir.path()) {
        let bytes = std::fs::read(&file).unwrap();
        assert!(
            !String::from_utf8_lossy(&bytes).contains("SECRET"),
            "{}",
            file.display()
        );
    }
}

fn files(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

#[test]
#[ignore = "a program that other tests run"]
fn lost_program() {
    let Some(base) = variable("ANTHROPIC_BASE_URL") else {
        return;
    };
    let answer = post(&base, "/v1/messages", QUESTION);
    assert!(answer.starts_with("HTTP/1.1 502"), "{answer}");
    assert!(
        answer.contains(r#""type":"upstream_error""#) && answer.contains("cannot be reached"),
        "{answer}"
    );
    // Whoever does not know the path gets nothing.
    let (origin, token) = base.split_once("/agentops-").unwrap();
    assert!(token.len() > 32);
    for path in [
        "/",
        "/v1/messages",
        "/agentops-0123456789abcdef0123456789abcdef/1/v1/messages",
    ] {
        let answer = post(origin, path, QUESTION);
        assert!(answer.starts_with("HTTP/1.1 404"), "{path}: {answer}");
    }
    assert!(origin.starts_with("http://127.0.0.1:"));
    println!("asked");
}

#[test]
fn a_provider_that_cannot_be_reached_is_said_so() {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let upstream = format!("http://127.0.0.1:{port}");
    let (run, dir) = recorded("lost_program", &[("ANTHROPIC_BASE_URL", &upstream)], &[]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert!(run.out.contains("asked"));
    let export = only_session(dir.path());
    assert_eq!(export["llms"].as_array().unwrap().len(), 1);
    assert_eq!(export["llms"][0]["status"], "error");
    assert_eq!(export["errors"][0]["error_type"], "reqwest::error::Error");
}

#[test]
#[ignore = "a program that other tests run"]
fn leaving_program() {
    let Some(base) = variable("OLLAMA_HOST") else {
        return;
    };
    // It goes away in the middle of the answer, as an interrupted program does.
    let (_, rest) = base.split_once("://").unwrap();
    let (host, prefix) = rest.split_at(rest.find('/').unwrap());
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let (body, length) = (QUESTION, QUESTION.len());
    write!(
        stream,
        "POST {prefix}/api/chat HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut read = Vec::new();
    while !String::from_utf8_lossy(&read).contains("fo") {
        let mut piece = [0; 512];
        let size = stream.read(&mut piece).unwrap();
        assert!(size > 0);
        read.extend_from_slice(&piece[..size]);
    }
    println!("asked");
}

#[test]
fn a_program_that_leaves_has_its_call_recorded_as_far_as_it_came() {
    // The connection's end never comes: more was promised than is sent.
    let partial: &[u8] =
        b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nContent-Length: 9999\r\n\r\n\
{\"model\":\"llama3.2\",\"message\":{\"content\":\"fo\"},\"done\":false}\n";
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let upstream = listener.local_addr().unwrap().to_string();
    let (done, wait) = channel::<()>();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        message(&mut stream);
        stream.write_all(partial).unwrap();
        // Kept open until the program has gone.
        let _ = wait.recv_timeout(PATIENCE);
    });
    let (run, dir) = recorded("leaving_program", &[("OLLAMA_HOST", &upstream)], &[]);
    drop(done);
    server.join().unwrap();
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert!(run.out.contains("asked"));
    let export = only_session(dir.path());
    let call = &export["llms"][0];
    assert_eq!(
        (&call["status"], &call["model"]),
        (&json!("cancelled"), &json!("gpt-4o"))
    );
    assert_eq!(call["completion"]["messages"]["content"], "fo");
    assert_eq!(call["returns"]["complete"], false);
}

#[test]
#[ignore = "a program that other tests run"]
fn looking_program() {
    if variable("OPENAI_BASE_URL").is_some() {
        println!("{}", variable("NO_PROXY").unwrap_or_default());
        let set = |name: &str| variable(name).is_some_and(|value| value.contains("/agentops-"));
        for name in [
            "OPENAI_BASE_URL",
            "ANTHROPIC_BASE_URL",
            "GOOGLE_GEMINI_BASE_URL",
            "OLLAMA_HOST",
            "OPENAI_API_BASE",
            "AZURE_OPENAI_ENDPOINT",
        ] {
            println!("{name}={}", set(name));
        }
    }
}

#[test]
fn the_command_finds_its_providers_behind_the_recorder() {
    let variables = [
        ("AZURE_OPENAI_ENDPOINT", "https://acme.openai.azure.com"),
        ("http_proxy", "http://127.0.0.1:9"),
        ("no_proxy", "internal"),
    ];
    let (run, _dir) = recorded("looking_program", &variables, &[]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    let expected = "internal,127.0.0.1\nOPENAI_BASE_URL=true\nANTHROPIC_BASE_URL=true\nGOOGLE_GEMINI_BASE_URL=true\n\
                    OLLAMA_HOST=true\nOPENAI_API_BASE=false\nAZURE_OPENAI_ENDPOINT=true\n";
    assert!(run.out.contains(expected), "{}", run.out);
}

#[test]
fn a_provider_that_is_none_is_refused_before_anything_runs() {
    let (run, _dir) = recorded(
        "looking_program",
        &[("OPENAI_BASE_URL", "not a url?key=SECRET")],
        &[],
    );
    assert_eq!(run.code, 2);
    assert!(
        run.err.contains("OPENAI_BASE_URL cannot be recorded"),
        "{}",
        run.err
    );
    assert!(!run.out.contains("OLLAMA_HOST"), "{}", run.out);
}
