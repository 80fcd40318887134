//! Writing: rotation, write calls, failing disks, and arbitrary sequences of calls against a model.

use std::cell::Cell;
use std::fs::{self, File};
use std::io;
use std::path::Path;

use proptest::prelude::*;

use super::{Place, Seen, append, read_all};
use crate::lock::Lock;
use crate::segment::Sink;
use crate::writer::Disk;
use crate::{
    Ack, AppendError, Header, MAX_LINE_BYTES, MAX_PENDING_BYTES, Op, Position, Writer, files,
};

thread_local! {
    /// Write calls, syncs, and the bytes that still fit, of this test's disk.
    static WRITES: Cell<u64> = const { Cell::new(0) };
    static SYNCS: Cell<u64> = const { Cell::new(0) };
    static ROOM: Cell<usize> = const { Cell::new(usize::MAX) };
    static CUTTABLE: Cell<bool> = const { Cell::new(true) };
}

/// A real file on a disk that counts and runs full.
#[derive(Debug)]
struct TestFile(File);

impl Sink for TestFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        WRITES.set(WRITES.get() + 1);
        let fits = bytes.len().min(ROOM.get());
        if fits == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        ROOM.set(ROOM.get() - fits);
        Sink::write(&mut self.0, &bytes[..fits])
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        if CUTTABLE.get() {
            File::set_len(&self.0, len)
        } else {
            Err(io::ErrorKind::Other.into())
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        SYNCS.set(SYNCS.get() + 1);
        Sink::sync(&mut self.0)
    }

    fn is_gone(&self) -> bool {
        self.0.is_gone()
    }
}

const TEST_DISK: Disk = |path| Ok(Box::new(TestFile(files::open_append(path, true)?)));

fn writer_on_test_disk(dir: &Path) -> Writer {
    let lock = Lock::acquire(dir).unwrap().unwrap();
    Writer::begin_on(dir.to_owned(), lock, Header::new("test", 1), TEST_DISK).unwrap()
}

#[test]
fn a_batch_is_one_write_call_and_no_sync() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = writer_on_test_disk(dir.path());
    let body = format!("\"{}\"", "x".repeat(540));
    for _ in 0..250 {
        for _ in 0..400 {
            writer
                .append(Op::Event, "session", body.as_bytes())
                .unwrap();
        }
        writer.commit(false).unwrap();
    }
    assert_eq!(
        WRITES.get(),
        1 + 250,
        "the header of the first segment, then one call a batch"
    );
    assert_eq!(SYNCS.get(), 0);
    assert_eq!(read_all(dir.path(), Position::START).0.len(), 100_000);
    assert!(files::segments(dir.path()).unwrap().len() > 5);
    writer.append(Op::Event, "session", b"1").unwrap();
    writer.commit(true).unwrap();
    assert_eq!(SYNCS.get(), 1);
}

#[test]
fn segments_rotate_each_with_a_header_and_positions_hold() {
    let place = Place::new();
    let mut writer = place.writer();
    writer.segment_bytes = 1000;
    let mut positions = Vec::new();
    for n in 1..=50 {
        positions.push(
            writer
                .append(Op::Event, "s", format!("{{\"n\":{n}}}").as_bytes())
                .unwrap(),
        );
        if n % 3 == 0 {
            writer.commit(false).unwrap();
        }
    }
    writer.commit(false).unwrap();
    let batch = crate::Reader::open(writer.path())
        .next_batch(Position::START, 1000, 1 << 20)
        .unwrap();
    let found: Vec<Position> = batch.lines.iter().map(|line| line.at).collect();
    assert_eq!(found, positions);
    let segments = files::segments(writer.path()).unwrap();
    assert!(segments.len() > 3, "{segments:?}");
    for number in segments {
        let content = fs::read_to_string(files::segment(writer.path(), number)).unwrap();
        assert!(content.starts_with("{\"v\":1,"));
    }
}

#[test]
fn a_full_disk_loses_nothing_and_goes_on_when_there_is_room() {
    for cuttable in [true, false] {
        for room in 0..400 {
            let dir = tempfile::tempdir().unwrap();
            ROOM.set(usize::MAX);
            CUTTABLE.set(cuttable);
            let mut writer = writer_on_test_disk(dir.path());
            let mut model = vec![
                append(&mut writer, 1, 10),
                append(&mut writer, 2, 10),
                append(&mut writer, 3, 10),
            ];
            ROOM.set(room);
            let failed = writer.commit(false).is_err();
            let during = read_all(dir.path(), Position::START).0;
            assert!(
                model.starts_with(&during) && failed == (during.len() < 3),
                "room {room}"
            );
            model.push(append(&mut writer, 4, 10));
            assert!(!failed || writer.commit(false).is_err());
            ROOM.set(usize::MAX);
            writer.commit(false).unwrap();
            let (found, end, skipped) = read_all(dir.path(), Position::START);
            assert_eq!(
                (found, skipped),
                (model, 0),
                "room {room}, cuttable {cuttable}"
            );
            assert_eq!(end, writer.position());
        }
    }
}

