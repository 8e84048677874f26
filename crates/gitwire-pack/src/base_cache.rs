//! Objects that deltas were made against, kept for the next delta.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use gitwire_types::ObjectKind;

/// Bases of deltas, the least recently used dropped first, never more than a number of bytes. Shared by packs and threads.
pub struct BaseCache {
    shards: Box<[Mutex<Shard>]>,
    packs: AtomicU64,
    hash: RandomState,
    /// The largest object that is held at all on the way to another.
    hold_max: u64,
}

/// An object in memory.
#[derive(Debug, Clone)]
pub(crate) struct Cached {
    pub(crate) kind: ObjectKind,
    pub(crate) content: Arc<Vec<u8>>,
    /// The deltas between it and the end of its chain.
    pub(crate) depth: u32,
}

/// The number of a pack within a cache, and an offset in that pack.
type Key = (u64, u64);

impl BaseCache {
    /// A cache of at most `bytes_max` bytes of content.
    #[must_use]
    pub fn new(bytes_max: usize) -> Self {
        let shard = || Mutex::new(Shard::new(bytes_max / SHARDS));
        Self {
            shards: (0..SHARDS).map(|_| shard()).collect(),
            packs: AtomicU64::new(0),
            hash: RandomState::new(),
            hold_max: (bytes_max / 8).max(HOLD_MIN) as u64,
        }
    }

    pub(crate) fn hold_max(&self) -> u64 {
        self.hold_max
    }

    /// The bytes that it holds now.
    pub fn bytes(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).bytes).sum()
    }

    pub(crate) fn next_pack(&self) -> u64 {
        self.packs.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn get(&self, pack: u64, offset: u64) -> Option<Cached> {
        let key = (pack, offset);
        lock(self.shard(key)).get(key)
    }

    pub(crate) fn insert(&self, pack: u64, offset: u64, cached: Cached) {
        let key = (pack, offset);
        lock(self.shard(key)).insert(key, cached);
    }

    fn shard(&self, key: Key) -> &Mutex<Shard> {
        let hash = self.hash.hash_one(key);
        &self.shards[usize::from(hash.to_le_bytes()[0]) % SHARDS]
    }
}

impl fmt::Debug for BaseCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BaseCache").field("bytes", &self.bytes()).finish_non_exhaustive()
    }
}

/// A panic of another thread leaves nothing half done that matters here.
fn lock(shard: &Mutex<Shard>) -> std::sync::MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A part of the cache behind its own lock: slots in a ring, from the most to the least recently used.
struct Shard {
    places: HashMap<Key, usize>,
    slots: Vec<Slot>,
    free: Vec<usize>,
    /// The most recently used slot; its `newer` is the least recently used.
    newest: Option<usize>,
    bytes: usize,
    bytes_max: usize,
}

struct Slot {
    key: Key,
    cached: Option<Cached>,
    newer: usize,
    older: usize,
}

impl Shard {
    fn new(bytes_max: usize) -> Self {
        Self {
            places: HashMap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            newest: None,
            bytes: 0,
            bytes_max,
        }
    }

    fn get(&mut self, key: Key) -> Option<Cached> {
        let slot = *self.places.get(&key)?;
        self.unlink(slot);
        self.link(slot);
        self.slots[slot].cached.clone()
    }

    fn insert(&mut self, key: Key, cached: Cached) {
        let cost = cost(&cached);
        if cost > self.bytes_max || self.places.contains_key(&key) {
            return;
        }
        self.bytes += cost;
        let slot = Slot { key, cached: Some(cached), newer: 0, older: 0 };
        let at = match self.free.pop() {
            Some(at) => {
                self.slots[at] = slot;
                at
            }
            None => {
                self.slots.push(slot);
                self.slots.len() - 1
            }
        };
        self.places.insert(key, at);
        self.link(at);
        while self.bytes > self.bytes_max {
            let Some(newest) = self.newest else { break };
            self.remove(self.slots[newest].newer);
        }
    }

    fn remove(&mut self, at: usize) {
        self.unlink(at);
        self.places.remove(&self.slots[at].key);
        self.bytes -= self.slots[at].cached.take().as_ref().map_or(0, cost);
        self.free.push(at);
    }

    /// Makes a slot that is in no ring the newest.
    fn link(&mut self, at: usize) {
        let Some(newest) = self.newest.replace(at) else {
            (self.slots[at].newer, self.slots[at].older) = (at, at);
            return;
        };
        let oldest = self.slots[newest].newer;
        (self.slots[at].newer, self.slots[at].older) = (oldest, newest);
        self.slots[newest].newer = at;
        self.slots[oldest].older = at;
    }

    fn unlink(&mut self, at: usize) {
        let (newer, older) = (self.slots[at].newer, self.slots[at].older);
        self.slots[newer].older = older;
        self.slots[older].newer = newer;
        if self.newest == Some(at) {
            self.newest = (older != at).then_some(older);
        }
    }
}

/// The content, and about what the bookkeeping takes.
fn cost(cached: &Cached) -> usize {
    cached.content.len() + 128
}

/// Enough that threads seldom meet; few enough that a shard still holds a large object.
const SHARDS: usize = 8;

#[cfg(test)]
mod tests;
/// Objects up to this are held, however small the cache.
const HOLD_MIN: usize = 1 << 20;
