//! The contract once more, as plainly as it can be said: lists that are walked from end to end.

use ringup_core::delivery::{After, DeliveryState, Ended, Trigger};
use ringup_core::event::KeepPayload;
use ringup_core::id::EventId;
use ringup_core::key::{AccountKey, EndpointKey};
use ringup_core::time::{Day, Tick, Timestamp};

use super::{IDEMPOTENCY_WINDOW, sample};
use crate::log_entry::{Attempt, Count, OutcomeWord};
use crate::query::{AttemptFilter, EventFilter, MinuteCount, Payload};
use crate::seam::{Acceptance, NewEvent, Retention, Settlement};

#[derive(Default)]
pub struct Model {
    /// In the order of acceptance.
    pub events: Vec<ModelEvent>,
    /// In the order recorded.
    pub attempts: Vec<ModelAttempt>,
    counts: Vec<(Day, EndpointKey, Count)>,
    last: Tick,
}

pub struct ModelEvent {
    pub id: EventId,
    pub new: NewEvent,
    pub deliveries: Vec<ModelDelivery>,
    fate: Fate,
}

pub struct ModelDelivery {
    pub endpoint: EndpointKey,
    /// `None`: delivered.
    pub state: Option<DeliveryState>,
    pub attempts_made: u32,
    pub trigger: Trigger,
}

pub struct ModelAttempt {
    pub event: EventId,
    pub endpoint: EndpointKey,
    pub attempt: Attempt,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Whole,
    Struck,
    Gone,
}

impl Model {
    pub fn accept(&mut self, new: &NewEvent) -> Acceptance {
        let same_account = || self.events.iter().rev().filter(|event| event.new.account == new.account);
        if let Some(wanted) = &new.idempotency {
            let key_of =
                |event: &&ModelEvent| event.new.idempotency.as_ref().is_some_and(|kept| kept.key == wanted.key);
            if let Some(event) = same_account().find(key_of).filter(|event| event.at() >= wanted.not_before) {
                let same = event.new.idempotency.as_ref().map(|kept| kept.fingerprint) == Some(wanted.fingerprint);
                return if same { Acceptance::Repeated(event.id) } else { Acceptance::KeyReused(event.id) };
            }
        }
        if new.uid.is_some() {
            let since = new.now.saturating_sub(IDEMPOTENCY_WINDOW);
            if let Some(event) =
                same_account().find(|event| event.new.uid == new.uid).filter(|event| event.at() >= since)
            {
                return Acceptance::UidTaken(event.id);
            }
        }
        self.last = Tick::after(self.last, new.now);
        let id = EventId::of_tick(self.last, new.random);
        let begin = match new.extras.deliver_at {
            Some(at) if at > new.now => DeliveryState::Scheduled(at),
            Some(_) | None => DeliveryState::Waiting,
        };
        let deliveries = new.targets.iter().map(|target| ModelDelivery {
            endpoint: target.endpoint,
            state: Some(if target.skipped { DeliveryState::Ended(Ended::Skipped) } else { begin }),
            attempts_made: 0,
            trigger: Trigger::Policy,
        });
        let deliveries = deliveries.collect();
        self.events.push(ModelEvent { id, new: new.clone(), deliveries, fate: Fate::Whole });
        self.meet_fate(id);
        Acceptance::New(id)
    }

    pub fn settle(&mut self, settlement: &Settlement) {
        let key = settlement.key;
        let Some(event) = self.events.iter_mut().find(|event| event.id.tick() == key.event) else { return };
        let id = event.id;
        if let Some(attempt) = &settlement.attempt {
            self.attempts.push(ModelAttempt { event: id, endpoint: key.endpoint, attempt: attempt.clone() });
        }
        if let Some(count) = settlement.count {
            self.counts.push((id.tick().day(), key.endpoint, count));
        }
        let Some(delivery) = event.delivery(key.endpoint).filter(|delivery| delivery.is_live()) else { return };
        match settlement.after {
            After::Delivered => {
                delivery.state = None;
                self.meet_fate(id);
            }
            After::Retry { due_at, attempts_made } => {
                delivery.state = Some(DeliveryState::Scheduled(due_at));
                delivery.attempts_made = attempts_made;
            }
            After::Ended(how) => delivery.state = Some(DeliveryState::Ended(how)),
            After::Unchanged => {}
        }
    }

