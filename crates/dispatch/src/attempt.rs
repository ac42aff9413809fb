//! One attempt from its start to its settlement. Runs as a task of its own and reports to the conductor, always.

use std::sync::Arc;
use std::time::Duration;

use ringup_core::breaker::Pass;
use ringup_core::delivery::{After, DeliveryState, Trigger};
use ringup_core::hook::Contracts;
use ringup_core::key::AccountKey;
use ringup_core::outcome::{BlockedBy, Outcome};
use ringup_core::policy::{Next, RetryPlan, Schedule, asked_pause, next_step};
use ringup_core::ports::{Clock, Random};
use ringup_core::settings::Origin;
use ringup_core::shard::Epoch;
use ringup_core::time::Timestamp;
use ringup_core::timing::Timing;
use ringup_egress::prepared::Prepared;
use ringup_egress::token::{Called, Tokens};
use ringup_egress::{Caller, CheckedUrl, EgressPlan, Fence, Request, Right, Webhook};
use ringup_store::catalogue::Catalogue;
use ringup_store::directory::EndpointView;
use ringup_store::log_entry::{Attempt, AttemptResult, Count, header_lines, kept_body};
use ringup_store::seam::Settlement;
use ringup_store::waits::Came;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Parts;
use crate::announce::Announcer;
use crate::gauge::FirstAttempts;
use crate::intake::Message;
use crate::lane::Entry;
use crate::reversal::{self, Step};
use crate::reward;
use crate::steady::Steady;

/// What attempts and the conductor share.
pub struct Shell {
    pub catalogue: Arc<Catalogue>,
    pub egress: Arc<EgressPlan>,
    pub random: Arc<dyn Random>,
    pub steady: Steady,
    pub messages: mpsc::UnboundedSender<Message>,
    /// Cuts off what is under way.
    pub cut: CancellationToken,
    pub tasks: TaskTracker,
    pub announcer: Arc<Announcer>,
    pub tokens: Tokens,
    pub first_attempts: Arc<FirstAttempts>,
    clock: Arc<dyn Clock>,
    caller: Arc<dyn Caller>,
    contracts: Arc<dyn Contracts>,
    right: Option<Arc<dyn Right>>,
}

/// An attempt that begins.
pub struct Begun {
    pub entry: Entry,
    pub view: Arc<EndpointView>,
    pub prepared: Arc<Prepared>,
    pub pass: Pass,
    /// Attempts of the lane under way, this one included.
    pub in_flight: u32,
    /// More was ready when it began.
    pub backlog: bool,
    /// Of the account's shard when it was decided.
    pub epoch: Epoch,
}

/// An attempt that ended, and what the conductor must know of it.
pub struct Done {
    pub entry: Entry,
    pub pass: Pass,
    pub in_flight: u32,
    pub backlog: bool,
    /// As it was when the attempt began.
    pub view: Arc<EndpointView>,
    pub outcome: Outcome,
    /// The pause that the receiver asked for, where the policy honours it.
    pub asked: Duration,
    pub latency: Duration,
    pub settlement: Settlement,
    /// What a till is to hear of it once it is durable; `None` for all ordinary deliveries.
    pub came: Option<Box<Came>>,
    /// Of the account's shard when the attempt was decided.
    pub epoch: Epoch,
}

/// Where other nodes may take accounts over, what was decided under an old epoch does not go out.
struct Held(Arc<Catalogue>);

impl Right for Held {
    fn holds(&self, account: AccountKey, epoch: Epoch) -> bool {
        self.0.store().holds(account, epoch)
    }
}

impl Shell {
    pub fn new(parts: Parts, steady: Steady, messages: mpsc::UnboundedSender<Message>) -> Shell {
        let announcer = Announcer {
            catalogue: parts.catalogue.clone(),
            clock: parts.clock.clone(),
            random: parts.random.clone(),
            words: parts.words,
        };
        let right =
            parts.catalogue.store().is_shared().then(|| Arc::new(Held(parts.catalogue.clone())) as Arc<dyn Right>);
        Shell {
            right,
            catalogue: parts.catalogue,
            egress: parts.egress,
            random: parts.random,
            announcer: Arc::new(announcer),
            steady,
            messages,
            cut: CancellationToken::new(),
            tasks: TaskTracker::new(),
            tokens: Tokens::default(),
            first_attempts: Arc::default(),
            clock: parts.clock,
            caller: parts.caller,
            contracts: parts.contracts,
        }
    }

