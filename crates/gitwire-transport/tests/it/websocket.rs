//! The WebSocket connector against servers that say what a test tells them to say.

use std::fs;
use std::net::TcpListener as BlockingListener;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use gitwire_protocol::message::Service;
use gitwire_transport::blocking::{Driver, Streams, connect};
use gitwire_transport::websocket::{Side, WebSocket, WebSocketLimits, accept_key};
use gitwire_transport::{
    ConnectOptions, Credential, CredentialPlace, Credentials, Deadlines, Moved, Secret, TransportError, Url,
};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::machines::Swap;

/// What a server does with a request.
enum Reply {
    /// Says this and hangs up.
    Raw(String),
    /// Agrees to a WebSocket and gives back what it gets.
    Echo,
    /// Says nothing for ever.
    Silence,
}

/// A server that keeps what it was asked.
struct Server {
    address: String,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(tls: Option<ServerConfig>, reply: impl Fn(&str) -> Reply + Send + 'static) -> Self {
        let listener = BlockingListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let server = Self { address: listener.local_addr().unwrap().to_string(), heads: Arc::default() };
        let heads = Arc::clone(&server.heads);
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                let acceptor = tls.map(|tls| TlsAcceptor::from(Arc::new(tls)));
                while let Ok((stream, _)) = listener.accept().await {
                    match &acceptor {
                        None => serve(stream, &heads, &reply).await,
                        Some(acceptor) => {
                            // Who does not like the certificate says nothing more.
                            if let Ok(stream) = acceptor.accept(stream).await {
                                serve(stream, &heads, &reply).await;
                            }
                        }
                    }
                }
            });
        });
        server
    }

    fn plain(reply: impl Fn(&str) -> Reply + Send + 'static) -> Self {
        Self::start(None, reply)
    }

    fn url(&self) -> String {
        format!("ws://{}/team/a%20b.git", self.address)
    }

    fn heads(&self) -> Vec<String> {
        std::mem::take(&mut *self.heads.lock().unwrap())
    }
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    heads: &Mutex<Vec<String>>,
    reply: &dyn Fn(&str) -> Reply,
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { return };
        head.push(byte);
    }
    let head = String::from_utf8(head).unwrap();
    heads.lock().unwrap().push(head.clone());
    match reply(&head) {
        Reply::Raw(text) => {
            stream.write_all(text.replace('\n', "\r\n").as_bytes()).await.unwrap();
            let _ = stream.shutdown().await;
        }
        Reply::Silence => std::future::pending().await,
        Reply::Echo => {
            let accept = accept_key(field(&head, "sec-websocket-key").unwrap().as_bytes());
            let agreed = format!(
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
            );
            stream.write_all(agreed.as_bytes()).await.unwrap();
            let socket = WebSocket::new(stream, Side::Server, WebSocketLimits::default()).await;
            let (mut reader, mut writer) = tokio::io::split(socket);
            tokio::io::copy(&mut reader, &mut writer).await.unwrap();
            let _ = writer.shutdown().await;
        }
    }
}

fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = head.lines().filter_map(|line| line.split_once(": "));
    fields.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

fn options() -> ConnectOptions {
    ConnectOptions { parameters: Some("version=2".into()), ..ConnectOptions::user() }
}

fn open(url: &str, options: &ConnectOptions) -> Result<Streams, TransportError> {
    connect(&Url::parse(url.as_bytes()).unwrap(), Service::UploadPack, options)
}

fn fails(url: &str, options: &ConnectOptions) -> String {
    open(url, options).unwrap_err().to_string()
}

/// Sends as much as comes back, more than fits anywhere at once.
fn swap(streams: Streams) {
    let mut driver = Driver::new(Swap::new(3_000_000, 3_000_000), streams, Deadlines::client());
    let mut got = 0;
    loop {
        match driver.next().unwrap() {
            Moved::Event(bytes) => got += bytes.len(),
            Moved::Answer => driver.with(|machine, output| machine.pump.send(output)),
            Moved::Done => break,
        }
    }
    driver.close();
    assert_eq!(got, 3_000_000);
}

#[test]
fn a_blocking_driver_talks_through_it() {
    let server = Server::plain(|_| Reply::Echo);
    swap(open(&server.url(), &options()).unwrap());
    let head = server.heads().remove(0);
    assert!(head.starts_with("GET /team/a%20b.git/git-upload-pack HTTP/1.1\r\n"), "{head}");
    assert_eq!(field(&head, "host"), Some(server.address.as_str()));
    assert_eq!(field(&head, "git-protocol"), Some("version=2"));
    assert!(field(&head, "user-agent").unwrap().starts_with("git/gitwire-"));
    assert_eq!(field(&head, "authorization"), None);
    // Dropped in the midst of it all, it does not hang.
    drop(Driver::new(Swap::new(1, 2), open(&server.url(), &options()).unwrap(), Deadlines::client()));
}

