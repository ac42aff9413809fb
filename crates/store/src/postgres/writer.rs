//! The one task that writes history: takes what waits, commits it as one group, and says so.
//!
//! When the connection is lost in the middle of a commit, nobody knows whether it stands. The number of the commit, which
//! is in it, tells after the next connection: so nothing is written twice and nothing that stands is left untold.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ringup_core::delivery::DeliveryKey;
use ringup_core::shard::Shard;
use ringup_core::time::Day;
use tokio::time::Instant;

use super::accept::Known;
use super::fault::{Fault, Outcome};
use super::inbox::Item;
use super::lease;
use super::link::Link;
use super::put::{self, Rows};
use super::settle::Settling;
use super::shared::{Life, Shared};
use super::turn::{self, LastTicks, Right, Told, Turn};
use super::upgrade::deposed;
use crate::seam::{Acceptance, NewEvent, Settlement, StoreError};

/// Between tries to get a connection, at first and at most.
const REST_MIN: Duration = Duration::from_millis(50);
const REST_MAX: Duration = Duration::from_secs(1);

/// How often in a row a group may be lost before those who wait are told.
const LOSSES_MAX: u32 = 2;

/// Every statement of the writer goes by keys. A plan by hash or by sequence would read whole tables, and the planner
/// takes one when its figures of a table that fills and empties all day are old. Plans are made once.
pub(super) const BY_KEYS: &str = "SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_seqscan = off;
                       SET plan_cache_mode = force_generic_plan";

pub(super) struct Writer {
    shared: Arc<Shared>,
    link: Option<Arc<Link>>,
    right: Right,
    days: Arc<BTreeSet<Day>>,
    last: LastTicks,
    /// Its commit was sent, and no answer came.
    doubt: Option<Group>,
    losses: u32,
    rest: Duration,
    /// Told once for each time.
    is_down: bool,
}

/// What was taken together, and what it came to.
#[derive(Default)]
struct Group {
    items: Vec<Item>,
    /// For each `Accept`, in their order.
    acceptances: Vec<Vec<Acceptance>>,
    told: Told,
    /// Settlements of deliveries that are another node's by now: they are left out.
    refused: Vec<DeliveryKey>,
}

