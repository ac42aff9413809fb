//! Journals are folded into their files beside the writer, not inside its commits.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use ringup_core::time::Day;

use super::day::{DayFile, Presence};
use super::fault::{self, InFile, Outcome, Point};
use super::schema;
use super::shared::Shared;

/// How often the journal is gone through before the writer takes the rest.
const PASSES: usize = 2;

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
}

impl Checkpointer {
    /// A journal has become long.
    pub(super) fn wants(&self, file: &Arc<DayFile>) {
        self.lock().wanted.insert(file.day, file.clone());
        self.wake.notify_one();
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

/// Copies what the journal holds into the file while the writer goes on; then what came meanwhile, which is less. The
/// rest is the writer's: only between its commits can there be an end, from which a journal starts over.
fn fold(shared: &Shared, file: &DayFile) -> Outcome<()> {
    let gate = file.gate.read().unwrap_or_else(PoisonError::into_inner);
    if *gate == Presence::Removed {
        return Ok(());
    }
    let connection = schema::open_to_fold(&file.path, CACHE_KIB)?;
    for _ in 0..PASSES {
        fault::pass(shared.plan.failpoint.as_ref(), Point::DuringCheckpoint);
        schema::fold_beside(&connection).in_file(&file.path)?;
    }
    file.tail_is_short.store(true, Ordering::Release);
    Ok(())
}
