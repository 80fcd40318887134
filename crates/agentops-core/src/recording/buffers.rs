//! The bytes a thread has recorded and the worker has not yet taken.
//!
//! Each thread appends to a buffer behind its own mutex, which only the worker ever contends for, and only for the
//! time of a swap. No code of the user runs while one of these locks is held. The buffer of a thread has a limit,
//! and so has the memory of all buffers together: over it a start is refused and counted (the newest goes, what is
//! running stays), and the end of a call whose start was admitted always gets in, if need be without its values.
//! All memory is accounted for by capacity, only when a buffer grows or shrinks: a record costs no shared counter.
//!
//! # Sleeping and waking
//!
//! The worker calls [`idle`], takes once more and parks. A thread that has appended looks at `IDLE` after it
//! unlocked. No record can fall between: the two met at the buffer's mutex. If the thread's lock came first, the
//! last take hands its bytes out. If the worker's came first, its `IDLE = true` happens before that unlock, so it
//! happens before the thread's load, which therefore sees it (or a later value, and then somebody else has woken
//! the worker since). A buffer that is new is reached through the mutex of `NEW`, and the same argument holds there.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::{CallId, Slot};

/// Scratch space above this size is given back to the allocator.
const SCRATCH_LIMIT: usize = 1 << 20;
/// A buffer below this capacity is never shrunk.
const KEEP_CAPACITY: usize = 64 << 10;

/// A buffer grows by half, but by no more than this.
const GROWTH: usize = 4 << 20;
/// The least a buffer grows by.
const FIRST_GROWTH: usize = 4 << 10;

static THREAD_LIMIT: AtomicUsize = AtomicUsize::new(4 << 20);
static MEMORY_LIMIT: AtomicUsize = AtomicUsize::new(64 << 20);
/// Capacity of all buffers, those being filled and those kept for the next swap.
static MEMORY: AtomicUsize = AtomicUsize::new(0);
static IDLE: AtomicBool = AtomicBool::new(false);
static WAKER: OnceLock<fn()> = OnceLock::new();
/// Buffers of threads that the worker has not yet met.
static NEW: Mutex<Vec<Arc<Shared>>> = Mutex::new(Vec::new());
static KNOWN: Mutex<Known> = Mutex::new(Known {
    threads: Vec::new(),
    lost: Vec::new(),
});
/// Id sequences of ended threads, to be continued: so there are never more of them than threads at one time.
static SPARE_IDS: Mutex<Vec<u64>> = Mutex::new(Vec::new());
static NEXT_ORDINAL: AtomicU64 = AtomicU64::new(1);
/// What a thread uses that records while its thread-locals are being destroyed.
static LATE: Mutex<Option<(Arc<Shared>, u64)>> = Mutex::new(None);

thread_local! {
    static LOCAL: Local = Local::register();
}

struct Shared {
    buffer: Mutex<Buffer>,
    /// Set when the thread has ended; nothing is appended after.
    ended: AtomicBool,
}

struct Buffer {
    bytes: Vec<u8>,
    lost: Vec<(Slot, u64)>,
}

struct Local {
    shared: Arc<Shared>,
    next: Cell<u64>,
    scratch: Cell<Vec<u8>>,
}

struct Known {
    threads: Vec<Thread>,
    /// Losses of threads that have ended.
    lost: Vec<(Slot, u64)>,
}

struct Thread {
    shared: Arc<Shared>,
    /// What was taken; empty, room for the next take.
    spare: Vec<u8>,
    /// Whether what was taken is the last of it.
    ended: bool,
}

/// How much of an end record may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// All of it.
    Full,
    /// Not the values; the error is kept.
    NoValues,
    /// Neither values nor the error's text.
    Outcome,
}

/// Sets how many bytes one thread may hold before it refuses new calls.
pub(crate) fn set_thread_limit(bytes: usize) {
    THREAD_LIMIT.store(bytes, Ordering::Relaxed);
}

/// Sets how many bytes all threads together may hold before they refuse new calls.
pub(crate) fn set_memory_limit(bytes: usize) {
    MEMORY_LIMIT.store(bytes, Ordering::Relaxed);
}

/// Sets what wakes the worker; the first one stays.
pub(crate) fn set_waker(wake: fn()) {
    let _ = WAKER.set(wake);
}

/// Announces that the worker is about to sleep: it must [`take`] once more before it parks.
pub(crate) fn idle() {
    IDLE.store(true, Ordering::SeqCst);
}

