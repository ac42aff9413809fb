//! Who is signed in. A session is a random token in a cookie; the key behind it is looked at again at every request, so a
//! revoked key ends its sessions at once. Sessions live in memory: a restart asks everybody to sign in again.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ringup_app::{App, AppError, Principal};
use ringup_core::time::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};

/// Without a request for so long, a session ends.
const IDLE_MAX: Duration = Duration::from_hours(12);

/// However busy, a session ends after this time.
const AGE_MAX: Duration = Duration::from_hours(7 * 24);

/// How long the first-run link can be followed.
const LINK_AGE_MAX: Duration = Duration::from_mins(30);

/// Sessions at once. Beyond it the one that was idle longest ends.
const SESSIONS_MAX: usize = 10_000;

/// Failed sign-ins before further ones must wait, and how often one more is allowed.
const FAILURES_MAX: u32 = 20;
const FAILURE_EVERY: Duration = Duration::from_secs(6);

type Hash = [u8; 32];

/// All sessions and links of this process.
#[derive(Default)]
pub struct Sessions(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    sessions: HashMap<Hash, Kept>,
    links: HashMap<Hash, Link>,
    failures: Failures,
}

struct Kept {
    key: SecretString,
    environment: Option<String>,
    csrf: String,
    began: Timestamp,
    seen: Timestamp,
}

struct Link {
    key: SecretString,
    made: Timestamp,
}

#[derive(Default)]
struct Failures {
    count: u32,
    last: Timestamp,
}

/// A session as a request sees it.
#[derive(Clone, Debug)]
pub struct Session {
    pub who: Principal,
    /// What forms carry, so that only our own pages can send them.
    pub csrf: String,
}

/// Why nobody was signed in.
#[derive(Debug)]
pub enum Refused {
    /// The key is not known.
    Unknown,
    /// Too many tries; this many seconds to wait.
    TooMany(u64),
    App(AppError),
}

impl Sessions {
    /// Opens a session for whoever has this key. Answers the token for the cookie.
    pub async fn sign_in(&self, app: &App, key: &str) -> Result<SecretString, Refused> {
        let now = app.now();
        if let Some(wait) = self.lock().failures.wait(now) {
            return Err(Refused::TooMany(wait.as_secs().max(1)));
        }
        match app.admit(key.trim(), None).await {
            Ok(_) => Ok(self.open(app, SecretString::from(key.trim().to_owned()))),
            Err(AppError::Unauthenticated(_)) => {
                self.lock().failures.note(now);
                Err(Refused::Unknown)
            }
            Err(error) => Err(Refused::App(error)),
        }
    }

    /// A link that signs in once, for whoever reads the terminal. Answers its path.
    pub fn first_link(&self, app: &App, key: SecretString) -> String {
        let token = token(app);
        self.lock().links.insert(hash(&token), Link { key, made: app.now() });
        format!("/link/{token}")
    }

    /// Follows a first-run link, or one that came with portal access. It works once.
    pub async fn follow(&self, app: &App, link: &str) -> Option<SecretString> {
        let Some(found) = self.lock().links.remove(&hash(link)) else {
            // Else it came with portal access to one account.
            return app.follow_link(link).await.ok().map(|made| self.open(app, made.token));
        };
        let is_fresh = app.now().saturating_since(found.made) < LINK_AGE_MAX;
        is_fresh.then(|| self.open(app, found.key))
    }

    /// The session of this token, if it still stands and its key does.
    pub fn find(&self, app: &App, token: &str) -> Option<Session> {
        let now = app.now();
        let (key, environment, csrf) = {
            let mut inner = self.lock();
            let kept = inner.sessions.get_mut(&hash(token))?;
            if kept.is_over(now) {
                inner.sessions.remove(&hash(token));
                return None;
            }
            kept.seen = now;
            (kept.key.clone(), kept.environment.clone(), kept.csrf.clone())
        };
        match app.enter(key.expose_secret(), environment.as_deref()) {
            Ok(who) => Some(Session { who, csrf }),
            Err(_) => {
                self.lock().sessions.remove(&hash(token));
                None
            }
        }
    }

    pub fn sign_out(&self, token: &str) {
        self.lock().sessions.remove(&hash(token));
    }

    /// Ends every session that was opened with the same key.
    pub fn sign_out_everywhere(&self, token: &str) {
        let mut inner = self.lock();
        let Some(key) = inner.sessions.get(&hash(token)).map(|kept| hash(kept.key.expose_secret())) else { return };
        inner.sessions.retain(|_, kept| hash(kept.key.expose_secret()) != key);
    }

    /// Where an operator's session acts from now on.
    pub fn enter(&self, token: &str, environment: &str) {
        if let Some(kept) = self.lock().sessions.get_mut(&hash(token)) {
            kept.environment = Some(environment.to_owned());
        }
    }

    fn open(&self, app: &App, key: SecretString) -> SecretString {
        let now = app.now();
        let made = token(app);
        let csrf = token(app);
        let mut inner = self.lock();
        if inner.sessions.len() >= SESSIONS_MAX {
            inner.sessions.retain(|_, kept| !kept.is_over(now));
        }
        if inner.sessions.len() >= SESSIONS_MAX
            && let Some(idle) = inner.sessions.iter().min_by_key(|(_, kept)| kept.seen).map(|(hash, _)| *hash)
        {
            inner.sessions.remove(&idle);
        }
        inner.sessions.insert(hash(&made), Kept { key, environment: None, csrf, began: now, seen: now });
        SecretString::from(made)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn is_over(&self, now: Timestamp) -> bool {
        now.saturating_since(self.seen) >= IDLE_MAX || now.saturating_since(self.began) >= AGE_MAX
    }
}

impl Failures {
    /// How long to wait before the next try.
    fn wait(&self, now: Timestamp) -> Option<Duration> {
        let since = now.saturating_since(self.last);
        (self.count >= FAILURES_MAX && since < FAILURE_EVERY).then(|| FAILURE_EVERY.saturating_sub(since))
    }

    fn note(&mut self, now: Timestamp) {
        let forgiven = now.saturating_since(self.last).as_secs() / FAILURE_EVERY.as_secs();
        self.count = self.count.saturating_sub(u32::try_from(forgiven).unwrap_or(u32::MAX)).saturating_add(1);
        self.last = now;
    }
}

/// 256 random bits.
fn token(app: &App) -> String {
    URL_SAFE_NO_PAD.encode(app.random_bytes::<32>())
}

/// Tokens are found by their hash, so the time this takes says nothing about them.
fn hash(token: &str) -> Hash {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_forgiven_with_time() {
        let at = |secs: u64| Timestamp::from_secs(1_795_471_200).saturating_add(Duration::from_secs(secs));
        let mut failures = Failures::default();
        for _ in 0..FAILURES_MAX {
            assert_eq!(failures.wait(at(0)), None);
            failures.note(at(0));
        }
        assert_eq!(failures.wait(at(0)), Some(FAILURE_EVERY));
        assert_eq!(failures.wait(at(2)), Some(Duration::from_secs(4)));
        assert_eq!(failures.wait(at(6)), None, "one more is allowed");
        failures.note(at(6));
        assert!(failures.wait(at(6)).is_some());
        failures.note(at(600));
        assert_eq!(failures.wait(at(600)), None);
    }
}
