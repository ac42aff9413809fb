//! Changing configuration: one at a time, stored first, then seen.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ringup_core::audit::AuditEntry;
use ringup_core::delivery::DeliveryKey;
use ringup_core::endpoint::{Endpoint, Stopped};
use ringup_core::key::EndpointKey;
use ringup_core::limits::TASKS_RUNNING_MAX;
use ringup_core::task::Task;
use ringup_core::time::{Tick, Timestamp};
use tokio::sync::{Mutex, oneshot, watch};

use crate::audit::{By, entries};
use crate::directory::Directory;
use crate::keyring;
use crate::operational::notices;
use crate::seam::{Change, Fresh, Listener, Loaded, Store, StoreError};
use crate::waits::Waits;

/// The directory together with the store behind it. Readers look into the directory; changes come through here.
pub struct Catalogue {
    store: Arc<dyn Store>,
    directory: Directory,
    changing: Mutex<u64>,
    /// Looks for changes of other processes that have begun.
    looks: AtomicU64,
    changed: watch::Sender<u64>,
    begun: watch::Sender<u64>,
    settled: watch::Sender<u64>,
    waits: Waits,
}

impl Catalogue {
    pub fn new(store: Arc<dyn Store>, directory: Directory) -> Catalogue {
        Catalogue {
            store,
            directory,
            changing: Mutex::new(0),
            looks: AtomicU64::new(0),
            changed: watch::Sender::new(0),
            begun: watch::Sender::new(0),
            settled: watch::Sender::new(0),
            waits: Waits::default(),
        }
    }

    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Who waits to hear of deliveries.
    pub fn waits(&self) -> &Waits {
        &self.waits
    }

    /// Wakes after each change. A hint: look into the directory for what is so now.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Stores a task and says so. `Conflict` if the account has as many running as it may.
    pub async fn begin_task(&self, task: Task) -> Result<(), StoreError> {
        self.store.begin_task(task, TASKS_RUNNING_MAX).await?;
        self.begun.send_modify(|count| *count += 1);
        Ok(())
    }

    /// Wakes when a task begins. A hint: the store knows which are running.
    pub fn tasks_begun(&self) -> watch::Receiver<u64> {
        self.begun.subscribe()
    }

    /// Tells a listener of commits, and wakes those who wait for [`Catalogue::settled`]. Called once.
    pub fn listen(&self, listener: Arc<dyn Listener>) {
        self.store.listen(Arc::new(Wakening { listener, settled: self.settled.clone() }));
    }

    /// Wakes after each commit with attempts in it. A hint: the log has what came.
    pub fn settled(&self) -> watch::Receiver<u64> {
        self.settled.subscribe()
    }

    /// Decides on a change with the newest configuration in sight, stores it, then makes it seen.
    ///
    /// No other change can come between. Answers the key, which creation gives. For what the house does by itself: what
    /// somebody asked for goes through [`Catalogue::change_by`].
    pub async fn change<E: From<StoreError>>(
        &self,
        decide: impl FnOnce(&Directory) -> Result<Change, E>,
    ) -> Result<i64, E> {
        self.commit(None, decide).await
    }

    /// As [`Catalogue::change`], and the audit log tells of it: in the same commit.
    pub async fn change_by<E: From<StoreError>>(
        &self,
        by: &By,
        decide: impl FnOnce(&Directory) -> Result<Change, E>,
    ) -> Result<i64, E> {
        self.commit(Some(by), decide).await
    }

    /// Tells the audit log of what is no change of the configuration.
    pub async fn record(&self, entry: AuditEntry) -> Result<(), StoreError> {
        self.store.change(Change::Record(vec![entry])).await.map(drop)
    }

    async fn commit<E: From<StoreError>>(
        &self,
        by: Option<&By>,
        decide: impl FnOnce(&Directory) -> Result<Change, E>,
    ) -> Result<i64, E> {
        let changing = self.changing.lock().await;
        let mut change = decide(&self.directory)?;
        let notices = notices(&self.directory, &change);
        let entries = by.map(|by| entries(&self.directory, &change, by)).unwrap_or_default();
        let stored = change.clone();
        let stored = if notices.is_empty() { stored } else { Change::Announced(Box::new(stored), notices) };
        let stored = if entries.is_empty() { stored } else { Change::Recorded(Box::new(stored), entries) };
        let key = self.store.change(stored).await?;
        change.set_key(key);
        self.directory.apply(change);
        self.changed.send_modify(|revision| *revision += 1);
        drop(changing);
        Ok(key)
    }

