//! Tokens for receivers that want OAuth 2.0: fetched, kept until shortly before they expire, renewed once on a 401.
//!
//! A token is fetched by the same guarded caller as everything else, within a time limit of its own. Who needs one while
//! it is being fetched waits for that one; if it cannot be had, all of those who waited are told so, and nobody asks again
//! for them. Tokens live in memory only.
//!
//! Source: RFC 6749 §4.4 and §5; RFC 6750 §2.1; `guide.md` §6 (16).

mod answer;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use ringup_core::authorization::{CredentialsIn, OAuth, TokenBody};
use ringup_core::key::{AccountKey, EndpointKey};
use ringup_core::outcome::{NoToken, Outcome};
use ringup_core::timing::Timing;
use tokio::time::Instant;
use url::form_urlencoded;

use crate::client_tls::ClientTls;
use crate::header;
use crate::plan::EgressPlan;
use crate::probe::Probe;
use crate::request::{Caller, Question, Request};
use crate::url_policy;

/// For one call to a token server. Not part of the time limit of the attempt that needs the token.
pub const TOKEN_TIME_LIMIT: Duration = Duration::from_secs(10);

/// Places for tokens: those of endpoints that have none to send go first.
const PLACES_MAX: usize = 10_000;

/// A token is renewed this long before it expires, or a fifth of its life if that is less.
const MARGIN: Duration = Duration::from_secs(30);

/// How long a token is kept that does not say; a 401 ends it at once.
const LIFE_DEFAULT: Duration = Duration::from_mins(5);
const LIFE_MAX: Duration = Duration::from_hours(24);

/// Where tokens are kept, one place for each endpoint and what it says to get one.
#[derive(Default)]
pub struct Tokens {
    places: Mutex<HashMap<PlaceKey, Arc<Place>>>,
}

/// An endpoint, and a hash of what it says to get a token.
type PlaceKey = (EndpointKey, [u8; 16]);

#[derive(Default)]
struct Place(tokio::sync::Mutex<Kept>);

#[derive(Default)]
struct Kept {
    token: Option<Token>,
    /// Why the last fetch failed, and when.
    failure: Option<(Instant, NoToken)>,
}

#[derive(Clone)]
struct Token {
    /// `Bearer …`, marked sensitive.
    value: HeaderValue,
    until: Instant,
}

/// How one endpoint gets its token. Made once for each change of its configuration.
pub struct Grant {
    question: Result<Question, NoToken>,
    place: Arc<Place>,
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant").field("question", &self.question).finish_non_exhaustive()
    }
}

/// A token that was asked for to see whether it can be had.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fetched {
    /// As the token server says.
    pub expires_in: Option<Duration>,
}

impl Tokens {
    /// Endpoints that say the same as before find the token that they had.
    pub fn grant(
        &self,
        endpoint: EndpointKey,
        account: AccountKey,
        oauth: &OAuth,
        plan: &EgressPlan,
        tls: Option<ClientTls>,
    ) -> Grant {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if places.len() >= PLACES_MAX {
            places.retain(|_, place| Arc::strong_count(place) > 1);
        }
        let place = if places.len() < PLACES_MAX {
            places.entry((endpoint, fingerprint(oauth))).or_default().clone()
        } else {
            // It works without a place among the others; it is only not found again after the next change.
            Arc::default()
        };
        Grant { question: question(account, oauth, plan, tls), place }
    }
}

/// What came of an attempt.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Called {
    pub outcome: Outcome,
    /// Of the call to the receiver, the last one if there were two.
    pub timing: Timing,
    /// How much of the time went into tokens.
    pub waited: Duration,
}

impl Called {
    fn without(why: NoToken, waited: Duration) -> Called {
        Called { outcome: Outcome::NoToken(why), timing: Timing::default(), waited }
    }
}

