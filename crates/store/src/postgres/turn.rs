//! One transaction of the writer, and what it changes of what the writer knows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ringup_core::time::{Day, Tick};

use super::fault::{Fault, Outcome};
use super::link::Link;
use super::row::integer;
use super::schema;
use crate::seam::Fresh;

/// The last ids given.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct LastTicks {
    pub(super) event: Tick,
    pub(super) attempt: Tick,
}

/// A node's right to write: it holds as long as the row of the lease says the same.
#[derive(Clone, Debug)]
pub(super) struct Right {
    pub(super) node: String,
    pub(super) epoch: i64,
    /// Commits so far, of all nodes. A commit whose answer was lost stands if its number does.
    pub(super) commits: i64,
    pub(super) lease: Duration,
}

pub(super) struct Turn {
    pub(super) link: Arc<Link>,
    pub(super) days: Arc<BTreeSet<Day>>,
    pub(super) last: LastTicks,
    pub(super) idempotency_window: Duration,
    /// What wants a first attempt, once this stands.
    pub(super) fresh: Vec<Fresh>,
    changes: BTreeMap<Day, [i64; 3]>,
}

impl Turn {
    pub(super) async fn begin(
        link: Arc<Link>,
        days: Arc<BTreeSet<Day>>,
        last: LastTicks,
        idempotency_window: Duration,
    ) -> Outcome<Turn> {
        link.batch("BEGIN").await?;
        Ok(Turn { link, days, last, idempotency_window, fresh: Vec::new(), changes: BTreeMap::new() })
    }

    /// Makes sure that the day has its partitions.
    pub(super) async fn make_day(&mut self, day: Day) -> Outcome<()> {
        if !self.days.contains(&day) {
            schema::make_day(&self.link, day).await?;
            Arc::make_mut(&mut self.days).insert(day);
        }
        Ok(())
    }

    pub(super) async fn drop_day(&mut self, day: Day) -> Outcome<()> {
        schema::drop_day(&self.link, day).await?;
        Arc::make_mut(&mut self.days).remove(&day);
        self.changes.remove(&day);
        Ok(())
    }

    pub(super) fn count_events(&mut self, day: Day, more: i64) {
        self.changes.entry(day).or_default()[0] += more;
    }

    pub(super) fn count_live(&mut self, day: Day, more: i64) {
        self.changes.entry(day).or_default()[1] += more;
    }

    pub(super) fn count_ended(&mut self, day: Day, more: i64) {
        self.changes.entry(day).or_default()[2] += more;
    }

    /// Everything but the commit itself: the counts of days, and the proof that this node may still write.
    pub(super) async fn prove(&self, right: &Right) -> Outcome<()> {
        let mut columns: [Vec<i64>; 4] = Default::default();
        for (day, [events, live, ended]) in self.changes.iter().filter(|(_, change)| **change != [0; 3]) {
            for (column, value) in columns.iter_mut().zip([day.0, *events, *live, *ended]) {
                column.push(value);
            }
        }
        let [days, events, live, ended] = &columns;
        if !days.is_empty() {
            self.link
                .execute(
                    "UPDATE day d SET events = d.events + w.events, live = d.live + w.live, ended = d.ended + w.ended
                     FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]) AS w(day, events, live, ended)
                     WHERE d.day = w.day",
                    &[days, events, live, ended],
                )
                .await?;
        }
        let touched = self
            .link
            .execute(
                "UPDATE shard_lease SET until = clock_timestamp() + make_interval(secs => $4), commits = commits + 1,
                        last_event = $5, last_attempt = $6
                 WHERE shard = 0 AND node = $1 AND epoch = $2 AND commits = $3",
                &[
                    &right.node,
                    &right.epoch,
                    &right.commits,
                    &right.lease.as_secs_f64(),
                    &integer(self.last.event),
                    &integer(self.last.attempt),
                ],
            )
            .await?;
        if touched == 1 { Ok(()) } else { Err(deposed()) }
    }
}

pub(super) fn deposed() -> Fault {
    Fault::Deposed(
        "another node has taken over, since this one was not heard of for the time of its lease; it writes nothing more \
         and must be started again"
            .into(),
    )
}
