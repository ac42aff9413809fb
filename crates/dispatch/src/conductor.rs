//! The one task that owns all lanes: takes in what comes, starts what may start, in fair turn.

mod failing;
mod look;
mod moved;
mod read;
mod start;
mod stopped;
mod stopping;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ringup_core::breaker::{Admit, BreakerState, Verdict};
use ringup_core::delivery::{After, Delivery, DeliveryKey, DeliveryState, Ended, Trigger};
use ringup_core::endpoint::StoppedBy;
use ringup_core::key::EndpointKey;
use ringup_core::time::Timestamp;
use ringup_core::turn::Turn;
use ringup_egress::prepared::Prepared;
use ringup_store::seam::{Fresh, Loaded};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use crate::announce::Pending;
use crate::attempt::{Done, Shell};
use crate::intake::{Intake, Message};
use crate::lane::{Entry, Lane};
use crate::patience::Patience;
use crate::sweep::{Sweep, WINDOW};
use crate::{Leftover, Plan};

/// Messages taken at once before looking at what can start.
const MESSAGES_AT_ONCE: usize = 256;

/// Idle lanes kept for what they have learned; beyond it an idle lane goes.
const LANES_KEPT: usize = 10_000;

/// Pause before a read of the store that failed is tried again.
const READ_AGAIN: Duration = Duration::from_secs(1);

/// How long a stop waits for outcomes to become durable once nothing is under way.
const SETTLE_GRACE: Duration = Duration::from_secs(5);

pub struct Conductor {
    plan: Plan,
    shell: Arc<Shell>,
    intake: Arc<Intake>,
    inbox: mpsc::UnboundedReceiver<Message>,
    changes: watch::Receiver<u64>,
    lanes: BTreeMap<EndpointKey, Slot>,
    turn: Turn,
    alarms: BTreeSet<(Timestamp, EndpointKey)>,
    sweep: Sweep,
    /// The store has told which endpoints had work when we began. Until then any may have some.
    work_known: bool,
    /// Lanes that would read on if there were room.
    hungry: BTreeSet<EndpointKey>,
    /// Attempts begun and not yet durable.
    in_flight: u32,
    calling: u32,
    held_bytes: usize,
    /// Attempts to be told about once they are durable.
    announced: BTreeMap<DeliveryKey, Pending>,
    heard: crate::reward::Heard,
    others: moved::Others,
    stop: Option<Stop>,
}

struct Slot {
    lane: Lane,
    prepared: Option<Arc<Prepared>>,
    patience: Patience,
    emptying: Emptying,
    alarm: Option<Timestamp>,
}

/// How far the deliveries of a stopped endpoint are ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Emptying {
    /// The endpoint is not stopped, or more came since.
    No,
    UnderWay,
    Done,
}

struct Stop {
    deadline: Instant,
    cut: bool,
    interrupted: u32,
    answer: Option<oneshot::Sender<Leftover>>,
}

impl Conductor {
    pub fn new(
        plan: Plan,
        shell: Arc<Shell>,
        intake: Arc<Intake>,
        inbox: mpsc::UnboundedReceiver<Message>,
    ) -> Conductor {
        let changes = shell.catalogue.changes();
        Conductor {
            plan,
            shell,
            intake,
            inbox,
            changes,
            lanes: BTreeMap::new(),
            turn: Turn::new(),
            alarms: BTreeSet::new(),
            sweep: Sweep::default(),
            work_known: false,
            hungry: BTreeSet::new(),
            in_flight: 0,
            calling: 0,
            held_bytes: 0,
            announced: BTreeMap::new(),
            heard: BTreeMap::new(),
            others: moved::Others::default(),
            stop: None,
        }
    }

