//! Who shares the work, and who has which part of it, as operators ask.

use std::time::Duration;

use ringup_core::shard::Shard;
use ringup_core::time::Timestamp;

/// The nodes of an installation, as they stand at one moment. Spans are by the clock of the database, which is the one
/// that leases are counted by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nodes {
    /// The name of the node that answers.
    pub me: String,
    /// The wall clock of the database.
    pub at: Timestamp,
    /// How long the work of a node that is not heard of stays with it.
    pub lease: Duration,
    /// By name. At most `NODES_LISTED_MAX`: those that have shards, then those heard of last.
    pub nodes: Vec<Node>,
    /// All of them, in their order.
    pub shards: Vec<Owned>,
}

/// More than any installation has. Nodes that are gone are listed for a day, so that there may be some.
pub(crate) const NODES_LISTED_MAX: usize = 256;

/// A process that shares the work, or did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    pub name: String,
    /// Its lease is not over: nobody else takes what it has.
    pub is_alive: bool,
    /// Since it was last heard of. Of a node that was stopped in order as much too long as its lease, at most.
    pub unheard: Duration,
    /// Since its process began.
    pub up: Duration,
    /// Of its program.
    pub version: String,
    /// The newest version of the schema that its program knows.
    pub schema: u32,
    /// Transactions that it has written history with, since it first came.
    pub commits: u64,
}

/// Who has a part of the accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owned {
    pub shard: Shard,
    /// The node that it was given to, which may be gone; `None`: given back, and not taken yet.
    pub node: Option<String>,
    /// How often it changed hands.
    pub epoch: u64,
}
