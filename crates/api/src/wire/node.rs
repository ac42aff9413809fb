//! Who does the work, on the wire. All of it is ours.

use ringup_app::fleet::{NodeLine, Nodes, ShardLine};
use serde::Serialize;
use utoipa::ToSchema;

use crate::wire::span::millis;
use crate::wire::time;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodesOut<'a> {
    #[schema(format = DateTime)]
    at: String,
    /// Several nodes may share the work, on a database. Else one process on files of its own has all of it.
    is_shared: bool,
    /// How long the work of a node that is not heard of stays with it; 0 where there is nobody to take it.
    lease_ms: u64,
    /// Shards that no node has now: what is due for their accounts waits.
    waiting_shards: usize,
    /// Shards that are on their way to a node that came.
    moving_shards: usize,
    /// By name.
    nodes: Vec<FleetNodeOut<'a>>,
    /// All 64 of them; none where nothing is shared.
    shards: Vec<ShardOut<'a>>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FleetNodeOut<'a> {
    /// Null where there is only this one.
    name: Option<&'a str>,
    /// It is the one that answers.
    is_this: bool,
    /// `heard`; `quiet`: not heard of for more than 3 s; `gone`: stopped or dead, its lease is over.
    state: &'static str,
    /// When it was last heard of; of one that was stopped, up to `leaseMs` too early.
    #[schema(format = DateTime)]
    heard_at: String,
    version: &'a str,
    /// The newest version of the schema that its program knows.
    schema: Option<u32>,
    #[schema(format = DateTime)]
    started_at: String,
    /// How many of the 64 shards are its own; if it is gone: wait for another node.
    shards: usize,
    /// Transactions that it has written events and deliveries with, since it first came.
    commits: Option<u64>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShardOut<'a> {
    shard: usize,
    /// The node that it was given to, which may be gone; null: nobody has taken it yet.
    node: Option<&'a str>,
    /// Its node is not gone. Else what is due for its accounts waits until another one takes it.
    is_served: bool,
    /// It is on its way to another node.
    is_moving: bool,
    /// How often it changed hands.
    epoch: u64,
}

impl<'a> NodesOut<'a> {
    pub fn of(nodes: &'a Nodes) -> NodesOut<'a> {
        NodesOut {
            at: time::text(nodes.at),
            is_shared: nodes.is_shared,
            lease_ms: millis(nodes.lease),
            waiting_shards: nodes.waiting(),
            moving_shards: nodes.moving(),
            nodes: nodes.nodes.iter().map(FleetNodeOut::of).collect(),
            shards: nodes.shards.iter().map(|shard| ShardOut::of(shard, nodes)).collect(),
        }
    }
}

impl<'a> FleetNodeOut<'a> {
    fn of(node: &'a NodeLine) -> FleetNodeOut<'a> {
        FleetNodeOut {
            name: node.name.as_deref(),
            is_this: node.is_this,
            state: node.state.word(),
            heard_at: time::text(node.heard_at),
            version: &node.version,
            schema: node.schema,
            started_at: time::text(node.started_at),
            shards: node.shards,
            commits: node.commits,
        }
    }
}

impl<'a> ShardOut<'a> {
    fn of(shard: &ShardLine, nodes: &'a Nodes) -> ShardOut<'a> {
        let node = shard.node.and_then(|place| nodes.nodes.get(place));
        ShardOut {
            shard: shard.number,
            node: node.and_then(|node| node.name.as_deref()),
            is_served: shard.is_served,
            is_moving: shard.is_moving,
            epoch: shard.epoch,
        }
    }
}
