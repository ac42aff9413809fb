//! Tasks: rows that change often and are few.

use ringup_core::id::TaskId;
use ringup_core::key::{AccountKey, EndpointKey, EnvironmentKey};
use ringup_core::limits::TASKS_KEPT_MAX;
use ringup_core::task::{Task, TaskKind, TaskProgress, TaskStatus};
use ringup_core::time::{Tick, Timestamp};
use rusqlite::{Connection, Row, TransactionBehavior, params, params_from_iter};

use super::Catalog;
use crate::query::{Order, TaskFilter};
use crate::seam::{StoreError, TaskStep};
use crate::shape::task::ScopeShape;
use crate::shape::{from_text, known, to_text};
use crate::sqlite::fault::{Fault, InFile, Outcome};
use crate::sqlite::row::{integer, natural};

impl Catalog {
    pub(in crate::sqlite) fn begin_task(&mut self, task: &Task, running_max: usize) -> Outcome<()> {
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate).in_file(&self.path)?;
        let running: i64 = transaction
            .query_row("SELECT count(*) FROM task WHERE account = ? AND status = 'running'", [task.account.0], |row| {
                row.get(0)
            })
            .in_file(&self.path)?;
        if task.status == TaskStatus::Running && usize::try_from(running).unwrap_or(usize::MAX) >= running_max {
            return Err(Fault::Refused(StoreError::Conflict("number of running tasks")));
        }
        insert(&transaction, task).in_file(&self.path)?;
        let_go(&transaction, task.account).in_file(&self.path)?;
        transaction.commit().in_file(&self.path)
    }

    pub(in crate::sqlite) fn advance_task(&self, id: TaskId, step: &TaskStep) -> Outcome<bool> {
        let (cursor, progress) = step.reached.unzip();
        let sql = "UPDATE task SET status = ?2, cursor = ifnull(?3, cursor), done = ifnull(?4, done),
                          passed_over = ifnull(?5, passed_over), why = ?6, updated_at = ?7
                   WHERE id = ?1 AND status = 'running'";
        let touched = self.connection.execute(
            sql,
            params![
                id.0,
                step.status.word(),
                cursor.map(|cursor| integer(cursor.0)),
                progress.map(|progress| integer(progress.done)),
                progress.map(|progress| integer(progress.passed_over)),
                step.why,
                step.now.as_micros()
            ],
        );
        touched.map(|rows| rows > 0).in_file(&self.path)
    }

    pub(in crate::sqlite) fn tasks(
        &self,
        filter: &TaskFilter,
        after: Option<TaskId>,
        order: Order,
        rows_max: usize,
    ) -> Outcome<Vec<Task>> {
        list(&self.connection, filter, after, order, rows_max).in_file(&self.path)
    }
}

fn insert(connection: &Connection, task: &Task) -> rusqlite::Result<()> {
    connection
        .execute(
            "INSERT INTO task (id, environment, account, endpoint, kind, scope, rate, status, cursor, done, passed_over,
                               why, created_at, updated_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                task.id.0,
                task.environment.0,
                task.account.0,
                task.endpoint.map(|endpoint| endpoint.0),
                task.kind.word(),
                to_text(&ScopeShape::from(&task.scope))?,
                task.rate,
                task.status.word(),
                integer(task.cursor.0),
                integer(task.progress.done),
                integer(task.progress.passed_over),
                task.why,
                task.created_at.as_micros(),
                task.updated_at.as_micros()
            ],
        )
        .map(drop)
}

fn let_go(connection: &Connection, account: AccountKey) -> rusqlite::Result<()> {
    let kept = i64::try_from(TASKS_KEPT_MAX).unwrap_or(i64::MAX);
    connection
        .execute(
            "DELETE FROM task WHERE id IN (SELECT id FROM task WHERE account = ? AND status <> 'running'
                                           ORDER BY id DESC LIMIT -1 OFFSET ?)",
            (account.0, kept),
        )
        .map(drop)
}

fn list(
    connection: &Connection,
    filter: &TaskFilter,
    after: Option<TaskId>,
    order: Order,
    rows_max: usize,
) -> rusqlite::Result<Vec<Task>> {
    let (comparison, direction) = match order {
        Order::NewestFirst => ("<", "DESC"),
        Order::OldestFirst => (">", "ASC"),
    };
    let mut sql = "SELECT * FROM task WHERE true".to_owned();
    let mut values: Vec<rusqlite::types::Value> = Vec::new();
    let mut holds = |condition: &str, value: Option<rusqlite::types::Value>| {
        if let Some(value) = value {
            sql.push_str(" AND ");
            sql.push_str(condition);
            values.push(value);
        }
    };
    holds("id = ?", filter.id.map(|id| id.0.to_vec().into()));
    holds("environment = ?", filter.environment.map(|key| key.0.into()));
    holds("account = ?", filter.account.map(|key| key.0.into()));
    if let Some(any) = &filter.status {
        // Our own words, so they can stand in the statement.
        let words: Vec<String> = any.iter().map(|status| format!("'{status}'")).collect();
        holds(&format!("status IN ({}) AND ?", words.join(", ")), Some(1.into()));
    }
    holds("kind = ?", filter.kind.map(|kind| kind.word().to_owned().into()));
    holds(&format!("id {comparison} ?"), after.map(|id| id.0.to_vec().into()));
    sql.push_str(&format!(" ORDER BY id {direction} LIMIT {}", i64::try_from(rows_max).unwrap_or(i64::MAX)));
    connection.prepare_cached(&sql)?.query_map(params_from_iter(values), task)?.collect()
}

fn task(row: &Row<'_>) -> rusqlite::Result<Task> {
    let (kind, status): (String, String) = (row.get("kind")?, row.get("status")?);
    let number = |column| row.get::<_, i64>(column).map(natural);
    let time = |column| row.get(column).map(Timestamp::from_micros);
    Ok(Task {
        id: TaskId(row.get("id")?),
        environment: EnvironmentKey(row.get("environment")?),
        account: AccountKey(row.get("account")?),
        endpoint: row.get::<_, Option<i64>>("endpoint")?.map(EndpointKey),
        kind: known(TaskKind::from_word(&kind), &kind)?,
        scope: from_text::<ScopeShape>(row.get_ref("scope")?.as_bytes()?)?.into_scope()?,
        rate: row.get("rate")?,
        status: known(TaskStatus::from_word(&status), &status)?,
        cursor: Tick(number("cursor")?),
        progress: TaskProgress { done: number("done")?, passed_over: number("passed_over")? },
        why: row.get("why")?,
        created_at: time("created_at")?,
        updated_at: time("updated_at")?,
    })
}
