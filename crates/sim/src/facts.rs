//! What truly happened, seen from outside the process: what was published, asked, answered, recorded and lost.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use ringup_core::delivery::{After, DeliveryKey};
use ringup_core::endpoint::StoppedBy;
use ringup_core::event::Event;
use ringup_core::id::EventId;
use ringup_core::key::{AccountKey, EndpointKey};
use ringup_core::outcome::Outcome;
use ringup_core::time::Timestamp;
use ringup_store::directory::EndpointView;

use crate::trace::Trace;

/// Grows while the world goes on; checked when it is quiet.
pub struct Facts {
    pub trace: Trace,
    /// Broken promises found on the way.
    pub problems: Vec<String>,
    pub published: Vec<Published>,
    /// Which published event an id stands for: from acknowledgements and from what receivers saw.
    pub numbers: BTreeMap<EventId, usize>,
    pub accepted_at: BTreeMap<EventId, Timestamp>,
    /// For counting who still holds an event in memory.
    pub held: Vec<Weak<Event>>,
    pub calls: Vec<Call>,
    pub calls_of: BTreeMap<Delivery, Vec<usize>>,
    pub endpoints: Vec<EndpointFacts>,
    pub by_key: BTreeMap<EndpointKey, usize>,
    pub resends: BTreeMap<Delivery, Vec<Resend>>,
    pub life: u32,
    pub in_flight: u32,
    /// Calls of this life that are not durable yet.
    pub unsettled: u32,
    pub tally: Tally,
}

/// An event and the receiver it goes to.
pub type Delivery = (EventId, usize);

pub struct Published {
    pub account: AccountKey,
    pub payload: Bytes,
    /// The value by which lanes may order.
    pub order_value: u64,
    pub acknowledged: Option<EventId>,
}

/// One request as it left the process.
pub struct Call {
    pub delivery: Delivery,
    pub life: u32,
    /// True time.
    pub begun_at: Timestamp,
    /// The process's own steady time.
    pub begun_steady: Timestamp,
    /// The endpoint's configuration when it began.
    pub view: Arc<EndpointView>,
    pub end: End,
    /// What came of it, where the process knew and its store did not.
    pub lost_outcome: Option<Outcome>,
    pub recorded: Option<Recorded>,
    /// The store said that it is durable.
    pub settled: bool,
    /// True time of that.
    pub settled_at: Option<Timestamp>,
}

pub enum End {
    UnderWay,
    Answered {
        at: Timestamp,
        steady: Timestamp,
        outcome: Outcome,
    },
    /// By a graceful stop, at its deadline.
    CutOff,
    /// The process died, or its store did not take the outcome.
    Lost,
}

/// What the process made of a call.
#[derive(Clone, Copy)]
pub struct Recorded {
    pub after: After,
    pub ended_at: Timestamp,
    /// The number in its log entry, if it has one.
    pub number: Option<u32>,
}

#[derive(Default)]
pub struct EndpointFacts {
    pub key: Option<EndpointKey>,
    pub account: usize,
    /// As last seen by a call.
    pub view: Option<Arc<EndpointView>>,
    /// True times at which its configuration changed.
    pub changes: Vec<Timestamp>,
    /// True times at which it was stopped or let go again.
    pub stops: Vec<(Timestamp, Option<StoppedBy>)>,
    pub deleted_at: Option<Timestamp>,
    /// A change may or may not have been stored.
    pub unsure: bool,
    pub in_flight: u32,
}

#[derive(Clone, Copy, Debug)]
pub struct Resend {
    pub asked_at: Timestamp,
    /// True time of the answer; `None` if it never came.
    pub done_at: Option<Timestamp>,
    /// The store said no: nothing changed.
    pub refused: bool,
}

/// Totals for the report.
#[derive(Clone, Copy, Default, Debug)]
pub struct Tally {
    pub crashes: u64,
    pub stops: u64,
    pub store_faults: u64,
    pub clock_steps: u64,
    pub changes: u64,
    pub resends: u64,
    pub bad_answers: u64,
}

impl Facts {
    pub fn new(receivers: usize, keep_text: bool) -> Facts {
        Facts {
            trace: Trace::new(keep_text),
            problems: Vec::new(),
            published: Vec::new(),
            numbers: BTreeMap::new(),
            accepted_at: BTreeMap::new(),
            held: Vec::new(),
            calls: Vec::new(),
            calls_of: BTreeMap::new(),
            endpoints: (0..receivers).map(|_| EndpointFacts::default()).collect(),
            by_key: BTreeMap::new(),
            resends: BTreeMap::new(),
            life: 0,
            in_flight: 0,
            unsettled: 0,
            tally: Tally::default(),
        }
    }

    pub fn problem(&mut self, text: String) {
        // The first ones tell what went wrong; thousands more tell nothing.
        if self.problems.len() < 20 {
            self.problems.push(text);
        }
    }

    /// Notes which event an id stands for; an event with two ids was stored twice.
    pub fn sight(&mut self, id: EventId, number: usize) {
        let known = *self.numbers.entry(id).or_insert(number);
        if known != number {
            self.problem(format!("O2: {id} stands for both event {known} and event {number}"));
        }
    }

    pub fn endpoint_key(&self, delivery: Delivery) -> Option<DeliveryKey> {
        Some(DeliveryKey { endpoint: self.endpoints[delivery.1].key?, event: delivery.0.tick() })
    }

    /// The calls of one delivery, in the order in which they began.
    pub fn calls_for(&self, delivery: Delivery) -> impl Iterator<Item = &Call> {
        self.calls_of.get(&delivery).into_iter().flatten().map(|at| &self.calls[*at])
    }

    /// References to events that the process holds beyond what the store and the calls under way need.
    pub fn events_held(&mut self) -> usize {
        self.held.retain(|event| event.strong_count() > 0);
        self.held.iter().map(|event| event.strong_count() - 1).sum()
    }

    /// The process is gone: what was under way or not durable is lost with it.
    pub fn end_life(&mut self, life: u32) {
        for call in self.calls.iter_mut().rev().take_while(|call| call.life == life) {
            if call.settled || matches!(call.end, End::CutOff) {
                continue;
            }
            if let End::Answered { outcome, .. } = std::mem::replace(&mut call.end, End::Lost) {
                call.lost_outcome = Some(outcome);
            }
        }
        self.in_flight = 0;
        self.unsettled = 0;
        for endpoint in &mut self.endpoints {
            endpoint.in_flight = 0;
        }
    }
}

impl Call {
    pub fn outcome(&self) -> Option<&Outcome> {
        match &self.end {
            End::Answered { outcome, .. } => Some(outcome),
            End::UnderWay | End::CutOff | End::Lost => self.lost_outcome.as_ref(),
        }
    }

    /// It may be made again though it was answered: nobody remembers the answer.
    pub fn is_lost(&self) -> bool {
        matches!(self.end, End::Lost | End::CutOff)
    }
}
