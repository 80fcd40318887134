//! The way of local recordings into the store: tails the directories of `<data dir>/spool` that
//! are to stay on this machine, and ends what dead programs left open.
//!
//! One process imports at a time: who holds `import.lock`. A directory is read from the cursor
//! that the store keeps, and the cursor moves in the transaction of the rows, so nothing is
//! imported twice or left out, wherever this stops. The spool is told (`.ack`) after that. A
//! directory whose lines are for an endpoint is never touched.

mod leftover;
mod report;
mod source;
mod stretch;

use std::collections::{HashMap, HashSet};
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use agentops_protocol::{ProjectId, SessionId};
use agentops_spool::{Directory, Spool, Taken};
use agentops_store::{IngestError, Mutation, Write};

pub use self::report::{ImportError, ImportReport};

use self::source::Source;
use self::stretch::Stretch;
use crate::app::{App, Clock, Storage, system_clock};

/// Lines of one batch at most.
const BATCH_LINES: usize = 1_000;
/// Bytes of one batch at most, the longest line aside.
const BATCH_BYTES: usize = 4 << 20;
/// Batches of one directory before the next one has its turn.
const TURN_BATCHES: usize = 16;
/// How often the spool is looked at while something happens, and while nothing does.
const BUSY_POLL: Duration = Duration::from_millis(250);
const IDLE_POLL: Duration = Duration::from_secs(1);
/// How long `import_once` waits for another importer.
const LOCK_PATIENCE: Duration = Duration::from_secs(10);
const LOCK_POLL: Duration = Duration::from_millis(20);
/// Rounds of `import_once`; a program that writes without end must not hold it forever.
const ROUNDS: usize = 10_000;
/// What is said of a session whose program died.
const RECOVERED: &str = "process ended without ending the session";

/// Imports what lies in the local spool now, on the calling thread.
///
/// # Errors
/// When another process imports and does not stop within some seconds, or the spool or the store
/// cannot be used. A malformed line is no error: it is counted.
pub fn import_once(store: &dyn Storage, data_dir: &Path) -> Result<ImportReport, ImportError> {
    let begun = Instant::now();
    let mut importer = loop {
        if let Some(importer) = Importer::acquire(store, data_dir, system_clock())? {
            break importer;
        }
        if begun.elapsed() > LOCK_PATIENCE {
            return Err(ImportError::Locked);
        }
        std::thread::sleep(LOCK_POLL);
    };
    let mut report = ImportReport::default();
    for _ in 0..ROUNDS {
        let round = importer.round(store)?;
        report.add(round.report);
        if !round.more {
            break;
        }
    }
    Ok(report)
}

/// Imports until told to stop: the background of a server.
pub(crate) fn keep_importing(app: &App, data_dir: &Path, clock: &Clock, stop: &Receiver<()>) {
    let mut importer = None;
    let mut pause = Duration::ZERO;
    loop {
        match stop.recv_timeout(pause) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
        }
        let store = &**app.store();
        let round = match &mut importer {
            Some(importer) => Importer::round(importer, store).map(Some),
            none => Importer::acquire(store, data_dir, clock.clone()).map(|acquired| {
                *none = acquired;
                None
            }),
        };
        pause = match round {
            Ok(Some(round)) if round.more => Duration::ZERO,
            Ok(Some(round)) if round.report.did_something() => BUSY_POLL,
            Ok(None) if importer.is_some() => Duration::ZERO,
            Ok(_) => (pause.max(BUSY_POLL / 2) * 2).min(IDLE_POLL),
            Err(ImportError::Store(IngestError::Stopped)) => return app.note_stopped(),
            Err(error) => {
                tracing::warn!(%error, "the spool is not imported for now");
                IDLE_POLL
            }
        };
    }
}

/// The import of one data directory, in the hands of this process.
struct Importer {
    spool: Spool,
    project: ProjectId,
    clock: Clock,
    sources: HashMap<PathBuf, Source>,
    /// Directories that are somebody else's; their headers never change sides.
    foreign: HashSet<PathBuf>,
    /// Directories whose trouble is in the log already.
    troubled: HashSet<PathBuf>,
    _lock: File,
}

struct Round {
    report: ImportReport,
    /// Whether there is more to do at once.
    more: bool,
}

