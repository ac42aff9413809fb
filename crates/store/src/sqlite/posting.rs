//! Posting lists: which attempts an endpoint had and which events an account, without an index on the hot table.
//!
//! An index by endpoint is touched at as many places as there are endpoints, in every commit. Here the newest entries
//! lie in memory, in the order in which they came; when there are enough they are sorted and written as one chunk, a row
//! for each owner, at the right edge of one B-tree. The rows themselves stay the truth: what was only in memory when a
//! process died is read again from them.
//!
//! Promise: a reader that looks into memory first and into the file second sees every committed entry.

use std::sync::Arc;

use ringup_core::time::Tick;
use rusqlite::Connection;

use super::row;
use crate::log_entry::OutcomeWord;

/// What a list is of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Kind {
    /// Attempts of an endpoint that delivered.
    Succeeded = 0,
    /// Attempts of an endpoint that did not.
    Failed = 1,
    /// Events of an account.
    Event = 2,
    /// Events of an account with a tag; the owner is the hash of both.
    Tagged = 3,
}

impl Kind {
    pub(super) fn of_outcome(outcome: OutcomeWord) -> Kind {
        if outcome == OutcomeWord::Delivered { Kind::Succeeded } else { Kind::Failed }
    }

    /// Whether its ticks are those of events, and not of attempts.
    pub(super) fn is_of_events(self) -> bool {
        match self {
            Kind::Succeeded | Kind::Failed => false,
            Kind::Event | Kind::Tagged => true,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Entry {
    pub(super) kind: Kind,
    /// An endpoint, an account, or the hash of an account's tag.
    pub(super) owner: i64,
    pub(super) tick: Tick,
}

/// The entries of one day that are not in its file yet.
#[derive(Default)]
pub(super) struct Posting {
    /// In the order in which they came.
    open: Vec<Entry>,
    /// The chunk before, being written.
    sealing: Option<Arc<Sealing>>,
    next_chunk: i64,
}

struct Sealing {
    chunk: i64,
    /// Sorted by kind, owner, tick.
    entries: Vec<Entry>,
    last_attempt: i64,
    last_event: i64,
}

/// How far the writer is with the chunk it writes. Advances only when a commit stands.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Progress {
    written: usize,
}

impl Posting {
    pub(super) fn new(next_chunk: i64) -> Posting {
        Posting { open: Vec::new(), sealing: None, next_chunk }
    }

    pub(super) fn add(&mut self, entry: Entry) {
        self.open.push(entry);
    }

    /// Whether there are enough entries for a chunk, and room to write one.
    pub(super) fn is_full(&self, chunk_entries: usize) -> bool {
        self.open.len() >= chunk_entries && self.sealing.is_none()
    }

    pub(super) fn is_sealing(&self) -> bool {
        self.sealing.is_some()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty() && self.sealing.is_none()
    }

    /// Begins to write what there is as one chunk. Does nothing while one is being written.
    pub(super) fn seal(&mut self) {
        if self.sealing.is_some() || self.open.is_empty() {
            return;
        }
        let mut entries = std::mem::take(&mut self.open);
        let last = |event: bool| {
            let of_stream = entries.iter().filter(|entry| entry.kind.is_of_events() == event);
            of_stream.map(|entry| row::integer(entry.tick.0)).max().unwrap_or(-1)
        };
        let (last_attempt, last_event) = (last(false), last(true));
        entries.sort_unstable();
        self.sealing = Some(Arc::new(Sealing { chunk: self.next_chunk, entries, last_attempt, last_event }));
        self.next_chunk += 1;
    }

    /// Ticks of owners, given in order, that are only in memory; oldest first.
    pub(super) fn in_memory(&self, kinds: &[Kind], owners: &[i64]) -> Vec<Tick> {
        let wanted = |entry: &&Entry| kinds.contains(&entry.kind) && owners.binary_search(&entry.owner).is_ok();
        let mut ticks: Vec<Tick> = self.open.iter().filter(wanted).map(|entry| entry.tick).collect();
        if let Some(sealing) = &self.sealing {
            for kind in kinds {
                for owner in owners {
                    ticks.extend(sealing.of(*kind, *owner).iter().map(|entry| entry.tick));
                }
            }
        }
        ticks.sort_unstable();
        ticks
    }
}

impl Sealing {
    fn of(&self, kind: Kind, owner: i64) -> &[Entry] {
        let from = self.entries.partition_point(|entry| (entry.kind, entry.owner) < (kind, owner));
        let until = self.entries.partition_point(|entry| (entry.kind, entry.owner) <= (kind, owner));
        &self.entries[from..until]
    }
}

/// Writes the next rows of a chunk inside the writer's transaction. Answers how far it is once that transaction stands,
/// and whether that is all.
pub(super) fn write(
    connection: &Connection,
    posting: &Posting,
    progress: Progress,
    events: u64,
    rows_max: usize,
) -> rusqlite::Result<(Progress, bool)> {
    let Some(sealing) = posting.sealing.as_ref() else { return Ok((progress, true)) };
    // Over itself, where an earlier try was begun and could not be finished.
    let mut insert =
        connection.prepare_cached("INSERT OR REPLACE INTO posting (chunk, kind, owner, ticks) VALUES (?, ?, ?, ?)")?;
    let mut written = progress.written;
    let rest = sealing.entries[written..].chunk_by(|a, b| (a.kind, a.owner) == (b.kind, b.owner));
    for list in rest.take(rows_max) {
        let ticks: Vec<u8> = list.iter().flat_map(|entry| entry.tick.0.to_be_bytes()).collect();
        insert.execute((sealing.chunk, list[0].kind as i64, list[0].owner, ticks))?;
        written += list.len();
    }
    let done = written == sealing.entries.len();
    if done {
        let in_memory = posting.open.iter().filter(|entry| entry.kind == Kind::Event).count();
        let events = row::integer(events).saturating_sub(i64::try_from(in_memory).unwrap_or(0));
        let mut watermark = connection.prepare_cached(
            "INSERT OR REPLACE INTO chunk (chunk, last_attempt, last_event, events)
             SELECT ?1, max(?2, ifnull(max(last_attempt), -1)), max(?3, ifnull(max(last_event), -1)), ?4 FROM chunk",
        )?;
        watermark.execute((sealing.chunk, sealing.last_attempt, sealing.last_event, events))?;
    }
    Ok((Progress { written }, done))
}

impl Posting {
    /// The chunk stands in the file.
    pub(super) fn sealed(&mut self) {
        self.sealing = None;
    }
}
