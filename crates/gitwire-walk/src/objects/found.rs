//! The objects that an enumeration has met.

use gitwire_types::{ObjectFormat, ObjectId, ObjectKind};

use crate::WalkError;
use crate::id_table::IdTable;

/// Every object that was met, once, under dense numbers in the order of meeting: an id, what it is, and what shall become
/// of it.
#[derive(Debug)]
pub(crate) struct Found {
    ids: IdTable,
    facts: Vec<Fact>,
    objects_max: u32,
    sent: u64,
}

/// What is known of an object besides its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fact {
    /// Objects of one name and place stand close together in this order; see [`super::name`].
    pub(crate) name: u32,
    /// How deep below a commit's tree it was met, at the least.
    pub(crate) depth: u16,
    pub(crate) kind: ObjectKind,
    pub(crate) flags: u8,
}

impl Fact {
    /// It goes into the pack.
    pub(crate) const SEND: u8 = 1;
    /// The receiver has it.
    pub(crate) const EXCLUDED: u8 = 1 << 1;
    /// A blob that goes unless it is too large.
    pub(crate) const SIZED: u8 = 1 << 2;
    /// It goes as it stands, beside what is listed.
    pub(crate) const KEPT: u8 = 1 << 3;

    pub(crate) fn is(self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

impl Found {
    pub(crate) fn new(format: ObjectFormat, objects_max: u32) -> Self {
        Self { ids: IdTable::new(format), facts: Vec::new(), objects_max, sent: 0 }
    }

    /// The number of an object, which is met for the first time where the second value says so. What is known of it
    /// already stays.
    ///
    /// # Errors
    /// [`WalkError::Kind`] where it was met as something else; too many objects.
    pub(crate) fn meet(&mut self, raw: &[u8], kind: ObjectKind, name: u32) -> Result<(u32, bool), WalkError> {
        let (at, new) = self.ids.insert(raw);
        if new {
            if self.facts.len() >= self.objects_max as usize {
                return Err(WalkError::Limit { what: "objects_max", max: self.objects_max.into() });
            }
            self.facts.push(Fact { name, depth: u16::MAX, kind, flags: 0 });
        } else {
            let actual = self.fact(at).kind;
            if actual != kind {
                return Err(WalkError::Kind { id: self.id(at)?, expected: kind, actual });
            }
        }
        Ok((at, new))
    }

    /// The object under a number that was given.
    pub(crate) fn fact(&self, at: u32) -> Fact {
        const NOTHING: Fact =
            Fact { name: 0, depth: u16::MAX, kind: ObjectKind::Blob, flags: Fact::EXCLUDED };
        self.facts.get(at as usize).copied().unwrap_or(NOTHING)
    }

    pub(crate) fn flag(&mut self, at: u32, flag: u8) {
        if let Some(fact) = self.facts.get_mut(at as usize) {
            let before = fact.flags;
            fact.flags |= flag;
            let is_new = before & Fact::SEND == 0 && flag & Fact::SEND != 0;
            self.sent += u64::from(is_new);
        }
    }

    /// An object that would go does not, and is no base either; true where it would have gone.
    pub(crate) fn leave_out(&mut self, id: &ObjectId) -> bool {
        let fact = self.get(id).and_then(|at| self.facts.get_mut(at as usize));
        match fact.filter(|fact| fact.is(Fact::SEND)) {
            Some(fact) => {
                fact.flags &= !Fact::SEND;
                self.sent -= 1;
                true
            }
            None => false,
        }
    }

    /// Notes the depth at which an object was met; true where it was never met as high.
    pub(crate) fn rise(&mut self, at: u32, depth: u16) -> bool {
        match self.facts.get_mut(at as usize) {
            Some(fact) if depth < fact.depth => {
                fact.depth = depth;
                true
            }
            _ => false,
        }
    }

    pub(crate) fn get(&self, id: &ObjectId) -> Option<u32> {
        self.ids.get(id.as_bytes())
    }

    pub(crate) fn id(&self, at: u32) -> Result<ObjectId, WalkError> {
        self.ids.id(at)
    }

    pub(crate) fn raw(&self, at: u32) -> &[u8] {
        self.ids.raw(at)
    }

    pub(crate) fn format(&self) -> ObjectFormat {
        self.ids.format()
    }

    pub(crate) fn len(&self) -> usize {
        self.facts.len()
    }

    /// The number of objects that go into the pack.
    pub(crate) fn sent(&self) -> u64 {
        self.sent
    }

    /// The numbers of blobs that go and were met at `from` or later.
    pub(crate) fn blobs_sent_from(&self, from: usize) -> Vec<u32> {
        let is_sent = |fact: &Fact| fact.kind == ObjectKind::Blob && fact.is(Fact::SEND);
        let facts = (0_u32..).zip(&self.facts).skip(from);
        facts.filter(|(_, fact)| is_sent(fact)).map(|(at, _)| at).collect()
    }

    /// The numbers of objects for which `test` holds, in the order of meeting.
    pub(crate) fn select(&self, test: impl Fn(Fact) -> bool) -> impl Iterator<Item = u32> {
        (0_u32..).zip(&self.facts).filter(move |(_, fact)| test(**fact)).map(|(at, _)| at)
    }
}