/// Takes what every thread has appended since the last call; whether there is anything. Nothing is copied: it stays
/// where it is, and its memory counts, until [`read`] has handed it out.
///
/// A call that moves between threads may end in a buffer that is taken before the one in which it started: its end
/// may then come out one take ahead of its start.
pub(crate) fn take() -> bool {
    known().take()
}

/// Hands out what was taken, one thread after another, and gives the threads their memory back.
pub(crate) fn read(f: &mut dyn FnMut(&[u8])) {
    known().read(f);
}

/// Both, and nobody comes between.
#[cfg(test)]
pub(crate) fn take_and_read(f: &mut dyn FnMut(&[u8])) {
    let mut known = known();
    known.take();
    known.read(f);
}

/// Hands out how many starts were refused for want of memory, by session, since the last call.
pub(crate) fn losses(f: &mut dyn FnMut(Slot, u64)) {
    let mut known = known();
    let mut lost = std::mem::take(&mut known.lost);
    for thread in &known.threads {
        lost.append(&mut lock(&thread.shared.buffer).lost);
    }
    drop(known);
    for (slot, count) in lost {
        f(slot, count);
    }
}

/// The thread's scratch bytes, empty; give them back with [`give_back`]. Whoever comes while they are out (a
/// `Serialize` that calls a recorded function) gets fresh ones.
#[inline]
pub(crate) fn scratch() -> Vec<u8> {
    LOCAL
        .try_with(|local| local.scratch.take())
        .unwrap_or_default()
}

/// Gives scratch bytes back.
#[inline]
pub(crate) fn give_back(scratch: Vec<u8>) {
    let _ = LOCAL.try_with(|local| local.keep(scratch));
}

/// Appends the start of a call, of about `size` bytes, and keeps the thread's `scratch`, from which it is written;
/// `None` if the thread's memory is used up.
#[inline]
pub(crate) fn start(
    session: Slot,
    size: usize,
    scratch: Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>, CallId, &[u8]),
) -> Option<CallId> {
    with_local(scratch, |shared, next, scratch| {
        let mut buffer = lock(&shared.buffer);
        if !buffer.admits(size) {
            buffer.lose(session);
            return None;
        }
        let id = CallId(next.get());
        next.set(id.0 + 2);
        write(&mut buffer.bytes, id, scratch);
        Some(id)
    })
}

/// Appends the end of a call whose start was admitted, of about `size` bytes, and keeps the thread's `scratch`.
#[inline]
pub(crate) fn end(size: usize, scratch: Vec<u8>, write: impl FnOnce(&mut Vec<u8>, Room, &[u8])) {
    with_local(scratch, |shared, _, scratch| {
        let mut buffer = lock(&shared.buffer);
        let limit = THREAD_LIMIT.load(Ordering::Relaxed);
        let after = buffer.bytes.len() + size;
        let room = match after {
            _ if after <= limit => Room::Full,
            _ if after <= limit.saturating_mul(2) => Room::NoValues,
            _ => Room::Outcome,
        };
        buffer.make_room(size);
        write(&mut buffer.bytes, room, scratch);
    });
}

/// Appends to the thread's buffer; one look-up of the thread for it and for its scratch bytes.
#[inline]
fn with_local<R>(scratch: Vec<u8>, append: impl FnOnce(&Shared, &Cell<u64>, &[u8]) -> R) -> R {
    // Both must reach whichever of the two runs.
    let mut both = Some((append, scratch));
    let appended = LOCAL.try_with(|local| {
        let (append, scratch) = both.take().expect("taken once");
        let result = append(&local.shared, &local.next, &scratch);
        local.keep(scratch);
        result
    });
    let result = match appended {
        Ok(result) => result,
        Err(_) => {
            let (append, scratch) = both.take().expect("the thread's own is gone");
            with_late(|shared, next| append(shared, next, &scratch))
        }
    };
    wake_if_idle();
    result
}

#[cold]
fn with_late<R>(append: impl FnOnce(&Shared, &Cell<u64>) -> R) -> R {
    let mut late = lock(&LATE);
    let (shared, next) = late.get_or_insert_with(|| (register(), new_ids()));
    let cell = Cell::new(*next);
    let result = append(shared, &cell);
    *next = cell.get();
    result
}

#[inline]
fn wake_if_idle() {
    if IDLE.load(Ordering::Relaxed) {
        wake();
    }
}

#[cold]
fn wake() {
    if IDLE.swap(false, Ordering::AcqRel)
        && let Some(wake) = WAKER.get()
    {
        wake();
    }
}

fn register() -> Arc<Shared> {
    let buffer = Buffer {
        bytes: Vec::new(),
        lost: Vec::new(),
    };
    let shared = Arc::new(Shared {
        buffer: Mutex::new(buffer),
        ended: AtomicBool::new(false),
    });
    lock(&NEW).push(Arc::clone(&shared));
    shared
}

