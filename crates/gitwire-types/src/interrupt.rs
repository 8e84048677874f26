//! How long work is told to stop.

/// A question that long work asks again and again: may I go on?
///
/// The library owns no clock and no signal. Whoever calls a long function passes an `Interrupt` that knows of deadlines,
/// cancelled requests or a shutdown; the work asks at least once per bounded piece and ends with [`Interrupted`].
pub trait Interrupt: Send + Sync {
    /// Says whether the work may go on.
    ///
    /// # Errors
    /// [`Interrupted`] when it must end now.
    fn check(&self) -> Result<(), Interrupted>;
}

/// The work was told to stop by its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted;

/// An [`Interrupt`] that never stops anything.
#[derive(Debug, Clone, Copy, Default)]
pub struct Never;

impl Interrupt for Never {
    fn check(&self) -> Result<(), Interrupted> {
        Ok(())
    }
}

impl<F> Interrupt for F
where
    F: Fn() -> Result<(), Interrupted> + Send + Sync,
{
    fn check(&self) -> Result<(), Interrupted> {
        self()
    }
}
