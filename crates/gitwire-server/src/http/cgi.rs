//! The same service behind a web server that speaks CGI (RFC 3875): what `git-http-backend` is.

use std::convert::Infallible;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::ffi::OsStrExt as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body::{Body, Frame};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tower_service::Service;

use super::Peer;
use crate::Pusher;
use crate::access::Principal;

/// Answers the request that `variables` and `input` hold, on `output`: a whole CGI program but for the exit code.
///
/// The web server has signed the client in: `REMOTE_USER` is believed. It goes to the service as a [`Principal`], `REMOTE_ADDR` as a
/// [`Peer`], and both make the name for the reflogs, as git makes it, where `GIT_COMMITTER_NAME` and `GIT_COMMITTER_EMAIL` do not. The
/// path is `PATH_INFO`. What is refused is refused by the status alone, as git does.
///
/// # Errors
/// Variables that are no request; input or output that fails; an answer that cannot be made to its end.
pub async fn serve<S, B, I, O>(
    mut service: S,
    variables: &(dyn Fn(&str) -> Option<OsString> + Sync),
    input: I,
    mut output: O,
) -> io::Result<()>
where
    S: Service<Request<CgiBody<I>>, Response = Response<B>, Error = Infallible>,
    I: AsyncRead + Unpin,
    O: AsyncWrite + Unpin,
    B: Body<Data = Bytes, Error = io::Error> + Unpin,
{
    let request = request(variables, input)?;
    let Ok(()) = std::future::poll_fn(|context| service.poll_ready(context)).await;
    let Ok(answer) = service.call(request).await;
    let (mut parts, mut body) = answer.into_parts();
    // Who speaks an older version does not know the newer status.
    let modern =
        variables("SERVER_PROTOCOL").is_none_or(|protocol| protocol == "HTTP/1.1" || protocol == "HTTP/2.0");
    if parts.status == StatusCode::METHOD_NOT_ALLOWED && !modern {
        parts.status = StatusCode::BAD_REQUEST;
    }
    let refused = parts.status.is_client_error() || parts.status.is_server_error();
    if refused {
        // The web server has pages of its own for that.
        parts.headers.remove(http::header::CONTENT_TYPE);
    }
    // What is not sent has no length of its own.
    if let Some(length) = body.size_hint().exact().filter(|length| !refused && *length > 0) {
        parts.headers.insert(http::header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    let mut head = Vec::new();
    if parts.status != StatusCode::OK {
        let reason = parts.status.canonical_reason().unwrap_or("Unknown");
        head.extend_from_slice(format!("Status: {} {reason}\r\n", parts.status.as_u16()).as_bytes());
    }
    for (name, value) in &parts.headers {
        head.extend_from_slice(title(name).as_bytes());
        head.extend_from_slice(&[b": ", value.as_bytes(), b"\r\n"].concat());
    }
    head.extend_from_slice(b"\r\n");
    output.write_all(&head).await?;
    if refused {
        return output.flush().await;
    }
    while let Some(frame) = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        if let Ok(bytes) = frame?.into_data() {
            output.write_all(&bytes).await?;
        }
    }
    output.flush().await
}

/// The request as HTTP had it, as far as it concerns us.
fn request<I>(variables: &dyn Fn(&str) -> Option<OsString>, input: I) -> io::Result<Request<CgiBody<I>>> {
    let text = |name: &str| variables(name).filter(|value| !value.is_empty());
    let method = text("REQUEST_METHOD").ok_or_else(|| bad("no REQUEST_METHOD"))?;
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| bad("REQUEST_METHOD is no method"))?;
    let path = text("PATH_INFO").ok_or_else(|| bad("no PATH_INFO"))?;
    let uri = uri(&path, text("QUERY_STRING").as_deref());
    let length = text("CONTENT_LENGTH").map(|length| number(&length)).transpose()?;
    let body = CgiBody { input, left: length };
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = uri.parse().map_err(|_| bad("PATH_INFO and QUERY_STRING are no URL"))?;
    let headers = request.headers_mut();
    for (name, variable) in HEADERS {
        if let Some(value) = text(variable) {
            let value = HeaderValue::from_bytes(value.as_bytes());
            headers.insert(name, value.map_err(|_| bad("a header holds control bytes"))?);
        }
    }
    // What the web server was told to say wins over what the client says, were it nothing.
    let protocol = variables("GIT_PROTOCOL").or_else(|| variables("HTTP_GIT_PROTOCOL"));
    if let Some(protocol) = protocol.and_then(|protocol| HeaderValue::from_bytes(protocol.as_bytes()).ok()) {
        headers.insert("git-protocol", protocol);
    }
    let user = text("REMOTE_USER").map(|user| user.to_string_lossy().into_owned());
    let address = text("REMOTE_ADDR").map(|address| address.to_string_lossy().into_owned());
    let name = text("GIT_COMMITTER_NAME").map(|name| name.to_string_lossy().into_owned());
    let mail = text("GIT_COMMITTER_EMAIL").map(|mail| mail.to_string_lossy().into_owned());
    let extensions = request.extensions_mut();
    extensions.insert(pusher(user.as_deref(), address.as_deref(), name, mail));
    if let Some(address) = address.and_then(|address| address.parse::<IpAddr>().ok()) {
        extensions.insert(Peer(SocketAddr::new(address, 0)));
    }
    extensions.insert(user.map_or(Principal::Anonymous, |user| Principal::User(user.into())));
    Ok(request)
}

