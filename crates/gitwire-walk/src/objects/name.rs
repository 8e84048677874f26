//! Numbers for paths, such that likely bases of deltas stand close together.

/// A place in a tree of trees, on the way down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Tells paths apart; equal for equal paths.
    pub(crate) key: u64,
    /// Its last name, as a number: see [`Place::order`].
    tail: u32,
    /// The whole path as a number, as bitmap files have it: see [`Place::path`].
    path: u32,
}

impl Place {
    /// A commit's own tree.
    pub(crate) const ROOT: Self = Self { key: 0x9e37_79b9_7f4a_7c15, tail: 0, path: 0 };

    /// The place of `name` in the tree at this place.
    pub(crate) fn below(self, name: &[u8]) -> Self {
        let mut key = self.key ^ name.len() as u64;
        let mut tail = 0_u32;
        let mut path = self.path;
        let mut mix = |byte: u8| {
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                path = (path >> 2).wrapping_add(u32::from(byte) << 24);
            }
        };
        if self != Self::ROOT {
            mix(b'/');
        }
        for byte in name {
            mix(*byte);
            key = (key ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(23);
            // Spaces and the like say nothing about what is in a file.
            if !byte.is_ascii_whitespace() {
                tail = (tail >> 2).wrapping_add(u32::from(*byte) << 24);
            }
        }
        Self { key, tail, path }
    }

    /// A number for the path that weighs its last letters most: the one that stands beside objects in bitmap files (`gitformat-bitmap`, name-hash
    /// cache).
    pub(crate) fn path(self) -> u32 {
        self.path
    }

    /// Where an object at this place stands when delta candidates are sorted. The end of the name weighs most, since it says
    /// what kind of content there is; among equal names the path decides.
    pub(crate) fn order(self) -> u32 {
        const NAME: u32 = !0 << 12;
        let path = (self.key ^ self.key >> 32) & u64::from(!NAME);
        self.tail & NAME | u32::try_from(path).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn equal_paths_are_equal_and_equal_names_are_neighbours() {
        let place = |path: &[&[u8]]| path.iter().fold(Place::ROOT, |place, name| place.below(name));
        let one = place(&[b"src", b"Makefile"]);
        assert_eq!(one, place(&[b"src", b"Makefile"]));
        let other = place(&[b"lib", b"Makefile"]);
        assert_ne!(one.order(), other.order());
        assert_eq!(one.order() >> 12, other.order() >> 12);
        assert_ne!(place(&[b"a", b"bc"]).key, place(&[b"ab", b"c"]).key);
    }

    #[test]
    fn the_end_of_a_name_weighs_most() {
        let order = |name: &[u8]| Place::ROOT.below(name).order();
        let (one, two, far) = (order(b"walk.c"), order(b"delta.c"), order(b"walk.h"));
        assert!(one.abs_diff(two) < one.abs_diff(far));
    }
}
