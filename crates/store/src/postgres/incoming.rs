//! A store that arrives from elsewhere: rows go in as they are, each batch with how far the move has come.

use std::pin::pin;
use std::time::Duration;

use ringup_core::time::{Day, Tick};
use tokio::time::{sleep, timeout};
use tokio_postgres::binary_copy::BinaryCopyInWriter;

use super::catalog;
use super::fault::{Fault, Outcome};
use super::link::Link;
use super::plan::Plan;
use super::row::{count, get, integer};
use super::{schema, upgrade};
use crate::migration::cell::Cell;
use crate::migration::part::Part;
use crate::sealed::SealingKey;
use crate::seam::StoreError;

/// How long one statement may take: a count goes through all that has arrived.
const STATEMENT_LIMIT: Duration = Duration::from_hours(1);

/// One move into a schema at a time. The number is ours among advisory locks.
const LOCK: i64 = 0x7269_6e67_7571;

/// The server takes a moment to notice that one was killed.
const LOCK_WITHIN: Duration = Duration::from_secs(10);
const LOCK_EVERY: Duration = Duration::from_millis(50);

/// The one table of these that has no partitions.
const LIVE: &str = "live";

/// How far a move has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Arrival {
    /// Nothing is here, not even of other origin.
    Expected,
    /// Everything before these rows of this table is here.
    UnderWay { day: Day, part: usize, position: [i64; 2] },
    /// All is here, and was given to the nodes.
    Finished,
}

/// A schema that no node works in as long as this is held.
pub(crate) struct Incoming {
    link: Link,
    plan: Plan,
}

impl Incoming {
    /// Brings the schema up to date. Refused where a node runs, or another move.
    pub(crate) async fn open(plan: Plan) -> Result<Incoming, StoreError> {
        Ok(Incoming::prepare(plan).await?)
    }

    async fn prepare(plan: Plan) -> Outcome<Incoming> {
        let link = Link::connect(&plan, STATEMENT_LIMIT).await?;
        upgrade::climb(&link, &plan.place()).await?;
        catalog::check_key(&link, &plan).await?;
        let Ok(locked) = timeout(LOCK_WITHIN, lock(&link)).await else {
            let text = format!("another `ringup migrate-store` is under way to the database at {}", plan.place());
            return Err(Fault::Refused(StoreError::Unavailable(text.into())));
        };
        locked?;
        let nodes = link.query("SELECT name FROM node WHERE until > clock_timestamp()", &[]).await?;
        if !nodes.is_empty() {
            let text = format!(
                "{} nodes run on the database at {}; stop them first, and name a database that holds nothing of ringup",
                nodes.len(),
                plan.place()
            );
            return Err(Fault::Refused(StoreError::Unavailable(text.into())));
        }
        Ok(Incoming { link, plan })
    }

    pub(crate) fn place(&self) -> String {
        self.plan.place()
    }

    pub(crate) fn sealing_key(&self) -> &SealingKey {
        &self.plan.encryption_key
    }

    /// How far the move of this id has come; refused where the schema holds anything else.
    pub(crate) async fn arrival(&self, id: &str) -> Result<Arrival, StoreError> {
        Ok(self.look(id).await?)
    }

    async fn look(&self, id: &str) -> Outcome<Arrival> {
        let asked = "SELECT id, day, part, first, second, finished_at IS NOT NULL AS finished FROM arrival";
        if let Some(row) = self.link.one(asked, &[]).await? {
            if get::<&str>(&row, "id")? != id {
                return Err(self.refuse("holds a store that was moved there from another folder, or part of one"));
            }
            if get(&row, "finished")? {
                return Ok(Arrival::Finished);
            }
            return Ok(Arrival::UnderWay {
                day: Day(get(&row, "day")?),
                part: usize::try_from(get::<i32>(&row, "part")?).unwrap_or(0),
                position: [get(&row, "first")?, get(&row, "second")?],
            });
        }
        let asked = "SELECT EXISTS (SELECT 1 FROM environment) OR EXISTS (SELECT 1 FROM event) AS used";
        match self.link.one(asked, &[]).await? {
            Some(row) if !get(&row, "used")? => Ok(Arrival::Expected),
            _ => Err(self.refuse("holds the store of a ringup already")),
        }
    }

    fn refuse(&self, what: &str) -> Fault {
        let text = format!(
            "the database at {} {what}, and nothing is mixed: name an empty database, or an empty schema with \
             ?options=-csearch_path%3Dname",
            self.plan.place()
        );
        Fault::Refused(StoreError::Unavailable(text.into()))
    }

    /// The whole configuration, with the first word of the move, in one commit.
    pub(crate) async fn begin(
        &self,
        id: &str,
        first: Day,
        tables: &[(&Part, Vec<Vec<Cell>>)],
    ) -> Result<(), StoreError> {
        let link = &self.link;
        let work = async {
            // The step that makes this table puts a row in.
            link.batch("DELETE FROM sequence").await?;
            for (part, rows) in tables {
                self.copy(part.table, part, rows).await?;
            }
            link.batch(
                "SELECT setval(pg_get_serial_sequence('notice', 'number'), max(number)) FROM notice HAVING count(*) > 0",
            )
            .await?;
            let sql = "INSERT INTO arrival (id, started_at, day, part, first, second)
                       VALUES ($1, clock_timestamp(), $2, 0, $3, $3)";
            link.execute(sql, &[&id, &first.0, &i64::MIN]).await.map(drop)
        };
        Ok(catalog::in_transaction(link, Box::pin(work)).await?)
    }

