#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]
#![doc = include_str!("../README.md")]

pub mod blocking;
mod clock;
mod connection;
mod deadlines;
mod error;
mod exchange;
mod protocols;
mod spawn;
mod ssh;
mod stateless;
#[cfg(feature = "tokio")]
pub mod tokio;
mod url;
#[cfg(feature = "ws")]
pub mod websocket;

pub use crate::connection::ConnectOptions;
pub use crate::deadlines::{Deadline, Deadlines};
pub use crate::error::{DriveError, TransportError};
pub use crate::exchange::{Limits, Moved};
pub use crate::protocols::Protocols;
pub use crate::spawn::{Program, ServiceProcess};
pub use crate::ssh::{SshOptions, SshProgram, SshVariant};
pub use crate::stateless::{Exchanges, RequestBody};
pub use crate::url::{Scheme, Url, UrlError, UrlErrorKind};
