//! Doing tasks: one page after the other, in turn, each at its pace, from where the store says they are.
//!
//! One tokio task does them all, so they take at most one place in the store's group at a time. Nothing of a task lies in
//! memory but when its next page may begin: a process that dies loses at most the page it was doing, and the next one
//! goes on from the cursor.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ringup_core::id::TaskId;
use ringup_core::limits::TASK_PAGE_ROWS;
use ringup_core::ports::{Clock, Random};
use ringup_core::search::Search;
use ringup_core::task::{Task, TaskKind, TaskProgress, TaskStatus};
use ringup_core::time::Tick;
use ringup_store::StoreError;
use ringup_store::catalogue::Catalogue;
use ringup_store::query::{Order, TaskFilter};
use ringup_store::seam::{Recalled, TaskStep};
use ringup_store::task::{candidates, expungeable, findings, recall};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::announce::{Announcer, Words};

/// Tasks that are done in turn. Others wait until one of them ends.
const AT_ONCE_MAX: usize = 64;

/// Between looks for tasks that another process began.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Pause after a page that the store refused.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// Pause between two pages where nobody asked for a pace: the writer is for publishers first.
const BREATH: Duration = Duration::from_millis(5);

/// The tokio task that does them.
pub struct Tasks {
    stop: CancellationToken,
    worker: JoinHandle<()>,
}

impl Tasks {
    /// Goes on with what the store says is running, and with telling what is still to be told of changes.
    pub fn start(catalogue: Arc<Catalogue>, clock: Arc<dyn Clock>, random: Arc<dyn Random>, words: Words) -> Tasks {
        let stop = CancellationToken::new();
        let announcer = Announcer { catalogue: catalogue.clone(), clock: clock.clone(), random, words };
        let worker = Worker { catalogue, clock, announcer, next: BTreeMap::new(), stop: stop.clone() };
        Tasks { stop, worker: tokio::spawn(worker.run()) }
    }

    /// After the page that is being done. The rest goes on after the next start.
    pub async fn stop(self) {
        self.stop.cancel();
        let _ = self.worker.await;
    }
}

struct Worker {
    catalogue: Arc<Catalogue>,
    clock: Arc<dyn Clock>,
    announcer: Announcer,
    /// When the next page of a task may begin.
    next: BTreeMap<TaskId, Instant>,
    stop: CancellationToken,
}

/// What a page came to.
enum Page {
    /// How many deliveries it brought back, and where the task is now.
    Reached { done: usize, step: TaskStep },
    /// It cannot go on, for this reason.
    Failed(&'static str),
}

impl Worker {
    async fn run(mut self) {
        let mut begun = self.catalogue.tasks_begun();
        let mut changes = self.catalogue.changes();
        while !self.stop.is_cancelled() {
            begun.mark_unchanged();
            changes.mark_unchanged();
            let wake = match self.round().await {
                Ok(wake) => wake,
                Err(error) => {
                    warn!(%error, "cannot read the tasks, trying again");
                    Instant::now() + TRY_AGAIN
                }
            };
            tokio::select! {
                biased;
                () = self.stop.cancelled() => {}
                () = tokio::time::sleep_until(wake) => {}
                changed = begun.changed() => if changed.is_err() { return },
                changed = changes.changed() => if changed.is_err() { return },
            }
        }
    }

    /// One page of each task whose time has come. Answers when to look again.
    async fn round(&mut self) -> Result<Instant, StoreError> {
        let running = TaskFilter { status: Some(vec![TaskStatus::Running]), ..TaskFilter::default() };
        let tasks = self.catalogue.store().tasks(running, None, Order::OldestFirst, AT_ONCE_MAX).await?;
        self.next.retain(|id, _| tasks.iter().any(|task| task.id == *id));
        let mut wake = Instant::now() + LOOK_EVERY;
        let store = self.catalogue.store();
        if store.leads() && self.announcer.tell_changes().await? {
            wake = Instant::now();
        }
        for task in tasks.iter().filter(|task| store.owns(task.account)) {
            if self.stop.is_cancelled() {
                break;
            }
            let due = self.next.get(&task.id).copied().unwrap_or_else(Instant::now);
            let next = if due <= Instant::now() { self.advance(task).await } else { due };
            self.next.insert(task.id, next);
            wake = wake.min(next);
        }
        Ok(wake)
    }

