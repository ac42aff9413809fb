//! What a group writes, column by column: `values` in the order of `TYPES`.

mod log;

use std::borrow::Cow;

use ringup_core::delivery::{self, DeliveryKey};
use ringup_core::event::{KeepPayload, Target};
use ringup_core::json;
use ringup_core::key::{AccountKey, EndpointKey};
use ringup_core::time::{Tick, Timestamp};

pub(super) use log::{Attempts, Counters};

use super::fault::Outcome;
use super::link::Value;
use super::row::{bits, integer, keep_columns, words_text};
use crate::seam::NewEvent;
use crate::shape::target::pack_targets;

#[derive(Default)]
pub(super) struct Events<'e> {
    accounts: Vec<i64>,
    ticks: Vec<i64>,
    randoms: Vec<&'e [u8]>,
    types: Vec<&'e str>,
    uids: Vec<Option<&'e str>>,
    keys: Vec<Option<&'e str>>,
    fingerprints: Vec<Option<i64>>,
    channels: Vec<Option<String>>,
    tags: Vec<Option<String>>,
    deliver_ats: Vec<Option<i64>>,
    payload_untils: Vec<Option<i64>>,
    misfits: Vec<Option<String>>,
    unregistereds: Vec<bool>,
    keeps: Vec<i16>,
    redacts: Vec<Option<String>>,
    targets: Vec<Vec<u8>>,
}

impl<'e> Events<'e> {
    pub(super) const TYPES: &'static str = "bigint bigint bytea text text text bigint text text bigint bigint text \
                                            boolean smallint text bytea";

    pub(super) fn push(&mut self, tick: Tick, new: &'e NewEvent) -> Outcome<()> {
        let (keep, redact) = keep_columns(&new.keep_payload)?;
        self.accounts.push(new.account.0);
        self.ticks.push(integer(tick));
        self.randoms.push(&new.random);
        self.types.push(&new.event_type);
        self.uids.push(new.uid.as_deref());
        self.keys.push(new.idempotency.as_ref().map(|idempotency| idempotency.key.as_str()));
        self.fingerprints.push(new.idempotency.as_ref().map(|idempotency| bits(idempotency.fingerprint)));
        self.channels.push(words_text(&new.channels)?);
        self.tags.push(words_text(&new.extras.tags)?);
        self.deliver_ats.push(new.extras.deliver_at.map(Timestamp::as_micros));
        self.payload_untils.push(new.extras.payload_until.map(Timestamp::as_micros));
        self.misfits.push(words_text(&new.extras.misfits)?);
        self.unregistereds.push(new.unregistered);
        self.keeps.push(keep);
        self.redacts.push(redact);
        self.targets.push(pack_targets(&new.targets));
        Ok(())
    }

    pub(super) fn values(&self) -> [Value<'_>; 16] {
        [
            &self.accounts,
            &self.ticks,
            &self.randoms,
            &self.types,
            &self.uids,
            &self.keys,
            &self.fingerprints,
            &self.channels,
            &self.tags,
            &self.deliver_ats,
            &self.payload_untils,
            &self.misfits,
            &self.unregistereds,
            &self.keeps,
            &self.redacts,
            &self.targets,
        ]
    }
}

#[derive(Default)]
pub(super) struct Payloads<'e> {
    accounts: Vec<i64>,
    ticks: Vec<i64>,
    redacted: Vec<bool>,
    bodies: Vec<Cow<'e, [u8]>>,
}

impl<'e> Payloads<'e> {
    pub(super) const TYPES: &'static str = "bigint bigint boolean bytea";

    /// An event that nobody gets meets its payload's fate at once.
    pub(super) fn push(&mut self, tick: Tick, new: &'e NewEvent, unfinished: bool, logged: bool) {
        let whole: &'e [u8] = &new.payload;
        let struck = |pointers: &[String]| json::strike(whole, pointers);
        let kept = match &new.keep_payload {
            _ if unfinished => Some((false, whole.into())),
            KeepPayload::Whole => Some((false, whole.into())),
            KeepPayload::Redacted(pointers) => {
                Some(struck(pointers).map_or((false, whole.into()), |struck| (true, struck.into())))
            }
            KeepPayload::IfLogged(pointers) if logged => {
                Some(struck(pointers).map_or((false, whole.into()), |struck| (true, struck.into())))
            }
            KeepPayload::IfLogged(_) | KeepPayload::Never => None,
        };
        if let Some((redacted, body)) = kept {
            self.accounts.push(new.account.0);
            self.ticks.push(integer(tick));
            self.redacted.push(redacted);
            self.bodies.push(body);
        }
    }

