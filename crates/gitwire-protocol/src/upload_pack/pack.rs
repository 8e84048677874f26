//! The sections of version 2 in front of the pack, and the pack.

use bytes::BytesMut;
use gitwire_capability::SideBand;
use gitwire_pktline::{encode_delimiter, encode_flush};
use gitwire_sideband::{Band, Muxer, PacketSize};

use super::context::{Context, Step};
use super::{Done, State};
use crate::error::Misuse;
use crate::message::{PackfileUri, Section, ShallowUpdate, WantedRef};
use crate::{ProtocolError, Version};

/// The application sends the pack.
#[derive(Debug)]
pub(super) struct Pack {
    muxer: Option<Muxer>,
    no_progress: bool,
    wanted_refs_due: bool,
    stage: Stage,
}

/// How far the answer has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// Before the section, or after an earlier one.
    Before(Section),
    /// The pack has its header, or none is due.
    Begun,
    /// Bytes of the pack are on their way.
    Sending,
}

/// How much is made of a pack without a side-band at a time.
const BARE_MAX: usize = 65_515;

impl Pack {
    pub(super) fn v0(side_band: SideBand, no_progress: bool) -> Self {
        let muxer = match side_band {
            SideBand::None => None,
            SideBand::Small => Some(Muxer::new(PacketSize::Small)),
            SideBand::Large => Some(Muxer::new(PacketSize::Large)),
        };
        Self { muxer, no_progress, wanted_refs_due: false, stage: Stage::Begun }
    }

    pub(super) fn v2(no_progress: bool, wanted_refs_due: bool) -> Self {
        let muxer = Some(Muxer::new(PacketSize::Large));
        Self { muxer, no_progress, wanted_refs_due, stage: Stage::Before(Section::ShallowInfo) }
    }

    pub(super) fn step(self, context: &mut Context, input: &[u8]) -> Result<Step, ProtocolError> {
        context.reader.listen(input)?;
        Ok(Step::Answer(State::Pack(self)))
    }

    pub(super) fn shallow_info(
        &mut self,
        context: &Context,
        updates: &[ShallowUpdate],
        output: &mut BytesMut,
    ) -> Result<(), ProtocolError> {
        self.section(context, Section::ShallowInfo, output, |output| {
            updates.iter().try_for_each(|update| Ok(update.write(output)?))
        })
    }

    pub(super) fn wanted_refs(
        &mut self,
        context: &Context,
        refs: &[WantedRef<'_>],
        output: &mut BytesMut,
    ) -> Result<(), ProtocolError> {
        self.section(context, Section::WantedRefs, output, |output| {
            refs.iter().try_for_each(|wanted| Ok(wanted.write(output)?))
        })?;
        self.wanted_refs_due = false;
        Ok(())
    }

    pub(super) fn packfile_uris(
        &mut self,
        context: &Context,
        uris: &[PackfileUri<'_>],
        output: &mut BytesMut,
    ) -> Result<(), ProtocolError> {
        self.section(context, Section::PackfileUris, output, |output| {
            uris.iter().try_for_each(|uri| Ok(uri.write(output)?))
        })
    }

    /// Writes a section that is not behind us yet.
    fn section(
        &mut self,
        context: &Context,
        section: Section,
        output: &mut BytesMut,
        lines: impl FnOnce(&mut BytesMut) -> Result<(), ProtocolError>,
    ) -> Result<(), ProtocolError> {
        if self.stage > Stage::Before(section) {
            return Err(Misuse::OutOfTurn(section.name()).into());
        }
        context.lines(output, |output| {
            section.write(output)?;
            lines(output)
        })?;
        encode_delimiter(output);
        self.stage = match section {
            Section::ShallowInfo => Stage::Before(Section::WantedRefs),
            Section::WantedRefs => Stage::Before(Section::PackfileUris),
            _ => Stage::Before(Section::Packfile),
        };
        Ok(())
    }

    pub(super) fn begin(&mut self, context: &Context, output: &mut BytesMut) -> Result<(), ProtocolError> {
        if self.stage >= Stage::Begun {
            return Ok(());
        }
        if self.wanted_refs_due {
            return Err(Misuse::OutOfTurn("a pack before the wanted refs").into());
        }
        context.lines(output, |output| Ok(Section::Packfile.write(output)?))?;
        self.stage = Stage::Begun;
        Ok(())
    }

    pub(super) fn frame(
        &mut self,
        output: &mut BytesMut,
        fill: impl FnOnce(&mut [u8]) -> usize,
    ) -> Result<usize, ProtocolError> {
        self.stage = Stage::Sending;
        if let Some(muxer) = self.muxer {
            return muxer.frame(output, fill).map_err(|_| OVERFULL.into());
        }
        let start = output.len();
        output.resize(start.saturating_add(BARE_MAX), 0);
        let written = fill(output.get_mut(start..).unwrap_or_default());
        if written > BARE_MAX {
            output.truncate(start);
            return Err(OVERFULL.into());
        }
        output.truncate(start.saturating_add(written));
        Ok(written)
    }

    pub(super) fn progress(&self, text: &[u8], output: &mut BytesMut) {
        if !self.no_progress {
            self.message(text, output);
        }
    }

    pub(super) fn message(&self, text: &[u8], output: &mut BytesMut) {
        if let Some(muxer) = self.muxer {
            muxer.progress(text, output);
        }
    }

    pub(super) fn end(&self, context: &mut Context, output: &mut BytesMut) -> State {
        if self.muxer.is_some() {
            encode_flush(output);
        }
        context.turn = true;
        match context.options.version {
            Version::V2 => context.after_command(),
            Version::V0 | Version::V1 => State::Done(Done),
        }
    }

    /// git sends an empty packet of band 1 while it counts objects.
    pub(super) fn keep_alive(&self, context: &Context, output: &mut BytesMut) -> bool {
        let band = if context.banded { Band::Progress } else { Band::Data };
        match self.muxer {
            Some(muxer) if self.stage >= Stage::Begun || context.banded => {
                muxer.keep_alive(band, output);
                true
            }
            _ => false,
        }
    }

    /// Our last words: in band 3 once the client reads bands. Says whether there was a way to say them.
    pub(super) fn abort(&self, context: &Context, reason: &[u8], output: &mut BytesMut) -> bool {
        match self.muxer {
            Some(muxer) if self.stage >= Stage::Begun || context.banded => {
                muxer.error(reason, output);
                true
            }
            // The pack has no end but the stream's: a pack that is cut short is the message.
            None if self.stage == Stage::Sending => true,
            _ => false,
        }
    }
}

const OVERFULL: Misuse = Misuse::Invalid("a frame that is more than full");
