//! Which node writes history: one at a time, by a lease whose epoch grows with each owner.
//!
//! Times are those of the database alone, so that clocks of nodes do not matter.

use ringup_core::time::Tick;

use super::fault::{Fault, Outcome};
use super::link::Link;
use super::plan::Plan;
use super::row::{get, natural, tick};
use super::turn::{LastTicks, Right};

/// What an attempt to get the lease came to.
pub(super) enum Claim {
    Mine(Right, LastTicks),
    /// Another node has it, for so many more seconds.
    Held(String, f64),
}

/// Takes the lease if it is free, over, or this node's own from before a restart.
pub(super) async fn claim(link: &Link, plan: &Plan) -> Outcome<Claim> {
    let taken = link
        .one(
            "UPDATE shard_lease SET node = $1, epoch = epoch + 1, until = clock_timestamp() + make_interval(secs => $2)
             WHERE shard = 0 AND (node IS NULL OR node = $1 OR until < clock_timestamp())
             RETURNING epoch, commits, last_event, last_attempt",
            &[&plan.node, &plan.lease.as_secs_f64()],
        )
        .await?;
    if let Some(row) = taken {
        let right = Right {
            node: plan.node.clone(),
            epoch: get(&row, "epoch")?,
            commits: get(&row, "commits")?,
            lease: plan.lease,
        };
        return Ok(Claim::Mine(
            right,
            LastTicks { event: tick(&row, "last_event")?, attempt: tick(&row, "last_attempt")? },
        ));
    }
    let sql =
        "SELECT node, extract(epoch FROM until - clock_timestamp())::float8 AS rest FROM shard_lease WHERE shard = 0";
    let Some(row) = link.one(sql, &[]).await? else {
        return Err(Fault::damaged("the table shard_lease has lost its row"));
    };
    let node: Option<String> = get(&row, "node")?;
    Ok(Claim::Held(node.unwrap_or_default(), get(&row, "rest")?))
}

/// Whether it is still ours, and how many commits stand.
pub(super) async fn commits(link: &Link, right: &Right) -> Outcome<Option<(i64, Tick)>> {
    let sql = "SELECT commits, last_attempt FROM shard_lease WHERE shard = 0 AND node = $1 AND epoch = $2";
    let row = link.one(sql, &[&right.node, &right.epoch]).await?;
    row.map(|row| Ok((get(&row, "commits")?, Tick(natural(get(&row, "last_attempt")?))))).transpose()
}

/// Lets another node have it at once.
pub(super) async fn release(link: &Link, right: &Right) -> Outcome<()> {
    let sql =
        "UPDATE shard_lease SET node = NULL, until = clock_timestamp() WHERE shard = 0 AND node = $1 AND epoch = $2";
    link.execute(sql, &[&right.node, &right.epoch]).await.map(drop)
}
