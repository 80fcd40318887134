use std::collections::HashSet;
use std::sync::Barrier;
use std::sync::atomic::AtomicU32;
use std::thread;
use std::time::{Duration, Instant};

use super::*;
use crate::alone::alone;

fn append(text: &[u8]) -> Option<CallId> {
    start(Slot(1), text.len(), text.to_vec(), |out, _, text| {
        out.extend_from_slice(text);
    })
}

fn taken() -> Vec<u8> {
    let mut all = Vec::new();
    take_and_read(&mut |bytes| all.extend_from_slice(bytes));
    all
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window == needle)
}

#[test]
fn what_ended_threads_recorded_is_taken_once_and_their_buffers_are_forgotten() {
    alone!();
    thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| append(b"<mark of an ended thread>"));
        }
    });
    let all = taken();
    assert_eq!(
        all.windows(25)
            .filter(|window| *window == b"<mark of an ended thread>")
            .count(),
        20
    );
    let deadline = Instant::now() + Duration::from_secs(10);
    // A scope ends when its closures have; the destructors of the threads may run a little later.
    while lock(&KNOWN)
        .threads
        .iter()
        .filter(|thread| thread.shared.ended.load(Ordering::Acquire))
        .count()
        > 0
    {
        assert!(Instant::now() < deadline, "buffers of ended threads stay");
        assert!(!contains(&taken(), b"<mark of an ended thread>"));
    }
}

#[test]
fn what_is_recorded_while_others_are_read_comes_next_time() {
    alone!();
    thread::spawn(|| {
        taken();
        append(b"<first mark>");
        assert!(take());
        append(b"<second mark>");
        let mut first = Vec::new();
        read(&mut |bytes| first.extend_from_slice(bytes));
        assert!(contains(&first, b"<first mark>") && !contains(&first, b"<second mark>"));
        let second = taken();
        assert!(contains(&second, b"<second mark>") && !contains(&second, b"<first mark>"));
    })
    .join()
    .expect("no panic");
}

#[test]
fn a_reader_that_panics_is_not_handed_the_same_again() {
    alone!();
    thread::spawn(|| {
        taken();
        append(b"<bad mark>");
        take();
        let panicked = std::panic::catch_unwind(|| read(&mut |_| panic!("on purpose")));
        assert!(panicked.is_err());
        append(b"<good mark>");
        let next = taken();
        assert!(contains(&next, b"<good mark>") && !contains(&next, b"<bad mark>"));
    })
    .join()
    .expect("no panic");
}

#[test]
fn ids_are_unique_though_threads_come_and_go() {
    alone!();
    let mut seen = HashSet::new();
    for _ in 0..50 {
        let ids = thread::spawn(|| (0..10).filter_map(|_| append(b"x")).collect::<Vec<_>>())
            .join()
            .expect("no panic");
        assert_eq!(ids.len(), 10);
        for id in ids {
            assert!(!id.is_none() && id.0 & 1 == 0);
            assert!(seen.insert(id), "{id:?} twice");
        }
    }
}

#[test]
fn over_the_limit_starts_are_refused_and_counted_and_ends_get_in() {
    alone!();
    thread::spawn(|| {
        taken();
        let limit = THREAD_LIMIT.load(Ordering::Relaxed);
        let large = vec![b' '; limit - 100];
        assert!(append(&large).is_some());
        let session = Slot(77 | Slot::METADATA_ONLY);
        for _ in 0..3 {
            assert_eq!(
                start(session, 200, Vec::new(), |_, _, _| unreachable!(
                    "over the limit"
                )),
                None
            );
        }
        let mut rooms = Vec::new();
        end(50, Vec::new(), |_, room, _| rooms.push(room));
        end(200, Vec::new(), |_, room, _| rooms.push(room));
        end(limit + 200, Vec::new(), |_, room, _| rooms.push(room));
        assert_eq!(rooms, [Room::Full, Room::NoValues, Room::Outcome]);
    })
    .join()
    .expect("no panic");
    let mut lost = Vec::new();
    taken();
    losses(&mut |slot, count| lost.push((slot, count)));
    assert_eq!(
        lost.iter().find(|(slot, _)| slot.0 == 77),
        Some(&(Slot(77), 3))
    );
    lost.clear();
    losses(&mut |slot, count| lost.push((slot, count)));
    assert!(!lost.iter().any(|(slot, _)| slot.0 == 77));
}

