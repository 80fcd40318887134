//! What the cross-crate tests share: real processes, a real server, plain requests, and deadlines.
//!
//! Nothing here knows how the product works inside. Every process gets a home of its own and none of the
//! variables of whoever runs the tests; every process ends with the value that stands for it.

mod executable;
mod faulty;
mod home;
mod ledger;
mod process;
mod rest;
mod server;
mod wait;

pub use executable::agentops;
pub use faulty::{Faulty, Reaction, Request, Stored};
pub use home::{Home, Run};
pub use ledger::{Call, Entry, Failure, Ledger, Llm, SessionEntry, Written, unix_micros};
pub use process::{Finished, Process};
pub use rest::{Answer, Rest};
pub use server::Server;
pub use wait::{PATIENCE, wait_for};

/// The path of one of this package's programs.
#[macro_export]
macro_rules! program {
    ($name:literal) => {
        std::path::Path::new(env!(concat!("CARGO_BIN_EXE_", $name)))
    };
}
