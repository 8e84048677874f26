//! Names of many objects at once.

use std::collections::VecDeque;

use gitwire_types::{ObjectFormat, ObjectId, ObjectKind};

use crate::sha1::{Block, Engine, LANES_MAX, Lane, Message, Suspects};
use crate::{HashError, Hasher, Trust};

/// Names objects side by side: one SHA-1 keeps a processor waiting for itself, sixteen of them do not.
///
/// The ids and verdicts are those of [`Hasher::object_id`] with [`Trust::Stranger`], but they come later: an object is done once
/// enough others have come, or with [`Namer::finish`]. Where the processor has no wide vectors, for SHA-256, and for objects above
/// [`Namer::LANE_MAX`] it is a [`Hasher`] that does the work, at once.
///
/// ```
/// use gitwire_object::Namer;
/// use gitwire_types::{ObjectFormat, ObjectKind};
///
/// let mut namer = Namer::new(ObjectFormat::Sha1);
/// namer.push(ObjectKind::Blob, b"hello\n".as_slice());
/// namer.push(ObjectKind::Tree, b"".as_slice());
/// namer.finish();
/// let mut names = Vec::new();
/// while let Some((content, id)) = namer.pop() {
///     names.push((content.len(), id?.to_string()));
/// }
/// names.sort();
/// assert_eq!(names[0].1, "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
/// assert_eq!(names[1].1, "ce013625030ba8dba906f756967f9e9ca394464a");
/// # Ok::<(), gitwire_object::HashError>(())
/// ```
#[derive(Debug)]
pub struct Namer<C> {
    hasher: Hasher,
    engine: Option<Engine>,
    waiting: Vec<Message<C>>,
    /// Blocks of those that wait.
    waiting_blocks: usize,
    lanes: [Option<Message<C>>; LANES_MAX],
    /// What of each lane's message does not stand in its content.
    rooms: [Vec<Block>; LANES_MAX],
    state: [Lane; 5],
    suspects: Suspects,
    /// The number that the next message gets.
    number: u32,
    /// Those that are hashed, and not yet cleared.
    hashed: Vec<(u32, C, ObjectId)>,
    ready: VecDeque<(C, Result<ObjectId, HashError>)>,
}

impl<C: AsRef<[u8]>> Namer<C> {
    /// Objects above this are hashed alone: others would have to wait for them.
    pub const LANE_MAX: usize = 512 << 10;

    /// Nothing to name yet.
    #[must_use]
    pub fn new(format: ObjectFormat) -> Self {
        let engine = match format {
            ObjectFormat::Sha1 => Engine::detect(),
            ObjectFormat::Sha256 => None,
        };
        Self::with_engine(format, engine)
    }

    pub(crate) fn with_engine(format: ObjectFormat, engine: Option<Engine>) -> Self {
        Self {
            hasher: Hasher::new(format, Trust::Stranger),
            engine,
            waiting: Vec::new(),
            waiting_blocks: 0,
            lanes: std::array::from_fn(|_| None),
            rooms: std::array::from_fn(|_| Vec::new()),
            state: [[0; LANES_MAX]; 5],
            suspects: Suspects::default(),
            number: 0,
            hashed: Vec::new(),
            ready: VecDeque::new(),
        }
    }

    /// Takes in an object.
    pub fn push(&mut self, kind: ObjectKind, content: C) {
        let Some(engine) = self.engine.filter(|_| content.as_ref().len() <= Self::LANE_MAX) else {
            let id = self.hasher.object_id(kind, content.as_ref());
            self.ready.push_back((content, id));
            return;
        };
        let message = Message::new(self.number, kind, content);
        self.number = self.number.wrapping_add(1);
        self.waiting_blocks = self.waiting_blocks.saturating_add(message.blocks);
        self.waiting.push(message);
        let lanes = engine.lanes();
        let enough = self.waiting_blocks >= BLOCKS_ENOUGH && self.waiting.len() >= lanes;
        if enough || self.waiting.len() >= lanes.saturating_mul(MESSAGES_ENOUGH) {
            self.run(engine, lanes);
        }
    }