    pub fn end_waiting(&mut self, endpoint: EndpointKey, how: Ended, except: &[Tick], rows_max: usize) -> usize {
        let mut ended = 0;
        for event in &mut self.events {
            let excepted = except.contains(&event.id.tick());
            let Some(delivery) = event.delivery(endpoint) else { continue };
            if delivery.is_live() && !excepted && ended < rows_max {
                delivery.state = Some(DeliveryState::Ended(how));
                ended += 1;
            }
        }
        ended
    }

    /// The word of the answer.
    pub fn resend(&mut self, account: AccountKey, id: EventId, endpoint: EndpointKey) -> &'static str {
        let owned = |event: &&mut ModelEvent| event.id == id && event.new.account == account;
        let Some(event) = self.events.iter_mut().find(owned) else { return "NotFound" };
        let whole = event.fate == Fate::Whole;
        let Some(delivery) = event.delivery(endpoint) else { return "NeverMatched" };
        if !whole {
            return "PayloadGone";
        }
        if !delivery.is_live() {
            delivery.attempts_made = 0;
            delivery.trigger = Trigger::Manual;
        }
        delivery.state = Some(DeliveryState::Waiting);
        "Done"
    }

    /// Answers how many days went.
    pub fn retain(&mut self, plan: Retention, now: Timestamp) -> usize {
        let mut days: Vec<Day> = self.events.iter().map(|event| event.id.tick().day()).collect();
        days.dedup();
        let mut removed = 0;
        for event in &mut self.events {
            let is_over = event.new.extras.payload_until.is_some_and(|until| until <= now);
            if is_over && !event.deliveries.iter().any(ModelDelivery::is_live) {
                event.fate = Fate::Gone;
                event.new.extras.payload_until = None;
            }
        }
        for day in days {
            let over = |kept| Day(day.0 + 1).start().saturating_add(kept) <= now;
            let of_day = |id: &EventId| id.tick().day() == day;
            let mut events = self.events.iter_mut().filter(|event| of_day(&event.id));
            if events.any(|event| event.deliveries.iter().any(ModelDelivery::is_live)) {
                continue;
            }
            if over(plan.payloads) {
                let events = self.events.iter_mut().filter(|event| of_day(&event.id));
                events.for_each(|event| event.fate = Fate::Gone);
            }
            if over(plan.attempts) {
                self.attempts.retain(|attempt| !of_day(&attempt.event));
            }
            if over(plan.payloads) && over(plan.attempts) {
                self.events.retain(|event| !of_day(&event.id));
                self.counts.retain(|(of, _, _)| *of != day);
                removed += 1;
            }
        }
        removed
    }

    pub fn events_matching(&self, account: AccountKey, filter: &EventFilter) -> Vec<EventId> {
        let wanted = |event: &&ModelEvent| {
            event.new.account == account
                && filter.before.is_none_or(|before| event.at() < before)
                && filter.after.is_none_or(|after| event.at() > after)
                && event.has_names(&filter.event_types, &filter.channel, &filter.tag)
        };
        self.events.iter().filter(wanted).map(|event| event.id).collect()
    }

    pub fn attempts_matching<'a>(
        &'a self,
        account: AccountKey,
        filter: &'a AttemptFilter,
    ) -> impl Iterator<Item = &'a ModelAttempt> + 'a {
        self.attempts.iter().filter(move |ModelAttempt { event, endpoint, attempt }| {
            let status_class = attempt.result.status.map_or(0, |status| status / 100);
            let owner = self.events.iter().find(|kept| kept.id == *event && kept.new.account == account);
            owner.is_some_and(|owner| owner.has_names(&filter.event_types, &filter.channel, &filter.tag))
                && filter.succeeded.is_none_or(|wanted| wanted == attempt.result.succeeded())
                && filter.status_class.is_none_or(|wanted| wanted == status_class)
                && filter.endpoint.is_none_or(|wanted| wanted == *endpoint)
                && filter.before.is_none_or(|before| attempt.started_at < before)
                && filter.after.is_none_or(|after| attempt.started_at > after)
        })
    }

    /// Live deliveries of an endpoint, oldest first.
    pub fn live(&self, endpoint: EndpointKey) -> Vec<(EventId, DeliveryState, u32, Trigger)> {
        let of_event = |event: &ModelEvent| {
            let delivery = event.deliveries.iter().find(|delivery| delivery.endpoint == endpoint)?;
            let state = delivery.state.filter(|_| delivery.is_live())?;
            Some((event.id, state, delivery.attempts_made, delivery.trigger))
        };
        self.events.iter().filter_map(of_event).collect()
    }

    /// Ended deliveries of an endpoint, oldest first.
    pub fn ended(&self, endpoint: EndpointKey) -> Vec<(EventId, Ended)> {
        let of_event = |event: &ModelEvent| {
            let delivery = event.deliveries.iter().find(|delivery| delivery.endpoint == endpoint)?;
            match delivery.state {
                Some(DeliveryState::Ended(how)) => Some((event.id, how)),
                Some(DeliveryState::Waiting | DeliveryState::Scheduled(_)) | None => None,
            }
        };
        self.events.iter().filter_map(of_event).collect()
    }

    /// When scheduled deliveries are due, earliest first.
    pub fn due_times(&self) -> Vec<Timestamp> {
        let due_at = |delivery: &ModelDelivery| match delivery.state {
            Some(DeliveryState::Scheduled(due_at)) => Some(due_at),
            Some(DeliveryState::Waiting | DeliveryState::Ended(_)) | None => None,
        };
        let mut times: Vec<Timestamp> =
            self.events.iter().flat_map(|event| &event.deliveries).filter_map(due_at).collect();
        times.sort();
        times
    }

    pub fn counts(&self, endpoint: EndpointKey) -> Vec<MinuteCount> {
        let mut minutes: Vec<i64> =
            self.counts.iter().filter(|(_, of, _)| *of == endpoint).map(|(_, _, count)| count.minute).collect();
        minutes.sort_unstable();
        minutes.dedup();
        let of_minute = |minute| {
            let counts = || self.counts.iter().filter(move |(_, of, count)| (*of, count.minute) == (endpoint, minute));
            let of = |outcome| counts().filter(|(_, _, count)| count.outcome == outcome).map(|_| 1).sum();
            MinuteCount {
                minute,
                delivered: of(OutcomeWord::Delivered),
                refused: of(OutcomeWord::Refused),
                timed_out: of(OutcomeWord::TimedOut),
                unreachable: of(OutcomeWord::Unreachable),
                blocked: of(OutcomeWord::Blocked),
                gave_up: counts().map(|(_, _, count)| u64::from(count.gave_up)).sum(),
                duration_ms: counts().map(|(_, _, count)| u64::try_from(count.duration.as_millis()).unwrap_or(0)).sum(),
            }
        };
        minutes.into_iter().map(of_minute).collect()
    }

    /// What reading shows of a payload; all payloads are `sample::PAYLOAD`, all pointers `sample::pointers`.
    pub fn shown(event: &ModelEvent) -> Payload {
        let hides = matches!(event.new.keep_payload, KeepPayload::Redacted(_) | KeepPayload::IfLogged(_));
        match event.fate {
            Fate::Gone => Payload::Gone,
            Fate::Whole if !hides => Payload::Kept(sample::PAYLOAD.into()),
            Fate::Whole | Fate::Struck => Payload::Redacted(sample::PAYLOAD_STRUCK.into()),
        }
    }

    fn meet_fate(&mut self, id: EventId) {
        let logged = self.attempts.iter().any(|attempt| attempt.event == id);
        let Some(event) = self.events.iter_mut().find(|event| event.id == id) else { return };
        if event.fate == Fate::Whole && event.deliveries.iter().all(|delivery| delivery.state.is_none()) {
            event.fate = match event.new.keep_payload {
                KeepPayload::Whole => Fate::Whole,
                KeepPayload::Redacted(_) => Fate::Struck,
                KeepPayload::IfLogged(_) if logged => Fate::Struck,
                KeepPayload::IfLogged(_) | KeepPayload::Never => Fate::Gone,
            };
        }
    }
}

impl ModelEvent {
    pub fn at(&self) -> Timestamp {
        self.id.tick().time()
    }

    fn delivery(&mut self, endpoint: EndpointKey) -> Option<&mut ModelDelivery> {
        self.deliveries.iter_mut().find(|delivery| delivery.endpoint == endpoint)
    }

    fn has_names(&self, event_types: &Option<Vec<String>>, channel: &Option<String>, tag: &Option<String>) -> bool {
        event_types.as_ref().is_none_or(|types| types.iter().any(|wanted| **wanted == *self.new.event_type))
            && channel.as_ref().is_none_or(|channel| self.new.channels.contains(channel))
            && tag.as_ref().is_none_or(|tag| self.new.extras.tags.contains(tag))
    }
}

impl ModelDelivery {
    pub fn is_live(&self) -> bool {
        matches!(self.state, Some(DeliveryState::Waiting | DeliveryState::Scheduled(_)))
    }
}
