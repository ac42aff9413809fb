//! Five nodes share the shards of one database: they sleep past their lease, die, come back, are cut off, and look at
//! facts that are old by the time they act on them. Each statement is one step of a model of the database, with its
//! row locks; what a node decides is what the product decides. Two owners never act on one shard in the same epoch, and
//! no request goes out of a shard that another node has by then, however long its node slept after it had decided.

use std::collections::{BTreeMap, BTreeSet};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use ringup_core::shard::{Moves, SHARDS, Seen, Shard, moves};

const NODES: usize = 5;
const SEEDS: u64 = 1_000;
/// Steps with trouble, and then without.
const WILD: u64 = 3_000;
const CALM: u64 = 3_000;
/// A step is a hundredth of a second or so; the lease is eight seconds.
const LEASE: u64 = 800;

#[derive(Default)]
struct Row {
    node: Option<String>,
    epoch: u64,
    /// Who writes to it in a transaction that has not ended: node and session.
    locked_by: Option<(usize, u64)>,
}

#[derive(Default)]
struct Database {
    now: u64,
    /// Session, and until when it is heard of.
    nodes: BTreeMap<String, (u64, u64)>,
    shards: Vec<Row>,
    /// Who acted on a shard in an epoch.
    acts: BTreeMap<(Shard, u64), (usize, u64)>,
}

/// What a node does next. Between two steps anything may happen to it.
#[derive(Clone)]
enum Next {
    Renew,
    ReadNodes(u64),
    /// And until when nobody else takes what is then found to be its own.
    ReadShards(BTreeSet<String>, u64),
    Claim(Vec<Shard>, Vec<Shard>),
    Part(Vec<Shard>),
}

struct Node {
    name: String,
    session: u64,
    alive: bool,
    sleeps_until: u64,
    cut_off_until: u64,
    safe_until: u64,
    /// Epochs under which it has shards; none of what it does not have.
    held: BTreeMap<Shard, u64>,
    next: Next,
    /// A transaction: the shard, and whether it was found to be its own under the lock.
    writing: Option<(Shard, bool, u64)>,
    /// A request that was decided under this epoch, and has not gone out.
    sending: Option<(Shard, u64)>,
}

struct World {
    dice: ChaCha8Rng,
    database: Database,
    nodes: Vec<Node>,
    sent: usize,
    fenced_off: usize,
}

impl World {
    fn new(seed: u64) -> World {
        let node = |number: usize| Node {
            name: format!("{number:016x}"),
            session: 0,
            alive: false,
            sleeps_until: 0,
            cut_off_until: 0,
            safe_until: 0,
            held: BTreeMap::new(),
            next: Next::Renew,
            writing: None,
            sending: None,
        };
        let shards = (0..SHARDS).map(|_| Row::default()).collect();
        World {
            dice: ChaCha8Rng::seed_from_u64(seed),
            database: Database { shards, ..Database::default() },
            nodes: (0..NODES).map(node).collect(),
            sent: 0,
            fenced_off: 0,
        }
    }

    fn one_in(&mut self, many: u64) -> bool {
        self.dice.next_u64().is_multiple_of(many)
    }

    fn up_to(&mut self, most: u64) -> u64 {
        self.dice.next_u64() % most
    }

    fn trouble(&mut self, at: usize) {
        let now = self.database.now;
        if self.one_in(900) {
            self.end(at);
        }
        if self.one_in(700) {
            self.nodes[at].sleeps_until = now + self.up_to(3 * LEASE);
        }
        if self.one_in(700) {
            self.nodes[at].cut_off_until = now + self.up_to(3 * LEASE);
        }
    }

    /// As `kill -9`: the database takes its transaction back.
    fn end(&mut self, at: usize) {
        self.unlock(at);
        let node = &mut self.nodes[at];
        (node.alive, node.writing, node.sending) = (false, None, None);
        node.held.clear();
    }

    fn unlock(&mut self, at: usize) {
        let me = Some((at, self.nodes[at].session));
        self.database.shards.iter_mut().filter(|row| row.locked_by == me).for_each(|row| row.locked_by = None);
    }

    fn step(&mut self, at: usize) {
        let now = self.database.now;
        if !self.nodes[at].alive {
            // Registered anew, maybe long before anybody noticed that it was gone.
            let node = &mut self.nodes[at];
            let entry = self.database.nodes.entry(node.name.clone()).or_default();
            *entry = (entry.0 + 1, now + LEASE);
            (node.alive, node.session, node.next, node.safe_until) = (true, entry.0, Next::Renew, now);
            return;
        }
        // A clock of its own ends what it does, whatever the database says. One that has just woken up may not look first.
        if self.nodes[at].safe_until <= now && !self.one_in(3) {
            self.nodes[at].held.clear();
        }
        self.send(at);
        if self.nodes[at].cut_off_until > now {
            // Its connection is gone, and with it what was under way.
            self.unlock(at);
            (self.nodes[at].writing, self.nodes[at].next) = (None, Next::Renew);
            return;
        }
        if self.one_in(2) { self.write(at) } else { self.look(at) }
    }

    fn any_shard(&mut self) -> Shard {
        Shard::all().nth(self.dice.next_u64() as usize % usize::from(SHARDS)).expect("there are so many")
    }

