//! One connection: made within its limit, its statements prepared once, each answered within its limit.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::timeout;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, Statement};

use super::fault::{self, Fault, Outcome};
use super::plan::Plan;

/// The oldest server whose partitions and statements this was written for.
const VERSION_MIN: i32 = 150_000;

/// Statements kept ready on a connection. There are fewer; those of searches come in some forms.
const STATEMENTS_MAX: usize = 256;

/// Beyond the server's own limit: it has not even said that the limit was reached.
const SLACK: Duration = Duration::from_millis(500);

pub(super) type Value<'a> = &'a (dyn ToSql + Sync);

pub(super) struct Link {
    pub(super) client: Client,
    statements: Mutex<HashMap<String, Statement>>,
    limit: Duration,
    /// It is not to be used again: an answer did not come in time, so nobody knows what became of it, or its statements are
    /// those of an older schema.
    lost: AtomicBool,
    carrier: AbortHandle,
}

impl Link {
    /// A connection whose statements take no longer than `limit`.
    pub(super) async fn connect(plan: &Plan, limit: Duration) -> Outcome<Link> {
        let mut config = plan.config.clone();
        config.connect_timeout(plan.time_limit).application_name("ringup");
        let connecting = timeout(plan.time_limit * 2, config.connect(plan.tls.clone()));
        let (client, connection) = match connecting.await {
            Ok(connected) => connected.map_err(|error| Link::unreached(plan, error.into()))?,
            Err(_) => return Err(Link::unreached(plan, Fault::lost("no answer in time"))),
        };
        let carrier = tokio::spawn(async move {
            // Why it ended is told by the statement that was under way.
            let _ = connection.await;
        });
        let link = Link {
            client,
            statements: Mutex::default(),
            limit,
            lost: AtomicBool::new(false),
            carrier: carrier.abort_handle(),
        };
        // Without compiling statements: what goes by keys is over long before, and where a plan is told to leave sequences
        // alone and cannot, its cost looks so high that reading four rows was compiled for 70 ms.
        //
        // Limits also between two statements: a node that is cut off in the middle must not keep the rows of its shards from
        // others for longer than that.
        let millis = limit.as_millis();
        link.batch(&format!(
            "SET statement_timeout = {millis}; SET lock_timeout = {millis}; SET synchronous_commit = on;
             SET idle_in_transaction_session_timeout = {millis}; SET default_transaction_isolation = 'read committed';
             SET standard_conforming_strings = on; SET client_min_messages = warning; SET jit = off"
        ))
        .await?;
        link.check_server(plan).await?;
        Ok(link)
    }

    fn unreached(plan: &Plan, fault: Fault) -> Fault {
        Fault::Lost(format!("the database at {} cannot be reached: {fault}", plan.place()).into())
    }

    async fn check_server(&self, plan: &Plan) -> Outcome<()> {
        let asked = "SELECT current_setting('server_version_num')::int, pg_is_in_recovery()";
        let Some(row) = self.one(asked, &[]).await? else {
            return Err(Fault::lost("the server says nothing of itself"));
        };
        let (version, standby): (i32, bool) = (row.try_get(0)?, row.try_get(1)?);
        if version < VERSION_MIN {
            let text = format!(
                "the database at {} is PostgreSQL {}, and 15 or newer is needed",
                plan.place(),
                version / 10_000
            );
            return Err(Fault::Lost(text.into()));
        }
        if standby {
            let text = format!(
                "the database at {} is a standby that can only be read; name the primary, or all of them with \
                 target_session_attrs=read-write",
                plan.place()
            );
            return Err(Fault::Lost(text.into()));
        }
        Ok(())
    }

    pub(super) async fn query(&self, sql: &str, values: &[Value<'_>]) -> Outcome<Vec<Row>> {
        let statement = self.statement(sql).await?;
        self.within(self.client.query(&statement, values)).await
    }

    /// The first row.
    pub(super) async fn one(&self, sql: &str, values: &[Value<'_>]) -> Outcome<Option<Row>> {
        Ok(self.query(sql, values).await?.into_iter().next())
    }

    /// Answers how many rows it touched.
    pub(super) async fn execute(&self, sql: &str, values: &[Value<'_>]) -> Outcome<u64> {
        let statement = self.statement(sql).await?;
        self.within(self.client.execute(&statement, values)).await
    }

    /// Statements without values.
    pub(super) async fn batch(&self, sql: &str) -> Outcome<()> {
        self.within(self.client.batch_execute(sql)).await
    }

    pub(super) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed) || self.client.is_closed()
    }

    pub(super) async fn statement(&self, sql: &str) -> Outcome<Statement> {
        let known = self.statements.lock().unwrap_or_else(PoisonError::into_inner).get(sql).cloned();
        if let Some(statement) = known {
            return Ok(statement);
        }
        let statement = self.within(self.client.prepare(sql)).await?;
        let mut statements = self.statements.lock().unwrap_or_else(PoisonError::into_inner);
        if statements.len() >= STATEMENTS_MAX {
            statements.clear();
        }
        statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    pub(super) async fn within<T>(&self, answer: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Outcome<T> {
        if self.lost.load(Ordering::Relaxed) {
            return Err(Fault::lost("the connection to the database was lost"));
        }
        match timeout(self.limit + SLACK, answer).await {
            Ok(answer) => answer.map_err(|error| {
                // A newer node has added a column. The statements of a connection cannot be told of it.
                if fault::is_outdated(&error) {
                    self.lost.store(true, Ordering::Relaxed);
                }
                Fault::from(error)
            }),
            Err(_) => {
                self.lost.store(true, Ordering::Relaxed);
                Err(Fault::lost("the database does not answer in time"))
            }
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.carrier.abort();
    }
}
