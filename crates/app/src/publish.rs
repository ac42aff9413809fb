//! Publishing: whom an event goes to, and one commit for all of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest;
use bytes::Bytes;
use ringup_core::account::EventType;
use ringup_core::event::{Extras, KeepPayload, Target};
use ringup_core::filter::Facts;
use ringup_core::id::EventId;
use ringup_core::json;
use ringup_core::limits::{
    BATCH_EVENTS_MAX, DELIVER_AHEAD_MAX, EVENT_TAGS_MAX, JSON_DEPTH_MAX, KEEP_PAYLOAD_MAX, KEEP_PAYLOAD_MIN,
};
use ringup_core::order::order_key;
use ringup_core::scope::Scope;
use ringup_core::settings::Ordering;
use ringup_core::time::Timestamp;
use ringup_store::directory::{AccountView, EndpointView};
use ringup_store::seam::{Acceptance, Idempotency, NewEvent};

use crate::app::App;
use crate::check::{EVENT_CHANNELS_MAX, Faults, is_name};
use crate::error::{AppError, Fault};
use crate::hook::Void;
use crate::principal::Principal;

/// Characters of an idempotency key.
const IDEMPOTENCY_KEY_CHARS_MAX: usize = 256;

/// An event as its publisher reports it.
#[derive(Clone, Debug, Default)]
pub struct Publish<'a> {
    pub event_type: &'a str,
    /// The publisher's own id of it.
    pub uid: Option<&'a str>,
    pub channels: Vec<String>,
    pub tags: Vec<String>,
    /// When to deliver it; a time that has passed is now.
    pub deliver_at: Option<Timestamp>,
    /// How long its payload is kept at most, unless a delivery still needs it.
    pub keep_payload_for: Option<Duration>,
    /// A JSON object; goes out byte for byte.
    pub payload: Bytes,
}

/// An event that is durable, with all its deliveries.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Published {
    pub id: EventId,
    /// The same request was seen before: this is what came of it, nothing was done now.
    pub repeated: bool,
    /// Nobody registered the event's type.
    pub unregistered: bool,
    /// Where the payload is not what the schema of its type says.
    pub misfits: Vec<String>,
}

/// What of an event its answer needs, once the store has the event.
struct Asked {
    uid: Option<String>,
    unregistered: bool,
    misfits: Vec<String>,
}

impl Asked {
    fn of(event: &NewEvent) -> Asked {
        let misfits = event.extras.misfits.clone();
        Asked { uid: event.uid.clone(), unregistered: event.unregistered, misfits }
    }
}

impl App {
    /// Accepts one event. `Conflict` if its uid is taken, or the idempotency key was used for another request.
    pub async fn publish(
        &self,
        principal: &Principal,
        account: &str,
        publish: Publish<'_>,
        idempotency_key: Option<&str>,
    ) -> Result<Published, AppError> {
        let view = self.owned(principal, account, Scope::Publish)?;
        let now = self.now();
        let event = self.new_event(&view, publish, idempotency_key, now)?;
        let asked = Asked::of(&event);
        let void = Void::of(&view, &event);
        let accepted = self.store().accept(vec![event]).await?;
        let acceptance = accepted.into_iter().next().expect("one event has one answer");
        let published = published(acceptance, asked)?;
        if let Some(void) = void {
            self.take_back(&view, void).await?;
        }
        Ok(published)
    }

    /// Accepts many events in one commit, each answered for itself, in their order. An event that is refused does not
    /// stand in the way of the others.
    ///
    /// With an idempotency key each event is recognised by the key and its place in the batch.
    pub async fn publish_batch(
        &self,
        principal: &Principal,
        account: &str,
        batch: Vec<Publish<'_>>,
        idempotency_key: Option<&str>,
    ) -> Result<Vec<Result<Published, AppError>>, AppError> {
        let view = self.owned(principal, account, Scope::Publish)?;
        let mut faults = Faults::default();
        faults.count("messages", batch.len(), 0, BATCH_EVENTS_MAX);
        faults.done()?;
        let now = self.now();
        let mut events = Vec::with_capacity(batch.len());
        let mut asked = Vec::with_capacity(batch.len());
        for (place, publish) in batch.into_iter().enumerate() {
            let key = idempotency_key.map(|key| format!("{key}#{place}"));
            let event = self.new_event(&view, publish, key.as_deref(), now);
            asked.push(event.map(|event| {
                let kept = (Asked::of(&event), Void::of(&view, &event));
                events.push(event);
                kept
            }));
        }
        let accepted = if events.is_empty() { Vec::new() } else { self.store().accept(events).await? };
        let mut accepted = accepted.into_iter();
        let mut answers = Vec::with_capacity(asked.len());
        for asked in asked {
            let answer = match asked {
                Ok((asked, void)) => {
                    let answer = published(accepted.next().expect("each event has one answer"), asked);
                    if let (Ok(_), Some(void)) = (&answer, void) {
                        self.take_back(&view, void).await?;
                    }
                    answer
                }
                Err(error) => Err(error),
            };
            answers.push(answer);
        }
        Ok(answers)
    }

