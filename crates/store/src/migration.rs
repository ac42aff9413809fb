//! From a data folder to a database: everything that is configuration, event, delivery and log, as it is.
//!
//! Promise: the folder is not changed, but for a file that says where its store goes; a move that was broken off is gone on
//! with where it was; and no server begins in either of the two while it is under way. What has arrived is counted and summed
//! in both before it is handed over.

pub(crate) mod cell;
pub(crate) mod part;

use ringup_core::time::Day;
use tokio::sync::mpsc;

use crate::postgres::incoming::{Arrival, Incoming};
use crate::seam::StoreError;
use crate::sqlite::moved::Moved;
use crate::sqlite::outgoing::{Batch, Outgoing, START, parts, reseal};
use crate::{postgres, sqlite};

/// Batches that wait for the database.
const BATCHES_MAX: usize = 2;

/// What is being done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    Moving,
    /// Both are counted and summed.
    Checking,
}

/// How far it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    pub stage: Stage,
    /// Rows of all tables, those that an earlier run moved included.
    pub rows_done: u64,
    pub rows_total: u64,
}

/// What has arrived.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Arrived {
    pub accounts: u64,
    pub endpoints: u64,
    pub events: u64,
    /// Deliveries that want attempts.
    pub live: u64,
    pub attempts: u64,
    /// It had arrived before: nothing was done.
    pub before: bool,
}

/// Moves the store of a folder that no server has open into a schema that holds nothing of ringup.
///
/// `id` names a new move; one that was broken off goes on under its own. `Unavailable` where something is in the way,
/// with words about what; the same call then goes on where it was. `Corrupt` if the two do not agree in the end.
pub async fn migrate(
    from: sqlite::Plan,
    to: postgres::Plan,
    id: &str,
    tell: impl Fn(Progress) + Send + Sync,
) -> Result<Arrived, StoreError> {
    let outgoing = Outgoing::open(from).await?;
    let incoming = Incoming::open(to).await?;
    let moved = outgoing.moved()?.unwrap_or(Moved { id: id.to_owned(), to: incoming.place(), finished: false });
    let arrival = incoming.arrival(&moved.id).await?;
    if moved.finished && arrival != Arrival::Finished {
        return Err(StoreError::Unavailable(
            format!("this folder's store was moved to the database at {} already, which is another one", moved.to)
                .into(),
        ));
    }
    let mover = Mover { days: outgoing.days(), outgoing, incoming, tell };
    if arrival == Arrival::Finished {
        mover.outgoing.say_moved(&Moved { finished: true, ..moved })?;
        return Ok(Arrived { before: true, ..mover.count()?.arrived });
    }
    let moved = Moved { to: mover.incoming.place(), ..moved };
    // Before anything goes: from here on no server begins in the folder.
    mover.outgoing.say_moved(&moved)?;
    let total = mover.count()?;
    mover.carry(arrival, &moved.id, &total).await?;
    mover.check(&total).await?;
    mover.incoming.finish(&total.days, mover.outgoing.last()).await?;
    mover.outgoing.say_moved(&Moved { finished: true, ..moved })?;
    Ok(total.arrived)
}

struct Mover<T> {
    outgoing: Outgoing,
    incoming: Incoming,
    days: Vec<Day>,
    tell: T,
}

/// How much there is to move.
#[derive(Default)]
struct Total {
    rows: u64,
    /// Events, live deliveries and ended ones.
    days: Vec<(Day, [u64; 3])>,
    arrived: Arrived,
}

impl<T: Fn(Progress) + Send + Sync> Mover<T> {
    fn count(&self) -> Result<Total, StoreError> {
        let mut total = Total::default();
        let catalog = self.outgoing.source(None)?;
        for part in parts(None) {
            let rows = catalog.count(part)?;
            match part.table {
                "account" => total.arrived.accounts = rows,
                "endpoint" => total.arrived.endpoints = rows,
                _ => {}
            }
        }
        for day in &self.days {
            let source = self.outgoing.source(Some(*day))?;
            let mut held = [0; 3];
            for part in parts(Some(*day)) {
                let rows = source.count(part)?;
                total.rows += rows;
                match part.table {
                    "event" => held[0] = rows,
                    "live" => held[1] = rows,
                    "ended" => held[2] = rows,
                    "attempt" => total.arrived.attempts += rows,
                    _ => {}
                }
            }
            total.arrived.events += held[0];
            total.arrived.live += held[1];
            total.days.push((*day, held));
        }
        Ok(total)
    }

