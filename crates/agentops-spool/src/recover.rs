//! Directories whose writers died: who may go on with them, and which sessions they left open.
//!
//! This decides nothing about a session: it says who owned it and that nobody living does. What to write then is up to
//! the caller.

use std::io;

use crate::directory::{Directory, Spool};
use crate::line::Header;
use crate::taken::Taken;

impl Spool {
    /// The live directories whose writers own a session.
    ///
    /// # Errors
    /// When the spool cannot be read.
    pub fn live_owners(&self, sid: &str) -> io::Result<Vec<Directory>> {
        let mut owners = Vec::new();
        for directory in self.directories()? {
            if directory.is_live()?
                && directory
                    .header()?
                    .is_some_and(|header| header.owns.contains(sid))
            {
                owners.push(directory);
            }
        }
        Ok(owners)
    }

    /// Takes over the dead directories that the caller wants by their header, oldest first. Directories without a
    /// readable header are never among them, and one that cannot be looked at does not keep the others back.
    ///
    /// # Errors
    /// When the spool's folder cannot be listed.
    pub fn abandoned(
        &self,
        mut wanted: impl FnMut(&Directory, &Header) -> bool,
    ) -> io::Result<Vec<Taken>> {
        let mut found = Vec::new();
        for directory in self.directories()? {
            let Ok(Some(taken)) = directory.take() else {
                continue;
            };
            if taken
                .header()
                .is_ok_and(|header| header.is_some_and(|header| wanted(&directory, &header)))
            {
                found.push(taken);
            }
        }
        Ok(found)
    }

    /// The sessions that a dead writer left open and that no living writer owns: those to be ended on its behalf.
    ///
    /// # Errors
    /// When the spool cannot be read.
    pub fn orphans(&self, taken: &Taken) -> io::Result<Vec<String>> {
        let mut open = taken
            .header()?
            .map(|header| header.owns)
            .unwrap_or_default();
        for directory in self.directories()? {
            if open.is_empty() {
                break;
            }
            // The taken directory looks live as well: its lock is ours.
            if directory.path() != taken.path() && directory.is_live()? {
                let owned = directory
                    .header()?
                    .map(|header| header.owns)
                    .unwrap_or_default();
                open.retain(|sid| !owned.contains(sid));
            }
        }
        Ok(open.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Op;

    #[test]
    fn only_a_dead_owner_without_a_living_one_leaves_an_orphan() {
        let data = tempfile::tempdir().unwrap();
        let spool = Spool::at(data.path());
        let mut dead = spool
            .create(Header::new("t", 1).owning(["a"]), 1, || 1)
            .unwrap();
        let mut living = spool.create(Header::new("t", 2), 2, || 2).unwrap();
        for sid in ["b", "c", "ended"] {
            dead.own(sid).unwrap();
            dead.append(Op::Session, sid, b"{}").unwrap();
        }
        dead.release("ended").unwrap();
        living.own("b").unwrap();
        living.append(Op::Session, "joined", b"{}").unwrap();
        living.commit(false).unwrap();
        drop(dead);

        assert_eq!(spool.live_owners("b").unwrap().len(), 1);
        assert!(
            spool.live_owners("c").unwrap().is_empty()
                && spool.live_owners("joined").unwrap().is_empty()
        );
        let taken = spool.abandoned(|_, _| true).unwrap();
        assert_eq!(taken.len(), 1);
        assert_eq!(spool.orphans(&taken[0]).unwrap(), ["a", "c"]);
    }

    #[test]
    fn directories_that_are_not_wanted_are_given_back() {
        let data = tempfile::tempdir().unwrap();
        let spool = Spool::at(data.path());
        let local = Header::new("t", 1);
        let sent = Header::new("t", 2).sent_to(Some("http://a".into()), None);
        drop(spool.create(local, 1, || 1).unwrap());
        drop(spool.create(sent, 2, || 2).unwrap());
        let taken = spool
            .abandoned(|_, header| header.may_be_sent_to("http://a", None))
            .unwrap();
        assert_eq!(taken.len(), 1);
        assert!(taken[0].path().ends_with("2-2-00000002"));
        let live: Vec<_> = spool
            .directories()
            .unwrap()
            .iter()
            .map(|dir| dir.is_live().unwrap())
            .collect();
        assert_eq!(live, [false, true]);
    }

    #[test]
    fn a_directory_without_a_header_belongs_to_nobody() {
        let data = tempfile::tempdir().unwrap();
        let spool = Spool::at(data.path());
        let writer = spool.create(Header::new("t", 1), 1, || 1).unwrap();
        let segment = writer.path().join("000001.ndjson");
        drop(writer);
        std::fs::write(segment, b"{\"v\":1,\"writer\":\"to").unwrap();
        assert!(spool.abandoned(|_, _| true).unwrap().is_empty());
        assert!(spool.directories().unwrap()[0].header().unwrap().is_none());
    }

    #[test]
    fn what_is_owned_survives_the_deletion_of_old_segments() {
        let data = tempfile::tempdir().unwrap();
        let spool = Spool::at(data.path());
        let mut writer = spool.create(Header::new("t", 1), 1, || 1).unwrap();
        writer.own("early").unwrap();
        let body = format!("\"{}\"", "x".repeat(1 << 20));
        for _ in 0..10 {
            writer.append(Op::Event, "early", body.as_bytes()).unwrap();
            writer.commit(false).unwrap();
        }
        writer.own("late").unwrap();
        writer.commit(false).unwrap();
        let mut ack = crate::Ack::open(writer.path()).unwrap();
        ack.record(writer.position()).unwrap();
        assert!(writer.remove_acked().unwrap() > 8 << 20);
        let header = spool.directories().unwrap()[0].header().unwrap().unwrap();
        assert_eq!(
            header.owns.into_iter().collect::<Vec<_>>(),
            ["early", "late"]
        );
    }
}
