//! What must be done: brings every durable delivery to its receiver and records what came of it.
//!
//! One conductor task owns all lanes. Attempts run beside it, one task each, and hand back what happened. Promises:
//! nobody waits for somebody else; at most `in_flight_max` attempts are begun and not yet durable; nothing is sent
//! before its event is durable; no lock, transaction or connection is held while a receiver is awaited.

mod announce;
mod attempt;
mod conductor;
mod gauge;
mod intake;
mod lane;
mod patience;
mod reversal;
mod reward;
mod skew;
mod steady;
mod sweep;
mod task;
mod upkeep;

use std::sync::Arc;
use std::time::Duration;

use ringup_core::breaker::BreakerPlan;
use ringup_core::hook::Contracts;
use ringup_core::ports::{Clock, Random};
use ringup_egress::{Caller, EgressPlan};
use ringup_store::catalogue::Catalogue;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::attempt::Shell;
use crate::conductor::Conductor;
use crate::gauge::FirstAttempts;
use crate::intake::{Intake, Message};
use crate::steady::Steady;

pub use crate::announce::Words;
pub use crate::gauge::Watch;
pub use crate::task::Tasks;
pub use crate::upkeep::{Upkeep, UpkeepPlan};

/// What the operator decides about sending.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Attempts begun and not yet durable, all endpoints together: what a crash can repeat at most.
    pub in_flight_max: u32,
    pub breaker: BreakerPlan,
    /// Bytes of payloads held in memory for lanes; beyond it lanes read from the store.
    pub held_bytes_max: usize,
    /// How long an endpoint takes nothing before its owner is told.
    pub alert_after: Duration,
}

impl Default for Plan {
    fn default() -> Plan {
        Plan {
            in_flight_max: 1_024,
            breaker: BreakerPlan::default(),
            held_bytes_max: 32 * 1024 * 1024,
            alert_after: Duration::from_mins(15),
        }
    }
}

/// A running dispatcher.
pub struct Dispatch {
    messages: mpsc::UnboundedSender<Message>,
    first_attempts: Arc<FirstAttempts>,
    conductor: JoinHandle<()>,
}

/// What was not finished when the dispatcher stopped. All of it is durable and will be sent after the next start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leftover {
    /// Attempts cut off at the deadline; their receivers may see them again.
    pub interrupted: u32,
}

/// Everything the dispatcher works with.
pub struct Parts {
    pub catalogue: Arc<Catalogue>,
    pub caller: Arc<dyn Caller>,
    pub egress: Arc<EgressPlan>,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    /// How operational events are worded.
    pub words: Words,
    /// How answers to questions that write are read.
    pub contracts: Arc<dyn Contracts>,
}

impl Dispatch {
    /// Starts sending: everything the store holds, and everything it accepts from now on.
    pub fn start(plan: Plan, parts: Parts) -> Dispatch {
        let (messages, inbox) = mpsc::unbounded_channel();
        let intake = Arc::new(Intake::new(messages.clone()));
        parts.catalogue.listen(intake.clone());
        let steady = Steady::new(parts.clock.now());
        let shell = Arc::new(Shell::new(parts, steady, messages.clone()));
        let first_attempts = shell.first_attempts.clone();
        let conductor = tokio::spawn(Conductor::new(plan, shell, intake, inbox).run());
        Dispatch { messages, first_attempts, conductor }
    }

    /// To look at it while it runs.
    pub fn watch(&self) -> Watch {
        Watch { messages: self.messages.clone(), first_attempts: self.first_attempts.clone() }
    }

    /// Stops starting attempts, waits up to `grace` for those under way, cuts off the rest.
    ///
    /// Returns when every outcome was handed to the store; close the store afterwards.
    pub async fn stop(self, grace: Duration) -> Leftover {
        let (answer, stopped) = oneshot::channel();
        let _ = self.messages.send(Message::Stop { grace, answer });
        let leftover = stopped.await.unwrap_or(Leftover { interrupted: 0 });
        let _ = self.conductor.await;
        leftover
    }
}
