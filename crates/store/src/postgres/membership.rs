//! Being one of several nodes: saying that this one is alive, taking its share of the shards and giving back what is
//! another's, and hearing of work that other nodes accepted for it.

use std::sync::Arc;
use std::time::Duration;

use ringup_core::shard::{Moves, Seen, Shard, moves};
use ringup_core::time::Tick;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until};

use super::fault::{Fault, Outcome};
use super::lease::{self, Owner};
use super::link::Link;
use super::nudge::{self, Nudge};
use super::shared::{Life, Shared};
use super::turn::Right;
use super::writer::BY_KEYS;

/// Between looks at who is alive and who has what.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Between looks for work from other nodes: at least so long after one that brought some, at most after many that did not.
const HEAR_MIN: Duration = Duration::from_millis(10);
const HEAR_MAX: Duration = Duration::from_millis(100);

/// How long what is under way may hold up a shard that is another node's. Its outcome is not written after that.
const PARTING_MAX: Duration = Duration::from_secs(35);

/// Between tries to get a connection.
const REST: Duration = Duration::from_millis(100);

pub(super) struct Membership {
    shared: Arc<Shared>,
    right: Right,
    link: Option<Link>,
    alone: bool,
    /// The last attempt that other nodes logged, as far as was seen.
    others_at: Tick,
    parting: Option<Parting>,
    /// Words of other nodes may have been lost.
    deaf: bool,
}

/// Shards that are given back as soon as nothing of them is under way.
struct Parting {
    shards: Vec<Shard>,
    done: oneshot::Receiver<()>,
    deadline: Instant,
}

impl Membership {
    pub(super) fn new(shared: Arc<Shared>, right: Right, link: Link) -> Membership {
        Membership {
            shared,
            right,
            link: Some(link),
            alone: true,
            others_at: Tick::default(),
            parting: None,
            deaf: false,
        }
    }

    /// The first look, which takes what is free.
    pub(super) async fn begin(&mut self) -> Outcome<()> {
        let Some(link) = self.link.take() else { return Ok(()) };
        link.batch(BY_KEYS).await?;
        let looked = self.look(&link).await;
        self.link = Some(link);
        looked
    }

    /// Until the store is closed.
    pub(super) async fn run(mut self) {
        let (mut look_at, mut pause) = (Instant::now() + LOOK_EVERY, HEAR_MAX);
        let mut life = self.shared.life();
        loop {
            if !matches!(*life.borrow(), Life::Open) {
                return;
            }
            let (until, holds) = (self.shared.holding.safe_until(), self.shared.holding.has_some());
            let turn = tokio::select! {
                turn = self.turn(&mut look_at, &mut pause) => Some(turn),
                () = sleep_until(until), if holds => None,
                _ = life.changed() => continue,
            };
            match turn {
                Some(Ok(())) => {}
                Some(Err(Fault::Deposed(why))) => {
                    tracing::error!("{why}");
                    self.shared.becomes(Life::Over(why));
                    return;
                }
                // The writer says it, with more to say.
                Some(Err(fault)) => {
                    tracing::debug!(%fault, "the database could not be asked who does what");
                    (self.link, self.deaf) = (None, true);
                    sleep(REST).await;
                }
                None => {
                    (self.link, self.deaf, self.parting) = (None, true, None);
                    if self.shared.holding.lose_all() {
                        tracing::warn!("the database did not hear of this node for its lease: it begins no deliveries");
                        self.moved(None);
                    }
                }
            }
        }
    }

    /// One look at the nodes, or one at what they left for us.
    async fn turn(&mut self, look_at: &mut Instant, pause: &mut Duration) -> Outcome<()> {
        let link = match self.link.take() {
            Some(link) => link,
            None => {
                *look_at = Instant::now();
                let link = Link::connect(&self.shared.plan, self.shared.plan.time_limit).await?;
                link.batch(BY_KEYS).await?;
                link
            }
        };
        let hear_at = Instant::now() + if self.alone { LOOK_EVERY } else { *pause };
        sleep_until(hear_at.min(*look_at)).await;
        if Instant::now() >= *look_at {
            *look_at = Instant::now() + LOOK_EVERY;
            self.look(&link).await?;
        }
        let heard = self.hear(&link).await?;
        *pause = if heard { HEAR_MIN } else { (*pause * 2).min(HEAR_MAX) };
        self.link = Some(link);
        Ok(())
    }

