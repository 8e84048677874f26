#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]
#![no_std]
#![doc = include_str!("../README.md")]
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

#[cfg(test)]
extern crate alloc;
#[cfg(feature = "tokio")]
extern crate std;

#[cfg(feature = "tokio")]
mod codec;
mod decode;
mod decoder;
mod encode;
mod error;
mod hex;
mod packet;
mod text;

#[cfg(feature = "tokio")]
pub use crate::codec::{CodecError, PktLineCodec};
pub use crate::decode::{Decoded, Packets, decode};
pub use crate::decoder::{Decoder, Limits, Specials};
pub use crate::encode::{
    OpenPacket, encode, encode_data, encode_delimiter, encode_error, encode_flush, encode_response_end,
    encode_text, encode_with, prefix,
};
pub use crate::error::{PktLineError, Position};
pub use crate::packet::{OwnedPacket, Packet};
pub use crate::text::{error_message, text};

/// The bytes of a line's length prefix: four hexadecimal digits.
pub const PREFIX_LEN: usize = 4;

/// The longest line, prefix included (`gitprotocol-common`).
pub const MAX_LINE: usize = 65520;

/// The most data that a line carries.
pub const MAX_DATA: usize = 65516;
