//! Random histories, played to a home and to the [`Model`] side by side.

use std::sync::Arc;
use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::Index;
use ringup_core::delivery::{After, Ended};
use ringup_core::event::{Event, Extras, KeepPayload, Target};
use ringup_core::id::EventId;
use ringup_core::time::{Tick, Timestamp};

use super::model::Model;
use super::scene::{Scene, skipped, target};
use super::view::{self, Look};
use super::{Home, IDEMPOTENCY_WINDOW, sample};
use crate::log_entry::{AttemptResult, Count, OutcomeWord};
use crate::seam::{Idempotency, NewEvent, Retention, Settlement};

/// What happens in a history. Picks are taken modulo what there is to pick from.
#[derive(Clone, Debug)]
pub enum Command {
    Publish(Vec<Draft>),
    Settle {
        event: Index,
        delivery: Index,
        end: End,
        outcome: Index,
        logged: bool,
        counted: bool,
    },
    EndWaiting {
        endpoint: usize,
        except: Option<Index>,
        rows_max: usize,
    },
    Resend {
        event: Index,
        endpoint: usize,
        by_other: bool,
    },
    /// Sets the clock forward or, sometimes, back, in minutes.
    Clock(i64),
    Retain {
        payload_days: u64,
        attempt_days: u64,
    },
    Reopen,
    Crash,
    Look(Look),
}

#[derive(Clone, Debug)]
pub struct Draft {
    by_other: bool,
    event_type: usize,
    channels: Vec<usize>,
    tags: Vec<usize>,
    /// Minutes from acceptance.
    deliver_in: Option<i64>,
    /// Hours from acceptance.
    payload_hours: Option<u64>,
    uid: Option<u8>,
    /// Key and fingerprint.
    key: Option<(u8, u64)>,
    /// For each endpoint: not at all, to be sent, skipped.
    targets: [u8; 3],
    keep: u8,
}

/// How an attempt leaves its delivery.
#[derive(Clone, Copy, Debug)]
pub enum End {
    Delivered,
    RetryIn { minutes: u64 },
    Ended(Ended),
    Unchanged,
}

pub const EVENT_TYPES: [&str; 3] = ["invoiceCreated", "stockChanged", "memberCreated"];
pub const CHANNELS: [&str; 3] = ["kemang", "senopati", "nowhere"];

/// Histories of up to so many commands.
pub fn histories(commands_max: usize) -> impl Strategy<Value = Vec<Command>> {
    vec(command(), 1..=commands_max)
}

/// Plays a history and compares all that can be read, at each look and at the end.
pub async fn play(home: &dyn Home, history: Vec<Command>) {
    let mut scene = Scene::open(home).await;
    let mut model = Model::default();
    let mut now = sample::noon();
    let mut fresh = Vec::new();
    for command in history {
        // A settlement is only handed over; whatever else follows comes after its commit.
        if !matches!(command, Command::Settle { .. }) {
            scene.settled().await;
        }
        match command {
            Command::Publish(drafts) => publish(&scene, &mut model, &drafts, now, &mut fresh).await,
            Command::Settle { event, delivery, end, outcome, logged, counted } => {
                let Some(mut settlement) = settlement(&model, event, delivery, end, outcome, now) else { continue };
                settlement.attempt = settlement.attempt.filter(|_| logged);
                settlement.count = settlement.count.filter(|_| counted);
                model.settle(&settlement);
                scene.hand_over(settlement);
            }
            Command::EndWaiting { endpoint, except, rows_max } => {
                let endpoint = scene.endpoints[endpoint];
                let except: Vec<Tick> = pick(&model, except).map(|id| id.tick()).into_iter().collect();
                let expected = model.end_waiting(endpoint, Ended::Cancelled, &except, rows_max);
                let ended = scene.store.end_waiting(endpoint, Ended::Cancelled, now, except, rows_max).await;
                assert_eq!(ended.expect("the store ends"), expected);
            }
            Command::Resend { event, endpoint, by_other } => {
                let Some(id) = pick(&model, Some(event)) else { continue };
                let account = if by_other { scene.other } else { scene.account };
                let endpoint = scene.endpoints[endpoint];
                let expected = model.resend(account, id, endpoint);
                let answer = scene.store.resend(account, id, endpoint, now).await.expect("the store answers");
                assert_eq!(format!("{answer:?}"), expected);
            }
            Command::Clock(minutes) => now = step(now, minutes),
            Command::Retain { payload_days, attempt_days } => {
                let days = |count| Duration::from_hours(24 * count);
                let plan = Retention { payloads: days(payload_days), attempts: days(attempt_days) };
                let expected = model.retain(plan, now);
                let retained = scene.store.retain(plan, now).await.expect("the store lets go");
                assert_eq!(retained.days_removed, expected);
            }
            Command::Reopen => {
                check_fresh(&scene, &mut fresh).await;
                scene = scene.reopen(home).await;
            }
            Command::Crash => {
                check_fresh(&scene, &mut fresh).await;
                // A home that cannot crash starts again in the other way.
                let store = home.crash(scene.store.clone()).await;
                scene = match store {
                    Some(store) => scene.with(store),
                    None => scene.reopen(home).await,
                };
            }
            Command::Look(look) => view::check_lists(&scene, &model, &look).await,
        }
    }
    scene.settled().await;
    check_fresh(&scene, &mut fresh).await;
    view::check_all(&scene, &model).await;
    let scene = scene.reopen(home).await;
    view::check_all(&scene, &model).await;
}