    async fn look(&mut self, link: &Link) -> Outcome<()> {
        let shared = self.shared.clone();
        let (plan, holding) = (&shared.plan, &shared.holding);
        let asked = Instant::now();
        lease::renew(link, plan, &self.right).await?;
        let (live, mut peers) = lease::live(link).await?;
        let owners = lease::owners(link).await?;
        let me = &self.right.node;
        let mut has_changed = std::mem::take(&mut self.deaf);
        let mut seen = Vec::with_capacity(owners.len());
        let mut others_at = Tick::default();
        for (shard, Owner { node: owner, epoch, last_attempt }) in Shard::all().zip(owners) {
            let is_held = owner.as_ref() == Some(me) && holding.epoch(shard) == Some(epoch);
            if !is_held {
                others_at = others_at.max(last_attempt);
            }
            if !is_held && holding.lose(shard) {
                tracing::warn!(shard = shard.number(), "another node has taken over what this one did");
                has_changed = true;
            }
            seen.push(Seen { owner, is_held });
        }
        // Not before it is known what is still ours: a node that was stopped may have been renewed after others took it.
        has_changed |= holding.trust(asked + plan.lease);
        self.alone = live.len() <= 1;
        // Giving back began, and then the nodes changed or the database was away: it is not going on.
        let going = self.parting.as_ref().map_or(&[][..], |parting| &parting.shards);
        for shard in Shard::all().filter(|shard| !holding.owns(*shard) && !going.contains(shard)) {
            if seen.get(shard.index()).is_some_and(|seen| seen.is_held) {
                holding.resume(shard);
                has_changed = true;
            }
        }
        peers.retain(|peer| peer.node != *me);
        let owners: Vec<Option<&str>> = seen.iter().map(|seen| seen.owner.as_deref()).collect();
        shared.peers.learn(&peers, &owners);
        let Moves { claim, part, release } = moves(me, &live, &seen);
        if !release.is_empty() {
            lease::release(link, me, &release).await?;
        }
        if !claim.is_empty() {
            let claimed = lease::claim(link, &self.right, &claim).await?;
            claimed.iter().for_each(|(shard, epoch)| holding.take(*shard, *epoch));
            if !claimed.is_empty() {
                tracing::info!(taken = claimed.len(), nodes = live.len(), "this node does the work of more accounts");
                has_changed = true;
            }
        }
        self.part(link, part).await?;
        if has_changed {
            self.moved(None);
        }
        if others_at > self.others_at
            && let Some(listener) = self.shared.listener()
        {
            listener.grown();
        }
        self.others_at = others_at;
        Ok(())
    }

    /// Goes on giving back: begins nothing more of these shards, and lets go of them once nothing is under way.
    async fn part(&mut self, link: &Link, part: Vec<Shard>) -> Outcome<()> {
        if let Some(parting) = &mut self.parting {
            if matches!(parting.done.try_recv(), Err(oneshot::error::TryRecvError::Empty))
                && Instant::now() < parting.deadline
            {
                return Ok(());
            }
            let shards = std::mem::take(&mut parting.shards);
            self.parting = None;
            lease::release(link, &self.right.node, &shards).await?;
            for shard in &shards {
                self.shared.holding.lose(*shard);
            }
            tracing::info!(given_back = shards.len(), "this node gave accounts to another one");
            return Ok(());
        }
        if !part.is_empty() {
            part.iter().for_each(|shard| self.shared.holding.part(*shard));
            let (parted, done) = oneshot::channel();
            self.moved(Some(parted));
            self.parting = Some(Parting { shards: part, done, deadline: Instant::now() + PARTING_MAX });
        }
        Ok(())
    }

    fn moved(&self, parted: Option<oneshot::Sender<()>>) {
        if let Some(listener) = self.shared.listener() {
            listener.moved(parted);
        }
    }

    /// Answers whether there may be more.
    async fn hear(&self, link: &Link) -> Outcome<bool> {
        let shards = self.shared.holding.owned_numbers();
        if shards.is_empty() {
            return Ok(false);
        }
        if let Some(listener) = self.shared.listener() {
            listener.looking();
        }
        let nudges = nudge::take(link, &shards).await?;
        let Some(listener) = self.shared.listener() else { return Ok(false) };
        let heard = nudges.iter().any(|nudge| !matches!(nudge, Nudge::Fresh(found) if found.is_empty()));
        for nudge in nudges {
            match nudge {
                Nudge::Fresh(found) => listener.found(found),
                Nudge::Work(endpoint, oldest) => listener.recalled(endpoint, oldest),
                Nudge::Later(at) => listener.put_off(at),
                Nudge::Resent(loaded) => listener.resent(loaded),
                Nudge::Discarded(key) => listener.discarded(vec![key]),
            }
        }
        Ok(heard)
    }
}
