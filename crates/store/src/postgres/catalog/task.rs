//! Tasks: rows that change often and are few.

use ringup_core::id::TaskId;
use ringup_core::key::{AccountKey, EndpointKey, EnvironmentKey};
use ringup_core::limits::TASKS_KEPT_MAX;
use ringup_core::task::{Task, TaskKind, TaskProgress, TaskStatus};
use tokio_postgres::Row;

use super::super::fault::{Fault, Outcome};
use super::super::link::Link;
use super::super::read::direction;
use super::super::row::{array, count, get, integer, limit, natural, tick, time, word};
use super::in_transaction;
use crate::query::{Order, TaskFilter};
use crate::seam::{StoreError, TaskStep};
use crate::shape::task::ScopeShape;
use crate::shape::{from_text, to_text};

pub(in crate::postgres) async fn begin(link: &Link, task: &Task, running_max: usize) -> Outcome<()> {
    let beginning = in_transaction(
        link,
        Box::pin(async {
            // One at a time, or two would both be the last that fits.
            link.batch("LOCK TABLE task IN SHARE ROW EXCLUSIVE MODE").await?;
            let sql = "SELECT count(*) AS running FROM task WHERE account = $1 AND status = 'running'";
            let row = link.one(sql, &[&task.account.0]).await?;
            let running = row.map(|row| get(&row, "running")).transpose()?.map(natural).unwrap_or_default();
            if task.status == TaskStatus::Running && usize::try_from(running).unwrap_or(usize::MAX) >= running_max {
                return Err(Fault::Refused(StoreError::Conflict("number of running tasks")));
            }
            insert(link, task).await?;
            let sql = "DELETE FROM task WHERE account = $1 AND id IN (
                      SELECT id FROM task WHERE account = $1 AND status <> 'running' ORDER BY id DESC OFFSET $2)";
            link.execute(sql, &[&task.account.0, &limit(TASKS_KEPT_MAX)]).await.map(drop)
        }),
    );
    beginning.await
}

async fn insert(link: &Link, task: &Task) -> Outcome<()> {
    let sql =
        "INSERT INTO task (id, environment, account, endpoint, kind, scope, rate, status, cursor, done, passed_over,
                                 why, created_at, updated_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
    link.execute(
        sql,
        &[
            &task.id.0.as_slice(),
            &task.environment.0,
            &task.account.0,
            &task.endpoint.map(|endpoint| endpoint.0),
            &task.kind.word(),
            &to_text(&ScopeShape::from(&task.scope))?,
            &task.rate.map(i64::from),
            &task.status.word(),
            &integer(task.cursor),
            &count(task.progress.done),
            &count(task.progress.passed_over),
            &task.why,
            &task.created_at.as_micros(),
            &task.updated_at.as_micros(),
        ],
    )
    .await
    .map(drop)
}

pub(in crate::postgres) async fn advance(link: &Link, id: TaskId, step: &TaskStep) -> Outcome<bool> {
    let (cursor, progress) = step.reached.unzip();
    let sql = "UPDATE task SET status = $2, cursor = coalesce($3, cursor), done = coalesce($4, done),
                      passed_over = coalesce($5, passed_over), why = $6, updated_at = $7
               WHERE id = $1 AND status = 'running'";
    let touched = link
        .execute(
            sql,
            &[
                &id.0.as_slice(),
                &step.status.word(),
                &cursor.map(integer),
                &progress.map(|progress| count(progress.done)),
                &progress.map(|progress| count(progress.passed_over)),
                &step.why,
                &step.now.as_micros(),
            ],
        )
        .await?;
    Ok(touched > 0)
}

pub(in crate::postgres) async fn list(
    link: &Link,
    filter: &TaskFilter,
    after: Option<TaskId>,
    order: Order,
    rows_max: usize,
) -> Outcome<Vec<Task>> {
    let comparison = if order == Order::NewestFirst { "<" } else { ">" };
    let sql = format!(
        "SELECT * FROM task
         WHERE ($1::bytea IS NULL OR id = $1) AND ($2::bigint IS NULL OR environment = $2)
           AND ($3::bigint IS NULL OR account = $3) AND ($4::text[] IS NULL OR status = ANY ($4))
           AND ($5::text IS NULL OR kind = $5) AND ($6::bytea IS NULL OR id {comparison} $6)
         ORDER BY id {} LIMIT $7",
        direction(order)
    );
    let statuses: Option<Vec<&str>> =
        filter.status.as_ref().map(|any| any.iter().map(|status| status.word()).collect());
    let rows = link
        .query(
            &sql,
            &[
                &filter.id.as_ref().map(|id| id.0.as_slice()),
                &filter.environment.map(|environment| environment.0),
                &filter.account.map(|account| account.0),
                &statuses,
                &filter.kind.map(|kind| kind.word()),
                &after.as_ref().map(|id| id.0.as_slice()),
                &limit(rows_max),
            ],
        )
        .await?;
    rows.iter().map(task).collect()
}

fn task(row: &Row) -> Outcome<Task> {
    let number = |column| get::<i64>(row, column).map(natural);
    Ok(Task {
        id: TaskId(array(row, "id")?),
        environment: EnvironmentKey(get(row, "environment")?),
        account: AccountKey(get(row, "account")?),
        endpoint: get::<Option<i64>>(row, "endpoint")?.map(EndpointKey),
        kind: word(row, "kind", TaskKind::from_word)?,
        scope: from_text::<ScopeShape>(get::<&str>(row, "scope")?.as_bytes())?.into_scope()?,
        rate: get::<Option<i64>>(row, "rate")?.and_then(|rate| u32::try_from(rate).ok()),
        status: word(row, "status", TaskStatus::from_word)?,
        cursor: tick(row, "cursor")?,
        progress: TaskProgress { done: number("done")?, passed_over: number("passed_over")? },
        why: get(row, "why")?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}
