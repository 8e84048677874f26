//! Smart HTTP, and files over HTTP: the client's side of `gitprotocol-http`.
//!
//! [`Site`] is a repository on an HTTP server: it knows where that is after redirects, in whose name it is asked, and keeps one
//! connection. [`exchanges`] makes of it what a [`StatelessDriver`](crate::blocking::StatelessDriver) drives;
//! [`blocking::open`](crate::blocking::open) does both for a URL.
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

mod answer;
mod body;
mod client;
mod dial;
mod header;
mod place;
mod preface;
mod retry;
mod site;
mod smart;
mod text;
mod trace;

pub use self::answer::Answer;
pub use self::dial::Socket;
#[cfg(feature = "ws")]
pub(crate) use self::dial::{encrypt, tls};
#[cfg(feature = "ws")]
pub(crate) use self::header::{bad_header, secret, value};
#[cfg(feature = "ws")]
pub(crate) use self::place::Place;
pub use self::site::{Folder, Site};
pub use self::smart::exchanges;
#[cfg(feature = "ws")]
pub(crate) use self::text::offers_basic;