    fn new_event(
        &self,
        view: &AccountView,
        publish: Publish<'_>,
        idempotency_key: Option<&str>,
        now: Timestamp,
    ) -> Result<NewEvent, AppError> {
        self.check(&publish, idempotency_key, now)?;
        let event_type = self.directory().event_type(view.account.environment, publish.event_type);
        let unregistered = event_type.is_none();
        if unregistered {
            self.may_be_unregistered(view, publish.event_type)?;
        }
        let misfits = self.validated(view.account.environment, event_type.as_ref(), &publish.payload)?;
        let (targets, keep_payload) = self.fan_out(view, &publish, event_type.as_deref(), now);
        Ok(NewEvent {
            account: view.account.key,
            event_type: Arc::from(publish.event_type),
            uid: publish.uid.map(str::to_owned),
            idempotency: idempotency_key.map(|key| Idempotency {
                key: key.to_owned(),
                fingerprint: fingerprint(&publish),
                not_before: now.saturating_sub(self.plan.idempotency_window),
            }),
            channels: publish.channels,
            extras: Extras {
                tags: publish.tags,
                deliver_at: publish.deliver_at,
                payload_until: publish.keep_payload_for.map(|kept| now.saturating_add(kept)),
                misfits,
            },
            payload: publish.payload,
            keep_payload,
            targets,
            unregistered,
            asked: None,
            now,
            random: self.random.id_part(),
        })
    }

    pub(crate) fn check(
        &self,
        publish: &Publish<'_>,
        idempotency_key: Option<&str>,
        now: Timestamp,
    ) -> Result<(), AppError> {
        let mut faults = Faults::default();
        faults.name("event_type", publish.event_type);
        if let Some(uid) = publish.uid {
            faults.name("event_id", uid);
        }
        faults.check(publish.channels.len() <= EVENT_CHANNELS_MAX, || {
            let why = format!("an event has at most {EVENT_CHANNELS_MAX} channels");
            Fault::new("channels", "count", why)
        });
        faults.channels(&publish.channels);
        check_extras(publish, now, &mut faults);
        check_payload(&publish.payload, self.plan.payload_bytes_max, &mut faults);
        if let Some(key) = idempotency_key {
            let fits =
                (1..=IDEMPOTENCY_KEY_CHARS_MAX).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic());
            faults.check(fits, || {
                let why = format!("1 to {IDEMPOTENCY_KEY_CHARS_MAX} visible ASCII characters");
                Fault::new("idempotency_key", "name", why)
            });
        }
        faults.done()
    }

    fn may_be_unregistered(&self, view: &AccountView, event_type: &str) -> Result<(), AppError> {
        let environment = self.directory().environment(view.account.environment);
        if environment.is_some_and(|environment| environment.strict) {
            let why = format!("the event type {event_type:?} is not registered, and this environment is strict");
            return Err(Fault::new("event_type", "unregistered", why).into());
        }
        Ok(())
    }

    /// The endpoints that want the event, and how long its payload is wanted.
    fn fan_out(
        &self,
        view: &AccountView,
        publish: &Publish<'_>,
        event_type: Option<&EventType>,
        now: Timestamp,
    ) -> (Vec<Target>, KeepPayload) {
        let facts = Facts {
            event_type: publish.event_type,
            channels: &publish.channels,
            tags: &publish.tags,
            payload: &publish.payload,
        };
        let family = event_type.and_then(|event_type| event_type.group.as_deref());
        let wants = |found: &&Arc<EndpointView>| found.endpoint.subscription.matches(&facts, family);
        let targets: Vec<Target> =
            view.endpoints.iter().filter(wants).map(|found| target(found, &publish.payload)).collect();
        // Filters look into the payload, so none is asked twice.
        let wanting = || targets.iter().filter_map(|target| view.by_key(target.endpoint));
        let keep_payload = if targets.is_empty() {
            KeepPayload::of([view.settings.log_mode_at(now)], self.pointers([view.settings.redact.value.as_slice()]))
        } else {
            let modes = wanting().map(|found| found.settings.log_mode_at(now));
            KeepPayload::of(modes, self.pointers(wanting().map(|found| found.settings.redact.value.as_slice())))
        };
        (targets, keep_payload)
    }

    /// What any of those who get the event wants struck out: the payload is kept once for all of them.
    pub(crate) fn pointers<'a>(&self, lists: impl IntoIterator<Item = &'a [String]>) -> Arc<[String]> {
        let mut lists = lists.into_iter().filter(|list| !list.is_empty()).peekable();
        if lists.peek().is_none() {
            return self.no_pointers.clone();
        }
        let all: BTreeSet<&String> = lists.flatten().collect();
        all.into_iter().cloned().collect()
    }
}

