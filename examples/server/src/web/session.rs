//! Who a visitor is: sessions, the tokens of forms, and how often somebody may try a password.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use gitwire_server::access::Principal;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderMap;
use http::header::COOKIE;
use sha2::{Digest as _, Sha256};

use super::limits::Limits;

/// 256 random bits.
type Secret = [u8; 32];

/// The sessions of all visitors. They are held in memory: a restart ends them.
pub(crate) struct Sessions {
    /// The key of the tokens of forms.
    key: Secret,
    limits: Limits,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By the hash of their ids, so that neither a copy of this table nor the time of a look-up tells an id.
    sessions: HashMap<Secret, Session>,
    failures: HashMap<IpAddr, Failures>,
}

struct Session {
    user: Arc<str>,
    /// What the user's password was marked with when the session began.
    mark: Option<u64>,
    made: Instant,
    used: Instant,
}

struct Failures {
    since: Instant,
    count: u32,
}

/// Who asks for a page.
#[derive(Debug, Clone)]
pub(crate) struct Visitor {
    pub(crate) principal: Principal,
    /// What the tokens of this visitor's forms are made from: the id of the session, or of the visit where there is none.
    visit: Option<Secret>,
    /// Whether the cookies go over https alone.
    secure: bool,
}

impl Sessions {
    pub(crate) fn new(limits: Limits) -> Result<Self, getrandom::Error> {
        Ok(Self { key: secret()?, limits, state: Mutex::default() })
    }

    /// Who sends these headers.
    ///
    /// `mark` says what a user's password is marked with now: a session that began with another password has ended.
    pub(crate) fn visitor(
        &self,
        headers: &HeaderMap,
        secure: bool,
        mark: &dyn Fn(&str) -> Option<u64>,
        now: Instant,
    ) -> Visitor {
        let session = cookie(headers, Cookie::Session.name(secure));
        if let Some(id) = session
            && let Some(user) = self.user(&id, mark, now)
        {
            return Visitor { principal: Principal::User(user), visit: Some(id), secure };
        }
        let visit = cookie(headers, Cookie::Visit.name(secure));
        Visitor { principal: Principal::Anonymous, visit, secure }
    }

    /// The token for a form of this visitor's, and the cookie to set where it has none yet.
    pub(crate) fn token(&self, visitor: &Visitor) -> Result<(String, Option<String>), getrandom::Error> {
        match visitor.visit {
            Some(visit) => Ok((hex(&self.mac(&visit).finalize().into_bytes()), None)),
            None => {
                let visit = secret()?;
                let token = hex(&self.mac(&visit).finalize().into_bytes());
                Ok((token, Some(Cookie::Visit.set(&visit, visitor.secure))))
            }
        }
    }

    /// Whether a form holds the token that this visitor was given. Takes the same time wherever it differs.
    pub(crate) fn is_token(&self, visitor: &Visitor, token: &[u8]) -> bool {
        let (Some(visit), Some(token)) = (visitor.visit, unhex(token)) else { return false };
        self.mac(&visit).verify_slice(&token).is_ok()
    }

    /// Begins a session; the cookies that say so.
    pub(crate) fn sign_in(
        &self,
        user: Arc<str>,
        mark: Option<u64>,
        visitor: &Visitor,
        now: Instant,
    ) -> Result<[String; 2], getrandom::Error> {
        let id = secret()?;
        let mut state = self.state();
        // Who signs in again does not leave the old session behind.
        self.end(&mut state, visitor);
        state.sessions.retain(|_, session| self.is_alive(session, now));
        let own: Vec<(Secret, Instant)> = state
            .sessions
            .iter()
            .filter(|(_, session)| session.user == user)
            .map(|(key, session)| (*key, session.used))
            .collect();
        if own.len() >= self.limits.sessions_per_user_max
            && let Some((oldest, _)) = own.iter().min_by_key(|(_, used)| *used)
        {
            state.sessions.remove(oldest);
        }
        if state.sessions.len() >= self.limits.sessions_max {
            let oldest = state.sessions.iter().min_by_key(|(_, session)| session.used).map(|(key, _)| *key);
            oldest.map(|oldest| state.sessions.remove(&oldest));
        }
        if self.limits.sessions_max > 0 && self.limits.sessions_per_user_max > 0 {
            state.sessions.insert(hash(&id), Session { user, mark, made: now, used: now });
        }
        Ok([Cookie::Session.set(&id, visitor.secure), Cookie::Visit.clear(visitor.secure)])
    }

    /// Ends the visitor's session; the cookie that says so.
    pub(crate) fn sign_out(&self, visitor: &Visitor) -> String {
        self.end(&mut self.state(), visitor);
        Cookie::Session.clear(visitor.secure)
    }