    /// Names all that was pushed.
    pub fn finish(&mut self) {
        if let Some(engine) = self.engine {
            self.run(engine, 1);
        }
    }

    /// An object that has its name, or why it has none. In any order.
    pub fn pop(&mut self) -> Option<(C, Result<ObjectId, HashError>)> {
        self.ready.pop_front()
    }

    /// Whether all that was pushed was named and popped.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.ready.is_empty() && self.waiting.is_empty() && self.lanes.iter().all(Option::is_none)
    }

    /// Works while at least `least` lanes have something to do.
    fn run(&mut self, engine: Engine, least: usize) {
        // Messages of like length end together.
        self.waiting.sort_unstable_by_key(|message| message.blocks);
        self.waiting_blocks = 0;
        loop {
            self.fill(engine);
            let mut inputs: [&[Block]; LANES_MAX] = [&[]; LANES_MAX];
            let (mut busy, mut count, mut some) = (0_usize, usize::MAX, &[][..]);
            for ((input, message), room) in inputs.iter_mut().zip(&self.lanes).zip(&self.rooms) {
                let Some(message) = message else { continue };
                *input = message.input(room);
                busy = busy.saturating_add(1);
                (count, some) = (count.min(input.len()), *input);
            }
            if busy < least {
                break;
            }
            // A lane without a message goes along with another's.
            for input in inputs.iter_mut().filter(|input| input.is_empty()) {
                *input = some;
            }
            engine.compress(&mut self.state, &inputs, count, &mut self.suspects);
            self.advance(count);
        }
        engine.clear(&mut self.suspects);
        for (number, content, id) in self.hashed.drain(..) {
            let guilty = self.suspects.guilty.contains(&number);
            self.suspects.guilty.retain(|each| *each != number);
            self.ready.push_back((content, if guilty { Err(HashError::Collision { id }) } else { Ok(id) }));
        }
    }

    /// Gives free lanes what waits.
    fn fill(&mut self, engine: Engine) {
        let lanes = self.lanes.iter_mut().zip(&mut self.rooms).zip(&mut self.suspects.owners);
        for (at, ((lane, room), owner)) in lanes.enumerate().take(engine.lanes()) {
            if lane.is_some() {
                continue;
            }
            let Some(mut message) = self.waiting.pop() else { return };
            message.start(room);
            *owner = Some(message.number);
            *lane = Some(message);
            for (word, start) in self.state.iter_mut().zip(START) {
                if let Some(word) = word.get_mut(at) {
                    *word = start;
                }
            }
        }
    }

    /// Each lane has hashed `count` blocks.
    fn advance(&mut self, count: usize) {
        let lanes = self.lanes.iter_mut().zip(&mut self.rooms).zip(&mut self.suspects.owners);
        for (at, ((lane, room), owner)) in lanes.enumerate() {
            let Some(message) = lane else { continue };
            if message.advance(count, room) {
                continue;
            }
            let mut raw = [0; 20];
            for (bytes, word) in raw.as_chunks_mut::<4>().0.iter_mut().zip(&self.state) {
                *bytes = word.get(at).copied().unwrap_or_default().to_be_bytes();
            }
            *owner = None;
            if let Some(message) = lane.take() {
                self.hashed.push((message.number, message.content, ObjectId::from_sha1(raw)));
            }
        }
    }
}

/// Blocks that are worth a run once there is a message for each lane.
const BLOCKS_ENOUGH: usize = 2048;
/// As many messages a lane are worth it even if they are tiny.
const MESSAGES_ENOUGH: usize = 4;
/// The state before the first block (FIPS 180-4).
pub(crate) const START: [u32; 5] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];

#[cfg(test)]
mod tests;
