//! Plain examples of everything that is stored, to be varied with struct update syntax.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use ringup_core::account::{Account, ApiKey, Environment, EventType, KeyKind, Role, Validation};
use ringup_core::delivery::{After, DeliveryKey, Ended, Trigger};
use ringup_core::endpoint::{Endpoint, SigningSecret};
use ringup_core::event::{Event, Extras, KeepPayload};
use ringup_core::id::{AccountId, EndpointId, EnvironmentId, EventTypeId, KeyId};
use ringup_core::key::{AccountKey, EndpointKey, EnvironmentKey};
use ringup_core::outcome::BodyEnd;
use ringup_core::scope::Scopes;
use ringup_core::settings::Settings;
use ringup_core::subscription::Subscription;
use ringup_core::time::{Tick, Timestamp};
use ringup_core::timing::Timing;

use crate::log_entry::{Attempt, AttemptResult, Count, OutcomeWord};
use crate::seam::{NewEvent, Settlement};

/// The payload of [`event`].
pub const PAYLOAD: &str = r#"{"ID": "INV-1", "total": 12500.00, "member": {"phone": "+62 812"}}"#;

/// [`PAYLOAD`] with `/member/phone` struck out.
pub const PAYLOAD_STRUCK: &str = r#"{"ID": "INV-1", "total": 12500.00, "member": {"phone": "[redacted]"}}"#;

/// 2026-11-23T12:00:00Z, far from both ends of its day.
pub fn noon() -> Timestamp {
    Timestamp::from_secs(1_795_435_200)
}

pub fn minutes(count: u64) -> Duration {
    Duration::from_mins(count)
}

/// So many days after [`noon`], at noon.
pub fn day(number: u64) -> Timestamp {
    noon().saturating_add(Duration::from_hours(24 * number))
}

/// Pointers to what [`PAYLOAD_STRUCK`] hides.
pub fn pointers() -> Arc<[String]> {
    Arc::from(["/member/phone".to_owned()])
}

pub fn environment(name: &str) -> Environment {
    Environment {
        key: EnvironmentKey(0),
        id: EnvironmentId::new(noon(), unique().into()),
        name: name.to_owned(),
        strict: false,
        validation: Validation::Warn,
        created_at: noon(),
    }
}

pub fn account(environment: i64, number: u32) -> Account {
    Account {
        key: AccountKey(0),
        id: AccountId::new(noon(), unique().into()),
        environment: EnvironmentKey(environment),
        uid: None,
        name: format!("Shop {number}"),
        metadata: BTreeMap::new(),
        settings: Settings::default(),
        created_at: noon(),
        updated_at: noon(),
    }
}

pub fn endpoint(account: AccountKey, number: u32) -> Endpoint {
    Endpoint {
        key: EndpointKey(0),
        id: EndpointId::new(noon(), unique().into()),
        account,
        uid: None,
        url: format!("https://receiver.example/{number}"),
        description: String::new(),
        metadata: BTreeMap::new(),
        subscription: Subscription::default(),
        stopped: None,
        stopped_why: String::new(),
        secrets: vec![SigningSecret { kind: Default::default(), key: Arc::from([7; 32]), expires_at: None }],
        headers: Vec::new(),
        authorization: Default::default(),
        settings: Settings::default(),
        created_at: noon(),
        updated_at: noon(),
    }
}

pub fn event_type(environment: i64, name: &str) -> EventType {
    EventType {
        id: EventTypeId::new(noon(), unique().into()),
        environment: EnvironmentKey(environment),
        name: name.to_owned(),
        description: String::new(),
        group: None,
        archived: false,
        deprecated: false,
        feature_flag: None,
        schemas: None,
        schedule: None,
        hook: None,
        created_at: noon(),
        updated_at: noon(),
    }
}

pub fn api_key(role: Role) -> ApiKey {
    let number = unique();
    let mut token_hash = [0; 32];
    token_hash[..8].copy_from_slice(&number.to_be_bytes());
    ApiKey {
        id: KeyId::new(noon(), number.into()),
        kind: KeyKind::Key,
        role,
        scopes: Scopes::ALL,
        name: "till".to_owned(),
        prefix: "rk_abc".to_owned(),
        token_hash,
        parent: None,
        session: None,
        feature_flags: None,
        created_at: noon(),
        expires_at: None,
        revoked_at: None,
        used_at: None,
    }
}

/// An `invoiceCreated` without targets, kept whole.
pub fn event(account: AccountKey, now: Timestamp) -> NewEvent {
    NewEvent {
        account,
        event_type: Arc::from("invoiceCreated"),
        uid: None,
        channels: Vec::new(),
        extras: Extras::default(),
        payload: Bytes::from_static(PAYLOAD.as_bytes()),
        keep_payload: KeepPayload::Whole,
        targets: Vec::new(),
        idempotency: None,
        unregistered: false,
        asked: None,
        now,
        random: random(),
    }
}

/// An attempt that ended so, logged and counted.
pub fn settlement(event: &Arc<Event>, endpoint: EndpointKey, after: After) -> Settlement {
    let ended_at = event.accepted_at().saturating_add(Duration::from_millis(40));
    let result = result_of(after);
    let gave_up = matches!(after, After::Ended(_));
    Settlement {
        key: DeliveryKey { endpoint, event: event.tick() },
        event: event.clone(),
        after,
        ended_at,
        attempt: Some(attempt(result, event.accepted_at())),
        count: (after != After::Unchanged).then_some(Count {
            minute: ended_at.as_minutes(),
            outcome: result.outcome,
            duration: Duration::from_millis(40),
            gave_up,
        }),
        then: None,
    }
}

/// The same with nothing in the log.
pub fn unlogged(event: &Arc<Event>, endpoint: EndpointKey, after: After) -> Settlement {
    Settlement { attempt: None, ..settlement(event, endpoint, after) }
}

pub fn attempt(result: AttemptResult, started_at: Timestamp) -> Attempt {
    Attempt {
        number: 1,
        trigger: Trigger::Policy,
        started_at,
        duration: Duration::from_millis(40),
        timing: Timing { first_byte: Some(Duration::from_micros(39_500)), ..Timing::default() },
        url: Arc::from("https://receiver.example/1"),
        result,
        response_headers: Bytes::from_static(b"content-type: text/plain\n"),
        response_body: Bytes::from_static(b"thanks"),
        body_end: BodyEnd::Complete,
        random: random(),
    }
}

pub const DELIVERED: AttemptResult = AttemptResult { outcome: OutcomeWord::Delivered, status: Some(200), detail: None };

pub const REFUSED: AttemptResult = AttemptResult { outcome: OutcomeWord::Refused, status: Some(500), detail: None };

/// A retry in seven seconds, the first.
pub fn retry(event: &Event) -> After {
    After::Retry { due_at: event.accepted_at().saturating_add(Duration::from_secs(7)), attempts_made: 1 }
}

pub const EXHAUSTED: After = After::Ended(Ended::Exhausted);

/// Some tick between two events, for pages that start there.
pub fn tick_before(event: &Event) -> Tick {
    Tick(event.tick().0 - 1)
}

/// Differs at each call, so that no two ids are the same.
fn unique() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn random() -> [u8; 12] {
    let mut random = [0xa5; 12];
    random[4..].copy_from_slice(&unique().to_be_bytes());
    random
}

fn result_of(after: After) -> AttemptResult {
    match after {
        After::Delivered => DELIVERED,
        After::Retry { .. } | After::Ended(_) => REFUSED,
        After::Unchanged => AttemptResult { outcome: OutcomeWord::Interrupted, status: None, detail: None },
    }
}
