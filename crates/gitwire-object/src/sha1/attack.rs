//! The attacks on SHA-1 that are known to be feasible, and what gives them away.
//!
//! All of them steer a difference through the compression function along one of 32 disturbance vectors (Manuel, 2008). The
//! other message's block follows from the vector; so an attack is proved by computing from the middle of the function what
//! that other block leads to (Stevens, 2013). That need be done only where the expanded words meet the conditions without which a
//! vector leads nowhere: that some bits are equal, and others not (Stevens and Shumow, 2017). One block in twenty meets those of some
//! vector by chance.

/// Calls a macro with all vectors: number, type, K, b, the place that the bits are brought to to be compared, and chains of
/// (step, bit, value) in which bits of equal value are equal, and others differ.
macro_rules! with_vectors {
    ($macro:ident!($($arg:tt)*)) => {
        $macro! { ($($arg)*)
            0 I 43 0 at 4: [(37 4 0) (39 4 1) (41 4 0) (43 4 1) (40 29 0) (42 29 1) (44 29 0) (46 29 1) (47 29 1)] [(58 0 0) (59 5 1) (63 30 1)] [(61 1 0) (62 6 1)];
            1 I 44 0 at 4: [(38 4 0) (40 4 1) (42 4 0) (44 4 1) (40 29 0) (41 29 0) (43 29 1) (45 29 0) (47 29 1) (48 29 1)] [(59 0 0) (60 5 1) (64 30 1)] [(62 1 0) (63 6 1)];
            2 I 45 0 at 4: [(35 4 0) (39 29 0)] [(39 4 0) (41 4 1) (43 4 0) (45 4 1) (41 29 0) (42 29 0) (44 29 1) (46 29 0) (48 29 1) (49 29 1)] [(60 0 0) (61 5 1)] [(63 1 0) (64 6 1)];
            3 I 46 0 at 4: [(36 4 0) (40 29 0)] [(40 4 0) (42 4 1) (44 4 0) (46 4 1) (42 29 0) (43 29 0) (45 29 1) (47 29 0) (49 29 1) (50 29 1)] [(61 0 0) (62 5 1)];
            4 I 46 2 at 1: [(35 1 0) (36 6 1)] [(39 1 0) (47 1 1) (40 6 1) (42 6 1) (44 6 1) (46 6 1)] [(61 2 0) (62 7 1)];
            5 I 47 0 at 4: [(37 4 0) (40 29 0) (41 29 0)] [(41 4 0) (43 4 1) (45 4 0) (47 4 1) (43 29 0) (44 29 0) (46 29 1) (48 29 0) (50 29 1) (51 29 1)] [(62 0 0) (63 5 1)];
            6 I 47 2 at 1: [(36 1 0) (37 6 1)] [(40 1 0) (48 1 1) (41 6 1) (43 6 1) (45 6 1) (47 6 1)] [(62 2 0) (63 7 1)];
            7 I 48 0 at 4: [(35 4 0) (39 29 0)] [(38 4 0) (40 29 0) (41 29 0) (42 29 0)] [(42 4 0) (44 4 1) (46 4 0) (48 4 1) (44 29 0) (45 29 0) (47 29 1) (49 29 0) (51 29 1) (52 29 1)] [(63 0 0) (64 5 1)];
            8 I 48 2 at 1: [(37 1 0) (38 6 1)] [(41 1 0) (49 1 1) (42 6 1) (44 6 1) (46 6 1) (48 6 1)] [(63 2 0) (64 7 1)];
            9 I 49 0 at 4: [(36 4 0) (40 29 0)] [(39 4 0) (41 29 0) (42 29 0) (43 29 0)] [(43 4 0) (45 4 1) (47 4 0) (49 4 1) (45 29 0) (46 29 0) (48 29 1) (50 29 0) (52 29 1) (53 29 1)];
            10 I 49 2 at 1: [(35 1 0) (36 6 1)] [(38 1 0) (40 1 1) (39 6 1)] [(42 1 0) (50 1 1) (43 6 1) (45 6 1) (47 6 1) (49 6 1)];
            11 I 50 0 at 4: [(36 4 0) (37 4 1) (41 29 1)] [(40 4 0) (42 29 0) (43 29 0) (44 29 0)] [(44 4 0) (46 4 1) (48 4 0) (50 4 1) (46 29 0) (47 29 0) (49 29 1) (51 29 0) (53 29 1) (54 29 1)];
            12 I 50 2 at 1: [(36 1 0) (37 6 1)] [(39 1 0) (41 1 1) (40 6 1)] [(43 1 0) (51 1 1) (44 6 1) (46 6 1) (48 6 1) (50 6 1)];
            13 I 51 0 at 4: [(35 3 0) (39 28 0)] [(37 4 0) (38 4 1) (42 29 1)] [(41 4 0) (43 29 0) (44 29 0) (45 29 0)] [(45 4 0) (47 4 1) (49 4 0) (51 4 1) (47 29 0) (48 29 0) (50 29 1) (52 29 0) (54 29 1) (55 29 1)];
            14 I 51 2 at 1: [(35 5 0) (39 30 0)] [(37 1 0) (37 6 0) (38 6 1)] [(40 1 0) (42 1 1) (41 6 1)] [(44 1 0) (52 1 1) (45 6 1) (47 6 1) (49 6 1) (51 6 1)];
            15 I 52 0 at 4: [(38 4 0) (39 4 1) (43 29 1)] [(42 4 0) (44 29 0) (45 29 0) (46 29 0)] [(46 4 0) (48 4 1) (50 4 0) (52 4 1) (48 29 0) (49 29 0) (51 29 1) (53 29 0) (55 29 1) (56 29 1)];
            16 II 45 0 at 4: [(36 4 0) (40 29 0)] [(41 4 0) (43 29 0) (44 29 0) (45 29 0)] [(47 4 0) (49 4 1) (49 29 0) (50 29 0) (52 29 1) (53 29 1)] [(60 0 0) (61 5 1)] [(63 1 0) (64 6 1)];
            17 II 46 0 at 4: [(37 4 0) (40 29 0) (41 29 0)] [(42 4 0) (44 29 0) (45 29 0) (46 29 0)] [(48 4 0) (50 4 1) (50 29 0) (51 29 0) (53 29 1) (54 29 1)] [(61 0 0) (62 5 1)];
            18 II 46 2 at 1: [(36 1 0) (37 6 1)] [(41 1 0) (43 1 1) (42 6 1)] [(47 1 0) (51 1 1) (48 6 1) (50 6 1)] [(61 2 0) (62 7 1)];
            19 II 47 0 at 4: [(35 3 0) (39 28 0)] [(35 4 0) (39 29 0)] [(38 4 0) (40 29 0) (41 29 0) (42 29 0)] [(43 4 0) (45 29 0) (46 29 0) (47 29 0)] [(49 4 0) (51 4 1) (51 29 0) (52 29 0) (54 29 1) (55 29 1)] [(62 0 0) (63 5 1)];
            20 II 48 0 at 4: [(36 3 0) (40 28 0) (35 30 1)] [(36 4 0) (40 29 0)] [(39 4 0) (41 29 0) (42 29 0) (43 29 0)] [(44 4 0) (46 29 0) (47 29 0) (48 29 0)] [(50 4 0) (52 4 1) (52 29 0) (53 29 0) (55 29 1) (56 29 1)] [(63 0 0) (64 5 1)];
            21 II 49 0 at 4: [(37 3 0) (41 28 0) (36 30 1)] [(37 4 0) (41 29 0)] [(40 4 0) (42 29 0) (43 29 0) (44 29 0)] [(45 4 0) (47 29 0) (48 29 0) (49 29 0)] [(51 4 0) (53 4 1) (53 29 0) (54 29 0) (56 29 1) (57 29 1)];
            22 II 49 2 at 1: [(36 0 0) (37 5 1) (41 30 1)] [(39 1 0) (41 1 1) (40 6 1)] [(44 1 0) (46 1 1) (45 6 1)] [(50 1 0) (54 1 1) (51 6 1) (53 6 1)];
            23 II 50 0 at 4: [(38 3 0) (42 28 0) (37 30 1)] [(38 4 0) (42 29 0)] [(41 4 0) (43 29 0) (44 29 0) (45 29 0)] [(46 4 0) (48 29 0) (49 29 0) (50 29 0)] [(52 4 0) (54 4 1) (54 29 0) (55 29 0) (57 29 1) (58 29 1)];
            24 II 50 2 at 1: [(37 0 0) (38 5 1) (42 30 1)] [(40 1 0) (42 1 1) (41 6 1)] [(45 1 0) (47 1 1) (46 6 1)] [(51 1 0) (55 1 1) (52 6 1) (54 6 1)];
            25 II 51 0 at 4: [(39 3 0) (43 28 0) (38 30 1)] [(39 4 0) (43 29 0)] [(42 4 0) (44 29 0) (45 29 0) (46 29 0)] [(47 4 0) (49 29 0) (50 29 0) (51 29 0)] [(53 4 0) (55 4 1) (55 29 0) (56 29 0) (58 29 1) (59 29 1)];
            26 II 51 2 at 1: [(38 0 0) (39 5 1) (43 30 1)] [(41 1 0) (43 1 1) (42 6 1)] [(46 1 0) (48 1 1) (47 6 1)] [(52 1 0) (56 1 1) (53 6 1) (55 6 1)];
            27 II 52 0 at 4: [(36 4 0) (38 4 1)] [(40 3 0) (44 28 0) (39 30 1)] [(40 4 0) (44 29 0)] [(43 4 0) (45 29 0) (46 29 0) (47 29 0)] [(48 4 0) (50 29 0) (51 29 0) (52 29 0)] [(54 4 0) (56 4 1) (56 29 0) (57 29 0) (59 29 1) (60 29 1)];
            28 II 53 0 at 4: [(37 4 0) (39 4 1) (40 29 0)] [(41 3 0) (45 28 0)] [(41 4 0) (45 29 0)] [(44 4 0) (46 29 0) (47 29 0) (48 29 0)] [(49 4 0) (51 29 0) (52 29 0) (53 29 0)] [(55 4 0) (57 4 1) (57 29 0) (58 29 0) (61 29 1)];
            29 II 54 0 at 4: [(36 4 0) (38 4 1) (40 4 0) (41 29 1)] [(42 3 0) (46 28 0)] [(42 4 0) (46 29 0)] [(45 4 0) (47 29 0) (48 29 0) (49 29 0)] [(50 4 0) (52 29 0) (53 29 0) (54 29 0)] [(56 4 0) (58 29 0) (59 29 0)] [(58 4 0) (62 29 0)];
            30 II 55 0 at 4: [(37 4 0) (39 4 1) (41 4 0) (40 29 0) (42 29 1)] [(43 3 0) (47 28 0)] [(43 4 0) (47 29 0)] [(46 4 0) (48 29 0) (49 29 0) (50 29 0)] [(51 4 0) (53 29 0) (54 29 0) (55 29 0)] [(57 4 0) (59 29 0)] [(59 4 0) (63 29 0)];
            31 II 56 0 at 4: [(38 4 0) (40 4 1) (42 4 0) (40 29 0) (41 29 0) (43 29 1)] [(44 3 0) (48 28 0)] [(44 4 0) (48 29 0)] [(47 4 0) (49 29 0) (50 29 0) (51 29 0)] [(52 4 0) (54 29 0) (55 29 0) (56 29 0)] [(60 4 0) (64 29 0)];
        }
    };
}
pub(crate) use with_vectors;