#[test]
fn a_directory_deleted_under_its_writer_is_an_error_not_a_loss_in_silence() {
    let place = Place::new();
    let mut writer = place.writer();
    fs::remove_dir_all(writer.path()).unwrap();
    append(&mut writer, 1, 1);
    assert!(writer.commit(false).is_err());
    assert!(writer.commit(false).is_err());
    assert!(writer.pending_bytes() > 0);
}

#[test]
fn limits_are_reached_and_named() {
    let place = Place::new();
    let mut writer = place.writer();
    let big = vec![b'1'; MAX_LINE_BYTES - 1000];
    assert!(matches!(
        writer.append(Op::Event, "s", &vec![b'1'; MAX_LINE_BYTES]),
        Err(AppendError::TooLong(_))
    ));
    // Events leave a megabyte to the rest.
    while writer.pending_bytes() + big.len() + 1000 < MAX_PENDING_BYTES - (1 << 20) {
        writer.append(Op::Event, "s", &big).unwrap();
    }
    assert_eq!(
        writer.append(Op::Event, "s", &big),
        Err(AppendError::PendingFull(MAX_PENDING_BYTES))
    );
    let lines = writer.pending_bytes() / big.len();
    writer.commit(false).unwrap();
    writer.set_pending_limit(16_000);
    while writer.append(Op::Event, "s", &[b'1'; 900]).is_ok() {}
    // Events leave a sixteenth of a small limit to the rest.
    writer.append(Op::Update, "s", &[b'1'; 900]).unwrap();
    assert_eq!(
        writer.append(Op::Update, "s", &[b'1'; 900]),
        Err(AppendError::PendingFull(16_000))
    );
    assert!(writer.appended() > lines as u64 + 10);
    writer.commit(true).unwrap();
    let (found, _, _) = read_all(writer.path(), Position::START);
    // What was refused took no number.
    assert_eq!(
        found.iter().map(|seen| seen.n).collect::<Vec<_>>(),
        (1..=writer.appended()).collect::<Vec<_>>()
    );
}

#[test]
fn a_small_limit_is_made_of_small_segments_and_what_is_acknowledged_makes_room() {
    let place = Place::new();
    let mut writer = place.writer();
    writer.set_disk_limit(Some(100_000));
    let mut ack = Ack::open(writer.path()).unwrap();
    for round in 0..20 {
        let mut lines = 0;
        while {
            writer.append(Op::Event, "s", &[b'1'; 1000]).unwrap();
            writer.commit(false).is_ok()
        } {
            lines += 1;
        }
        assert!(lines > 70, "{lines} in round {round}");
        assert!(writer.bytes_on_disk() <= 100_000);
        ack.record(writer.position()).unwrap();
        writer.remove_acked().unwrap();
        writer.commit(false).unwrap();
        assert!(writer.bytes_on_disk() < 100_000 / 4);
        let header = crate::reader::header(writer.path()).unwrap();
        assert_eq!(header.as_ref(), Some(writer.header()));
    }
}

#[test]
fn a_full_disk_is_emptied_by_what_was_delivered_even_if_that_cannot_be_noted() {
    let dir = tempfile::tempdir().unwrap();
    ROOM.set(10_000);
    CUTTABLE.set(true);
    let mut writer = writer_on_test_disk(dir.path());
    let mut model = Vec::new();
    for n in 1..=100 {
        model.push(append(&mut writer, n, 200));
    }
    let mut seen = Vec::new();
    let mut rounds = 0;
    while writer.commit(false).is_err() {
        let (lines, end, _) = read_all(dir.path(), Position::START);
        seen.extend(lines);
        assert!(writer.remove_acked_until(end).unwrap() > 0);
        assert!(files::segments(dir.path()).unwrap().is_empty());
        ROOM.set(10_000);
        rounds += 1;
    }
    ROOM.set(usize::MAX);
    seen.extend(read_all(dir.path(), Position::START).0);
    assert_eq!(seen, model, "each once and in order");
    assert!(rounds >= 2, "{rounds}");
    assert!(writer.position().segment > 2);
}

