//! Walking one day's posting lists in either order, memory and file together.

use std::collections::VecDeque;
use std::sync::Arc;

use ringup_core::time::Tick;
use rusqlite::Connection;

use super::fault::Outcome;
use super::posting::Kind;
use super::reader::ReadDay;
use super::row;
use crate::query::Order;

/// The ticks of owners in one day, from a position on.
pub(super) struct Walk<'a> {
    pub(super) day: ReadDay<'a>,
    kinds: &'static [Kind],
    /// In order.
    owners: Arc<[i64]>,
    order: Order,
    /// The last tick passed; what comes is behind it in this order, which also drops what is in memory and file alike.
    position: Option<Tick>,
    ready: VecDeque<Tick>,
    /// Taken before the file is looked at, so that what moves there meanwhile is seen in one of them.
    memory: Vec<Tick>,
    stage: Stage,
}

enum Stage {
    Begin,
    /// The next chunk, and the last one in this order: they are numbered without gaps.
    Chunk {
        next: i64,
        last: i64,
    },
    /// Only memory is left, when walking from the oldest.
    Memory,
    End,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        day: ReadDay<'a>,
        kinds: &'static [Kind],
        owners: Arc<[i64]>,
        order: Order,
        after: Option<Tick>,
    ) -> Walk<'a> {
        let memory = day.file.known().posting.in_memory(kinds, &owners);
        Walk { day, kinds, owners, order, position: after, ready: VecDeque::new(), memory, stage: Stage::Begin }
    }

    /// The next tick, which stays until it is passed.
    pub(super) fn peek(&mut self) -> Outcome<Option<Tick>> {
        while self.ready.is_empty() {
            match self.stage {
                Stage::Begin => {
                    if self.order == Order::NewestFirst {
                        let memory = std::mem::take(&mut self.memory);
                        self.make_ready(memory);
                    }
                    self.stage = self.first_chunk()?;
                }
                Stage::Chunk { next, last } => {
                    let (kinds, owners) = (self.kinds, &self.owners);
                    let ticks = self.day.ask(|connection| of_chunk(connection, next, kinds, owners))?;
                    self.make_ready(ticks);
                    self.stage = match self.order {
                        _ if next == last => self.behind_chunks(),
                        Order::NewestFirst => Stage::Chunk { next: next - 1, last },
                        Order::OldestFirst => Stage::Chunk { next: next + 1, last },
                    };
                }
                Stage::Memory => {
                    let memory = std::mem::take(&mut self.memory);
                    self.make_ready(memory);
                    self.stage = Stage::End;
                }
                Stage::End => return Ok(None),
            }
        }
        Ok(self.ready.front().copied())
    }

    pub(super) fn pass(&mut self) {
        self.position = self.ready.pop_front().or(self.position);
    }

    /// Those behind the position, in this walk's order.
    fn make_ready(&mut self, mut ticks: Vec<Tick>) {
        let last = self.ready.back().copied().or(self.position);
        ticks.retain(|tick| last.is_none_or(|last| is_behind(self.order, *tick, last)));
        ticks.sort_unstable();
        match self.order {
            Order::NewestFirst => self.ready.extend(ticks.into_iter().rev()),
            Order::OldestFirst => self.ready.extend(ticks),
        }
    }

    fn first_chunk(&self) -> Outcome<Stage> {
        let of_events = self.kinds.iter().all(|kind| kind.is_of_events());
        let column = if of_events { "last_event" } else { "last_attempt" };
        let sql = match self.order {
            // The first chunk that reaches the position is the last one with anything before it.
            Order::NewestFirst => format!(
                "SELECT max(chunk), min(chunk) FROM chunk WHERE chunk <=
                    ifnull((SELECT min(chunk) FROM chunk WHERE {column} >= ?), 9223372036854775807)"
            ),
            Order::OldestFirst => format!("SELECT min(chunk), max(chunk) FROM chunk WHERE {column} > ?"),
        };
        let nowhere = if self.order == Order::NewestFirst { i64::MAX } else { -1 };
        let position = self.position.map_or(nowhere, |tick| row::integer(tick.0));
        let (next, last): (Option<i64>, Option<i64>) = self.day.ask(|connection| {
            connection.prepare_cached(&sql)?.query_row([position], |found| Ok((found.get(0)?, found.get(1)?)))
        })?;
        Ok(next.zip(last).map_or_else(|| self.behind_chunks(), |(next, last)| Stage::Chunk { next, last }))
    }

    fn behind_chunks(&self) -> Stage {
        match self.order {
            Order::NewestFirst => Stage::End,
            Order::OldestFirst => Stage::Memory,
        }
    }
}

/// Whether a tick comes after another one in this order.
pub(super) fn is_behind(order: Order, tick: Tick, other: Tick) -> bool {
    match order {
        Order::NewestFirst => tick < other,
        Order::OldestFirst => tick > other,
    }
}

fn of_chunk(connection: &Connection, chunk: i64, kinds: &[Kind], owners: &[i64]) -> rusqlite::Result<Vec<Tick>> {
    let mut statement =
        connection.prepare_cached("SELECT ticks FROM posting WHERE chunk = ? AND kind = ? AND owner = ?")?;
    let mut ticks = Vec::new();
    for kind in kinds {
        for owner in owners {
            let mut rows = statement.query((chunk, *kind as i64, owner))?;
            if let Some(found) = rows.next()? {
                let (packed, _) = found.get_ref(0)?.as_blob()?.as_chunks::<8>();
                ticks.extend(packed.iter().map(|tick| Tick(u64::from_be_bytes(*tick))));
            }
        }
    }
    Ok(ticks)
}
