//! What stands before the first line of a server over smart HTTP: `# service=NAME` and a flush packet.

use gitwire_pktline::{Packet, text};

use crate::message::{Service, ServicePreface};
use crate::reader::{Line, Reader};
use crate::{ProtocolError, Violation};

/// How far the preface has come. A server that has none starts with its first line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) enum Preface {
    #[default]
    Possible,
    FlushDue,
    Over,
}

impl Preface {
    /// Whether `packet`, which `reader` has just read, belongs to the preface. `service` is the one that was asked for.
    ///
    /// # Errors
    /// A preface of another service, or without its flush packet.
    pub(crate) fn takes(
        &mut self,
        packet: Packet<'_>,
        service: Service,
        reader: &Reader,
    ) -> Result<bool, ProtocolError> {
        match (&*self, packet) {
            (Self::FlushDue, Packet::Flush) => {
                *self = Self::Over;
                Ok(true)
            }
            (Self::FlushDue, packet) => {
                Err(reader.unexpected("a flush packet after the service", &Line::of(packet)))
            }
            (Self::Possible, Packet::Data(data)) if ServicePreface::is_preface(text(data)) => {
                let data = text(data);
                let preface = ServicePreface::parse(data).map_err(|violation| reader.violation(violation))?;
                if preface.0 != service {
                    return Err(reader.violation(Violation::line(ServicePreface(service).line(), data)));
                }
                *self = Self::FlushDue;
                Ok(true)
            }
            _ => Ok(false),
        }
    }
}
