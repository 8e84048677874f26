#![allow(clippy::arithmetic_side_effects, reason = "tests count a little")]

use std::net::SocketAddr;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::*;
use crate::access::{Right, Verdict};

/// Knows Ann, and counts.
#[derive(Default)]
struct Book {
    calls: AtomicUsize,
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Access for Book {
    fn decide(&self, _: &Principal, _: &[u8], _: Right) -> Verdict {
        Verdict::Allowed
    }

    fn authenticate(&self, credentials: &Credentials) -> Result<Principal, SignInError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let now = self.now.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(now, Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(5));
        self.now.fetch_sub(1, Ordering::Relaxed);
        match (credentials.user.as_str(), credentials.password.as_slice()) {
            ("ann", b"secret") | ("", b"token") => Ok(Principal::User("ann".into())),
            ("broken", _) => Err(SignInError::Unavailable("no file".to_owned())),
            _ => Err(SignInError::Wrong),
        }
    }
}

const ANN: &str = "Basic YW5uOnNlY3JldA==";
const WRONG: &str = "Basic YW5uOndyb25n";

fn sign_in(options: HttpOptions) -> (Arc<Book>, Arc<SignIn>) {
    let book = Arc::new(Book::default());
    (Arc::clone(&book), SignIn::new(book, Arc::new(options)))
}

/// The name or the status, and after how many milliseconds it came.
async fn ask(sign_in: &Arc<SignIn>, authorization: &str, peer: &str) -> (String, u128) {
    let started = Instant::now();
    let peer = Peer(SocketAddr::new(peer.parse().unwrap(), 1));
    let principal = sign_in.principal(HeaderValue::from_str(authorization).ok().as_ref(), Some(peer)).await;
    let said = match principal {
        Ok(principal) => principal.name().unwrap_or("-").to_owned(),
        Err(answer) => answer.status().as_str().to_owned(),
    };
    (said, started.elapsed().as_millis())
}

/// Asks so often at once; how often each was said.
async fn ask_at_once(
    sign_in: &Arc<SignIn>,
    times: usize,
    authorization: &'static str,
    peers: bool,
) -> HashMap<String, usize> {
    let mut asking = JoinSet::new();
    for number in 0..times {
        let sign_in = Arc::clone(sign_in);
        let peer = if peers { format!("10.0.0.{number}") } else { "10.0.0.1".to_owned() };
        asking.spawn(async move { ask(&sign_in, authorization, &peer).await.0 });
    }
    let mut said = HashMap::new();
    for one in asking.join_all().await {
        *said.entry(one).or_default() += 1;
    }
    said
}

#[tokio::test(start_paused = true)]
async fn who_shows_what_is_told_who_they_are() {
    let (_, sign_in) = sign_in(HttpOptions::default());
    let nobody = sign_in.principal(None, None).await.map_err(|answer| answer.status());
    assert_eq!(nobody, Ok(Principal::Anonymous));
    for (authorization, expected) in [
        (ANN, "ann"),
        ("Bearer token", "ann"),
        ("Bearer other", "401"),
        (WRONG, "401"),
        ("Negotiate x", "401"),
        ("Basic x", "400"),
        ("Basic YnJva2VuOng=", "500"),
    ] {
        assert_eq!(ask(&sign_in, authorization, "10.0.0.1").await.0, expected, "{authorization}");
    }
}

#[tokio::test(start_paused = true)]
async fn wrong_delay() {
    let options = HttpOptions { wrong_delay: Duration::from_secs(3), ..HttpOptions::default() };
    let (_, sign_in) = sign_in(options);
    assert!(ask(&sign_in, WRONG, "10.0.0.1").await.1 >= 3000);
    assert!(ask(&sign_in, ANN, "10.0.0.1").await.1 < 1000);
}

