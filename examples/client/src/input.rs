//! A pack on standard input.

use std::io::Read as _;

use gitwire_pack::PackHeader;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::failure::Failure;

/// What [`receive`] has for the one who reads the pack.
pub(crate) enum Input<'a> {
    /// The next bytes.
    Bytes(&'a [u8]),
    /// Nothing more has come yet: is the pack whole?
    Pause,
}

/// Reads a pack up to its end. Whoever sends it may keep the stream open and wait for an answer, so only who takes the pieces knows where
/// that is; asked is only where nothing waits, since the answer costs something. `header` is what somebody has read already.
pub(crate) fn receive(
    header: Option<PackHeader>,
    take: &mut dyn FnMut(Input<'_>) -> Result<bool, Failure>,
) -> Result<(), Failure> {
    if let Some(header) = header {
        take(Input::Bytes(&header.to_bytes()))?;
    }
    let mut stdin = std::io::stdin().lock();
    let mut room = vec![0; 256 << 10];
    loop {
        if is_idle(&stdin) && take(Input::Pause)? {
            return Ok(());
        }
        match stdin.read(&mut room) {
            Ok(0) => return Ok(()),
            Ok(read) => drop(take(Input::Bytes(&room[..read]))?),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Whether a read would wait. What cannot be asked has something to say: an end, or an error.
fn is_idle(stdin: &std::io::StdinLock<'_>) -> bool {
    let mut asked = [PollFd::new(stdin, PollFlags::IN)];
    poll(&mut asked, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).is_ok_and(|ready| ready == 0)
}
