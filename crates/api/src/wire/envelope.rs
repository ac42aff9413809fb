//! `MessageIn`, read in one pass. The payload is not read at all: it stays the bytes that came.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use ringup_app::Publish;
use ringup_core::limits::BATCH_EVENTS_MAX;
use ringup_core::time::Timestamp;
use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::problem::{Item, Problem};
use crate::visit::Visit;
use crate::wire::account::ApplicationIn;
use crate::wire::{field, json, time};

/// What is published: an event of a type, with a payload.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes what `Envelope` reads, which has no payload of its own")]
pub struct MessageIn {
    #[schema(min_length = 1, max_length = 256, pattern = r"^[a-zA-Z0-9\-_.]+$", example = "invoiceCreated")]
    event_type: String,
    /// An object. It is sent as the bytes that came, spaces and all.
    #[schema(value_type = Object)]
    payload: (),
    /// Your own name for it; a second message of the same name is answered 409.
    event_id: Option<String>,
    /// Endpoints with channels get only what shares one with them.
    channels: Option<Vec<String>>,
    /// Words to find it by in lists.
    #[schema(max_items = 5)]
    tags: Option<Vec<String>>,
    /// Deliveries begin at this time, at most 30 days ahead; one that has passed is now. To take it back, expunge the
    /// message's content.
    #[schema(value_type = Option<String>, format = DateTime)]
    deliver_at: (),
    /// Days after which the payload goes, once no delivery is waiting. Days or hours, not both.
    #[schema(minimum = 1, maximum = 90)]
    payload_retention_period: Option<i64>,
    #[schema(minimum = 1, maximum = 2160)]
    payload_retention_hours: Option<i64>,
    /// Made under the name in the path if there is nothing there.
    application: Option<ApplicationIn>,
}

/// Messages to publish in one commit.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `Batch` reads, which takes every message for itself")]
pub struct BatchIn {
    #[schema(min_items = 1, max_items = 500)]
    messages: Vec<MessageIn>,
}

/// What a publisher wraps a payload in.
///
/// A key that is there twice is remembered and refused afterwards: two readers would not agree on which one counts.
#[derive(Debug, Default)]
pub struct Envelope<'a> {
    event_type: Option<Cow<'a, str>>,
    event_id: Option<Cow<'a, str>>,
    channels: Option<Vec<String>>,
    payload: Option<&'a RawValue>,
    /// `ApplicationIn`: the account to make if there is none.
    pub application: Option<&'a RawValue>,
    tags: Option<Vec<String>>,
    deliver_at: Option<Cow<'a, str>>,
    retention_days: Option<i64>,
    retention_hours: Option<i64>,
    twice: Option<String>,
}

/// An envelope that has what it must have.
#[derive(Debug)]
pub struct Sealed<'a> {
    pub event_type: Cow<'a, str>,
    pub event_id: Option<Cow<'a, str>>,
    pub channels: Vec<String>,
    pub tags: Vec<String>,
    pub deliver_at: Option<Timestamp>,
    keep_payload_for: Option<Duration>,
    pub payload: &'a RawValue,
    pub application: Option<&'a RawValue>,
}

impl<'a> Sealed<'a> {
    pub fn read(body: &'a [u8]) -> Result<Sealed<'a>, Problem> {
        json::read::<Envelope<'a>>(body)?.seal()
    }

    /// What to publish.
    ///
    /// The payload is copied, once: it may wait for hours in a lane, and a share of the body would keep the
    /// connection's whole read buffer in memory that long, or all of a batch.
    pub fn publish(&self) -> Publish<'_> {
        Publish {
            event_type: &self.event_type,
            uid: self.event_id.as_deref(),
            channels: self.channels.clone(),
            tags: self.tags.clone(),
            deliver_at: self.deliver_at,
            keep_payload_for: self.keep_payload_for,
            payload: Bytes::copy_from_slice(self.payload.get().as_bytes()),
        }
    }
}

impl<'a> Envelope<'a> {
    fn seal(self) -> Result<Sealed<'a>, Problem> {
        if let Some(key) = self.twice {
            let why = format!("the key {key:?} is there twice");
            return Err(Problem::misfit(vec![Item::in_body(&key, "duplicate_key", why)]));
        }
        let deliver_at = self.deliver_at.as_deref().map(moment).transpose()?;
        let keep_payload_for = kept(self.retention_days, self.retention_hours)?;
        match (self.event_type, self.payload) {
            (Some(event_type), Some(payload)) => Ok(Sealed {
                event_type,
                event_id: self.event_id,
                channels: self.channels.unwrap_or_default(),
                tags: self.tags.unwrap_or_default(),
                deliver_at,
                keep_payload_for,
                payload,
                application: self.application,
            }),
            (event_type, payload) => {
                let missing = [("eventType", event_type.is_none()), ("payload", payload.is_none())];
                let missing = missing.iter().filter(|(_, is_missing)| *is_missing);
                let item = |(name, _): &(&str, bool)| Item::in_body(name, "missing", format!("`{name}` is missing"));
                Err(Problem::misfit(missing.map(item).collect()))
            }
        }
    }
}

fn moment(text: &str) -> Result<Timestamp, Problem> {
    time::parse(text).ok_or_else(|| {
        let why = "expected a time such as 2026-11-23T08:30:00Z".to_owned();
        Problem::misfit(vec![Item::in_body("deliverAt", "time", why)])
    })
}

