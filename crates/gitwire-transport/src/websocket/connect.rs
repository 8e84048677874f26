//! Opening WebSockets: `ws://` and `wss://`.

use std::time::Duration;

use gitwire_protocol::message::Service;
use hyper::header::{
    AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, LOCATION,
    SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE, USER_AGENT, WWW_AUTHENTICATE,
};
use hyper::{Request, Response, StatusCode};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;

use super::{WebSocket, WebSocketLimits, configuration};
use crate::connection::{destination, parameters};
use crate::http::{Place, Socket, bad_header, encrypt, offers_basic, secret, tls, value};
use crate::tokio::dial;
use crate::{ConnectOptions, Credential, CredentialPlace, Deadline, HttpError, Scheme, TransportError, Url};

/// Opens a WebSocket to `service` of the repository at `url`, `ws://` or `wss://`.
///
/// A user and password of the URL are sent at once; others, from [`ConnectOptions::credentials`], when the server asks who it is.
/// Redirects are not followed.
///
/// # Errors
/// A URL that may not be used, a host that is not reached or cannot prove its name, and what the server says instead:
/// [`HttpError`] has the status.
pub async fn connect(
    url: &Url,
    service: Service,
    options: &ConnectOptions,
) -> Result<WebSocket<Socket>, TransportError> {
    options.protocols.check(url)?;
    let asking = Asking::new(url, service, options)?;
    if let Some(password) = &url.password {
        let own = Credential::basic(url.user.clone().unwrap_or_default(), password.expose());
        return match asking.attempt(Some(&own)).await? {
            Answered::Agreed(socket) => Ok(*socket),
            Answered::SignIn { message, .. } => Err(asking.not_authenticated(message)),
        };
    }
    let (challenges, message) = match asking.attempt(None).await? {
        Answered::Agreed(socket) => return Ok(*socket),
        Answered::SignIn { challenges, message } => (challenges, message),
    };
    // A password is sent only to who asks for one in the clear.
    let basic = challenges.iter().any(|challenge| offers_basic(challenge));
    let (place, credential) = asking.fill(challenges).await?;
    if matches!(credential, Credential::Basic { .. }) && !basic {
        return Err(asking.not_authenticated(message));
    }
    let answered = asking.attempt(Some(&credential)).await;
    let accepted = matches!(answered, Ok(Answered::Agreed(_)));
    match answered? {
        Answered::Agreed(socket) => {
            asking.tell(place, credential, accepted).await;
            Ok(*socket)
        }
        Answered::SignIn { message, .. } => {
            asking.tell(place, credential, accepted).await;
            Err(asking.not_authenticated(message))
        }
    }
}

/// What is asked for, and where.
struct Asking<'a> {
    url: &'a Url,
    place: Place,
    options: &'a ConnectOptions,
    parameters: Option<&'a str>,
}

enum Answered {
    Agreed(Box<WebSocket<Socket>>),
    SignIn { challenges: Vec<String>, message: Vec<u8> },
}

impl<'a> Asking<'a> {
    fn new(url: &'a Url, service: Service, options: &'a ConnectOptions) -> Result<Self, TransportError> {
        // The two differ from HTTP in what stands before `://` alone (RFC 6455, section 3).
        let scheme = match url.scheme {
            Scheme::Ws => Scheme::Http,
            Scheme::Wss => Scheme::Https,
            scheme => return Err(TransportError::NoConnector { scheme: scheme.to_string() }),
        };
        let place = Place::of(&Url { scheme, ..url.clone() })?.join(service.name());
        Ok(Self { url, place, options, parameters: parameters(service, options) })
    }

    /// One connection and one request. The server's consent, or its wish to know who asks; all else is an error.
    async fn attempt(&self, credential: Option<&Credential>) -> Result<Answered, TransportError> {
        let request = self.request(credential)?;
        let (host, port) = (&self.place.origin.host, self.place.origin.port());
        let within = self.options.connect_timeout;
        let stream = dial(host, port, &self.options.dial())
            .await
            .map_err(|source| TransportError::Connect { to: destination(host, port), source })?;
        stream.set_nodelay(true).map_err(TransportError::Write)?;
        let socket = if self.place.origin.encrypted {
            let config = tls(&self.options.http.tls)?;
            let encrypted = in_time(within, encrypt(stream, config, host)).await?;
            encrypted.map_err(|error| HttpError::Tls { url: self.shown(), why: error.to_string() })?
        } else {
            Socket::Plain(stream)
        };
        let configuration = Some(configuration(&WebSocketLimits::default()));
        match in_time(within, client_async_with_config(request, socket, configuration)).await? {
            Ok((socket, _)) => Ok(Answered::Agreed(Box::new(WebSocket::over(socket)))),
            Err(tungstenite::Error::Http(response)) => self.refused(&response),
            Err(error) => Err(HttpError::Exchange { url: self.shown(), why: error.to_string() }.into()),
        }
    }

