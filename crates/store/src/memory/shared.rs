//! The lock, the way each verb goes through the fault plan, and when settlements are committed.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use ringup_core::delivery::DeliveryKey;
use tokio::task::AbortHandle;

use super::accept;
use super::configuration::ConfigurationRows;
use super::history::History;
use super::notice::{self, Notice};
use super::plan::{Failure, Fault, Operation, Plan};
use super::settle;
use super::task::TaskRows;
use crate::seam::{Answer, Listener, Settlement, StoreError};

pub(super) struct Shared {
    plan: Plan,
    state: Mutex<State>,
}

/// What a restart finds.
#[derive(Clone, Default)]
pub(super) struct Durable {
    pub(super) configuration: ConfigurationRows,
    pub(super) history: History,
    pub(super) tasks: TaskRows,
}

pub(super) struct State {
    pub(super) durable: Durable,
    /// Handed over by `record`, not yet committed.
    pub(super) pending: Vec<Settlement>,
    pub(super) listener: Option<Arc<dyn Listener>>,
    pub(super) notices: VecDeque<Notice>,
    /// Somebody is telling the listener.
    pub(super) telling: bool,
    pub(super) outside_changes: u64,
    /// Committed, but a fault kept it from being told.
    untold: Vec<DeliveryKey>,
    /// The task that will commit what is pending.
    timer: Option<AbortHandle>,
    life: Life,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    Open,
    Closed,
    Crashed,
}

impl Shared {
    pub(super) fn new(plan: Plan, durable: Durable) -> Shared {
        let state = State {
            durable,
            pending: Vec::new(),
            listener: None,
            notices: VecDeque::new(),
            telling: false,
            outside_changes: 0,
            untold: Vec::new(),
            timer: None,
            life: Life::Open,
        };
        Shared { plan, state: Mutex::new(state) }
    }

    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One operation: its fault decides how long it takes and whether it fails; `commit` runs under the lock.
    pub(super) fn run<'a, T: Send + 'a>(
        &'a self,
        operation: Operation,
        commit: impl FnOnce(&mut State) -> Result<T, StoreError> + Send + 'a,
    ) -> Answer<'a, T> {
        Box::pin(async move {
            let fault = self.fault(operation);
            stall(fault.stall_before).await;
            let answer = {
                let mut state = self.lock();
                state.refuse_unless_open()?;
                if fault.failure == Some(Failure::BeforeCommit) {
                    return Err(unavailable("a fault was injected before the commit"));
                }
                commit(&mut state)
            };
            notice::tell_all(self);
            stall(fault.stall_after).await;
            if self.lock().life == Life::Crashed {
                return Err(unavailable("the store crashed"));
            }
            match fault.failure {
                Some(Failure::AfterCommit) => Err(unavailable("a fault was injected after the commit")),
                Some(Failure::BeforeCommit) | None => answer,
            }
        })
    }

    pub(super) fn record(self: &Arc<Self>, settlement: Settlement) {
        let mut state = self.lock();
        if state.life != Life::Open {
            return;
        }
        state.pending.push(settlement);
        let Some(linger) = self.plan.linger else { return };
        if state.timer.is_none() {
            let timer = tokio::spawn(commit_soon(Arc::downgrade(self), linger));
            state.timer = Some(timer.abort_handle());
        }
    }

    pub(super) async fn flush(&self) -> usize {
        if self.lock().nothing_to_flush() {
            return 0;
        }
        let fault = self.fault(Operation::Settle);
        stall(fault.stall_before).await;
        let settled = {
            let mut state = self.lock();
            if state.life != Life::Open || fault.failure == Some(Failure::BeforeCommit) {
                return 0;
            }
            state.settle(fault.failure)
        };
        stall(fault.stall_after).await;
        notice::tell_all(self);
        settled
    }

    /// Ends the store and hands out what is durable.
    pub(super) fn end(&self, life: Life) -> Durable {
        let mut state = self.lock();
        // A store that was closed well and is opened again by `crash` stays closed: its last answers were true.
        if state.life == Life::Open {
            state.life = life;
        }
        if let Some(timer) = state.timer.take() {
            timer.abort();
        }
        state.pending.clear();
        if life == Life::Crashed {
            state.notices.clear();
        }
        state.durable.clone()
    }

    fn fault(&self, operation: Operation) -> Fault {
        (self.plan.faults)(operation)
    }
}

impl State {
    pub(super) fn tell(&mut self, notice: Notice) {
        self.notices.push_back(notice);
    }

    fn nothing_to_flush(&self) -> bool {
        self.pending.is_empty() && self.untold.is_empty()
    }

    /// Commits all that is pending. Answers how many that were.
    fn settle(&mut self, failure: Option<Failure>) -> usize {
        let pending = std::mem::take(&mut self.pending);
        let settled = pending.len();
        for mut settlement in pending {
            self.untold.push(settlement.key);
            let then = settlement.then.take().map(|then| *then);
            settle::settle(&mut self.durable.history, settlement);
            if let Some(then) = then {
                let (_, fresh) = accept::accept(&mut self.durable.history, vec![then], Duration::MAX);
                self.tell(Notice::Accepted(fresh));
            }
        }
        if failure.is_none() {
            let keys = std::mem::take(&mut self.untold);
            self.tell(Notice::Settled(keys));
        }
        settled
    }

    fn refuse_unless_open(&self) -> Result<(), StoreError> {
        match self.life {
            Life::Open => Ok(()),
            Life::Closed => Err(unavailable("it is closed")),
            Life::Crashed => Err(unavailable("the store crashed")),
        }
    }
}

/// The store's own task: lives while there is something to commit, and ends with the store.
async fn commit_soon(shared: Weak<Shared>, linger: Duration) {
    loop {
        tokio::time::sleep(linger).await;
        let Some(shared) = shared.upgrade() else { return };
        shared.flush().await;
        let mut state = shared.lock();
        if state.nothing_to_flush() {
            state.timer = None;
            return;
        }
    }
}

async fn stall(duration: Duration) {
    if !duration.is_zero() {
        tokio::time::sleep(duration).await;
    }
}

fn unavailable(why: &str) -> StoreError {
    StoreError::Unavailable(Arc::from(why))
}