/// A disturbance vector of Manuel's classification, with what a block must meet to have been steered along it.
#[derive(Debug)]
pub(crate) struct Vector {
    kind: Kind,
    k: usize,
    b: u32,
    /// Of the bits of a chain all with the same `value` are equal, and others not.
    #[cfg(test)]
    pub(crate) chains: &'static [&'static [Bit]],
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    I,
    II,
}

/// A bit of an expanded word.
#[cfg(test)]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bit {
    pub(crate) step: usize,
    pub(crate) bit: u32,
    pub(crate) value: u32,
}

impl Vector {
    /// The step at which both messages have the same state.
    pub(crate) const fn meets(&self) -> usize {
        if self.k < 50 { EARLY } else { LATE }
    }

    /// By what the other message's block differs: the local collisions that the vector starts, brought back to the first 16 words.
    const fn difference(&self) -> [u32; 16] {
        // The vector's words from step -5 to step K + 15, of which the last 16 define it.
        let mut words = [0_u32; 5 + 80];
        words[self.k + 20] = 1_u32.rotate_left(self.b);
        if let Kind::II = self.kind {
            words[self.k + 6] = 1_u32.rotate_left(self.b + 31);
            words[self.k + 8] = 1_u32.rotate_left(self.b + 31);
        }
        let mut at = self.k + 5;
        while at > 0 {
            at -= 1;
            words[at] = words[at + 16].rotate_right(1) ^ words[at + 13] ^ words[at + 8] ^ words[at + 2];
        }
        let mut difference = [0; 16];
        let mut step = 0;
        while step < 16 {
            let at = step + 5;
            difference[step] = words[at]
                ^ words[at - 1].rotate_left(5)
                ^ words[at - 2]
                ^ (words[at - 3] ^ words[at - 4] ^ words[at - 5]).rotate_left(30);
            step += 1;
        }
        difference
    }
}

macro_rules! vectors {
    (() $($n:literal $kind:ident $k:literal $b:literal at $at:literal: $([$(($step:literal $bit:literal $value:literal))+])+;)+) => {
        [$(Vector {
            kind: Kind::$kind,
            k: $k,
            b: $b,
            #[cfg(test)]
            chains: &[$(&[$(Bit { step: $step, bit: $bit, value: $value }),+]),+],
        }),+]
    };
}

/// In the order of their numbers.
pub(crate) const VECTORS: [Vector; 32] = with_vectors!(vectors!());

/// By what the other message's block differs, by the number of the vector.
pub(crate) const DIFFERENCES: [[u32; 16]; 32] = {
    let mut all = [[0; 16]; 32];
    let mut number = 0;
    while number < 32 {
        all[number] = VECTORS[number].difference();
        number += 1;
    }
    all
};

/// The steps at which the two messages of an attack have the same state: within the 15 steps in which a vector is
/// still.
pub(crate) const EARLY: usize = 58;
pub(crate) const LATE: usize = 65;