async fn publish(scene: &Scene, model: &mut Model, drafts: &[Draft], now: Timestamp, fresh: &mut Vec<EventId>) {
    let group: Vec<NewEvent> = drafts.iter().map(|draft| draft.event(scene, now)).collect();
    let answers = scene.accept(group.clone()).await;
    let expected: Vec<_> = group.iter().map(|new| model.accept(new)).collect();
    assert_eq!(answers, expected);
    for (answer, new) in answers.iter().zip(&group) {
        if let crate::seam::Acceptance::New(id) = answer {
            fresh.extend(new.targets.iter().filter(|target| !target.skipped).map(|_| *id));
        }
    }
}

/// Every fresh delivery since the store was opened was told, in the order of acceptance.
async fn check_fresh(scene: &Scene, expected: &mut Vec<EventId>) {
    scene.ear.until("every fresh delivery", |heard| heard.fresh.len() >= expected.len()).await;
    let told: Vec<EventId> = scene.ear.now(|heard| heard.fresh.iter().map(|fresh| fresh.event.id).collect());
    assert_eq!(told, *expected);
    expected.clear();
}

fn settlement(
    model: &Model,
    event: Index,
    delivery: Index,
    end: End,
    outcome: Index,
    now: Timestamp,
) -> Option<Settlement> {
    let event = model.events.get(event.index(model.events.len().max(1)))?;
    let endpoint = event.deliveries.get(delivery.index(event.deliveries.len().max(1)))?.endpoint;
    let as_sent = Arc::new(Event {
        id: event.id,
        account: event.new.account,
        event_type: event.new.event_type.clone(),
        payload: event.new.payload.clone(),
        keep_payload: event.new.keep_payload.clone(),
    });
    let results = [
        (OutcomeWord::Delivered, Some(200)),
        (OutcomeWord::Refused, Some(301)),
        (OutcomeWord::Refused, Some(404)),
        (OutcomeWord::Refused, Some(503)),
        (OutcomeWord::TimedOut, Some(408)),
        (OutcomeWord::Unreachable, None),
        (OutcomeWord::Blocked, None),
    ];
    let (outcome, status) = results[outcome.index(results.len())];
    let result = AttemptResult { outcome, status, detail: None };
    let after = match end {
        End::Delivered => After::Delivered,
        End::RetryIn { minutes } => {
            After::Retry { due_at: now.saturating_add(sample::minutes(minutes)), attempts_made: 3 }
        }
        End::Ended(how) => After::Ended(how),
        End::Unchanged => After::Unchanged,
    };
    let duration = Duration::from_millis(40);
    Some(Settlement {
        ended_at: now,
        attempt: Some(sample::attempt(result, now)),
        count: Some(Count { minute: now.as_minutes(), outcome, duration, gave_up: matches!(end, End::Ended(_)) }),
        ..sample::settlement(&as_sent, endpoint, after)
    })
}

