//! A stage with a view of what happened on it.

use std::time::Duration;

use ringup_core::delivery::{DeliveryState, Ended};
use ringup_core::endpoint::StoppedBy;
use ringup_core::settings::Settings;
use ringup_sim::check::{self, Ledger};
use ringup_sim::facts::{Call, End};
use ringup_sim::mix::{Departure, EndpointMix, Mix};
use ringup_sim::observed::is_success;
use ringup_sim::ports::BEGINNING;
use ringup_sim::receiver::{Behaviour, Mood};
use ringup_sim::stage::Stage;

pub const SEC: Duration = Duration::from_secs(1);
pub const HOUR: Duration = Duration::from_hours(1);

pub struct Show {
    pub stage: Stage,
    ledger: Option<Ledger>,
}

/// One request as its receiver saw it; times since the world began.
pub struct Seen {
    pub number: usize,
    pub begun: Duration,
    pub ended: Option<Duration>,
    pub delivered: bool,
    /// Requests to the same receiver under way when it began, itself included.
    pub beside: usize,
}

/// A receiver of account 0 that is always in this mood.
pub fn always(mood: Mood, settings: Settings) -> EndpointMix {
    EndpointMix::new(0, settings, Behaviour::always(mood))
}

pub fn show(endpoints: impl IntoIterator<Item = EndpointMix>) -> Show {
    Show::new(Mix::still(endpoints.into_iter().collect()))
}

/// One more life, in which everything ends; then every promise must hold.
pub fn finish(show: &mut Show, within: Duration) {
    let (problems, ledger) = show.stage.live(async |life| {
        life.until_quiet(within).await;
        let ledger = Ledger::read(life).await.expect("a store without faults can be read");
        ((check::all(life).await, ledger), Departure::Stop { grace: SEC })
    });
    assert!(problems.is_empty(), "{problems:#?}");
    show.ledger = Some(ledger);
    show.no_problems();
}

impl Show {
    pub fn new(mix: Mix) -> Show {
        Show { stage: Stage::new(mix, false), ledger: None }
    }

    pub fn no_problems(&self) {
        assert_eq!(self.stage.world.facts().problems, Vec::<String>::new());
        assert_eq!(self.stage.error_lines(), Vec::<String>::new());
    }

    /// What a receiver saw, in order.
    pub fn calls(&self, receiver: usize) -> Vec<Seen> {
        let facts = self.stage.world.facts();
        let own: Vec<&Call> = facts.calls.iter().filter(|call| call.delivery.1 == receiver).collect();
        let ended = |call: &Call| match &call.end {
            End::Answered { at, .. } => Some(at.saturating_since(BEGINNING)),
            End::UnderWay | End::CutOff | End::Lost => None,
        };
        let one = |(at, call): (usize, &&Call)| {
            let begun = call.begun_at.saturating_since(BEGINNING);
            let before = own[..at].iter().filter(|other| other.life == call.life);
            let beside = 1 + before.filter(|other| ended(other).is_none_or(|end| end > begun)).count();
            let number = facts.numbers[&call.delivery.0];
            Seen { number, begun, ended: ended(call), delivered: call.outcome().is_some_and(is_success), beside }
        };
        own.iter().enumerate().map(one).collect()
    }

    /// How long each delivery waited for its first request.
    pub fn waits(&self, receiver: usize) -> Vec<Duration> {
        let facts = self.stage.world.facts();
        let own = facts.calls.iter().filter(|call| call.delivery.1 == receiver);
        own.map(|call| call.begun_at.saturating_since(facts.accepted_at[&call.delivery.0])).collect()
    }

    /// Deliveries of a receiver that ended so.
    pub fn ended(&self, receiver: usize, how: Ended) -> usize {
        let ledger = self.ledger.as_ref().expect("the show is finished");
        let own = ledger.deliveries.iter().filter(|((_, to), _)| *to == receiver);
        own.filter(|(_, state)| **state == Some(DeliveryState::Ended(how))).count()
    }

    pub fn stopped_by(&self, receiver: usize) -> Option<StoppedBy> {
        self.stage.world.facts().endpoints[receiver].stops.last().and_then(|(_, by)| *by)
    }

    pub fn stopped_at(&self, receiver: usize) -> Option<Duration> {
        let facts = self.stage.world.facts();
        let (at, by) = facts.endpoints[receiver].stops.last()?;
        by.map(|_| at.saturating_since(BEGINNING))
    }
}
