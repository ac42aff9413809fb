//! The configuration: small tables, changed on connections of their own, since any process of the installation may.

pub(super) mod audit;
mod change;
pub(super) mod consumer;
mod key;
pub(super) mod load;
pub(super) mod notice;
pub(super) mod task;

use futures_util::future::BoxFuture;

use super::fault::{Fault, Outcome};
use super::link::Link;
use super::plan::Plan;
use super::row::{array, get};
use super::shared::not_found;
use crate::sealed::{KEY_ID_BYTES, SealingKey};
use crate::seam::{Change, StoreError};

/// One change, one commit. Answers the key of what was put; zero for what has none.
pub(super) async fn change(link: &Link, change: &Change, key: &SealingKey, node: &str) -> Outcome<i64> {
    let changed = in_transaction(
        link,
        Box::pin(async {
            let put = change::apply(link, change, key).await?.ok_or_else(not_found)?;
            let sql = "INSERT INTO revision AS r (node, changes) VALUES ($1, 1)
                   ON CONFLICT (node) DO UPDATE SET changes = r.changes + 1";
            link.execute(sql, &[&node]).await?;
            Ok(put)
        }),
    );
    changed.await
}

/// Commits if it went well, and takes all of it back if not.
pub(super) async fn in_transaction<'l, T: Send>(link: &'l Link, work: BoxFuture<'l, Outcome<T>>) -> Outcome<T> {
    link.batch("BEGIN").await?;
    match work.await {
        Ok(answer) => {
            link.batch("COMMIT").await?;
            Ok(answer)
        }
        Err(fault) => {
            link.batch("ROLLBACK").await?;
            Err(fault)
        }
    }
}

/// How often others than this node changed it.
pub(super) async fn outside_changes(link: &Link, node: &str) -> Outcome<u64> {
    let sql = "SELECT coalesce(sum(changes), 0)::bigint AS changes FROM revision WHERE node <> $1";
    let row = link.one(sql, &[&node]).await?;
    Ok(row.map(|row| get(&row, "changes")).transpose()?.map(super::row::natural).unwrap_or_default())
}

/// Makes sure that the schema's secrets are sealed with this node's key: another installation's are not.
pub(super) async fn check_key(link: &Link, plan: &Plan) -> Outcome<()> {
    let id = plan.encryption_key.id();
    // Two nodes that find an empty schema wait for each other here.
    let known = in_transaction(
        link,
        Box::pin(async {
            link.batch("LOCK TABLE sealing IN SHARE ROW EXCLUSIVE MODE").await?;
            if let Some(row) = link.one("SELECT key_id FROM sealing", &[]).await? {
                return array::<KEY_ID_BYTES>(&row, "key_id");
            }
            link.execute("INSERT INTO sealing VALUES ($1)", &[&id.as_slice()]).await?;
            Ok(id)
        }),
    );
    if known.await? == id {
        return Ok(());
    }
    Err(Fault::Refused(StoreError::Corrupt(
        format!(
            "the schema in {} belongs to another installation, or store.encryption_key is not the key that its secrets \
             were sealed with: set the key that all of its nodes have, or name another database or search_path in \
             store.url",
            plan.place()
        )
        .into(),
    )))
}
