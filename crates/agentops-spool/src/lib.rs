//! The on-disk spool: what a program recorded, safe on disk until somebody acknowledged it.
//!
//! A *writer* (one process) appends lines to a directory of its own; a *reader* (the same process's sender, or the
//! server on the same machine) reads them back, hands them on and acknowledges them; a directory whose writer died is
//! taken over by whoever finds it. The spool moves lines and knows nothing of what is inside them.
//!
//! It must not: look into a body, talk to a network, read a clock or the environment, start a thread, or delete a
//! line that nobody acknowledged (unless told to by [`Taken::discard`]).
//!
//! ```text
//! <data dir>/spool/<unix_ms>-<pid>-<rand>/      0700
//!     lock              held by the living writer, or by who took a dead writer's directory over
//!     000001.ndjson     segments of lines, 0600; a new one at 8 MiB; format: module `line`
//!     000001.ack        how far segment 1 is acknowledged; format: module `ack`
//! ```
//!
//! ```
//! use agentops_spool::{Ack, Header, Op, Reader, Spool};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let data_dir = tempfile::tempdir()?;
//! let spool = Spool::at(data_dir.path());
//! let mut writer = spool.create(Header::new("example", 42), 1_700_000_000_000, || 7)?;
//! writer.append(Op::Event, "session-1", br#"{"name":"search"}"#)?;
//! writer.commit(false)?;
//!
//! let mut ack = Ack::open(writer.path())?;
//! let batch = Reader::open(writer.path()).next_batch(ack.position(), 100, 1 << 20)?;
//! assert_eq!(batch.lines[0].body.get(), r#"{"name":"search"}"#);
//! ack.record(batch.end)?;
//! writer.close()?.remove()?;
//! # Ok(())
//! # }
//! ```

mod ack;
mod directory;
mod files;
mod line;
mod lock;
mod pending;
mod reader;
mod recover;
mod segment;
mod taken;
#[cfg(test)]
mod tests;
mod writer;

pub use ack::Ack;
pub use directory::{Directory, Spool};
pub use line::{Header, Line, MAX_LINE_BYTES, Op, Position};
pub use pending::{AppendError, MAX_PENDING_BYTES, Tail};
pub use reader::{Batch, Reader};
pub use taken::{RemoveError, Taken};
pub use writer::{SEGMENT_BYTES, Writer};
