#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]
#![doc = include_str!("../README.md")]

mod addresses;
pub mod blocking;
mod clock;
mod connection;
mod cookies;
mod credentials;
mod deadlines;
mod error;
mod exchange;
mod ext;
#[cfg(feature = "http")]
pub mod http;
mod http_error;
mod http_options;
mod http_trace;
mod protocols;
mod spawn;
mod ssh;
mod stateless;
#[cfg(feature = "tokio")]
pub mod tokio;
mod url;
#[cfg(feature = "ws")]
pub mod websocket;
mod wire_trace;

pub use crate::addresses::{AddressFamily, AddressRule};
pub use crate::connection::ConnectOptions;
pub use crate::cookies::Cookies;
pub use crate::credentials::{Credential, CredentialPlace, Credentials, Secret};
pub use crate::deadlines::{Deadline, Deadlines};
pub use crate::error::{DriveError, TransportError};
pub use crate::exchange::{Limits, Moved};
pub use crate::http_error::HttpError;
pub use crate::http_options::{
    HttpLimits, HttpOptions, KnownHost, Proactive, Redirects, Retries, TlsOptions, Verification,
};
pub use crate::http_trace::HttpTrace;
pub use crate::protocols::Protocols;
pub use crate::spawn::{Program, ServiceProcess};
pub use crate::ssh::{SshOptions, SshProgram, SshVariant};
pub use crate::stateless::{Exchanges, RequestBody};
pub use crate::url::{Scheme, Url, UrlError, UrlErrorKind};
pub use crate::wire_trace::WireTrace;
