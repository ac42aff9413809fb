//! Whether a receiver can be reached, step by step: what was seen, and what it means.
//!
//! Goes by the guarded caller that deliveries go by, as a signed event that is stored nowhere and counts for nothing.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ringup_core::endpoint::SigningSecret;
use ringup_core::id::EventId;
use ringup_core::key::AccountKey;
use ringup_core::outcome::{self, NoToken, Outcome, Phase};
use ringup_core::scope::Scope;
use ringup_core::signing::HeaderNames;
use ringup_core::time::{Tick, Timestamp};
use ringup_egress::sign::SigningKey;
use ringup_egress::token::{Fetched, Tokens};
use ringup_egress::{CheckedUrl, Fence, Probe, Request, TlsFault, Webhook, header, url_policy};
use ringup_store::log_entry::AttemptResult;
use tokio::sync::Semaphore;

use crate::app::{App, endpoint_of};
use crate::cause::Cause;
use crate::error::{AppError, Fault};
use crate::principal::Principal;
use crate::secret::SecretDraft;

/// For the call itself. Somebody is watching, and a receiver that takes longer than this on a small event needs a look.
pub const CHECK_TIME_LIMIT: Duration = Duration::from_secs(10);

/// Checks under way at once, of everybody: each holds a connection for as long as the other side pleases.
const CHECKS_MAX: usize = 16;

/// A certificate that ends sooner than this is worth a warning: most are renewed thirty days ahead.
const CERTIFICATE_LEFT_MIN: Duration = Duration::from_hours(14 * 24);

/// The event type that is sent, of no catalogue.
pub const PING: &str = "ringup.ping";

/// How many may be under way.
pub(crate) struct Checks(Semaphore);

impl Default for Checks {
    fn default() -> Checks {
        Checks(Semaphore::new(CHECKS_MAX))
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum $name { $($variant),* }

        impl $name {
            pub const ALL: &'static [$name] = &[$($name::$variant),*];

            /// A stable name, by which texts are found.
            pub const fn word(self) -> &'static str {
                match self { $($name::$variant => $word),* }
            }
        }
    };
}

words! {
    /// What is looked at, in the order in which a call needs it.
    Step { Dns = "dns", Address = "address", Connect = "connect", Tls = "tls", Token = "token", Ping = "ping" }
}

words! {
    Verdict { Good = "good", Doubtful = "doubtful", Bad = "bad", NotReached = "not_reached" }
}

words! {
    /// What was seen, where the log has no word for it already.
    Seen {
        NoName = "no_name",
        Resolved = "resolved",
        Permitted = "permitted",
        Connected = "connected",
        OwnCatcher = "own_catcher",
        PlainHttp = "plain_http",
        Valid = "valid",
        EndsSoon = "ends_soon",
        Expired = "expired",
        NotYetValid = "not_yet_valid",
        OtherName = "other_name",
        UnknownIssuer = "unknown_issuer",
        Handshake = "handshake",
        Token = "token",
        Answered = "answered",
        NotReached = "not_reached",
    }
}

/// What was seen at a step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Finding {
    Seen(Seen),
    /// As an attempt that ended so would be explained.
    Cause(Cause),
}

