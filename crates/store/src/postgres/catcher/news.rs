//! What is new of catchers that somebody watches here, whichever node it came to.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ringup_core::key::CatcherKey;
use tokio::sync::{Notify, watch};
use tokio::time::sleep;

use super::super::fault::Outcome;
use super::super::link::Link;
use super::super::row::{get, natural};
use super::super::shared::Shared;

/// Between looks, while somebody watches.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How a catcher was found.
#[derive(Clone, Copy)]
pub(super) struct Known {
    last_number: u64,
    /// Grows with everything that changes what is shown of it.
    changes: i64,
}

#[derive(Default)]
pub(super) struct News {
    watched: Mutex<HashMap<CatcherKey, Watched>>,
    begun: Notify,
}

struct Watched {
    changes: i64,
    news: watch::Sender<u64>,
}

impl News {
    fn lock(&self) -> MutexGuard<'_, HashMap<CatcherKey, Watched>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn watch(&self, catcher: CatcherKey, known: Known) -> watch::Receiver<u64> {
        let begun = || Watched { changes: known.changes, news: watch::Sender::new(known.last_number) };
        let news = self.lock().entry(catcher).or_insert_with(begun).news.subscribe();
        self.begun.notify_one();
        news
    }

    /// What this node did itself is not waited for.
    pub(super) fn tell(&self, catcher: CatcherKey, number: u64) {
        if let Some(watched) = self.lock().get(&catcher) {
            watched.news.send_modify(|last| *last = number.max(*last));
        }
    }

    pub(super) fn end(&self) {
        self.lock().clear();
    }

    /// Those that somebody still watches.
    fn keys(&self) -> Vec<i64> {
        let mut watched = self.lock();
        watched.retain(|_, watched| watched.news.receiver_count() > 0);
        watched.keys().map(|key| key.0).collect()
    }

    fn found(&self, asked: &[i64], found: &HashMap<CatcherKey, Known>) {
        let mut all = self.lock();
        for key in asked.iter().copied().map(CatcherKey) {
            let Some(known) = found.get(&key) else {
                // It was removed: whoever waits for it is let go.
                all.remove(&key);
                continue;
            };
            if let Some(watched) = all.get_mut(&key)
                && watched.changes != known.changes
            {
                watched.changes = known.changes;
                watched.news.send_modify(|last| *last = known.last_number.max(*last));
            }
        }
    }
}

/// Until it is aborted.
pub(super) async fn look(shared: Arc<Shared>, news: Arc<News>) {
    loop {
        let keys = news.keys();
        if keys.is_empty() {
            news.begun.notified().await;
            continue;
        }
        let asked: Arc<[i64]> = keys.into();
        let found = shared.ask(|link| {
            let asked = asked.clone();
            Box::pin(async move { all(link, &asked).await })
        });
        // While the database cannot be asked, there is nothing new.
        if let Ok(found) = found.await {
            news.found(&asked, &found);
        }
        sleep(LOOK_EVERY).await;
    }
}

async fn all(link: &Link, keys: &[i64]) -> Outcome<HashMap<CatcherKey, Known>> {
    let rows = link.query("SELECT key, last_number, changes FROM catcher WHERE key = ANY ($1)", &[&keys]).await?;
    let known = |row| Ok((CatcherKey(get(row, "key")?), known_of(row)?));
    rows.iter().map(known).collect()
}

pub(super) async fn known(link: &Link, catcher: CatcherKey) -> Outcome<Option<Known>> {
    Ok(all(link, &[catcher.0]).await?.remove(&catcher))
}

fn known_of(row: &tokio_postgres::Row) -> Outcome<Known> {
    Ok(Known { last_number: natural(get(row, "last_number")?), changes: get(row, "changes")? })
}
