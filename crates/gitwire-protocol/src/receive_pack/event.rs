//! What the server machine tells its application.

use alloc::boxed::Box;
use alloc::vec::Vec;

use bytes::Bytes;
use gitwire_capability::PushAgreement;
use gitwire_types::ObjectId;

/// What a [`ReceivePack`](crate::ReceivePack) tells its application, and which answer it then owes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReceivePackEvent {
    /// Refs are due: [`send_ref`](crate::ReceivePack::send_ref) and [`send_have`](crate::ReceivePack::send_have), then
    /// [`end_refs`](crate::ReceivePack::end_refs).
    RefsWanted,
    /// All that the client asks for. If [`UpdateRequest::needs_pack`] says so, the pack follows; else the
    /// [`report`](crate::ReceivePack::report) is due. A push that shall not even be read ends here with a report or `abort`.
    Request(Box<UpdateRequest>),
    /// The next bytes of the pack, cut anywhere. Who sees that it is whole calls [`pack_taken`](crate::ReceivePack::pack_taken).
    Pack(Bytes),
    /// The stream is over, and with it the pack, whole or not: the [`report`](crate::ReceivePack::report) is due.
    PackEnd,
}

/// What a client asks for: which refs change, and how it wants to hear of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UpdateRequest {
    /// The changes, in the order in which they came, those of a certificate too.
    pub commands: Vec<PushCommand>,
    /// Commits whose parents the client lacks.
    pub shallow: Vec<ObjectId>,
    /// What the client said that it can do and wants.
    pub agreement: PushAgreement,
    /// The push options, in order.
    pub push_options: Vec<Bytes>,
    /// The certificate as it came; [`PushCertificate`](crate::message::PushCertificate) reads it.
    pub certificate: Option<Bytes>,
}

impl UpdateRequest {
    /// Whether a pack follows: it does unless all commands delete.
    #[must_use]
    pub fn needs_pack(&self) -> bool {
        self.commands.iter().any(|command| !command.is_delete())
    }
}

/// One change of a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushCommand {
    /// What the ref holds as far as the client knows; the zero id where there is none.
    pub old: ObjectId,
    /// What it shall hold; the zero id to delete it.
    pub new: ObjectId,
    /// The name's bytes, not checked: see [`RefName::new`](gitwire_types::RefName::new).
    pub name: Bytes,
}

impl PushCommand {
    /// Whether the ref shall be made.
    #[must_use]
    pub fn is_create(&self) -> bool {
        self.old.is_zero()
    }

    /// Whether the ref shall go.
    #[must_use]
    pub fn is_delete(&self) -> bool {
        self.new.is_zero()
    }
}
