//! Clones URL into DIRECTORY with gix.

use std::sync::atomic::AtomicBool;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let (Some(url), Some(directory)) = (words.next(), words.next()) else {
        return Err("expected URL DIRECTORY".into());
    };
    let mut clone = gix::prepare_clone_bare(url, directory)?;
    clone.fetch_only(gix::progress::Discard, &AtomicBool::new(false))?;
    Ok(())
}
