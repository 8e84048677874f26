//! Showing the refs, with the capabilities on the first line.

use alloc::vec::Vec;

use bytes::BytesMut;
use gitwire_pktline::encode_flush;
use gitwire_types::ObjectId;

use super::context::Context;
use crate::ProtocolError;
use crate::error::Misuse;
use crate::message::RefAdvertisementLine;
use crate::wire::is_name;

/// The application sends refs.
#[derive(Debug, Default)]
pub(super) struct Refs {
    /// The capabilities are out.
    begun: bool,
}

impl Refs {
    pub(super) fn send(
        &mut self,
        context: &Context,
        name: &[u8],
        id: ObjectId,
        output: &mut BytesMut,
    ) -> Result<(), ProtocolError> {
        if id.format() != context.options.format {
            return Err(Misuse::Invalid("an id of another format than the repository's").into());
        }
        if !is_name(name) {
            return Err(Misuse::Unsendable("a ref name with a control byte or a blank").into());
        }
        let list = (!self.begun).then(|| capability_list(context));
        RefAdvertisementLine::Ref { id, name, capabilities: list.as_deref() }.write(output)?;
        self.begun = true;
        Ok(())
    }

    pub(super) fn end(
        &self,
        context: &Context,
        boundary: &[ObjectId],
        output: &mut BytesMut,
    ) -> Result<(), ProtocolError> {
        if !self.begun {
            let list = capability_list(context);
            let id = ObjectId::zero(context.options.format);
            let name = RefAdvertisementLine::NO_REFS;
            RefAdvertisementLine::Ref { id, name, capabilities: Some(&list) }.write(output)?;
        }
        for id in boundary {
            RefAdvertisementLine::Shallow(*id).write(output)?;
        }
        encode_flush(output);
        Ok(())
    }
}

fn capability_list(context: &Context) -> Vec<u8> {
    let mut list = Vec::new();
    context.options.offer.write(&mut list);
    list
}