impl Finding {
    pub fn word(self) -> &'static str {
        match self {
            Finding::Seen(seen) => seen.word(),
            Finding::Cause(cause) => cause.word(),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CheckLine {
    pub step: Step,
    pub verdict: Verdict,
    pub finding: Finding,
    pub took: Option<Duration>,
}

/// What came of a check.
#[derive(Clone, Debug)]
pub struct Checked {
    pub lines: Vec<CheckLine>,
    /// As it stands in the URL.
    pub host: String,
    pub addresses: Vec<IpAddr>,
    pub tls_version: Option<&'static str>,
    pub certificate_ends_at: Option<Timestamp>,
    /// Of the answer to the ping.
    pub status: Option<u16>,
    /// How long the token that was had is good for.
    pub token_life: Option<Duration>,
    pub took: Duration,
    /// The receiver cannot know the secret that signed, because nothing was saved yet.
    pub is_draft: bool,
}

impl Checked {
    /// The worst of all steps.
    pub fn verdict(&self) -> Verdict {
        let has = |verdict| self.lines.iter().any(|line| line.verdict == verdict);
        match (has(Verdict::Bad), has(Verdict::Doubtful)) {
            (true, _) => Verdict::Bad,
            (_, true) => Verdict::Doubtful,
            _ => Verdict::Good,
        }
    }
}

impl App {
    /// Checks an endpoint as it is saved: with its secrets, headers, authorisation and certificates.
    pub async fn check_endpoint(
        &self,
        principal: &Principal,
        account: &str,
        endpoint: &str,
    ) -> Result<Checked, AppError> {
        let view = self.owned(principal, account, Scope::Endpoints)?;
        let view = endpoint_of(&view, endpoint)?.clone();
        let endpoint = &view.endpoint;
        let url = self.checked_url(&endpoint.url)?;
        let tls = self.client_tls(&endpoint.authorization)?;
        let plan = &self.plan.egress;
        let request = Request {
            headers: header::of_endpoint(endpoint).into(),
            tls: tls.clone(),
            ..self.ping(url, endpoint.account, view.settings.header_names.value, &endpoint.secrets)
        };
        let oauth = endpoint.authorization.oauth();
        let grant = oauth.map(|oauth| Tokens::default().grant(endpoint.key, endpoint.account, oauth, plan, tls));
        let _turn = self.turn()?;
        let caller = self.caller()?;
        let (url, now) = (request.url.clone(), request.now);
        let Some(grant) = grant else {
            let probe = caller.probe(request).await;
            return Ok(self.checked(&url, &probe, None, now, false));
        };
        let (token, waited, probe) = grant.probe(&**caller, request).await;
        Ok(self.checked(&url, &probe, Some((&token, waited)), now, false))
    }

    /// Checks a URL before anything is saved.
    pub async fn check_url(
        &self,
        principal: &Principal,
        account: &str,
        url: &str,
        secret: &SecretDraft,
    ) -> Result<Checked, AppError> {
        let view = self.owned(principal, account, Scope::Endpoints)?;
        let url = self.checked_url(url)?;
        let is_known = secret.text.is_some();
        let secret = self.drafted_secret("secret", secret)?;
        let request = self.ping(url.clone(), view.account.key, view.settings.header_names.value, &[secret]);
        let _turn = self.turn()?;
        let now = request.now;
        let probe = self.caller()?.probe(request).await;
        Ok(self.checked(&url, &probe, None, now, !is_known))
    }

    fn checked_url(&self, url: &str) -> Result<CheckedUrl, AppError> {
        let checked = url_policy::check(url, &self.plan.egress);
        checked.map_err(|problem| Fault::new("url", problem.rule(), problem.to_string()).into())
    }

    fn ping(&self, url: CheckedUrl, account: AccountKey, names: HeaderNames, secrets: &[SigningSecret]) -> Request {
        let now = self.now();
        let id = EventId::of_tick(Tick::at(now), self.random_bytes());
        Request {
            url,
            account,
            headers: Arc::new([]),
            body: Bytes::from_static(br#"{"type":"ringup.ping","data":{}}"#),
            webhook: Webhook {
                id,
                names,
                keys: secrets.iter().filter_map(SigningKey::of).collect(),
                event_type: Arc::from(PING),
                attempt: 1,
            },
            tls: None,
            time_limit: CHECK_TIME_LIMIT,
            now,
            fence: Fence::default(),
        }
    }

    fn turn(&self) -> Result<tokio::sync::SemaphorePermit<'_>, AppError> {
        let busy = || AppError::Unavailable(format!("{CHECKS_MAX} checks are under way already").into());
        self.checks.0.try_acquire().map_err(|_| busy())
    }

    fn checked(
        &self,
        url: &CheckedUrl,
        probe: &Probe,
        token: Option<(&Result<Fetched, NoToken>, Duration)>,
        now: Timestamp,
        is_draft: bool,
    ) -> Checked {
        let is_own = self.plan.egress.catcher.as_ref().is_some_and(|own| own.is_at(url.as_str()));
        let tls = probe.sight.tls.and_then(Result::ok);
        let answer = probe.reply.outcome.answer();
        Checked {
            lines: lines(probe, url.is_https(), is_own, token, now),
            host: url.host().to_owned(),
            addresses: probe.sight.addresses.clone(),
            tls_version: tls.map(|tls| tls.version),
            certificate_ends_at: tls.and_then(|tls| tls.certificate_ends_at),
            status: answer.map(|answer| answer.status),
            token_life: token.and_then(|(token, _)| token.as_ref().ok()).and_then(|fetched| fetched.expires_in),
            took: probe.reply.duration.saturating_add(token.map(|(_, waited)| waited).unwrap_or_default()),
            is_draft,
        }
    }
}

fn lines(
    probe: &Probe,
    is_https: bool,
    is_own: bool,
    token: Option<(&Result<Fetched, NoToken>, Duration)>,
    now: Timestamp,
) -> Vec<CheckLine> {
    let reply = &probe.reply;
    let timing = &reply.timing;
    let last = ended_at(probe, is_https && !is_own);
    let steps = Step::ALL.iter().filter(|step| match step {
        Step::Token => token.is_some(),
        // Our own listener is called by its address, and speaks plainly.
        Step::Dns | Step::Tls => !is_own,
        Step::Address | Step::Connect | Step::Ping => true,
    });
    let line = |step: &Step| {
        let (took, (verdict, seen)) = match step {
            Step::Token => {
                let (result, waited) = token.expect("the step is left out without one");
                let finding = result.as_ref().err().map(|why| Finding::Cause(cause(&Outcome::NoToken(why.clone()))));
                let verdict = if finding.is_some() { Verdict::Bad } else { Verdict::Good };
                let finding = finding.unwrap_or(Finding::Seen(Seen::Token));
                return CheckLine { step: *step, verdict, finding, took: Some(waited) };
            }
            Step::Dns => {
                (timing.resolve, if timing.resolve.is_some() { good(Seen::Resolved) } else { good(Seen::NoName) })
            }
            Step::Address => (None, good(if is_own { Seen::OwnCatcher } else { Seen::Permitted })),
            Step::Connect => (timing.connect, good(Seen::Connected)),
            Step::Tls => (timing.tls, of_tls(probe, is_https, now)),
            Step::Ping => (timing.first_byte, good(Seen::Answered)),
        };
        let place = |step: Step| Step::ALL.iter().position(|other| *other == step);
        if place(*step) > place(last) {
            return CheckLine {
                step: *step,
                verdict: Verdict::NotReached,
                finding: Finding::Seen(Seen::NotReached),
                took: None,
            };
        }
        if *step != last || verdict == Verdict::Bad || matches!(reply.outcome, Outcome::Delivered(_)) {
            return CheckLine { step: *step, verdict, finding: Finding::Seen(seen), took };
        }
        // Whatever answers, is there; that it refuses may be because it does not know the event.
        let verdict = if reply.outcome.answer().is_some() { Verdict::Doubtful } else { Verdict::Bad };
        CheckLine { step: *step, verdict, finding: Finding::Cause(cause(&reply.outcome)), took }
    };
    steps.map(line).collect()
}

fn good(seen: Seen) -> (Verdict, Seen) {
    (Verdict::Good, seen)
}

fn of_tls(probe: &Probe, is_https: bool, now: Timestamp) -> (Verdict, Seen) {
    match probe.sight.tls {
        None if !is_https => (Verdict::Doubtful, Seen::PlainHttp),
        None => good(Seen::Valid),
        Some(Ok(tls)) => match tls.certificate_ends_at {
            Some(at) if at.saturating_since(now) < CERTIFICATE_LEFT_MIN => (Verdict::Doubtful, Seen::EndsSoon),
            _ => good(Seen::Valid),
        },
        Some(Err(fault)) => (
            Verdict::Bad,
            match fault {
                TlsFault::Expired => Seen::Expired,
                TlsFault::NotYetValid => Seen::NotYetValid,
                TlsFault::OtherName => Seen::OtherName,
                TlsFault::UnknownIssuer => Seen::UnknownIssuer,
                TlsFault::Other => Seen::Handshake,
            },
        ),
    }
}

/// The step at which the call ended.
fn ended_at(probe: &Probe, is_https: bool) -> Step {
    let reply = &probe.reply;
    match &reply.outcome {
        Outcome::Blocked(_) => Step::Address,
        Outcome::TimedOut(Phase::Resolve) | Outcome::Unreachable(outcome::Cause::Dns) => Step::Dns,
        Outcome::TimedOut(Phase::Connect) => Step::Connect,
        Outcome::TimedOut(Phase::Tls) => Step::Tls,
        Outcome::Unreachable(_) if reply.remote.is_none() => Step::Connect,
        Outcome::Unreachable(_) if is_https && !matches!(probe.sight.tls, Some(Ok(_))) => Step::Tls,
        Outcome::Delivered(_)
        | Outcome::Refused(_)
        | Outcome::TimedOut(_)
        | Outcome::Unreachable(_)
        | Outcome::NoToken(_)
        | Outcome::Interrupted => Step::Ping,
    }
}

fn cause(outcome: &Outcome) -> Cause {
    let result = AttemptResult::of(outcome);
    Cause::of_result(result.outcome, result.status, result.detail)
}

#[cfg(test)]
mod tests;
