//! The audit log: rows that are written once, listed, and forgotten when they are old.

use std::time::Duration;

use ringup_core::audit::{AuditEntry, AuditVerb};
use ringup_core::id::{AccountId, AuditId, KeyId};
use ringup_core::key::EnvironmentKey;
use ringup_core::limits::AUDIT_FORGOTTEN_AT_ONCE_MAX;
use ringup_core::time::{Tick, Timestamp};
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params, params_from_iter};

use super::Catalog;
use crate::audit::AuditFilter;
use crate::query::Order;
use crate::shape::audit::{ActorShape, ChangeShape};
use crate::shape::{from_text, known, to_text};
use crate::sqlite::fault::{InFile, Outcome};

impl Catalog {
    pub(in crate::sqlite) fn audit(
        &self,
        filter: &AuditFilter,
        after: Option<AuditId>,
        order: Order,
        rows_max: usize,
    ) -> Outcome<Vec<AuditEntry>> {
        list(&self.connection, filter, after, order, rows_max).in_file(&self.path)
    }

    pub(in crate::sqlite) fn forget_audit(&self, before: Timestamp, rows_max: usize) -> Outcome<usize> {
        forget(&self.connection, before, rows_max).in_file(&self.path)
    }
}

pub(super) fn put(connection: &Connection, entry: &AuditEntry) -> rusqlite::Result<()> {
    let changes: Vec<ChangeShape> = entry.changes.iter().map(ChangeShape::from).collect();
    connection
        .execute(
            "INSERT INTO audit (id, verb, environment, account, subject, label, actor_key, actor_parent, actor, changes)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                entry.id.0,
                entry.verb.word(),
                entry.environment.map(|key| key.0),
                entry.account.map(|id| id.0),
                entry.subject,
                entry.label,
                entry.actor.key.map(|id| id.0),
                entry.actor.parent.map(|id| id.0),
                to_text(&ActorShape::from(&entry.actor))?,
                to_text(&changes)?
            ],
        )
        .map(drop)
}

fn list(
    connection: &Connection,
    filter: &AuditFilter,
    after: Option<AuditId>,
    order: Order,
    rows_max: usize,
) -> rusqlite::Result<Vec<AuditEntry>> {
    let (comparison, direction) = match order {
        Order::NewestFirst => ("<", "DESC"),
        Order::OldestFirst => (">", "ASC"),
    };
    let mut sql = "SELECT * FROM audit WHERE true".to_owned();
    let mut values: Vec<Value> = Vec::new();
    let mut holds = |condition: &str, value: Option<Value>| {
        if let Some(value) = value {
            sql.push_str(" AND ");
            sql.push_str(condition);
            values.push(value);
        }
    };
    holds("environment = ?", filter.environment.map(|key| key.0.into()));
    holds("account = ?", filter.account.map(|id| id.0.to_vec().into()));
    // Numbered, since it stands in two places.
    let number = usize::from(filter.environment.is_some()) + usize::from(filter.account.is_some()) + 1;
    let actor = format!("(actor_key = ?{number} OR actor_parent = ?{number})");
    holds(&actor, filter.actor.map(|id| id.0.to_vec().into()));
    if let Some(any) = &filter.verbs {
        // Our own words, so they can stand in the statement.
        let words: Vec<String> = any.iter().map(|verb| format!("'{verb}'")).collect();
        holds(&format!("verb IN ({}) AND ?", words.join(", ")), Some(1.into()));
    }
    // An id begins with its time.
    holds("id < ?", filter.before.map(|at| bound(Tick::at(at)).into()));
    holds("id >= ?", filter.after.map(|at| bound(Tick::at(at.saturating_add(Duration::from_micros(1)))).into()));
    holds(&format!("id {comparison} ?"), after.map(|id| id.0.to_vec().into()));
    sql.push_str(&format!(" ORDER BY id {direction} LIMIT {}", i64::try_from(rows_max).unwrap_or(i64::MAX)));
    connection.prepare_cached(&sql)?.query_map(params_from_iter(values), entry)?.collect()
}

/// The smallest id of a tick.
fn bound(tick: Tick) -> Vec<u8> {
    AuditId::of_tick(tick, [0; 12]).0.to_vec()
}

fn forget(connection: &Connection, before: Timestamp, rows_max: usize) -> rusqlite::Result<usize> {
    let at_once = i64::try_from(AUDIT_FORGOTTEN_AT_ONCE_MAX).unwrap_or(i64::MAX);
    let (old, all): (i64, i64) = connection
        .prepare_cached(
            "SELECT (SELECT count(*) FROM (SELECT 1 FROM audit WHERE id < ? LIMIT ?)), (SELECT count(*) FROM audit)",
        )?
        .query_row(params![bound(Tick::at(before)), at_once], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let too_many = all.saturating_sub(i64::try_from(rows_max).unwrap_or(i64::MAX));
    let count = old.max(too_many).min(at_once);
    if count <= 0 {
        return Ok(0);
    }
    connection.execute("DELETE FROM audit WHERE id IN (SELECT id FROM audit ORDER BY id LIMIT ?)", [count])
}

fn entry(row: &Row<'_>) -> rusqlite::Result<AuditEntry> {
    let verb: String = row.get("verb")?;
    let id = |column| row.get::<_, Option<[u8; 20]>>(column);
    let actor: ActorShape = from_text(row.get_ref("actor")?.as_bytes()?)?;
    let changes: Vec<ChangeShape> = from_text(row.get_ref("changes")?.as_bytes()?)?;
    Ok(AuditEntry {
        id: AuditId(row.get("id")?),
        actor: actor.into_actor(id("actor_key")?.map(KeyId), id("actor_parent")?.map(KeyId))?,
        verb: known(AuditVerb::from_word(&verb), &verb)?,
        environment: row.get::<_, Option<i64>>("environment")?.map(EnvironmentKey),
        account: id("account")?.map(AccountId),
        subject: row.get("subject")?,
        label: row.get("label")?,
        changes: changes.into_iter().map(ChangeShape::into_change).collect(),
    })
}
