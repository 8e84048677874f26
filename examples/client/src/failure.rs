//! How a command ends that does not succeed.

use std::error::Error;
use std::fmt::Write as _;
use std::process::ExitCode;

use gitwire_client::ClientError;
use gitwire_pktline::Position;
use gitwire_protocol::{Actual, ProtocolError, Violation};
use gitwire_transport::TransportError;

/// Why a command failed, and its exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: u8,
    pub(crate) text: String,
    /// What a server said beside it, safe for a terminal.
    remote: Vec<String>,
}

impl Failure {
    /// A fatal error, as git words it.
    pub(crate) fn fatal(text: impl Into<String>) -> Self {
        Self { code: 128, text: text.into(), remote: Vec::new() }
    }

    /// The command was called wrongly.
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self { code: 129, text: text.into(), remote: Vec::new() }
    }

    pub(crate) fn report(&self) -> ExitCode {
        for line in &self.remote {
            eprintln!("remote: {line}");
        }
        if !self.text.is_empty() {
            eprintln!("{}{}", if self.code == 129 { "error: " } else { "fatal: " }, self.text);
        }
        ExitCode::from(self.code)
    }
}

impl<E: Error + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        // A server's last words are its own, once, escaped.
        let error: &(dyn Error + 'static) = &error;
        if let Some(ClientError::Protocol(ProtocolError::Remote { message, .. })) = error.downcast_ref() {
            return Self::fatal(format!("remote error: {}", message.escape_ascii()));
        }
        if let Some(ClientError::Protocol(error @ ProtocolError::Violation { violation, .. })) =
            error.downcast_ref()
            && matches!(violation, Violation::Unexpected { actual: Actual::End, .. })
        {
            // Whatever was asked for the repository has said why, if it said anything.
            return Self::fatal(match error.position() {
                Some(Position::START) => UNREADABLE,
                _ => "the remote end hung up unexpectedly",
            });
        }
        let mut failure = Self::fatal(chain(error));
        if let Some(ClientError::Transport(TransportError::Http(error))) = error.downcast_ref() {
            let message = String::from_utf8_lossy(error.message());
            let safe = |line: &str| line.replace(char::is_control, "?");
            failure.remote = message.trim_end().lines().map(safe).collect();
        }
        failure
    }
}

const UNREADABLE: &str = "Could not read from remote repository.

Please make sure you have the correct access rights
and the repository exists.";

/// An error with its causes.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let more = error.to_string();
        if !text.ends_with(&more) {
            let _ = write!(text, ": {more}");
        }
        source = error.source();
    }
    text
}
