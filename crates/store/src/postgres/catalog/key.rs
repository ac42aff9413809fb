//! Keys, links and sessions in their table.

use ringup_core::account::{ApiKey, KeyKind, Role};
use ringup_core::id::KeyId;
use ringup_core::key::{AccountKey, EnvironmentKey};
use ringup_core::time::Timestamp;
use tokio_postgres::Row;

use super::super::fault::Outcome;
use super::super::link::{Link, Value};
use super::super::row::{array, array_or_none, get, moment, time, word};
use super::change::{self, exists};
use crate::shape::{from_text, scopes, scopes_text, to_text};

/// Zero, or `None` where its environment or account does not exist.
pub(super) async fn put(link: &Link, key: &ApiKey) -> Outcome<Option<i64>> {
    let (environment, account) = match key.role {
        Role::Operator => (None, None),
        Role::Environment(environment) => (Some(environment.0), None),
        Role::Account(account) => (None, Some(account.0)),
    };
    for (table, owner) in [("environment", environment), ("account", account)] {
        if let Some(owner) = owner
            && !exists(link, table, owner).await?
        {
            return Ok(None);
        }
    }
    let sql = "INSERT INTO api_key (id, environment, name, token_hash, created_at, revoked_at, kind, account, scopes,
                                    prefix, parent, session, feature_flags, expires_at, used_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
               ON CONFLICT (id) DO UPDATE SET
                  environment = excluded.environment, name = excluded.name, token_hash = excluded.token_hash,
                  created_at = excluded.created_at, revoked_at = excluded.revoked_at, kind = excluded.kind,
                  account = excluded.account, scopes = excluded.scopes, prefix = excluded.prefix,
                  parent = excluded.parent, session = excluded.session, feature_flags = excluded.feature_flags,
                  expires_at = excluded.expires_at, used_at = excluded.used_at";
    let values: [Value<'_>; 15] = [
        &key.id.0.as_slice(),
        &environment,
        &key.name,
        &key.token_hash.as_slice(),
        &key.created_at.as_micros(),
        &key.revoked_at.map(Timestamp::as_micros),
        &key.kind.word(),
        &account,
        &scopes_text(key.scopes),
        &key.prefix,
        &key.parent.as_ref().map(|parent| parent.0.as_slice()),
        &key.session,
        &key.feature_flags.as_ref().map(to_text).transpose()?,
        &key.expires_at.map(Timestamp::as_micros),
        &key.used_at.map(Timestamp::as_micros),
    ];
    change::put(link, sql, &values).await?;
    Ok(Some(0))
}

/// `None`, for the caller to take back, if one of them is unknown.
pub(super) async fn revoke(link: &Link, ids: &[KeyId], at: Timestamp) -> Outcome<Option<i64>> {
    for id in ids {
        let sql = "UPDATE api_key SET revoked_at = $1 WHERE id = $2";
        if link.execute(sql, &[&at.as_micros(), &id.0.as_slice()]).await? == 0 {
            return Ok(None);
        }
    }
    Ok(Some(0))
}

pub(super) async fn used(link: &Link, used: &[(KeyId, Timestamp)]) -> Outcome<i64> {
    let ids: Vec<&[u8]> = used.iter().map(|(id, _)| id.0.as_slice()).collect();
    let times: Vec<i64> = used.iter().map(|(_, at)| at.as_micros()).collect();
    let sql = "UPDATE api_key k SET used_at = greatest(k.used_at, w.used_at)
               FROM (SELECT id, max(used_at) AS used_at FROM unnest($1::bytea[], $2::bigint[]) AS u(id, used_at)
                     GROUP BY id) w
               WHERE k.id = w.id";
    link.execute(sql, &[&ids, &times]).await.map(|_| 0)
}

pub(super) async fn forget_sessions(link: &Link, before: Timestamp) -> Outcome<i64> {
    let sql = "DELETE FROM api_key WHERE kind <> 'key' AND (expires_at < $1 OR revoked_at < $1)";
    link.execute(sql, &[&before.as_micros()]).await.map(|_| 0)
}

pub(super) fn read(row: &Row) -> Outcome<ApiKey> {
    let flags: Option<&str> = get(row, "feature_flags")?;
    Ok(ApiKey {
        id: KeyId(array(row, "id")?),
        kind: word(row, "kind", KeyKind::from_word)?,
        role: match (get(row, "environment")?, get(row, "account")?) {
            (_, Some(account)) => Role::Account(AccountKey(account)),
            (Some(environment), None) => Role::Environment(EnvironmentKey(environment)),
            (None, None) => Role::Operator,
        },
        scopes: scopes(get(row, "scopes")?)?,
        name: get(row, "name")?,
        prefix: get(row, "prefix")?,
        token_hash: array(row, "token_hash")?,
        parent: array_or_none(row, "parent")?.map(KeyId),
        session: get(row, "session")?,
        feature_flags: flags.map(|flags| from_text(flags.as_bytes())).transpose()?,
        created_at: time(row, "created_at")?,
        expires_at: moment(row, "expires_at")?,
        revoked_at: moment(row, "revoked_at")?,
        used_at: moment(row, "used_at")?,
    })
}