    pub(super) fn values(&self) -> [Value<'_>; 4] {
        [&self.accounts, &self.ticks, &self.redacted, &self.bodies]
    }
}

/// Deliveries that want their first attempt.
#[derive(Default)]
pub(super) struct Live {
    accounts: Vec<i64>,
    ticks: Vec<i64>,
    endpoints: Vec<i64>,
    due_ats: Vec<Option<i64>>,
    order_keys: Vec<Option<i64>>,
}

impl Live {
    pub(super) const TYPES: &'static str = "bigint bigint bigint bigint bigint";

    pub(super) fn push(&mut self, account: AccountKey, tick: Tick, target: &Target, due_at: Option<Timestamp>) {
        self.accounts.push(account.0);
        self.ticks.push(integer(tick));
        self.endpoints.push(target.endpoint.0);
        self.due_ats.push(due_at.map(Timestamp::as_micros));
        self.order_keys.push(target.order_key.map(bits));
    }

    pub(super) fn values(&self) -> [Value<'_>; 5] {
        [&self.accounts, &self.ticks, &self.endpoints, &self.due_ats, &self.order_keys]
    }
}

/// Deliveries that ended without ever having been live.
#[derive(Default)]
pub(super) struct Ended {
    accounts: Vec<i64>,
    ticks: Vec<i64>,
    endpoints: Vec<i64>,
    hows: Vec<&'static str>,
}

impl Ended {
    pub(super) const TYPES: &'static str = "bigint bigint bigint text";

    pub(super) fn push(&mut self, account: AccountKey, tick: Tick, endpoint: EndpointKey, how: delivery::Ended) {
        self.accounts.push(account.0);
        self.ticks.push(integer(tick));
        self.endpoints.push(endpoint.0);
        self.hows.push(how.word());
    }

    pub(super) fn values(&self) -> [Value<'_>; 4] {
        [&self.accounts, &self.ticks, &self.endpoints, &self.hows]
    }
}

/// Live deliveries that are put off.
#[derive(Default)]
pub(super) struct Retries {
    accounts: Vec<i64>,
    ticks: Vec<i64>,
    endpoints: Vec<i64>,
    due_ats: Vec<i64>,
    made: Vec<i32>,
}

impl Retries {
    pub(super) const TYPES: &'static str = "bigint bigint bigint bigint integer";

    pub(super) fn push(&mut self, account: AccountKey, key: DeliveryKey, due_at: Timestamp, attempts_made: u32) {
        self.accounts.push(account.0);
        self.ticks.push(integer(key.event));
        self.endpoints.push(key.endpoint.0);
        self.due_ats.push(due_at.as_micros());
        self.made.push(i32::try_from(attempts_made).unwrap_or(i32::MAX));
    }

    pub(super) fn values(&self) -> [Value<'_>; 5] {
        [&self.accounts, &self.ticks, &self.endpoints, &self.due_ats, &self.made]
    }
}

/// Live deliveries that are over.
#[derive(Default)]
pub(super) struct Overs {
    accounts: Vec<i64>,
    ticks: Vec<i64>,
    endpoints: Vec<i64>,
    /// None: delivered.
    hows: Vec<Option<&'static str>>,
}

impl Overs {
    pub(super) const TYPES: &'static str = "bigint bigint bigint text";

    pub(super) fn push(&mut self, account: AccountKey, key: DeliveryKey, how: Option<delivery::Ended>) {
        self.accounts.push(account.0);
        self.ticks.push(integer(key.event));
        self.endpoints.push(key.endpoint.0);
        self.hows.push(how.map(|how| how.word()));
    }

    pub(super) fn values(&self) -> [Value<'_>; 4] {
        [&self.accounts, &self.ticks, &self.endpoints, &self.hows]
    }
}
