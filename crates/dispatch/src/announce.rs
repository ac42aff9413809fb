//! Telling an environment's owner about deliveries themselves: operational events, sent like any other.
//!
//! Changes of endpoints wait in the store, where they were put by the change's own commit, until the event that tells
//! them is accepted; it has a name, so that a crash in between does not tell them twice. Attempts are told once they are
//! durable. Where nobody subscribes, nothing of this is done.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ringup_core::delivery::{After, DeliveryKey, Ended, Trigger};
use ringup_core::event::Event;
use ringup_core::id::AttemptId;
use ringup_core::key::{AccountKey, EnvironmentKey};
use ringup_core::operational::{Announcement, AttemptNotice, FAILING_ATTEMPTS, HealthNotice, OperationalKind, Subject};
use ringup_core::ports::{Clock, Random};
use ringup_core::time::{Tick, Timestamp};
use ringup_store::StoreError;
use ringup_store::catalogue::Catalogue;
use ringup_store::directory::EndpointView;
use ringup_store::log_entry::OutcomeWord;
use ringup_store::operational::{announced, is_wanted};
use ringup_store::query::{AttemptFilter, Order, PageRequest, StoredAttempt};
use ringup_store::seam::{Change, EventName, Settlement};
use tracing::warn;

use crate::patience::News;

/// Puts an announcement into the words that receivers read: a JSON object.
pub type Words = fn(&Announcement) -> Bytes;

/// Changes told in one go.
const NOTICES_AT_ONCE: usize = 100;

/// Times that an announcement of an attempt is tried, a second apart.
const TRIES_MAX: u32 = 10;
const TRY_AGAIN: Duration = Duration::from_secs(1);

pub struct Announcer {
    pub catalogue: Arc<Catalogue>,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    pub words: Words,
}

/// An attempt that is to be told about once it is durable.
pub struct Pending {
    kind: OperationalKind,
    account: AccountKey,
    event: Arc<Event>,
    view: Arc<EndpointView>,
    at: Timestamp,
    status: u16,
    by_hand: bool,
}