    pub async fn run(mut self) {
        self.find_work();
        self.sweep.want(self.shell.steady.now());
        let mut messages = Vec::with_capacity(MESSAGES_AT_ONCE);
        loop {
            let wake = self.next_wake();
            tokio::select! {
                biased;
                count = self.inbox.recv_many(&mut messages, MESSAGES_AT_ONCE) => if count == 0 { return },
                Ok(()) = self.changes.changed() => self.on_configuration(),
                () = tokio::time::sleep_until(wake) => {}
            }
            for message in messages.drain(..) {
                self.on_message(message);
            }
            self.ring_alarms();
            self.feed_the_hungry();
            self.start_what_may();
            self.tell_parted();
            if self.is_stopped() {
                break;
            }
        }
        self.answer_stop();
    }

    fn next_wake(&self) -> Instant {
        let far = Instant::now() + Duration::from_secs(3_600);
        let alarm = self.alarms.first().map(|(at, _)| *at);
        let at = [alarm, self.sweep.wanted_at()].into_iter().flatten().min();
        let wake = at.map_or(far, |at| self.shell.steady.instant(at));
        self.stop.as_ref().map_or(wake, |stop| stop.deadline)
    }

    fn on_message(&mut self, message: Message) {
        match message {
            Message::Accepted(fresh) => self.on_accepted(fresh),
            Message::Missed => {
                for endpoint in self.intake.take_missed() {
                    self.visit(endpoint, Lane::miss);
                }
                // Some may have been put off to a time that is near.
                self.sweep.want(self.shell.steady.now());
            }
            Message::Settled(keys) => {
                for key in keys {
                    self.on_settled(key);
                }
            }
            Message::Resent(loaded) => drop(self.visit(loaded.delivery.key.endpoint, |lane| lane.bring(entry(loaded)))),
            Message::Recalled(endpoint, oldest) => drop(self.visit(endpoint, |lane| lane.read_again_from(oldest))),
            Message::Discarded(keys) => {
                for key in keys {
                    if self.lanes.contains_key(&key.endpoint) {
                        self.visit(key.endpoint, |lane| lane.discard(key.event));
                    }
                }
            }
            Message::Moved(parted) => self.on_moved(parted),
            Message::Looking => self.others.look(),
            Message::Found(found) => self.on_found(found),
            Message::Refused(keys) => self.on_refused(keys),
            Message::PutOff(until) => self.sweep.want(until.saturating_sub(WINDOW)),
            Message::Done(done) => self.on_done(*done),
            Message::Refilled { endpoint, asked, loaded } => self.on_refilled(endpoint, asked, loaded),
            Message::Swept { asked, losses, loaded } => self.on_swept(asked, losses, loaded),
            Message::WorkFound(found) => self.on_work_found(found),
            Message::LookedBack { endpoint, since } => self.on_looked_back(endpoint, since),
            Message::Emptied { endpoint, all } => self.on_emptied(endpoint, all),
            Message::Look(answer) => drop(answer.send(self.gauges())),
            Message::Stop { grace, answer } => {
                let deadline = Instant::now() + grace;
                self.stop = Some(Stop { deadline, cut: false, interrupted: 0, answer: Some(answer) });
            }
        }
    }

    // --- lanes

    /// Does something to an endpoint's lane, made if need be, and sees to what follows from it.
    fn visit<T>(&mut self, endpoint: EndpointKey, act: impl FnOnce(&mut Lane) -> T) -> Option<T> {
        self.check_epoch(endpoint);
        if !self.lanes.contains_key(&endpoint) {
            let lane = self.new_lane(endpoint)?;
            self.lanes.insert(endpoint, Slot::new(lane));
        }
        let slot = self.lanes.get_mut(&endpoint)?;
        let before = slot.lane.held_bytes();
        let answer = act(&mut slot.lane);
        self.held_bytes = (self.held_bytes + slot.lane.held_bytes()).saturating_sub(before);
        self.attend(endpoint);
        Some(answer)
    }

    /// `None` if the endpoint is gone, whatever it had being ended, or if it is another node's.
    fn new_lane(&mut self, endpoint: EndpointKey) -> Option<Lane> {
        let Some(view) = self.shell.catalogue.directory().endpoint(endpoint) else {
            self.end_waiting(endpoint, Ended::Cancelled, Vec::new());
            return None;
        };
        let epoch = self.shell.catalogue.store().epoch(view.endpoint.account)?;
        let now = self.shell.steady.now();
        let mut lane = Lane::new(view.endpoint.account, epoch, self.plan.breaker, &view.settings, now);
        if !self.work_known {
            // What comes now must not overtake what the last process left behind.
            lane.miss();
        }
        Some(lane)
    }

