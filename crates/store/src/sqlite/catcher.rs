//! Catchers in `catcher.db`: one thread reads and writes it, in the order in which it is asked.
//!
//! Requests ride along in groups: one commit takes in whatever waits. A commit is not synced by itself, so a killed
//! process loses at most the group it was writing, and a power cut what came since the last fold of the journal.
//! Catchers themselves are synced when they are put.

mod row;
pub(super) mod thread;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use ringup_core::catcher::{Capture, Catcher, Stamp};
use ringup_core::key::CatcherKey;
use ringup_core::time::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::answer::finished;
use super::inbox::Reply;
use crate::catcher::{CatcherFile, Limits, Range, Remembered, Usage};
use crate::seam::{Answer, StoreError};

/// What may wait for the thread: verbs, and KiB of requests. A request finds no room only if the disk stands still.
const WAITING_MAX: usize = 2_048;
const WAITING_KIB_MAX: usize = 8 * 1_024;

/// Catchers in a SQLite file.
pub struct SqliteCatchers {
    orders: Mutex<Option<mpsc::Sender<Order>>>,
    room: Arc<Semaphore>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// One thing for the thread to do.
enum Order {
    Load(Reply<Vec<Remembered>>),
    Put(Box<Catcher>, Reply<CatcherKey>),
    Remove(CatcherKey, Reply<()>),
    Capture {
        capture: Box<Capture>,
        /// Room among what waits, given back with the order.
        _room: OwnedSemaphorePermit,
    },
    Stamp(CatcherKey, u64, Stamp),
    Requests(CatcherKey, Range, bool, Reply<Vec<Arc<Capture>>>),
    Request(CatcherKey, u64, Reply<Option<Arc<Capture>>>),
    Clear(CatcherKey, Option<u64>, Reply<usize>),
    Expire(Timestamp, Reply<usize>),
    Usage(Reply<Usage>),
}

impl SqliteCatchers {
    /// Opens or makes `catcher.db` in a folder that the caller owns.
    pub async fn open(data_dir: PathBuf, limits: Limits) -> Result<SqliteCatchers, StoreError> {
        let (orders, taken) = mpsc::channel(WAITING_MAX);
        let started = tokio::task::spawn_blocking(move || thread::start(&data_dir, limits, taken));
        let thread = finished(started.await)??;
        Ok(SqliteCatchers {
            orders: Mutex::new(Some(orders)),
            room: Arc::new(Semaphore::new(WAITING_KIB_MAX)),
            thread: Mutex::new(Some(thread)),
        })
    }

    fn orders(&self) -> Result<mpsc::Sender<Order>, StoreError> {
        let orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner).clone();
        orders.ok_or_else(closed)
    }

    fn order<'a, T: Send + 'a>(&'a self, order: impl FnOnce(Reply<T>) -> Order + Send + 'a) -> Answer<'a, T> {
        Box::pin(async move {
            let (reply, answer) = oneshot::channel();
            self.orders()?.send(order(reply)).await.map_err(|_| closed())?;
            answer.await.unwrap_or_else(|_| Err(closed()))
        })
    }
}

impl CatcherFile for SqliteCatchers {
    fn load(&self) -> Answer<'_, Vec<Remembered>> {
        self.order(Order::Load)
    }

    fn put(&self, catcher: Catcher) -> Answer<'_, CatcherKey> {
        self.order(|reply| Order::Put(Box::new(catcher), reply))
    }

    fn remove(&self, catcher: CatcherKey) -> Answer<'_, ()> {
        self.order(move |reply| Order::Remove(catcher, reply))
    }

    fn capture(&self, capture: Capture) -> Result<(), StoreError> {
        let kib = (capture.body.len() + capture.head.len() + capture.target.len()) / 1_024 + 1;
        let kib = u32::try_from(kib.min(WAITING_KIB_MAX)).unwrap_or(u32::MAX);
        let room = self.room.clone().try_acquire_many_owned(kib).map_err(|_| behind())?;
        let order = Order::Capture { capture: Box::new(capture), _room: room };
        self.orders()?.try_send(order).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => behind(),
            mpsc::error::TrySendError::Closed(_) => closed(),
        })
    }

    fn stamp(&self, catcher: CatcherKey, number: u64, stamp: Stamp) {
        if let Ok(orders) = self.orders() {
            // Lost where too much waits: it says how long an answer took, no more.
            let _ = orders.try_send(Order::Stamp(catcher, number, stamp));
        }
    }

    fn requests(&self, catcher: CatcherKey, range: Range, bodies: bool) -> Answer<'_, Vec<Arc<Capture>>> {
        self.order(move |reply| Order::Requests(catcher, range, bodies, reply))
    }

    fn request(&self, catcher: CatcherKey, number: u64) -> Answer<'_, Option<Arc<Capture>>> {
        self.order(move |reply| Order::Request(catcher, number, reply))
    }

    fn clear(&self, catcher: CatcherKey, number: Option<u64>) -> Answer<'_, usize> {
        self.order(move |reply| Order::Clear(catcher, number, reply))
    }

    fn expire(&self, now: Timestamp) -> Answer<'_, usize> {
        self.order(move |reply| Order::Expire(now, reply))
    }

    fn usage(&self) -> Answer<'_, Usage> {
        self.order(Order::Usage)
    }

    fn close(&self) -> Answer<'_, ()> {
        Box::pin(async move {
            // The thread ends when nobody can order any more.
            self.orders.lock().unwrap_or_else(PoisonError::into_inner).take();
            let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
            let Some(thread) = thread else { return Ok(()) };
            let joined = finished(tokio::task::spawn_blocking(move || thread.join()).await)?;
            joined.map_err(|_| StoreError::Unavailable("the thread of the catchers panicked".into()))
        })
    }
}

impl Drop for SqliteCatchers {
    fn drop(&mut self) {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // It ends within one commit.
            let _ = thread.join();
        }
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable("the store of the catchers is closed".into())
}

fn behind() -> StoreError {
    StoreError::Unavailable("requests come faster than the disk takes them".into())
}
