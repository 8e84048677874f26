//! Indexing a pack while it arrives.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

mod ahead;
mod family;
mod indexed;
mod make;
mod options;
mod progress;
mod resolve;
mod scan;
mod table;
mod thin;
mod work;
mod worker;

use std::fmt;
use std::sync::Arc;

use gitwire_types::Interrupt;

use self::ahead::Ahead;
pub use self::indexed::{Indexed, Statistics};
pub use self::options::{Content, Duplicates, IndexerOptions, Inspect, KnownObjects, Resolve};
pub use self::progress::Progress;
use self::scan::Scan;
use self::table::Table;
use crate::{PackError, Spool};

/// Takes a pack as it arrives, cut anywhere, and makes its index.
///
/// [`Indexer::write`] spools the bytes and finds the entries in them; [`Indexer::finish`] names every object, resolving
/// deltas on all threads, completes a thin pack, and gives [`Indexed`]: the index, ready to be written.
///
/// Memory: about 60 bytes an object, and [`IndexerOptions::memory`].
///
/// ```
/// use gitwire_pack::{Indexer, IndexerOptions, MemorySpool, Resolve};
/// use gitwire_types::{Never, ObjectFormat};
///
/// let pack = b"PACK\0\0\0\x02\0\0\0\0\x02\x9d\x08\x82\x3b\xd8\xa8\xea\xb5\x10\xad\x6a\xc7\x5c\x82\x3c\xfd\x3e\xd3\x1e";
/// let mut indexer = Indexer::new(MemorySpool::new(), IndexerOptions::new(ObjectFormat::Sha1));
/// for piece in pack.chunks(5) {
///     indexer.write(piece, &Never)?;
/// }
/// let indexed = indexer.finish(&Resolve::default(), &Never)?;
/// assert_eq!(indexed.count(), 0);
/// let mut index = Vec::new();
/// indexed.write_index(Default::default(), |piece| { index.extend_from_slice(piece); Ok(()) })?;
/// assert_eq!(index.len(), 1072);
/// # Ok::<(), gitwire_pack::PackError>(())
/// ```
pub struct Indexer<S> {
    spool: S,
    options: IndexerOptions,
    progress: Arc<Progress>,
    table: Table,
    scan: Scan,
    ahead: Option<Ahead>,
    /// The block that is being filled, while others are scanned ahead.
    block: Vec<u8>,
    received: u64,
    failed: bool,
}

impl<S: Spool> Indexer<S> {
    /// Begins a pack, to be kept in `spool`, which must be empty.
    pub fn new(spool: S, options: IndexerOptions) -> Self {
        let scan = Scan::new(options.format, options.limits);
        let (progress, table) = (Arc::new(Progress::default()), Table::new());
        Self {
            spool,
            options,
            progress,
            table,
            scan,
            ahead: None,
            block: Vec::new(),
            received: 0,
            failed: false,
        }
    }

    /// The counters, for whoever shows them.
    pub fn progress(&self) -> Arc<Progress> {
        self.progress.clone()
    }

    /// Whether all of the pack was there, its checksum included. Known at once with one thread; with more, only what
    /// [`Indexer::flush`] has brought up to date counts.
    pub fn is_complete(&self) -> bool {
        self.scan.checksum().is_ok()
    }

    /// Takes in the next bytes of the pack.
    ///
    /// # Errors
    /// What is wrong with the pack as far as it is known yet, an exceeded limit, [`PackError::Storage`],
    /// [`PackError::Interrupted`]. After an error every call is [`PackError::Misuse`].
    pub fn write(&mut self, bytes: &[u8], interrupt: &dyn Interrupt) -> Result<(), PackError> {
        self.guarded(|this| this.take(bytes, interrupt))
    }

    /// Scans all that was written, so that [`Indexer::is_complete`] and [`Indexer::progress`] are up to date.
    ///
    /// # Errors
    /// Those of [`Indexer::write`].
    pub fn flush(&mut self, interrupt: &dyn Interrupt) -> Result<(), PackError> {
        self.guarded(|this| this.drain(interrupt))
    }