/// The first id of a sequence nobody else uses.
fn new_ids() -> u64 {
    lock(&SPARE_IDS).pop().unwrap_or_else(|| {
        let ordinal = NEXT_ORDINAL.fetch_add(1, Ordering::Relaxed) & 0xff_ffff;
        ordinal << 40 | 2
    })
}

fn known() -> MutexGuard<'static, Known> {
    let mut known = lock(&KNOWN);
    let new = std::mem::take(&mut *lock(&NEW));
    known.threads.extend(new.into_iter().map(|shared| Thread {
        shared,
        spare: Vec::new(),
        ended: false,
    }));
    known
}

/// A lock whose data a panic cannot have left half-written.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Known {
    fn take(&mut self) -> bool {
        let mut any = false;
        for thread in &mut self.threads {
            // Read before the swap: a thread that had ended by now cannot append after it.
            thread.ended = thread.shared.ended.load(Ordering::Acquire);
            // A reader that panicked has left it: it must not be handed out twice.
            thread.spare.clear();
            std::mem::swap(&mut lock(&thread.shared.buffer).bytes, &mut thread.spare);
            any |= !thread.spare.is_empty();
        }
        any
    }

    fn read(&mut self, f: &mut dyn FnMut(&[u8])) {
        let lost = &mut self.lost;
        self.threads.retain_mut(|thread| {
            if !thread.spare.is_empty() {
                f(&thread.spare);
                thread.recycle();
            }
            if thread.ended {
                let mut buffer = lock(&thread.shared.buffer);
                lost.append(&mut buffer.lost);
                let capacity = buffer.bytes.capacity() + thread.spare.capacity();
                MEMORY.fetch_sub(capacity, Ordering::Relaxed);
            }
            !thread.ended
        });
    }
}

impl Thread {
    /// Empties what was read, and gives memory back that is not needed any more.
    fn recycle(&mut self) {
        let (used, capacity) = (self.spare.len(), self.spare.capacity());
        self.spare.clear();
        if capacity > KEEP_CAPACITY && used < capacity / 8 {
            self.spare.shrink_to(KEEP_CAPACITY.max(used * 2));
            MEMORY.fetch_sub(capacity - self.spare.capacity(), Ordering::Relaxed);
        }
    }
}

impl Local {
    fn register() -> Local {
        Local {
            shared: register(),
            next: Cell::new(new_ids()),
            scratch: Cell::default(),
        }
    }
}

impl Local {
    /// Keeps scratch bytes for the next one, unless they are many.
    #[inline]
    fn keep(&self, mut scratch: Vec<u8>) {
        if scratch.capacity() <= SCRATCH_LIMIT {
            scratch.clear();
            self.scratch.set(scratch);
        }
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        lock(&SPARE_IDS).push(self.next.get());
        self.shared.ended.store(true, Ordering::Release);
    }
}

impl Buffer {
    /// Makes room for a start, within the limits.
    #[inline]
    fn admits(&mut self, size: usize) -> bool {
        let after = self.bytes.len() + size;
        after <= THREAD_LIMIT.load(Ordering::Relaxed)
            && (after <= self.bytes.capacity()
                || self.grow(after, MEMORY_LIMIT.load(Ordering::Relaxed)))
    }

    /// Makes room for an end, whatever the limits.
    #[inline]
    fn make_room(&mut self, size: usize) {
        let after = self.bytes.len() + size;
        if after > self.bytes.capacity() {
            self.grow(after, usize::MAX);
        }
    }

    #[cold]
    fn grow(&mut self, at_least: usize, limit: usize) -> bool {
        let before = self.bytes.capacity();
        let more = (at_least - before).max((before / 2).clamp(FIRST_GROWTH, GROWTH));
        if MEMORY.fetch_add(more, Ordering::Relaxed) > limit.saturating_sub(more) {
            MEMORY.fetch_sub(more, Ordering::Relaxed);
            return false;
        }
        self.bytes.reserve_exact(before + more - self.bytes.len());
        // The allocator may have given more than was asked for.
        let extra = self.bytes.capacity() - before - more;
        MEMORY.fetch_add(extra, Ordering::Relaxed);
        true
    }

    #[cold]
    fn lose(&mut self, session: Slot) {
        let session = Slot(session.index());
        match self.lost.iter_mut().find(|(slot, _)| *slot == session) {
            Some((_, count)) => *count += 1,
            None => self.lost.push((session, 1)),
        }
    }
}

#[cfg(test)]
#[path = "buffers_tests.rs"]
mod tests;