    fn request(&self, credential: Option<&Credential>) -> Result<Request<()>, TransportError> {
        let authority = self.place.origin.authority();
        let mut request = Request::new(());
        let uri = format!("{}://{authority}{}", self.url.scheme, self.place.path);
        *request.uri_mut() = uri.parse().map_err(|_| bad_header("a path"))?;
        let headers = request.headers_mut();
        headers.insert(HOST, value("Host", &authority)?);
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        headers.insert(SEC_WEBSOCKET_KEY, value("Sec-WebSocket-Key", &generate_key())?);
        headers.insert(USER_AGENT, value("User-Agent", &self.options.http.user_agent)?);
        if let Some(parameters) = self.parameters {
            headers.insert(HeaderName::from_static("git-protocol"), value("Git-Protocol", parameters)?);
        }
        for (name, text) in &self.options.http.headers {
            let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad_header(name))?;
            headers.append(parsed, secret(name, text)?);
        }
        if let Some(credential) = credential {
            headers.insert(AUTHORIZATION, secret("Authorization", &credential.authorization())?);
        }
        Ok(request)
    }

    /// What the server says instead of yes.
    fn refused(&self, response: &Response<Option<Vec<u8>>>) -> Result<Answered, TransportError> {
        let (status, headers) = (response.status(), response.headers());
        let mut message = response.body().clone().unwrap_or_default();
        message.truncate(self.options.http.limits.message_bytes_max);
        if !is_text(headers) {
            message.clear();
        }
        let url = self.shown();
        let error = match status {
            StatusCode::UNAUTHORIZED => {
                let challenges = headers.get_all(WWW_AUTHENTICATE).iter();
                let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
                return Ok(Answered::SignIn { challenges: challenges.map(text).collect(), message });
            }
            StatusCode::NOT_FOUND => HttpError::NotFound { url, message },
            status if status.is_redirection() && headers.contains_key(LOCATION) => {
                let to = headers.get(LOCATION).map_or(&b""[..], HeaderValue::as_bytes);
                let to = Url::anonymized(to).escape_ascii().to_string();
                HttpError::Redirect { url, to, why: "a WebSocket follows none" }
            }
            status => HttpError::Status { url, status: status.as_u16(), message },
        };
        Err(error.into())
    }

    /// Asks whoever knows in whose name to ask.
    async fn fill(&self, challenges: Vec<String>) -> Result<(CredentialPlace, Credential), TransportError> {
        let mut place = CredentialPlace::new(self.url.scheme.name(), self.place.origin.authority());
        place.path = self.url.path.strip_prefix(b"/").unwrap_or(&self.url.path).to_vec();
        (place.user, place.challenges) = (self.url.user.clone(), challenges);
        let found = match self.options.credentials.clone() {
            None => None,
            Some(source) => {
                let place = place.clone();
                let found = spawn_blocking(move || source.fill(&place)).await;
                found.unwrap_or(Err(TransportError::Internal("a source of credentials has panicked")))?
            }
        };
        let nobody = || HttpError::NoCredentials { place: format!("{}://{}", place.protocol, place.host) };
        let credential = found.ok_or_else(nobody)?;
        Ok((place, credential))
    }

    /// Tells where a credential came from what became of it.
    async fn tell(&self, place: CredentialPlace, credential: Credential, accepted: bool) {
        let Some(source) = self.options.credentials.clone() else { return };
        let told = spawn_blocking(move || {
            if accepted { source.approve(&place, &credential) } else { source.reject(&place, &credential) }
        });
        // Whether it can keep the credential is its own affair.
        let _ = told.await;
    }

    fn not_authenticated(&self, message: Vec<u8>) -> TransportError {
        HttpError::AuthenticationFailed { url: self.shown(), message }.into()
    }

    /// The repository, for messages.
    fn shown(&self) -> String {
        let path = self.url.path.escape_ascii();
        format!("{}://{}{path}", self.url.scheme, self.place.origin.authority())
    }
}

async fn in_time<T>(within: Duration, future: impl Future<Output = T>) -> Result<T, TransportError> {
    let late = TransportError::Deadline { deadline: Deadline::FirstByte, after: within };
    timeout(within, future).await.map_err(|_| late)
}

fn is_text(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("text/plain"))
}
