//! A repository on an HTTP server.

use std::fmt;
use std::io::Read as _;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, AUTHORIZATION, CONTENT_TYPE, COOKIE, HOST, HeaderName,
    HeaderValue, LOCATION, SET_COOKIE, USER_AGENT, WWW_AUTHENTICATE,
};
use hyper::{Method, Request, Response, StatusCode};

use super::answer::{Answer, RawAnswer, charset, content_type};
use super::body::SentBody;
use super::client::Client;
use super::header::{bad_header, secret, value};
use super::place::Place;
use super::text::{decoded, offers_basic, unfolded};
use super::{retry, trace};
use crate::blocking::BodyReader;
use crate::{
    ConnectOptions, Cookies, Credential, CredentialPlace, Credentials, HttpError, HttpOptions, HttpTrace,
    Proactive, Protocols, Redirects, Secret, TransportError, Url,
};

/// A repository on an HTTP server: where it is after redirects, and in whose name it is asked.
///
/// Calls block, and must not be made from a task of an async runtime. One answer is read at a time.
#[derive(Debug)]
pub struct Site {
    client: Client,
    /// Where the repository is; ends with a slash.
    base: Place,
    options: HttpOptions,
    protocols: Protocols,
    identity: Identity,
    cookies: Option<Arc<dyn Cookies>>,
    trace: Option<Arc<dyn HttpTrace>>,
    /// The first request has been answered: redirects are followed no more.
    settled: bool,
    /// It is no repository: where a redirect leads says nothing of what else is there.
    is_file: bool,
}

/// A folder on the server of a [`Site`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder(Place);

impl Folder {
    /// A folder on the same server, as a file in this one names it: by a path of the server, by one from here, or by a whole URL.
    /// `None` if it leads to another server.
    #[must_use]
    pub fn beside(&self, named: &[u8]) -> Option<Self> {
        self.0.beside(named).map(Self)
    }