    /// One page of a task. Answers when its next one may begin.
    async fn advance(&self, task: &Task) -> Instant {
        let began = Instant::now();
        let (done, step) = match self.page(task).await {
            Ok(Page::Reached { done, step }) => (done, step),
            Ok(Page::Failed(why)) => (0, self.step(TaskStatus::Failed, None, Some(why.to_owned()))),
            Err(error) => {
                warn!(%error, task = %task.id, "a page of a task could not be done, trying again");
                return Instant::now() + TRY_AGAIN;
            }
        };
        let ended = step.status != TaskStatus::Running;
        let progress = step.reached.map_or(task.progress, |(_, progress)| progress);
        let status = step.status;
        match self.catalogue.store().advance_task(task.id, step).await {
            Ok(true) if ended => {
                info!(task = %task.id, kind = %task.kind, %status, done = progress.done, "task ended");
            }
            // Cancelled meanwhile: what this page did is done.
            Ok(_) => {}
            Err(error) => {
                warn!(%error, task = %task.id, "a page of a task was done and not noted, and is done again");
                return Instant::now() + TRY_AGAIN;
            }
        }
        (began + task.rest_after(done)).max(Instant::now() + BREATH)
    }

    async fn page(&self, task: &Task) -> Result<Page, StoreError> {
        match (task.kind, task.endpoint) {
            (TaskKind::Expunge, _) => self.expunge(task).await,
            (TaskKind::ResendFound, _) => self.resend_found(task).await,
            (TaskKind::Recover | TaskKind::ReplayMissing | TaskKind::BulkReplay, None) => {
                Ok(Page::Failed("it names no endpoint"))
            }
            (TaskKind::Recover | TaskKind::ReplayMissing | TaskKind::BulkReplay, Some(endpoint)) => {
                let Some(view) = self.catalogue.directory().endpoint(endpoint) else {
                    return Ok(Page::Failed("the endpoint was removed"));
                };
                if view.endpoint.stopped.is_some() {
                    return Ok(Page::Failed("the endpoint is disabled"));
                }
                let store = &**self.catalogue.store();
                let found = candidates(&self.catalogue, task, &view, task.cursor, task.page_rows()).await?;
                let asked = found.events.len();
                let recalled = match asked {
                    0 => Vec::new(),
                    _ => store.recall(recall(task, &view, found.events, self.clock.now())).await?,
                };
                let done = recalled.iter().filter(|recalled| **recalled == Recalled::Done).count();
                Ok(self.reached(task, found.cursor, found.done, done, asked - done))
            }
        }
    }

    /// What a search finds, at whichever endpoints. What cannot be sent there now is passed over.
    async fn resend_found(&self, task: &Task) -> Result<Page, StoreError> {
        let Some(account) = self.catalogue.directory().account(task.account) else {
            return Ok(Page::Failed("the application was removed"));
        };
        let Ok(search) = Search::parse(task.scope.search.as_deref().unwrap_or_default()) else {
            return Ok(Page::Failed("its search cannot be read any more"));
        };
        let store = &**self.catalogue.store();
        let found = findings(store, &account, &search, &task.scope, task.cursor, task.page_rows()).await?;
        let (mut asked, mut done) = (0, 0);
        for (endpoint, findings) in found.deliveries {
            asked += findings.len();
            let view = self.catalogue.directory().endpoint(endpoint);
            let Some(view) = view.filter(|view| view.endpoint.stopped.is_none()) else { continue };
            let events = findings.into_iter().map(|finding| finding.event).collect();
            let recalled = store.recall(recall(task, &view, events, self.clock.now())).await?;
            done += recalled.iter().filter(|recalled| **recalled == Recalled::Done).count();
        }
        Ok(self.reached(task, found.cursor, found.done, done, asked - done))
    }

    async fn expunge(&self, task: &Task) -> Result<Page, StoreError> {
        if self.catalogue.directory().account(task.account).is_none() {
            return Ok(Page::Failed("the application was removed"));
        }
        let store = &**self.catalogue.store();
        let found = expungeable(store, task, task.cursor, TASK_PAGE_ROWS).await?;
        let now = self.clock.now();
        let expunged = found.events.iter().map(|event| store.expunge_event(task.account, *event, now));
        let mut done = 0;
        for answer in futures_util::future::join_all(expunged).await {
            match answer {
                Ok(()) => done += 1,
                // Retention was faster.
                Err(StoreError::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        let passed_over = found.events.len() - done;
        Ok(self.reached(task, found.cursor, found.done, done, passed_over))
    }

    fn reached(&self, task: &Task, cursor: Tick, all: bool, done: usize, passed_over: usize) -> Page {
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let progress = TaskProgress {
            done: task.progress.done.saturating_add(count(done)),
            passed_over: task.progress.passed_over.saturating_add(count(passed_over)),
        };
        let status = if all { TaskStatus::Finished } else { TaskStatus::Running };
        Page::Reached { done, step: self.step(status, Some((cursor, progress)), None) }
    }

    fn step(&self, status: TaskStatus, reached: Option<(Tick, TaskProgress)>, why: Option<String>) -> TaskStep {
        TaskStep { status, reached, why, now: self.clock.now() }
    }
}