impl Draft {
    fn event(&self, scene: &Scene, now: Timestamp) -> NewEvent {
        let to = |(endpoint, wish): (_, &u8)| -> Option<Target> {
            match wish {
                0 => None,
                1 => Some(target(endpoint)),
                _ => Some(skipped(endpoint)),
            }
        };
        let own = scene.endpoints.into_iter().zip(&self.targets).filter_map(to);
        let (account, targets) = match self.by_other {
            true => (scene.other, vec![target(scene.other_endpoint)]),
            false => (scene.account, own.collect()),
        };
        NewEvent {
            event_type: Arc::from(EVENT_TYPES[self.event_type]),
            channels: self.channels.iter().map(|channel| CHANNELS[*channel].to_owned()).collect(),
            extras: Extras {
                tags: self.tags.iter().map(|tag| CHANNELS[*tag].to_owned()).collect(),
                deliver_at: self.deliver_in.map(|minutes| step(now, minutes)),
                payload_until: self.payload_hours.map(|hours| now.saturating_add(Duration::from_hours(hours))),
                misfits: Vec::new(),
            },
            uid: self.uid.map(|number| format!("INV-{number}")),
            idempotency: self.key.map(|(key, fingerprint)| Idempotency {
                key: format!("key-{key}"),
                fingerprint,
                not_before: now.saturating_sub(IDEMPOTENCY_WINDOW),
            }),
            keep_payload: match self.keep {
                0 => KeepPayload::Whole,
                1 => KeepPayload::Redacted(sample::pointers()),
                2 => KeepPayload::IfLogged(sample::pointers()),
                _ => KeepPayload::Never,
            },
            targets,
            ..sample::event(account, now)
        }
    }
}

fn pick(model: &Model, index: Option<Index>) -> Option<EventId> {
    let index = index?;
    model.events.get(index.index(model.events.len().max(1))).map(|event| event.id)
}

fn step(now: Timestamp, minutes: i64) -> Timestamp {
    let span = sample::minutes(minutes.unsigned_abs());
    if minutes < 0 { now.saturating_sub(span) } else { now.saturating_add(span) }
}

fn command() -> impl Strategy<Value = Command> {
    let index = any::<Index>;
    prop_oneof![
        8 => vec(draft(), 0..6).prop_map(Command::Publish),
        12 => (index(), index(), end(), index(), any::<bool>(), any::<bool>()).prop_map(
            |(event, delivery, end, outcome, logged, counted)| Command::Settle {
                event, delivery, end, outcome, logged, counted
            }
        ),
        1 => (0_usize..3, option::of(index()), 0_usize..5)
            .prop_map(|(endpoint, except, rows_max)| Command::EndWaiting { endpoint, except, rows_max }),
        2 => (index(), 0_usize..3, proptest::bool::weighted(0.1))
            .prop_map(|(event, endpoint, by_other)| Command::Resend { event, endpoint, by_other }),
        3 => prop_oneof![3 => 0_i64..5, 2 => 0_i64..2_000, 1 => -2_000_i64..0].prop_map(Command::Clock),
        1 => (0_u64..6, 0_u64..6)
            .prop_map(|(payload_days, attempt_days)| Command::Retain { payload_days, attempt_days }),
        1 => prop_oneof![Just(Command::Reopen), Just(Command::Crash)],
        2 => view::looks().prop_map(Command::Look),
    ]
}

fn draft() -> impl Strategy<Value = Draft> {
    let targets = [0_u8..3, 0_u8..3, 0_u8..3];
    let key = (0_u8..4, 0_u64..2);
    let rare = |some| option::weighted(0.2, some);
    (
        proptest::bool::weighted(0.1),
        0_usize..3,
        vec(0_usize..2, 0..3),
        (
            proptest::sample::subsequence(vec![0_usize, 1], 0..3),
            option::weighted(0.2, -5_i64..3_000),
            option::weighted(0.2, 0_u64..100),
        ),
        rare(0_u8..4),
        option::weighted(0.2, key),
        targets,
        0_u8..4,
    )
        .prop_map(
            |(by_other, event_type, channels, (tags, deliver_in, payload_hours), uid, key, targets, keep)| Draft {
                by_other,
                event_type,
                channels,
                tags,
                deliver_in,
                payload_hours,
                uid,
                key,
                targets,
                keep,
            },
        )
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![
        5 => Just(End::Delivered),
        3 => (0_u64..3_000).prop_map(|minutes| End::RetryIn { minutes }),
        2 => proptest::sample::select(Ended::ALL).prop_map(End::Ended),
        1 => Just(End::Unchanged),
    ]
}
