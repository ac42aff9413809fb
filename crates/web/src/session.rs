//! The door: who is signed in, and how often somebody may knock.
//!
//! Sessions are `app`'s, and outlive a restart. Kept here is only who has failed to sign in of late, by address: whoever
//! guesses keys must wait, and nobody else has to.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ringup_app::{App, AppError, Origin, Principal};
use ringup_core::time::Timestamp;
use secrecy::SecretString;

/// Failed sign-ins from one address before further ones must wait, and how often one more is allowed.
const FAILURES_MAX: u32 = 20;
const FAILURE_EVERY: Duration = Duration::from_secs(6);

/// The same for all addresses together, for whoever has many.
const ALL_FAILURES_MAX: u32 = 1_000;
const ALL_FAILURE_EVERY: Duration = Duration::from_millis(100);

/// Addresses that are remembered. Beyond it the one that failed longest ago is forgotten.
const ADDRESSES_MAX: usize = 10_000;

/// Failed sign-ins of late.
#[derive(Default)]
pub struct Sessions(Mutex<Failed>);

#[derive(Default)]
struct Failed {
    all: Failures,
    by_address: HashMap<Option<IpAddr>, Failures>,
}

#[derive(Clone, Copy, Default)]
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
    pub async fn sign_in(&self, app: &App, key: &str, origin: Origin) -> Result<SecretString, Refused> {
        let now = app.now();
        if let Some(wait) = self.lock().wait(origin.address, now) {
            return Err(Refused::TooMany(wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0))));
        }
        match app.sign_in(key.trim(), origin).await {
            Ok(token) => Ok(token),
            Err(AppError::Unauthenticated(_)) => {
                self.lock().note(origin.address, now);
                Err(Refused::Unknown)
            }
            Err(error) => Err(Refused::App(error)),
        }
    }

    /// The session of this token, if it still stands and its key does. `environment` is where an operator wants to act.
    pub fn find(&self, app: &App, token: &str, environment: Option<&str>) -> Option<Session> {
        let who = app.session(token, environment).ok()?;
        Some(Session { who, csrf: csrf(token) })
    }

    fn lock(&self) -> MutexGuard<'_, Failed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Failed {
    fn wait(&self, address: Option<IpAddr>, now: Timestamp) -> Option<Duration> {
        let own = self.by_address.get(&address.map(network)).and_then(|own| own.wait(now, FAILURES_MAX, FAILURE_EVERY));
        own.max(self.all.wait(now, ALL_FAILURES_MAX, ALL_FAILURE_EVERY))
    }

    fn note(&mut self, address: Option<IpAddr>, now: Timestamp) {
        self.all.note(now, ALL_FAILURE_EVERY);
        let address = address.map(network);
        if self.by_address.len() >= ADDRESSES_MAX && !self.by_address.contains_key(&address) {
            self.by_address.retain(|_, failures| !failures.is_forgiven(now));
        }
        if self.by_address.len() >= ADDRESSES_MAX
            && !self.by_address.contains_key(&address)
            && let Some(oldest) = self.by_address.iter().min_by_key(|(_, failures)| failures.last)
        {
            let oldest = *oldest.0;
            self.by_address.remove(&oldest);
        }
        self.by_address.entry(address).or_default().note(now, FAILURE_EVERY);
    }
}

/// Whoever has one IPv6 address has all of its network of 64 bits.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

impl Failures {
    /// How long to wait before the next try.
    fn wait(&self, now: Timestamp, most: u32, every: Duration) -> Option<Duration> {
        let since = now.saturating_since(self.last);
        (self.count >= most && since < every).then(|| every.saturating_sub(since))
    }

    fn note(&mut self, now: Timestamp, every: Duration) {
        let forgiven = now.saturating_since(self.last).as_millis() / every.as_millis();
        self.count = self.count.saturating_sub(u32::try_from(forgiven).unwrap_or(u32::MAX)).saturating_add(1);
        self.last = now;
    }

    fn is_forgiven(&self, now: Timestamp) -> bool {
        now.saturating_since(self.last) >= FAILURE_EVERY.saturating_mul(self.count)
    }
}

/// Follows from the session's token, which nobody else knows, and does not lead back to it.
fn csrf(token: &str) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(b"forms of the session ");
    context.update(token.as_bytes());
    URL_SAFE_NO_PAD.encode(context.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Timestamp {
        Timestamp::from_secs(1_795_471_200).saturating_add(Duration::from_secs(secs))
    }

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().expect("an address"))
    }

    #[test]
    fn failures_are_forgiven_with_time() {
        let mut failed = Failed::default();
        let one = address("192.0.2.1");
        for _ in 0..FAILURES_MAX {
            assert_eq!(failed.wait(one, at(0)), None);
            failed.note(one, at(0));
        }
        assert_eq!(failed.wait(one, at(0)), Some(FAILURE_EVERY));
        assert_eq!(failed.wait(one, at(2)), Some(Duration::from_secs(4)));
        assert_eq!(failed.wait(one, at(6)), None, "one more is allowed");
        failed.note(one, at(6));
        assert!(failed.wait(one, at(6)).is_some());
        failed.note(one, at(600));
        assert_eq!(failed.wait(one, at(600)), None);
    }

    #[test]
    fn whoever_guesses_keeps_nobody_else_from_the_door() {
        let mut failed = Failed::default();
        for _ in 0..FAILURES_MAX {
            failed.note(address("2001:db8::1"), at(0));
        }
        assert!(failed.wait(address("2001:db8::ffff"), at(0)).is_some(), "the same network");
        assert_eq!(failed.wait(address("2001:db8:0:1::1"), at(0)), None);
        assert_eq!(failed.wait(address("192.0.2.1"), at(0)), None);
        assert_eq!(failed.wait(None, at(0)), None);
    }

    #[test]
    fn many_addresses_together_must_wait_and_are_forgotten() {
        let mut failed = Failed::default();
        for number in 0..20_000_u32 {
            failed.note(Some(IpAddr::V4(number.into())), at(0));
        }
        assert_eq!(failed.by_address.len(), ADDRESSES_MAX);
        assert!(failed.wait(address("192.0.2.1"), at(0)).is_some());
        assert_eq!(failed.wait(address("192.0.2.1"), at(1)), None);
    }
}