    async fn carry(&self, arrival: Arrival, id: &str, total: &Total) -> Result<(), StoreError> {
        let first = self.days.first().copied().unwrap_or(Day(0));
        let (from_day, from_part, position) = match arrival {
            Arrival::UnderWay { day, part, position } => (day, part, position),
            _ => {
                self.carry_configuration(id, first).await?;
                (first, 0, START)
            }
        };
        let mut done = 0;
        for day in &self.days {
            if *day >= from_day {
                self.incoming.make_day(*day).await?;
            }
            for (number, part) in parts(Some(*day)).iter().enumerate() {
                let from = match (*day, number).cmp(&(from_day, from_part)) {
                    std::cmp::Ordering::Less => {
                        done += self.outgoing.source(Some(*day))?.count(part)?;
                        continue;
                    }
                    std::cmp::Ordering::Equal => position,
                    std::cmp::Ordering::Greater => START,
                };
                if from != START {
                    done += self.incoming.sum(part, Some(*day)).await?.0.unsigned_abs();
                }
                self.carry_part(*day, number, from, &mut done, total).await?;
            }
        }
        Ok(())
    }

    async fn carry_configuration(&self, id: &str, first: Day) -> Result<(), StoreError> {
        let catalog = self.outgoing.source(None)?;
        let mut tables = Vec::new();
        for part in parts(None) {
            let mut rows = catalog.read(part, START)?.rows;
            if part.table == "endpoint" {
                for row in &mut rows {
                    reseal(part, row, self.outgoing.sealing_key(), self.incoming.sealing_key())?;
                }
            }
            tables.push((part, rows));
        }
        self.incoming.begin(id, first, &tables).await
    }

    /// One table of a day, read and written side by side.
    async fn carry_part(
        &self,
        day: Day,
        number: usize,
        from: [i64; 2],
        done: &mut u64,
        total: &Total,
    ) -> Result<(), StoreError> {
        let part = &parts(Some(day))[number];
        let source = self.outgoing.source(Some(day))?;
        let (read, mut batches) = mpsc::channel::<Result<Batch, StoreError>>(BATCHES_MAX);
        tokio::task::spawn_blocking(move || {
            let mut position = from;
            loop {
                let batch = source.read(part, position);
                let go_on = batch.as_ref().is_ok_and(|batch| !batch.is_last);
                position = batch.as_ref().map_or(position, |batch| batch.position);
                // Nobody waits for it any more: the move was broken off.
                if read.blocking_send(batch).is_err() || !go_on {
                    return;
                }
            }
        });
        while let Some(batch) = batches.recv().await {
            let batch = batch?;
            let next = if batch.is_last { (day, number + 1, START) } else { (day, number, batch.position) };
            self.incoming.put(part, day, &batch.rows, next).await?;
            *done += u64::try_from(batch.rows.len()).unwrap_or(0);
            (self.tell)(Progress { stage: Stage::Moving, rows_done: *done, rows_total: total.rows });
        }
        Ok(())
    }

    /// Whether both hold the same, by number and sum of the rows of each table.
    async fn check(&self, total: &Total) -> Result<(), StoreError> {
        let mut done = 0;
        for day in std::iter::once(None).chain(self.days.iter().copied().map(Some)) {
            let source = self.outgoing.source(day)?;
            for part in parts(day) {
                let (there, here) = (source.sum(part)?, self.incoming.sum(part, day).await?);
                let whole = i64::try_from(source.count(part)?).unwrap_or(i64::MAX);
                if there != here || there.0 != whole {
                    let when = day.map_or_else(|| "of the catalogue".to_owned(), |day| format!("of {day}"));
                    let text = format!(
                        "the table {} {when} has {whole} rows in the folder, of which {} can be moved (sum {}), and {} \
                         (sum {}) in the database: the folder's file is damaged, or somebody else wrote to the schema. \
                         Nothing was handed over; the folder is as it was",
                        part.table, there.0, there.1, here.0, here.1
                    );
                    return Err(StoreError::Corrupt(text.into()));
                }
                if day.is_some() {
                    done += there.0.unsigned_abs();
                    (self.tell)(Progress { stage: Stage::Checking, rows_done: done, rows_total: total.rows });
                }
            }
        }
        Ok(())
    }
}
