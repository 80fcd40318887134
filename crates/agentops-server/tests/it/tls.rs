//! The server's own certificate.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use agentops_server::{ServerConfig, serve};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::client::KEY;

struct Issued {
    dir: TempDir,
    certificate: CertificateDer<'static>,
}

fn issued() -> Issued {
    let dir = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(dir.path().join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(dir.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    Issued {
        dir,
        certificate: made.cert.der().clone(),
    }
}

fn config(data: &TempDir, files: &TempDir, cert: &str, key: &str) -> ServerConfig {
    let files = (files.path().join(cert), files.path().join(key));
    ServerConfig::new(data.path())
        .listen(([127, 0, 0, 1], 0).into())
        .tls(Some(files))
}

fn connect(
    port: u16,
    certificate: &CertificateDer<'static>,
) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    StreamOwned::new(
        ClientConnection::new(Arc::new(client), name).unwrap(),
        stream,
    )
}

#[test]
fn a_server_with_a_certificate_speaks_https_alone() {
    let (issued, data, runtime) = (issued(), TempDir::new().unwrap(), Runtime::new().unwrap());
    let mut limits = agentops_server::Limits::default();
    limits.head_timeout = Duration::from_millis(500);
    let config = config(&data, &issued.dir, "cert.pem", "key.pem").limits(limits);
    let running = runtime.block_on(serve(config)).unwrap();
    let port = running.url().strip_prefix("https://127.0.0.1:").unwrap();
    let port: u16 = port.parse().unwrap();

    // Who says nothing, and who speaks plain HTTP, are hung up on.
    let mut silent = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let mut plain = TcpStream::connect(("127.0.0.1", port)).unwrap();
    plain
        .write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .unwrap();
    for stream in [&mut silent, &mut plain] {
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let mut answer = Vec::new();
        // A reset is an end as well.
        let _ = stream.read_to_end(&mut answer);
        assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    }

    let mut stream = connect(port, &issued.certificate);
    let body = r#"{"session":{"id":"s"}}"#;
    write!(
        stream,
        "POST /v2/create_session HTTP/1.1\r\nHost: localhost:{port}\r\nX-Agentops-Api-Key: {KEY}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(
        answer.contains(&format!(
            "\"session_url\":\"https://localhost:{port}/sessions/s\""
        )),
        "{answer}"
    );
    runtime.block_on(running.shutdown());
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let (issued, data, runtime) = (issued(), TempDir::new().unwrap(), Runtime::new().unwrap());
    let other = rcgen::KeyPair::generate().unwrap();
    std::fs::write(issued.dir.path().join("other.pem"), other.serialize_pem()).unwrap();
    std::fs::write(issued.dir.path().join("empty.pem"), "").unwrap();
    for (cert, key, expected) in [
        (
            "nowhere.pem",
            "key.pem",
            "nowhere.pem cannot be used as a chain",
        ),
        (
            "empty.pem",
            "key.pem",
            "empty.pem cannot be used as a chain",
        ),
        (
            "cert.pem",
            "cert.pem",
            "cert.pem cannot be used as a private key",
        ),
        ("cert.pem", "other.pem", "cannot be used together"),
    ] {
        let refused = runtime.block_on(serve(config(&data, &issued.dir, cert, key)));
        let error = refused.err().expect("it does not start").to_string();
        assert!(error.contains(expected), "{error}");
    }
}
