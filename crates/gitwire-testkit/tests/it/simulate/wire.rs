//! What lies between two machines: bytes on their way, and what may happen to them.

use bytes::BytesMut;
use gitwire_testkit::Dice;

/// What happens on the way, once, after so many bytes of one direction have arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Nothing.
    None,
    /// Nothing arrives for a while.
    Stall { way: Way, at: usize, turns: usize },
    /// A bit arrives as its opposite.
    Flip { way: Way, at: usize, bit: u8 },
    /// No more arrives; the other direction goes on.
    HalfClose { way: Way, at: usize },
    /// The connection is gone.
    Close { way: Way, at: usize },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    ToClient,
    ToServer,
}

/// Two directions, and the pieces in which bytes arrive.
#[derive(Debug)]
pub(super) struct Wire {
    dice: Dice,
    /// The largest piece.
    grain: usize,
    fault: Fault,
    to_client: Direction,
    to_server: Direction,
}

#[derive(Debug, Default)]
struct Direction {
    flight: BytesMut,
    /// Bytes that have arrived since the beginning.
    moved: usize,
    /// The sender has said all.
    ended: bool,
    /// Nothing arrives any more, whatever is sent.
    severed: bool,
    /// The receiver knows that no more comes.
    told: bool,
}

/// What a turn of the wire brought to a receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    Nothing,
    /// Nothing, but later.
    Stalled,
    Bytes,
    /// The last that comes.
    End,
}

impl Wire {
    pub(super) fn new(seed: u64, fault: Fault) -> Self {
        let mut dice = Dice::new(seed);
        let grain = *dice.pick(&[1, 7, 100, 5_000, usize::MAX]);
        Self { dice, grain, fault, to_client: Direction::default(), to_server: Direction::default() }
    }

    pub(super) fn fault(&self) -> Fault {
        self.fault
    }

    /// How many bytes have arrived.
    pub(super) fn moved(&self) -> (usize, usize) {
        (self.to_client.moved, self.to_server.moved)
    }

    /// How many are on their way.
    pub(super) fn waiting(&self, way: Way) -> usize {
        self.direction(way).flight.len()
    }

    /// Takes what a machine says.
    pub(super) fn send(&mut self, way: Way, output: &mut BytesMut) {
        let direction = self.direction_mut(way);
        let said = output.split();
        if !direction.severed {
            direction.flight.unsplit(said);
        }
    }

    /// A machine says no more.
    pub(super) fn end(&mut self, way: Way) {
        self.direction_mut(way).ended = true;
    }

    /// Another request: both directions open again, unless the connection is gone.
    pub(super) fn reopen(&mut self) {
        for direction in [&mut self.to_client, &mut self.to_server] {
            direction.flight.clear();
            (direction.ended, direction.told) = (false, false);
        }
    }

    /// Whoever waits for ever is cut off, as a deadline would.
    pub(super) fn give_up(&mut self) {
        for direction in [&mut self.to_client, &mut self.to_server] {
            direction.flight.clear();
            direction.severed = true;
        }
    }

    /// Brings a piece of what is on its way.
    pub(super) fn deliver(&mut self, way: Way, input: &mut BytesMut) -> Arrival {
        let mut most = 1 + self.dice.below(self.grain);
        let moved = self.direction(way).moved;
        match &mut self.fault {
            Fault::Stall { way: here, at, turns } if *here == way && *turns > 0 => {
                most = most.min(at.saturating_sub(moved));
                if most == 0 {
                    *turns -= 1;
                    return Arrival::Stalled;
                }
            }
            Fault::Close { way: here, at } | Fault::HalfClose { way: here, at } if *here == way => {
                most = most.min(at.saturating_sub(moved));
            }
            _ => {}
        }
        if most == 0 && matches!(self.fault, Fault::Close { .. }) {
            self.give_up();
        }
        let fault = self.fault;
        let direction = self.direction_mut(way);
        direction.severed |= most == 0;
        if direction.severed {
            direction.flight.clear();
        }
        if !direction.flight.is_empty() {
            let mut piece = direction.flight.split_to(most.min(direction.flight.len()));
            if let Fault::Flip { way: here, at, bit } = fault
                && here == way
                && let Some(byte) = at.checked_sub(moved).and_then(|at| piece.get_mut(at))
            {
                *byte ^= 1 << bit;
            }
            direction.moved += piece.len();
            input.unsplit(piece);
            return Arrival::Bytes;
        }
        if (direction.ended || direction.severed) && !direction.told {
            direction.told = true;
            return Arrival::End;
        }
        Arrival::Nothing
    }

    fn direction(&self, way: Way) -> &Direction {
        match way {
            Way::ToClient => &self.to_client,
            Way::ToServer => &self.to_server,
        }
    }

    fn direction_mut(&mut self, way: Way) -> &mut Direction {
        match way {
            Way::ToClient => &mut self.to_client,
            Way::ToServer => &mut self.to_server,
        }
    }
}

impl Fault {
    /// A fault within a conversation that moves so many bytes to the client and to the server.
    pub(super) fn roll(dice: &mut Dice, (to_client, to_server): (usize, usize)) -> Self {
        let way = if dice.one_in(2) { Way::ToClient } else { Way::ToServer };
        let total = if way == Way::ToClient { to_client } else { to_server };
        // Packs are long, and what stands before them is what is read with care.
        let at = if dice.one_in(2) { dice.below(total) } else { dice.below(total.min(2_000)) };
        match dice.below(8) {
            0 => Self::Stall { way, at, turns: 1 + dice.below(500) },
            1 | 2 => Self::HalfClose { way, at },
            3 | 4 => Self::Close { way, at },
            _ => Self::Flip { way, at, bit: dice.below(8) as u8 },
        }
    }

    /// Whether the conversation must come to its end all the same.
    pub(super) fn is_harmless(self) -> bool {
        matches!(self, Self::None | Self::Stall { .. })
    }

    /// Whether what arrives may be something that nobody said.
    pub(super) fn is_lie(self) -> bool {
        matches!(self, Self::Flip { .. })
    }
}
