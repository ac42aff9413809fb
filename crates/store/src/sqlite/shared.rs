//! What the verbs, the writer, the checkpointer and readers have in common.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ringup_core::time::Tick;

use super::catalog::Catalog;
use super::checkpoint::Checkpointer;
use super::days::Days;
use super::fault::{Fault, Outcome};
use super::inbox::{Ending, Inbox, closed};
use super::lock::DirectoryLock;
use super::plan::Plan;
use super::reader::Readers;
use crate::seam::{Listener, StoreError};

pub(super) struct Shared {
    pub(super) plan: Plan,
    pub(super) days: Days,
    pub(super) inbox: Inbox,
    pub(super) readers: Readers,
    pub(super) checkpointer: Checkpointer,
    /// `None` once closed.
    catalog: Mutex<Option<Catalog>>,
    listener: Mutex<Option<Arc<dyn Listener>>>,
    life: Mutex<Life>,
    lock: Mutex<Option<DirectoryLock>>,
    /// See [`Shared::horizon`].
    horizon: AtomicU64,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Life {
    Open,
    Closed,
    /// Something stored cannot be trusted; the text says what and what to do.
    Broken(Arc<str>),
}

impl Shared {
    pub(super) fn new(plan: Plan, lock: DirectoryLock, catalog: Catalog, days: Days, last_attempt: Tick) -> Shared {
        Shared {
            days,
            inbox: Inbox::new(&plan),
            readers: Readers::default(),
            checkpointer: Checkpointer::default(),
            catalog: Mutex::new(Some(catalog)),
            listener: Mutex::new(None),
            life: Mutex::new(Life::Open),
            lock: Mutex::new(Some(lock)),
            horizon: AtomicU64::new(last_attempt.0),
            plan,
        }
    }

    /// The tick up to which every attempt that will ever be filed stands in its file, so can be read by whoever looks from
    /// now on. One group may be committed in several files: between them, later ticks stand and earlier ones do not.
    pub(super) fn horizon(&self) -> Tick {
        Tick(self.horizon.load(Ordering::Acquire))
    }

    /// A group with attempts up to this one stands.
    pub(super) fn advance_horizon(&self, last_attempt: Tick) {
        self.horizon.store(last_attempt.0, Ordering::Release);
    }

    /// The catalogue, for as long as the answer is held. Not across a wait.
    pub(super) fn catalog(&self) -> Outcome<CatalogGuard<'_>> {
        let guard = self.catalog.lock().unwrap_or_else(PoisonError::into_inner);
        if guard.is_some() { Ok(CatalogGuard(guard)) } else { Err(Fault::Refused(closed())) }
    }

    pub(super) fn listen(&self, listener: Arc<dyn Listener>) {
        *self.listener.lock().unwrap_or_else(PoisonError::into_inner) = Some(listener);
    }

    pub(super) fn listener(&self) -> Option<Arc<dyn Listener>> {
        self.listener.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn life(&self) -> Life {
        self.life.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn is_broken(&self) -> bool {
        matches!(self.life(), Life::Broken(_))
    }

    /// What every verb answers when it can do nothing.
    pub(super) fn refusal(&self) -> StoreError {
        match self.life() {
            Life::Open | Life::Closed => closed(),
            Life::Broken(text) => StoreError::Corrupt(text),
        }
    }

    pub(super) fn check_open(&self) -> Result<(), StoreError> {
        if self.life() == Life::Open { Ok(()) } else { Err(self.refusal()) }
    }

    /// Something stored cannot be trusted: nothing is written any more, and every verb says so.
    pub(super) fn broken(&self, text: Arc<str>) {
        let mut life = self.life.lock().unwrap_or_else(PoisonError::into_inner);
        if let Life::Broken(_) = *life {
            return;
        }
        tracing::error!(%text, "the store has stopped");
        *life = Life::Broken(text);
        drop(life);
        self.inbox.end(Ending::Abandon);
        self.checkpointer.end();
    }

    /// Reacts to what any thread found.
    pub(super) fn found(&self, fault: &Fault) {
        if let Fault::Damaged(text) = fault {
            self.broken(text.clone());
        }
    }

    /// No verb is let in any more. Answers whether it was open.
    pub(super) fn shut(&self) -> bool {
        let mut life = self.life.lock().unwrap_or_else(PoisonError::into_inner);
        let open = *life == Life::Open;
        if open {
            *life = Life::Closed;
        }
        open
    }

    /// Lets go of everything, once the threads have ended.
    pub(super) fn let_go(&self, ending: Ending) {
        self.readers.clear();
        *self.listener.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let catalog = self.catalog.lock().unwrap_or_else(PoisonError::into_inner).take();
        if ending == Ending::Drain
            && let Some(catalog) = catalog
            && let Err(fault) = catalog.fold()
        {
            tracing::warn!(%fault, "the catalogue's journal could not be folded away");
        }
        self.lock.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

pub(super) struct CatalogGuard<'a>(MutexGuard<'a, Option<Catalog>>);

impl std::ops::Deref for CatalogGuard<'_> {
    type Target = Catalog;

    fn deref(&self) -> &Catalog {
        self.0.as_ref().expect("a guard is only made of an open catalogue")
    }
}

impl std::ops::DerefMut for CatalogGuard<'_> {
    fn deref_mut(&mut self) -> &mut Catalog {
        self.0.as_mut().expect("a guard is only made of an open catalogue")
    }
}
