//! One change of the configuration, inside a transaction that the caller commits.

use futures_util::future::BoxFuture;
use ringup_core::account::{Account, Environment, EventType};
use ringup_core::endpoint::Endpoint;
use ringup_core::key::EnvironmentKey;
use tokio_postgres::Row;

use super::super::fault::{Fault, Outcome};
use super::super::link::{Link, Value};
use super::super::row::get;
use super::{audit, key, notice};
use crate::sealed::{self, SealingKey};
use crate::seam::{Change, StoreError};
use crate::shape::declaration::DeclarationShape;
use crate::shape::{SecretShape, SettingsShape, SubscriptionShape, authorization, to_text};

/// The key of what was put, zero for what has none; `None` where something named does not exist.
pub(super) fn apply<'a>(
    link: &'a Link,
    change: &'a Change,
    sealing_key: &'a SealingKey,
) -> BoxFuture<'a, Outcome<Option<i64>>> {
    Box::pin(async move {
        match change {
            Change::PutEnvironment(environment) => put_environment(link, environment).await,
            Change::FoundEnvironment(environment, event_types) => {
                let Some(key) = put_environment(link, environment).await? else { return Ok(None) };
                for event_type in event_types {
                    let event_type = EventType { environment: EnvironmentKey(key), ..event_type.clone() };
                    put_event_type(link, &event_type).await?;
                }
                Ok(Some(key))
            }
            Change::PutKey(key) => key::put(link, key).await,
            Change::RevokeKeys(ids, at) => key::revoke(link, ids, *at).await,
            Change::KeysUsed(used) => key::used(link, used).await.map(Some),
            Change::ForgetSessions(before) => key::forget_sessions(link, *before).await.map(Some),
            Change::PutAccount(account) => put_account(link, account).await,
            Change::DeleteAccount(key) => {
                let own = "DELETE FROM consumer WHERE endpoint IN (SELECT key FROM endpoint WHERE account = $1)";
                link.execute(own, &[&key.0]).await?;
                link.execute("DELETE FROM endpoint WHERE account = $1", &[&key.0]).await?;
                link.execute("DELETE FROM api_key WHERE account = $1", &[&key.0]).await?;
                link.execute("DELETE FROM account WHERE key = $1", &[&key.0]).await.map(touched)
            }
            Change::PutEndpoint(endpoint) => put_endpoint(link, endpoint, sealing_key).await,
            Change::DeleteEndpoint(key) => {
                link.execute("DELETE FROM consumer WHERE endpoint = $1", &[&key.0]).await?;
                link.execute("DELETE FROM endpoint WHERE key = $1", &[&key.0]).await.map(touched)
            }
            Change::PutEventType(event_type) => put_event_type(link, event_type).await,
            Change::DeleteEventType(id) => {
                link.execute("DELETE FROM event_type WHERE id = $1", &[&id.0.as_slice()]).await.map(touched)
            }
            Change::Announced(change, notices) => {
                let key = apply(link, change, sealing_key).await?;
                for notice in notices {
                    notice::put(link, notice).await?;
                }
                Ok(key)
            }
            Change::DropNotice(number) => {
                link.execute("DELETE FROM notice WHERE number = $1", &[number]).await.map(touched)
            }
            Change::Recorded(change, entries) => {
                let key = apply(link, change, sealing_key).await?;
                for entry in entries {
                    audit::put(link, entry).await?;
                }
                Ok(key)
            }
            Change::Record(entries) => {
                for entry in entries {
                    audit::put(link, entry).await?;
                }
                Ok(Some(0))
            }
        }
    })
}

async fn put_environment(link: &Link, environment: &Environment) -> Outcome<Option<i64>> {
    let Some(key) = key_for(link, "environment", environment.key.0).await? else { return Ok(None) };
    let sql = "INSERT INTO environment (key, id, name, strict, validation, created_at) VALUES ($1, $2, $3, $4, $5, $6)
               ON CONFLICT (key) DO UPDATE SET
                  id = excluded.id, name = excluded.name, strict = excluded.strict, validation = excluded.validation,
                  created_at = excluded.created_at";
    let values: [Value<'_>; 6] = [
        &key,
        &environment.id.0.as_slice(),
        &environment.name,
        &environment.strict,
        &environment.validation.word(),
        &environment.created_at.as_micros(),
    ];
    put(link, sql, &values).await?;
    Ok(Some(key))
}

async fn put_account(link: &Link, account: &Account) -> Outcome<Option<i64>> {
    if !exists(link, "environment", account.environment.0).await? {
        return Ok(None);
    }
    let Some(key) = key_for(link, "account", account.key.0).await? else { return Ok(None) };
    let sql = "INSERT INTO account (key, id, environment, uid, name, metadata, settings, created_at, updated_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
               ON CONFLICT (key) DO UPDATE SET
                  id = excluded.id, environment = excluded.environment, uid = excluded.uid, name = excluded.name,
                  metadata = excluded.metadata, settings = excluded.settings, created_at = excluded.created_at,
                  updated_at = excluded.updated_at";
    let values: [Value<'_>; 9] = [
        &key,
        &account.id.0.as_slice(),
        &account.environment.0,
        &account.uid,
        &account.name,
        &to_text(&account.metadata)?,
        &to_text(&SettingsShape::from(&account.settings))?,
        &account.created_at.as_micros(),
        &account.updated_at.as_micros(),
    ];
    put(link, sql, &values).await?;
    Ok(Some(key))
}