    pub fn begin(self: &Arc<Shell>, begun: Begun) {
        let shell = self.clone();
        // The report goes out even if the attempt panics: as interrupted, so that it is made again.
        let report = Report { shell: shell.clone(), begun: Some(begun) };
        self.tasks.spawn(async move { report.run().await });
    }
}

struct Report {
    shell: Arc<Shell>,
    begun: Option<Begun>,
}

impl Report {
    async fn run(mut self) {
        let Some(begun) = &self.begun else { return };
        let started_at = self.shell.clock.now();
        let since = self.shell.steady.now();
        let delivery = &begun.entry.delivery;
        // What its publisher put off, or a person asked for again, did not wait for us.
        if delivery.attempts_made == 0 && delivery.trigger == Trigger::Policy && !begun.entry.put_off {
            self.shell.first_attempts.note(started_at.saturating_since(begun.entry.event.accepted_at()));
        }
        let elsewhere = match reversal::step(&self.shell, begun, started_at).await {
            None => None,
            Some(Step::Tell(url, text)) => Some((url, text)),
            Some(Step::Later(due_at)) => {
                let after = After::Retry { due_at, attempts_made: begun.entry.delivery.attempts_made };
                return self.pass(after);
            }
            Some(Step::Never(how)) => return self.pass(After::Ended(how)),
        };
        let called = self.shell.call(begun, elsewhere.as_ref().map(|(url, _)| url), started_at).await;
        let latency = self.shell.steady.now().saturating_since(since).saturating_sub(called.waited);
        if let Some(begun) = self.begun.take() {
            let url_text = elsewhere.map(|(_, text)| text);
            self.shell.report(begun, called, url_text, started_at, latency);
        }
    }

    /// No attempt is made now.
    fn pass(mut self, after: After) {
        let Some(begun) = self.begun.take() else { return };
        let Begun { mut entry, view, pass, in_flight, backlog, epoch, .. } = begun;
        let settlement = Settlement {
            key: entry.delivery.key,
            event: entry.event.clone(),
            after,
            ended_at: self.shell.steady.now(),
            count: None,
            attempt: None,
            then: None,
        };
        if let After::Retry { due_at, .. } = after {
            entry.delivery.state = DeliveryState::Scheduled(due_at);
        }
        let (outcome, asked, latency) = (Outcome::Interrupted, Duration::ZERO, Duration::ZERO);
        let done =
            Done { entry, pass, in_flight, backlog, view, outcome, asked, latency, settlement, came: None, epoch };
        let _ = self.shell.messages.send(Message::Done(Box::new(done)));
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        if let Some(begun) = self.begun.take() {
            let now = self.shell.clock.now();
            self.shell.report(begun, uncalled(Outcome::Interrupted), None, now, Duration::ZERO);
        }
    }
}

impl Shell {
    /// What came of it, and how long it waited for a token meanwhile: a receiver is not to blame for that.
    async fn call(&self, begun: &Begun, elsewhere: Option<&Result<CheckedUrl, BlockedBy>>, now: Timestamp) -> Called {
        let prepared = &begun.prepared;
        let url = match elsewhere.unwrap_or(&prepared.url) {
            Ok(url) => url.clone(),
            Err(rule) => return uncalled(Outcome::Blocked(*rule)),
        };
        let settings = &begun.view.settings;
        let event = &begun.entry.event;
        let request = Request {
            url,
            account: event.account,
            headers: prepared.headers.clone(),
            body: event.payload.clone(),
            webhook: Webhook {
                id: event.id,
                names: settings.header_names.value,
                keys: prepared.keys.clone(),
                event_type: event.event_type.clone(),
                attempt: begun.entry.delivery.attempts_made.saturating_add(1),
            },
            tls: prepared.tls.clone(),
            time_limit: settings.time_limit.value,
            now,
            fence: self.right.clone().map(|right| Fence::new(right, event.account, begun.epoch)).unwrap_or_default(),
        };
        let Some(grant) = &prepared.grant else {
            return tokio::select! {
                biased;
                reply = self.caller.call(request) => {
                    Called { outcome: reply.outcome, timing: reply.timing, waited: Duration::ZERO }
                }
                () = self.cut.cancelled() => uncalled(Outcome::Interrupted),
            };
        };
        tokio::select! {
            biased;
            called = grant.call(&*self.caller, request) => called,
            () = self.cut.cancelled() => uncalled(Outcome::Interrupted),
        }
    }