/// Who pushes: `name <name@http.address>`, as git has it.
#[allow(clippy::disallowed_methods, reason = "a reflog holds the time of day")]
fn pusher(user: Option<&str>, address: Option<&str>, name: Option<String>, mail: Option<String>) -> Pusher {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let who = user.unwrap_or("anonymous");
    let name = name.unwrap_or_else(|| who.to_owned());
    let mail = mail.unwrap_or_else(|| format!("{who}@http.{}", address.unwrap_or("(none)")));
    let clean = |text: &str| text.replace(['<', '>', '\n', '\0'], "");
    let mut pusher = Pusher::new(format!("{} <{}> {now} +0000", clean(&name), clean(&mail)));
    pusher.name = user.map(ToOwned::to_owned);
    pusher
}

/// The path as it was before the web server decoded it, or as good.
fn uri(path: &OsStr, query: Option<&OsStr>) -> String {
    let mut uri = String::new();
    for byte in path.as_bytes() {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'~' => uri.push(char::from(*byte)),
            byte if byte.is_ascii_alphanumeric() => uri.push(char::from(*byte)),
            // Writing into a string does not fail.
            byte => drop(write!(uri, "%{byte:02x}")),
        }
    }
    if let Some(query) = query {
        uri.push('?');
        uri.extend(query.as_bytes().iter().map(|byte| char::from(*byte)));
    }
    uri
}

/// Digits and nothing else, and no more than files and buffers can hold.
fn number(length: &OsStr) -> io::Result<u64> {
    let digits = length.to_str().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    digits
        .and_then(|digits| digits.parse().ok())
        .filter(|length| i64::try_from(*length).is_ok())
        .ok_or_else(|| bad(&format!("CONTENT_LENGTH is no length: {}", length.to_string_lossy())))
}

/// `content-type` as `Content-Type`.
fn title(name: &HeaderName) -> String {
    let mut start = true;
    let each = |c: char| {
        let c = if start { c.to_ascii_uppercase() } else { c };
        start = c == '-';
        c
    };
    name.as_str().chars().map(each).collect()
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what)
}

/// The body of a request: as many bytes as were announced, or all.
#[derive(Debug)]
pub struct CgiBody<I> {
    input: I,
    left: Option<u64>,
}

impl<I: AsyncRead + Unpin> Body for CgiBody<I> {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let most = self.left.and_then(|left| usize::try_from(left).ok()).unwrap_or(PIECE).min(PIECE);
        if most == 0 {
            return Poll::Ready(None);
        }
        let mut room = vec![0; most];
        let mut read = ReadBuf::new(&mut room);
        ready!(Pin::new(&mut self.input).poll_read(context, &mut read))?;
        let len = read.filled().len();
        room.truncate(len);
        match &mut self.left {
            Some(_) if len == 0 => {
                let cut = io::Error::new(io::ErrorKind::UnexpectedEof, "the request ends before its length");
                return Poll::Ready(Some(Err(cut)));
            }
            None if len == 0 => return Poll::Ready(None),
            Some(left) => *left = left.saturating_sub(len as u64),
            None => {}
        }
        Poll::Ready(Some(Ok(Frame::data(room.into()))))
    }
}

/// What is read at once.
const PIECE: usize = 64 << 10;