/// How long the payload is kept. Whether that is within bounds is decided by who keeps it.
fn kept(days: Option<i64>, hours: Option<i64>) -> Result<Option<Duration>, Problem> {
    if days.is_some() && hours.is_some() {
        let why = "give `payloadRetentionPeriod` in days or `payloadRetentionHours`, not both".to_owned();
        return Err(Problem::misfit(vec![Item::in_body("payloadRetentionHours", "twice", why)]));
    }
    // Below zero is zero, which is out of bounds as well.
    let hours = hours.or(days.map(|days| days.saturating_mul(24)));
    let secs = |hours: i64| u64::try_from(hours).unwrap_or_default().saturating_mul(3_600);
    Ok(hours.map(|hours| Duration::from_secs(secs(hours))))
}

/// The body of a batch: each message as it stands, to be read and answered for itself.
#[derive(Debug, serde::Deserialize)]
pub struct Batch<'a> {
    #[serde(borrow)]
    messages: Messages<'a>,
}

impl<'a> Batch<'a> {
    pub fn messages(&self) -> &[&'a RawValue] {
        &self.messages.0
    }
}

impl<'de> Deserialize<'de> for Envelope<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Envelope<'de>, D::Error> {
        deserializer.deserialize_map(EnvelopeVisitor)
    }
}

struct EnvelopeVisitor;

impl<'de> Visitor<'de> for EnvelopeVisitor {
    type Value = Envelope<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with eventType and payload")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Envelope<'de>, A::Error> {
        let mut envelope = Envelope::default();
        let mut seen = Seen::default();
        while let Some(Key(key)) = map.next_key()? {
            if !seen.first_time(key.clone()) && envelope.twice.is_none() {
                envelope.twice = Some(key.chars().take(64).collect());
            }
            match key.as_ref() {
                "eventType" => envelope.event_type = Some(map.next_value::<Key<'de>>()?.0),
                "eventId" => envelope.event_id = map.next_value::<Option<Key<'de>>>()?.map(|Key(text)| text),
                "channels" => envelope.channels = map.next_value()?,
                // `data` is what some publishers call it.
                "payload" | "data" => envelope.payload = Some(map.next_value()?),
                "tags" => envelope.tags = map.next_value()?,
                "deliverAt" => envelope.deliver_at = map.next_value::<Option<Key<'de>>>()?.map(|Key(text)| text),
                "payloadRetentionPeriod" => envelope.retention_days = map.next_value()?,
                "payloadRetentionHours" => envelope.retention_hours = map.next_value()?,
                "application" => envelope.application = map.next_value()?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        seen.tell();
        Ok(envelope)
    }
}

/// Keys that were there. The known ones cost no memory.
#[derive(Default)]
struct Seen<'a> {
    known: [bool; KNOWN.len()],
    others: BTreeSet<Cow<'a, str>>,
}

const KNOWN: [&str; 9] = [
    "eventType",
    "payload",
    "eventId",
    "channels",
    "application",
    "tags",
    "deliverAt",
    "payloadRetentionPeriod",
    "payloadRetentionHours",
];

impl<'a> Seen<'a> {
    /// Notes what looks misspelt, for the answer.
    fn tell(&self) {
        if self.others.is_empty() {
            return;
        }
        let is_there = |name: &str| KNOWN.iter().zip(self.known).any(|(known, seen)| *known == name && seen);
        let others = self.others.iter().take(field::LOOKED_AT_MAX).filter(|name| field::is_plain(name));
        let misspelt: Vec<_> =
            others.filter_map(|name| Some((name.to_string(), field::meant(name, &KNOWN, is_there)?))).collect();
        if !misspelt.is_empty() {
            Visit::current().misspelt(misspelt);
        }
    }

    fn first_time(&mut self, key: Cow<'a, str>) -> bool {
        let name = if key == "data" { "payload" } else { key.as_ref() };
        match KNOWN.iter().zip(&mut self.known).find(|(known, _)| **known == name) {
            Some((_, seen)) => !std::mem::replace(seen, true),
            None => self.others.insert(key),
        }
    }
}

/// A text that is borrowed where it has no escapes.
struct Key<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Key<'de>, D::Error> {
        deserializer.deserialize_str(KeyVisitor)
    }
}

struct KeyVisitor;

impl<'de> Visitor<'de> for KeyVisitor {
    type Value = Key<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Key<'de>, E> {
        Ok(Key(Cow::Borrowed(text)))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Key<'de>, E> {
        Ok(Key(Cow::Owned(text.to_owned())))
    }
}

#[derive(Debug)]
struct Messages<'a>(Vec<&'a RawValue>);

impl<'de: 'a, 'a> Deserialize<'de> for Messages<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Messages<'a>, D::Error> {
        deserializer.deserialize_seq(MessagesVisitor)
    }
}

struct MessagesVisitor;

impl<'de> Visitor<'de> for MessagesVisitor {
    type Value = Messages<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of 1 to {BATCH_EVENTS_MAX} messages")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Messages<'de>, A::Error> {
        let mut messages = Vec::new();
        while let Some(message) = seq.next_element()? {
            if messages.len() == BATCH_EVENTS_MAX {
                return Err(de::Error::invalid_length(messages.len() + 1, &self));
            }
            messages.push(message);
        }
        Ok(Messages(messages))
    }
}
