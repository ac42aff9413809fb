//! Journals are folded into their files beside the writer, not inside its commits.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use ringup_core::time::Day;
use rusqlite::Connection;

use super::day::{DayFile, Presence};
use super::fault::{self, InFile, Outcome, Point};
use super::schema;
use super::shared::Shared;

/// Commits between two looks at a journal's length.
const COMMITS_PER_LOOK: u32 = 16;

/// The page cache of a handle that only copies pages.
const CACHE_KIB: u32 = 64;

/// What the writer tells the thread that folds journals.
#[derive(Default)]
pub(super) struct Checkpointer {
    state: Mutex<State>,
    wake: Condvar,
    ended: AtomicBool,
}

#[derive(Default)]
struct State {
    wanted: BTreeMap<Day, Arc<DayFile>>,
    commits: u32,
}

impl Checkpointer {
    /// After each commit. Cheap: looks at the file only now and then.
    pub(super) fn commits(&self, file: &Arc<DayFile>) {
        let mut state = self.lock();
        state.commits += 1;
        if state.commits >= COMMITS_PER_LOOK {
            state.commits = 0;
            state.wanted.insert(file.day, file.clone());
            self.wake.notify_one();
        }
    }

    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
        drop(self.lock());
        self.wake.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread: until the store ends.
    pub(super) fn run(&self, shared: &Shared) {
        loop {
            let wanted = {
                let mut state = self.lock();
                while state.wanted.is_empty() && !self.ended.load(Ordering::SeqCst) {
                    state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
                if self.ended.load(Ordering::SeqCst) {
                    return;
                }
                std::mem::take(&mut state.wanted)
            };
            for file in wanted.into_values() {
                if let Err(fault) = fold(shared, &file) {
                    shared.found(&fault);
                    tracing::warn!(%fault, "a journal could not be folded beside the writer");
                }
            }
        }
    }
}

/// Copies what the journal holds into the file while the writer goes on. The writer starts the journal over by itself
/// with the first commit that finds all of it copied.
fn fold(shared: &Shared, file: &DayFile) -> Outcome<()> {
    let journal = schema::journal_of(&file.path);
    if std::fs::metadata(&journal).map_or(0, |metadata| metadata.len()) < shared.plan.journal_bytes {
        return Ok(());
    }
    let gate = file.gate.read().unwrap_or_else(PoisonError::into_inner);
    if *gate == Presence::Removed {
        return Ok(());
    }
    let connection = schema::open_to_fold(&file.path, CACHE_KIB)?;
    fault::pass(shared.plan.failpoint.as_ref(), Point::DuringCheckpoint);
    passive(&connection).in_file(&file.path)
}

fn passive(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", (), |_| Ok(()))
}