#[tokio::test]
async fn an_asynchronous_driver_talks_through_it() {
    let server = Server::plain(|_| Reply::Echo);
    let url = Url::parse(server.url().as_bytes()).unwrap();
    let stream = gitwire_transport::tokio::connect(&url, Service::ReceivePack, &options()).await.unwrap();
    let machine = Swap::new(3_000_000, 3_000_000);
    let mut driver = gitwire_transport::tokio::Driver::new(machine, stream, Deadlines::client());
    let mut got = 0;
    loop {
        match driver.next().await.unwrap() {
            Moved::Event(bytes) => got += bytes.len(),
            Moved::Answer => driver.with(|machine, output| machine.pump.send(output)),
            Moved::Done => break,
        }
    }
    driver.close().await;
    assert_eq!(got, 3_000_000);
    let head = server.heads().remove(0);
    assert!(head.starts_with("GET /team/a%20b.git/git-receive-pack HTTP/1.1\r\n"), "{head}");
    // There is no push of version 2.
    assert_eq!(field(&head, "git-protocol"), None);
}

#[test]
fn what_a_server_says_instead_of_yes_is_told() {
    #[track_caller]
    fn check(reply: &str, expected: &str) {
        let text = reply.to_owned();
        let server = Server::plain(move |_| Reply::Raw(text.clone()));
        let url = format!("ws://{}/a", server.address);
        assert_eq!(fails(&url, &options()), expected.replace("BASE", &url), "{reply}");
    }
    let plain = "Content-Type: text/plain; charset=utf-8\nContent-Length: 3\n\nno\n";
    check(&format!("HTTP/1.1 404 No\n{plain}"), "repository 'BASE' not found");
    let status = |code: u16| format!("unable to access 'BASE': The requested URL returned error: {code}");
    check(&format!("HTTP/1.1 403 No\n{plain}"), &status(403));
    check("HTTP/1.1 429 Later\n\n", &status(429));
    check("HTTP/1.1 200 OK\nContent-Length: 0\n\n", &status(200));
    check("HTTP/1.1 500 Oh\n\n", &status(500));
    check(
        "HTTP/1.1 302 Elsewhere\nLocation: ws://u:secret@h/b\n\n",
        "unable to access 'BASE': redirect to 'ws://h/b' not followed: a WebSocket follows none",
    );
    let agreed = "HTTP/1.1 101 Switching Protocols\nConnection: Upgrade\nUpgrade: websocket\n";
    check(
        &format!("{agreed}Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\n\n"),
        "unable to access 'BASE': WebSocket protocol error: Key mismatch in \"Sec-WebSocket-Accept\" header",
    );
    check(
        "SSH-2.0-OpenSSH_9.2\n\n",
        "unable to access 'BASE': WebSocket protocol error: httparse error: invalid HTTP version",
    );
    check("", "unable to access 'BASE': WebSocket protocol error: Handshake not finished");
    let long = format!("HTTP/1.1 403 No\nX: {}\n\n", "x".repeat(70_000));
    check(&long, "unable to access 'BASE': Attack attempt detected");

    let server = Server::plain(move |_| Reply::Raw(format!("HTTP/1.1 403 No\n{plain}")));
    match open(&server.url(), &options()) {
        Err(TransportError::Http(error)) => assert_eq!(error.message(), b"no\r\n"),
        other => panic!("{other:?}"),
    }
    let server = Server::plain(|_| Reply::Silence);
    let patient = ConnectOptions { connect_timeout: Duration::from_millis(50), ..options() };
    assert_eq!(fails(&server.url(), &patient), "the peer sent nothing (0.05 s)");
    let nobody = BlockingListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(fails(&format!("ws://{nobody}/a"), &options()), format!("connect to {nobody}"));
    let mut closed = options();
    closed.protocols.http = false;
    assert_eq!(fails("ws://h/a", &closed), "transport 'ws' not allowed");
    let mut forged = options();
    forged.parameters = Some("version=2\r\nX: y".into());
    assert_eq!(fails(&server.url(), &forged), "bad header 'Git-Protocol'");
}

/// Knows one password, and what became of it.
#[derive(Default)]
struct Keeper(Mutex<Vec<String>>);

