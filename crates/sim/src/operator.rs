//! Those who change things while events flow: endpoints come, go and change, clocks are set, deliveries resent.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use ringup_core::endpoint::{Stopped, StoppedBy};
use ringup_core::id::EventId;
use ringup_store::seam::StoreError;
use tokio::time::sleep;

use crate::dice::{Dice, Purpose};
use crate::mix::{Action, ClockFault};
use crate::stage::Life;
use crate::world::{World, lock};

/// Works through the mix's actions and clock faults, across lives.
pub struct Operator {
    action: AtomicUsize,
    clock: AtomicUsize,
    dice: std::sync::Mutex<Dice>,
}

impl Operator {
    pub fn new(world: &World) -> Arc<Operator> {
        let dice = std::sync::Mutex::new(Dice::new(world.mix.seed, Purpose::Operator));
        Arc::new(Operator { action: AtomicUsize::new(0), clock: AtomicUsize::new(0), dice })
    }

    pub async fn act(self: Arc<Operator>, life: Life) {
        while let Some((at, action)) = life.world.mix.actions.get(self.action.load(Relaxed)) {
            sleep(at.saturating_sub(life.world.time.elapsed())).await;
            self.action.fetch_add(1, Relaxed);
            // Whether it worked is written down at the store's door; people who are refused often leave it at that.
            let _ = self.do_one(&life, action).await;
        }
    }

    pub async fn turn_clocks(self: Arc<Operator>, life: Life) {
        while let Some((at, fault)) = life.world.mix.clock.get(self.clock.load(Relaxed)) {
            sleep(at.saturating_sub(life.world.time.elapsed())).await;
            self.clock.fetch_add(1, Relaxed);
            life.world.facts().tally.clock_steps += 1;
            life.world.trace(format_args!("clock {fault:?}"));
            match fault {
                ClockFault::StepUs(by_us) => life.world.time.step(*by_us),
                ClockFault::Freeze(frozen) => life.world.time.freeze(*frozen),
            }
        }
    }

    async fn do_one(&self, life: &Life, action: &Action) -> Result<i64, StoreError> {
        let now = life.wall();
        match action {
            Action::Create(receiver) => life.create(*receiver).await,
            Action::Delete(receiver) => life.delete(*receiver).await,
            Action::Disable(receiver) => {
                let stopped = Some(Stopped { by: StoppedBy::Owner, at: now });
                life.change(*receiver, |endpoint| endpoint.stopped = stopped).await
            }
            Action::Enable(receiver) => life.change(*receiver, |endpoint| endpoint.stopped = None).await,
            Action::Change(receiver, settings) => {
                life.change(*receiver, |endpoint| endpoint.settings = settings.clone()).await
            }
            Action::Resend(receiver) => {
                let account = life.world.mix.endpoints[*receiver].account;
                let events = life.acknowledged(account);
                if events.is_empty() {
                    return Ok(0);
                }
                let event = lock(&self.dice).one_of(&events);
                life.resend(event, *receiver).await
            }
        }
    }
}

impl Life {
    /// Events of an account that were acknowledged, oldest first.
    pub fn acknowledged(&self, account: usize) -> Vec<EventId> {
        let key = self.accounts()[account];
        let facts = self.world.facts();
        let own = facts.published.iter().filter(|published| published.account == key);
        own.filter_map(|published| published.acknowledged).collect()
    }

    /// Asks for an attempt by hand.
    pub async fn resend(&self, event: EventId, receiver: usize) -> Result<i64, StoreError> {
        let account = self.accounts()[self.world.mix.endpoints[receiver].account];
        let endpoint = self.key(receiver).ok_or(StoreError::NotFound)?;
        let now = self.wall();
        self.catalogue.store().resend(account, event, endpoint, now).await.map(|_| 0)
    }
}