    /// `url_text`: of a call that went elsewhere than the endpoint's others.
    fn report(
        &self,
        begun: Begun,
        called: Called,
        url_text: Option<Arc<str>>,
        started_at: Timestamp,
        latency: Duration,
    ) {
        let Called { outcome, timing, .. } = called;
        let Begun { mut entry, view, prepared, pass, in_flight, backlog, epoch } = begun;
        let now = self.steady.now();
        let number = entry.delivery.attempts_made.saturating_add(1);
        let is_success = matches!(outcome, Outcome::Delivered(_));
        let of_type = if is_success { None } else { self.plan_of_type(&view, &entry.event.event_type, &prepared.plan) };
        let plan = of_type.as_ref().unwrap_or(&prepared.plan);
        let next = next_step(&outcome, number, plan, self.random.draw(), now);
        let after = entry.delivery.after(next);
        let asked = if prepared.plan.honour_retry_after { asked_pause(&outcome, now) } else { Duration::ZERO };
        let kept = view.settings.log_mode_at(started_at).keeps(&outcome);
        let result = AttemptResult::of(&outcome);
        let counted = !matches!(next, Next::Again);
        let asked_by = reward::contract(&view, &entry.event, self.catalogue.directory(), &*self.contracts);
        let came = asked_by.as_deref().map(|contract| Box::new(reward::came(contract, &outcome, after)));
        let then = asked_by.as_deref().zip(came.as_deref()).filter(|_| after == After::Delivered).and_then(
            |(contract, came)| {
                reward::settled(&self.catalogue, &entry.event, contract, &came.judgement, now, self.random.id_part())
            },
        );
        let settlement = Settlement {
            key: entry.delivery.key,
            event: entry.event.clone(),
            after,
            ended_at: now,
            count: counted.then(|| Count {
                minute: now.as_minutes(),
                outcome: result.outcome,
                duration: latency,
                gave_up: matches!(after, After::Ended(_)),
            }),
            attempt: kept.then(|| Attempt {
                number,
                trigger: entry.delivery.trigger,
                started_at,
                duration: latency,
                timing,
                url: url_text.unwrap_or_else(|| prepared.url_text.clone()),
                result,
                response_headers: outcome.answer().map(header_lines).unwrap_or_default(),
                response_body: match &outcome {
                    // What the token server said stands where the receiver's answer would.
                    Outcome::NoToken(why) => why.to_string().into(),
                    other => {
                        other.answer().map(|answer| kept_body(answer, &view.settings.redact.value)).unwrap_or_default()
                    }
                },
                body_end: outcome.answer().map(|answer| answer.body_end).unwrap_or_default(),
                random: self.random.id_part(),
            }),
            then,
        };
        if let After::Retry { due_at, attempts_made } = after {
            entry.delivery.attempts_made = attempts_made;
            entry.delivery.state = DeliveryState::Scheduled(due_at);
        }
        let done = Done { entry, pass, in_flight, backlog, view, outcome, asked, latency, settlement, came, epoch };
        let _ = self.messages.send(Message::Done(Box::new(done)));
    }

    /// The plan with the schedule of the event's type, where it has one and nobody stronger does. Looked up after a failure
    /// alone, so that a delivery that arrives costs nothing more.
    fn plan_of_type(&self, view: &EndpointView, event_type: &str, plan: &RetryPlan) -> Option<RetryPlan> {
        if view.settings.schedule.origin != Origin::System {
            return None;
        }
        let directory = self.catalogue.directory();
        let environment = directory.account(view.endpoint.account)?.account.environment;
        let pauses = directory.event_type(environment, event_type)?.schedule.clone()?;
        Some(RetryPlan { schedule: Schedule::List(pauses), ..plan.clone() })
    }
}

/// An attempt that did not come to a call, or whose call was cut off.
fn uncalled(outcome: Outcome) -> Called {
    Called { outcome, timing: Timing::default(), waited: Duration::ZERO }
}