impl Credentials for Keeper {
    fn fill(&self, place: &CredentialPlace) -> Result<Option<Credential>, TransportError> {
        let CredentialPlace { protocol, host, path, user, challenges, .. } = place;
        let path = path.escape_ascii();
        self.0.lock().unwrap().push(format!("{protocol} {host} {path} {user:?} {challenges:?}"));
        Ok(Some(Credential::basic("ann", "secret")))
    }

    fn approve(&self, place: &CredentialPlace, _: &Credential) {
        self.0.lock().unwrap().push(format!("good {}", place.protocol));
    }

    fn reject(&self, place: &CredentialPlace, _: &Credential) {
        self.0.lock().unwrap().push(format!("bad {}", place.protocol));
    }
}

/// ann:secret
const ANN: &str = "Basic YW5uOnNlY3JldA==";

#[test]
fn who_asks_is_said_when_it_is_known_or_wanted() {
    let denied = |challenge: &str| {
        Reply::Raw(format!("HTTP/1.1 401 Who\nWWW-Authenticate: {challenge}\nContent-Length: 0\n\n"))
    };
    let server = Server::plain(move |head| match field(head, "authorization") {
        Some(ANN) => Reply::Echo,
        _ => denied("Basic realm=\"x\""),
    });
    let authorizations = || -> Vec<Option<String>> {
        server.heads().iter().map(|head| field(head, "authorization").map(str::to_owned)).collect()
    };
    let with = |login: &str| server.url().replace("ws://", &format!("ws://{login}@"));
    swap(open(&with("ann:secret"), &options()).unwrap());
    assert_eq!(authorizations(), [Some(ANN.to_owned())]);
    // Nothing of the password is in what is said of it.
    let refused = format!("Authentication failed for 'ws://{}/team/a b.git'", server.address);
    assert_eq!(fails(&with("ann:hunter2"), &options()), refused);
    assert_eq!(authorizations().len(), 1);
    let nobody = format!("could not read Username for 'ws://{}': no credentials", server.address);
    assert_eq!(fails(&with("ann"), &options()), nobody);
    assert_eq!(authorizations(), [None]);

    let keeper = Arc::new(Keeper::default());
    let mut asking = options();
    asking.credentials = Some(Arc::clone(&keeper) as _);
    swap(open(&with("ann"), &asking).unwrap());
    assert_eq!(authorizations(), [None, Some(ANN.to_owned())]);
    let told = |keeper: &Keeper| std::mem::take(&mut *keeper.0.lock().unwrap());
    let asked = format!("ws {} team/a b.git Some(\"ann\") [\"Basic realm=\\\"x\\\"\"]", server.address);
    assert_eq!(told(&keeper), [asked, "good ws".to_owned()]);

    let never = Server::plain(move |_| denied("Basic realm=\"x\""));
    let refused = format!("Authentication failed for 'ws://{}/team/a b.git'", never.address);
    assert_eq!(fails(&never.url(), &asking), refused);
    assert_eq!(told(&keeper).last().unwrap(), "bad ws");
    assert_eq!(never.heads().len(), 2);
    // A password goes only to who asks for one.
    let other = Server::plain(move |_| denied("Negotiate"));
    assert!(fails(&other.url(), &asking).starts_with("Authentication failed for "));
    assert_eq!(other.heads().len(), 1);

    let mut token = options();
    token.http.headers.push(("Authorization".to_owned(), Secret::new(ANN)));
    swap(open(&server.url(), &token).unwrap());
}

#[test]
fn certificates_are_checked() {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let server = Server::start(Some(config), |_| Reply::Echo);
    let url = server.url().replace("ws://", "wss://");
    let file: PathBuf = std::env::temp_dir().join(format!("gitwire-ws-{}.pem", std::process::id()));
    fs::write(&file, made.cert.pem()).unwrap();
    let mut trusting = options();
    trusting.http.tls.authorities = Some(file.clone());
    swap(open(&url, &trusting).unwrap());
    let named = url.replace("127.0.0.1", "localhost");
    let error = fails(&named, &trusting);
    assert!(error.contains("invalid peer certificate"), "{error}");
    fs::remove_file(file).unwrap();
    // What is not encrypted is no such server.
    let plain = Server::plain(|_| Reply::Echo);
    let error = fails(&plain.url().replace("ws://", "wss://"), &{
        let mut careless = options();
        careless.http.tls.verification = gitwire_transport::Verification::None;
        careless.connect_timeout = Duration::from_millis(200);
        careless
    });
    assert_eq!(error, "the peer sent nothing (0.2 s)");
}