    /// A folder in this one; `below` ends with a slash.
    #[must_use]
    pub fn join(&self, below: &str) -> Self {
        Self(self.0.join(below))
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// In whose name the server is asked.
#[derive(Debug)]
struct Identity {
    /// What the URL says.
    user: Option<String>,
    password: Option<Secret>,
    /// The repository, for those who tell credentials apart by it.
    path: Vec<u8>,
    source: Option<Arc<dyn Credentials>>,
    /// What is sent.
    used: Option<Used>,
    /// It was said, or not to be found out, before anybody asked.
    volunteered: bool,
}

#[derive(Debug)]
struct Used {
    credential: Credential,
    place: CredentialPlace,
    /// It is the URL's, and nobody is told what became of it.
    own: bool,
    approved: bool,
}

/// A request, which may be sent more than once if its body is whole.
#[derive(Debug)]
pub(super) struct Ask {
    method: Method,
    below: String,
    headers: Vec<(&'static str, String)>,
    body: Body,
}

/// What a request says.
#[derive(Debug)]
pub(super) enum Body {
    Whole(Bytes),
    /// It is sent in chunks.
    Long(Bytes),
    Streamed(BodyReader),
    /// It was streamed, and is gone.
    Gone,
}

impl Ask {
    pub(super) fn get(below: String) -> Self {
        Self { method: Method::GET, below, headers: Vec::new(), body: Body::Whole(Bytes::new()) }
    }

    pub(super) fn post(below: String) -> Self {
        Self { method: Method::POST, ..Self::get(below) }
    }

    pub(super) fn header(&mut self, name: &'static str, value: &str) {
        self.headers.push((name, value.to_owned()));
    }

    pub(super) fn set_body(&mut self, body: Body) {
        self.body = body;
    }
}

impl Site {
    /// The repository at `url`, which starts with `http://` or `https://`. Nothing is reached yet.
    ///
    /// # Errors
    /// A URL that may not be used or is no HTTP.
    pub fn new(url: &Url, options: &ConnectOptions) -> Result<Self, TransportError> {
        options.protocols.check(url)?;
        let path = url.path.strip_prefix(b"/").unwrap_or(&url.path).to_vec();
        Ok(Self {
            client: Client::new(&options.http, options.dial())?,
            base: Place::of(url)?,
            options: options.http.clone(),
            protocols: options.protocols,
            identity: Identity {
                user: url.user.clone(),
                password: url.password.clone(),
                path,
                source: options.credentials.clone(),
                used: None,
                volunteered: false,
            },
            cookies: options.cookies.clone(),
            trace: options.http_trace.clone(),
            settled: false,
            is_file: false,
        })
    }

    /// The place of one file, and its name there for [`get`](Self::get): redirects may lead to a file of any name. Nothing is reached
    /// yet.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn of_file(url: &Url, options: &ConnectOptions) -> Result<(Self, String), TransportError> {
        let mut site = Self::new(url, options)?;
        let path = site.base.path.strip_suffix('/').unwrap_or_default();
        let end = path.find('?').unwrap_or(path.len());
        let folder = path.get(..end).and_then(|path| path.rfind('/')).map_or(0, |at| at.saturating_add(1));
        let name = path.get(folder..).unwrap_or_default().to_owned();
        site.base.path.truncate(folder);
        site.is_file = true;
        Ok((site, name))
    }

    /// Where it is, without user and password. Ends with a slash. Changes when the first request is redirected.
    #[must_use]
    pub fn url(&self) -> String {
        self.base.to_string()
    }

    /// Gets the file `below` the repository, from byte `from` on if the server can do that: it says so with status 206. Only the
    /// first request follows redirects, and what it asks for is looked for where it led from then on.
    ///
    /// # Errors
    /// The server is not reached or refuses; [`HttpError::NotFound`] if there is no such file.
    pub fn get(&mut self, below: &str, from: u64) -> Result<Answer<'_>, TransportError> {
        let mut ask = Ask::get(below.to_owned());
        ask.header("Accept", "*/*");
        if from > 0 {
            ask.header("Range", &format!("bytes={from}-"));
        }
        if self.settled { self.ask(ask) } else { self.ask_first(&ask) }
    }

    /// The folder that the repository is.
    #[must_use]
    pub fn folder(&self) -> Folder {
        Folder(self.base.clone())
    }

    /// Gets the file `below` a folder of the same server, as [`get`](Self::get) does.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn get_in(&mut self, folder: &Folder, below: &str) -> Result<Answer<'_>, TransportError> {
        let base = mem::replace(&mut self.base, folder.0.clone());
        let mut ask = Ask::get(below.to_owned());
        ask.header("Accept", "*/*");
        let asked = self.exchanged(ask);
        let place = mem::replace(&mut self.base, base);
        Answer::new(&self.client, asked?, &place.to_string())
    }

    /// What ends a blocked call from another thread, for good.
    #[must_use]
    pub fn hang_up(&self) -> Box<dyn FnOnce() + Send> {
        let end = self.client.end();
        Box::new(move || end.ask())
    }

    /// How long the server may be silent.
    pub fn set_idle(&mut self, idle: Option<Duration>) {
        self.client.set_idle(idle);
    }

    /// The longest request whose length is announced.
    pub(super) fn announced_max(&self) -> usize {
        self.options.announced_max
    }

    /// What stands before a query.
    pub(super) fn query_mark(&self) -> char {
        if self.base.path.contains('?') { '&' } else { '?' }
    }

