//! What the benches share: how large their inputs are.

pub mod packs;

/// Whether the benches run on tiny inputs, only to see that they still work (`GITWIRE_BENCH_TINY=1`).
#[must_use]
pub fn tiny() -> bool {
    std::env::var_os("GITWIRE_BENCH_TINY").is_some()
}

/// `full`, or `small` where the benches only have to work.
#[must_use]
pub fn size(full: usize, small: usize) -> usize {
    if tiny() { small } else { full }
}
