//! Servers that want to be asked again: because they have too much to do, or because they want to know more of who asks.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use gitwire_transport::{HttpTrace, KnownHost, Proactive};

use super::*;

/// A server that has no time for the first requests.
fn busy(times: usize, header: &'static str) -> Server {
    let left = AtomicUsize::new(times);
    let less = |left: usize| left.checked_sub(1);
    Server::start(move |_| match left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less) {
        Ok(_) => format!("HTTP/1.1 429 Later\r\n{header}Content-Length: 0\r\n\r\n").into(),
        Err(_) => answer(200, ADVERTISEMENT, GREETING),
    })
}

#[derive(Default)]
struct Waits(Mutex<Vec<Duration>>);

impl HttpTrace for Waits {
    fn sent(&self, _: &str) {}
    fn received(&self, _: &str) {}
    fn waiting(&self, time: Duration) {
        self.0.lock().unwrap().push(time);
    }
}

#[test]
fn a_server_with_too_much_to_do_is_asked_again() {
    let asked = |times, header, max| {
        let server = busy(times, header);
        let waits = Arc::new(Waits::default());
        let mut options = ConnectOptions { http_trace: Some(Arc::clone(&waits) as _), ..options() };
        options.http.retries.max = max;
        options.http.retries.wait_max = Duration::from_secs(5);
        let said = advertise(&format!("{}/a", server.url()), &options);
        let waits = waits.0.lock().unwrap().len();
        (said.map_err(|text| text.replace(server.url(), "BASE")), server.asked().len(), waits)
    };
    let refused = "unable to access 'BASE/a/': The requested URL returned error: 429";
    assert_eq!(asked(1, "", 0), (Err(refused.to_owned()), 1, 0));
    assert_eq!(asked(2, "", 2), (Ok(GREETING.to_owned()), 3, 2));
    assert_eq!(asked(3, "", 2), (Err(refused.to_owned()), 3, 2));
    assert_eq!(asked(1, "Retry-After: 0\r\n", 1), (Ok(GREETING.to_owned()), 2, 1));
    let late = "unable to access 'BASE/a/': the server asks to wait 6 seconds, which is greater than http.maxRetryTime (5)";
    assert_eq!(asked(1, "Retry-After: 6\r\n", 1), (Err(late.to_owned()), 1, 0));
}

/// Gives one credential after another.
struct Steps(Mutex<Vec<Credential>>);

impl Credentials for Steps {
    fn fill(&self, _: &CredentialPlace) -> Result<Option<Credential>, TransportError> {
        Ok(self.0.lock().unwrap().pop())
    }
}

#[test]
fn a_credential_may_have_several_steps() {
    let server = Server::start(|asked| match asked.header("authorization") {
        Some("Steps two") => answer(200, ADVERTISEMENT, GREETING),
        _ => REALM.into(),
    });
    let step =
        |value: &str, more| Credential::Other { scheme: "Steps".into(), value: Secret::new(value), more };
    let asked = |mut steps: Vec<Credential>| {
        steps.reverse();
        let credentials = Some(Arc::new(Steps(Mutex::new(steps))) as _);
        let options = ConnectOptions { credentials, ..options() };
        advertise(&format!("{}/a", server.url()), &options).is_ok()
    };
    assert!(asked(vec![step("one", true), step("two", false)]));
    assert!(!asked(vec![step("one", false), step("two", false)]));
    // Eight times a server is told more, and no more than that.
    assert!(asked((0..7).map(|_| step("one", true)).chain([step("two", false)]).collect()));
    assert!(!asked((0..8).map(|_| step("one", true)).chain([step("two", false)]).collect()));
}

#[test]
fn who_asks_is_said_before_it_is_asked_for_where_that_is_wished() {
    let server = guarded();
    for (proactive, requests) in [(Proactive::No, 2), (Proactive::Auto, 1), (Proactive::Basic, 1)] {
        let before = server.asked().len();
        let notes = Arc::new(Notes { gives: Some(Credential::basic("me", "secret")), ..Notes::default() });
        let mut options = with(&notes);
        options.http.proactive = proactive;
        assert_eq!(advertise(&format!("{}/a", server.url()), &options).unwrap(), GREETING);
        assert_eq!(server.asked().len() - before, requests, "{proactive:?}");
    }
}

#[test]
fn known_hosts_need_no_name_service() {
    let server = Server::start(|_| answer(200, ADVERTISEMENT, GREETING));
    let port = server.url().rsplit(':').next().unwrap().parse().unwrap();
    let mut options = options();
    let addresses = vec![[127, 0, 0, 1].into()];
    options.http.hosts = vec![KnownHost { host: "nowhere.invalid".into(), port, addresses }];
    assert_eq!(advertise(&format!("http://nowhere.invalid:{port}/a"), &options).unwrap(), GREETING);
}