fn check_extras(publish: &Publish<'_>, now: Timestamp, faults: &mut Faults) {
    faults.check(publish.tags.len() <= EVENT_TAGS_MAX, || {
        Fault::new("tags", "count", format!("an event has at most {EVENT_TAGS_MAX} tags"))
    });
    faults.tags(&publish.tags);
    if let Some(at) = publish.deliver_at {
        faults.check(at <= now.saturating_add(DELIVER_AHEAD_MAX), || {
            let days = DELIVER_AHEAD_MAX.as_secs() / 86_400;
            Fault::new("deliver_at", "range", format!("at most {days} days ahead are possible"))
        });
    }
    if let Some(kept) = publish.keep_payload_for {
        faults.check((KEEP_PAYLOAD_MIN..=KEEP_PAYLOAD_MAX).contains(&kept), || {
            let why = "1 to 90 days, or 1 to 2160 hours, are possible";
            Fault::new("payload_retention_period", "range", why)
        });
    }
}

/// An object within its bounds. That it is JSON has been decided by whoever read it.
fn check_payload(payload: &[u8], bytes_max: usize, faults: &mut Faults) {
    faults.check(payload.len() <= bytes_max, || {
        let why = format!("a payload has at most {bytes_max} bytes, this one has {}", payload.len());
        Fault::new("payload", "too_large", why)
    });
    faults.check(json::is_object(payload), || Fault::new("payload", "object", "the payload is to be a JSON object"));
    // Each level takes two bytes.
    let may_be_deep = payload.len() > 2 * JSON_DEPTH_MAX;
    faults.check(!may_be_deep || json::depth(payload) <= JSON_DEPTH_MAX, || {
        Fault::new("payload", "too_deep", format!("a payload has at most {JSON_DEPTH_MAX} levels"))
    });
}

pub(crate) fn target(found: &EndpointView, payload: &[u8]) -> Target {
    let order_key = match &found.settings.ordering.value {
        Ordering::None | Ordering::Strict => None,
        Ordering::ByKey(pointer) => Some(order_key(payload, pointer)),
    };
    Target { endpoint: found.endpoint.key, order_key, skipped: found.endpoint.stopped.is_some() }
}

fn published(acceptance: Acceptance, asked: Asked) -> Result<Published, AppError> {
    let Asked { uid, unregistered, misfits } = asked;
    match acceptance {
        Acceptance::New(id) => Ok(Published { id, repeated: false, unregistered, misfits }),
        Acceptance::Repeated(id) => Ok(Published { id, repeated: true, unregistered, misfits }),
        Acceptance::KeyReused(id) => {
            let why = format!("the idempotency key was used for another request, which became {id}");
            Err(AppError::Conflict(why))
        }
        Acceptance::UidTaken(id) => {
            let uid = uid.unwrap_or_default();
            Err(AppError::Conflict(format!("the eventId {uid:?} was published already, as {id}")))
        }
    }
}

/// The first eight bytes of SHA-256 over all that makes the request. Stored, so it must never change.
fn fingerprint(publish: &Publish<'_>) -> u64 {
    let mut context = digest::Context::new(&digest::SHA256);
    let mut part = |bytes: &[u8]| {
        context.update(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes());
        context.update(bytes);
    };
    part(publish.event_type.as_bytes());
    part(publish.uid.unwrap_or_default().as_bytes());
    for channel in &publish.channels {
        part(channel.as_bytes());
    }
    part(&publish.payload);
    // What a request of an older version cannot have had changes nothing where it is not there.
    for tag in &publish.tags {
        part(b"tag");
        part(tag.as_bytes());
    }
    if let Some(at) = publish.deliver_at {
        part(b"deliver at");
        part(&at.as_micros().to_le_bytes());
    }
    if let Some(kept) = publish.keep_payload_for {
        part(b"keep payload for");
        part(&kept.as_secs().to_le_bytes());
    }
    let digest = context.finish();
    let (first, _) = digest.as_ref().split_first_chunk().expect("a digest has 32 bytes");
    u64::from_le_bytes(*first)
}

/// Whether a text can be an event's name in a path: its id or its uid.
pub(crate) fn is_event_name(name: &str) -> bool {
    is_name(name)
}
