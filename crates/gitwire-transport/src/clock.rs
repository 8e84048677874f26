//! The one place that reads the clock.

use std::time::Instant;

/// The time now.
#[allow(clippy::disallowed_methods, reason = "this module is where the clock is read")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
