//! Operational events: which changes are worth telling, and to whom an announcement goes.

use std::sync::Arc;

use bytes::Bytes;
use ringup_core::endpoint::{Endpoint, StoppedBy};
use ringup_core::event::{KeepPayload, Target};
use ringup_core::filter::Facts;
use ringup_core::key::EnvironmentKey;
use ringup_core::operational::{Notice, OperationalKind, Subject, endpoint_change};
use ringup_core::time::Timestamp;

use crate::directory::{AccountView, Directory};
use crate::seam::{Change, Idempotency, NewEvent};

/// What is to be told of a change, as things stand before it. Nothing where nobody subscribes to that.
pub fn notices(directory: &Directory, change: &Change) -> Vec<Notice> {
    match change {
        Change::PutEndpoint(endpoint) => {
            let old = directory.endpoint(endpoint.key);
            let old = old.as_ref().map(|view| &view.endpoint);
            let account = directory.account(endpoint.account);
            account.and_then(|account| notice(directory, &account, old, Some(endpoint))).into_iter().collect()
        }
        Change::DeleteEndpoint(key) => {
            let account = directory.account_of(*key).and_then(|account| directory.account(account));
            let gone = |account: Arc<AccountView>| {
                let view = account.by_key(*key)?.clone();
                notice(directory, &account, Some(&view.endpoint), None)
            };
            account.and_then(gone).into_iter().collect()
        }
        Change::DeleteAccount(key) => {
            let Some(account) = directory.account(*key) else { return Vec::new() };
            let gone = account.endpoints.iter();
            gone.filter_map(|view| notice(directory, &account, Some(&view.endpoint), None)).collect()
        }
        Change::PutEnvironment(_)
        | Change::FoundEnvironment(..)
        | Change::PutKey(_)
        | Change::RevokeKeys(..)
        | Change::KeysUsed(_)
        | Change::ForgetSessions(_)
        | Change::PutAccount(_)
        | Change::PutEventType(_)
        | Change::DeleteEventType(_)
        | Change::Announced(..)
        | Change::DropNotice(_)
        | Change::Recorded(..)
        | Change::Record(_) => Vec::new(),
    }
}

fn notice(
    directory: &Directory,
    account: &AccountView,
    old: Option<&Endpoint>,
    new: Option<&Endpoint>,
) -> Option<Notice> {
    // Nothing is told about those who are told.
    if account.account.is_operational() {
        return None;
    }
    let kind = endpoint_change(old, new)?;
    let environment = account.account.environment;
    if !is_wanted(directory, environment, kind) {
        return None;
    }
    let stopped = new.and_then(|endpoint| endpoint.stopped);
    Some(Notice {
        kind,
        environment,
        subject: Subject::of(&account.account, new.or(old)?),
        automatic: stopped.is_some_and(|stopped| stopped.by != StoppedBy::Owner),
    })
}

/// Whether anybody hears of such things in this environment.
pub fn is_wanted(directory: &Directory, environment: EnvironmentKey, kind: OperationalKind) -> bool {
    directory.operational_account(environment).is_some_and(|account| !targets(&account, kind).is_empty())
}

/// The event that tells it, to all who want to hear it; `None` if nobody does. `name` makes it one event however often
/// it is accepted.
pub fn announced(
    directory: &Directory,
    environment: EnvironmentKey,
    kind: OperationalKind,
    payload: Bytes,
    name: String,
    now: Timestamp,
    random: [u8; 12],
) -> Option<NewEvent> {
    let account = directory.operational_account(environment)?;
    let targets = targets(&account, kind);
    if targets.is_empty() {
        return None;
    }
    let modes = targets.iter().filter_map(|target| account.by_key(target.endpoint));
    let keep_payload = KeepPayload::of(modes.map(|view| view.settings.log_mode_at(now)), Arc::from([]));
    Some(NewEvent {
        account: account.account.key,
        event_type: Arc::from(kind.word()),
        uid: None,
        channels: Vec::new(),
        extras: Default::default(),
        payload,
        keep_payload,
        targets,
        idempotency: Some(Idempotency { key: name, fingerprint: 0, not_before: Timestamp::default() }),
        unregistered: false,
        asked: None,
        now,
        random,
    })
}

fn targets(account: &AccountView, kind: OperationalKind) -> Vec<Target> {
    let facts = Facts { event_type: kind.word(), channels: &[], tags: &[], payload: b"{}" };
    let wanting = account.endpoints.iter().filter(|view| view.endpoint.subscription.matches(&facts, None));
    wanting
        .map(|view| Target { endpoint: view.endpoint.key, order_key: None, skipped: view.endpoint.stopped.is_some() })
        .collect()
}
