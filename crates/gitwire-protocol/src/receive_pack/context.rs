//! What all states of the server share.

use gitwire_capability::{PushAgreement, Report, SideBand};
use gitwire_pktline::Specials;
use gitwire_sideband::{Muxer, PacketSize};

use super::{ReceivePackOptions, State};
use crate::reader::Reader;

/// What all states share.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) options: ReceivePackOptions,
    pub(super) reader: Reader,
    /// An answer has just been written whole: the next step says so.
    pub(super) turn: bool,
    /// From the request on, if the client reads bands.
    pub(super) muxer: Option<Muxer>,
    /// From the request on, how the client wants to hear what came of it.
    pub(super) report: Report,
}

impl Context {
    pub(super) fn new(options: ReceivePackOptions) -> Self {
        Self { options, reader: Reader::new(Specials::Flush), turn: false, muxer: None, report: Report::None }
    }

    pub(super) fn agree(&mut self, agreement: &PushAgreement) {
        self.report = agreement.report;
        if agreement.side_band != SideBand::None {
            self.muxer = Some(Muxer::new(PacketSize::Large));
        }
    }
}

/// What one step of a state comes to.
pub(super) type Step = crate::states::Step<State>;
