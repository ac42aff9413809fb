//! Who shares the work, and who has which part of it: one statement, so that all of it is of one moment.

use std::collections::BTreeMap;
use std::time::Duration;

use ringup_core::shard::{SHARDS, Shard};
use ringup_core::time::Timestamp;

use super::fault::{Fault, Outcome};
use super::link::Link;
use super::row::{get, limit, natural};
use crate::node::{NODES_LISTED_MAX, Node, Nodes, Owned};

/// A row for each shard, with its node if it has one, and one for each other node.
const SQL: &str = "
    SELECT s.shard, s.node AS owner, s.epoch, n.name, n.version, n.schema, n.commits, n.until > clock_timestamp() AS is_alive,
           (extract(epoch FROM clock_timestamp() - n.until) * 1000)::bigint AS over_ms,
           (extract(epoch FROM clock_timestamp() - n.started_at) * 1000)::bigint AS up_ms,
           (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS at
    FROM shard s FULL JOIN node n ON n.name = s.node
    ORDER BY s.shard NULLS LAST, n.until DESC LIMIT $1";

pub(super) async fn nodes(link: &Link, me: String, lease: Duration) -> Outcome<Nodes> {
    let lease_ms = i64::try_from(lease.as_millis()).unwrap_or(i64::MAX);
    let rows_max = NODES_LISTED_MAX + usize::from(SHARDS);
    let (mut nodes, mut shards) = (BTreeMap::new(), Vec::with_capacity(SHARDS.into()));
    let mut at = Timestamp::default();
    for row in link.query(SQL, &[&limit(rows_max)]).await? {
        at = Timestamp::from_micros(get(&row, "at")?);
        if let Some(number) = get::<Option<i32>>(&row, "shard")? {
            let shard = Shard::from_number(number).ok_or_else(|| Fault::damaged("a shard of no number"))?;
            shards.push(Owned { shard, node: get(&row, "owner")?, epoch: natural(get(&row, "epoch")?) });
        }
        let Some(name) = get::<Option<String>>(&row, "name")? else { continue };
        if nodes.len() < NODES_LISTED_MAX && !nodes.contains_key(&name) {
            let unheard = get::<i64>(&row, "over_ms")?.saturating_add(lease_ms);
            let node = Node {
                name: name.clone(),
                is_alive: get(&row, "is_alive")?,
                unheard: Duration::from_millis(natural(unheard)),
                up: Duration::from_millis(natural(get(&row, "up_ms")?)),
                version: get(&row, "version")?,
                schema: u32::try_from(get::<i32>(&row, "schema")?).unwrap_or_default(),
                commits: natural(get(&row, "commits")?),
            };
            nodes.insert(name, node);
        }
    }
    Ok(Nodes { me, at, lease, nodes: nodes.into_values().collect(), shards })
}