#[test]
fn what_cannot_be_written_is_read_from_memory_and_need_not_be_written_then() {
    let dir = tempfile::tempdir().unwrap();
    ROOM.set(1_000);
    CUTTABLE.set(true);
    let mut writer = writer_on_test_disk(dir.path());
    let mut reader = crate::Reader::following(dir.path(), writer.tail());
    let mut model: Vec<Seen> = (1..=20).map(|n| append(&mut writer, n, 50)).collect();
    let none = reader.next_batch(Position::START, 50, 1 << 20).unwrap();
    assert!(none.lines.is_empty(), "on the disk first");
    assert!(writer.commit(false).is_err());
    let on_disk = read_all(dir.path(), Position::START).0.len();
    assert!((1..10).contains(&on_disk), "{on_disk}");
    let first = reader.next_batch(Position::START, 15, 1 << 20).unwrap();
    model.push(append(&mut writer, 21, 50));
    assert!(writer.remove_acked_until(first.end).unwrap() > 0);
    // What is left is read at its new place, and the next ones behind it.
    let second = reader.next_batch(first.end, 3, 1 << 20).unwrap();
    model.push(append(&mut writer, 22, 50));
    ROOM.set(usize::MAX);
    writer.commit(false).unwrap();
    let third = reader.next_batch(second.end, 50, 1 << 20).unwrap();
    let lines = [first.lines, second.lines, third.lines].concat();
    assert_eq!(lines.iter().map(Seen::from).collect::<Vec<_>>(), model);
    let written = read_all(dir.path(), Position::START).0;
    assert_eq!(written, model[15..], "only what nobody had yet");
    assert_eq!(third.end, writer.position());
}

/// One session of which nothing can be handed on does not make the lines of others stay.
#[test]
fn what_was_handed_on_is_let_go_beside_what_was_not() {
    let dir = tempfile::tempdir().unwrap();
    ROOM.set(1_000);
    CUTTABLE.set(true);
    let mut writer = writer_on_test_disk(dir.path());
    let mut reader = crate::Reader::following(dir.path(), writer.tail());
    writer.own("s0").unwrap();
    let mut model: Vec<Seen> = (1..=30).map(|n| append(&mut writer, n, 50)).collect();
    assert!(writer.commit(false).is_err());
    let on_disk = read_all(dir.path(), Position::START).0.len();
    let batch = reader.next_batch(Position::START, 25, 1 << 20).unwrap();
    assert_eq!(writer.let_go(Position::START, |_| false), 0);
    assert!(writer.let_go(batch.end, |sid| sid == "s0") > 500);
    model.push(append(&mut writer, 31, 50));
    // Who was further reads on after what stayed; who was not finds it.
    let rest = reader.next_batch(batch.end, 50, 1 << 20).unwrap().lines;
    let expected: Vec<Seen> = model
        .iter()
        .enumerate()
        .filter(|(at, seen)| *at >= on_disk && (*at >= 25 || seen.sid == "s0"))
        .map(|(_, seen)| seen.clone())
        .collect();
    assert_eq!(rest.iter().map(Seen::from).collect::<Vec<_>>(), expected);
    ROOM.set(usize::MAX);
    writer.commit(false).unwrap();
    let all = read_all(dir.path(), Position::START).0;
    assert_eq!(all, [&model[..on_disk], &expected].concat());
    let header = crate::reader::header(dir.path()).unwrap().unwrap();
    assert_eq!(&header, writer.header());
}

#[test]
fn what_was_appended_is_written_when_the_writer_is_dropped() {
    let place = Place::new();
    let mut writer = place.writer();
    let path = writer.path().to_owned();
    let seen = append(&mut writer, 1, 1);
    drop(writer);
    assert_eq!(read_all(&path, Position::START).0, [seen]);
}

#[test]
fn the_oldest_segment_is_dropped_with_every_line_of_it_accounted_for() {
    let place = Place::new();
    let mut writer = place.writer();
    writer.segment_bytes = 500;
    let mut model = Vec::new();
    for n in 1..=30 {
        model.push(append(&mut writer, n, 20));
        writer.commit(false).unwrap();
    }
    let mut ack = Ack::open(writer.path()).unwrap();
    let two = crate::Reader::open(writer.path())
        .next_batch(Position::START, 2, 1 << 20)
        .unwrap();
    ack.record(two.end).unwrap();

    let (before, mut lost) = (writer.bytes_on_disk(), Vec::new());
    let freed = writer
        .drop_oldest(|line| lost.push(Seen::from(&line)))
        .unwrap();
    assert!(freed > 0 && writer.bytes_on_disk() == before - freed);
    let rest = read_all(writer.path(), Ack::open(writer.path()).unwrap().position()).0;
    assert!(!lost.is_empty());
    assert_eq!([&model[..2], &lost, &rest].concat(), model);

    while writer
        .drop_oldest(|line| lost.push(Seen::from(&line)))
        .unwrap()
        > 0
    {}
    assert_eq!(files::segments(writer.path()).unwrap().len(), 1);
    let rest = read_all(writer.path(), Ack::open(writer.path()).unwrap().position()).0;
    assert_eq!([&model[..2], &lost, &rest].concat(), model);
}

