//! How catchers lie in their table.

use std::sync::Arc;

use ringup_core::catcher::{Catcher, FixedBody};
use ringup_core::id::{CatcherId, EndpointId};
use ringup_core::key::{AccountKey, CatcherKey};
use tokio_postgres::Row;

use super::super::catalog::in_transaction;
use super::super::fault::{Fault, Outcome};
use super::super::link::{Link, Value};
use super::super::row::{array, array_or_none, bits, bits_back, get, natural, time};
use super::super::shared::not_found;
use crate::catcher::{Standing, token_hash};
use crate::seam::StoreError;

/// What a catcher `c` is, and where its script stands.
const STANDING: &str = "SELECT c.*, coalesce((SELECT s.seen FROM sighting s WHERE s.catcher = c.key
                                              ORDER BY s.first DESC LIMIT 1), 0) AS of_newest FROM catcher c";

pub(super) async fn of_account(link: &Link, account: AccountKey) -> Outcome<Vec<Standing>> {
    let sql = format!("{STANDING} WHERE c.account = $1 ORDER BY c.key");
    link.query(&sql, &[&account.0]).await?.iter().map(standing).collect()
}

pub(super) async fn find(link: &Link, id: CatcherId) -> Outcome<Option<Standing>> {
    let sql = format!("{STANDING} WHERE c.id = $1");
    link.one(&sql, &[&id.0.as_slice()]).await?.as_ref().map(standing).transpose()
}

pub(super) async fn addressed(link: &Link, write_token: &str) -> Outcome<Option<Arc<Catcher>>> {
    let hash = token_hash(write_token);
    let row = link.one("SELECT * FROM catcher WHERE token_hash = $1", &[&hash.as_slice()]).await?;
    row.as_ref().map(|row| catcher(row).map(Arc::new)).transpose()
}

/// With the key that it has from now on.
pub(super) async fn put(link: &Link, mut catcher: Catcher) -> Outcome<Catcher> {
    let key = in_transaction(link, Box::pin(put_row(link, &catcher)));
    catcher.key = key.await.map_err(|fault| match fault {
        Fault::Taken(name) if &*name == "catcher_id" => Fault::Refused(StoreError::Conflict("catcher")),
        Fault::Taken(_) => Fault::Refused(StoreError::Conflict("write token")),
        fault => fault,
    })?;
    Ok(catcher)
}

async fn put_row(link: &Link, catcher: &Catcher) -> Outcome<CatcherKey> {
    let (body_type, body) = match &catcher.body {
        None => (None, None),
        Some(FixedBody::Json(text)) => (Some("json"), Some(text)),
        Some(FixedBody::Text(text)) => (Some("text"), Some(text)),
    };
    let (id, hash, script) = (catcher.id.0.as_slice(), token_hash(&catcher.write_token), catcher.script.to_string());
    let (hash, read_hash) = (hash.as_slice(), catcher.read_token_hash.as_ref().map(|hash| hash.as_slice()));
    let (seed, endpoint) = (bits(catcher.seed), catcher.endpoint.as_ref().map(|id| id.0.as_slice()));
    let (created_at, updated_at) = (catcher.created_at.as_micros(), catcher.updated_at.as_micros());
    let Catcher { account, name, write_token, .. } = catcher;
    let values: [Value<'_>; 13] = [
        &id,
        &account.0,
        name,
        write_token,
        &hash,
        &read_hash,
        &script,
        &body_type,
        &body,
        &seed,
        &endpoint,
        &created_at,
        &updated_at,
    ];
    if catcher.key == CatcherKey(0) {
        let sql =
            "INSERT INTO catcher (id, account, name, write_token, token_hash, read_token_hash, script, body_type, body,
                      seed, endpoint, created_at, updated_at, last_number, requests, changes)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0, 0, 0) RETURNING key";
        let row = link.one(sql, &values).await?.ok_or_else(not_found)?;
        return get(&row, "key").map(CatcherKey);
    }
    let key = catcher.key;
    let row = link.one("SELECT script FROM catcher WHERE key = $1 FOR UPDATE", &[&key.0]).await?;
    if get::<&str>(&row.ok_or_else(not_found)?, "script")? != script {
        begin_anew(link, key).await?;
    }
    let sql = "UPDATE catcher SET id = $1, account = $2, name = $3, write_token = $4, token_hash = $5, read_token_hash = $6,
                  script = $7, body_type = $8, body = $9, seed = $10, endpoint = $11, created_at = $12, updated_at = $13,
                  changes = changes + 1 WHERE key = $14";
    link.execute(sql, &[&values[..], &[&key.0]].concat()).await?;
    Ok(key)
}

pub(super) async fn remove(link: &Link, catcher: CatcherKey) -> Outcome<()> {
    let work = async {
        // Its row first, as whoever takes a request in does.
        if link.execute("DELETE FROM catcher WHERE key = $1", &[&catcher.0]).await? == 0 {
            return Err(not_found());
        }
        link.execute("DELETE FROM caught WHERE catcher = $1", &[&catcher.0]).await?;
        link.execute("DELETE FROM sighting WHERE catcher = $1", &[&catcher.0]).await.map(drop)
    };
    in_transaction(link, Box::pin(work)).await
}

pub(super) async fn restart(link: &Link, catcher: CatcherKey) -> Outcome<()> {
    in_transaction(link, Box::pin(begin_anew(link, catcher))).await
}

async fn begin_anew(link: &Link, catcher: CatcherKey) -> Outcome<()> {
    let sql = "UPDATE catcher SET requests = 0, changes = changes + 1 WHERE key = $1";
    if link.execute(sql, &[&catcher.0]).await? == 0 {
        return Err(not_found());
    }
    link.execute("DELETE FROM sighting WHERE catcher = $1", &[&catcher.0]).await.map(drop)
}

fn standing(row: &Row) -> Outcome<Standing> {
    Ok(Standing {
        catcher: Arc::new(catcher(row)?),
        requests: natural(get(row, "requests")?),
        of_newest: natural(get(row, "of_newest")?),
    })
}

pub(super) fn catcher(row: &Row) -> Outcome<Catcher> {
    let body: Option<String> = get(row, "body")?;
    let script: &str = get(row, "script")?;
    Ok(Catcher {
        key: CatcherKey(get(row, "key")?),
        id: CatcherId(array(row, "id")?),
        account: AccountKey(get(row, "account")?),
        name: get(row, "name")?,
        write_token: get(row, "write_token")?,
        read_token_hash: array_or_none(row, "read_token_hash")?,
        script: script.parse().map_err(|_| Fault::damaged("a script that is none"))?,
        body: match get::<Option<&str>>(row, "body_type")? {
            Some("json") => body.map(FixedBody::Json),
            Some(_) => body.map(FixedBody::Text),
            None => None,
        },
        seed: bits_back(get(row, "seed")?),
        endpoint: array_or_none(row, "endpoint")?.map(EndpointId),
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}
