//! Promises of the whole crate, on real files, in threads and in processes.

mod damage;
mod following;
mod writing;

use std::path::Path;

use crate::{Batch, Header, Line, Op, Position, Reader, Spool, Writer};

/// A spool in a temporary data directory.
struct Place {
    _data: tempfile::TempDir,
    spool: Spool,
}

impl Place {
    fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let spool = Spool::at(data.path());
        Self { _data: data, spool }
    }

    fn writer(&self) -> Writer {
        let mut random = 0;
        let random = || {
            random += 1;
            random
        };
        self.spool
            .create(Header::new("test", std::process::id()), 1_000, random)
            .unwrap()
    }
}

/// What tests compare of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    n: u64,
    op: Op,
    sid: String,
    body: String,
}

impl From<&Line> for Seen {
    fn from(line: &Line) -> Self {
        Self {
            n: line.n,
            op: line.op,
            sid: line.sid.clone(),
            body: line.body.get().to_owned(),
        }
    }
}

/// Everything from a position on, read in small batches.
fn read_all(dir: &Path, from: Position) -> (Vec<Seen>, Position, u64) {
    let mut reader = Reader::open(dir);
    let (mut seen, mut at, mut skipped) = (Vec::new(), from, 0);
    loop {
        let Batch {
            lines,
            end,
            skipped: passed,
        } = reader.next_batch(at, 3, 1 << 20).unwrap();
        seen.extend(lines.iter().map(Seen::from));
        skipped += passed;
        if end == at {
            return (seen, end, skipped);
        }
        at = end;
    }
}

/// Appends event `n` of session `s`, whose body depends on `n`, and says what is to be read back.
fn append(writer: &mut Writer, n: u64, len: usize) -> Seen {
    let sid = format!("s{}", n % 3);
    let body = format!("{{\"n\":{n},\"text\":\"{}\"}}", "x".repeat(len));
    writer.append(Op::Event, &sid, body.as_bytes()).unwrap();
    Seen {
        n,
        op: Op::Event,
        sid,
        body,
    }
}
