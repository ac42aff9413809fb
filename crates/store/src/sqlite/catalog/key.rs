//! Keys, links and sessions in their table.

use ringup_core::account::{ApiKey, KeyKind, Role};
use ringup_core::id::KeyId;
use ringup_core::key::{AccountKey, EnvironmentKey};
use ringup_core::time::Timestamp;
use rusqlite::{Connection, Row, params};

use super::change::exists;
use super::load::time;

use crate::shape::{from_text, known, scopes, scopes_text, to_text};

/// Zero, or `None` where its environment or account does not exist.
pub(super) fn put(connection: &Connection, key: &ApiKey) -> rusqlite::Result<Option<i64>> {
    let (environment, account) = match key.role {
        Role::Operator => (None, None),
        Role::Environment(environment) => (Some(environment.0), None),
        Role::Account(account) => (None, Some(account.0)),
    };
    for (table, owner) in [("environment", environment), ("account", account)] {
        if let Some(owner) = owner
            && !exists(connection, table, owner)?
        {
            return Ok(None);
        }
    }
    let scopes = scopes_text(key.scopes);
    connection.execute(
        "INSERT INTO api_key (id, environment, name, token_hash, created_at, revoked_at, kind, account, scopes, prefix,
                              parent, session, feature_flags, expires_at, used_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET
            environment = excluded.environment, name = excluded.name, token_hash = excluded.token_hash,
            created_at = excluded.created_at, revoked_at = excluded.revoked_at, kind = excluded.kind,
            account = excluded.account, scopes = excluded.scopes, prefix = excluded.prefix, parent = excluded.parent,
            session = excluded.session, feature_flags = excluded.feature_flags, expires_at = excluded.expires_at,
            used_at = excluded.used_at",
        params![
            key.id.0,
            environment,
            key.name,
            key.token_hash,
            key.created_at.as_micros(),
            key.revoked_at.map(Timestamp::as_micros),
            key.kind.word(),
            account,
            scopes,
            key.prefix,
            key.parent.map(|parent| parent.0),
            key.session,
            key.feature_flags.as_ref().map(to_text).transpose()?,
            key.expires_at.map(Timestamp::as_micros),
            key.used_at.map(Timestamp::as_micros),
        ],
    )?;
    Ok(Some(0))
}

/// `None`, for the caller to take back, if one of them is unknown.
pub(super) fn revoke(connection: &Connection, ids: &[KeyId], at: Timestamp) -> rusqlite::Result<Option<i64>> {
    let mut statement = connection.prepare("UPDATE api_key SET revoked_at = ? WHERE id = ?")?;
    for id in ids {
        if statement.execute(params![at.as_micros(), id.0])? == 0 {
            return Ok(None);
        }
    }
    Ok(Some(0))
}

pub(super) fn used(connection: &Connection, used: &[(KeyId, Timestamp)]) -> rusqlite::Result<i64> {
    let sql = "UPDATE api_key SET used_at = max(coalesce(used_at, ?1), ?1) WHERE id = ?2";
    let mut statement = connection.prepare(sql)?;
    for (id, at) in used {
        statement.execute(params![at.as_micros(), id.0])?;
    }
    Ok(0)
}

pub(super) fn forget_sessions(connection: &Connection, before: Timestamp) -> rusqlite::Result<i64> {
    let sql = "DELETE FROM api_key WHERE kind <> 'key' AND (expires_at < ?1 OR revoked_at < ?1)";
    connection.execute(sql, [before.as_micros()]).map(|_| 0)
}

pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<ApiKey> {
    let key = |column| row.get::<_, Option<i64>>(column);
    let moment = |column| row.get::<_, Option<i64>>(column).map(|at| at.map(Timestamp::from_micros));
    let kind: String = row.get("kind")?;
    let flags: Option<String> = row.get("feature_flags")?;
    Ok(ApiKey {
        id: KeyId(row.get("id")?),
        kind: known(KeyKind::from_word(&kind), &kind)?,
        role: match (key("environment")?, key("account")?) {
            (_, Some(account)) => Role::Account(AccountKey(account)),
            (Some(environment), None) => Role::Environment(EnvironmentKey(environment)),
            (None, None) => Role::Operator,
        },
        scopes: scopes(row.get::<_, Option<String>>("scopes")?.as_deref())?,
        name: row.get("name")?,
        prefix: row.get("prefix")?,
        token_hash: row.get("token_hash")?,
        parent: row.get::<_, Option<[u8; 20]>>("parent")?.map(KeyId),
        session: row.get("session")?,
        feature_flags: flags.map(|flags| from_text(flags.as_bytes())).transpose()?,
        created_at: time(row, "created_at")?,
        expires_at: moment("expires_at")?,
        revoked_at: moment("revoked_at")?,
        used_at: moment("used_at")?,
    })
}
