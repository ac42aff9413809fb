//! What is to be told of changes, until it was told.

use ringup_core::id::{AccountId, EndpointId};
use ringup_core::key::EnvironmentKey;
use ringup_core::operational::{Notice, OperationalKind, Subject};

use super::super::fault::Outcome;
use super::super::link::Link;
use super::super::row::{array, get, limit, word};

pub(in crate::postgres) async fn list(link: &Link, rows_max: usize) -> Outcome<Vec<(i64, Notice)>> {
    let rows = link.query("SELECT * FROM notice ORDER BY number LIMIT $1", &[&limit(rows_max)]).await?;
    let read = rows.iter().map(|row| {
        let notice = Notice {
            kind: word(row, "kind", OperationalKind::from_word)?,
            environment: EnvironmentKey(get(row, "environment")?),
            subject: Subject {
                account: AccountId(array(row, "account")?),
                account_uid: get(row, "account_uid")?,
                endpoint: EndpointId(array(row, "endpoint")?),
                endpoint_uid: get(row, "endpoint_uid")?,
            },
            automatic: get(row, "automatic")?,
        };
        Ok((get(row, "number")?, notice))
    });
    read.collect()
}

pub(super) async fn put(link: &Link, notice: &Notice) -> Outcome<()> {
    let subject = &notice.subject;
    let sql = "INSERT INTO notice (kind, environment, account, account_uid, endpoint, endpoint_uid, automatic)
               VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let (account, endpoint) = (subject.account.0.as_slice(), subject.endpoint.0.as_slice());
    link.execute(
        sql,
        &[
            &notice.kind.word(),
            &notice.environment.0,
            &account,
            &subject.account_uid,
            &endpoint,
            &subject.endpoint_uid,
            &notice.automatic,
        ],
    )
    .await
    .map(drop)
}