async fn put_endpoint(link: &Link, endpoint: &Endpoint, sealing_key: &SealingKey) -> Outcome<Option<i64>> {
    if !exists(link, "account", endpoint.account.0).await? {
        return Ok(None);
    }
    let Some(key) = key_for(link, "endpoint", endpoint.key.0).await? else { return Ok(None) };
    let secrets: Vec<SecretShape> = endpoint.secrets.iter().map(SecretShape::from).collect();
    let seal = |column: &str, plain: &[u8]| {
        sealing_key.seal(&sealed::place(column, endpoint.account.0, &endpoint.id.0), plain)
    };
    let authorized = authorization::to_column(&endpoint.authorization)?;
    let sql = "INSERT INTO endpoint (key, id, account, uid, url, description, metadata, subscription, stopped_by,
                                     stopped_at, stopped_why, secrets, headers, authorized, settings, created_at,
                                     updated_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
               ON CONFLICT (key) DO UPDATE SET
                  id = excluded.id, account = excluded.account, uid = excluded.uid, url = excluded.url,
                  description = excluded.description, metadata = excluded.metadata,
                  subscription = excluded.subscription, stopped_by = excluded.stopped_by,
                  stopped_at = excluded.stopped_at, stopped_why = excluded.stopped_why, secrets = excluded.secrets,
                  headers = excluded.headers, authorized = excluded.authorized, settings = excluded.settings,
                  created_at = excluded.created_at, updated_at = excluded.updated_at";
    let values: [Value<'_>; 17] = [
        &key,
        &endpoint.id.0.as_slice(),
        &endpoint.account.0,
        &endpoint.uid,
        &endpoint.url,
        &endpoint.description,
        &to_text(&endpoint.metadata)?,
        &to_text(&SubscriptionShape::from(&endpoint.subscription))?,
        &endpoint.stopped.map(|stopped| stopped.by.word()),
        &endpoint.stopped.map(|stopped| stopped.at.as_micros()),
        &endpoint.stopped_why,
        &seal(sealed::SECRETS, to_text(&secrets)?.as_bytes()),
        &seal(sealed::HEADERS, to_text(&endpoint.headers)?.as_bytes()),
        &authorized.map(|plain| seal(sealed::AUTHORIZATION, &plain)),
        &to_text(&SettingsShape::from(&endpoint.settings))?,
        &endpoint.created_at.as_micros(),
        &endpoint.updated_at.as_micros(),
    ];
    put(link, sql, &values).await?;
    Ok(Some(key))
}

async fn put_event_type(link: &Link, event_type: &EventType) -> Outcome<Option<i64>> {
    if !exists(link, "environment", event_type.environment.0).await? {
        return Ok(None);
    }
    let sql = "INSERT INTO event_type (id, environment, name, description, family, archived, deprecated, feature_flag,
                                       schemas, schedule, hook, created_at, updated_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
               ON CONFLICT (id) DO UPDATE SET
                  environment = excluded.environment, name = excluded.name, description = excluded.description,
                  family = excluded.family, archived = excluded.archived, deprecated = excluded.deprecated,
                  feature_flag = excluded.feature_flag, schemas = excluded.schemas, schedule = excluded.schedule,
                  hook = excluded.hook,
                  created_at = excluded.created_at, updated_at = excluded.updated_at";
    let values: [Value<'_>; 13] = [
        &event_type.id.0.as_slice(),
        &event_type.environment.0,
        &event_type.name,
        &event_type.description,
        &event_type.group,
        &event_type.archived,
        &event_type.deprecated,
        &event_type.feature_flag,
        &event_type.schemas,
        &to_text(&event_type.schedule)?,
        &to_text(&event_type.hook.as_ref().map(DeclarationShape::from))?,
        &event_type.created_at.as_micros(),
        &event_type.updated_at.as_micros(),
    ];
    put(link, sql, &values).await?;
    Ok(Some(0))
}

/// Puts a row. A name that is taken is told by the name of its constraint.
pub(super) async fn put(link: &Link, sql: &str, values: &[Value<'_>]) -> Outcome<()> {
    let taken = [
        ("environment_name", "environment name"),
        ("account_uid", "uid"),
        ("endpoint_uid", "uid"),
        ("event_type_name", "event type name"),
        ("api_key_token_hash", "key"),
        ("_id", "id"),
    ];
    match link.execute(sql, values).await {
        Err(Fault::Taken(constraint)) => Err(match taken.iter().find(|(known, _)| constraint.ends_with(known)) {
            Some((_, name)) => Fault::Refused(StoreError::Conflict(name)),
            None => Fault::Taken(constraint),
        }),
        answer => answer.map(drop),
    }
}

/// A new key for zero, else the one given if a row has it.
async fn key_for(link: &Link, table: &str, given: i64) -> Outcome<Option<i64>> {
    if given != 0 {
        return Ok(exists(link, table, given).await?.then_some(given));
    }
    let row = link.one("UPDATE sequence SET last_key = last_key + 1 RETURNING last_key", &[]).await?;
    row.map(|row: Row| get(&row, "last_key")).transpose()
}

pub(super) async fn exists(link: &Link, table: &str, key: i64) -> Outcome<bool> {
    Ok(link.one(&format!("SELECT 1 FROM {table} WHERE key = $1"), &[&key]).await?.is_some())
}

pub(super) fn touched(rows: u64) -> Option<i64> {
    (rows > 0).then_some(0)
}
