//! How far consumers have pulled what went to an endpoint.

use ringup_core::key::EndpointKey;
use ringup_core::time::Tick;

use super::super::fault::{Fault, Outcome};
use super::super::link::Link;
use super::super::row::{get, integer, natural, tick};
use super::in_transaction;
use crate::seam::StoreError;

pub(in crate::postgres) async fn position(link: &Link, endpoint: EndpointKey, name: &str) -> Outcome<Option<Tick>> {
    let sql = "SELECT position FROM consumer WHERE endpoint = $1 AND name = $2";
    link.one(sql, &[&endpoint.0, &name]).await?.map(|row| tick(&row, "position")).transpose()
}

pub(in crate::postgres) async fn put(
    link: &Link,
    endpoint: EndpointKey,
    name: &str,
    position: Tick,
    consumers_max: usize,
) -> Outcome<()> {
    let putting = in_transaction(
        link,
        Box::pin(async {
            // One at a time, or two would both be the last that fits.
            link.batch("LOCK TABLE consumer IN SHARE ROW EXCLUSIVE MODE").await?;
            let sql = "SELECT count(*) AS others FROM consumer WHERE endpoint = $1 AND name <> $2";
            let row = link.one(sql, &[&endpoint.0, &name]).await?;
            let others = row.map(|row| get(&row, "others")).transpose()?.map(natural).unwrap_or_default();
            if usize::try_from(others).unwrap_or(usize::MAX) >= consumers_max {
                return Err(Fault::Refused(StoreError::Conflict("number of consumers")));
            }
            let sql = "INSERT INTO consumer (endpoint, name, position) VALUES ($1, $2, $3)
                   ON CONFLICT (endpoint, name) DO UPDATE SET position = excluded.position";
            link.execute(sql, &[&endpoint.0, &name, &integer(position)]).await.map(drop)
        }),
    );
    putting.await
}
