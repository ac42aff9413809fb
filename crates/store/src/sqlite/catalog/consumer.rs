//! How far consumers have pulled what went to an endpoint.

use ringup_core::key::EndpointKey;
use ringup_core::time::Tick;
use rusqlite::{OptionalExtension, TransactionBehavior, params};

use super::Catalog;
use crate::seam::StoreError;
use crate::sqlite::fault::{Fault, InFile, Outcome};
use crate::sqlite::row::{integer, natural};

impl Catalog {
    pub(in crate::sqlite) fn consumer(&self, endpoint: EndpointKey, name: &str) -> Outcome<Option<Tick>> {
        let read = || -> rusqlite::Result<Option<i64>> {
            let mut statement =
                self.connection.prepare_cached("SELECT position FROM consumer WHERE endpoint = ? AND name = ?")?;
            statement.query_row((endpoint.0, name), |row| row.get(0)).optional()
        };
        Ok(read().in_file(&self.path)?.map(|position| Tick(natural(position))))
    }

    pub(in crate::sqlite) fn move_consumer(
        &mut self,
        endpoint: EndpointKey,
        name: &str,
        position: Tick,
        consumers_max: usize,
    ) -> Outcome<()> {
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate).in_file(&self.path)?;
        let others: i64 = transaction
            .query_row(
                "SELECT count(*) FROM consumer WHERE endpoint = ? AND name <> ?",
                params![endpoint.0, name],
                |row| row.get(0),
            )
            .in_file(&self.path)?;
        if usize::try_from(others).unwrap_or(usize::MAX) >= consumers_max {
            return Err(Fault::Refused(StoreError::Conflict("number of consumers")));
        }
        transaction
            .execute(
                "INSERT INTO consumer (endpoint, name, position) VALUES (?, ?, ?)
                 ON CONFLICT (endpoint, name) DO UPDATE SET position = excluded.position",
                params![endpoint.0, name, integer(position.0)],
            )
            .in_file(&self.path)?;
        transaction.commit().in_file(&self.path)
    }
}