/// A call of the model test.
#[derive(Clone, Debug)]
enum Call {
    Append(usize),
    Own(u8),
    Release(u8),
    Commit,
    ReadAndAck(usize),
    RemoveAcked,
    DiskFull(usize),
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let call = prop_oneof![
        6 => (0usize..300).prop_map(Call::Append),
        1 => (0u8..3).prop_map(Call::Own),
        1 => (0u8..3).prop_map(Call::Release),
        4 => Just(Call::Commit),
        3 => (1usize..5).prop_map(Call::ReadAndAck),
        1 => Just(Call::RemoveAcked),
        1 => (0usize..500).prop_map(Call::DiskFull),
    ];
    prop::collection::vec(call, 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_calls_delivers_every_line_once_and_in_order(calls in calls(), cuttable in any::<bool>()) {
        let dir = tempfile::tempdir().unwrap();
        ROOM.set(usize::MAX);
        CUTTABLE.set(cuttable);
        let mut writer = writer_on_test_disk(dir.path());
        writer.segment_bytes = 700;
        // By turns as others see the directory, and as the writer's own process does.
        let mut readers = [
            crate::Reader::open(dir.path()),
            crate::Reader::following(dir.path(), writer.tail()),
        ];
        let mut ack = Ack::open(dir.path()).unwrap();
        let (mut appended, mut delivered): (Vec<Seen>, Vec<Seen>) = (Vec::new(), Vec::new());
        for call in calls {
            match call {
                Call::Append(len) => {
                    let n = appended.len() as u64 + 1;
                    appended.push(append(&mut writer, n, len));
                }
                Call::Own(sid) => writer.own(&sid.to_string()).unwrap(),
                Call::Release(sid) => writer.release(&sid.to_string()).unwrap(),
                Call::Commit => {
                    ROOM.set(usize::MAX);
                    writer.commit(false).unwrap();
                    let header = crate::reader::header(dir.path()).unwrap().unwrap();
                    prop_assert_eq!(&header, writer.header());
                }
                Call::DiskFull(room) => {
                    ROOM.set(room);
                    let _ = writer.commit(false);
                }
                Call::ReadAndAck(lines) => {
                    let reader = &mut readers[lines % 2];
                    let batch = reader.next_batch(ack.position(), lines, 1 << 20).unwrap();
                    prop_assert_eq!(batch.skipped, 0);
                    delivered.extend(batch.lines.iter().map(Seen::from));
                    ack.record(batch.end).unwrap();
                }
                Call::RemoveAcked => {
                    writer.remove_acked_until(ack.position()).unwrap();
                    let segments = files::segments(dir.path()).unwrap();
                    let on_disk: u64 =
                        segments.iter().map(|n| fs::metadata(files::segment(dir.path(), *n)).unwrap().len()).sum();
                    // A tail that could not be cut is on the disk and is no line.
                    prop_assert!(on_disk >= writer.bytes_on_disk());
                    prop_assert!(!cuttable || on_disk == writer.bytes_on_disk());
                }
            }
        }
        ROOM.set(usize::MAX);
        writer.commit(false).unwrap();
        let from = Ack::open(dir.path()).unwrap().position();
        prop_assert_eq!(from, ack.position());
        let (rest, end, skipped) = read_all(dir.path(), from);
        delivered.extend(rest);
        if !cuttable {
            // Lines that were handed on out of a segment that was given up then come once more.
            let mut newest = 0;
            delivered.retain(|seen| {
                let is_new = seen.n > newest;
                newest = newest.max(seen.n);
                is_new
            });
        }
        prop_assert_eq!(delivered, appended);
        prop_assert_eq!(skipped, 0);
        ack.record(end).unwrap();
        prop_assert!(ack.position() >= writer.position());
        writer.close().unwrap().remove().unwrap();
        prop_assert!(!dir.path().exists());
        fs::create_dir(dir.path()).unwrap();
    }
}
