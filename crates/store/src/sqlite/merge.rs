//! Attempts of endpoints over all days, in the order in which they were filed.
//!
//! A retry is filed with its event's day, so newer attempts may lie in older files. A day is opened only when its newest
//! attempt (or oldest, in that order) could be the next one.

use std::sync::Arc;

use ringup_core::time::Tick;

use super::day::DayFile;
use super::fault::Outcome;
use super::posting::Kind;
use super::reader::ReadDay;
use super::shared::Shared;
use super::walk::{Walk, is_behind};
use crate::query::Order;

pub(super) struct Merge<'a> {
    shared: &'a Shared,
    kinds: &'static [Kind],
    /// In order.
    owners: &'a Arc<[i64]>,
    order: Order,
    after: Option<Tick>,
    /// Days not opened yet, the nearest last, where it is taken from.
    closed: Vec<(Tick, &'a Arc<DayFile>)>,
    open: Vec<Walk<'a>>,
}

impl<'a> Merge<'a> {
    pub(super) fn new(
        shared: &'a Shared,
        files: &'a [Arc<DayFile>],
        kinds: &'static [Kind],
        owners: &'a Arc<[i64]>,
        order: Order,
        after: Option<Tick>,
    ) -> Merge<'a> {
        let mut closed: Vec<(Tick, &Arc<DayFile>)> =
            files.iter().filter_map(|file| Some((bound(file, order, after)?, file))).collect();
        closed.sort_by_key(|(bound, _)| *bound);
        if order == Order::OldestFirst {
            closed.reverse();
        }
        Merge { shared, kinds, owners, order, after, closed, open: Vec::new() }
    }

    /// The next attempt, which stays until it is passed: which walk has it, and its tick.
    pub(super) fn peek(&mut self) -> Outcome<Option<(usize, Tick)>> {
        loop {
            let nearest = nearest(&mut self.open, self.order)?;
            let open_next = self.closed.last().is_some_and(|(bound, _)| {
                nearest.is_none_or(|(_, tick)| *bound == tick || is_behind(self.order, tick, *bound))
            });
            if !open_next {
                return Ok(nearest);
            }
            if let Some((_, file)) = self.closed.pop()
                && let Some(day) = self.shared.readers.open(file)?
            {
                self.open.push(Walk::new(day, self.kinds, self.owners.clone(), self.order, self.after));
            }
        }
    }

    /// Takes what was seen; answers the day it is in.
    pub(super) fn pass(&mut self, at: usize) -> &ReadDay<'a> {
        let walk = &mut self.open[at];
        walk.pass();
        &walk.day
    }
}

/// The attempt of a day that comes first in this order; `None` if the day has none behind the position.
fn bound(file: &DayFile, order: Order, after: Option<Tick>) -> Option<Tick> {
    let known = file.known();
    let (first, last) = (known.first_attempt?, known.last_attempt?);
    let (near, far) = match order {
        Order::NewestFirst => (last, first),
        Order::OldestFirst => (first, last),
    };
    after.is_none_or(|after| is_behind(order, far, after)).then_some(near)
}

/// The walk with the next row, and its tick. Walks at their end are dropped.
fn nearest(walks: &mut Vec<Walk<'_>>, order: Order) -> Outcome<Option<(usize, Tick)>> {
    let mut nearest: Option<(usize, Tick)> = None;
    let mut at = 0;
    while at < walks.len() {
        match walks[at].peek()? {
            None => {
                walks.remove(at);
                continue;
            }
            Some(tick) if nearest.is_none_or(|(_, other)| is_behind(order, other, tick)) => nearest = Some((at, tick)),
            Some(_) => {}
        }
        at += 1;
    }
    Ok(nearest)
}
