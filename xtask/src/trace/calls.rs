//! The lines of strace, and what must hold of their order. Pure.
//!
//! ```text
//! 7 recvfrom(12<socket:[1]>, "POST /v2/create_events…", …) = 300
//! 9 pwrite64(5</data/agentops.db-wal>, …) = 4096
//! 9 fsync(5</data/agentops.db-wal> <unfinished ...>
//! 9 <... fsync resumed>)                  = 0
//! 7 writev(12<socket:[1]>, [{iov_base="HTTP/1.1 200 OK…"…
//! ```

use std::collections::HashMap;

use anyhow::{Context as _, ensure};

/// The end of the name of the database's log.
const LOG: &str = "agentops.db-wal>";

/// How far a request is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// It has come in.
    Asked,
    /// Something was written to the log since.
    Written,
    /// A sync that began after that has ended well.
    Synced,
}

/// What happens in a trace.
#[derive(Default)]
struct Seen<'a> {
    /// Requests by their connection.
    requests: HashMap<&'a str, Stage>,
    /// The connections that threads are receiving from.
    receiving: HashMap<&'a str, &'a str>,
    /// Syncs that have begun, by thread: the connections whose requests they will have covered.
    syncing: HashMap<&'a str, Vec<&'a str>>,
    answered: usize,
}

/// How many writes were answered with 200, each of them after a sync that began after the log was written
/// since the request came.
pub(super) fn judge(trace: &str) -> anyhow::Result<usize> {
    let mut seen = Seen::default();
    for (number, line) in (1..).zip(trace.lines()) {
        seen.line(line)
            .with_context(|| format!("line {number}: {line}"))?;
    }
    Ok(seen.answered)
}

impl<'a> Seen<'a> {
    fn line(&mut self, line: &'a str) -> anyhow::Result<()> {
        let Some((thread, call)) = line.trim_start().split_once(' ') else {
            return Ok(());
        };
        let call = call.trim_start();
        if let Some(rest) = call.strip_prefix("<... ") {
            if rest.starts_with("fsync resumed") || rest.starts_with("fdatasync resumed") {
                self.synced(thread, rest)?;
            }
            // What came in while others did something is told now, its connection was before.
            if let Some(connection) = self.receiving.remove(thread)
                && rest.contains("\"POST /")
            {
                self.requests.insert(connection, Stage::Asked);
            }
            return Ok(());
        }
        let Some((name, rest)) = call.split_once('(') else {
            return Ok(());
        };
        let of = rest.split([',', ' ', ')']).next().unwrap_or_default();
        match name {
            "recvfrom" | "read" if rest.ends_with("<unfinished ...>") => {
                self.receiving.insert(thread, of);
            }
            "recvfrom" | "read" if rest.contains("\"POST /") => {
                self.requests.insert(of, Stage::Asked);
            }
            "pwrite64" | "pwritev" if of.ends_with(LOG) => {
                for stage in self.requests.values_mut() {
                    if *stage == Stage::Asked {
                        *stage = Stage::Written;
                    }
                }
            }
            "fsync" | "fdatasync" if of.ends_with(LOG) => {
                let covered = self.requests.iter();
                let covered = covered.filter(|(_, stage)| **stage == Stage::Written);
                let covered = covered.map(|(connection, _)| *connection).collect();
                self.syncing.insert(thread, covered);
                if !rest.ends_with("<unfinished ...>") {
                    self.synced(thread, rest)?;
                }
            }
            "writev" | "write" | "sendto" if rest.contains("\"HTTP/1.") => {
                self.answer(of, rest)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// A sync has ended.
    fn synced(&mut self, thread: &str, result: &str) -> anyhow::Result<()> {
        let Some(covered) = self.syncing.remove(thread) else {
            return Ok(());
        };
        ensure!(result.trim_end().ends_with("= 0"), "a sync failed");
        for connection in covered {
            if let Some(stage) = self.requests.get_mut(connection) {
                *stage = Stage::Synced;
            }
        }
        Ok(())
    }

    fn answer(&mut self, connection: &str, rest: &str) -> anyhow::Result<()> {
        let Some(stage) = self.requests.remove(connection) else {
            return Ok(());
        };
        if !rest.contains(" 200 OK") {
            return Ok(());
        }
        ensure!(
            stage == Stage::Synced,
            "answered with 200 when what it answers was {}",
            match stage {
                Stage::Asked => "not written",
                _ => "not synced",
            }
        );
        self.answered += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: &str = r#"7 recvfrom(12<socket:[1]>, "POST /v2/create_events HTTP"..., 8192, 0, NULL, NULL) = 300"#;
    const WRITTEN: &str = r#"9 pwrite64(5</d/agentops.db-wal>, "x"..., 24, 32) = 24"#;
    const SYNC: &str = "9 fsync(5</d/agentops.db-wal> <unfinished ...>";
    const SYNCED: &str = "9 <... fsync resumed>)             = 0";
    const GOOD: &str =
        r#"7 writev(12<socket:[1]>, [{iov_base="HTTP/1.1 200 OK\r\n"..., iov_len=9}], 1) = 9"#;

    fn judged(lines: &[&str]) -> Result<usize, String> {
        judge(&lines.join("\n")).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn an_answer_after_the_sync_is_good() {
        assert_eq!(judged(&[ASKED, WRITTEN, SYNC, SYNCED, GOOD]), Ok(1));
        let whole = "9 fsync(5</d/agentops.db-wal>) = 0";
        assert_eq!(judged(&[ASKED, WRITTEN, whole, GOOD]), Ok(1));
        let (begun, come) = (
            "7 recvfrom(12<socket:[1]>,  <unfinished ...>",
            r#"7 <... recvfrom resumed>"POST /v2/create_events"..., 8192, 0, NULL, NULL) = 300"#,
        );
        let cut = [WRITTEN, begun, come, WRITTEN, SYNC, SYNCED, GOOD];
        assert_eq!(judged(&cut), Ok(1));
        let refused = GOOD.replace("200 OK", "400 Bad Request");
        assert_eq!(judged(&[ASKED, &refused]), Ok(0));
    }

    #[test]
    fn every_other_order_is_told() {
        for (lines, expected) in [
            (&[ASKED, GOOD][..], "not written"),
            (&[ASKED, WRITTEN, GOOD], "not synced"),
            (&[ASKED, WRITTEN, SYNC, GOOD, SYNCED], "not synced"),
            // A sync that began before the write covers nothing of it.
            (&[ASKED, SYNC, WRITTEN, SYNCED, GOOD], "not synced"),
            (&[WRITTEN, SYNC, ASKED, SYNCED, GOOD], "not written"),
        ] {
            let error = judged(lines).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        let failed = SYNCED.replace("= 0", "= -1 EIO (Input/output error)");
        let error = judged(&[ASKED, WRITTEN, SYNC, &failed]).unwrap_err();
        assert!(error.contains("a sync failed"), "{error}");
    }
}
