//! A request comes in: it is checked, counted, kept, and told what to answer.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use ringup_core::catcher::{Answer, Capture, Catcher, FixedBody, Stamp, Step, draw, headers, next_answer};
use ringup_core::id::EndpointId;
use ringup_core::key::CatcherKey;
use ringup_egress::sign::SigningKey;
use ringup_store::StoreError;
use ringup_store::catcher::Taken;

use crate::app::App;
use crate::diagnosis::{Signature, diagnose};
use crate::error::AppError;

/// Bytes of a path and query, and of a method, that are kept.
const TARGET_BYTES_MAX: usize = 8 * 1024;
const METHOD_BYTES_MAX: usize = 64;

/// Bytes of a `webhook-id` that is counted by.
const EVENT_BYTES_MAX: usize = 256;

/// A request to a write URL, as it came.
#[derive(Clone, Debug)]
pub struct Incoming {
    pub method: String,
    pub target: String,
    pub version: String,
    /// The header lines, in order.
    pub head: Bytes,
    /// Not more than [`App::catcher_body_bytes_max`].
    pub body: Bytes,
    /// How much came.
    pub body_bytes: u64,
    pub peer: Option<SocketAddr>,
}

/// What a request is answered.
#[derive(Clone, Debug)]
pub struct Caught {
    pub answer: Answer,
    pub body: Option<FixedBody>,
    catcher: CatcherKey,
    number: u64,
}

impl App {
    /// Bytes of a request's body that catchers keep.
    pub fn catcher_body_bytes_max(&self) -> usize {
        self.catchers.plan.body_bytes_max
    }

    /// Takes in a request to the write URL with this token. Asks for nothing else: whoever has the URL may send.
    ///
    /// `NotFound` for a token that is nobody's, `Unavailable` while more comes than is taken.
    pub async fn catch(&self, token: &str, incoming: Incoming) -> Result<Caught, AppError> {
        let now = self.now();
        let unknown = || AppError::NotFound { what: "catcher", name: String::new() };
        let catcher = self.catchers.store.addressed(token.to_owned()).await?.ok_or_else(unknown)?;
        let (endpoint, secrets) = self.secrets_for(&catcher);
        let signature = Signature::of(headers(&incoming.head).collect::<Vec<_>>().into_iter());
        let verdict = diagnose(&signature, &incoming.body, &secrets, now).verdict;
        let event = signature.id.filter(|id| id.len() <= EVENT_BYTES_MAX);
        let whole = Capture {
            catcher: catcher.key,
            number: 0,
            at: now,
            method: cut(incoming.method, METHOD_BYTES_MAX),
            target: cut(incoming.target, TARGET_BYTES_MAX),
            version: incoming.version,
            head: incoming.head,
            kept_bytes: incoming.body.len() as u64,
            body: incoming.body,
            body_bytes: incoming.body_bytes,
            peer: incoming.peer,
            event: event.clone(),
            repeats: None,
            endpoint,
            signature: verdict.text(),
            answer: String::new(),
            step: None,
            stamp: None,
        };
        let shown = Arc::new(move |taken: &Taken| {
            let answer = answer_to(taken);
            let step = answer.step.and_then(|step| u32::try_from(step).ok());
            let shown = Step { action: answer.action, count: 1, chance: None, delay: answer.delay };
            let (number, repeats) = (taken.number, taken.sighting.repeats);
            Capture { number, repeats, answer: shown.to_string(), step, ..whole.clone() }
        });
        let taken = self.catchers.store.take(catcher.key, event, shown).await.map_err(|error| match error {
            // It was removed while its signature was checked.
            StoreError::NotFound => unknown(),
            error => error.into(),
        })?;
        let body = taken.catcher.body.clone();
        Ok(Caught { answer: answer_to(&taken), body, catcher: taken.catcher.key, number: taken.number })
    }

    /// The answer is over.
    pub fn caught(&self, caught: &Caught, waited: std::time::Duration, cut_short: bool) {
        let waited_us = u64::try_from(waited.as_micros()).unwrap_or(u64::MAX);
        self.catchers.store.stamp(caught.catcher, caught.number, Stamp { waited_us, cut_short });
    }

    /// Whose secrets check what this catcher gets: the endpoint that was named, else the one that has its URL.
    pub(super) fn secrets_for(&self, catcher: &Catcher) -> (Option<EndpointId>, Vec<SigningKey>) {
        let Some(view) = self.directory().account(catcher.account) else { return (None, Vec::new()) };
        let named = catcher.endpoint.and_then(|id| view.endpoints.iter().find(|view| view.endpoint.id == id));
        let found =
            named.or_else(|| view.endpoints.iter().find(|view| view.endpoint.url.contains(&catcher.write_token)));
        let Some(found) = found else { return (None, Vec::new()) };
        let keys = found.endpoint.signing_secrets(self.now()).filter_map(SigningKey::of).collect();
        (Some(found.endpoint.id), keys)
    }
}

/// What the script says to a request that was counted.
fn answer_to(taken: &Taken) -> Answer {
    let script = &taken.catcher.script;
    let seed = script.seed.unwrap_or(taken.catcher.seed);
    next_answer(script, taken.sighting.seen, draw(seed, taken.sighting.requests))
}

fn cut(mut text: String, bytes_max: usize) -> String {
    let mut end = bytes_max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}
