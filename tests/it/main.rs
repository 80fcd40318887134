//! The product as its users meet it: real processes, real sockets, one module a promise.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod agent_to_export;
mod bad_input;
mod common;
mod comparison;
mod crash;
mod endings;
mod inherited;
mod isolation;
mod local_mode;
mod outage;
mod promises;
mod python_traffic;
mod samples;