    pub(crate) async fn make_day(&self, day: Day) -> Result<(), StoreError> {
        Ok(catalog::in_transaction(&self.link, Box::pin(schema::make_day(&self.link, day))).await?)
    }

    /// Some rows of a day's table, and how far the move is with them, in one commit.
    pub(crate) async fn put(
        &self,
        part: &Part,
        day: Day,
        rows: &[Vec<Cell>],
        next: (Day, usize, [i64; 2]),
    ) -> Result<(), StoreError> {
        let (to_day, to_part, [first, second]) = next;
        let work = async {
            self.copy(&table(part, day), part, rows).await?;
            let to_part = i32::try_from(to_part).unwrap_or(i32::MAX);
            let sql = "UPDATE arrival SET day = $1, part = $2, first = $3, second = $4 WHERE finished_at IS NULL";
            match self.link.execute(sql, &[&to_day.0, &to_part, &first, &second]).await? {
                1 => Ok(()),
                _ => Err(Fault::damaged("a move that has begun is not there")),
            }
        };
        Ok(catalog::in_transaction(&self.link, Box::pin(work)).await?)
    }

    /// Number and sum of the rows of a table, or of a day's.
    pub(crate) async fn sum(&self, part: &Part, day: Option<Day>) -> Result<(i64, i64), StoreError> {
        let rows = match day {
            // One table for all days.
            Some(day) if part.table == LIVE => {
                let (from, until) = schema::ticks_of(day);
                format!("{LIVE} WHERE tick >= {from} AND tick < {until}")
            }
            Some(day) => table(part, day),
            None => part.table.to_owned(),
        };
        Ok(self.summed(&part.summed_in(&rows)).await?)
    }

    async fn summed(&self, sql: &str) -> Outcome<(i64, i64)> {
        let row = self.link.one(sql, &[]).await?.ok_or_else(|| Fault::damaged("a count answers nothing"))?;
        Ok((get(&row, "count")?, get(&row, "sum")?))
    }

    /// Hands the schema over to nodes: how much each day holds, and from where on ids are given.
    pub(crate) async fn finish(&self, days: &[(Day, [u64; 3])], last: (Tick, Tick)) -> Result<(), StoreError> {
        let link = &self.link;
        let work = async {
            for (day, [events, live, ended]) in days {
                let sql = "UPDATE day SET events = $2, live = $3, ended = $4 WHERE day = $1 AND node = ''";
                link.execute(sql, &[&day.0, &count(*events), &count(*live), &count(*ended)]).await?;
            }
            let sql = "UPDATE shard SET last_event = $1, last_attempt = $2";
            link.execute(sql, &[&integer(last.0), &integer(last.1)]).await?;
            link.batch("UPDATE arrival SET finished_at = clock_timestamp()").await
        };
        catalog::in_transaction(link, Box::pin(work)).await?;
        // So that the first questions are planned for what is there.
        Ok(link.batch("ANALYZE").await?)
    }

    async fn copy(&self, table: &str, part: &Part, rows: &[Vec<Cell>]) -> Outcome<()> {
        if rows.is_empty() {
            return Ok(());
        }
        self.link.copy(table, &part.names(), rows).await.map_err(|fault| match fault {
            Fault::Other(text) => Fault::Other(format!("a row of {table} cannot be moved: {text}").into()),
            fault => fault,
        })
    }
}

/// Until nobody else moves anything here.
async fn lock(link: &Link) -> Outcome<()> {
    loop {
        let row = link.one("SELECT pg_try_advisory_lock($1) AS locked", &[&LOCK]).await?;
        if row.map(|row| get(&row, "locked")).transpose()?.unwrap_or(false) {
            return Ok(());
        }
        sleep(LOCK_EVERY).await;
    }
}

/// Refused where a store is still on its way here.
pub(super) async fn check(link: &Link, plan: &Plan) -> Outcome<()> {
    if link.one("SELECT 1 FROM arrival WHERE finished_at IS NULL", &[]).await?.is_none() {
        return Ok(());
    }
    let text = format!(
        "a store is being moved to the database at {}, and has not arrived: let `ringup migrate-store` come to its end, or \
         begin it again with the same arguments",
        plan.place()
    );
    Err(Fault::Refused(StoreError::Unavailable(text.into())))
}

/// Where the rows of a day lie.
fn table(part: &Part, day: Day) -> String {
    if part.table == LIVE { part.table.to_owned() } else { schema::partition(part.table, day) }
}

impl Link {
    /// Many rows at once.
    pub(super) async fn copy(&self, table: &str, columns: &str, rows: &[Vec<Cell>]) -> Outcome<()> {
        let shape = self.statement(&format!("SELECT {columns} FROM {table}")).await?;
        let types: Vec<_> = shape.columns().iter().map(|column| column.type_().clone()).collect();
        let copied = async {
            let sink = self.client.copy_in(&format!("COPY {table} ({columns}) FROM STDIN BINARY")).await?;
            let mut writer = pin!(BinaryCopyInWriter::new(sink, &types));
            for row in rows {
                writer.as_mut().write_raw(row).await?;
            }
            writer.finish().await
        };
        self.within(copied).await.map(drop)
    }
}
