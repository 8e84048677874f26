//! *git-proto-request*: the first line of a git:// connection.

use alloc::vec::Vec;

use bytes::{BufMut, Bytes, BytesMut};
use gitwire_pktline::OpenPacket;

use super::Service;
use crate::error::Misuse;
use crate::{Version, Violation};

/// What the client of a git:// connection asks for (`gitprotocol-pack`, *git-proto-request*):
/// `request-command SP pathname NUL [host-parameter NUL] [NUL 1*(extra-parameter NUL)]`, one pkt-line.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DaemonRequest {
    /// What the server is asked to run.
    pub service: Service,
    /// The repository's path, as the client wrote it. Bytes of the peer: check it before it meets a file system.
    pub path: Bytes,
    /// What stands after `host=`, a name with an optional port.
    pub host: Option<Bytes>,
    /// The extra parameters, such as `version=2`, in order.
    pub parameters: Vec<Bytes>,
}

impl DaemonRequest {
    /// A request without a host that asks for version 0.
    #[must_use]
    pub fn new(service: Service, path: impl Into<Bytes>) -> Self {
        Self { service, path: path.into(), host: None, parameters: Vec::new() }
    }

    /// The version that the extra parameters ask for.
    #[must_use]
    pub fn version(&self) -> Version {
        self.parameters.iter().map(|parameter| Version::asked(parameter)).max().unwrap_or_default()
    }

    /// Reads a line's data.
    ///
    /// The LF that old clients put at the end is dropped. Control bytes are refused wherever they stand: a path or host with an
    /// LF in it is an attempt to speak to somebody else.
    ///
    /// # Errors
    /// [`Violation::Unexpected`] for a line that names no service, [`Violation::Malformed`] for a path, host or parameter with
    /// a control byte, for an empty path, and for more than [`PARAMETERS_MAX`](Self::PARAMETERS_MAX) parameters.
    ///
    /// ```
    /// use gitwire_protocol::message::{DaemonRequest, Service};
    ///
    /// let request = DaemonRequest::parse(b"git-upload-pack /project.git\0host=example.org\0\0version=2\0")?;
    /// assert_eq!(request.service, Service::UploadPack);
    /// assert_eq!(request.path, "/project.git");
    /// assert_eq!(request.version().to_string(), "2");
    /// # Ok::<(), gitwire_protocol::Violation>(())
    /// ```
    pub fn parse(data: &[u8]) -> Result<Self, Violation> {
        let mut fields = data.split(|byte| *byte == 0);
        let command = fields.next().unwrap_or_default();
        let command = gitwire_pktline::text(command);
        let space = memchr::memchr(b' ', command).and_then(|at| command.split_at_checked(at));
        let (service, path) = space
            .and_then(|(name, path)| Some((Service::from_name(name)?, path.strip_prefix(b" ")?)))
            .ok_or_else(|| Violation::line("a service and a path", command))?;
        let path = printable("path", path)?;
        if path.is_empty() {
            return Err(Violation::malformed("path", path));
        }
        let mut request = Self::new(service, Bytes::copy_from_slice(path));
        request.parse_parameters(fields)?;
        Ok(request)
    }

    /// The most extra parameters that are read; git sends one.
    pub const PARAMETERS_MAX: usize = 64;

    /// Appends the whole line.
    ///
    /// # Errors
    /// [`Misuse::Unsendable`] for an empty path, a control byte, or a line that would be too long. Nothing is written then.
    pub fn write(&self, out: &mut BytesMut) -> Result<(), Misuse> {
        let fields = self.host.iter().chain(&self.parameters);
        if self.path.is_empty() || core::iter::once(&self.path).chain(fields).any(|field| has_control(field))
        {
            return Err(Misuse::Unsendable("a path, host or parameter with a control byte"));
        }
        let open = OpenPacket::begin(out);
        out.put_slice(self.service.name().as_bytes());
        out.put_u8(b' ');
        out.put_slice(&self.path);
        out.put_u8(0);
        if let Some(host) = &self.host {
            out.put_slice(b"host=");
            out.put_slice(host);
            out.put_u8(0);
        }
        if !self.parameters.is_empty() {
            out.put_u8(0);
        }
        for parameter in &self.parameters {
            out.put_slice(parameter);
            out.put_u8(0);
        }
        open.finish(out).map(drop).map_err(|_| Misuse::Unsendable("a request that fits into no line"))
    }

    /// The host comes first, then an empty field, then the extra parameters. Old clients end their line after the host.
    fn parse_parameters<'a>(&mut self, fields: impl Iterator<Item = &'a [u8]>) -> Result<(), Violation> {
        let mut extra = false;
        for field in fields {
            let field = printable("parameter", gitwire_pktline::text(field))?;
            match (field, extra) {
                (b"", _) => extra = true,
                (field, false) => {
                    if let Some(host) = field.strip_prefix(b"host=") {
                        self.host = Some(Bytes::copy_from_slice(host));
                    }
                }
                (field, true) if self.parameters.len() < Self::PARAMETERS_MAX => {
                    self.parameters.push(Bytes::copy_from_slice(field));
                }
                (field, true) => return Err(Violation::malformed("number of parameters", field)),
            }
        }
        Ok(())
    }
}

fn printable<'a>(what: &'static str, field: &'a [u8]) -> Result<&'a [u8], Violation> {
    if has_control(field) { Err(Violation::malformed(what, field)) } else { Ok(field) }
}

fn has_control(field: &[u8]) -> bool {
    field.iter().any(u8::is_ascii_control)
}