    /// Whether somebody at this address may try a password now.
    pub(crate) fn may_try(&self, from: IpAddr, now: Instant) -> bool {
        let state = self.state();
        let tried = state.failures.get(&network(from)).filter(|failures| self.counts(failures, now));
        tried.map_or(0, |failures| failures.count) < self.limits.failures_max
    }

    /// Somebody at this address has tried a wrong one.
    pub(crate) fn failed(&self, from: IpAddr, now: Instant) {
        let mut state = self.state();
        let from = network(from);
        if !state.failures.contains_key(&from) && state.failures.len() >= self.limits.failures_addresses_max {
            state.failures.retain(|_, failures| self.counts(failures, now));
            if state.failures.len() >= self.limits.failures_addresses_max {
                let oldest = state.failures.iter().min_by_key(|(_, failures)| failures.since);
                let oldest = oldest.map(|(address, _)| *address);
                oldest.map(|oldest| state.failures.remove(&oldest));
            }
        }
        let failures = state.failures.entry(from).or_insert(Failures { since: now, count: 0 });
        if !self.counts(failures, now) {
            *failures = Failures { since: now, count: 0 };
        }
        failures.count = failures.count.saturating_add(1);
    }

    fn user(&self, id: &Secret, mark: &dyn Fn(&str) -> Option<u64>, now: Instant) -> Option<Arc<str>> {
        let key = hash(id);
        let (user, began_with) = {
            let mut state = self.state();
            let session = state.sessions.get_mut(&key).filter(|session| self.is_alive(session, now))?;
            session.used = now;
            (Arc::clone(&session.user), session.mark)
        };
        // Not under the lock: this may read a file.
        let is_same = mark(&user) == began_with;
        if !is_same {
            self.state().sessions.remove(&key);
        }
        is_same.then_some(user)
    }

    fn end(&self, state: &mut State, visitor: &Visitor) {
        if let (Principal::User(_), Some(id)) = (&visitor.principal, &visitor.visit) {
            state.sessions.remove(&hash(id));
        }
    }

    fn is_alive(&self, session: &Session, now: Instant) -> bool {
        now.saturating_duration_since(session.made) < self.limits.session_age
            && now.saturating_duration_since(session.used) < self.limits.session_idle
    }

    fn counts(&self, failures: &Failures, now: Instant) -> bool {
        now.saturating_duration_since(failures.since) < self.limits.failures_time
    }

    fn mac(&self, visit: &Secret) -> Hmac<Sha256> {
        // As long as a block of the hash: the rest is zeros, as the standard fills it up.
        let mut key = hmac::digest::Key::<Hmac<Sha256>>::default();
        for (byte, secret) in key.iter_mut().zip(self.key) {
            *byte = secret;
        }
        let mut mac = Hmac::<Sha256>::new(&key);
        mac.update(b"form");
        mac.update(visit);
        mac
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sessions").finish_non_exhaustive()
    }
}

/// Our cookies.
#[derive(Debug, Clone, Copy)]
enum Cookie {
    /// The id of a session.
    Session,
    /// The id of a visit without one, for the form to sign in.
    Visit,
}

impl Cookie {
    const fn name(self, secure: bool) -> &'static str {
        match (self, secure) {
            (Self::Session, false) => "gitwired-session",
            // Browsers take these names from https alone, and for the whole host alone: no neighbour can plant one.
            (Self::Session, true) => "__Host-gitwired-session",
            (Self::Visit, false) => "gitwired-visit",
            (Self::Visit, true) => "__Host-gitwired-visit",
        }
    }

    fn set(self, value: &Secret, secure: bool) -> String {
        let (name, secure) = (self.name(secure), if secure { "; Secure" } else { "" });
        format!("{name}={}; Path=/; HttpOnly; SameSite=Lax{secure}", hex(value))
    }

    fn clear(self, secure: bool) -> String {
        let (name, secure) = (self.name(secure), if secure { "; Secure" } else { "" });
        format!("{name}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0{secure}")
    }
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<Secret> {
    let pairs = headers.get_all(COOKIE).iter().filter_map(|header| header.to_str().ok());
    let mut pairs = pairs.flat_map(|header| header.split(';')).filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| key.trim() == name).and_then(|(_, value)| unhex(value.trim().as_bytes()))
}

/// One household or data center is one visitor: an IPv6 network is as cheap as an IPv4 address.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
        address => address,
    }
}

fn secret() -> Result<Secret, getrandom::Error> {
    let mut secret = Secret::default();
    getrandom::fill(&mut secret)?;
    Ok(secret)
}

fn hash(id: &Secret) -> Secret {
    Sha256::digest(id).into()
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &[u8]) -> Option<Secret> {
    let mut secret = Secret::default();
    if text.len() != 2 * secret.len() {
        return None;
    }
    for (byte, digits) in secret.iter_mut().zip(text.chunks_exact(2)) {
        let digits =
            std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()))?;
        *byte = u8::from_str_radix(digits, 16).ok()?;
    }
    Some(secret)
}

#[cfg(test)]
mod tests;
