//! One transaction of the writer, and what it changes of what the writer knows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ringup_core::key::AccountKey;
use ringup_core::shard::Shard;
use ringup_core::time::{Day, Tick, Timestamp};

use super::fault::{Fault, Outcome};
use super::link::{Link, Value};
use super::notice::Notice;
use super::nudge;
use super::row::{get, integer, tick};
use super::schema;
use super::shared::Shared;
use super::upgrade::deposed;
use crate::seam::Fresh;

/// Keeps other nodes from writing to these shards until the end, and reads what is known of them.
pub(super) const LOCK: &str = "SELECT shard, node, epoch, last_event, last_attempt FROM shard WHERE shard = ANY ($1)
                               ORDER BY shard FOR UPDATE";

/// What each commit ends with: what comes to its days, in rows of the node's own so that nodes do not wait for one another;
/// how far ids were given; and its number. Touches one row, unless another process goes by the node's name.
const PROVE: &str = "WITH counted AS (
                        INSERT INTO day AS d (day, node, events, live, ended)
                        SELECT day, $8, events, live, ended
                        FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]) AS w(day, events, live, ended)
                        ON CONFLICT (day, node) DO UPDATE
                        SET events = d.events + excluded.events, live = d.live + excluded.live,
                            ended = d.ended + excluded.ended
                     ), given AS (
                        UPDATE shard s SET last_event = w.event, last_attempt = w.attempt
                        FROM unnest($5::bigint[], $6::bigint[], $7::bigint[]) AS w(shard, event, attempt)
                        WHERE s.shard = w.shard
                     )
                     UPDATE node SET commits = commits + 1 WHERE name = $8 AND session = $9 AND commits = $10";

/// The last ids that this node gave. They grow over all its accounts; those of another node may be the same for other
/// accounts.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct LastTicks {
    pub(super) event: Tick,
    pub(super) attempt: Tick,
}

/// A process's right to write as a node: it holds as long as the node's row says the same.
#[derive(Clone, Debug)]
pub(super) struct Right {
    pub(super) node: String,
    /// Grows with each process that goes by the node's name.
    pub(super) session: i64,
    /// Commits of this node so far. One whose answer was lost stands if its number does.
    pub(super) commits: i64,
}

/// A shard that nobody else writes to until the transaction ends.
struct Locked {
    last_event: Tick,
    last_attempt: Tick,
    /// This node's, under the epoch that it knows.
    is_mine: bool,
    gave_ids: bool,
}

pub(super) struct Turn {
    pub(super) link: Arc<Link>,
    /// Shards that another node has taken, and the epochs under which this one had them.
    pub(super) lost: Vec<(Shard, i64)>,
    pub(super) shared: Arc<Shared>,
    pub(super) days: Arc<BTreeSet<Day>>,
    last: LastTicks,
    locked: BTreeMap<Shard, Locked>,
    /// What wants a first attempt, once this stands.
    fresh: Vec<Fresh>,
    notices: Vec<Notice>,
    changes: BTreeMap<Day, [i64; 3]>,
}

impl Turn {
    /// With these shards locked.
    pub(super) async fn begin(
        link: Arc<Link>,
        shared: Arc<Shared>,
        days: Arc<BTreeSet<Day>>,
        last: LastTicks,
        shards: BTreeSet<Shard>,
    ) -> Outcome<Turn> {
        let mut turn = Turn {
            link: link.clone(),
            lost: Vec::new(),
            shared,
            days,
            last,
            locked: BTreeMap::new(),
            fresh: Vec::new(),
            notices: Vec::new(),
            changes: BTreeMap::new(),
        };
        // Sent in this order and answered in one round trip.
        tokio::try_join!(biased; link.batch("BEGIN"), turn.lock(&shards))?;
        Ok(turn)
    }

    /// Keeps other nodes from writing to these until the end, so that ids grow with commits. Once for each turn, before
    /// anything else, and in the order of shards: so nobody waits for one another.
    pub(super) async fn lock(&mut self, shards: &BTreeSet<Shard>) -> Outcome<()> {
        if shards.is_empty() {
            return Ok(());
        }
        let numbers: Vec<i32> = shards.iter().map(|shard| shard.number()).collect();
        let me = self.shared.plan.node.as_str();
        for row in self.link.query(LOCK, &[&numbers]).await? {
            let shard =
                Shard::from_number(get(&row, "shard")?).ok_or_else(|| Fault::damaged("a shard of no number"))?;
            let (node, epoch): (Option<&str>, i64) = (get(&row, "node")?, get(&row, "epoch")?);
            let known = self.shared.holding.epoch(shard);
            let is_mine = node == Some(me) && known == Some(epoch);
            self.lost.extend(known.filter(|_| !is_mine).map(|known| (shard, known)));
            let (last_event, last_attempt) = (tick(&row, "last_event")?, tick(&row, "last_attempt")?);
            self.locked.insert(shard, Locked { last_event, last_attempt, is_mine, gave_ids: false });
        }
        Ok(())
    }

    pub(super) async fn lock_account(&mut self, account: AccountKey) -> Outcome<()> {
        self.lock(&BTreeSet::from([Shard::of(account)])).await
    }

