//! A reader beside a living writer: in a thread, and in another process that is killed.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::{Place, Seen, append};
use crate::{Ack, Header, Op, Position, Reader, Spool};

const DEADLINE: Duration = Duration::from_secs(30);

#[test]
fn a_reader_follows_a_writer_across_segments_that_are_deleted_behind_it() {
    const LINES: u64 = 20_000;
    let place = Place::new();
    let mut writer = place.writer();
    writer.segment_bytes = 50_000;
    let path = writer.path().to_owned();
    let writing = AtomicBool::new(true);
    let (model, freed, found) = std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let mut model = Vec::new();
            let mut freed = 0;
            for n in 1..=LINES {
                model.push(append(&mut writer, n, (n % 97) as usize));
                if n % 7 == 0 {
                    writer.commit(false).unwrap();
                }
                if n % 500 == 0 {
                    freed += writer.remove_acked().unwrap();
                }
            }
            writer.commit(false).unwrap();
            writing.store(false, Ordering::Release);
            (model, freed)
        });
        let mut reader = Reader::open(&path);
        let mut ack = Ack::open(&path).unwrap();
        let mut found: Vec<Seen> = Vec::new();
        let started = Instant::now();
        loop {
            let last_look = !writing.load(Ordering::Acquire);
            let batch = reader.next_batch(ack.position(), 64, 1 << 20).unwrap();
            assert_eq!(batch.skipped, 0);
            found.extend(batch.lines.iter().map(Seen::from));
            ack.record(batch.end).unwrap();
            if last_look && batch.lines.is_empty() {
                break;
            }
            assert!(
                started.elapsed() < DEADLINE,
                "{} of {LINES} lines",
                found.len()
            );
        }
        let (model, freed) = thread.join().unwrap();
        (model, freed, found)
    });
    assert_eq!(found, model);
    assert!(freed > 0 || writer.remove_acked().unwrap() > 0);
}

/// The other process of the next test; does nothing when run as a test of its own.
#[test]
fn child_that_writes_until_killed() {
    let Ok(data) = std::env::var("SPOOL_TEST_DATA") else {
        return;
    };
    let spool = Spool::at(data);
    let mut writer = spool
        .create(
            Header::new("child", std::process::id()).owning(["s"]),
            1,
            || 1,
        )
        .unwrap();
    // Far more than the parent lets it write, and an end if there is no parent any more.
    for n in 1u64..=200_000 {
        writer
            .append(Op::Event, "s", n.to_string().as_bytes())
            .unwrap();
        writer.commit(false).unwrap();
        if n == 100 {
            println!("\nwritten");
        }
    }
    let _ = std::io::stdin().read(&mut [0]);
}

#[test]
fn the_directory_of_a_killed_process_can_be_taken_and_is_whole() {
    let place = Place::new();
    let data = place.spool.path().parent().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "tests::following::child_that_writes_until_killed",
            "--nocapture",
        ])
        .env("SPOOL_TEST_DATA", data)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(
        out.any(|line| line.unwrap() == "written"),
        "the child ended early"
    );

    let dir = place.spool.directories().unwrap().remove(0);
    assert_eq!(dir.pid(), child.id());
    assert!(dir.is_live().unwrap() && dir.take().unwrap().is_none());
    assert_eq!(place.spool.live_owners("s").unwrap().len(), 1);
    let live = dir
        .reader()
        .next_batch(Position::START, 100, 1 << 20)
        .unwrap();
    assert_eq!(live.lines.len(), 100);

    child.kill().unwrap();
    child.wait().unwrap();
    let taken = dir.take().unwrap().expect("the lock ends with the process");
    assert_eq!(place.spool.orphans(&taken).unwrap(), ["s"]);
    let (found, end, skipped) = super::read_all(taken.path(), live.end);
    assert_eq!(skipped, 0);
    let expected: Vec<u64> = (101..101 + found.len() as u64).collect();
    assert_eq!(
        found.iter().map(|seen| seen.n).collect::<Vec<_>>(),
        expected
    );
    taken.ack().unwrap().record(end).unwrap();
    taken.remove().unwrap();
}
