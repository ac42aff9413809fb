//! One question: from the till's words to the answer that it gets in time, whatever the app does.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ringup_core::breaker::{Admit, Pass};
use ringup_core::delivery::{Ended, Trigger};
use ringup_core::event::{Extras, KeepPayload, Target};
use ringup_core::hook::{
    self, AnswerKind, BadDeadline, Contract, FailCause, Failed, HookPlan, Judgement, Mode, Told, is_logged, judge,
    log_words, verdict,
};
use ringup_core::id::EventId;
use ringup_core::limits::JSON_DEPTH_MAX;
use ringup_core::outcome::Outcome;
use ringup_core::scope::Scope;
use ringup_core::time::{Tick, Timestamp};
use ringup_core::timing::Timing;
use ringup_core::{json, log::LogMode};
use ringup_egress::token::Called;
use ringup_egress::{Caller, Fence, Request, Webhook};
use ringup_store::Store;
use ringup_store::directory::EndpointView;
use ringup_store::log_entry::{Attempt, AttemptResult, Count, OutcomeWord, header_lines, kept_body};
use ringup_store::seam::{Asked, NewEvent};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, timeout_at};
use tracing::warn;

use super::hedge::{self, Hedge};
use super::line::{Flight, Line};
use super::sale::Sale;
use super::{answering, plan_of};
use crate::app::App;
use crate::check::Faults;
use crate::error::{AppError, Fault};
use crate::principal::Principal;

/// Between the end of a call and the till's deadline: for a timer that is up to 2 ms late, reading the answer and telling it.
pub(super) const MARGIN: Duration = Duration::from_millis(5);

/// What the till is told.
#[derive(Clone, Debug)]
pub struct HookAnswer {
    pub told: Told,
    pub took: Duration,
    /// The name of the call in the log, and its `webhook-id`; `None` where nobody was called for it.
    pub call: Option<EventId>,
    /// The app will be asked again by the retry policy, and what it says will be told by an event.
    pub queued: bool,
    /// Why the app says no, in its own words, where the hook declares where they stand.
    pub reason: Option<String>,
}

/// What came of a call.
#[derive(Clone, Debug)]
pub(super) struct Came {
    id: EventId,
    judgement: Judgement,
}

impl App {
    /// Asks a hook. `asked_ms` is what the till can wait.
    pub async fn ask_hook(
        &self,
        principal: &Principal,
        account: &str,
        name: &str,
        question: &str,
        asked_ms: Option<u64>,
    ) -> Result<HookAnswer, AppError> {
        let began = Instant::now();
        let view = self.owned(principal, account, Scope::Publish)?;
        let contract = self.contract(view.account.environment, name);
        let contract = contract.ok_or_else(|| AppError::not_found("hook", name))?;
        let found = answering(&view, name);
        let plan = found.and_then(|found| plan_of(found));
        let deadline = plan.map_or(HookPlan::DEADLINE_DEFAULT, |plan| plan.deadline);
        let budget = hook::budget(deadline, asked_ms).map_err(bad_deadline)?;
        let (question, key) = self.checked_question(&contract, plan, question)?;
        let until = began + budget;
        let shortened = budget < deadline;

        let fallback = plan.and_then(|plan| plan.fallback.as_deref());
        let fallback = || fallback.and_then(|document| hook::fallback(&contract, document).ok());
        let answer = |told, call| {
            let reason = hook::reason(&contract, &told);
            Ok(HookAnswer { told, took: began.elapsed(), call, queued: false, reason })
        };
        let failed = |cause| Judgement::Failed(Failed::of(cause));
        let Some(found) = found else {
            return answer(hook::told(failed(FailCause::NotSet), None, None), None);
        };
        if let (Mode::Write, Some(key)) = (contract.rule.mode, key) {
            let sale = Sale { view: &view, found, contract: &contract, question, key, until, shortened };
            let (told, call, queued) = self.submit(sale).await?;
            return Ok(HookAnswer { told, took: began.elapsed(), call, queued, reason: None });
        }
        if found.endpoint.stopped.is_some() {
            return answer(hook::told(failed(FailCause::Stopped), None, fallback()), None);
        }
        let line = self.hooks.line(found, &contract, &self.plan.egress);
        if let Some((fresh, _)) = contract.rule.cache
            && !fresh.is_zero()
            && let Some((reading, age)) = line.lock().kept(&question, fresh)
        {
            let told = Told { kind: AnswerKind::Cache, reading: Some(reading), failed: None, age: Some(age) };
            return answer(told, None);
        }
        let came = match self.flight(&line, found, &question, until, shortened) {
            Ok(flight) => arrival(&flight, until).await,
            Err(cause) => Err(cause),
        };
        let (judgement, call) = match came {
            Ok(came) => (came.judgement, Some(came.id)),
            Err(cause) => (failed(cause), None),
        };
        let stale = contract.rule.cache.and_then(|(fresh, stale)| line.lock().kept(&question, fresh + stale));
        answer(hook::told(judgement, stale, fallback()), call)
    }

