//! The application's turn in a negotiation.

use alloc::boxed::Box;

use bytes::BytesMut;

use super::context::{Context, Step};
use super::{Negotiation, State};
use crate::ProtocolError;

/// Haves are due.
#[derive(Debug)]
pub(super) struct Haves {
    pub(super) negotiation: Box<Negotiation>,
}

impl Haves {
    /// Answers to the window before are left in the buffer until they are due, so that the conversation does not depend on how
    /// fast they come; but a peer that gives up is heard.
    pub(super) fn step(self, context: &mut Context, input: &mut BytesMut) -> Result<Step, ProtocolError> {
        context.reader.listen(input)?;
        Ok(Step::Answer(State::Haves(self)))
    }
}
