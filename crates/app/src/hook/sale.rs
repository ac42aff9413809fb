//! A question that writes goes the way of deliveries: kept first, then brought to the app as often as the retry policy says,
//! under one id. The till waits for the first attempt, and may submit the same again.
//!
//! What the app gave is kept in an event of its own, in the commit of the attempt (`ringup_core::hook::SETTLED`).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ringup_core::breaker::{Admit, Pass, Verdict};
use ringup_core::delivery::DeliveryState;
use ringup_core::event::{Extras, KeepPayload};
use ringup_core::hook::{self, AnswerKind, Contract, FailCause, Failed, Judgement, Told};
use ringup_core::id::EventId;
use ringup_core::time::Timestamp;
use ringup_store::StoreError;
use ringup_store::directory::{AccountView, EndpointView};
use ringup_store::query::Payload;
use ringup_store::seam::{Acceptance, EventName, Idempotency, NewEvent};
use ringup_store::waits::Wait;
use tokio::time::{Instant, timeout_at};

use super::ask::MARGIN;
use super::line::Line;
use crate::app::App;
use crate::error::AppError;
use crate::publish::target;

/// What a till submits.
pub(super) struct Sale<'a> {
    pub view: &'a AccountView,
    pub found: &'a EndpointView,
    pub contract: &'a Arc<Contract>,
    pub question: String,
    /// What makes it the same sale.
    pub key: String,
    pub until: Instant,
    pub shortened: bool,
}

/// What the till is told, by which call, and whether the app will be asked again.
pub(super) type Outcome = (Told, Option<EventId>, bool);

/// Where an earlier submission of the same sale stands.
enum Standing {
    Settled(Told),
    /// An attempt is on its way or about to be.
    UnderWay,
    /// The next attempt is later than the till can wait.
    Queued,
}

impl App {
    pub(super) async fn submit(&self, sale: Sale<'_>) -> Result<Outcome, AppError> {
        let until = sale.until.checked_sub(MARGIN).unwrap_or(sale.until);
        let failed = |cause| hook::told(Judgement::Failed(Failed::of(cause)), None, None);
        let Ok(_place) = self.hooks.places.clone().try_acquire_owned() else {
            return Ok((failed(FailCause::Busy), None, false));
        };
        let stopped = sale.found.endpoint.stopped.is_some();
        let now = self.now();
        let event = self.sale(&sale, now);
        // Whoever waits from before it is kept misses nothing.
        let wait = self.catalogue.waits().begin(event.random);
        let Ok(accepted) = timeout_at(until, self.store().accept(vec![event])).await else {
            return Ok((failed(FailCause::Late), None, false));
        };
        let accepted = accepted?.into_iter().next().expect("one event has one answer");
        match accepted {
            Acceptance::New(id) if stopped => Ok((failed(FailCause::Stopped), Some(id), false)),
            Acceptance::New(id) => {
                let line = self.hooks.line(sale.found, sale.contract, &self.plan.egress);
                let Some(probe) = self.probe(line, sale.shortened) else {
                    return Ok((failed(FailCause::BreakerOpen), Some(id), true));
                };
                Ok(heard(id, wait, Some(probe), until).await)
            }
            Acceptance::Repeated(id) | Acceptance::KeyReused(id) | Acceptance::UidTaken(id) => {
                let wait = self.catalogue.waits().begin(id.random());
                match timeout_at(until, self.standing(&sale, id, now, until)).await {
                    Ok(standing) => match standing? {
                        Standing::Settled(told) => Ok((told, Some(id), false)),
                        Standing::UnderWay => Ok(heard(id, wait, None, until).await),
                        Standing::Queued => Ok((failed(FailCause::Queued), Some(id), true)),
                    },
                    Err(_) => Ok((failed(FailCause::Late), Some(id), true)),
                }
            }
        }
    }

    fn sale(&self, sale: &Sale<'_>, now: Timestamp) -> NewEvent {
        let Sale { view, found, contract, question, key, .. } = sale;
        let settings = &found.settings;
        let payload = Bytes::from(question.clone());
        NewEvent {
            account: view.account.key,
            event_type: contract.name.clone(),
            // By which an event that voids the invoice finds it.
            uid: contract.rule.reversible.then(|| hook::sale_uid(&contract.name, key)),
            channels: Vec::new(),
            extras: Extras::default(),
            keep_payload: KeepPayload::of(
                [settings.log_mode_at(now)],
                self.pointers([settings.redact.value.as_slice()]),
            ),
            targets: vec![target(found, &payload)],
            payload,
            // With a space, which no publisher's key has. The same invoice is the same sale, whatever else it says.
            idempotency: Some(Idempotency {
                key: format!("{} {}", contract.name, key.to_lowercase()),
                fingerprint: 0,
                not_before: now.saturating_sub(self.plan.idempotency_window),
            }),
            unregistered: false,
            asked: None,
            now,
            random: self.random.id_part(),
        }
    }