impl Importer {
    /// Takes the import of a data directory; `None` while another process has it.
    fn acquire(
        store: &dyn Storage,
        data_dir: &Path,
        clock: Clock,
    ) -> Result<Option<Self>, ImportError> {
        let lock = crate::config::private_file(&data_dir.join("import.lock"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        let spool = Spool::at(data_dir);
        // Directories that are gone, whoever removed them, need no cursor any more.
        let mut known = Vec::new();
        for directory in spool.directories()? {
            known.push(source::name(&directory));
        }
        store.keep_import_cursors(&known)?;
        Ok(Some(Self {
            spool,
            project: store.default_project()?.id,
            clock,
            sources: HashMap::new(),
            foreign: HashSet::new(),
            troubled: HashSet::new(),
            _lock: lock,
        }))
    }

    /// Gives every local directory one turn. One that fails does not keep the others back.
    fn round(&mut self, store: &dyn Storage) -> Result<Round, ImportError> {
        let mut round = Round {
            report: ImportReport::default(),
            more: false,
        };
        let directories = self.spool.directories()?;
        let paths: HashSet<_> = directories
            .iter()
            .map(|directory| directory.path().to_owned())
            .collect();
        self.sources.retain(|path, _| paths.contains(path));
        self.foreign.retain(|path| paths.contains(path));
        self.troubled.retain(|path| paths.contains(path));
        for directory in directories {
            let path = directory.path().to_owned();
            match self.turn(store, directory, &mut round.report) {
                Ok(more) => round.more |= more,
                Err(ImportError::Store(IngestError::Stopped)) => {
                    return Err(IngestError::Stopped.into());
                }
                Err(error) => {
                    // Read again from the store's cursor next time.
                    self.sources.remove(&path);
                    round.report.failed += 1;
                    self.complain(path, &error);
                }
            }
        }
        Ok(round)
    }

    /// Imports a stretch of one directory; whether more of it waits.
    fn turn(
        &mut self,
        store: &dyn Storage,
        directory: Directory,
        report: &mut ImportReport,
    ) -> Result<bool, ImportError> {
        let path = directory.path().to_owned();
        if self.foreign.contains(&path) {
            return Ok(false);
        }
        let mut source = match self.sources.remove(&path) {
            Some(source) => source,
            None => match directory.header()? {
                // Still being made, or damaged: nobody knows where it belongs.
                None => {
                    if !directory.is_live()? {
                        self.complain(path, &"its header cannot be read, so it is left alone");
                    }
                    return Ok(false);
                }
                Some(header) if header.endpoint.is_some() => {
                    self.foreign.insert(path);
                    return Ok(false);
                }
                Some(_) => Source::open(store, directory)?,
            },
        };
        let mut more = self.drain(store, &mut source, TURN_BATCHES, report)?;
        if !more && !source.directory.is_live()? {
            match source.directory.take()? {
                Some(taken) => {
                    // What was written between the last look and the end of the program.
                    more = self.drain(store, &mut source, TURN_BATCHES, report)?;
                    if !more {
                        return self.give_up(store, source, taken, report).map(|()| false);
                    }
                }
                None => more = true,
            }
        }
        self.sources.insert(path, source);
        Ok(more)
    }

    /// Logs what is wrong with a directory, once.
    fn complain(&mut self, path: PathBuf, trouble: &dyn std::fmt::Display) {
        if !self.troubled.contains(&path) {
            let directory = path.display();
            tracing::warn!(%directory, %trouble, "a directory of the spool is not imported");
            self.troubled.insert(path);
        }
    }

    /// Imports at most `batches` batches; whether more waits.
    fn drain(
        &self,
        store: &dyn Storage,
        source: &mut Source,
        batches: usize,
        report: &mut ImportReport,
    ) -> Result<bool, ImportError> {
        for _ in 0..batches {
            let read = source
                .reader
                .next_batch(source.position, BATCH_LINES, BATCH_BYTES)?;
            if read.end == source.position {
                return Ok(false);
            }
            let mut stretch = Stretch::new(&self.project, (self.clock)());
            for line in &read.lines {
                stretch.push(line, &source.name, report);
            }
            source.store(store, stretch.writes, read.end)?;
            report.damaged += read.skipped;
            report.lines += stretch.taken;
        }
        Ok(true)
    }

    /// Ends what the dead program left open, and removes its directory.
    fn give_up(
        &self,
        store: &dyn Storage,
        mut source: Source,
        taken: Taken,
        report: &mut ImportReport,
    ) -> Result<(), ImportError> {
        let received = (self.clock)();
        let orphans = self.spool.orphans(&taken)?;
        let write = |session, mutation| Write {
            project: self.project.clone(),
            session,
            received,
            mutation,
        };
        // Its calls are over also where a session goes on or was ended before them.
        let mut writes: Vec<_> = leftover::unfinished(&taken)?
            .into_iter()
            .map(|(session, events)| write(session, Mutation::Interrupt(events)))
            .collect();
        for session in orphans {
            if let Ok(session) = SessionId::try_from(session) {
                let reason = RECOVERED.to_owned();
                writes.push(write(session, Mutation::Recover { reason }));
                report.recovered += 1;
            }
        }
        if !writes.is_empty() {
            let position = source.position;
            source.store(store, writes, position)?;
        }
        let name = source.name.clone();
        drop(source);
        taken.remove()?;
        report.removed += 1;
        let left = self.spool.directories()?;
        let left = left.iter().map(source::name).filter(|other| *other != name);
        store.keep_import_cursors(&left.collect::<Vec<_>>())?;
        Ok(())
    }
}