    /// Decides in one step and sends in another, with a look at what is held and at the clock right before.
    fn send(&mut self, at: usize) {
        let shard = self.any_shard();
        let now = self.database.now;
        let node = &mut self.nodes[at];
        let may = |shard: Shard| node.held.get(&shard).copied().filter(|_| now < node.safe_until);
        match node.sending.take() {
            None => node.sending = may(shard).map(|epoch| (shard, epoch)),
            Some((shard, epoch)) if may(shard) == Some(epoch) => {
                let row = &self.database.shards[shard.index()];
                assert_eq!(row.epoch, epoch, "a request of {shard:?} goes out that another node may have sent");
                self.sent += 1;
            }
            Some(_) => self.fenced_off += 1,
        }
    }

    fn write(&mut self, at: usize) {
        let shard = self.any_shard();
        let node = &mut self.nodes[at];
        let me = (at, node.session);
        match node.writing.take() {
            None if node.held.contains_key(&shard) => {
                let row = &mut self.database.shards[shard.index()];
                if row.locked_by.is_none() {
                    row.locked_by = Some(me);
                    let is_mine = row.node.as_ref() == Some(&node.name) && node.held.get(&shard) == Some(&row.epoch);
                    node.writing = Some((shard, is_mine, row.epoch));
                }
            }
            None => {}
            Some((shard, is_mine, epoch)) => {
                let row = &mut self.database.shards[shard.index()];
                assert_eq!(row.locked_by, Some(me), "nobody writes to a row that another one locks");
                assert_eq!(row.epoch, epoch, "an epoch does not change under a lock");
                row.locked_by = None;
                if is_mine {
                    let first = self.database.acts.entry((shard, epoch)).or_insert(me);
                    assert_eq!(*first, me, "two owners acted on {shard:?} in epoch {epoch}");
                } else {
                    node.held.remove(&shard);
                }
            }
        }
    }

    fn look(&mut self, at: usize) {
        let database = &mut self.database;
        let (node, now) = (&mut self.nodes[at], database.now);
        let is_heard =
            |database: &Database, name: &str| database.nodes.get(name).is_some_and(|(_, until)| *until > now);
        node.next = match node.next.clone() {
            Next::Renew => {
                let entry = database.nodes.entry(node.name.clone()).or_default();
                assert_eq!(entry.0, node.session, "nobody else goes by this name");
                entry.1 = now + LEASE;
                Next::ReadNodes(now + LEASE)
            }
            Next::ReadNodes(safe_until) => {
                let live = database.nodes.iter().filter(|(_, (_, until))| *until > now);
                Next::ReadShards(live.map(|(name, _)| name.clone()).collect(), safe_until)
            }
            Next::ReadShards(live, safe_until) => {
                let mut seen = Vec::new();
                for (shard, row) in Shard::all().zip(&database.shards) {
                    let is_held = row.node.as_ref() == Some(&node.name) && node.held.get(&shard) == Some(&row.epoch);
                    if !is_held {
                        node.held.remove(&shard);
                    }
                    seen.push(Seen { owner: row.node.clone(), is_held });
                }
                // Before it is known what is still its own, the clock must not say that it is.
                node.safe_until = safe_until;
                let Moves { claim, part, release } = moves(&node.name, &live, &seen);
                Next::Claim(claim, [part, release].concat())
            }
            Next::Claim(claim, part) => {
                // A statement waits for locks; here it comes back to what is locked with its next look.
                for shard in claim {
                    let row = &database.shards[shard.index()];
                    let is_free =
                        row.node.as_ref().is_none_or(|owner| *owner == node.name || !is_heard(database, owner));
                    if row.locked_by.is_none() && is_free && is_heard(database, &node.name) {
                        let row = &mut database.shards[shard.index()];
                        (row.node, row.epoch) = (Some(node.name.clone()), row.epoch + 1);
                        node.held.insert(shard, row.epoch);
                    }
                }
                Next::Part(part)
            }
            Next::Part(part) => {
                for shard in part {
                    let row = &mut database.shards[shard.index()];
                    if row.locked_by.is_none() && row.node.as_ref() == Some(&node.name) {
                        row.node = None;
                        node.held.remove(&shard);
                    }
                }
                Next::Renew
            }
        };
    }
}

/// How many shards and epochs somebody acted in, how many requests went out, and how many were kept back.
fn run(seed: u64) -> [usize; 3] {
    let mut world = World::new(seed);
    for step in 0..WILD + CALM {
        world.database.now += world.up_to(3);
        let at = world.up_to(NODES as u64) as usize;
        if step < WILD {
            world.trouble(at);
        } else if step == WILD {
            for node in &mut world.nodes {
                (node.sleeps_until, node.cut_off_until) = (0, 0);
            }
        }
        if world.nodes[at].sleeps_until <= world.database.now {
            world.step(at);
        }
    }
    let live: BTreeSet<String> = world.nodes.iter().map(|node| node.name.clone()).collect();
    for shard in Shard::all() {
        let row = &world.database.shards[shard.index()];
        assert_eq!(row.node.as_deref(), shard.home(&live), "seed {seed}: {shard:?} came home");
    }
    [world.database.acts.len(), world.sent, world.fenced_off]
}

#[test]
fn two_owners_never_act_on_one_shard_in_the_same_epoch() {
    let mut sums = [0; 3];
    for seed in 0..SEEDS {
        for (sum, more) in sums.iter_mut().zip(run(seed)) {
            *sum += more;
        }
    }
    // Nodes that never act would break no promise.
    let [acts, sent, fenced_off] = sums;
    assert!(acts > 64 * SEEDS as usize, "{acts} shards and epochs in which somebody acted");
    assert!(sent > 100 * SEEDS as usize, "{sent} requests");
    assert!(fenced_off > SEEDS as usize / 2, "{fenced_off} requests kept back");
}
