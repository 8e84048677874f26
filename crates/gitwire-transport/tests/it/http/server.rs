//! A server that says what a test tells it to say.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// A request as it came.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    pub method: String,
    pub target: String,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(there, _)| there == name).map(|(_, value)| value.as_str())
    }
}

type Say = dyn Fn(&Asked) -> Vec<u8> + Send + Sync;

/// Serves until the test ends.
pub struct Server {
    url: String,
    shared: Arc<Shared>,
}

struct Shared {
    say: Box<Say>,
    asked: Mutex<Vec<Asked>>,
    connections: AtomicUsize,
    close: AtomicBool,
}

impl Server {
    pub fn start(say: impl Fn(&Asked) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            say: Box::new(say),
            asked: Mutex::default(),
            connections: AtomicUsize::new(0),
            close: AtomicBool::new(false),
        });
        let for_threads = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&for_threads);
                thread::spawn(move || shared.serve(stream));
            }
        });
        Self { url, shared }
    }

    /// Without a slash at its end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Closes each connection after an answer, without a word.
    pub fn close_after_each(&self) {
        self.shared.close.store(true, Ordering::SeqCst);
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap().clone()
    }

    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }
}

impl Shared {
    fn serve(&self, stream: TcpStream) {
        self.connections.fetch_add(1, Ordering::SeqCst);
        let mut writer = stream.try_clone().unwrap();
        let mut reader = BufReader::new(stream);
        while let Some(asked) = read(&mut reader) {
            self.asked.lock().unwrap().push(asked.clone());
            let said = (self.say)(&asked);
            let cut = !said.windows(4).any(|end| end == b"\r\n\r\n")
                || said.windows(5).any(|word| word == b"close");
            if writer.write_all(&said).is_err() || cut || self.close.load(Ordering::SeqCst) {
                return;
            }
        }
    }
}

/// The next request; `None` at the end, or if it is cut.
fn read(reader: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut asked = Asked::default();
    let first = line(reader)?;
    let mut words = first.split(' ');
    (asked.method, asked.target) = (words.next()?.to_owned(), words.next()?.to_owned());
    loop {
        let line = line(reader)?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(": ")?;
        asked.headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    if asked.header("transfer-encoding") == Some("chunked") {
        loop {
            let len = usize::from_str_radix(&line(reader)?, 16).ok()?;
            let mut chunk = vec![0; len + 2];
            reader.read_exact(&mut chunk).ok()?;
            if len == 0 {
                break;
            }
            asked.body.extend_from_slice(&chunk[..len]);
        }
    } else if let Some(len) = asked.header("content-length") {
        asked.body = vec![0; len.parse().ok()?];
        reader.read_exact(&mut asked.body).ok()?;
    }
    Some(asked)
}

fn line(reader: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    Some(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// An answer with a length.
pub fn answer(status: u16, content_type: &str, body: &str) -> Vec<u8> {
    let len = if matches!(status, 204 | 304) {
        String::new()
    } else {
        format!("Content-Length: {}\r\n", body.len())
    };
    format!("HTTP/1.1 {status} x\r\nContent-Type: {content_type}\r\n{len}\r\n{body}").into_bytes()
}

pub fn redirect(status: u16, location: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} x\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n").into_bytes()
}
