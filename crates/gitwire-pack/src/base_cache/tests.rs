use std::sync::Arc;

use gitwire_types::ObjectKind;

use super::{BaseCache, Cached, Shard};

fn object(len: usize) -> Cached {
    Cached { kind: ObjectKind::Blob, content: Arc::new(vec![0; len]), depth: 0 }
}

/// 128 bytes of bookkeeping an object.
#[test]
fn the_least_recently_used_goes_first() {
    let mut shard = Shard::new(3 * (128 + 100));
    for offset in 1..=3 {
        shard.insert((0, offset), object(100));
    }
    assert!(shard.get((0, 1)).is_some());
    shard.insert((0, 4), object(100));
    let held = [1, 2, 3, 4].map(|offset| shard.get((0, offset)).is_some());
    assert_eq!(held, [true, false, true, true]);
    shard.insert((0, 5), object(2 * 228 - 128));
    let held = [1, 2, 3, 4, 5].map(|offset| shard.get((0, offset)).is_some());
    assert_eq!(held, [false, false, false, true, true]);
    assert_eq!(shard.bytes, 3 * 228);
    shard.insert((0, 6), object(3 * 228 - 127));
    assert!(shard.get((0, 6)).is_none() && shard.get((0, 5)).is_some());
}

#[test]
fn never_more_than_its_budget() {
    for max in [0, 1000, 100_000] {
        let cache = BaseCache::new(max);
        for round in 0..500_u64 {
            cache.insert(cache.next_pack(), round, object((round * 37 % 3000) as usize));
            assert!(cache.bytes() <= max);
        }
    }
}