#[test]
fn all_threads_together_have_a_limit_and_ended_ones_give_their_memory_back() {
    alone!();
    taken();
    let before = MEMORY.load(Ordering::Relaxed);
    set_memory_limit(before + (1 << 20));
    let admitted: usize = thread::scope(|scope| {
        let fill = || {
            (0..1_000)
                .filter(|_| append(&[b' '; 1_000]).is_some())
                .count()
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(fill)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("no panic"))
            .sum()
    });
    assert!(
        (500..=1_048).contains(&admitted),
        "{admitted} of 4,000 fit into 1 MiB"
    );
    assert!(MEMORY.load(Ordering::Relaxed) <= before + (1 << 20));
    let mut lost = 0;
    losses(&mut |slot, count| lost += if slot == Slot(1) { count } else { 0 });
    assert_eq!(admitted as u64 + lost, 4_000);
    let deadline = Instant::now() + Duration::from_secs(10);
    while MEMORY.load(Ordering::Relaxed) > before {
        taken();
        assert!(
            Instant::now() < deadline,
            "memory of ended threads is still counted"
        );
    }
    set_memory_limit(64 << 20);
}

#[test]
fn a_thread_may_record_while_its_locals_are_destroyed() {
    alone!();
    struct Last;
    impl Drop for Last {
        fn drop(&mut self) {
            append(b"<late mark>");
        }
    }
    thread_local! {
        static FIRST: Last = const { Last };
    }
    // Destructors run in the order of registration or its reverse; one of the two threads records late.
    for early in [true, false] {
        thread::spawn(move || {
            if early {
                append(b"x");
            }
            FIRST.with(|_| {});
            append(b"x");
        })
        .join()
        .expect("no panic");
    }
    let all = taken();
    assert_eq!(
        all.windows(11)
            .filter(|window| *window == b"<late mark>")
            .count(),
        2
    );
}

#[test]
fn no_record_is_slept_through() {
    alone!();
    static WOKEN: AtomicU32 = AtomicU32::new(0);
    static WORKER: OnceLock<thread::Thread> = OnceLock::new();
    const MARK: &[u8] = b"<wake mark>";
    const RECORDS: usize = 2_000;
    set_waker(|| {
        WOKEN.fetch_add(1, Ordering::Relaxed);
        if let Some(worker) = WORKER.get() {
            worker.unpark();
        }
    });
    let count = |bytes: &[u8]| {
        bytes
            .windows(MARK.len())
            .filter(|window| *window == MARK)
            .count()
    };
    // Nobody records before the worker has gone idle once: else all may be there before it looks.
    let begin = Arc::new(Barrier::new(3));
    let worker_begins = Arc::clone(&begin);
    let worker = thread::spawn(move || {
        let _ = WORKER.set(thread::current());
        idle();
        worker_begins.wait();
        let deadline = Instant::now() + Duration::from_secs(30);
        let mut seen = 0;
        while seen < RECORDS {
            idle();
            let now = count(&taken());
            seen += now;
            if now == 0 {
                // A wake that is missed leaves the worker here until the deadline.
                thread::park_timeout(deadline.saturating_duration_since(Instant::now()));
                assert!(
                    Instant::now() < deadline,
                    "slept through after {seen} records"
                );
            }
        }
    });
    let recorders: Vec<_> = (0..2)
        .map(|_| {
            let begin = Arc::clone(&begin);
            thread::spawn(move || {
                begin.wait();
                for turn in 0..RECORDS / 2 {
                    append(MARK);
                    if turn % 7 == 0 {
                        thread::yield_now();
                    }
                }
            })
        })
        .collect();
    for recorder in recorders {
        recorder.join().expect("no panic");
    }
    worker.join().expect("every record is seen");
    assert!(WOKEN.load(Ordering::Relaxed) > 0);
}
