//! From entries to names.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

use std::sync::Arc;

use gitwire_types::{Interrupt, ObjectId};

use crate::indexer::family::{Families, IdDeltas, Names};
use crate::indexer::indexed::Indexed;
use crate::indexer::make::Scratch;
use crate::indexer::options::{IndexerOptions, Resolve};
use crate::indexer::progress::Progress;
use crate::indexer::table::Table;
use crate::indexer::thin;
use crate::indexer::work::Work;
use crate::indexer::worker::{Counts, Shared, Worker};
use crate::spilled::Meter;
use crate::{PackError, Spool};

/// All that is known while objects are named.
pub(crate) struct Naming<'a, S> {
    pub(crate) spool: S,
    pub(crate) options: IndexerOptions,
    pub(crate) progress: &'a Progress,
    pub(crate) table: Table,
    pub(crate) families: Families,
    pub(crate) id_deltas: IdDeltas,
    pub(crate) names: Names,
    pub(crate) counts: Counts,
    pub(crate) meter: Arc<Meter>,
    pub(crate) resolve: &'a Resolve<'a>,
    pub(crate) interrupt: &'a dyn Interrupt,
}

pub(crate) fn resolve<S: Spool>(
    spool: S,
    options: IndexerOptions,
    progress: &Progress,
    mut table: Table,
    checksum: ObjectId,
    resolve: &Resolve<'_>,
    interrupt: &dyn Interrupt,
) -> Result<Indexed<S>, PackError> {
    let threads = options.threads.get();
    let families = Families::build(&table, threads)?;
    table.bases = Vec::new();
    let id_deltas = IdDeltas::new(&table, options.format);
    let names = Names::new(table.offsets.len(), options.format);
    let counts = Counts::default();
    let meter = Meter::new(&options.limits, table.end);
    let mut naming = Naming {
        spool,
        options,
        progress,
        table,
        families,
        id_deltas,
        names,
        counts,
        meter,
        resolve,
        interrupt,
    };
    naming.run_all()?;
    let (checksum, appended) = thin::complete(&mut naming, checksum)?;
    Indexed::new(naming, checksum, appended)
}

impl<S: Spool> Naming<'_, S> {
    /// Names all objects that need no other pack.
    fn run_all(&self) -> Result<(), PackError> {
        let count = self.table.count();
        // A thread is worth its start from a few thousand objects on.
        let useful = (count / 2048).saturating_add(1);
        let threads = self.options.threads.get().min(useful as usize);
        let shared = self.shared(Work::new(threads, 0, count, &self.meter));
        std::thread::scope(|scope| {
            let work = || Worker::new(&shared, &mut Scratch::new(&self.options)).run();
            let handles: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
            work();
            handles
                .into_iter()
                .try_for_each(|handle| handle.join().map_err(|_| PackError::Internal("a thread panicked")))
        })?;
        shared.work.into_result()
    }

    pub(crate) fn shared(&self, work: Work) -> Shared<'_> {
        Shared {
            spool: &self.spool,
            options: &self.options,
            table: &self.table,
            families: &self.families,
            id_deltas: &self.id_deltas,
            names: &self.names,
            resolve: self.resolve,
            progress: self.progress,
            interrupt: self.interrupt,
            counts: &self.counts,
            work,
        }
    }

    /// The entries that have no name yet: how many, and the first.
    pub(crate) fn unnamed(&self) -> (u64, Option<u32>) {
        let mut unnamed = (0..self.table.count()).filter(|entry| self.names.kind(*entry).is_none());
        let first = unnamed.next();
        let rest = unnamed.count() as u64;
        (first.map_or(0, |_| rest.saturating_add(1)), first)
    }
}
