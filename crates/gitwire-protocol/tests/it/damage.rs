//! Conversations that are cut short or damaged: a typed error with a place, never a panic, never a wait for ever.

use gitwire_protocol::ProtocolError;

use crate::git::before_pack;
use crate::repo::{Repo, golden};
use crate::{client_golden, server_golden};

/// The peer's doing, with a place, or its own words.
#[track_caller]
pub(crate) fn check_blame(error: &ProtocolError, name: &str, at: usize) {
    let fair = match error {
        ProtocolError::Misuse(_) | ProtocolError::Internal(_) => false,
        ProtocolError::Remote { .. } => true,
        error => error.position().is_some(),
    };
    assert!(fair, "{name} at {at}: {error:?}");
}

#[test]
fn a_client_whose_server_goes_away_says_so() {
    let repo = Repo::load();
    for case in client_golden::cases() {
        let whole = std::fs::read(golden(&format!("{}.to-client", case.name))).unwrap();
        for len in 0..whole.len() {
            match client_golden::replay(&repo, &case, &whole[..len], 0) {
                Ok((heard, _)) => panic!("{} at {len}: {:?}", case.name, heard.lines),
                Err(error) => check_blame(&error, case.name, len),
            }
        }
    }
}

#[test]
fn a_client_survives_each_damaged_byte() {
    let repo = Repo::load();
    for case in client_golden::cases() {
        let mut bytes = std::fs::read(golden(&format!("{}.to-client", case.name))).unwrap();
        // What the pack says is none of the protocol's business.
        let end = before_pack(&bytes).len() + 16;
        for at in 0..end.min(bytes.len()) {
            for mask in [1_u8 << (at % 8), 0x40 ^ (at as u8 | 1)] {
                bytes[at] ^= mask;
                if let Err(error) = client_golden::replay(&repo, &case, &bytes, 0) {
                    // A server that seems to offer less makes a request of ours impossible: nobody's mistake.
                    if !matches!(error, ProtocolError::Misuse(_)) {
                        check_blame(&error, case.name, at);
                    }
                }
                bytes[at] ^= mask;
            }
        }
    }
}

#[test]
fn a_server_whose_client_goes_away_says_so_or_ends() {
    let repo = Repo::load();
    for case in server_golden::cases(&repo) {
        for len in 0..case.input.len() {
            if let Err(error) = server_golden::answer(&repo, &case, &case.input[..len]) {
                check_blame(&error, case.name, len);
            }
        }
    }
}

#[test]
fn a_server_survives_each_damaged_byte() {
    let repo = Repo::load();
    for case in server_golden::cases(&repo) {
        let mut bytes = case.input.clone();
        for at in 0..bytes.len() {
            for mask in [1_u8 << (at % 8), 0x40 ^ (at as u8 | 1)] {
                bytes[at] ^= mask;
                if let Err(error) = server_golden::answer(&repo, &case, &bytes) {
                    check_blame(&error, case.name, at);
                }
                bytes[at] ^= mask;
            }
        }
    }
}
