//! How a store in memory behaves, and the faults that a simulator injects.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How a store in memory behaves.
#[derive(Clone)]
pub struct Plan {
    /// How long an event's uid stays taken.
    pub idempotency_window: Duration,
    /// How long settlements wait for company before a task of the store commits them, in tokio's time. `None`: only
    /// `MemoryStore::flush` and `close` commit them, and no runtime is needed.
    pub linger: Option<Duration>,
    pub faults: Faults,
}

/// Asked once for each operation, in the order in which they begin. Must be repeatable for a run to be.
pub type Faults = Arc<dyn Fn(Operation) -> Fault + Send + Sync>;

/// What the store is about to do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Operation {
    Accept,
    /// Commit the settlements handed over by `record`.
    Settle,
    Resend,
    EndWaiting,
    Change,
    Retain,
    /// Any verb that only reads.
    Read,
}

/// What goes wrong with one operation. The default: nothing, at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Fault {
    /// Tokio time before the commit, during which others may come first. A crash in it loses the operation.
    pub stall_before: Duration,
    /// Tokio time between the commit and its answer. A crash in it loses only the answer.
    pub stall_after: Duration,
    pub failure: Option<Failure>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// Nothing is stored. Settlements stay and are tried again.
    BeforeCommit,
    /// It is stored, and the caller is told that it was not. For settlements: `settled` comes with the next commit.
    AfterCommit,
}

impl Default for Plan {
    /// For tests: no faults, and settlements are committed by themselves almost at once.
    fn default() -> Plan {
        Plan {
            idempotency_window: Duration::from_hours(24),
            linger: Some(Duration::from_millis(1)),
            faults: Arc::new(|_| Fault::default()),
        }
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("idempotency_window", &self.idempotency_window)
            .field("linger", &self.linger)
            .finish_non_exhaustive()
    }
}