    pub(super) async fn lock_all(&mut self) -> Outcome<()> {
        self.lock(&Shard::all().collect()).await
    }

    /// Whether this node may say what came of the account's deliveries.
    pub(super) fn is_mine(&self, account: AccountKey) -> bool {
        self.locked.get(&Shard::of(account)).is_some_and(|locked| locked.is_mine)
    }

    /// Whether the account's deliveries are begun by this node. Whoever takes them over does so after this turn, and finds
    /// what is in it.
    fn is_begun_here(&self, account: AccountKey) -> bool {
        self.is_mine(account) && self.shared.holding.owns(Shard::of(account))
    }

    pub(super) fn next_event(&mut self, account: AccountKey, now: Timestamp) -> Outcome<Tick> {
        let last = self.last.event;
        let locked = self.writable(account)?;
        let tick = Tick::after(locked.last_event.max(last), now);
        locked.last_event = tick;
        self.last.event = tick;
        Ok(tick)
    }

    pub(super) fn next_attempt(&mut self, account: AccountKey, ended_at: Timestamp) -> Outcome<Tick> {
        let last = self.last.attempt;
        let locked = self.writable(account)?;
        let tick = Tick::after(locked.last_attempt.max(last), ended_at);
        locked.last_attempt = tick;
        self.last.attempt = tick;
        Ok(tick)
    }

    fn writable(&mut self, account: AccountKey) -> Outcome<&mut Locked> {
        let locked = self.locked.get_mut(&Shard::of(account));
        let locked = locked.ok_or_else(|| Fault::Other("the table shard has lost a row".into()))?;
        locked.gave_ids = true;
        Ok(locked)
    }

    pub(super) fn offer(&mut self, fresh: Fresh) {
        self.fresh.push(fresh);
    }

    pub(super) fn tell(&mut self, notices: Vec<Notice>) {
        self.notices.extend(notices);
    }

    /// Whether the day has its partitions: another node may have made them.
    pub(super) async fn has_day(&mut self, day: Day) -> Outcome<bool> {
        if self.days.contains(&day) {
            return Ok(true);
        }
        let is_there = self.link.one("SELECT 1 FROM day WHERE day = $1 LIMIT 1", &[&day.0]).await?.is_some();
        if is_there {
            Arc::make_mut(&mut self.days).insert(day);
        }
        Ok(is_there)
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

    /// Everything but the commit itself. Answers what this node's own lanes are told once it stands; the rest is left in
    /// the database for the nodes that it concerns.
    pub(super) async fn prove(mut self, right: &Right) -> Outcome<Told> {
        let (fresh, notices) = (std::mem::take(&mut self.fresh), std::mem::take(&mut self.notices));
        let (fresh, elsewhere): (Vec<Fresh>, Vec<Fresh>) =
            fresh.into_iter().partition(|fresh| self.is_begun_here(fresh.event.account));
        let (notices, others): (Vec<Notice>, Vec<Notice>) =
            notices.into_iter().partition(|notice| self.is_begun_here(notice.account()));
        let (counts, ids) = (self.counts(), self.ids());
        let [days, events, live, ended] = &counts;
        let [shards, last_events, last_attempts] = &ids;
        let values: [Value<'_>; 10] = [
            days,
            events,
            live,
            ended,
            shards,
            last_events,
            last_attempts,
            &right.node,
            &right.session,
            &right.commits,
        ];
        // At once, one round trip: neither needs what the other one did.
        let ((), touched) =
            tokio::try_join!(biased; nudge::put(&self.link, &elsewhere, &others), self.link.execute(PROVE, &values))?;
        if touched == 1 {
            Ok(Told { fresh, notices, days: self.days, last: self.last, lost: self.lost })
        } else {
            Err(deposed(&self.link).await)
        }
    }

    /// Days, and what comes to them: events, live and ended deliveries.
    fn counts(&self) -> [Vec<i64>; 4] {
        let mut columns: [Vec<i64>; 4] = Default::default();
        for (day, [events, live, ended]) in self.changes.iter().filter(|(_, change)| **change != [0; 3]) {
            for (column, value) in columns.iter_mut().zip([day.0, *events, *live, *ended]) {
                column.push(value);
            }
        }
        columns
    }

    /// Shards that gave ids, and the last ones.
    fn ids(&self) -> [Vec<i64>; 3] {
        let mut columns: [Vec<i64>; 3] = Default::default();
        for (shard, locked) in self.locked.iter().filter(|(_, locked)| locked.gave_ids) {
            let values = [shard.number().into(), integer(locked.last_event), integer(locked.last_attempt)];
            columns.iter_mut().zip(values).for_each(|(column, value)| column.push(value));
        }
        columns
    }
}

/// What is told and known once a turn stands.
#[derive(Default)]
pub(super) struct Told {
    pub(super) fresh: Vec<Fresh>,
    pub(super) notices: Vec<Notice>,
    pub(super) days: Arc<BTreeSet<Day>>,
    pub(super) last: LastTicks,
    pub(super) lost: Vec<(Shard, i64)>,
}
