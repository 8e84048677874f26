//! What all states of the client share.

use alloc::sync::Arc;

use gitwire_capability::PushOffer;
use gitwire_pktline::Specials;
use gitwire_types::ObjectFormat;

use super::{PushClientOptions, State};
use crate::reader::Reader;
use crate::{ProtocolError, Version};

/// What all states share.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) options: PushClientOptions,
    pub(super) reader: Reader,
    pub(super) version: Version,
    pub(super) offer: Option<Arc<PushOffer>>,
    /// The hash function of the server's repository.
    pub(super) format: ObjectFormat,
    /// A request has just been written whole: the next step says so.
    pub(super) turn: bool,
    /// Bytes of progress so far.
    progress: u64,
}

impl Context {
    pub(super) fn new(options: PushClientOptions) -> Self {
        Self {
            options,
            reader: Reader::new(Specials::Flush),
            version: Version::V0,
            offer: None,
            format: ObjectFormat::default(),
            turn: false,
            progress: 0,
        }
    }

    pub(super) fn count_progress(&mut self, len: usize) -> Result<(), ProtocolError> {
        let max = self.options.limits.progress_bytes_max;
        self.reader.count(&mut self.progress, len, max, "bytes of progress")
    }
}

/// What one step of a state comes to.
pub(super) type Step = crate::states::Step<State>;