    /// Stops an endpoint that is not stopped yet. Answers whether it did.
    pub async fn stop_endpoint(&self, key: EndpointKey, stopped: Stopped) -> Result<bool, StoreError> {
        let answer = self
            .change(|directory| match directory.endpoint(key) {
                Some(view) if view.endpoint.stopped.is_none() => Ok(Change::PutEndpoint(Endpoint {
                    stopped: Some(stopped),
                    updated_at: stopped.at,
                    ..view.endpoint.clone()
                })),
                _ => Err(StoreError::NotFound),
            })
            .await;
        match answer {
            Ok(_) => Ok(true),
            Err(StoreError::NotFound) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Stores when keys were used since the last time. Answers how many there were.
    pub async fn note_use(&self) -> Result<usize, StoreError> {
        let used = self.directory.keys_used();
        let count = used.len();
        if count > 0 {
            self.change(|_| Ok::<_, StoreError>(Change::KeysUsed(used))).await?;
        }
        Ok(count)
    }

    /// Removes links and sessions that are over. Answers how many there were.
    pub async fn forget_sessions(&self, now: Timestamp) -> Result<usize, StoreError> {
        let over = self.directory.keys().iter().filter(|known| keyring::is_over(&known.key, now)).count();
        if over > 0 {
            self.change(|_| Ok::<_, StoreError>(Change::ForgetSessions(now))).await?;
        }
        Ok(over)
    }

    /// Reads the configuration anew if another process changed it. Answers whether it did.
    ///
    /// Those who ask at the same time share one look, so that a flood of unknown keys costs little.
    pub async fn refresh(&self) -> Result<bool, StoreError> {
        let asked = self.looks.load(Ordering::SeqCst);
        let mut seen = self.changing.lock().await;
        if self.looks.load(Ordering::SeqCst) != asked {
            // It began after we asked, and is over: what it did not see was not there yet.
            return Ok(false);
        }
        self.looks.fetch_add(1, Ordering::SeqCst);
        let now = self.store.outside_changes().await?;
        if *seen == now {
            return Ok(false);
        }
        self.directory.replace(self.store.load_configuration().await?);
        *seen = now;
        self.changed.send_modify(|revision| *revision += 1);
        Ok(true)
    }

    /// Forgets secrets that have stopped signing; kept here so that every writer of endpoints does it.
    pub fn without_expired_secrets(mut endpoint: Endpoint, now: Timestamp) -> Endpoint {
        endpoint.secrets.retain(|secret| secret.expires_at.is_none_or(|at| now < at));
        endpoint
    }
}

/// Hands everything on, and wakes whoever follows the log once for each commit.
struct Wakening {
    listener: Arc<dyn Listener>,
    settled: watch::Sender<u64>,
}

impl Listener for Wakening {
    fn accepted(&self, fresh: Vec<Fresh>) {
        self.listener.accepted(fresh);
    }

    fn settled(&self, keys: Vec<DeliveryKey>) {
        self.listener.settled(keys);
        self.settled.send_modify(|commits| *commits = commits.wrapping_add(1));
    }

    fn resent(&self, loaded: Loaded) {
        self.listener.resent(loaded);
    }

    fn recalled(&self, endpoint: EndpointKey, oldest: Tick) {
        self.listener.recalled(endpoint, oldest);
    }

    fn discarded(&self, keys: Vec<DeliveryKey>) {
        self.listener.discarded(keys);
    }

    fn moved(&self, parted: Option<oneshot::Sender<()>>) {
        self.listener.moved(parted);
    }

    fn refused(&self, keys: Vec<DeliveryKey>) {
        self.listener.refused(keys);
    }

    fn looking(&self) {
        self.listener.looking();
    }

    fn found(&self, found: Vec<Loaded>) {
        self.listener.found(found);
    }

    fn grown(&self) {
        self.settled.send_modify(|commits| *commits = commits.wrapping_add(1));
    }

    fn put_off(&self, until: Timestamp) {
        self.listener.put_off(until);
    }
}

impl Change {
    fn set_key(&mut self, key: i64) {
        match self {
            Change::PutEnvironment(environment) | Change::FoundEnvironment(environment, _) => environment.key.0 = key,
            Change::PutAccount(account) => account.key.0 = key,
            Change::PutEndpoint(endpoint) => endpoint.key.0 = key,
            Change::PutKey(_)
            | Change::RevokeKeys(..)
            | Change::KeysUsed(_)
            | Change::ForgetSessions(_)
            | Change::DeleteAccount(_)
            | Change::DeleteEndpoint(_)
            | Change::PutEventType(_)
            | Change::DeleteEventType(_)
            | Change::Announced(..)
            | Change::DropNotice(_)
            | Change::Recorded(..)
            | Change::Record(_) => {}
        }
    }
}