    /// Where the sale stands that was submitted before. One that has ended without success is asked again.
    async fn standing(
        &self,
        sale: &Sale<'_>,
        id: EventId,
        now: Timestamp,
        until: Instant,
    ) -> Result<Standing, StoreError> {
        let account = sale.view.account.key;
        if let Some(told) = self.recorded(sale, id, now).await? {
            return Ok(Standing::Settled(told));
        }
        let sent = self.store().destinations(account, id).await?;
        let Some(sent) = sent.first() else { return Ok(Standing::Queued) };
        match sent.state {
            Some(DeliveryState::Scheduled(due_at)) => {
                let left = until.saturating_duration_since(Instant::now());
                let comes = due_at <= now.saturating_add(left);
                Ok(if comes { Standing::UnderWay } else { Standing::Queued })
            }
            Some(DeliveryState::Ended(_)) => {
                self.store().resend(account, id, sent.endpoint, now).await?;
                Ok(Standing::UnderWay)
            }
            Some(DeliveryState::Waiting) => Ok(Standing::UnderWay),
            // Delivered between the two looks.
            None => Ok(self.recorded(sale, id, now).await?.map_or(Standing::Queued, Standing::Settled)),
        }
    }

    /// What the app gave for it earlier.
    async fn recorded(&self, sale: &Sale<'_>, id: EventId, now: Timestamp) -> Result<Option<Told>, StoreError> {
        let name = EventName::Uid(hook::settled_uid(id));
        let Some(stored) = self.store().event(sale.view.account.key, name).await? else { return Ok(None) };
        let Payload::Kept(payload) = &stored.payload else { return Ok(None) };
        let payload = std::str::from_utf8(payload).unwrap_or_default();
        let Some(judgement) = hook::read_settled(sale.contract, payload) else { return Ok(None) };
        let age = now.saturating_since(stored.id.tick().time());
        Ok(Some(match judgement {
            Judgement::Answered(reading) => {
                Told { kind: AnswerKind::Cache, reading: Some(reading), failed: None, age: Some(age) }
            }
            other => hook::told(other, None, None),
        }))
    }

    /// Leave to wait for the app; `None` while it is left alone.
    fn probe(&self, line: Arc<Line>, shortened: bool) -> Option<Probe> {
        let now = self.now();
        let pass = {
            let mut inner = line.lock();
            if let Admit::No { .. } = inner.breaker.admits(now) {
                return None;
            }
            inner.breaker.on_start(now)
        };
        let late = if shortened { Verdict::Neutral } else { Verdict::Trouble };
        Some(Probe { line, pass: Some(pass), late, draw: self.random.draw(), began: Instant::now(), now })
    }
}

/// What comes of the next attempt, in the till's time.
async fn heard(id: EventId, mut wait: Wait, probe: Option<Probe>, until: Instant) -> Outcome {
    let late = || hook::told(Judgement::Failed(Failed::of(FailCause::Late)), None, None);
    match timeout_at(until, wait.next()).await {
        Ok(Some(came)) => {
            if let Some(probe) = probe {
                probe.ended(came.verdict);
            }
            (hook::told(came.judgement, None, None), Some(id), came.queued)
        }
        Ok(None) => (late(), Some(id), true),
        Err(_) => {
            if let Some(probe) = probe {
                let late = probe.late;
                probe.ended(late);
            }
            (late(), Some(id), true)
        }
    }
}

/// What a till's waiting tells the breaker of those who come after it. One that hangs up says nothing about the app.
struct Probe {
    line: Arc<Line>,
    pass: Option<Pass>,
    /// What being late says.
    late: Verdict,
    draw: f64,
    began: Instant,
    now: Timestamp,
}

impl Probe {
    fn ended(mut self, verdict: Verdict) {
        self.end(verdict);
    }

    fn end(&mut self, verdict: Verdict) {
        let Some(pass) = self.pass.take() else { return };
        let ended_at = self.now.saturating_add(self.began.elapsed());
        self.line.lock().breaker.on_outcome(pass, verdict, Duration::ZERO, self.draw, ended_at);
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.end(Verdict::Neutral);
    }
}
