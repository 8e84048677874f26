//! Smart HTTP: requests to the services of a repository.

use std::io::{Read, Write as _};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use gitwire_protocol::Version;
use gitwire_protocol::message::Service;

use super::preface;
use super::site::{Ask, Body, Site};
use crate::spawn::refuse_control;
use crate::{ConnectOptions, Exchanges, HttpError, RequestBody, TransportError, Url};

/// The requests of one conversation with `service` of the repository at `url`, which starts with `http://` or `https://`.
///
/// Nothing is reached before the first of them.
///
/// # Errors
/// A URL that may not be used or is no HTTP, options with control bytes.
pub fn exchanges(
    url: &Url,
    service: Service,
    options: &ConnectOptions,
) -> Result<Box<dyn Exchanges>, TransportError> {
    if let Some(parameters) = &options.parameters {
        refuse_control("parameters", parameters.as_bytes())?;
    }
    let mut site = Site::new(url, options)?;
    // The driver keeps the clock.
    site.set_idle(None);
    let asked = options.parameters.clone();
    let smart = options.http.smart;
    Ok(Box::new(Smart { smart, site, service, asked, version: Version::V0 }))
}

struct Smart {
    /// Whether that is asked for at all.
    smart: bool,
    site: Site,
    service: Service,
    /// The version that is asked for, as `Git-Protocol` says it.
    asked: Option<String>,
    /// The version that the server has answered in.
    version: Version,
}

impl Exchanges for Smart {
    fn advertise(&mut self) -> Result<Box<dyn Read + '_>, TransportError> {
        let below = format!("info/refs{}service={}", self.site.query_mark(), self.service);
        let mut ask = Ask::get(below);
        ask.header("Accept", "*/*");
        ask.header("Pragma", "no-cache");
        if let Some(asked) = &self.asked {
            ask.header("Git-Protocol", asked);
        }
        let url = self.site.url();
        if !self.smart {
            return Err(HttpError::NotSmart { url }.into());
        }
        let expected = format!("application/x-{}-advertisement", self.service);
        let answer = self.site.ask_first(&ask)?;
        if answer.content_type() != expected {
            return Err(HttpError::NotSmart { url }.into());
        }
        let (version, answer) = preface::check(Box::new(answer), self.service)?;
        self.version = version;
        Ok(Box::new(answer))
    }

    fn post(&mut self, request: RequestBody) -> Result<Box<dyn Read + '_>, TransportError> {
        let body = match request {
            RequestBody::Whole(bytes) if bytes.len() > self.site.announced_max() => {
                self.probe()?;
                Body::Long(bytes)
            }
            RequestBody::Whole(bytes) => Body::Whole(bytes),
            RequestBody::Streamed(body) => {
                self.probe()?;
                Body::Streamed(body)
            }
        };
        let ask = self.request(body)?;
        let url = self.site.url();
        let expected = format!("application/x-{}-result", self.service);
        let answer = self.site.ask(ask)?;
        let actual = answer.content_type();
        // git looks at the types of its answers alone to tell the smart protocol from files.
        if !actual.ends_with(&expected) {
            let actual = actual.to_owned();
            return Err(HttpError::ContentType { url, expected, actual }.into());
        }
        Ok(Box::new(answer))
    }

    fn hang_up(&self) -> Option<Box<dyn FnOnce() + Send>> {
        Some(self.site.hang_up())
    }
}

impl Smart {
    /// What is long is not sent twice: whether the server wants to know who asks is settled before.
    fn probe(&mut self) -> Result<(), TransportError> {
        let probe = self.request(Body::Whole(Bytes::from_static(b"0000")))?;
        let mut answer = self.site.ask(probe)?;
        std::io::copy(&mut (&mut answer).take(PROBE_MAX), &mut std::io::sink())
            .map_err(TransportError::Read)?;
        Ok(())
    }

    fn request(&self, mut body: Body) -> Result<Ask, TransportError> {
        let mut ask = Ask::post(self.service.name().to_owned());
        ask.header("Content-Type", &format!("application/x-{}-request", self.service));
        ask.header("Accept", &format!("application/x-{}-result", self.service));
        // Once a version is agreed on it is said again, and else it is not.
        if let (Some(_), Some(parameter)) = (&self.asked, self.version.parameter()) {
            ask.header("Git-Protocol", parameter);
        }
        if let Body::Whole(bytes) = &mut body
            && self.service == Service::UploadPack
            && bytes.len() > GZIP_MIN
        {
            *bytes = compress(bytes)?;
            ask.header("Content-Encoding", "gzip");
        }
        ask.set_body(body);
        Ok(ask)
    }
}

fn compress(bytes: &[u8]) -> Result<Bytes, TransportError> {
    let mut out = GzEncoder::new(Vec::new(), Compression::default());
    let done = out.write_all(bytes).and_then(|()| out.finish());
    done.map(Bytes::from).map_err(|_| TransportError::Internal("compression into memory"))
}

/// Requests of the fetch service above so many bytes are compressed, as git does: ids of commits in a row hardly shrink, but
/// `have ` does.
const GZIP_MIN: usize = 1024;

/// What is read of the answer to a probe, which is empty as a rule.
const PROBE_MAX: u64 = 64 << 10;
