//! What one transaction writes into one table.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use gitwire_reftable::{LogRecord, LogValue, RefRecord, RefValue, Writer, log_key};
use gitwire_storage::{ObjectStore, ReflogEntry, Result};
use gitwire_types::{ObjectFormat, ObjectId, RefTarget};

use super::Tables;
use super::add::Settings;
use super::stack::failure;
use crate::refs::reflog::{LogPolicy, one_line};
use crate::refs::rewrite::peel;
use crate::refs::transaction::Surroundings;

/// Records in the order in which they are written.
pub(super) struct Records<'a> {
    around: &'a Surroundings<'a>,
    settings: Settings,
    policy: LogPolicy,
    /// For what tags lead to, once that is asked.
    objects: Option<Arc<dyn ObjectStore>>,
    pub(super) update_index: u64,
    refs: BTreeMap<Vec<u8>, Value>,
    /// By the key of their records.
    logs: BTreeMap<Vec<u8>, Line>,
}

enum Value {
    Deleted,
    Id(ObjectId),
    Tag(ObjectId, ObjectId),
    Symbolic(Vec<u8>),
}

/// A line of a reflog: the ref, the transaction, and what is told; nothing: the line goes.
struct Line(Vec<u8>, u64, Option<Told>);

struct Told {
    change: (ObjectId, ObjectId),
    committer: Committer,
    message: Vec<u8>,
}

impl<'a> Records<'a> {
    pub(super) fn new(around: &'a Surroundings<'a>, update_index: u64, settings: Settings) -> Self {
        let policy = LogPolicy::of(around.config);
        let (refs, logs) = (BTreeMap::new(), BTreeMap::new());
        Self { around, settings, policy, objects: None, update_index, refs, logs }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.refs.is_empty() && self.logs.is_empty()
    }

    /// A new value of a ref. What a tag leads to is kept beside it.
    pub(super) fn set(&mut self, name: &[u8], target: &RefTarget) -> Result<()> {
        let value = match target {
            RefTarget::Symbolic(target) => Value::Symbolic(target.as_bytes().to_vec()),
            RefTarget::Direct(id) => {
                let objects = match self.objects.take() {
                    Some(objects) => objects,
                    None => (self.around.objects)()?,
                };
                let objects = self.objects.insert(objects);
                match peel(&**objects, *id, self.around.files.format)? {
                    Some(peeled) => Value::Tag(*id, peeled),
                    None => Value::Id(*id),
                }
            }
        };
        self.refs.insert(name.to_vec(), value);
        Ok(())
    }

    /// The end of a ref and of its reflog.
    pub(super) fn delete(&mut self, name: &[u8], now: &Tables) -> Result<()> {
        self.refs.insert(name.to_vec(), Value::Deleted);
        for_each_line(now, name, &mut |update_index| {
            let line = Line(name.to_vec(), update_index, None);
            self.logs.insert(log_key(name, update_index), line);
            ControlFlow::Continue(())
        })
    }

    /// A line of a ref's reflog, if it has one or is to have one.
    pub(super) fn log(
        &mut self,
        name: &[u8],
        (old, new): (Option<ObjectId>, ObjectId),
        entry: &ReflogEntry,
        now: &Tables,
    ) -> Result<()> {
        if !self.policy.makes(name) && !has_log(now, name)? {
            return Ok(());
        }
        let format = self.around.files.format;
        let committer = Committer::read(&entry.committer, self.settings.write.block_size);
        let mut message = one_line(&entry.message);
        // As git cuts it, and shorter where the name is long: all of it must find room in one block.
        let block = usize::try_from(self.settings.write.block_size).unwrap_or(usize::MAX);
        let others = name.len().saturating_add(committer.len()).saturating_add(LINE_OVERHEAD);
        message.truncate(block.saturating_sub(others).min(block / 2));
        message.push(b'\n');
        let told = Told { change: (old.unwrap_or(ObjectId::zero(format)), new), committer, message };
        let line = Line(name.to_vec(), self.update_index, Some(told));
        self.logs.insert(log_key(name, self.update_index), line);
        Ok(())
    }

