//! One request to a receiver, and what came of it.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use ringup_core::id::EventId;
use ringup_core::key::AccountKey;
use ringup_core::outcome::Outcome;
use ringup_core::shard::Epoch;
use ringup_core::signing::HeaderNames;
use ringup_core::time::Timestamp;
use ringup_core::timing::Timing;

use crate::client_tls::ClientTls;
use crate::probe::Probe;
use crate::sign::SigningKey;
use crate::url_policy::CheckedUrl;

/// One POST. Cheap to build for each attempt: everything of the endpoint is shared.
#[derive(Clone, Debug)]
pub struct Request {
    pub url: CheckedUrl,
    /// Whose request it is: connections are never shared across accounts.
    pub account: AccountKey,
    /// Extra headers of the endpoint and its authorisation, checked by [`crate::header::check`].
    pub headers: Arc<[(HeaderName, HeaderValue)]>,
    /// The payload, sent as it is.
    pub body: Bytes,
    pub webhook: Webhook,
    /// Where the endpoint wants other TLS than everybody has.
    pub tls: Option<ClientTls>,
    /// For the whole exchange, from the name's resolution to the last byte of the answer.
    pub time_limit: Duration,
    /// The wall clock at the time of sending: what `webhook-timestamp` says and what secrets expire by.
    pub now: Timestamp,
    pub fence: Fence,
}

/// Keeps back a request that another node may make by now. Asked as late as can be, since a process may be stopped
/// anywhere between deciding and writing, for longer than its lease: before the first byte goes out, and before each
/// further one until the answer's head is here. A request that is kept back ends as [`Outcome::Interrupted`].
#[derive(Clone, Default)]
pub struct Fence(Option<(Arc<dyn Right>, AccountKey, Epoch)>);

/// Who knows whether this process may still do what it decided under an epoch. Never waits.
pub trait Right: Send + Sync + 'static {
    fn holds(&self, account: AccountKey, epoch: Epoch) -> bool;
}

impl Fence {
    pub fn new(right: Arc<dyn Right>, account: AccountKey, epoch: Epoch) -> Fence {
        Fence(Some((right, account, epoch)))
    }

    pub(crate) fn is_open(&self) -> bool {
        self.0.as_ref().is_none_or(|(right, account, epoch)| right.holds(*account, *epoch))
    }
}

impl fmt::Debug for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Fence").field(&self.0.as_ref().map(|(_, account, epoch)| (account, epoch))).finish()
    }
}

/// One POST that brings no event: it asks another server for something, such as a token.
#[derive(Clone)]
pub struct Question {
    pub url: CheckedUrl,
    pub account: AccountKey,
    /// Checked by [`crate::header::check`].
    pub headers: Arc<[(HeaderName, HeaderValue)]>,
    pub content_type: HeaderValue,
    /// May hold credentials, and so does not print.
    pub body: Bytes,
    pub tls: Option<ClientTls>,
    pub time_limit: Duration,
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question").field("url", &self.url).field("account", &self.account).finish_non_exhaustive()
    }
}

/// Whatever goes out.
pub(crate) enum Outgoing {
    Event(Request),
    Question(Question),
}

impl Outgoing {
    pub fn url(&self) -> &CheckedUrl {
        match self {
            Outgoing::Event(request) => &request.url,
            Outgoing::Question(question) => &question.url,
        }
    }

    pub fn account(&self) -> AccountKey {
        match self {
            Outgoing::Event(request) => request.account,
            Outgoing::Question(question) => question.account,
        }
    }

    pub fn tls(&self) -> Option<&ClientTls> {
        match self {
            Outgoing::Event(request) => request.tls.as_ref(),
            Outgoing::Question(question) => question.tls.as_ref(),
        }
    }

    pub fn is_fenced_off(&self) -> bool {
        match self {
            Outgoing::Event(request) => !request.fence.is_open(),
            Outgoing::Question(_) => false,
        }
    }

    pub fn time_limit(&self) -> Duration {
        match self {
            Outgoing::Event(request) => request.time_limit,
            Outgoing::Question(question) => question.time_limit,
        }
    }
}

/// What the headers say of the event; those of the signature are signed, the others are for convenience.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// The same for every attempt of an event.
    pub id: EventId,
    pub names: HeaderNames,
    /// Newest first; those that have expired do not sign.
    pub keys: Arc<[SigningKey]>,
    /// What happened, since the body does not say: `ringup-event`.
    pub event_type: Arc<str>,
    /// Counted from one: `ringup-attempt`.
    pub attempt: u32,
}

/// How a call ended and how long it took. Whatever the receiver did is in `outcome`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reply {
    pub outcome: Outcome,
    pub duration: Duration,
    pub timing: Timing,
    /// The address that was dialled, where one was.
    pub remote: Option<SocketAddr>,
    /// The request went out on a connection that had carried another before.
    pub reused: bool,
}

/// Something that calls receivers: the real one is [`crate::Egress`]; a simulator brings another.
pub trait Caller: Send + Sync + 'static {
    /// Makes the call. Dropping the future closes the connection.
    fn call(&self, request: Request) -> Pin<Box<dyn Future<Output = Reply> + Send + '_>>;

    /// As [`Caller::call`], for what is no event.
    fn ask(&self, question: Question) -> Pin<Box<dyn Future<Output = Reply> + Send + '_>>;

    /// As [`Caller::call`] on a connection of its own, and tells what was seen on the way.
    fn probe(&self, request: Request) -> Pin<Box<dyn Future<Output = Probe> + Send + '_>> {
        Box::pin(async move { Probe::blind(self.call(request).await) })
    }
}
