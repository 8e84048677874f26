//! The references in tables as a view.

use std::ops::ControlFlow;

use bytes::Bytes;
use gitwire_reftable::{LogValue, Merged, Ordered as _, RefCursor, RefValue};
use gitwire_storage::{LogRecord, Peeled, RefRecord, RefStore, Result};
use gitwire_types::{ObjectId, RefName, RefTarget};

use super::Tables;
use super::stack::{failure, value};
use crate::refs::loose::LooseRef;
use crate::refs::packed::is_listed;
use crate::refs::view::{distinct_from, value_of};
use crate::refs::{chain, is_per_worktree};

/// A view of the references: the tables that the lists named when it was made.
#[derive(Debug)]
pub(crate) struct TableView(Tables);

impl TableView {
    pub(crate) fn new(tables: Tables) -> Self {
        Self(tables)
    }

    /// Gives the refs with `prefix`, those before `from` left out.
    fn each_with(
        &self,
        from: &[u8],
        prefix: &[u8],
        each: &mut dyn FnMut(RefRecord<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<ControlFlow<()>> {
        let mut refs = Both::new(&self.0, prefix.max(from))?;
        while let Some(cursor) = refs.advance()? {
            let record = cursor.record();
            if !record.name.starts_with(prefix) {
                break;
            }
            if !is_listed(record.name) {
                continue;
            }
            let LooseRef::Value(target) = value(record.value) else { continue };
            let symbolic = match &target {
                RefTarget::Symbolic(name) => Some(name.as_bytes()),
                RefTarget::Direct(_) => None,
            };
            let peeled = match record.value {
                RefValue::Id(_) => Peeled::NotATag,
                RefValue::Tag { peeled, .. } => Peeled::To(peeled),
                _ => Peeled::Unknown,
            };
            let id = chain::resolve(|name| self.0.read(name), &target)?;
            if each(RefRecord { name: record.name, id, symbolic, peeled })?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

impl RefStore for TableView {
    fn head(&self) -> Result<Option<RefTarget>> {
        value_of(b"HEAD", self.0.read(b"HEAD")?)
    }

    fn get(&self, name: &RefName) -> Result<Option<RefTarget>> {
        value_of(name.as_bytes(), self.0.read(name.as_bytes())?)
    }

    fn each(
        &self,
        prefixes: &[Bytes],
        each: &mut dyn FnMut(RefRecord<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        self.each_from(b"", prefixes, each)
    }

    fn each_from(
        &self,
        from: &[u8],
        prefixes: &[Bytes],
        each: &mut dyn FnMut(RefRecord<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        for prefix in distinct_from(prefixes, from) {
            if self.each_with(from, &prefix, each)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn log(&self, name: &RefName, each: &mut dyn FnMut(LogRecord) -> Result<ControlFlow<()>>) -> Result<()> {
        let name = name.as_bytes();
        let mut logs = self.0.home(name).logs_from(name)?;
        while let Some(cursor) = logs.advance().map_err(|error| failure(error, &[]))? {
            let record = cursor.record();
            if record.name != name {
                break;
            }
            let LogValue::Change { old, new, seconds, .. } = record.value else { continue };
            let id = |id: ObjectId| Some(id).filter(|id| !id.is_zero());
            let record = LogRecord { old: id(old), new: id(new), seconds };
            // Nothing before and nothing afterwards: there is a reflog, and that is all.
            if (record.old.is_some() || record.new.is_some()) && each(record)?.is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// The refs that all worktrees share and those of this one, in the order of names.
struct Both {
    main: Merged<RefCursor>,
    own: Option<Merged<RefCursor>>,
    /// Whether each stands at a record that is yet to be given.
    main_waits: bool,
    own_waits: bool,
}

impl Both {
    fn new(tables: &Tables, from: &[u8]) -> Result<Self> {
        let own = tables.own.as_ref().map(|own| own.refs_from(from)).transpose()?;
        Ok(Self { main: tables.main.refs_from(from)?, own, main_waits: false, own_waits: false })
    }

    /// Moves each on that has given its record to the next one that belongs into its stack.
    fn fill(&mut self) -> Result<()> {
        let linked = self.own.is_some();
        if !self.main_waits {
            self.main_waits = step(&mut self.main, &|name| !linked || !is_per_worktree(name))?;
        }
        if let Some(own) = self.own.as_mut().filter(|_| !self.own_waits) {
            self.own_waits = step(own, &is_per_worktree)?;
        }
        Ok(())
    }

    fn advance(&mut self) -> Result<Option<&RefCursor>> {
        self.fill()?;
        let main = self.main.current().filter(|_| self.main_waits);
        let own = self.own.as_ref().and_then(Merged::current).filter(|_| self.own_waits);
        let next = match (main, own) {
            (Some(main), Some(own)) if main.key() > own.key() => Some(own),
            (Some(main), _) => {
                self.main_waits = false;
                return Ok(Some(main));
            }
            (None, own) => own,
        };
        self.own_waits = false;
        Ok(next)
    }
}

/// Goes on to the next record whose name `belongs`; whether there is one.
fn step(refs: &mut Merged<RefCursor>, belongs: &dyn Fn(&[u8]) -> bool) -> Result<bool> {
    loop {
        match refs.advance().map_err(|error| failure(error, &[]))? {
            None => return Ok(false),
            Some(cursor) if belongs(cursor.key()) => return Ok(true),
            Some(_) => {}
        }
    }
}