/// A writer's connection.
pub(super) async fn connect(shared: &Shared) -> Outcome<Link> {
    let link = Link::connect(&shared.plan, shared.plan.time_limit).await?;
    link.batch(BY_KEYS).await?;
    // Made ready before the first turn, so that nothing that is sent after it overtakes it.
    link.statement(turn::LOCK).await?;
    // The types of its rows are asked for one by one.
    link.statement(put::PUT).await?;
    Ok(link)
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, link: Link, right: Right, days: BTreeSet<Day>, last: LastTicks) -> Writer {
        Writer {
            shared,
            link: Some(Arc::new(link)),
            right,
            days: Arc::new(days),
            last,
            doubt: None,
            losses: 0,
            rest: REST_MIN,
            is_down: false,
        }
    }

    /// Until the store is closed, or another node has taken over.
    pub(super) async fn run(mut self) {
        let shared = self.shared.clone();
        let mut took = Duration::ZERO;
        loop {
            if self.link.is_none() && !self.reconnect().await {
                break;
            }
            let Some(items) = shared.inbox.next(took).await else { break };
            let began = Instant::now();
            self.group(items).await;
            took = began.elapsed();
            if matches!(*shared.life().borrow(), Life::Over(_)) {
                break;
            }
        }
        self.end().await;
    }

    async fn group(&mut self, items: Vec<Item>) {
        let Some(link) = self.link.clone() else {
            self.shared.inbox.give_back(items);
            return;
        };
        let mut group = Group { items, ..Group::default() };
        let played = self.play(&link, &mut group).await;
        let fault = match played {
            Ok(()) => match link.batch("COMMIT").await {
                Ok(()) => return self.stands(group),
                Err(fault @ Fault::Lost(_)) => {
                    tracing::warn!(%fault, "a commit was not answered; whether it stands is looked up");
                    self.link = None;
                    self.doubt = Some(group);
                    return;
                }
                Err(fault) => fault,
            },
            Err(fault) => fault,
        };
        if link.is_lost() || link.batch("ROLLBACK").await.is_err() {
            self.link = None;
        }
        self.failed(group.items, fault).await;
    }

    /// All of a group's statements, and the proof that this node may write.
    async fn play(&mut self, link: &Arc<Link>, group: &mut Group) -> Outcome<()> {
        let Group { items, acceptances, refused, .. } = group;
        let begin = |shards| Turn::begin(link.clone(), self.shared.clone(), self.days.clone(), self.last, shards);
        let turn = if let [Item::Errand(errand)] = items.as_mut_slice() {
            let mut turn = begin(BTreeSet::new()).await?;
            errand.run(&mut turn).await?;
            turn
        } else {
            let shards = items.iter().flat_map(Item::shards).collect();
            let publishes: Vec<&[NewEvent]> = items.iter().filter_map(Item::publish).collect();
            let settlements: Vec<&Settlement> = items.iter().filter_map(Item::settlement).collect();
            let told = settlements.iter().filter_map(|settlement| settlement.then.as_deref());
            let named = publishes.iter().copied().flatten().chain(told).collect();
            let window = self.shared.plan.idempotency_window;
            // Sent in this order and answered in one round trip: what is known is read once the shards are locked.
            let (mut turn, known) = tokio::try_join!(biased; begin(shards), Known::load(link, window, named))?;
            *acceptances = play_all(&mut turn, known, &publishes, &settlements, refused).await?;
            turn
        };
        group.told = turn.prove(&self.right).await?;
        Ok(())
    }

    fn stands(&mut self, group: Group) {
        let Group { items, acceptances, told, refused } = group;
        self.right.commits += 1;
        (self.days, self.last) = (told.days, told.last);
        (self.losses, self.rest) = (0, REST_MIN);
        let listener = self.shared.listener();
        let mut acceptances = acceptances.into_iter();
        let mut settled: Vec<DeliveryKey> = Vec::new();
        for item in items {
            match item {
                Item::Accept { reply, .. } => {
                    // Whoever does not wait any more was told to come back, and is told of this event then.
                    let _ = reply.send(Ok(acceptances.next().unwrap_or_default()));
                }
                Item::Settle(settlement) => settled.push(settlement.key),
                Item::Errand(errand) => errand.stands(),
            }
        }
        let lost = told.lost.iter().filter(|(shard, epoch)| self.shared.holding.lose_under(*shard, *epoch)).count();
        let Some(listener) = listener else { return };
        if lost > 0 {
            tracing::warn!(lost, "another node has taken over accounts of this one");
            listener.moved(None);
        }
        if !told.fresh.is_empty() {
            listener.accepted(told.fresh);
        }
        told.notices.into_iter().for_each(|notice| notice.give(&listener));
        if !refused.is_empty() {
            tracing::warn!(
                refused = refused.len(),
                "what came of some deliveries is not written: they are another node's by now, which makes them again"
            );
            settled.retain(|key| !refused.contains(key));
            listener.refused(refused);
        }
        if !settled.is_empty() {
            listener.settled(settled);
        }
    }

    /// Nothing of the group stands.
    async fn failed(&mut self, items: Vec<Item>, fault: Fault) {
        let error = StoreError::from(fault.clone());
        match fault {
            Fault::Lost(_) => {
                self.losses += 1;
                let again = self.losses < LOSSES_MAX;
                if self.losses == LOSSES_MAX {
                    tracing::error!(%fault, "the store could not commit, and keeps trying");
                }
                let mut kept = Vec::new();
                for item in items {
                    match item {
                        Item::Settle(_) => kept.push(item),
                        Item::Accept { .. } if again => kept.push(item),
                        other => other.failed(&error),
                    }
                }
                self.shared.inbox.give_back(kept);
                if !again {
                    tokio::time::sleep(self.rest).await;
                    self.rest = (self.rest * 2).min(REST_MAX);
                }
            }
            Fault::Deposed(why) => self.over(&why, items),
            // A fault of one item's own must not keep the others out.
            Fault::Other(_) | Fault::Taken(_) | Fault::Damaged(_) | Fault::Refused(_) if items.len() > 1 => {
                for item in items {
                    Box::pin(self.group(vec![item])).await;
                }
            }
            Fault::Other(_) | Fault::Taken(_) | Fault::Damaged(_) | Fault::Refused(_) => {
                for item in items {
                    let Item::Settle(settlement) = item else {
                        item.failed(&error);
                        continue;
                    };
                    tracing::error!(key = ?settlement.key, %error, "a settlement cannot be stored and is dropped");
                    if let Some(listener) = self.shared.listener() {
                        listener.settled(vec![settlement.key]);
                    }
                }
            }
        }
    }

    /// A new connection and, if need be, what became of the last commit. `false`: there is nothing to go on with.
    async fn reconnect(&mut self) -> bool {
        loop {
            match self.try_connect().await {
                Ok(()) => {
                    if self.is_down {
                        tracing::info!("the database answers again");
                        self.is_down = false;
                    }
                    self.shared.inbox.is_up();
                    return true;
                }
                Err(Fault::Deposed(why)) => {
                    let doubt = self.doubt.take().map(|group| group.items).unwrap_or_default();
                    self.over(&why, doubt);
                    return false;
                }
                Err(fault) => {
                    if !self.is_down {
                        tracing::error!(%fault, "the store cannot be written to, and keeps trying");
                        self.is_down = true;
                    }
                    self.shared.pool.clear();
                    self.shared.inbox.is_down(&Arc::from(fault.to_string()));
                    if self.shared.inbox.is_ending() {
                        return false;
                    }
                    tokio::time::sleep(self.rest).await;
                    self.rest = (self.rest * 2).min(REST_MAX);
                }
            }
        }
    }

    async fn try_connect(&mut self) -> Outcome<()> {
        let link = connect(&self.shared).await?;
        let Some(commits) = lease::commits(&link, &self.right).await? else { return Err(deposed(&link).await) };
        self.link = Some(Arc::new(link));
        if let Some(group) = self.doubt.take() {
            if commits > self.right.commits {
                self.stands(group);
            } else {
                let again = |item: &Item| matches!(item, Item::Settle(_));
                let (settlements, others): (Vec<Item>, Vec<Item>) = group.items.into_iter().partition(again);
                self.shared.inbox.give_back(settlements);
                let error = super::shared::unavailable("the connection to the database was lost");
                others.into_iter().for_each(|item| item.failed(&error));
            }
        }
        Ok(())
    }

    fn over(&mut self, why: &Arc<str>, items: Vec<Item>) {
        tracing::error!("{why}");
        self.shared.becomes(Life::Over(why.clone()));
        let error = StoreError::Unavailable(why.clone());
        items.into_iter().for_each(|item| item.failed(&error));
        self.shared.inbox.abandon(&error);
    }

    async fn end(&mut self) {
        let dropped = self.shared.inbox.abandon(&super::shared::unavailable("it is closed"));
        if dropped > 0 {
            tracing::warn!(dropped, "settlements could not be stored before the end; their deliveries are done again");
        }
        if let Some(link) = &self.link
            && let Err(fault) = lease::leave(link, &self.right).await
        {
            tracing::warn!(%fault, "the work could not be given back; other nodes have to wait until the lease is over");
        }
        self.shared.pool.clear();
        self.shared.becomes(Life::Closed);
    }
}

