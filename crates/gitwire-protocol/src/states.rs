//! The frame that the machines share: one loop over the states of a conversation.

use bytes::BytesMut;

use crate::{Next, ProtocolError};

/// The states of one machine.
pub(crate) trait State: Sized + core::fmt::Debug {
    /// What all states of the machine share.
    type Context;
    /// What the application gets to hear.
    type Event;

    /// The last state: nothing more is due.
    const DONE: Self;

    /// What must be said before the next step is taken: above all that a request or an answer has just been written whole.
    fn due(context: &mut Self::Context) -> Option<Next<Self::Event>>;

    /// Goes on as far as one state can.
    fn step(
        self,
        context: &mut Self::Context,
        input: &mut BytesMut,
        output: &mut BytesMut,
    ) -> Result<Step<Self>, ProtocolError>;
}

/// What one step of a state comes to.
#[derive(Debug)]
pub(crate) enum Step<S: State> {
    /// Another state goes on.
    Go(S),
    Event(S, S::Event),
    Read(S),
    Answer(S),
    Done,
}

/// Steps from state to state, up to the first thing that the driver must hear. After an error the machine is done.
pub(crate) fn advance<S: State>(
    state: &mut S,
    context: &mut S::Context,
    input: &mut BytesMut,
    output: &mut BytesMut,
) -> Result<Next<S::Event>, ProtocolError> {
    loop {
        if let Some(next) = S::due(context) {
            return Ok(next);
        }
        let current = core::mem::replace(state, S::DONE);
        #[cfg(test)]
        crate::testing::reach(&current);
        let (after, next) = match current.step(context, input, output)? {
            Step::Go(after) => (after, None),
            Step::Event(after, event) => (after, Some(Next::Event(event))),
            Step::Read(after) => (after, Some(Next::Read)),
            Step::Answer(after) => (after, Some(Next::Answer)),
            Step::Done => (S::DONE, Some(Next::Done)),
        };
        *state = after;
        if let Some(next) = next {
            return Ok(next);
        }
    }
}
