//! What a server has shown, so that it need not be asked twice.

use std::io::{Cursor, Read};

use bytes::BytesMut;
use gitwire_client::{ClientError, Conversation, Event, Remote};
use gitwire_protocol::message::Service;
use gitwire_protocol::{Machine, Next, ProtocolError, Version};
use gitwire_transport::blocking::StatelessDriver;
use gitwire_transport::{Exchanges, Limits, Moved, RequestBody, TransportError, http};

use crate::failure::Failure;
use crate::trace;

/// A server that has shown its refs, in version 0 or 1.
pub(super) struct Discovered {
    pub(super) service: Service,
    /// Whether each request is told of on standard error.
    pub(super) tells: bool,
    exchanges: Box<dyn Exchanges>,
    shown: Vec<u8>,
}

impl Discovered {
    /// Asks for the refs in version 0 or 1: where git wants version 2 it connects, and there is no push of version 2.
    pub(super) fn ask(remote: &Remote, service: Service) -> Result<Self, ClientError> {
        let mut exchanges = open(remote, service)?;
        let max = remote.client.limits.advertisement_bytes_max;
        let mut shown = Vec::new();
        let answer = exchanges.advertise()?;
        let read = answer.take(max.saturating_add(1)).read_to_end(&mut shown);
        read.map_err(TransportError::Read)?;
        if let Some(trace) = &remote.connect.wire_trace {
            trace.received(&shown);
        }
        if shown.len() as u64 > max {
            return Err(TransportError::Limit { what: "bytes of refs", max }.into());
        }
        Ok(Self { service, tells: false, exchanges, shown })
    }

    /// Lets a machine hear what was shown; `answer` gives it what is due.
    pub(super) fn hear<M: Machine<Error = ProtocolError>>(
        &self,
        mut machine: M,
        event: &mut dyn FnMut(M::Event),
        answer: &mut dyn FnMut(&mut M, &mut BytesMut) -> Result<(), ProtocolError>,
    ) -> Result<(), Failure> {
        let (mut input, mut output) = (BytesMut::from(&self.shown[..]), BytesMut::new());
        loop {
            match machine.step(&mut input, &mut output).map_err(ClientError::from)? {
                Next::Event(heard) => event(heard),
                Next::Answer => answer(&mut machine, &mut output).map_err(ClientError::from)?,
                Next::Read => machine.end_of_input(),
                Next::Turn => {}
                Next::Done => return Ok(()),
            }
        }
    }
}

/// Has a conversation over HTTP, beginning with what was shown already.
pub(super) fn have<M: Machine<Error = ProtocolError>>(
    remote: &Remote,
    service: Service,
    known: &mut Option<Discovered>,
    limits: &Limits,
    machine: M,
    conversation: &mut dyn Conversation<Machine = M>,
    listener: &mut dyn FnMut(Event<'_>),
) -> Result<(), ClientError> {
    let exchanges: Box<dyn Exchanges> = match known.take().filter(|known| known.service == service) {
        Some(Discovered { service, tells, exchanges, shown }) => {
            Box::new(Again { exchanges, shown: Some(shown), tells: tells.then_some(service) })
        }
        None => open(remote, service)?,
    };
    // What git starts for this tells of it under its own name.
    let name = if service == Service::ReceivePack { "send-pack" } else { "fetch-pack" };
    let exchanges = match trace::wire(name) {
        Some(trace) => exchanges.heard_by(&trace),
        None => exchanges,
    };
    let mut driver =
        StatelessDriver::with_limits(machine, exchanges, remote.deadlines.clone(), limits.clone());
    loop {
        match driver.next()? {
            Moved::Event(event) => {
                conversation.event(event, listener)?;
                driver.with(|machine, _| conversation.heard(machine));
            }
            Moved::Answer => driver.with(|machine, output| conversation.answer(machine, output, listener))?,
            Moved::Done => break,
        }
    }
    driver.close();
    Ok(())
}

fn open(remote: &Remote, service: Service) -> Result<Box<dyn Exchanges>, ClientError> {
    let mut options = remote.connect.clone();
    let asked = if remote.version == Version::V1 { Version::V1 } else { Version::V0 };
    options.parameters = asked.parameter().map(str::to_owned);
    Ok(http::exchanges(&remote.url, service, &options)?)
}

/// Exchanges whose first answer is known.
struct Again {
    exchanges: Box<dyn Exchanges>,
    shown: Option<Vec<u8>>,
    /// The name under which requests are told of.
    tells: Option<Service>,
}

impl Exchanges for Again {
    fn advertise(&mut self) -> Result<Box<dyn Read + '_>, TransportError> {
        match self.shown.take() {
            Some(shown) => Ok(Box::new(Cursor::new(shown))),
            None => self.exchanges.advertise(),
        }
    }

    fn post(&mut self, request: RequestBody) -> Result<Box<dyn Read + '_>, TransportError> {
        if let Some(service) = self.tells {
            match &request {
                RequestBody::Whole(bytes) => eprintln!("POST {service} ({} bytes)", bytes.len()),
                RequestBody::Streamed(_) => eprintln!("POST {service} (chunked)"),
            }
        }
        self.exchanges.post(request)
    }

    fn hang_up(&self) -> Option<Box<dyn FnOnce() + Send>> {
        self.exchanges.hang_up()
    }
}