#[tokio::test(start_paused = true)]
async fn attempts_max() {
    let options =
        HttpOptions { attempts_max: 2, wrong_delay: Duration::from_secs(1), ..HttpOptions::default() };
    let (book, sign_in) = sign_in(options);
    // As many as there are places take one delay; one more takes another.
    let started = Instant::now();
    assert_eq!(ask_at_once(&sign_in, 2, WRONG, false).await, HashMap::from([("401".to_owned(), 2)]));
    assert_eq!(started.elapsed().as_secs(), 1);
    let started = Instant::now();
    assert_eq!(ask_at_once(&sign_in, 3, WRONG, false).await, HashMap::from([("401".to_owned(), 3)]));
    assert_eq!(started.elapsed().as_secs(), 2);
    assert!(book.most.load(Ordering::Relaxed) <= 2);
    // Other addresses have places of their own.
    let started = Instant::now();
    ask_at_once(&sign_in, 8, WRONG, true).await;
    assert_eq!(started.elapsed().as_secs(), 1);
    assert!(lock(&sign_in.peers).is_empty());
}

#[tokio::test(start_paused = true)]
async fn who_hangs_up_does_not_try_faster() {
    let options = HttpOptions { attempts_max: 1, ..HttpOptions::default() };
    let (_, sign_in) = sign_in(options);
    let short = Duration::from_millis(10);
    assert!(tokio::time::timeout(short, ask(&sign_in, WRONG, "10.0.0.1")).await.is_err());
    assert!(ask(&sign_in, WRONG, "10.0.0.1").await.1 >= 1900);
}

#[tokio::test(start_paused = true)]
async fn attempts_waiting_max() {
    let options = HttpOptions { attempts_max: 1, attempts_waiting_max: 2, ..HttpOptions::default() };
    let (_, sign_in) = sign_in(options);
    assert_eq!(ask_at_once(&sign_in, 3, WRONG, false).await, HashMap::from([("401".to_owned(), 3)]));
    let said = ask_at_once(&sign_in, 4, WRONG, false).await;
    assert_eq!(said, HashMap::from([("401".to_owned(), 3), ("429".to_owned(), 1)]));
}

#[tokio::test(start_paused = true)]
async fn attempts_at_once_max() {
    let options = HttpOptions { attempts_at_once_max: 2, ..HttpOptions::default() };
    let (book, sign_in) = sign_in(options);
    ask_at_once(&sign_in, 2, WRONG, true).await;
    ask_at_once(&sign_in, 8, WRONG, true).await;
    assert_eq!(book.calls.load(Ordering::Relaxed), 10);
    assert_eq!(book.most.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn verified_for() {
    let options = HttpOptions { verified_for: Duration::from_secs(60), ..HttpOptions::default() };
    let (book, known) = sign_in(options.clone());
    for (after, calls) in [(0, 1), (59, 1), (2, 2), (59, 2)] {
        tokio::time::advance(Duration::from_secs(after)).await;
        assert_eq!(ask(&known, ANN, "10.0.0.1").await.0, "ann");
        assert_eq!(book.calls.load(Ordering::Relaxed), calls);
    }
    // What was wrong is looked at again, and nobody gets in on another's password.
    assert_eq!(ask(&known, WRONG, "10.0.0.1").await.0, "401");
    let options = HttpOptions { verified_for: Duration::ZERO, ..options };
    let (book, forgetful) = sign_in(options);
    for calls in 1..3 {
        assert_eq!(ask(&forgetful, ANN, "10.0.0.1").await.0, "ann");
        assert_eq!(book.calls.load(Ordering::Relaxed), calls);
    }
}

#[tokio::test(start_paused = true)]
async fn verified_max() {
    let options = HttpOptions { verified_max: 1, ..HttpOptions::default() };
    let (book, sign_in) = sign_in(options);
    for (authorization, calls) in [(ANN, 1), (ANN, 1), ("Bearer token", 2), ("Bearer token", 3), (ANN, 3)] {
        assert_eq!(ask(&sign_in, authorization, "10.0.0.1").await.0, "ann");
        assert_eq!(book.calls.load(Ordering::Relaxed), calls, "{authorization}");
    }
    // What is too old makes room.
    tokio::time::advance(Duration::from_secs(61)).await;
    for (authorization, calls) in [("Bearer token", 4), ("Bearer token", 4), (ANN, 5)] {
        assert_eq!(ask(&sign_in, authorization, "10.0.0.1").await.0, "ann");
        assert_eq!(book.calls.load(Ordering::Relaxed), calls, "{authorization}");
    }
}
