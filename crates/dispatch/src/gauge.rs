//! What a running dispatcher shows of itself, to whoever asks from outside.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ringup_core::gauge::{BUCKETS, LaneGauge, Spread, bucket};
use tokio::sync::{mpsc, oneshot};

use crate::intake::Message;

/// How long deliveries waited for their first attempt, since the start.
#[derive(Debug)]
pub struct FirstAttempts([AtomicU64; BUCKETS]);

impl Default for FirstAttempts {
    fn default() -> FirstAttempts {
        FirstAttempts(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl FirstAttempts {
    pub fn note(&self, waited: Duration) {
        self.0[bucket(waited)].fetch_add(1, Ordering::Relaxed);
    }

    fn spread(&self) -> Spread {
        Spread(std::array::from_fn(|at| self.0[at].load(Ordering::Relaxed)))
    }
}

/// Looks at a dispatcher, also after it has stopped.
#[derive(Clone)]
pub struct Watch {
    pub(crate) messages: mpsc::UnboundedSender<Message>,
    pub(crate) first_attempts: Arc<FirstAttempts>,
}

impl Watch {
    /// Lanes that hold something or whose breaker is not closed, by endpoint; none once it has stopped.
    pub async fn lanes(&self) -> Vec<LaneGauge> {
        let (answer, lanes) = oneshot::channel();
        let _ = self.messages.send(Message::Look(answer));
        lanes.await.unwrap_or_default()
    }

    pub fn first_attempts(&self) -> Spread {
        self.first_attempts.spread()
    }
}
