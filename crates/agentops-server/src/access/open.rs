//! The loopback rule: who needs no key of this server.
//!
//! A request is *open* when its peer is loopback AND it names a loopback host AND no proxy has
//! touched it AND the server is not known by another address. All are needed: a page of another
//! site can reach the loopback interface under a name of its own (then the host is not loopback),
//! and a proxy on this machine is a loopback peer for the whole world, one that may write hosts
//! anew and leave no trace.

use std::net::SocketAddr;

use http::HeaderMap;
use http::request::Parts;

use crate::app::App;
use crate::links;
use crate::loopback::is_loopback_name;

/// The address at the other end of the connection, put on every request by whoever accepted it.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// Headers by which a proxy shows itself.
const FORWARDING: [&str; 6] = [
    "forwarded",
    "via",
    "x-real-ip",
    "x-client-ip",
    "true-client-ip",
    "cf-connecting-ip",
];

/// Whether a request may go without a key of this server.
pub(crate) fn is_open(app: &App, parts: &Parts) -> bool {
    app.is_local() && is_near(parts)
}

/// Whether a request comes from this machine and no further.
fn is_near(parts: &Parts) -> bool {
    let peer = parts.extensions.get::<Peer>();
    peer.is_some_and(|Peer(peer)| peer.ip().to_canonical().is_loopback())
        && links::host(parts).is_some_and(|host| is_loopback_name(host.host()))
        && !is_forwarded(&parts.headers)
}

fn is_forwarded(headers: &HeaderMap) -> bool {
    let mut names = headers.keys().map(http::HeaderName::as_str);
    names.any(|name| name.starts_with("x-forwarded") || FORWARDING.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn open(peer: &str, host: &str, header: &str) -> bool {
        let mut request = Request::builder().uri("/").header("host", host);
        if !header.is_empty() {
            request = request.header(header, "1.2.3.4");
        }
        let mut parts = request.body(()).unwrap().into_parts().0;
        parts.extensions.insert(Peer(peer.parse().unwrap()));
        is_near(&parts)
    }

    #[test]
    fn peer_and_host_must_be_loopback_and_no_proxy_between() {
        for host in [
            "127.0.0.1:8717",
            "localhost",
            "LOCALHOST.:80",
            "[::1]:8717",
            "127.9.9.9",
        ] {
            assert!(open("127.0.0.1:5000", host, ""), "{host}");
            assert!(open("[::1]:5000", host, ""), "{host}");
            assert!(open("[::ffff:127.0.0.1]:5000", host, ""), "{host}");
            assert!(!open("10.0.0.9:5000", host, ""), "{host}");
            for header in [
                "forwarded",
                "x-forwarded-for",
                "X-Forwarded-Proto",
                "via",
                "x-real-ip",
            ] {
                assert!(!open("127.0.0.1:5000", host, header), "{header}");
            }
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "a@localhost",
        ] {
            assert!(!open("127.0.0.1:5000", host, ""), "{host}");
        }
    }

    #[test]
    fn two_hosts_are_none() {
        let request = Request::builder()
            .uri("http://evil.example/")
            .header("host", "localhost");
        let mut parts = request.body(()).unwrap().into_parts().0;
        parts
            .extensions
            .insert(Peer("127.0.0.1:1".parse().unwrap()));
        assert!(!is_near(&parts));
        let twice = Request::builder()
            .uri("/")
            .header("host", "localhost")
            .header("host", "evil.example");
        let mut parts = twice.body(()).unwrap().into_parts().0;
        parts
            .extensions
            .insert(Peer("127.0.0.1:1".parse().unwrap()));
        assert!(!is_near(&parts));
    }
}
