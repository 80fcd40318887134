//! A server that streams chat completions over a real connection, and the clients that read them.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use reqwest::{Client, Request, Response};
use tower_layer::Layer as _;
use tower_service::Service;

/// What a server sends.
#[derive(Clone, Copy)]
pub(crate) enum Sends {
    /// So many chunks, one a millisecond, each with the nanoseconds since this moment.
    Times(Instant, u32),
    /// So many bytes of text, as fast as they are read.
    Bytes(u64),
}

/// Starts it; it ends with the process.
pub(crate) fn serve(sends: Sends) -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}/v1/chat/completions", listener.local_addr()?);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                // A client that has gone away needs no answer.
                drop(answer(stream, sends));
            });
        }
    });
    Ok(url)
}

fn answer(mut stream: TcpStream, sends: Sends) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut length = 0;
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let line = line.trim().to_ascii_lowercase();
        if let Some(given) = line.strip_prefix("content-length:") {
            length = given.trim().parse().unwrap_or(0);
        }
        if line.is_empty() {
            break;
        }
    }
    std::io::Read::read_exact(&mut reader, &mut vec![0; length])?;
    stream.write_all(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n",
    )?;
    match sends {
        Sends::Times(start, chunks) => {
            for _ in 0..chunks {
                std::thread::sleep(Duration::from_millis(1));
                stream.write_all(event(&start.elapsed().as_nanos().to_string()).as_bytes())?;
            }
        }
        Sends::Bytes(bytes) => {
            let event = event(&"word ".repeat(200));
            for _ in 0..bytes / event.len() as u64 {
                stream.write_all(event.as_bytes())?;
            }
        }
    }
    stream.write_all(b"data: [DONE]\n\n")
}

fn event(text: &str) -> String {
    format!(
        "data: {{\"model\":\"gpt-4o\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n"
    )
}

/// A client as reqwest makes it, for connections without TLS; it wants to know its cryptography all the same.
pub(crate) fn client() -> anyhow::Result<Client> {
    drop(rustls::crypto::ring::default_provider().install_default());
    Ok(Client::builder().no_proxy().build()?)
}

/// Sends the question with the layer between, or without.
pub(crate) async fn ask(client: &Client, url: &str, layered: bool) -> anyhow::Result<Response> {
    let body =
        r#"{"model":"gpt-4o","stream":true,"messages":[{"role":"user","content":"2 + 2?"}]}"#;
    let request: Request = client.post(url).body(body).build()?;
    if layered {
        let mut service = agentops::http::layer().layer(client.clone());
        Service::<Request>::call(&mut service, request)
            .await
            .context("the call failed")
    } else {
        client.execute(request).await.context("the call failed")
    }
}
