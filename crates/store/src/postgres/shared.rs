//! What the verbs and the writer share.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, timeout_at};

use super::fault::{Fault, Outcome};
use super::holding::Holding;
use super::inbox::{Inbox, Item, Work};
use super::link::Link;
use super::notice::Notice;
use super::peer::Peers;
use super::plan::Plan;
use super::pool::Pool;
use super::turn::Turn;
use crate::seam::{Answer, Listener, StoreError};

/// How long whoever asks for something rare waits for it: retention removes a day, and readers may hold it up.
const ERRAND_WITHIN: Duration = Duration::from_secs(60);

pub(super) struct Shared {
    pub(super) plan: Plan,
    pub(super) inbox: Inbox,
    pub(super) pool: Pool,
    pub(super) holding: Holding,
    pub(super) peers: Peers,
    listener: Mutex<Option<Arc<dyn Listener>>>,
    life: watch::Sender<Life>,
}

#[derive(Clone, Debug)]
pub(super) enum Life {
    Open,
    /// Nothing more is taken; what was handed over is being written.
    Closing,
    Closed,
    /// It cannot go on, for this reason.
    Over(Arc<str>),
}

impl Shared {
    pub(super) fn new(plan: Plan) -> Shared {
        Shared {
            inbox: Inbox::default(),
            pool: Pool::new(plan.readers_max),
            peers: Peers::new(&plan),
            plan,
            holding: Holding::default(),
            listener: Mutex::default(),
            life: watch::Sender::new(Life::Open),
        }
    }

    /// A question. Told `Unavailable` unless the store is open.
    pub(super) fn ask<'a, T: Send + 'a>(
        &'a self,
        question: impl for<'l> Fn(&'l Link) -> BoxFuture<'l, Outcome<T>> + Send + Sync + 'a,
    ) -> Answer<'a, T> {
        self.ask_by(&self.pool, question)
    }

    /// On connections that are not the readers'.
    pub(super) fn ask_by<'a, T: Send + 'a>(
        &'a self,
        pool: &'a Pool,
        question: impl for<'l> Fn(&'l Link) -> BoxFuture<'l, Outcome<T>> + Send + Sync + 'a,
    ) -> Answer<'a, T> {
        Box::pin(async move {
            self.check_open()?;
            Ok(pool.ask(&self.plan, question).await?)
        })
    }

    /// Work for a transaction of the writer.
    pub(super) fn write<'a, T, W>(&'a self, work: W) -> Answer<'a, T>
    where
        W: for<'t> FnOnce(&'t mut Turn) -> BoxFuture<'t, Outcome<(T, Vec<Notice>)>> + Send + 'static,
        T: Send + 'static,
    {
        Box::pin(async move {
            self.check_open()?;
            let (errand, answer) = Work::new(work);
            self.inbox.push(Item::Errand(Box::new(errand)))?;
            self.wait(answer, Instant::now() + ERRAND_WITHIN).await
        })
    }

    pub(super) async fn wait<T>(
        &self,
        answer: oneshot::Receiver<Result<T, StoreError>>,
        until: Instant,
    ) -> Result<T, StoreError> {
        match timeout_at(until, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(self.check_open().err().unwrap_or_else(|| unavailable("it is closed"))),
            Err(_) => Err(unavailable("the database does not answer in time")),
        }
    }

    pub(super) fn listener(&self) -> Option<Arc<dyn Listener>> {
        self.listener.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn listen(&self, listener: Arc<dyn Listener>) {
        *self.listener.lock().unwrap_or_else(PoisonError::into_inner) = Some(listener);
    }

    pub(super) fn life(&self) -> watch::Receiver<Life> {
        self.life.subscribe()
    }

    /// Goes on to another life; what is over stays so.
    pub(super) fn becomes(&self, life: Life) {
        self.life.send_if_modified(|current| {
            let goes_on = !matches!(current, Life::Closed | Life::Over(_));
            if goes_on {
                *current = life;
            }
            goes_on
        });
    }

    pub(super) fn check_open(&self) -> Result<(), StoreError> {
        match &*self.life.borrow() {
            Life::Open => Ok(()),
            Life::Closing | Life::Closed => Err(unavailable("it is closed")),
            Life::Over(why) => Err(StoreError::Unavailable(why.clone())),
        }
    }
}

pub(super) fn unavailable(why: &str) -> StoreError {
    StoreError::Unavailable(Arc::from(why))
}

pub(super) fn not_found() -> Fault {
    Fault::Refused(StoreError::NotFound)
}