    fn checked_question(
        &self,
        contract: &Contract,
        plan: Option<&HookPlan>,
        question: &str,
    ) -> Result<(String, Option<String>), AppError> {
        let mut faults = Faults::default();
        let (bytes, bytes_max) = (question.len(), self.plan.payload_bytes_max);
        faults.check(bytes <= bytes_max, || {
            Fault::new("body", "too_large", format!("a question has at most {bytes_max} bytes, this one has {bytes}"))
        });
        faults.check(json::is_json(question) && json::is_object(question.as_bytes()), || {
            let why = format!("a question is a JSON object of at most {JSON_DEPTH_MAX} levels");
            Fault::new("body", "object", why)
        });
        faults.done()?;
        let generation = plan.map(|plan| plan.generation).unwrap_or_default();
        let written = hook::question(contract, generation, question);
        written.map_err(|bad| {
            let fault = |bad: hook::BadQuestion| {
                let fault = Fault::new("body", bad.code, bad.why);
                if bad.name.is_empty() { fault } else { fault.at(bad.name) }
            };
            AppError::Invalid(bad.into_iter().map(fault).collect())
        })
    }

    /// A call for this question: one that is on its way, or a new one.
    fn flight(
        &self,
        line: &Arc<Line>,
        found: &Arc<EndpointView>,
        question: &str,
        until: Instant,
        shortened: bool,
    ) -> Result<Arc<Flight>, FailCause> {
        let Ok(caller) = self.caller() else { return Err(FailCause::Interrupted) };
        let mut inner = line.lock();
        if let Some(flight) = inner.flight(question, until) {
            return Ok(flight);
        }
        let now = self.now();
        if let Admit::No { .. } = inner.breaker.admits(now) {
            return Err(FailCause::BreakerOpen);
        }
        let place = self.hooks.places.clone().try_acquire_owned().map_err(|_| FailCause::Busy)?;
        if inner.in_flight >= found.settings.in_flight_max.value {
            return Err(FailCause::Busy);
        }
        inner.in_flight += 1;
        let pass = inner.breaker.on_start(now);
        let id = EventId::of_tick(Tick::at(now), self.random.id_part());
        let (sender, came) = watch::channel(None);
        let call = Call {
            line: line.clone(),
            found: found.clone(),
            question: question.to_owned(),
            id,
            shortened,
            started_at: now,
            draw: self.random.draw(),
            randoms: [self.random.id_part(), self.random.id_part()],
            began: Instant::now(),
            pointers: self.pointers([found.settings.redact.value.as_slice()]),
            store: self.store().clone(),
            sender,
            open: Some((pass, place)),
            hedge: plan_of(found).and_then(|plan| plan.hedge).map(|delay| {
                let id_part = || self.random.id_part();
                let places = self.hooks.places.clone();
                Box::new(Hedge { delay, draw: self.random.draw(), randoms: [id_part(), id_part(), id_part()], places })
            }),
        };
        let limit = until.saturating_duration_since(Instant::now()).saturating_sub(MARGIN);
        let task = tokio::spawn(call.run(caller.clone(), limit)).abort_handle();
        let flight = Arc::new(Flight { came, until, task });
        inner.fly(question, &flight);
        Ok(flight)
    }

    /// Waits until what hooks asked is in the log, or until `grace` is over. Nothing can be asked afterwards.
    pub async fn end_hooks(&self, grace: Duration) {
        self.hooks.settle(grace).await;
    }
}

fn bad_deadline(bad: BadDeadline) -> AppError {
    let why = format!("1 to 30000 milliseconds are possible, these are {}", bad.asked_ms);
    Fault::new("deadline_ms", "range", why).into()
}

/// What comes of the call in the time that the till has.
async fn arrival(flight: &Flight, until: Instant) -> Result<Came, FailCause> {
    let mut came = flight.came.clone();
    match timeout_at(until, came.wait_for(Option::is_some)).await {
        Ok(Ok(came)) => came.clone().ok_or(FailCause::Interrupted),
        Ok(Err(_)) => Err(FailCause::Interrupted),
        Err(_) => Err(FailCause::Late),
    }
}

/// A call under way. Whatever becomes of its task, what came of it is told and recorded.
pub(super) struct Call {
    pub line: Arc<Line>,
    pub found: Arc<EndpointView>,
    pub question: String,
    pub id: EventId,
    pub shortened: bool,
    pub started_at: Timestamp,
    pub draw: f64,
    /// For the event that the log has of it, and for the attempt.
    pub randoms: [[u8; 12]; 2],
    pub began: Instant,
    pub pointers: Arc<[String]>,
    pub store: Arc<dyn Store>,
    pub sender: watch::Sender<Option<Came>>,
    pub open: Option<(Pass, OwnedSemaphorePermit)>,
    /// Where it may be asked a second time.
    pub hedge: Option<Box<Hedge>>,
}

impl Call {
    async fn run(mut self, caller: Arc<dyn Caller>, limit: Duration) {
        if let Some(hedge) = self.hedge.take() {
            return hedge::race(self, *hedge, caller, limit).await;
        }
        let called = self.called(&*caller, limit).await;
        self.ended(called, true);
    }