impl Grant {
    /// Makes the call with a token.
    ///
    /// A 401 renews the token and sends the request again, once: what comes of that is what came of the attempt.
    pub async fn call(&self, caller: &dyn Caller, request: Request) -> Called {
        let began = Instant::now();
        let token = match self.token(caller, None).await {
            Ok(token) => token,
            Err(why) => return Called::without(why, began.elapsed()),
        };
        let waited = began.elapsed();
        let reply = caller.call(with(&request, &token)).await;
        if !matches!(&reply.outcome, Outcome::Refused(answer) if answer.status == 401) {
            return Called { outcome: reply.outcome, timing: reply.timing, waited };
        }
        let refused_at = Instant::now();
        let renewed = match self.token(caller, Some(&token)).await {
            Ok(renewed) => renewed,
            Err(why) => return Called::without(why, waited + refused_at.elapsed()),
        };
        let waited = waited + refused_at.elapsed();
        let reply = caller.call(with(&request, &renewed)).await;
        Called { outcome: reply.outcome, timing: reply.timing, waited }
    }

    /// The token that is kept, unless it is over or the one that was `refused`; else a new one.
    async fn token(&self, caller: &dyn Caller, refused: Option<&Token>) -> Result<Token, NoToken> {
        let question = self.question.as_ref().map_err(NoToken::clone)?;
        let arrived = Instant::now();
        let mut kept = self.place.0.lock().await;
        if let Some(token) = &kept.token
            && arrived < token.until
            && refused.is_none_or(|refused| refused.value != token.value)
        {
            return Ok(token.clone());
        }
        if let Some((at, why)) = &kept.failure
            && *at > arrived
        {
            return Err(why.clone());
        }
        let fetched = fetch(caller, question.clone()).await;
        kept.failure = fetched.as_ref().err().map(|why| (Instant::now(), why.clone()));
        kept.token = fetched.as_ref().ok().map(|(token, _)| token.clone());
        fetched.map(|(token, _)| token)
    }

    /// Fetches a token that nobody keeps, to see whether one can be had. Answers how long that took, too.
    pub async fn try_out(&self, caller: &dyn Caller) -> (Result<Fetched, NoToken>, Duration) {
        let began = Instant::now();
        let result = match &self.question {
            Ok(question) => fetch(caller, question.clone()).await.map(|(_, expires_in)| Fetched { expires_in }),
            Err(why) => Err(why.clone()),
        };
        (result, began.elapsed())
    }
}

impl Grant {
    /// Looks at the way to the receiver, with a token that is fetched for this and that nobody keeps, if one can be had.
    /// Answers what came of that and how long it took, too.
    pub async fn probe(&self, caller: &dyn Caller, request: Request) -> (Result<Fetched, NoToken>, Duration, Probe) {
        let began = Instant::now();
        let fetched = match &self.question {
            Ok(question) => fetch(caller, question.clone()).await,
            Err(why) => Err(why.clone()),
        };
        let waited = began.elapsed();
        let request = match &fetched {
            Ok((token, _)) => with(&request, token),
            Err(_) => request,
        };
        let probe = caller.probe(request).await;
        (fetched.map(|(_, expires_in)| Fetched { expires_in }), waited, probe)
    }
}

async fn fetch(caller: &dyn Caller, question: Question) -> Result<(Token, Option<Duration>), NoToken> {
    let asked = Instant::now();
    let answer = match caller.ask(question).await.outcome {
        Outcome::Delivered(answer) => answer,
        Outcome::Refused(answer) => {
            return Err(NoToken::Refused { status: answer.status, error: answer::error(&answer.body) });
        }
        Outcome::TimedOut(phase) => return Err(NoToken::TimedOut(phase)),
        Outcome::Unreachable(cause) => return Err(NoToken::Unreachable(cause)),
        Outcome::Blocked(rule) => return Err(NoToken::Blocked(rule)),
        Outcome::NoToken(why) => return Err(why),
        Outcome::Interrupted => return Err(NoToken::Unreachable(ringup_core::outcome::Cause::Local)),
    };
    let found = answer::token(&answer.body).ok_or(NoToken::Unusable)?;
    let value = bearer(&found.token).ok_or(NoToken::Unusable)?;
    let life = found.expires_in.unwrap_or(LIFE_DEFAULT).min(LIFE_MAX);
    let until = asked + life.saturating_sub(MARGIN.min(life / 5));
    Ok((Token { value, until }, found.expires_in))
}

