//! Who asks: credentials looked at with bounds, and remembered for a short time.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use gitwire_object::{Hasher, Trust};
use gitwire_types::{ObjectFormat, ObjectId, ObjectKind};
use http::{HeaderValue, StatusCode};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::addresses::network;
use super::answer::{Answer, internal, later, refusal, sign_in};
use super::{Authorization, AuthorizationError, HttpOptions, Peer};
use crate::access::{Access, Credentials, Principal, SignInError};

/// Looks at credentials: so many at once, so many of one address, wrong ones slowly.
pub(super) struct SignIn {
    access: Arc<dyn Access>,
    options: Arc<HttpOptions>,
    /// For everybody.
    at_once: Semaphore,
    /// For each address that has some on the way.
    peers: Mutex<HashMap<Option<IpAddr>, Arc<Attempts>>>,
    verified: Mutex<HashMap<ObjectId, (Principal, Instant)>>,
    key: Option<[u8; 32]>,
}

/// What one address has on the way.
struct Attempts {
    places: Semaphore,
    waiting: AtomicUsize,
}

impl SignIn {
    pub(super) fn new(access: Arc<dyn Access>, options: Arc<HttpOptions>) -> Arc<Self> {
        let mut key = [0; 32];
        // Without a secret nothing is remembered.
        let key = getrandom::fill(&mut key).is_ok().then_some(key);
        Arc::new(Self {
            access,
            at_once: Semaphore::new(options.attempts_at_once_max),
            options,
            peers: Mutex::default(),
            verified: Mutex::default(),
            key,
        })
    }

    /// Who a request is from, and what to answer where that cannot be said.
    pub(super) async fn principal(
        self: &Arc<Self>,
        authorization: Option<&HeaderValue>,
        peer: Option<Peer>,
    ) -> Result<Principal, Answer> {
        let Some(authorization) = authorization else { return Ok(Principal::Anonymous) };
        let Authorization { credentials } = match Authorization::parse(authorization.as_bytes()) {
            Ok(authorization) => authorization,
            Err(error @ AuthorizationError::Scheme) => {
                return Err(sign_in(&self.options.realm, &error.to_string()));
            }
            Err(error) => return Err(refusal(StatusCode::BAD_REQUEST, &error.to_string())),
        };
        let hash = self.hash(&credentials);
        if let Some(known) = self.recall(hash) {
            return Ok(known);
        }
        let turn = Turn::take(self, peer.map(|Peer(address)| network(address.ip())));
        let turn = turn.ok_or_else(|| later("too many attempts at once, try again later"))?;
        let this = Arc::clone(self);
        // It goes on where the client hangs up: who does not wait for the answer does not try faster.
        let looked_at = tokio::spawn(async move { this.look_at(credentials, hash, turn).await }).await;
        match looked_at
            .unwrap_or_else(|_| Err(SignInError::Unavailable("looking at them has panicked".to_owned())))
        {
            Ok(principal) => Ok(principal),
            Err(error) => {
                tracing::info!(%error, peer = ?peer, "not signed in");
                Err(match error {
                    SignInError::Wrong => sign_in(&self.options.realm, "wrong name or password"),
                    SignInError::Later => later("too many attempts, try again later"),
                    SignInError::Unavailable(_) => internal(),
                })
            }
        }
    }

    async fn look_at(
        self: Arc<Self>,
        credentials: Credentials,
        hash: Option<ObjectId>,
        turn: Turn,
    ) -> Result<Principal, SignInError> {
        // Neither is ever closed, so there is always a permit some time.
        let _place = turn.attempts.places.acquire().await;
        // Another request with the same ones may have been here.
        if let Some(known) = self.recall(hash) {
            return Ok(known);
        }
        let looked_at = {
            let _one = self.at_once.acquire().await;
            let access = Arc::clone(&self.access);
            let looked_at = spawn_blocking(move || access.authenticate(&credentials)).await;
            looked_at
                .unwrap_or_else(|_| Err(SignInError::Unavailable("authenticate has panicked".to_owned())))
        };
        match &looked_at {
            Ok(principal) => self.remember(hash, principal),
            Err(SignInError::Unavailable(_)) => {}
            Err(_) => sleep(self.options.wrong_delay).await,
        }
        looked_at
    }

    /// What stands for credentials where they are remembered: SHA-256 over a secret of this process and them.
    fn hash(&self, credentials: &Credentials) -> Option<ObjectId> {
        let key = self.key.filter(|_| !self.options.verified_for.is_zero())?;
        let mut hasher = Hasher::new(ObjectFormat::Sha256, Trust::Own);
        let length = credentials.user.len() as u64;
        hasher.begin_object(ObjectKind::Blob, length);
        for part in
            [&key[..], &length.to_be_bytes(), credentials.user.as_bytes(), &credentials.password, &key]
        {
            hasher.update(part);
        }
        hasher.finish().ok()
    }

    fn recall(&self, hash: Option<ObjectId>) -> Option<Principal> {
        let now = now();
        let verified = lock(&self.verified);
        let (principal, until) = verified.get(&hash?)?;
        (*until > now).then(|| principal.clone())
    }

    fn remember(&self, hash: Option<ObjectId>, principal: &Principal) {
        let now = now();
        let (Some(hash), Some(until)) = (hash, now.checked_add(self.options.verified_for)) else { return };
        let mut verified = lock(&self.verified);
        if verified.len() >= self.options.verified_max {
            verified.retain(|_, (_, until)| *until > now);
        }
        if verified.len() < self.options.verified_max {
            verified.insert(hash, (principal.clone(), until));
        }
    }
}

/// A place among those of one address; given back when it is dropped.
struct Turn {
    sign_in: Arc<SignIn>,
    peer: Option<IpAddr>,
    attempts: Arc<Attempts>,
}

impl Turn {
    fn take(sign_in: &Arc<SignIn>, peer: Option<IpAddr>) -> Option<Self> {
        let options = &sign_in.options;
        let mut peers = lock(&sign_in.peers);
        let new = || {
            Arc::new(Attempts { places: Semaphore::new(options.attempts_max), waiting: AtomicUsize::new(0) })
        };
        let attempts = Arc::clone(peers.entry(peer).or_insert_with(new));
        let most = options.attempts_max.saturating_add(options.attempts_waiting_max);
        if attempts.waiting.fetch_add(1, Ordering::Relaxed) >= most {
            attempts.waiting.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(Self { sign_in: Arc::clone(sign_in), peer, attempts })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // Under the lock: nobody comes in between.
        let mut peers = lock(&self.sign_in.peers);
        if self.attempts.waiting.fetch_sub(1, Ordering::Relaxed) == 1 {
            peers.remove(&self.peer);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The runtime's clock, which tests can stop.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

#[cfg(test)]
mod tests;