/// All events and all settlements, each in their order.
async fn play_all<'i>(
    turn: &mut Turn,
    mut known: Known<'i>,
    publishes: &[&'i [NewEvent]],
    settlements: &[&'i Settlement],
    refused: &mut Vec<DeliveryKey>,
) -> Outcome<Vec<Vec<Acceptance>>> {
    let mut rows = Rows::default();
    let mut acceptances = Vec::with_capacity(publishes.len());
    for events in publishes {
        acceptances.push(rows.accept(turn, &mut known, events).await?);
    }
    let mut settling = Settling::default();
    for settlement in settlements {
        if !turn.is_mine(settlement.event.account) {
            refused.push(settlement.key);
            continue;
        }
        if let Some(told) = &settlement.then {
            rows.accept(turn, &mut known, std::slice::from_ref(&**told)).await?;
        }
        settling.add(turn, &mut rows, settlement).await?;
    }
    settling.put(&mut rows);
    let over = rows.put(&turn.link).await?;
    settling.finish(turn, over).await?;
    Ok(acceptances)
}

impl Item {
    fn publish(&self) -> Option<&[NewEvent]> {
        match self {
            Item::Accept { events, .. } => Some(events),
            Item::Settle(_) | Item::Errand(_) => None,
        }
    }

    /// Whose rows it changes. An errand says so itself.
    fn shards(&self) -> Vec<Shard> {
        let events = self.publish().unwrap_or_default().iter();
        let told = self.settlement().into_iter().flat_map(|settlement| {
            let then = settlement.then.as_deref().map(|then| then.account);
            [Some(settlement.event.account), then].into_iter().flatten()
        });
        events.map(|event| event.account).chain(told).map(Shard::of).collect()
    }

    fn settlement(&self) -> Option<&Settlement> {
        match self {
            Item::Settle(settlement) => Some(settlement),
            Item::Accept { .. } | Item::Errand(_) => None,
        }
    }
}