    /// No more bytes will come: names every object.
    ///
    /// # Errors
    /// [`PackError::Truncated`] where the pack is not whole, and whatever else is wrong with it; an exceeded limit;
    /// [`PackError::Unresolved`] where bases are missing; [`PackError::Storage`], [`PackError::Interrupted`].
    pub fn finish(
        mut self,
        resolve: &Resolve<'_>,
        interrupt: &dyn Interrupt,
    ) -> Result<Indexed<S>, PackError> {
        self.flush(interrupt)?;
        self.ahead = None;
        self.block = Vec::new();
        let checksum = self.scan.checksum()?;
        let Self { spool, options, progress, table, .. } = self;
        resolve::resolve(spool, options, &progress, table, checksum, resolve, interrupt)
    }

    fn guarded(&mut self, run: impl FnOnce(&mut Self) -> Result<(), PackError>) -> Result<(), PackError> {
        if self.failed {
            return Err(PackError::Misuse("the indexer has failed before"));
        }
        let result = run(self);
        self.failed = result.is_err();
        result
    }

    fn take(&mut self, bytes: &[u8], interrupt: &dyn Interrupt) -> Result<(), PackError> {
        interrupt.check()?;
        let max = self.options.limits.pack_bytes_max;
        self.received = self.received.saturating_add(bytes.len() as u64);
        if self.received > max {
            return Err(PackError::PackTooLarge { max });
        }
        self.spool.append(bytes).map_err(PackError::Storage)?;
        if self.options.threads.get() == 1 {
            return self.scan_piece(bytes);
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            let room = self.options.block_len().saturating_sub(self.block.len());
            let (now, later) = rest.split_at_checked(room).unwrap_or((rest, &[]));
            self.block.extend_from_slice(now);
            rest = later;
            if self.block.len() >= self.options.block_len() {
                interrupt.check()?;
                self.send_block(later.len() as u64)?;
            }
        }
        Ok(())
    }

    /// Gives a full block to the helpers; `behind`: what was received and stands behind it.
    fn send_block(&mut self, behind: u64) -> Result<(), PackError> {
        let threads = self.options.threads.get();
        let ahead = match &mut self.ahead {
            Some(ahead) => ahead,
            none => none.insert(Ahead::start(
                threads.saturating_sub(1),
                self.options.format,
                self.options.limits,
            )?),
        };
        let start = self.received.saturating_sub(behind).saturating_sub(self.block.len() as u64);
        let next = ahead.buffer();
        ahead.push(start, std::mem::replace(&mut self.block, next));
        if ahead.in_flight() > threads.saturating_mul(2) {
            self.scan_oldest()?;
        }
        Ok(())
    }

    /// Scans the oldest block in flight, with the help of what was found in it.
    fn scan_oldest(&mut self) -> Result<bool, PackError> {
        let Some((block, hints)) = self.ahead.as_mut().and_then(Ahead::pop) else { return Ok(false) };
        let fed = self.scan.feed(&block.bytes, &hints, &mut self.table);
        if let Some(ahead) = &mut self.ahead {
            ahead.recycle(block);
        }
        self.report();
        fed.map(|()| true)
    }

    fn drain(&mut self, interrupt: &dyn Interrupt) -> Result<(), PackError> {
        while self.scan_oldest()? {
            interrupt.check()?;
        }
        let block = std::mem::take(&mut self.block);
        self.scan_piece(&block)?;
        self.block = block;
        self.block.clear();
        Ok(())
    }

    fn scan_piece(&mut self, bytes: &[u8]) -> Result<(), PackError> {
        let fed = self.scan.feed(bytes, &[], &mut self.table);
        self.report();
        fed
    }

    fn report(&self) {
        let (found, objects) = (u64::from(self.table.count()), u64::from(self.scan.objects()));
        self.progress.set_received(self.received, found, objects);
    }
}

impl<S> fmt::Debug for Indexer<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Indexer")
            .field("options", &self.options)
            .field("received", &self.received)
            .finish_non_exhaustive()
    }
}
