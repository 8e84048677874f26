//! The laws of repositories, held by the one in memory.

use gitwire_storage::MemoryRepository;

#[test]
fn the_repository_in_memory_keeps_the_laws() {
    gitwire_testkit::repository_laws::check(&mut |format| Box::new(MemoryRepository::new(format)));
}
