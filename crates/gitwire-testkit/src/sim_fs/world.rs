//! The state of a simulated disk: as programs see it, and as it would be found after a crash.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::Duration;

use gitwire_gitdir::fs::{FileKind, Stat};

/// The number of a file or directory.
pub(super) type Number = usize;

/// What survives a crash of what was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Survival {
    /// Nothing.
    Synced,
    /// Everything: the program was killed, the machine goes on.
    Everything,
    /// Whatever the seed says: each change of a directory or not, each file as it was synced, as it was written, or torn
    /// between two sectors.
    Seeded(u64),
}

/// How an operation goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// With an error of the system, and without effect.
    Error(i32),
    /// A write: with half of it written. Any other operation: without effect.
    Short,
}

#[derive(Debug, Clone)]
enum Node {
    File { seen: Vec<u8>, synced: Vec<u8> },
    Directory { seen: Entries, synced: Entries },
}

type Entries = BTreeMap<Vec<u8>, Number>;

/// A change of directories that was not synced: names with what they lead to now.
#[derive(Debug, Clone)]
struct Change {
    parts: Vec<(Number, Vec<u8>, Option<Number>)>,
}

#[derive(Debug)]
pub(super) struct World {
    nodes: Vec<Node>,
    /// Permissions, and when the content changed.
    facts: Vec<(u32, Duration)>,
    unsynced: Vec<Change>,
    /// Files whose sync has failed once: what they hold is in memory alone, whatever later syncs say.
    lost: BTreeSet<Number>,
    /// Files whose advisory lock somebody holds; a crash ends them all.
    pub(super) locked: BTreeSet<Number>,
    pub(super) operations: u64,
    pub(super) crash_at: Option<u64>,
    pub(super) fail_at: Option<(u64, Fault)>,
    pub(super) clock: Duration,
    pub(super) nonce: u64,
}

impl World {
    pub(super) const ROOT: Number = 0;

    pub(super) fn new() -> Self {
        Self {
            nodes: vec![Node::Directory { seen: Entries::new(), synced: Entries::new() }],
            facts: vec![(0o755, Duration::ZERO)],
            unsynced: Vec::new(),
            lost: BTreeSet::new(),
            locked: BTreeSet::new(),
            operations: 0,
            crash_at: None,
            fail_at: None,
            clock: Duration::from_secs(1_700_000_000),
            nonce: 0,
        }
    }

    /// Counts one operation; fails where it is to fail.
    pub(super) fn step(&mut self) -> io::Result<()> {
        let number = self.operations;
        if self.crash_at.is_some_and(|crash| number >= crash) {
            return Err(io::Error::other("the machine has crashed"));
        }
        self.operations += 1;
        self.clock += Duration::from_micros(1);
        match self.fail_at {
            Some((at, Fault::Error(code))) if at == number => Err(io::Error::from_raw_os_error(code)),
            Some((at, Fault::Short)) if at == number => Err(io::ErrorKind::WriteZero.into()),
            _ => Ok(()),
        }
    }

