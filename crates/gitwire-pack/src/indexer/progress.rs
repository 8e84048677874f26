//! How far indexing is.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of an [`Indexer`](crate::Indexer), to be read by any thread at any time.
#[derive(Debug, Default)]
pub struct Progress {
    bytes: AtomicU64,
    received: AtomicU64,
    objects: AtomicU64,
    resolved: AtomicU64,
}

impl Progress {
    /// Bytes of the pack so far.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Entries found so far, and how many the pack's header declares.
    pub fn received(&self) -> (u64, u64) {
        (self.received.load(Ordering::Relaxed), self.objects.load(Ordering::Relaxed))
    }

    /// Objects named so far, and how many there are.
    pub fn resolved(&self) -> (u64, u64) {
        (self.resolved.load(Ordering::Relaxed), self.objects.load(Ordering::Relaxed))
    }

    pub(crate) fn set_received(&self, bytes: u64, received: u64, objects: u64) {
        self.bytes.store(bytes, Ordering::Relaxed);
        self.received.store(received, Ordering::Relaxed);
        self.objects.store(objects, Ordering::Relaxed);
    }

    pub(crate) fn add_resolved(&self, count: u64) {
        self.resolved.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn add_base(&self) {
        self.objects.fetch_add(1, Ordering::Relaxed);
        self.resolved.fetch_add(1, Ordering::Relaxed);
    }
}
