//! What a server says came of a push.

use alloc::vec::Vec;

use bytes::{Bytes, BytesMut};
use gitwire_types::ObjectId;

use crate::ProtocolError;
use crate::error::Misuse;
use crate::message::{ReportOption, ReportStatusLine, is_sendable};

/// What came of a push, as a [`ReceivePack`](crate::ReceivePack) reports it and a [`PushClient`](crate::PushClient) hears it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PushReport {
    /// Why the pack was not taken; `None` if it was, or if there was none.
    pub unpack_error: Option<Bytes>,
    /// Each command's fate, in the order of the commands.
    pub commands: Vec<CommandReport>,
}

impl PushReport {
    /// A report of a push whose pack was taken.
    #[must_use]
    pub const fn new(commands: Vec<CommandReport>) -> Self {
        Self { unpack_error: None, commands }
    }

    /// A report of a push whose pack was not taken: no command was carried out.
    #[must_use]
    pub const fn unpack_error(error: Bytes, commands: Vec<CommandReport>) -> Self {
        Self { unpack_error: Some(error), commands }
    }

    pub(super) fn write(&self, options: bool, out: &mut BytesMut) -> Result<(), ProtocolError> {
        match &self.unpack_error {
            None => ReportStatusLine::UnpackOk.write(out)?,
            Some(error) => {
                check(error)?;
                ReportStatusLine::UnpackError(error).write(out)?;
            }
        }
        for command in &self.commands {
            command.write(options, out)?;
        }
        Ok(())
    }
}

/// What came of one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandReport {
    /// The ref, as the command names it.
    pub name: Bytes,
    /// What came of it.
    pub result: CommandResult,
}

/// Whether a command was carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CommandResult {
    /// It was. The options tell where it was carried out otherwise than it was asked for: one set for each ref that changed.
    Done(Vec<UpdateOptions>),
    /// It was not; why.
    Rejected(Bytes),
}

/// One change that was made in place of what a command asked for (`report-status-v2`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpdateOptions {
    /// The ref that changed.
    pub name: Option<Bytes>,
    /// What it held before.
    pub old: Option<ObjectId>,
    /// What it holds now.
    pub new: Option<ObjectId>,
    /// It was no fast-forward.
    pub forced: bool,
}

impl CommandReport {
    /// A command that was carried out as it was asked for.
    #[must_use]
    pub const fn ok(name: Bytes) -> Self {
        Self { name, result: CommandResult::Done(Vec::new()) }
    }

    /// A command that was not carried out.
    #[must_use]
    pub const fn rejected(name: Bytes, reason: Bytes) -> Self {
        Self { name, result: CommandResult::Rejected(reason) }
    }

    fn write(&self, options: bool, out: &mut BytesMut) -> Result<(), ProtocolError> {
        check(&self.name)?;
        let changes = match &self.result {
            CommandResult::Rejected(reason) => {
                check(reason)?;
                ReportStatusLine::Rejected { name: &self.name, reason }.write(out)?;
                return Ok(());
            }
            CommandResult::Done(changes) => changes,
        };
        ReportStatusLine::Ok(&self.name).write(out)?;
        for (at, change) in changes.iter().enumerate().take_while(|_| options) {
            // Each further change starts with an `ok` line of its own, as git writes them.
            if at > 0 {
                ReportStatusLine::Ok(&self.name).write(out)?;
            }
            change.write(out)?;
        }
        Ok(())
    }
}

impl UpdateOptions {
    fn write(&self, out: &mut BytesMut) -> Result<(), ProtocolError> {
        let option = |option, out: &mut BytesMut| ReportStatusLine::Option(option).write(out);
        if let Some(name) = &self.name {
            check(name)?;
            option(ReportOption::RefName(name), out)?;
        }
        if let Some(old) = self.old {
            option(ReportOption::OldOid(old), out)?;
        }
        if let Some(new) = self.new {
            option(ReportOption::NewOid(new), out)?;
        }
        if self.forced {
            option(ReportOption::ForcedUpdate, out)?;
        }
        Ok(())
    }
}

fn check(text: &[u8]) -> Result<(), ProtocolError> {
    if is_sendable(text) {
        Ok(())
    } else {
        Err(Misuse::Unsendable("a name or reason that is empty or holds a line end").into())
    }
}