    /// Asks, following redirects: where they lead is where the repository is from now on.
    pub(super) fn ask_first(&mut self, ask: &Ask) -> Result<Answer<'_>, TransportError> {
        let asked = self.base.join(&ask.below);
        let (place, response) = self.followed(&asked, ask)?;
        let response = self.successful(response)?;
        if place != asked && !self.is_file {
            let base = place.without(&ask.below).filter(|base| base.path.ends_with('/'));
            self.base = base
                .ok_or_else(|| HttpError::RedirectBase { asked: asked.to_string(), to: place.to_string() })?;
            if let Some(told) = &self.trace {
                told.redirected(&self.base.to_string());
            }
        }
        self.settled = true;
        Answer::new(&self.client, response, &self.base.to_string())
    }

    /// Asks for something that has no body, and follows redirects.
    fn followed(&mut self, from: &Place, ask: &Ask) -> Result<(Place, Response<Incoming>), TransportError> {
        let mut place = from.clone();
        let mut followed = 0_usize;
        loop {
            let response = self.exchange(&place, ask, SentBody::empty())?;
            if !is_redirect(response.status()) || self.options.redirects == Redirects::Never {
                return Ok((place, response));
            }
            if followed >= self.options.limits.redirects_max {
                let max = self.options.limits.redirects_max as u64;
                return Err(HttpError::TooManyRedirects { url: self.url(), max }.into());
            }
            followed = followed.saturating_add(1);
            place = self.redirected(&place, &response)?;
            if let Some(base) = place.without(&ask.below).filter(|_| !self.settled) {
                self.identity.path = base.decoded();
            }
            self.message(response);
        }
    }

    /// Asks where the repository is known to be.
    pub(super) fn ask(&mut self, ask: Ask) -> Result<Answer<'_>, TransportError> {
        let response = self.exchanged(ask)?;
        Answer::new(&self.client, response, &self.base.to_string())
    }

    fn exchanged(&mut self, mut ask: Ask) -> Result<Response<Incoming>, TransportError> {
        let place = self.base.join(&ask.below);
        if self.options.redirects == Redirects::Always && ask.method == Method::GET {
            let (_, response) = self.followed(&place, &ask)?;
            return self.successful(response);
        }
        let body = match mem::replace(&mut ask.body, Body::Gone) {
            Body::Whole(bytes) => {
                ask.body = Body::Whole(bytes.clone());
                SentBody::Whole(bytes)
            }
            Body::Long(bytes) => {
                ask.body = Body::Long(bytes.clone());
                SentBody::Long(bytes)
            }
            Body::Streamed(body) => SentBody::Streamed(body),
            Body::Gone => SentBody::empty(),
        };
        let response = self.exchange(&place, &ask, body)?;
        self.successful(response)
    }

    /// Sends a request until the server is content with who asks, and has time.
    fn exchange(
        &mut self,
        place: &Place,
        ask: &Ask,
        mut body: SentBody,
    ) -> Result<Response<Incoming>, TransportError> {
        self.volunteer(place)?;
        let (mut steps, mut retries) = (0_u32, 0_u32);
        loop {
            let request = self.request(place, ask, body)?;
            let response = self.send(place, request)?;
            let again = match &ask.body {
                Body::Whole(bytes) => Some(SentBody::Whole(bytes.clone())),
                Body::Long(bytes) => Some(SentBody::Long(bytes.clone())),
                Body::Streamed(_) | Body::Gone => None,
            };
            body = match (response.status(), again) {
                (StatusCode::UNAUTHORIZED, None) => return Ok(response),
                (StatusCode::UNAUTHORIZED, Some(again)) if steps < STEPS_MAX => {
                    if !self.sign_in(place, &response)? {
                        return Ok(response);
                    }
                    steps = steps.saturating_add(1);
                    again
                }
                (StatusCode::TOO_MANY_REQUESTS, Some(again)) if retries < self.options.retries.max => {
                    self.wait(&response)?;
                    retries = retries.saturating_add(1);
                    again
                }
                _ => {
                    self.accepted(&response);
                    return Ok(response);
                }
            };
            self.message(response);
        }
    }

    /// Lets the time pass that a server with too much to do asks for.
    fn wait(&self, response: &Response<Incoming>) -> Result<(), TransportError> {
        let time = retry::wait(&self.options.retries, response, &self.url())?;
        if let Some(told) = &self.trace {
            told.waiting(time);
        }
        self.client.wait(time)
    }

    fn send(
        &mut self,
        place: &Place,
        request: Request<SentBody>,
    ) -> Result<Response<Incoming>, TransportError> {
        if let Some(told) = &self.trace {
            trace::request(&request, &**told);
        }
        let response = self.client.send(&place.origin, request, &self.options)?;
        if let Some(known) = &self.cookies {
            for header in response.headers().get_all(SET_COOKIE) {
                known.received(&place.origin.host, &place.path, &String::from_utf8_lossy(header.as_bytes()));
            }
        }
        if let Some(told) = &self.trace {
            trace::response(&response, &**told);
        }
        Ok(response)
    }

    fn request(&self, place: &Place, ask: &Ask, body: SentBody) -> Result<Request<SentBody>, TransportError> {
        let mut request = Request::new(body);
        *request.method_mut() = ask.method.clone();
        let uri = place.path.parse().map_err(|_| bad_header("a path"))?;
        *request.uri_mut() = uri;
        let mut headers = vec![
            (HOST, value("Host", &place.origin.authority())?),
            (USER_AGENT, value("User-Agent", &self.options.user_agent)?),
            (ACCEPT_ENCODING, HeaderValue::from_static("gzip")),
        ];
        for (name, text) in &ask.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad_header(name))?;
            headers.push((name.clone(), value(name.as_str(), text)?));
        }
        for (name, text) in &self.options.headers {
            let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad_header(name))?;
            headers.push((parsed, secret(name, text)?));
        }
        if let Some(used) = &self.identity.used {
            headers.push((AUTHORIZATION, secret("Authorization", &used.credential.authorization())?));
        }
        let cookies = self.cookies.as_ref();
        if let Some(said) =
            cookies.and_then(|known| known.sent(place.origin.encrypted, &place.origin.host, &place.path))
        {
            headers.push((COOKIE, secret("Cookie", &Secret::new(said))?));
        }
        headers.sort_by_key(|(name, value)| rank(name, value));
        request.headers_mut().extend(headers);
        Ok(request)
    }

    /// Says who asks before the server wants to know, where that is wished.
    fn volunteer(&mut self, place: &Place) -> Result<(), TransportError> {
        let challenges = match self.options.proactive {
            Proactive::No => return Ok(()),
            Proactive::Auto => Vec::new(),
            Proactive::Basic => vec!["Basic".to_owned()],
        };
        if self.identity.used.is_none() && !mem::replace(&mut self.identity.volunteered, true) {
            self.identity.used = self.found(place, challenges)?;
        }
        Ok(())
    }

    /// Finds out in whose name to ask; whether it is worth asking again.
    fn sign_in(&mut self, place: &Place, response: &Response<Incoming>) -> Result<bool, TransportError> {
        let challenges = response.headers().get_all(WWW_AUTHENTICATE).iter();
        let challenges: Vec<String> =
            challenges.map(|value| unfolded(&String::from_utf8_lossy(value.as_bytes()))).collect();
        if let Some(used) = &mut self.identity.used {
            if !matches!(used.credential, Credential::Other { more: true, .. }) {
                used.place.challenges = challenges;
                self.rejected();
                return Ok(false);
            }
            self.identity.used = None;
        }
        let is_basic = challenges.iter().any(|challenge| offers_basic(challenge));
        let Some(found) = self.found(place, challenges)? else {
            return Err(HttpError::NoCredentials { place: place.origin.to_string() }.into());
        };
        // A password is sent only to who asks for one in the clear.
        if matches!(found.credential, Credential::Basic { .. }) && !is_basic {
            return Ok(false);
        }
        self.identity.used = Some(found);
        Ok(true)
    }

    /// In whose name to ask, as the URL has it, or else whoever knows.
    fn found(&self, place: &Place, challenges: Vec<String>) -> Result<Option<Used>, TransportError> {
        let mut wanted = CredentialPlace::new(place.origin.scheme(), place.origin.authority());
        wanted.path.clone_from(&self.identity.path);
        wanted.user.clone_from(&self.identity.user);
        wanted.challenges = challenges;
        let own = self.identity.password.as_ref().map(|password| {
            Credential::basic(self.identity.user.clone().unwrap_or_default(), password.expose())
        });
        let is_own = own.is_some();
        let found = match (own, &self.identity.source) {
            (Some(own), _) => Some(own),
            (None, Some(source)) => source.fill(&wanted)?,
            (None, None) => None,
        };
        Ok(found.map(|credential| Used { credential, place: wanted, own: is_own, approved: false }))
    }

    fn accepted(&mut self, response: &Response<Incoming>) {
        let good = response.status().is_success();
        if let (Some(used), Some(source), true) = (&mut self.identity.used, &self.identity.source, good)
            && !used.own
            && !mem::replace(&mut used.approved, true)
        {
            source.approve(&used.place, &used.credential);
        }
    }

    fn rejected(&mut self) {
        if let (Some(used), Some(source)) = (self.identity.used.take(), &self.identity.source)
            && !used.own
        {
            source.reject(&used.place, &used.credential);
        }
    }

    /// Where a redirect leads. Nothing that is meant for one server goes to another.
    fn redirected(&mut self, from: &Place, response: &Response<Incoming>) -> Result<Place, TransportError> {
        let location = response.headers().get(LOCATION).map(|value| value.as_bytes().to_vec());
        let refused = |to: String, why| HttpError::Redirect { url: from.to_string(), to, why };
        let Some(location) = location else {
            return Err(refused(String::new(), "it leads nowhere").into());
        };
        let shown = || Url::anonymized(&location).escape_ascii().to_string();
        let to =
            from.follow(&location).map_err(|_| refused(shown(), "other protocols than HTTP are disabled"))?;
        if from.origin.encrypted && !to.origin.encrypted {
            return Err(refused(to.to_string(), "to what is not encrypted").into());
        }
        let may = self.options.redirected.unwrap_or(self.protocols);
        let allowed = if to.origin.encrypted { may.https } else { may.http };
        if !allowed {
            return Err(TransportError::TransportNotAllowed { scheme: to.origin.scheme().to_owned() });
        }
        if !to.origin.is(&from.origin) {
            (self.identity.user, self.identity.password, self.identity.used) = (None, None, None);
            self.options.headers.clear();
        }
        Ok(to)
    }

    fn successful(&self, response: Response<Incoming>) -> Result<Response<Incoming>, TransportError> {
        let status = response.status();
        if matches!(status, StatusCode::OK | StatusCode::PARTIAL_CONTENT) {
            return Ok(response);
        }
        let (url, message) = (self.url(), self.message(response));
        Err(match status {
            StatusCode::NOT_FOUND => HttpError::NotFound { url, message },
            StatusCode::UNAUTHORIZED => HttpError::AuthenticationFailed { url, message },
            status => HttpError::Status { url, status: status.as_u16(), message },
        }
        .into())
    }

    /// What the server says beside a status. The connection is good for more where that is all.
    fn message(&self, response: Response<Incoming>) -> Vec<u8> {
        let is_text = content_type(response.headers()) == "text/plain";
        let charset = charset(response.headers());
        let body = RawAnswer { client: &self.client, body: response.into_body(), piece: Bytes::new() };
        let max = self.options.limits.message_bytes_max as u64;
        let mut message = Vec::new();
        // It is an error already; what is left of its text is shown.
        let _ = body.take(max).read_to_end(&mut message);
        if is_text { decoded(message, &charset) } else { Vec::new() }
    }
}

/// How often a request is sent again because the server asks who asks. The longest exchange in use has three steps.
const STEPS_MAX: u32 = 8;

/// The order in which git sends headers: it tells clients apart for those who look closely.
fn rank(name: &HeaderName, value: &HeaderValue) -> usize {
    match *name {
        HOST => 0,
        USER_AGENT => 1,
        ACCEPT if value == "*/*" => 2,
        ACCEPT_ENCODING => 3,
        CONTENT_TYPE => 4,
        ACCEPT => 5,
        ACCEPT_LANGUAGE => 6,
        _ => 7,
    }
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}