/// The headers that concern us, and the variables that hold them.
const HEADERS: [(HeaderName, &str); 9] = [
    (http::header::CONTENT_TYPE, "CONTENT_TYPE"),
    (http::header::CONTENT_LENGTH, "CONTENT_LENGTH"),
    (http::header::CONTENT_ENCODING, "HTTP_CONTENT_ENCODING"),
    (http::header::HOST, "HTTP_HOST"),
    (http::header::RANGE, "HTTP_RANGE"),
    (http::header::IF_RANGE, "HTTP_IF_RANGE"),
    (http::header::IF_NONE_MATCH, "HTTP_IF_NONE_MATCH"),
    (http::header::ACCEPT_LANGUAGE, "HTTP_ACCEPT_LANGUAGE"),
    (http::header::USER_AGENT, "HTTP_USER_AGENT"),
];

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;

    /// Says what it was asked.
    #[derive(Clone)]
    struct Echo;

    impl<I: AsyncRead + Unpin + 'static> Service<Request<CgiBody<I>>> for Echo {
        type Response = Response<super::super::HttpBody>;
        type Error = Infallible;
        type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>>>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: Request<CgiBody<I>>) -> Self::Future {
            Box::pin(async move {
                let (parts, body) = request.into_parts();
                let mut said = format!("{} {}\n", parts.method, parts.uri);
                for (name, value) in &parts.headers {
                    said += &format!("{name}={}\n", value.to_str().unwrap());
                }
                said += parts.extensions.get::<Principal>().unwrap().name().unwrap_or("-");
                let pusher = parts.extensions.get::<Pusher>().unwrap().committer.clone();
                let pusher = String::from_utf8(pusher.to_vec()).unwrap();
                said += &format!("\n{}>\n", pusher.split_once('>').unwrap().0);
                let mut read = Vec::new();
                let got = super::super::body::BodyReader::new(body).read_to_end(&mut read).await;
                said += &format!("{}\n", got.map_or_else(|error| error.to_string(), |len| len.to_string()));
                let mut answer = Response::new(super::super::HttpBody::from_bytes(said));
                answer.headers_mut().insert("content-type", HeaderValue::from_static("x/y"));
                if parts.method == Method::DELETE {
                    *answer.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
                }
                Ok(answer)
            })
        }
    }

    #[track_caller]
    fn check(variables: &[(&str, &str)], input: &[u8], expected: Result<&str, &str>) {
        let mut output = Vec::new();
        let lookup = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let served = runtime.block_on(serve(Echo, &lookup, io::Cursor::new(input.to_vec()), &mut output));
        let said = served.map(|()| String::from_utf8(output).unwrap()).map_err(|error| error.to_string());
        // The length is that of what follows.
        let lengths = |said: &str| match said.split_once("\r\nContent-Length: ") {
            Some((before, rest)) => {
                let (length, after) = rest.split_once("\r\n").unwrap();
                let body = after.split_once("\r\n").unwrap().1;
                assert_eq!(length.parse(), Ok(body.len()));
                format!("{before}\r\n{after}")
            }
            None => said.to_owned(),
        };
        assert_eq!(said.map(|said| lengths(&said)).as_deref().map_err(|error| error.as_str()), expected);
    }

    #[test]
    fn requests_and_answers() {
        let path = ("PATH_INFO", "/a b\u{e4}.git/HEAD");
        let (get, post) = (("REQUEST_METHOD", "GET"), ("REQUEST_METHOD", "POST"));
        let simple = "GET /a%20b%c3%a4.git/HEAD\n-\nanonymous <anonymous@http.(none)>\n0\n";
        check(&[get, path], b"", Ok(&format!("Content-Type: x/y\r\n\r\n{simple}")));
        check(
            &[
                post,
                path,
                ("QUERY_STRING", "service=git-upload-pack"),
                ("CONTENT_TYPE", "t"),
                ("CONTENT_LENGTH", "3"),
                ("REMOTE_USER", "ann"),
                ("REMOTE_ADDR", "10.0.0.1"),
                ("HTTP_GIT_PROTOCOL", "version=1"),
                ("GIT_PROTOCOL", "version=2"),
            ],
            b"abcd",
            Ok("Content-Type: x/y\r\n\r\nPOST /a%20b%c3%a4.git/HEAD?service=git-upload-pack\n\
                content-type=t\ncontent-length=3\ngit-protocol=version=2\nann\nann <ann@http.10.0.0.1>\n3\n"),
        );
        let cut = "Content-Type: x/y\r\n\r\nPOST /a\ncontent-length=3\n-\nA <a@b>\nthe request ends before its length\n";
        let named = [("GIT_COMMITTER_NAME", "A"), ("GIT_COMMITTER_EMAIL", "a@b")];
        check(&[post, ("PATH_INFO", "/a"), ("CONTENT_LENGTH", "3"), named[0], named[1]], b"ab", Ok(cut));
        let delete = [("REQUEST_METHOD", "DELETE"), ("PATH_INFO", "/a")];
        check(&delete, b"", Ok("Status: 405 Method Not Allowed\r\n\r\n"));
        let old = [delete[0], delete[1], ("SERVER_PROTOCOL", "HTTP/1.0")];
        check(&old, b"", Ok("Status: 400 Bad Request\r\n\r\n"));
        let protocols = [("HTTP_GIT_PROTOCOL", "version=1"), ("GIT_PROTOCOL", "")];
        let said =
            "Content-Type: x/y\r\n\r\nGET /a\ngit-protocol=\n-\nanonymous <anonymous@http.(none)>\n0\n";
        check(&[get, ("PATH_INFO", "/a"), protocols[0], protocols[1]], b"", Ok(said));
    }

    #[test]
    fn what_is_no_request() {
        let (post, path) = (("REQUEST_METHOD", "POST"), ("PATH_INFO", "/a"));
        check(&[path], b"", Err("no REQUEST_METHOD"));
        check(&[post], b"", Err("no PATH_INFO"));
        check(&[("REQUEST_METHOD", "G T"), path], b"", Err("REQUEST_METHOD is no method"));
        check(&[post, path, ("QUERY_STRING", "a b")], b"", Err("PATH_INFO and QUERY_STRING are no URL"));
        check(&[post, path, ("CONTENT_TYPE", "a\nb")], b"", Err("a header holds control bytes"));
        for length in ["x", "-1", "1 ", "9223372036854775808", "99999999999999999999999"] {
            let error = format!("CONTENT_LENGTH is no length: {length}");
            check(&[post, path, ("CONTENT_LENGTH", length)], b"", Err(&error));
        }
    }
}
