//! Catchers in tables of their own: every node catches for all of them, and shows what any other one caught.
//!
//! A request is counted and kept in one transaction under the row of its catcher, so its number and the step of the script
//! that it meets are the same whichever node it reaches. Commits wait for no disk: a captured request is no promise.

mod bring;
mod news;
mod request;
mod rows;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ringup_core::catcher::{Capture, Catcher, Stamp};
use ringup_core::id::CatcherId;
use ringup_core::key::{AccountKey, CatcherKey};
use ringup_core::time::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::PostgresStore;
use super::pool::Pool;
use super::shared::Shared;
use crate::catcher::{CatcherStore, Limits, Range, Shown, Standing, Taken, Usage, ledger};
use crate::seam::Answer;
use news::News;
use request::Stamped;

/// Connections on which requests are taken in, each for its moment: their catcher's row is waited for there, and nobody who
/// floods a catcher holds up those who ask for anything else.
const CONNECTIONS_MAX: usize = 2;

/// Ends of answers that wait to be written; beyond it they are lost.
const STAMPS_MAX: usize = 1_024;

/// Between looks at how much is kept: when a node has added this share of what may be. So eight nodes that fill it together
/// stay within it.
const LOOK_SHARE: u64 = 32;

/// The catchers of all nodes of a schema.
pub struct PostgresCatchers {
    shared: Arc<Shared>,
    pool: Arc<Pool>,
    limits: Limits,
    news: Arc<News>,
    stamps: mpsc::Sender<Stamped>,
    /// Bytes that this node added since it last looked at how much is kept.
    added: AtomicU64,
    tasks: [JoinHandle<()>; 2],
}

impl PostgresStore {
    /// The catchers that lie beside it.
    pub fn catchers(&self, limits: Limits) -> PostgresCatchers {
        let (stamps, stamped) = mpsc::channel(STAMPS_MAX);
        let (shared, news) = (self.shared.clone(), Arc::new(News::default()));
        let pool = Arc::new(Pool::new(CONNECTIONS_MAX));
        let tasks = [
            tokio::spawn(news::look(shared.clone(), news.clone())),
            tokio::spawn(request::stamp_all(shared.clone(), pool.clone(), stamped)),
        ];
        PostgresCatchers { shared, pool, limits, news, stamps, added: AtomicU64::new(0), tasks }
    }
}

impl PostgresCatchers {
    /// Forgets the oldest, when this node alone has added enough for it to matter. What was taken in stands either way.
    async fn make_room(&self, bytes: u64) {
        let added = self.added.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if added < self.limits.bytes_max / LOOK_SHARE {
            return;
        }
        self.added.store(0, Ordering::Relaxed);
        let room = ledger::room(self.limits);
        let trimmed = self.shared.ask_by(&self.pool, move |link| Box::pin(request::trim(link, room)));
        if let Err(error) = trimmed.await {
            tracing::warn!(%error, "old requests to catchers stay for now");
        }
    }
}

impl CatcherStore for PostgresCatchers {
    fn of_account(&self, account: AccountKey) -> Answer<'_, Vec<Standing>> {
        self.shared.ask(move |link| Box::pin(rows::of_account(link, account)))
    }

    fn find(&self, id: CatcherId) -> Answer<'_, Option<Standing>> {
        self.shared.ask(move |link| Box::pin(rows::find(link, id)))
    }

    fn addressed(&self, write_token: String) -> Answer<'_, Option<Arc<Catcher>>> {
        let write_token: Arc<str> = write_token.into();
        self.shared.ask_by(&self.pool, move |link| {
            let write_token = write_token.clone();
            Box::pin(async move { rows::addressed(link, &write_token).await })
        })
    }

    fn put(&self, catcher: Catcher) -> Answer<'_, Arc<Catcher>> {
        Box::pin(async move {
            let putting = self.shared.ask(move |link| {
                let catcher = catcher.clone();
                Box::pin(async move { rows::put(link, catcher).await.map(Arc::new) })
            });
            let put = putting.await?;
            self.news.tell(put.key, 0);
            Ok(put)
        })
    }

    fn remove(&self, catcher: CatcherKey) -> Answer<'_, ()> {
        self.shared.ask(move |link| Box::pin(rows::remove(link, catcher)))
    }

    fn restart(&self, catcher: CatcherKey) -> Answer<'_, ()> {
        Box::pin(async move {
            self.shared.ask(move |link| Box::pin(rows::restart(link, catcher))).await?;
            self.news.tell(catcher, 0);
            Ok(())
        })
    }

    fn take(&self, catcher: CatcherKey, event: Option<String>, shown: Shown) -> Answer<'_, Taken> {
        let event: Option<Arc<str>> = event.map(Arc::from);
        Box::pin(async move {
            let requests_max = self.limits.requests_max;
            let taking = self.shared.ask_by(&self.pool, move |link| {
                let (event, shown) = (event.clone(), shown.clone());
                Box::pin(async move { request::take(link, catcher, event.as_deref(), &*shown, requests_max).await })
            });
            let (taken, bytes) = taking.await?;
            self.news.tell(catcher, taken.number);
            self.make_room(bytes).await;
            Ok(taken)
        })
    }

    fn stamp(&self, catcher: CatcherKey, number: u64, stamp: Stamp) {
        // Lost where too much waits: it says how long an answer took, no more.
        let _ = self.stamps.try_send(Stamped { catcher, number, stamp });
    }

    fn requests(&self, catcher: CatcherKey, range: Range, bodies: bool) -> Answer<'_, Vec<Arc<Capture>>> {
        self.shared.ask(move |link| Box::pin(request::list(link, catcher, range, bodies)))
    }

    fn request(&self, catcher: CatcherKey, number: u64) -> Answer<'_, Option<Arc<Capture>>> {
        self.shared.ask(move |link| Box::pin(request::one(link, catcher, number)))
    }

    fn clear(&self, catcher: CatcherKey, number: Option<u64>) -> Answer<'_, usize> {
        Box::pin(async move {
            let gone = self.shared.ask(move |link| Box::pin(request::clear(link, catcher, number))).await?;
            self.news.tell(catcher, 0);
            Ok(gone)
        })
    }

    fn expire(&self, now: Timestamp) -> Answer<'_, usize> {
        let (before, room) = (now.saturating_sub(self.limits.keep), ledger::room(self.limits));
        self.shared.ask(move |link| Box::pin(request::expire(link, before, room)))
    }

    fn usage(&self) -> Answer<'_, Usage> {
        self.shared.ask(|link| Box::pin(request::usage(link)))
    }

    fn news(&self, catcher: CatcherKey) -> Answer<'_, Option<watch::Receiver<u64>>> {
        Box::pin(async move {
            let known = self.shared.ask(move |link| Box::pin(news::known(link, catcher))).await?;
            Ok(known.map(|known| self.news.watch(catcher, known)))
        })
    }

    fn end_waits(&self) {
        self.news.end();
    }

    fn close(&self) -> Answer<'_, ()> {
        self.abort();
        Box::pin(std::future::ready(Ok(())))
    }
}

impl PostgresCatchers {
    fn abort(&self) {
        self.news.end();
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Drop for PostgresCatchers {
    fn drop(&mut self) {
        self.abort();
    }
}
