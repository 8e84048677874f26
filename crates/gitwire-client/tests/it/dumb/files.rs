//! A web server that knows nothing of Git.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

/// Serves the files below a folder until the test ends.
pub struct Files {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Files {
    pub fn serve(root: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let (root, log) = (root.to_owned(), Arc::clone(&asked));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (root, log) = (root.clone(), Arc::clone(&log));
                thread::spawn(move || serve(stream, &root, &log));
            }
        });
        Self { url, asked }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// The paths that were asked for.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn serve(stream: TcpStream, root: &Path, log: &Mutex<Vec<String>>) -> Option<()> {
    let mut writer = stream.try_clone().unwrap();
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    loop {
        let first = lines.next()?;
        while !lines.next()?.is_empty() {}
        let target = first.split(' ').nth(1)?;
        let path = target.split('?').next()?.trim_start_matches('/');
        log.lock().unwrap().push(format!("/{path}"));
        let place: PathBuf = root.join(path);
        let (status, body) = match fs::read(&place) {
            Ok(body) => ("200 OK", body),
            Err(_) => ("404 Not Found", b"<html>no such page</html>".to_vec()),
        };
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        writer.write_all(&[head.as_bytes(), &body].concat()).ok()?;
    }
}
