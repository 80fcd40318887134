//! The names of this machine for itself.

use std::net::IpAddr;

use http::Uri;

/// Whether a host is this machine under one of its own names.
pub(crate) fn is_loopback_name(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match host.parse::<IpAddr>() {
        Ok(ip) => ip.to_canonical().is_loopback(),
        Err(_) => host.trim_end_matches('.').eq_ignore_ascii_case("localhost"),
    }
}

/// Whether a URL names this machine.
pub(crate) fn is_loopback_url(url: &str) -> bool {
    let uri = url.parse::<Uri>().ok();
    uri.is_some_and(|uri| uri.host().is_some_and(is_loopback_name))
}
