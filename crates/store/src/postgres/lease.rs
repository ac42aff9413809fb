//! Which node does the work of which shard. A node that is not heard of for the time of its lease loses its shards, each
//! under a new epoch; what it writes under the old one is refused in the same transaction.
//!
//! Times are those of the database alone, so that clocks of nodes do not matter.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use ringup_core::shard::Shard;
use ringup_core::time::Tick;

use super::catalog::in_transaction;
use super::fault::{Fault, Outcome};
use super::ladder::KNOWN;
use super::link::{Link, Value};
use super::peer::Peer;
use super::plan::Plan;
use super::row::{get, tick};
use super::turn::{LastTicks, Right};
use super::upgrade::{self, deposed};

/// Nodes that were not heard of for so long are forgotten.
const FORGOTTEN_AFTER: &str = "1 day";

/// Makes this process the one that goes by the node's name. One before it is told so at its next commit.
///
/// Refused where the schema has gone on meanwhile, beyond what this program knows.
pub(super) async fn register(link: &Link, plan: &Plan, address: Option<SocketAddr>) -> Outcome<Right> {
    in_transaction(
        link,
        Box::pin(async {
            upgrade::hold(link, &plan.place()).await?;
            let sql = "INSERT INTO node AS n (name, session, until, commits, version, schema, started_at, address)
                       VALUES ($1, 1, clock_timestamp() + make_interval(secs => $2), 0, $3, $4, clock_timestamp(), $5)
                       ON CONFLICT (name) DO UPDATE
                       SET session = n.session + 1, until = excluded.until, version = excluded.version,
                           schema = excluded.schema, started_at = excluded.started_at, address = excluded.address
                       RETURNING session, commits";
            let (lease, version) = (plan.lease.as_secs_f64(), env!("CARGO_PKG_VERSION"));
            let values: [Value<'_>; 5] = [&plan.node, &lease, &version, &KNOWN, &address.map(|it| it.to_string())];
            let row = link.one(sql, &values).await?;
            let row = row.ok_or_else(|| Fault::damaged("a node cannot be written down"))?;
            Ok(Right { node: plan.node.clone(), session: get(&row, "session")?, commits: get(&row, "commits")? })
        }),
    )
    .await
}

/// Says that this node is alive.
pub(super) async fn renew(link: &Link, plan: &Plan, right: &Right) -> Outcome<()> {
    let sql = "UPDATE node SET until = clock_timestamp() + make_interval(secs => $3) WHERE name = $1 AND session = $2";
    let touched = link.execute(sql, &[&right.node, &right.session, &plan.lease.as_secs_f64()]).await?;
    if touched == 1 { Ok(()) } else { Err(deposed(link).await) }
}

/// Who is heard of, and those of them that can be spoken to.
pub(super) async fn live(link: &Link) -> Outcome<(BTreeSet<String>, Vec<Peer>)> {
    let asked = "SELECT name, session, address FROM node WHERE until > clock_timestamp()";
    let (mut names, mut peers) = (BTreeSet::new(), Vec::new());
    for row in link.query(asked, &[]).await? {
        let name: String = get(&row, "name")?;
        // One that cannot be read is a newer version's.
        if let Some(address) = get::<Option<&str>>(&row, "address")?.and_then(|text| text.parse().ok()) {
            peers.push(Peer { node: name.clone(), session: get(&row, "session")?, address });
        }
        names.insert(name);
    }
    Ok((names, peers))
}

/// Who has a shard, under which epoch, and how far its log has come.
pub(super) struct Owner {
    pub(super) node: Option<String>,
    pub(super) epoch: i64,
    pub(super) last_attempt: Tick,
}

/// In the order of shards.
pub(super) async fn owners(link: &Link) -> Outcome<Vec<Owner>> {
    let rows = link.query("SELECT node, epoch, last_attempt FROM shard ORDER BY shard", &[]).await?;
    let owners = rows.iter().map(|row| {
        Ok(Owner { node: get(row, "node")?, epoch: get(row, "epoch")?, last_attempt: tick(row, "last_attempt")? })
    });
    owners.collect()
}

/// The last ids given, by any node.
pub(super) async fn last(link: &Link) -> Outcome<LastTicks> {
    let sql = "SELECT max(last_event) AS event, max(last_attempt) AS attempt FROM shard";
    let row = link.one(sql, &[]).await?.ok_or_else(|| Fault::damaged("shards cannot be counted"))?;
    Ok(LastTicks { event: tick(&row, "event")?, attempt: tick(&row, "attempt")? })
}

/// Takes those of these shards that are free, over, or this node's own from before; answers which, and their epochs.
pub(super) async fn claim(link: &Link, right: &Right, shards: &[Shard]) -> Outcome<Vec<(Shard, i64)>> {
    let numbers: Vec<i32> = shards.iter().map(|shard| shard.number()).collect();
    let rows = link
        .query(
            "UPDATE shard s SET node = $1, epoch = s.epoch + 1
             WHERE s.shard = ANY ($3)
               AND (s.node IS NULL OR s.node = $1
                    OR NOT EXISTS (SELECT 1 FROM node n WHERE n.name = s.node AND n.until > clock_timestamp()))
               AND EXISTS (SELECT 1 FROM node n WHERE n.name = $1 AND n.session = $2 AND n.until > clock_timestamp())
             RETURNING s.shard, s.epoch",
            &[&right.node, &right.session, &numbers],
        )
        .await?;
    let claimed = rows.iter().map(|row| {
        let shard = Shard::from_number(get(row, "shard")?).ok_or_else(|| Fault::damaged("a shard of no number"))?;
        Ok((shard, get(row, "epoch")?))
    });
    claimed.collect()
}

/// Lets other nodes have these at once.
pub(super) async fn release(link: &Link, node: &str, shards: &[Shard]) -> Outcome<()> {
    let numbers: Vec<i32> = shards.iter().map(|shard| shard.number()).collect();
    let sql = "UPDATE shard SET node = NULL WHERE shard = ANY ($2) AND node = $1";
    link.execute(sql, &[&node, &numbers]).await.map(drop)
}

/// Lets other nodes have all of this one's at once.
pub(super) async fn leave(link: &Link, right: &Right) -> Outcome<()> {
    let sql = "WITH gone AS (UPDATE node SET until = clock_timestamp() WHERE name = $1 AND session = $2 RETURNING name)
               UPDATE shard s SET node = NULL FROM gone WHERE s.node = gone.name";
    link.execute(sql, &[&right.node, &right.session]).await.map(drop)
}

/// Removes nodes that were not heard of for long. Those that own something have not been replaced, and stay.
pub(super) async fn forget(link: &Link) -> Outcome<()> {
    let sql = format!(
        "DELETE FROM node n WHERE n.until < clock_timestamp() - interval '{FORGOTTEN_AFTER}'
         AND NOT EXISTS (SELECT 1 FROM shard s WHERE s.node = n.name)"
    );
    link.execute(&sql, &[]).await.map(drop)
}

/// How many commits of this node stand; `None` if another process goes by its name.
pub(super) async fn commits(link: &Link, right: &Right) -> Outcome<Option<i64>> {
    let sql = "SELECT commits FROM node WHERE name = $1 AND session = $2";
    let row = link.one(sql, &[&right.node, &right.session]).await?;
    row.map(|row| get(&row, "commits")).transpose()
}
