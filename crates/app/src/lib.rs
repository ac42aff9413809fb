//! What may be asked of Ringup: publish, accounts, endpoints, event types, settings, history, keys.
//!
//! Every verb takes the [`Principal`] who asks and decides here, once, whether the caller owns what is asked for. What
//! belongs to somebody else is answered as if it did not exist. No verb knows how it was asked: words for the wire, status
//! codes and JSON are the callers' business.

mod account;
mod api_key;
mod app;
mod audit;
mod authorization;
mod catcher;
mod cause;
mod check;
mod console;
mod content;
pub mod diagnosis;
mod endpoint;
mod error;
mod event_type;
mod example;
pub mod fleet;
mod founding;
pub mod guide;
mod header;
mod history;
mod hook;
mod import;
mod inspection;
mod latency;
mod live;
mod logged;
mod operational;
mod origin;
mod policy;
mod poll;
mod principal;
mod publish;
mod resend;
mod sample;
mod schema;
mod secret;
mod session;
mod setting;
mod standing;
mod subscription;
mod task;
mod traffic;
mod validation;
mod verify;
mod why;

pub use account::AccountDraft;
pub use api_key::{FirstStart, KeyDraft, KeyPlace, KeyRequest, NewKey, PlaceOfKey, new_environment, new_key};
pub use app::{App, Plan};
pub use audit::{AuditQuery, by_machine};
pub use authorization::{AuthorizationView, TokenTried};
pub use catcher::{
    CatcherDraft, CatcherPlan, CatcherView, Catchers, Caught, CaughtFormat, CaughtRequest, Incoming, Listed,
    NewCatcher, Reader, Turn, Waited, caught_as,
};
pub use cause::{Cause, Side};
pub use endpoint::{EndpointDraft, NewEndpoint};
pub use error::{AppError, Fault};
pub use event_type::EventTypeDraft;
pub use founding::Founding;
pub use history::Sent;
pub use hook::{Declarations, HookAnswer, HookDraft, HookType, HookTypeDraft};
pub use inspection::{CHECK_TIME_LIMIT, CheckLine, Checked, Finding, PING, Seen, Step, Verdict};
pub use latency::nearest_rank;
pub use live::{Follower, LOG_WAIT_MAX, News};
pub use logged::{LogAsk, LogPage, Logged};
pub use origin::{Origin, Peer, RequestId};
pub use policy::PolicyView;
pub use poll::{Polled, Pull, position_id};
pub use principal::{CallerName, Principal};
pub use publish::{Publish, Published};
pub use resend::{RESEND_RATE_DEFAULT, ResendDraft, ResendEstimate};
pub use sample::{Sample, SampleOrigin, example_of};
pub use schema::{Misfit, SchemaFault, check as check_schemas};
pub use secret::SecretDraft;
pub use session::{Identity, PortalAccess, PortalDraft};
pub use setting::{KeptFor, SettingsView};
pub use standing::{AttemptStats, EndpointStats};
pub use subscription::{TRIED_EVENTS_MAX, Tried};
pub use task::{TaskDraft, TaskEstimate};
pub use traffic::Traffic;
pub use verify::SignedExample;
pub use why::{Reason, Why, WhyEndpoint};

/// What verbs answer with, in the store's words.
pub mod view {
    pub use ringup_core::audit::AuditEntry;
    pub use ringup_store::directory::{AccountView, EndpointView};
    pub use ringup_store::keyring::KnownKey;
    pub use ringup_store::log_entry::OutcomeWord;
    pub use ringup_store::log_query::status_of;
    pub use ringup_store::query::{
        AttemptFilter, EndpointEvent, EndpointEventFilter, EventFilter, MinuteCount, Order, Page, PageRequest, Payload,
        Reach, StandingCounts, StoredAttempt, StoredEvent, TaskFilter,
    };
    pub use ringup_store::seam::EventName;
}
