//! What retention asks of the writer, between groups.

use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use ringup_core::time::{Day, Timestamp};
use tokio::sync::oneshot;

use super::catalog::LastTicks;
use super::day::{DayFile, Presence};
use super::expire::Expired;
use super::fault::{Fault, InFile, Outcome};
use super::open_day::OpenDay;
use super::schema;
use super::writer::Writer;

pub(super) enum Chore {
    /// Write a day's lists into its file and let go of it. Answers the revision as of then.
    Settle(Day, oneshot::Sender<Outcome<u64>>),
    /// Put another file in a day's place, unless it changed since that revision. Answers whether it did.
    Replace { day: Day, draft: PathBuf, revision: u64, reply: oneshot::Sender<Outcome<bool>> },
    /// Let go of some payloads whose own time is over, behind a place. Answers how many went, and where to go on.
    Expire { day: Day, from: Expired, now: Timestamp, reply: oneshot::Sender<Outcome<(usize, Option<Expired>)>> },
    /// Remove a day, unless it has live deliveries. Answers the bytes freed.
    Remove(Day, oneshot::Sender<Outcome<Option<u64>>>),
}

impl Writer {
    pub(super) fn chore(&mut self, chore: Chore) {
        // Whoever asked may have given up; the work is done all the same.
        match chore {
            Chore::Settle(day, reply) => drop(reply.send(self.settle_day(day))),
            Chore::Replace { day, draft, revision, reply } => {
                drop(reply.send(self.replace_day(day, &draft, revision)));
            }
            Chore::Expire { day, from, now, reply } => drop(reply.send(self.expire(day, from, now))),
            Chore::Remove(day, reply) => drop(reply.send(self.remove_day(day))),
        }
    }

    fn settle_day(&mut self, day: Day) -> Outcome<u64> {
        let Some(file) = self.shared.days.get(day) else { return Err(gone()) };
        let mut open = match self.open.remove(&day) {
            Some(open) => open,
            None => OpenDay::open(file.clone(), &self.shared.plan)?,
        };
        open.seal()?;
        open.fold()?;
        let revision = file.known().revision;
        Ok(revision)
    }

    fn replace_day(&mut self, day: Day, draft: &Path, revision: u64) -> Outcome<bool> {
        let Some(file) = self.shared.days.get(day) else { return Err(gone()) };
        if file.known().revision != revision {
            return Ok(false);
        }
        self.let_go(&file)?;
        let _alone = file.gate.write().unwrap_or_else(PoisonError::into_inner);
        self.shared.readers.close(&file);
        // SQLite finds journals by name: the old one must not be taken for the new file's.
        schema::remove_journals(&file.path)?;
        schema::publish(draft, &file.path)?;
        let connection = file.open_to_write()?;
        file.learn_from(&connection)?;
        schema::fold_at_end(&connection).in_file(&file.path)?;
        Ok(true)
    }

    fn remove_day(&mut self, day: Day) -> Outcome<Option<u64>> {
        let Some(file) = self.shared.days.get(day) else { return Ok(None) };
        if file.known().live > 0 {
            return Ok(None);
        }
        self.let_go(&file)?;
        let mut presence = file.gate.write().unwrap_or_else(PoisonError::into_inner);
        self.shared.readers.close(&file);
        let last = LastTicks { event: self.last.event, attempt: self.last.attempt };
        self.shared.catalog()?.remove_day(day, last)?;
        self.shared.days.remove(day);
        *presence = Presence::Removed;
        // Should this name come back after a power cut, the next start finds a whole day, and it is removed again.
        schema::remove_if_there(&file.path).map(Some)
    }

    /// Closes the writer's own handle on a day.
    fn let_go(&mut self, file: &DayFile) -> Outcome<()> {
        if let Some(open) = self.open.remove(&file.day) {
            open.fold()?;
        }
        Ok(())
    }
}

fn gone() -> Fault {
    Fault::Other("the day is gone".into())
}
