//! The messages of fetching and pushing as plain values, one file per message, named as in Git's documents.
//!
//! Each value is one line, without its pkt-line prefix: `parse` reads the line's data, `write` appends the whole pkt-line.
//! What a line borrows, it borrows from the input.

mod bundle_header;
mod bundle_uri;
mod command_request;
mod daemon_request;
mod depth;
mod fetch_request;
mod fetch_response;
mod helper_command;
mod ls_refs;
mod object_info;
mod push_certificate;
mod ref_advertisement;
mod report_status;
mod server_response;
mod service;
mod shallow_update;
mod ssh_request;
mod update_request;
mod upload_haves;
mod upload_request;

pub use self::bundle_header::{BundleHeader, BundleReference, BundleVersion, ParsedBundleHeader};
pub use self::bundle_uri::BundleUriLine;
pub use self::command_request::CommandRequestLine;
pub use self::daemon_request::DaemonRequest;
pub use self::depth::DepthRequest;
pub use self::fetch_request::FetchArgument;
pub use self::fetch_response::{PackfileUri, Section, WantedRef};
pub use self::helper_command::HelperCommand;
pub use self::ls_refs::{LsRefsArgument, LsRefsLine};
pub use self::object_info::{ObjectInfoArgument, ObjectInfoLine};
pub use self::push_certificate::PushCertificate;
pub use self::ref_advertisement::RefAdvertisementLine;
pub use self::report_status::{ReportOption, ReportStatusLine};
pub use self::server_response::{AckStatus, Acknowledgment};
pub use self::service::{Service, ServicePreface};
pub use self::shallow_update::ShallowUpdate;
pub use self::ssh_request::SshRequest;
pub use self::update_request::UpdateRequestLine;
pub use self::upload_haves::UploadHavesLine;
pub use self::upload_request::UploadRequestLine;

use gitwire_pktline::text;
use gitwire_types::{ObjectFormat, ObjectId};

use crate::Violation;

/// The id that `hex` is, in the line `line`.
pub(crate) fn object_id(format: ObjectFormat, hex: &[u8], line: &[u8]) -> Result<ObjectId, Violation> {
    ObjectId::from_hex(format, hex).map_err(|reason| Violation::object_id(reason, line))
}

/// `key SP value`, or `None` if the line starts otherwise.
fn value<'a>(line: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    line.strip_prefix(key)?.strip_prefix(b" ")
}

/// A word that a line may carry to its end: not empty, no NUL, no LF.
fn word<'a>(what: &'static str, value: &'a [u8]) -> Result<&'a [u8], Violation> {
    if is_sendable(value) { Ok(value) } else { Err(Violation::malformed(what, value)) }
}

/// Whether a line may carry `value` to its end.
pub(crate) fn is_sendable(value: &[u8]) -> bool {
    !value.is_empty() && value.len() <= VALUE_MAX && memchr::memchr2(b'\n', 0, value).is_none()
}

/// The longest value that is written into a line, so that the longest key and an LF still fit beside it.
pub(crate) const VALUE_MAX: usize = 65_000;

/// A line's data without the LF that may end them.
fn line_of(data: &[u8]) -> &[u8] {
    text(data)
}
