//! What is to be told of changes, until it was told.

use ringup_core::id::{AccountId, EndpointId};
use ringup_core::key::EnvironmentKey;
use ringup_core::operational::{Notice, OperationalKind, Subject};
use rusqlite::{Connection, Row, params};

use super::Catalog;
use crate::shape::known;
use crate::sqlite::fault::{InFile, Outcome};

impl Catalog {
    pub(in crate::sqlite) fn notices(&self, rows_max: usize) -> Outcome<Vec<(i64, Notice)>> {
        let rows_max = i64::try_from(rows_max).unwrap_or(i64::MAX);
        let read = || -> rusqlite::Result<Vec<(i64, Notice)>> {
            let mut statement = self.connection.prepare_cached("SELECT * FROM notice ORDER BY number LIMIT ?")?;
            statement.query_map([rows_max], notice)?.collect()
        };
        read().in_file(&self.path)
    }
}

pub(super) fn put(connection: &Connection, notice: &Notice) -> rusqlite::Result<()> {
    let subject = &notice.subject;
    connection
        .execute(
            "INSERT INTO notice (kind, environment, account, account_uid, endpoint, endpoint_uid, automatic)
             VALUES (?, ?, ?, ?, ?, ?, ?)",
            params![
                notice.kind.word(),
                notice.environment.0,
                subject.account.0,
                subject.account_uid,
                subject.endpoint.0,
                subject.endpoint_uid,
                notice.automatic
            ],
        )
        .map(drop)
}

fn notice(row: &Row<'_>) -> rusqlite::Result<(i64, Notice)> {
    let kind: String = row.get("kind")?;
    let notice = Notice {
        kind: known(OperationalKind::from_word(&kind), &kind)?,
        environment: EnvironmentKey(row.get("environment")?),
        subject: Subject {
            account: AccountId(row.get("account")?),
            account_uid: row.get("account_uid")?,
            endpoint: EndpointId(row.get("endpoint")?),
            endpoint_uid: row.get("endpoint_uid")?,
        },
        automatic: row.get("automatic")?,
    };
    Ok((row.get("number")?, notice))
}
