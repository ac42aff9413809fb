//! Who does the work: the nodes, and which of them has which part of the accounts.

use std::collections::BTreeSet;
use std::time::Duration;

use ringup_core::scope::Scope;
use ringup_core::shard::SHARDS;
use ringup_core::time::Timestamp;
use ringup_store::node::{Node, Nodes as Found, Owned};

use super::SystemFacts;
use crate::app::App;
use crate::error::AppError;
use crate::principal::Principal;

/// A node that is well says twice a second that it is there.
const QUIET_AFTER: Duration = Duration::from_secs(3);

#[derive(Clone, Debug)]
pub struct Nodes {
    pub at: Timestamp,
    /// Several may share the work. Else this process has all of it, on files of its own, and there are no shards.
    pub is_shared: bool,
    /// How long the work of a node that is not heard of stays with it; zero where there is nobody to take it.
    pub lease: Duration,
    /// In the order of their names.
    pub nodes: Vec<NodeLine>,
    /// All of them, in their order.
    pub shards: Vec<ShardLine>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeLine {
    /// `None` where there is only this one.
    pub name: Option<String>,
    /// It is the one that answers.
    pub is_this: bool,
    pub state: NodeState,
    /// When it was last heard of. Of one that was stopped in order as much too early as its lease, at most.
    pub heard_at: Timestamp,
    pub version: String,
    /// The newest version of the schema that its program knows, where there is a database.
    pub schema: Option<u32>,
    pub started_at: Timestamp,
    /// How many of all shards are its own. Of one that is gone: that wait for another one.
    pub shards: usize,
    /// Transactions that it has written history with, where they are counted.
    pub commits: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeState {
    Heard,
    /// Not heard of for longer than is usual; its lease is not over yet.
    Quiet,
    /// Stopped or dead: its lease is over, and others take what it had.
    Gone,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShardLine {
    /// From zero.
    pub number: usize,
    /// To which of `nodes` it was given, by its place there; `None`: to nobody now.
    pub node: Option<usize>,
    /// Its node is not gone. Else what is due for its accounts waits until another one takes it.
    pub is_served: bool,
    /// It is on its way to another node that is alive, which is the one it belongs to.
    pub is_moving: bool,
    /// How often it changed hands.
    pub epoch: u64,
}

impl App {
    pub async fn nodes(&self, principal: &Principal) -> Result<Nodes, AppError> {
        principal.operator(Scope::Read)?;
        let (now, facts) = (self.now(), self.house.as_ref().map(|house| &house.facts));
        Ok(match self.store().nodes().await? {
            Some(found) => Nodes::of(found, now),
            None => Nodes::single(facts, now),
        })
    }
}

impl Nodes {
    fn of(found: Found, now: Timestamp) -> Nodes {
        let live: BTreeSet<String> =
            found.nodes.iter().filter(|node| node.is_alive).map(|node| node.name.clone()).collect();
        let shards: Vec<ShardLine> = found.shards.iter().map(|owned| line(owned, &found.nodes, &live)).collect();
        let nodes = found.nodes.into_iter().enumerate().map(|(place, node)| NodeLine {
            is_this: node.name == found.me,
            state: match node.is_alive {
                true if node.unheard < QUIET_AFTER => NodeState::Heard,
                true => NodeState::Quiet,
                false => NodeState::Gone,
            },
            heard_at: now.saturating_sub(node.unheard),
            started_at: now.saturating_sub(node.up),
            shards: shards.iter().filter(|shard| shard.node == Some(place)).count(),
            name: Some(node.name),
            version: node.version,
            schema: Some(node.schema),
            commits: Some(node.commits),
        });
        Nodes { at: now, is_shared: true, lease: found.lease, nodes: nodes.collect(), shards }
    }

    fn single(facts: Option<&SystemFacts>, now: Timestamp) -> Nodes {
        let facts = facts.cloned().unwrap_or_default();
        let node = NodeLine {
            name: None,
            is_this: true,
            state: NodeState::Heard,
            heard_at: now,
            version: facts.version,
            schema: None,
            started_at: facts.started_at,
            shards: SHARDS.into(),
            commits: None,
        };
        Nodes { at: now, is_shared: false, lease: Duration::ZERO, nodes: vec![node], shards: Vec::new() }
    }

    pub fn in_state(&self, state: NodeState) -> impl Iterator<Item = &NodeLine> {
        self.nodes.iter().filter(move |node| node.state == state)
    }

    /// Shards that no node has now: what is due for their accounts waits.
    pub fn waiting(&self) -> usize {
        self.shards.iter().filter(|shard| !shard.is_served).count()
    }

    /// Shards that are on their way from one node to another.
    pub fn moving(&self) -> usize {
        self.shards.iter().filter(|shard| shard.is_moving).count()
    }
}

fn line(owned: &Owned, nodes: &[Node], live: &BTreeSet<String>) -> ShardLine {
    let owner = owned.node.as_deref();
    let is_served = owner.is_some_and(|name| live.contains(name));
    ShardLine {
        number: owned.shard.index(),
        node: owner.and_then(|name| nodes.iter().position(|node| node.name == name)),
        is_served,
        is_moving: is_served && owned.shard.home(live) != owner,
        epoch: owned.epoch,
    }
}

impl NodeState {
    pub fn word(self) -> &'static str {
        match self {
            NodeState::Heard => "heard",
            NodeState::Quiet => "quiet",
            NodeState::Gone => "gone",
        }
    }
}

#[cfg(test)]
mod tests {
    use ringup_core::shard::Shard;

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_795_422_630);
    const LEASE: Duration = Duration::from_secs(8);

    fn node(name: &str, unheard: u64) -> Node {
        let unheard = Duration::from_secs(unheard);
        let (name, version, up) = (name.to_owned(), "1.0.0".to_owned(), Duration::from_hours(3));
        Node { name, is_alive: unheard < LEASE, unheard, up, version, schema: 4, commits: 7 }
    }

    /// Each shard is where it belongs among `live`, but for what `moved` says.
    fn nodes(nodes: Vec<Node>, live: &[&str], moved: impl Fn(usize) -> Option<Option<&'static str>>) -> Nodes {
        let live = live.iter().map(|name| (*name).to_owned()).collect();
        let owner = |shard: Shard| moved(shard.index()).unwrap_or_else(|| shard.home(&live)).map(str::to_owned);
        let shards = Shard::all().map(|shard| Owned { shard, node: owner(shard), epoch: 3 });
        Nodes::of(Found { me: "a".to_owned(), at: NOW, lease: LEASE, shards: shards.collect(), nodes }, NOW)
    }

    #[test]
    fn all_is_well_where_every_node_is_heard_of() {
        let told = nodes(vec![node("a", 0), node("b", 1)], &["a", "b"], |_| None);
        assert_eq!((told.waiting(), told.moving(), told.in_state(NodeState::Heard).count()), (0, 0, 2));
        assert_eq!(told.nodes.iter().map(|node| node.shards).sum::<usize>(), 64);
        assert!(told.nodes[0].is_this && !told.nodes[1].is_this);
        assert_eq!(told.nodes[1].heard_at, NOW.saturating_sub(Duration::from_secs(1)));
    }

    #[test]
    fn what_a_node_had_waits_once_its_lease_is_over_and_not_before() {
        let told = nodes(vec![node("a", 0), node("b", 7)], &["a", "b"], |_| None);
        assert_eq!((told.nodes[1].state, told.waiting()), (NodeState::Quiet, 0));
        let told = nodes(vec![node("a", 0), node("b", 12)], &["a", "b"], |_| None);
        assert_eq!((told.nodes[1].state, told.waiting()), (NodeState::Gone, told.nodes[1].shards));
        assert!(told.waiting() > 0 && told.shards.iter().any(|shard| shard.node == Some(1)));
        // Others have taken it.
        let told = nodes(vec![node("a", 0), node("b", 12)], &["a"], |_| None);
        assert_eq!((told.nodes[1].state, told.waiting(), told.nodes[1].shards), (NodeState::Gone, 0, 0));
    }

    #[test]
    fn what_is_on_its_way_is_told() {
        // Given back, and not taken yet.
        let told = nodes(vec![node("a", 0)], &["a"], |shard| (shard < 5).then_some(None));
        assert_eq!((told.waiting(), told.moving()), (5, 0));
        // A second node came, and the first one has everything still.
        let told = nodes(vec![node("a", 0), node("b", 0)], &["a"], |_| None);
        assert_eq!(told.waiting(), 0);
        assert!((1..64).contains(&told.moving()), "{}", told.moving());
    }

    #[test]
    fn a_process_on_files_has_all_of_it() {
        let told = Nodes::single(None, NOW);
        assert_eq!((told.is_shared, told.waiting(), told.nodes[0].shards), (false, 0, 64));
    }
}
