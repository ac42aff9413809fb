//! The audit log: rows that are written once, listed, and forgotten when they are old.

use std::time::Duration;

use ringup_core::audit::{AuditEntry, AuditVerb};
use ringup_core::id::{AccountId, AuditId, KeyId};
use ringup_core::key::EnvironmentKey;
use ringup_core::limits::AUDIT_FORGOTTEN_AT_ONCE_MAX;
use ringup_core::time::{Tick, Timestamp};
use tokio_postgres::Row;

use super::super::fault::Outcome;
use super::super::link::Link;
use super::super::read::direction;
use super::super::row::{array, array_or_none, get, limit, word};
use crate::audit::AuditFilter;
use crate::query::Order;
use crate::shape::audit::{ActorShape, ChangeShape};
use crate::shape::{from_text, to_text};

pub(super) async fn put(link: &Link, entry: &AuditEntry) -> Outcome<()> {
    let changes: Vec<ChangeShape> = entry.changes.iter().map(ChangeShape::from).collect();
    let sql =
        "INSERT INTO audit (id, verb, environment, account, subject, label, actor_key, actor_parent, actor, changes)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    link.execute(
        sql,
        &[
            &entry.id.0.as_slice(),
            &entry.verb.word(),
            &entry.environment.map(|key| key.0),
            &entry.account.as_ref().map(|id| id.0.as_slice()),
            &entry.subject,
            &entry.label,
            &entry.actor.key.as_ref().map(|id| id.0.as_slice()),
            &entry.actor.parent.as_ref().map(|id| id.0.as_slice()),
            &to_text(&ActorShape::from(&entry.actor))?,
            &to_text(&changes)?,
        ],
    )
    .await
    .map(drop)
}

pub(in crate::postgres) async fn list(
    link: &Link,
    filter: &AuditFilter,
    after: Option<AuditId>,
    order: Order,
    rows_max: usize,
) -> Outcome<Vec<AuditEntry>> {
    let comparison = if order == Order::NewestFirst { "<" } else { ">" };
    // An id begins with its time.
    let sql = format!(
        "SELECT * FROM audit
         WHERE ($1::bigint IS NULL OR environment = $1) AND ($2::bytea IS NULL OR account = $2)
           AND ($3::bytea IS NULL OR actor_key = $3 OR actor_parent = $3)
           AND ($4::text[] IS NULL OR verb = ANY ($4))
           AND ($5::bytea IS NULL OR id < $5) AND ($6::bytea IS NULL OR id >= $6)
           AND ($7::bytea IS NULL OR id {comparison} $7)
         ORDER BY id {} LIMIT $8",
        direction(order)
    );
    let verbs: Option<Vec<&str>> = filter.verbs.as_ref().map(|any| any.iter().map(|verb| verb.word()).collect());
    let before = filter.before.map(|at| bound(Tick::at(at)));
    let since = filter.after.map(|at| bound(Tick::at(at.saturating_add(Duration::from_micros(1)))));
    let rows = link
        .query(
            &sql,
            &[
                &filter.environment.map(|key| key.0),
                &filter.account.as_ref().map(|id| id.0.as_slice()),
                &filter.actor.as_ref().map(|id| id.0.as_slice()),
                &verbs,
                &before,
                &since,
                &after.as_ref().map(|id| id.0.as_slice()),
                &limit(rows_max),
            ],
        )
        .await?;
    rows.iter().map(entry).collect()
}

/// The smallest id of a tick.
fn bound(tick: Tick) -> Vec<u8> {
    AuditId::of_tick(tick, [0; 12]).0.to_vec()
}

pub(in crate::postgres) async fn forget(link: &Link, before: Timestamp, rows_max: usize) -> Outcome<usize> {
    let sql = "DELETE FROM audit WHERE id IN (
                  SELECT id FROM audit ORDER BY id LIMIT least($3, greatest(
                     (SELECT count(*) FROM (SELECT 1 FROM audit WHERE id < $1 LIMIT $3) w),
                     (SELECT count(*) FROM audit) - $2)))";
    let at_once = limit(AUDIT_FORGOTTEN_AT_ONCE_MAX);
    let removed = link.execute(sql, &[&bound(Tick::at(before)), &limit(rows_max), &at_once]).await?;
    Ok(usize::try_from(removed).unwrap_or(usize::MAX))
}

fn entry(row: &Row) -> Outcome<AuditEntry> {
    let actor: ActorShape = from_text(get::<&str>(row, "actor")?.as_bytes())?;
    let changes: Vec<ChangeShape> = from_text(get::<&str>(row, "changes")?.as_bytes())?;
    let (key, parent) = (array_or_none(row, "actor_key")?, array_or_none(row, "actor_parent")?);
    Ok(AuditEntry {
        id: AuditId(array(row, "id")?),
        actor: actor.into_actor(key.map(KeyId), parent.map(KeyId))?,
        verb: word(row, "verb", AuditVerb::from_word)?,
        environment: get::<Option<i64>>(row, "environment")?.map(EnvironmentKey),
        account: array_or_none(row, "account")?.map(AccountId),
        subject: get(row, "subject")?,
        label: get(row, "label")?,
        changes: changes.into_iter().map(ChangeShape::into_change).collect(),
    })
}