impl Announcer {
    /// Tells the changes that wait to be told. Answers whether more of them wait.
    pub async fn tell_changes(&self) -> Result<bool, StoreError> {
        let store = self.catalogue.store();
        let notices = store.notices(NOTICES_AT_ONCE).await?;
        let more = notices.len() >= NOTICES_AT_ONCE;
        for (number, notice) in notices {
            let (environment, name) = (notice.environment, format!("notice-{number}"));
            self.accept(environment, Announcement::Endpoint(notice), name).await?;
            match store.change(Change::DropNotice(number)).await {
                // Somebody else was faster.
                Ok(_) | Err(StoreError::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(more)
    }

    /// Whether an attempt is worth telling about, and to anybody. `trigger` is what it was made for, `number` counts it
    /// within its delivery.
    pub fn look(
        &self,
        settlement: &Settlement,
        view: &Arc<EndpointView>,
        trigger: Trigger,
        number: u32,
        status: Option<u16>,
    ) -> Option<Pending> {
        let kind = match settlement.after {
            After::Ended(Ended::Exhausted | Ended::NotRepeated | Ended::Gone | Ended::Blocked) => {
                OperationalKind::AttemptExhausted
            }
            After::Retry { attempts_made: FAILING_ATTEMPTS, .. } => OperationalKind::AttemptFailing,
            After::Delivered if number > FAILING_ATTEMPTS || trigger == Trigger::Manual => {
                OperationalKind::AttemptRecovered
            }
            After::Delivered | After::Retry { .. } | After::Ended(_) | After::Unchanged => return None,
        };
        let directory = self.catalogue.directory();
        let account = directory.account(settlement.event.account)?;
        if account.account.is_operational() || !is_wanted(directory, account.account.environment, kind) {
            return None;
        }
        Some(Pending {
            kind,
            account: account.account.key,
            event: settlement.event.clone(),
            view: view.clone(),
            at: settlement.ended_at,
            status: status.unwrap_or(0),
            by_hand: trigger == Trigger::Manual,
        })
    }

    /// Tells that an endpoint fails, or does so no longer. Named by when its trouble began, so that a process that was
    /// started meanwhile does not tell it again.
    pub async fn tell_health(&self, news: News, view: &EndpointView) {
        let directory = self.catalogue.directory();
        let Some(account) = directory.account(view.endpoint.account) else { return };
        let environment = account.account.environment;
        if account.account.is_operational() || !is_wanted(directory, environment, news.kind) {
            return;
        }
        let name = format!("{}-{}-{}", news.kind, view.endpoint.key.0, news.failing_since.as_minutes());
        let notice = Announcement::Health(HealthNotice {
            kind: news.kind,
            subject: Subject::of(&account.account, &view.endpoint),
            url: view.endpoint.url.clone(),
            failing_since: news.failing_since,
            status: news.status.unwrap_or(0),
        });
        for _ in 0..TRIES_MAX {
            match self.accept(environment, notice.clone(), name.clone()).await {
                Ok(()) => return,
                Err(error) => warn!(%error, kind = %news.kind, "cannot tell about an endpoint, trying again"),
            }
            tokio::time::sleep(TRY_AGAIN).await;
        }
    }

    /// Tells about an attempt that is durable.
    pub async fn tell_attempt(&self, pending: Pending) {
        for _ in 0..TRIES_MAX {
            match self.try_attempt(&pending).await {
                Ok(()) => return,
                Err(error) => warn!(%error, kind = %pending.kind, "cannot tell about an attempt, trying again"),
            }
            tokio::time::sleep(TRY_AGAIN).await;
        }
    }

    async fn try_attempt(&self, pending: &Pending) -> Result<(), StoreError> {
        let Some(account) = self.catalogue.directory().account(pending.account) else { return Ok(()) };
        let attempts = self.newest_attempts(pending).await?;
        if pending.kind == OperationalKind::AttemptRecovered && pending.by_hand && !failed_before(&attempts) {
            return Ok(());
        }
        let event = self.catalogue.store().event(pending.account, EventName::Id(pending.event.id)).await?;
        // Where nothing is logged the attempt has no id of its own; this one says when it was.
        let unlogged = || AttemptId::of_tick(Tick::at(pending.at), self.random.id_part());
        let notice = AttemptNotice {
            kind: pending.kind,
            subject: Subject::of(&account.account, &pending.view.endpoint),
            event: pending.event.id,
            event_uid: event.and_then(|event| event.uid),
            attempt: attempts.first().map_or_else(unlogged, |attempt| attempt.id),
            status: pending.status,
            at: pending.at,
        };
        let key = DeliveryKey { endpoint: pending.view.endpoint.key, event: pending.event.tick() };
        let name = format!("{}-{}-{}-{}", pending.kind, key.endpoint.0, key.event.0, pending.at.as_micros());
        self.accept(account.account.environment, Announcement::Attempt(notice), name).await
    }

    /// The last two of the delivery, the newest first.
    async fn newest_attempts(&self, pending: &Pending) -> Result<Vec<StoredAttempt>, StoreError> {
        let endpoint = Some(pending.view.endpoint.key);
        let filter = AttemptFilter { endpoint, without_response: true, ..AttemptFilter::default() };
        let page = PageRequest { rows_max: 2, after: None, order: Order::NewestFirst };
        let store = self.catalogue.store();
        match store.attempts_of_event(pending.account, pending.event.id, filter, page).await {
            Ok(page) => Ok(page.rows),
            // Retention was faster.
            Err(StoreError::NotFound) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    async fn accept(
        &self,
        environment: EnvironmentKey,
        announcement: Announcement,
        name: String,
    ) -> Result<(), StoreError> {
        let payload = (self.words)(&announcement);
        let (now, random) = (self.clock.now(), self.random.id_part());
        let directory = self.catalogue.directory();
        let event = announced(directory, environment, announcement.kind(), payload, name, now, random);
        match event {
            Some(event) => self.catalogue.store().accept(vec![event]).await.map(drop),
            None => Ok(()),
        }
    }
}

/// Whether the attempt before the newest one went wrong: what was sent again by hand was told about before.
fn failed_before(attempts: &[StoredAttempt]) -> bool {
    attempts.get(1).is_some_and(|before| before.outcome != OutcomeWord::Delivered)
}
