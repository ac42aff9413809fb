//! Reading beside the writer: a few connections, kept open between questions.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLockReadGuard};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::day::{DayFile, Presence};
use super::fault::{InFile, Outcome};
use super::schema;

/// Connections that wait for the next question, over all files.
const IDLE_MAX: usize = 8;

/// Questions that are answered at the same time. Others wait their turn.
const AT_ONCE_MAX: usize = 8;

/// The page cache of one reading connection.
const CACHE_KIB: u32 = 1_024;

pub(super) struct Readers {
    /// The least recently used first.
    idle: Mutex<Vec<(Arc<DayFile>, Connection)>>,
    pub(super) turns: Semaphore,
}

/// A day's file, opened for reading; it stays where it is meanwhile.
pub(super) struct ReadDay<'a> {
    /// `None` only while it is dropped.
    connection: Option<Connection>,
    pub(super) file: &'a Arc<DayFile>,
    readers: &'a Readers,
    _gate: RwLockReadGuard<'a, Presence>,
}

impl Default for Readers {
    fn default() -> Readers {
        Readers { idle: Mutex::default(), turns: Semaphore::new(AT_ONCE_MAX) }
    }
}

impl Readers {
    /// Opens a day for reading; `None` if retention took it meanwhile. Not twice at once in one thread.
    pub(super) fn open<'a>(&'a self, file: &'a Arc<DayFile>) -> Outcome<Option<ReadDay<'a>>> {
        let gate = file.gate.read().unwrap_or_else(PoisonError::into_inner);
        if *gate == Presence::Removed {
            return Ok(None);
        }
        let waiting = {
            let mut idle = self.lock();
            idle.iter().rposition(|(of, _)| Arc::ptr_eq(of, file)).map(|at| idle.remove(at).1)
        };
        let connection = match waiting {
            Some(connection) => connection,
            None => schema::open_to_read(&file.path, CACHE_KIB)?,
        };
        Ok(Some(ReadDay { connection: Some(connection), file, readers: self, _gate: gate }))
    }

    /// Closes what waits for a file. With its gate held for writing, nobody else has it open then.
    pub(super) fn close(&self, file: &Arc<DayFile>) {
        self.lock().retain(|(of, _)| !Arc::ptr_eq(of, file));
    }

    /// Closes everything that waits.
    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(Arc<DayFile>, Connection)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ReadDay<'_> {
    pub(super) fn connection(&self) -> &Connection {
        self.connection.as_ref().expect("it is there until the drop")
    }

    /// Asks this file.
    pub(super) fn ask<T>(&self, question: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Outcome<T> {
        question(self.connection()).in_file(&self.file.path)
    }
}

impl Drop for ReadDay<'_> {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        if !connection.is_autocommit() {
            // Left in the middle by an error: not worth keeping.
            return;
        }
        let mut idle = self.readers.lock();
        if idle.len() >= IDLE_MAX {
            idle.remove(0);
        }
        idle.push((self.file.clone(), connection));
    }
}
