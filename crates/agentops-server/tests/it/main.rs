//! The server over real sockets, with a real store.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod access;
mod attacks;
mod bad_input;
mod captures;
mod client;
mod documented;
mod import;
mod live;
mod login;
mod openapi;
mod pages;
mod prices;
mod reading;
mod schema;
mod screenshots;
mod sending;
mod serving;
mod tls;
mod tokens;