    pub(super) async fn called(&self, caller: &dyn Caller, limit: Duration) -> Called {
        let prepared = &self.line.prepared;
        let url = match &prepared.url {
            Ok(url) => url.clone(),
            Err(rule) => return uncalled(Outcome::Blocked(*rule)),
        };
        let request = Request {
            url,
            account: self.found.endpoint.account,
            headers: prepared.headers.clone(),
            body: Bytes::from(self.question.clone()),
            webhook: Webhook {
                id: self.id,
                names: self.found.settings.header_names.value,
                keys: prepared.keys.clone(),
                event_type: self.line.contract.name.clone(),
                attempt: 1,
            },
            tls: prepared.tls.clone(),
            time_limit: limit.max(Duration::from_millis(1)),
            now: self.started_at,
            fence: Fence::default(),
        };
        match &prepared.grant {
            None => {
                let reply = caller.call(request).await;
                Called { outcome: reply.outcome, timing: reply.timing, waited: Duration::ZERO }
            }
            Some(grant) => grant.call(caller, request).await,
        }
    }

    /// `tells`: the till hears of it.
    pub(super) fn ended(&mut self, called: Called, tells: bool) {
        let Some((pass, place)) = self.open.take() else { return };
        let Called { outcome, timing, .. } = called;
        let duration = self.began.elapsed();
        let ended_at = self.started_at.saturating_add(duration);
        let judgement = judge(&self.line.contract, &outcome);
        {
            let mut inner = self.line.lock();
            inner.in_flight = inner.in_flight.saturating_sub(1);
            inner.breaker.on_outcome(pass, verdict(&outcome, self.shortened), Duration::ZERO, self.draw, ended_at);
            if let (Some((fresh, stale)), Judgement::Answered(reading)) = (self.line.contract.rule.cache, &judgement) {
                inner.keep(&self.question, reading.clone(), fresh + stale);
            }
        }
        if tells {
            self.sender.send_replace(Some(Came { id: self.id, judgement: judgement.clone() }));
        }
        let event = self.event(&outcome, &judgement, timing, duration, ended_at);
        let store = self.store.clone();
        // Its end is that of the permit, which a stop waits for: the till need not wait for the log.
        drop(tokio::spawn(async move {
            if let Err(error) = store.accept(vec![event]).await {
                warn!(%error, "a call of a hook is not in the log");
            }
            drop(place);
        }));
    }

    /// What the store keeps of it. The event is named as the app knows the call.
    fn event(
        &self,
        outcome: &Outcome,
        judgement: &Judgement,
        timing: Timing,
        duration: Duration,
        ended_at: Timestamp,
    ) -> NewEvent {
        let settings = &self.found.settings;
        let mode = settings.log_mode_at(self.started_at);
        let words = log_words(outcome, judgement);
        let word = OutcomeWord::ALL.into_iter().find(|word| word.word() == words.outcome);
        let result = AttemptResult {
            outcome: word.unwrap_or(OutcomeWord::Interrupted),
            status: words.status,
            detail: words.detail,
        };
        let logged = is_logged(mode, judgement);
        let attempt = logged.then(|| Attempt {
            number: 1,
            trigger: Trigger::Policy,
            started_at: self.started_at,
            duration,
            timing,
            url: self.line.prepared.url_text.clone(),
            result,
            response_headers: outcome.answer().map(header_lines).unwrap_or_default(),
            response_body: match outcome {
                Outcome::NoToken(why) => why.to_string().into(),
                other => other.answer().map(|answer| kept_body(answer, &settings.redact.value)).unwrap_or_default(),
            },
            body_end: outcome.answer().map(|answer| answer.body_end).unwrap_or_default(),
            random: self.randoms[1],
        });
        // Where nothing is logged, nothing is listed either.
        let is_failed = matches!(judgement, Judgement::Failed(_));
        let ended = (logged && is_failed).then_some(Ended::NotRepeated);
        let count = Count { minute: ended_at.as_minutes(), outcome: result.outcome, duration, gave_up: false };
        NewEvent {
            account: self.found.endpoint.account,
            event_type: self.line.contract.name.clone(),
            uid: Some(self.id.to_string()),
            channels: Vec::new(),
            extras: Extras::default(),
            payload: Bytes::from(self.question.clone()),
            keep_payload: KeepPayload::of([if logged { mode } else { LogMode::None }], self.pointers.clone()),
            targets: vec![Target { endpoint: self.found.endpoint.key, order_key: None, skipped: false }],
            idempotency: None,
            unregistered: false,
            asked: Some(Box::new(Asked { ended_at, ended, attempt, count: Some(count) })),
            now: self.started_at,
            random: self.randoms[0],
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        // Nobody waits any more, or we failed: it was cut off by us.
        let tells = self.sender.borrow().is_none();
        self.ended(uncalled(Outcome::Interrupted), tells);
    }
}

pub(super) fn uncalled(outcome: Outcome) -> Called {
    Called { outcome, timing: Timing::default(), waited: Duration::ZERO }
}
