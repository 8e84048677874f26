//! Scanning blocks of a pack ahead of the scan, on other threads.
//!
//! Where entries start is known only by going through all that stands before. But compressed data gives itself away: a helper
//! looks for a stream that inflates without error, and then follows the entries behind it. What it finds is a guess until
//! the scan arrives at the start of one of these entries by its own way; from there on both would see the same, so the scan
//! takes the rest over. A wrong guess costs time, nothing else.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

use gitwire_types::ObjectFormat;
use sirocco::Format;
use sirocco::inflate::Scanner;

use crate::indexer::scan::scan_whole;
use crate::indexer::table::Scanned;
use crate::{Limits, PackError, PackHeader};

/// The threads that scan ahead, and the blocks in flight.
#[derive(Debug)]
pub(crate) struct Ahead {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    /// Blocks in the order of the pack.
    flight: VecDeque<Arc<Block>>,
    spare: Vec<Vec<u8>>,
}

/// A piece of the pack.
#[derive(Debug)]
pub(crate) struct Block {
    start: u64,
    pub(crate) bytes: Vec<u8>,
    claimed: AtomicBool,
    found: Mutex<Option<Vec<Scanned>>>,
    ready: Condvar,
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    arrived: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    blocks: VecDeque<Arc<Block>>,
    closed: bool,
}

impl Ahead {
    /// Starts `threads` helpers.
    ///
    /// # Errors
    /// [`PackError::Storage`] where the system gives no thread.
    pub(crate) fn start(threads: usize, format: ObjectFormat, limits: Limits) -> Result<Self, PackError> {
        let shared = Arc::new(Shared::default());
        let mut this = Self { shared, threads: Vec::new(), flight: VecDeque::new(), spare: Vec::new() };
        for _ in 0..threads {
            let shared = this.shared.clone();
            let helper = std::thread::Builder::new().name("pack scan".into());
            let handle = helper
                .spawn(move || help(&shared, format, &limits))
                .map_err(|error| PackError::Storage(error.into()))?;
            this.threads.push(handle);
        }
        Ok(this)
    }

    /// A buffer for the next block.
    pub(crate) fn buffer(&mut self) -> Vec<u8> {
        self.spare.pop().unwrap_or_default()
    }

    /// Hands a block to the helpers.
    pub(crate) fn push(&mut self, start: u64, bytes: Vec<u8>) {
        let (claimed, found, ready) = (AtomicBool::new(false), Mutex::new(None), Condvar::new());
        let block = Arc::new(Block { start, bytes, claimed, found, ready });
        lock(&self.shared.queue).blocks.push_back(block.clone());
        self.shared.arrived.notify_one();
        self.flight.push_back(block);
    }

    /// The number of blocks that were pushed and not popped.
    pub(crate) fn in_flight(&self) -> usize {
        self.flight.len()
    }