    /// Lines the lane up if it may start something, reads on for it if it has room, sets its timer, or lets it go.
    fn attend(&mut self, endpoint: EndpointKey) {
        if self.stop.is_some() {
            return;
        }
        if !self.check_epoch(endpoint) {
            return;
        }
        let now = self.shell.steady.now();
        let crowded = self.lanes.len() > LANES_KEPT;
        let room = self.has_room();
        let Some(slot) = self.lanes.get_mut(&endpoint) else { return };
        let lane = &mut slot.lane;
        if lane.wants_turn() {
            self.turn.push(lane.account, endpoint);
        }
        if slot.emptying == Emptying::UnderWay {
            return;
        }
        match lane.breaker.admits(now) {
            Admit::No { until } if lane.has_more() => self.set_alarm(endpoint, until),
            Admit::No { .. } => {}
            Admit::Yes | Admit::Probe if !room && lane.held() > 0 => {
                if lane.has_more() {
                    self.hungry.insert(endpoint);
                }
            }
            Admit::Yes | Admit::Probe => {
                if let Some(after) = lane.wants_refill() {
                    let scheduled_too = lane.is_ordered();
                    self.refill(endpoint, after, scheduled_too);
                } else if crowded && lane.is_empty() && lane.breaker.state() == BreakerState::Closed {
                    self.forget(endpoint);
                }
            }
        }
    }

    fn feed_the_hungry(&mut self) {
        if self.has_room() {
            for endpoint in std::mem::take(&mut self.hungry) {
                self.attend(endpoint);
            }
        }
    }

    fn forget(&mut self, endpoint: EndpointKey) {
        if let Some(slot) = self.lanes.remove(&endpoint) {
            self.turn.remove(slot.lane.account, endpoint);
            if let Some(at) = slot.alarm {
                self.alarms.remove(&(at, endpoint));
            }
        }
    }

    fn has_room(&self) -> bool {
        self.held_bytes < self.plan.held_bytes_max
    }

    /// Keeps the earliest of the times asked for.
    fn set_alarm(&mut self, endpoint: EndpointKey, at: Timestamp) {
        let Some(slot) = self.lanes.get_mut(&endpoint) else { return };
        if let Some(set) = slot.alarm {
            if set <= at {
                return;
            }
            self.alarms.remove(&(set, endpoint));
        }
        slot.alarm = Some(at);
        self.alarms.insert((at, endpoint));
    }

    fn ring_alarms(&mut self) {
        let now = self.shell.steady.now();
        while let Some((at, endpoint)) = self.alarms.first().copied()
            && at <= now
        {
            self.alarms.remove(&(at, endpoint));
            if let Some(slot) = self.lanes.get_mut(&endpoint) {
                slot.alarm = None;
                self.turn.push(slot.lane.account, endpoint);
            }
            self.attend(endpoint);
        }
        if self.stop.is_none() && self.sweep.begin(now) {
            self.read_due(now);
        }
        if let Some(stop) = &mut self.stop
            && !stop.cut
            && Instant::now() >= stop.deadline
        {
            stop.cut = true;
            stop.deadline = Instant::now() + SETTLE_GRACE;
            self.shell.cut.cancel();
        }
    }

    // --- what comes