    /// The table that says all this.
    pub(super) fn write(&self, format: ObjectFormat) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        let index = self.update_index;
        let mut writer = Writer::new(format, index..=index, &self.settings.write);
        for (name, value) in &self.refs {
            let value = match value {
                Value::Deleted => RefValue::Deleted,
                Value::Id(id) => RefValue::Id(*id),
                Value::Tag(id, peeled) => RefValue::Tag { id: *id, peeled: *peeled },
                Value::Symbolic(target) => RefValue::Symbolic(target),
            };
            let record = RefRecord { name, update_index: index, value };
            writer.add_ref(&record, &mut out).map_err(|error| failure(error, &[]))?;
        }
        for Line(name, update_index, told) in self.logs.values() {
            let value = match told {
                None => LogValue::Deleted,
                Some(Told { change: (old, new), committer, message }) => LogValue::Change {
                    old: *old,
                    new: *new,
                    committer: &committer.name,
                    email: &committer.email,
                    seconds: committer.seconds,
                    zone: committer.zone,
                    message,
                },
            };
            let record = LogRecord { name, update_index: *update_index, value };
            writer.add_log(&record, &mut out).map_err(|error| failure(error, &[]))?;
        }
        writer.finish(&mut out).map_err(|error| failure(error, &[]))?;
        Ok(out)
    }
}

/// Whether a ref has a reflog.
fn has_log(now: &Tables, name: &[u8]) -> Result<bool> {
    let mut found = false;
    for_each_line(now, name, &mut |_| {
        found = true;
        ControlFlow::Break(())
    })?;
    Ok(found)
}

/// Tells of the lines of a ref's reflog by their transactions, the latest first.
fn for_each_line(now: &Tables, name: &[u8], each: &mut dyn FnMut(u64) -> ControlFlow<()>) -> Result<()> {
    let mut logs = now.home(name).logs_from(name)?;
    while let Some(cursor) = logs.advance().map_err(|error| failure(error, &[]))? {
        let record = cursor.record();
        if record.name != name || record.value != LogValue::Deleted && each(record.update_index).is_break() {
            break;
        }
    }
    Ok(())
}

/// Who changed a ref, and when.
#[derive(Debug, PartialEq, Eq)]
struct Committer {
    name: Vec<u8>,
    email: Vec<u8>,
    seconds: u64,
    zone: i16,
}

impl Committer {
    /// From `Name <address> seconds zone`; what is not there is empty.
    fn read(line: &[u8], block_size: u32) -> Self {
        let end = line.iter().rposition(|byte| *byte == b'>').unwrap_or(line.len());
        let (who, when) = line.split_at_checked(end).unwrap_or((line, b""));
        let start = who.iter().rposition(|byte| *byte == b'<').unwrap_or(who.len());
        let (name, email) = who.split_at_checked(start).unwrap_or((who, b""));
        let mut when =
            when.get(1..).unwrap_or_default().split(|byte| *byte == b' ').filter(|word| !word.is_empty());
        let mut number = || when.next().and_then(|word| str::from_utf8(word).ok());
        let seconds = number().and_then(|word| word.parse().ok()).unwrap_or(0);
        let zone = number().and_then(|word| word.parse().ok()).unwrap_or(0);
        let max = usize::try_from(block_size / 8).unwrap_or(usize::MAX);
        let cut = |piece: &[u8]| piece.get(..piece.len().min(max)).unwrap_or_default().to_vec();
        Self { name: cut(name.trim_ascii()), email: cut(email.get(1..).unwrap_or_default()), seconds, zone }
    }

    fn len(&self) -> usize {
        self.name.len().saturating_add(self.email.len())
    }
}

/// Bytes of a line beside its texts: two ids, seven lengths and numbers, the key's end, and of the block header and restart table.
const LINE_OVERHEAD: usize = 192;

#[cfg(test)]
mod tests {
    use super::Committer;

    #[test]
    fn committers_as_commits_have_them() {
        let check = |line: &str, name: &str, email: &str, seconds: u64, zone: i16| {
            let expected = Committer { name: name.into(), email: email.into(), seconds, zone };
            assert_eq!(Committer::read(line.as_bytes(), 4096), expected, "{line}");
        };
        check("A U Thor <a@b> 1700000000 -0130", "A U Thor", "a@b", 1_700_000_000, -130);
        check("A <a@b> 17 +0200", "A", "a@b", 17, 200);
        check("<> 0 +0000", "", "", 0, 0);
        check("nobody", "nobody", "", 0, 0);
        check("A <a@b>", "A", "a@b", 0, 0);
        check("A <a@b> soon +9999999", "A", "a@b", 0, 0);
        assert_eq!(Committer::read(&[b'x'; 300], 1024).name.len(), 128);
    }
}