    pub(super) fn find(&self, from: Number, path: &[u8]) -> io::Result<Number> {
        let mut number = from;
        for part in path.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".") {
            number = *self.entries(number)?.get(part).ok_or(io::ErrorKind::NotFound)?;
        }
        Ok(number)
    }

    pub(super) fn directory(&self, from: Number, path: &[u8]) -> io::Result<Number> {
        let number = self.find(from, path)?;
        self.entries(number).map(|_| number)
    }

    pub(super) fn file(&self, from: Number, path: &[u8]) -> io::Result<Number> {
        let number = self.find(from, path)?;
        if self.is_directory(number) { Err(io::ErrorKind::IsADirectory.into()) } else { Ok(number) }
    }

    pub(super) fn is_directory(&self, number: Number) -> bool {
        matches!(self.nodes[number], Node::Directory { .. })
    }

    pub(super) fn entries(&self, number: Number) -> io::Result<&Entries> {
        match &self.nodes[number] {
            Node::Directory { seen, .. } => Ok(seen),
            Node::File { .. } => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    pub(super) fn content(&self, number: Number) -> &[u8] {
        match &self.nodes[number] {
            Node::File { seen, .. } => seen,
            Node::Directory { .. } => panic!("a file was opened"),
        }
    }

    pub(super) fn stat(&self, number: Number) -> Stat {
        let (mode, changed) = self.facts[number];
        let (kind, size) = match &self.nodes[number] {
            Node::File { seen, .. } => (FileKind::File, seen.len() as u64),
            Node::Directory { .. } => (FileKind::Directory, 0),
        };
        let inode = number as u64;
        Stat { kind, size, mode, modified: changed, changed, device: 1, inode, owner: 0 }
    }

    pub(super) fn set_mode(&mut self, number: Number, mode: u32) {
        self.facts[number].0 = mode;
    }

    pub(super) fn create(&mut self, from: Number, path: &[u8], mode: u32) -> io::Result<Number> {
        self.add(from, path, Node::File { seen: Vec::new(), synced: Vec::new() }, mode)
    }

    pub(super) fn make_directory(&mut self, from: Number, path: &[u8]) -> io::Result<()> {
        let node = Node::Directory { seen: Entries::new(), synced: Entries::new() };
        self.add(from, path, node, 0o755).map(drop)
    }

    fn add(&mut self, from: Number, path: &[u8], node: Node, mode: u32) -> io::Result<Number> {
        let (parent, name) = self.place(from, path)?;
        if self.entries(parent)?.contains_key(&name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let number = self.nodes.len();
        self.nodes.push(node);
        self.facts.push((mode, self.clock));
        self.change(vec![(parent, name, Some(number))]);
        Ok(number)
    }

    pub(super) fn unlink(&mut self, from: Number, path: &[u8]) -> io::Result<()> {
        let (parent, name) = self.place(from, path)?;
        self.change(vec![(parent, name, None)]);
        Ok(())
    }

    pub(super) fn rename(&mut self, from: Number, old: &[u8], new: &[u8]) -> io::Result<()> {
        let number = self.find(from, old)?;
        let (old, new) = (self.place(from, old)?, self.place(from, new)?);
        if let Some(there) = self.entries(new.0)?.get(&new.1)
            && self.is_directory(*there)
        {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        self.change(vec![(new.0, new.1, Some(number)), (old.0, old.1, None)]);
        Ok(())
    }

    pub(super) fn link(&mut self, from: Number, old: &[u8], new: &[u8]) -> io::Result<()> {
        let number = self.file(from, old)?;
        let (parent, name) = self.place(from, new)?;
        if self.entries(parent)?.contains_key(&name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.change(vec![(parent, name, Some(number))]);
        Ok(())
    }

    pub(super) fn write(&mut self, number: Number, offset: Option<u64>, data: &[u8]) {
        self.facts[number].1 = self.clock;
        let Node::File { seen, .. } = &mut self.nodes[number] else { panic!("a file was opened") };
        let start = offset.map_or(seen.len(), |offset| usize::try_from(offset).unwrap());
        let end = start + data.len();
        if seen.len() < end {
            seen.resize(end, 0);
        }
        seen[start..end].copy_from_slice(data);
    }

    pub(super) fn sync_file(&mut self, number: Number) {
        if self.lost.contains(&number) {
            return;
        }
        if let Node::File { seen, synced } = &mut self.nodes[number] {
            synced.clone_from(seen);
        }
    }

    /// A sync that failed: the system may take the pages for clean from now on, and does not write them any more.
    pub(super) fn lose_file(&mut self, number: Number) {
        self.lost.insert(number);
    }

    /// Makes what stands in one directory durable. The other side of a rename between directories stays open.
    pub(super) fn sync_directory(&mut self, number: Number) {
        if let Node::Directory { seen, synced } = &mut self.nodes[number] {
            synced.clone_from(seen);
        }
        for change in &mut self.unsynced {
            change.parts.retain(|(directory, ..)| *directory != number);
        }
        self.unsynced.retain(|change| !change.parts.is_empty());
    }

    fn place(&self, from: Number, path: &[u8]) -> io::Result<(Number, Vec<u8>)> {
        let slash = path.iter().rposition(|byte| *byte == b'/');
        let (parent, name) = slash.map_or((&b""[..], path), |at| (&path[..at], &path[at + 1..]));
        if name.is_empty() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        Ok((self.directory(from, parent)?, name.to_vec()))
    }

    fn change(&mut self, parts: Vec<(Number, Vec<u8>, Option<Number>)>) {
        for (directory, name, target) in &parts {
            self.facts[*directory].1 = self.clock;
            let Node::Directory { seen, .. } = &mut self.nodes[*directory] else { panic!("a directory") };
            apply(seen, name, *target);
        }
        self.unsynced.push(Change { parts });
    }

    /// The world as it is found after a crash.
    pub(super) fn after_crash(&self, survival: Survival) -> Self {
        let mut random = match survival {
            Survival::Seeded(seed) => seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            _ => 1,
        };
        let mut coin = |sides: u64| {
            // An xorshift generator: the same seed gives the same disk.
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            (random >> 8) % sides
        };
        let mut nodes = self.nodes.clone();
        for change in &self.unsynced {
            let kept = match survival {
                Survival::Synced => false,
                Survival::Everything => true,
                Survival::Seeded(_) => coin(2) == 0,
            };
            for (directory, name, target) in change.parts.iter().filter(|_| kept) {
                if let Node::Directory { synced, .. } = &mut nodes[*directory] {
                    apply(synced, name, *target);
                }
            }
        }
        for node in &mut nodes {
            match node {
                Node::Directory { seen, synced } => seen.clone_from(synced),
                Node::File { seen, synced } => {
                    match survival {
                        Survival::Synced => {}
                        Survival::Everything => synced.clone_from(seen),
                        Survival::Seeded(_) => match coin(3) {
                            0 => {}
                            1 => synced.clone_from(seen),
                            // Some sectors were written, those behind them not: where there were none, they are zeros.
                            _ => {
                                let written =
                                    512 * usize::try_from(coin(1 + seen.len() as u64 / 512)).unwrap();
                                synced.resize(seen.len(), 0);
                                synced[..written].copy_from_slice(&seen[..written]);
                            }
                        },
                    }
                    seen.clone_from(synced);
                }
            }
        }
        Self { nodes, facts: self.facts.clone(), nonce: self.nonce + 1000, clock: self.clock, ..Self::new() }
    }
}

fn apply(entries: &mut Entries, name: &[u8], target: Option<Number>) {
    match target {
        Some(number) => drop(entries.insert(name.to_vec(), number)),
        None => drop(entries.remove(name)),
    }
}