    fn on_accepted(&mut self, fresh: Vec<Fresh>) {
        self.intake.taken(fresh.len());
        let horizon = self.shell.steady.now().saturating_add(WINDOW);
        let is_shared = self.shell.catalogue.store().is_shared();
        for Fresh { event, endpoint, order_key, due_at } in fresh {
            let key = DeliveryKey { endpoint, event: event.tick() };
            let state = due_at.map_or(DeliveryState::Waiting, DeliveryState::Scheduled);
            let delivery = Delivery { key, state, attempts_made: 0, trigger: Trigger::Policy, order_key };
            // While an endpoint is being emptied, only the store knows what is left of it.
            let room = self.has_room() && !self.is_emptying(endpoint);
            match due_at {
                // Another node may have accepted older ones a moment ago: an ordered lane reads them all, in order.
                None => drop(self.visit(endpoint, |lane| {
                    let room = room && !(is_shared && lane.is_ordered());
                    lane.offer(Entry { event, delivery, put_off: false }, room)
                })),
                Some(at) if at <= horizon && room => {
                    self.visit(endpoint, |lane| lane.put_off(Entry { event, delivery, put_off: true }));
                }
                // A sweep will find it before its time, or soon if there is no room now.
                Some(at) => self.sweep.want(at.saturating_sub(WINDOW)),
            }
        }
    }

    fn on_settled(&mut self, key: DeliveryKey) {
        self.in_flight = self.in_flight.saturating_sub(1);
        if let Some(pending) = self.announced.remove(&key) {
            let announcer = self.shell.announcer.clone();
            self.shell.tasks.spawn(async move { announcer.tell_attempt(pending).await });
        }
        crate::reward::tell(&mut self.heard, key, &self.shell.catalogue);
        self.sweep.on_settled(key);
        self.others.on_settled(key);
        self.visit(key.endpoint, |lane| lane.settled(key.event));
    }

    fn on_done(&mut self, done: Done) {
        let Done { entry, pass, in_flight, backlog, view, outcome, asked, latency, settlement, came, epoch } = done;
        let (key, after) = (settlement.key, settlement.after);
        let is_stale = self.is_stale(settlement.event.account, epoch);
        let verdict = Verdict::of(&outcome);
        let now = self.shell.steady.now();
        let draw = self.shell.random.draw();
        self.calling -= 1;
        let cut_off = after == After::Unchanged;
        let number = entry.delivery.attempts_made.saturating_add(1);
        let pending = self.shell.announcer.look(&settlement, &view, entry.delivery.trigger, number, outcome.status());
        if let Some(pending) = pending {
            self.announced.insert(key, pending);
        }
        self.heard.extend(came.map(|came| (key, (settlement.event.id, *came))));
        let unrecorded = cut_off && settlement.attempt.is_none();
        if !unrecorded && !is_stale {
            self.shell.catalogue.store().record(settlement);
        }
        if let Some(stop) = &mut self.stop
            && cut_off
        {
            stop.interrupted += 1;
        }
        let room = self.has_room() && read::is_near(after, now);
        let held = self.visit(key.endpoint, |lane| {
            lane.answered();
            lane.breaker.on_outcome(pass, verdict, asked, draw, now);
            lane.permits.on_outcome(latency, in_flight, backlog, verdict);
            if lane.breaker.state() == BreakerState::Open {
                lane.put_back_ready();
            }
            match after {
                _ if is_stale => true,
                After::Retry { .. } => lane.retry(entry, room),
                After::Unchanged => lane.retry(entry, true),
                After::Delivered | After::Ended(_) => true,
            }
        });
        match after {
            After::Retry { due_at, .. } if held == Some(false) => self.sweep.want(due_at),
            After::Ended(Ended::Gone) => self.stop_endpoint(key.endpoint, StoppedBy::Gone),
            After::Retry { .. } | After::Delivered | After::Ended(_) | After::Unchanged => {}
        }
        if let Some(slot) = self.lanes.get_mut(&key.endpoint) {
            let step = slot.patience.on_outcome(&outcome, &view, now);
            let news = slot.patience.news(&view, self.plan.alert_after, now);
            self.tell(news, &view);
            self.follow(step, &view, now);
        }
        if is_stale {
            self.on_refused(vec![key]);
        } else if unrecorded {
            self.on_settled(key);
        }
    }
}

impl Slot {
    fn new(lane: Lane) -> Slot {
        Slot { lane, prepared: None, patience: Patience::default(), emptying: Emptying::No, alarm: None }
    }
}

fn entry(loaded: Loaded) -> Entry {
    Entry { event: loaded.event, delivery: loaded.delivery, put_off: false }
}