/// The request with the token in place of whatever stood in that header.
fn with(request: &Request, token: &Token) -> Request {
    let others = request.headers.iter().filter(|(name, _)| *name != AUTHORIZATION).cloned();
    let headers: Vec<(HeaderName, HeaderValue)> = others.chain([(AUTHORIZATION, token.value.clone())]).collect();
    Request { headers: headers.into(), ..request.clone() }
}

/// What is sent to the token server.
fn question(
    account: AccountKey,
    oauth: &OAuth,
    plan: &EgressPlan,
    tls: Option<ClientTls>,
) -> Result<Question, NoToken> {
    let url = url_policy::check(&oauth.token_url, plan).map_err(|problem| NoToken::Blocked(problem.blocked_by()))?;
    let extra = oauth.headers.iter().map(|(name, value)| (name.as_str(), value.expose()));
    // They were checked when they were saved; a set that no longer passes is left out rather than half sent.
    let mut headers = header::check(extra).unwrap_or_default();
    if oauth.credentials == CredentialsIn::Header {
        headers.retain(|(name, _)| *name != AUTHORIZATION);
        headers.push((AUTHORIZATION, basic(&encoded(&oauth.client_id), &encoded(oauth.client_secret.expose()))));
    }
    let (content_type, body) = match oauth.body {
        TokenBody::Form => ("application/x-www-form-urlencoded", form(&members(oauth))),
        TokenBody::Json => ("application/json", json(&members(oauth))),
    };
    let content_type = HeaderValue::from_static(content_type);
    Ok(Question { url, account, headers: headers.into(), content_type, body, tls, time_limit: TOKEN_TIME_LIMIT })
}

fn members(oauth: &OAuth) -> Vec<(&str, &str)> {
    let mut members = vec![("grant_type", "client_credentials")];
    members.extend(oauth.scope.as_deref().map(|scope| ("scope", scope)));
    if oauth.credentials == CredentialsIn::Body {
        members.extend([("client_id", oauth.client_id.as_str()), ("client_secret", oauth.client_secret.expose())]);
    }
    members.extend(oauth.parameters.iter().map(|(name, value)| (name.as_str(), value.expose())));
    members
}

fn form(members: &[(&str, &str)]) -> Bytes {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(members).finish().into()
}

fn json(members: &[(&str, &str)]) -> Bytes {
    let members = members.iter().map(|(name, value)| ((*name).to_owned(), (*value).into()));
    serde_json::Value::Object(members.collect()).to_string().into()
}

/// RFC 6749 §2.3.1 has both halves encoded like a form before they are joined.
fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// The value of a Bearer authorisation, RFC 6750. Marked sensitive. `None` for a text that no header can carry.
pub fn bearer(token: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(&format!("Bearer {token}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The value of a Basic authorisation, RFC 7617. Marked sensitive.
pub fn basic(user: &str, password: &str) -> HeaderValue {
    let text = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
    let mut value = HeaderValue::from_str(&text).expect("base64 is header text");
    value.set_sensitive(true);
    value
}

/// Of everything that decides which token one gets.
fn fingerprint(oauth: &OAuth) -> [u8; 16] {
    let mut context = digest::Context::new(&digest::SHA256);
    let further = oauth.parameters.iter().chain(&oauth.headers);
    let texts = [
        oauth.token_url.as_str(),
        &oauth.client_id,
        oauth.client_secret.expose(),
        oauth.credentials.word(),
        oauth.body.word(),
        oauth.scope.as_deref().unwrap_or_default(),
    ];
    for text in texts.into_iter().chain(further.flat_map(|(name, value)| [name.as_str(), value.expose()])) {
        context.update(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_le_bytes());
        context.update(text.as_bytes());
    }
    let digest = context.finish();
    let (first, _) = digest.as_ref().split_first_chunk().expect("a digest has 32 bytes");
    *first
}