    /// The oldest block, with what was found in it; nothing where no helper has begun with it.
    pub(crate) fn pop(&mut self) -> Option<(Arc<Block>, Vec<Scanned>)> {
        let block = self.flight.pop_front()?;
        if !block.claimed.swap(true, Ordering::AcqRel) {
            return Some((block, Vec::new()));
        }
        let mut found = lock(&block.found);
        loop {
            match found.take() {
                Some(entries) => {
                    drop(found);
                    return Some((block, entries));
                }
                None => found = block.ready.wait(found).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// Takes back the buffer of a block that is done with.
    pub(crate) fn recycle(&mut self, block: Arc<Block>) {
        if let Ok(block) = Arc::try_unwrap(block) {
            let mut bytes = block.bytes;
            bytes.clear();
            self.spare.push(bytes);
        }
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        {
            let mut queue = lock(&self.shared.queue);
            queue.closed = true;
            queue.blocks.clear();
        }
        self.shared.arrived.notify_all();
        for thread in self.threads.drain(..) {
            // A helper that panicked has found nothing; that is all that it owed.
            let _ = thread.join();
        }
    }
}

fn help(shared: &Shared, format: ObjectFormat, limits: &Limits) {
    let mut scanner = Box::new(Scanner::new(Format::Zlib));
    loop {
        let block = {
            let mut queue = lock(&shared.queue);
            loop {
                if queue.closed {
                    return;
                }
                match queue.blocks.pop_front() {
                    Some(block) => break block,
                    None => queue = shared.arrived.wait(queue).unwrap_or_else(PoisonError::into_inner),
                }
            }
        };
        if !block.claimed.swap(true, Ordering::AcqRel) {
            let answer = Answer(&block);
            let entries = find_entries(&mut scanner, &block.bytes, block.start, format, limits);
            answer.give(entries);
        }
    }
}

/// Sees to it that whoever waits for a block hears of it, even if this thread panics.
struct Answer<'a>(&'a Block);

impl Answer<'_> {
    fn give(&self, entries: Vec<Scanned>) {
        *lock(&self.0.found) = Some(entries);
    }
}

impl Drop for Answer<'_> {
    fn drop(&mut self) {
        lock(&self.0.found).get_or_insert_default();
        self.0.ready.notify_all();
    }
}

/// The entries that lie in a block, as far as they can be guessed.
pub(crate) fn find_entries(
    scanner: &mut Scanner,
    bytes: &[u8],
    start: u64,
    format: ObjectFormat,
    limits: &Limits,
) -> Vec<Scanned> {
    let mut found = Vec::new();
    let mut at = if start == 0 { PackHeader::LEN } else { 0 };
    let mut tries = 0_u32;
    // The first block starts with an entry; elsewhere one must be found.
    let mut known = start == 0;
    while at < bytes.len() && tries < TRIES_MAX {
        if !known {
            let Some(end) = find_end(scanner, bytes, at, &mut tries) else { break };
            at = end;
        }
        known = false;
        let before = found.len();
        while let Some(rest) = bytes.get(at..) {
            let offset = start.saturating_add(at as u64);
            let Some(entry) = scan_whole(scanner, rest, offset, format, limits) else { break };
            let Ok(len) = usize::try_from(entry.len) else { break };
            at = at.saturating_add(len);
            found.push(entry);
        }
        if found.len().saturating_sub(before) >= ENOUGH {
            // What follows is the entry that the block cuts, or the end of the pack.
            tries = tries.max(TRIES_MAX.saturating_sub(1));
        }
    }
    found
}

/// Looks for a zlib stream from `at` on; the place behind it. Each look is one of `tries`.
fn find_end(scanner: &mut Scanner, bytes: &[u8], at: usize, tries: &mut u32) -> Option<usize> {
    let mut at = at;
    while *tries < TRIES_MAX {
        *tries = tries.saturating_add(1);
        let rest = bytes.get(at..)?;
        let head = rest.windows(2).position(|pair| ZLIB_HEADERS.iter().any(|header| header == pair))?;
        at = at.saturating_add(head);
        scanner.reset();
        let stream = bytes.get(at..)?.get(..STREAM_MAX).or(bytes.get(at..))?;
        if let Ok(Some(len)) = scanner.scan(stream, true) {
            return at.checked_add(len);
        }
        at = at.saturating_add(2);
    }
    None
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How the streams of git begin, by compression level. Others are valid (RFC 1950) and found by the scan alone.
const ZLIB_HEADERS: [[u8; 2]; 4] = [[0x78, 0x01], [0x78, 0x5e], [0x78, 0x9c], [0x78, 0xda]];
/// How often a guess may turn out wrong before a block is left to the scan: a hostile pack must not cost us more than this.
const TRIES_MAX: u32 = 64;
/// So many entries in a row are no accident.
const ENOUGH: usize = 8;
/// Streams longer than this are not looked at in search of an end: a small one will come.
const STREAM_MAX: usize = 64 << 10;
