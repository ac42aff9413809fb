//! One change of the configuration, inside a transaction that the caller commits.

use ringup_core::account::{Account, Environment, EventType};
use ringup_core::endpoint::Endpoint;
use ringup_core::key::EnvironmentKey;
use rusqlite::{Connection, OptionalExtension, params};

use super::audit;
use super::key;
use super::notice;
use crate::sealed::{self, SealingKey};
use crate::seam::Change;
use crate::shape::declaration::DeclarationShape;
use crate::shape::{SecretShape, SettingsShape, SubscriptionShape, authorization, to_text};

/// The key of what was put, zero for what has none; `None` where something named does not exist.
pub(super) fn apply(
    connection: &Connection,
    change: &Change,
    sealing_key: &SealingKey,
) -> rusqlite::Result<Option<i64>> {
    match change {
        Change::PutEnvironment(environment) => put_environment(connection, environment),
        Change::FoundEnvironment(environment, event_types) => {
            let Some(key) = put_environment(connection, environment)? else { return Ok(None) };
            for event_type in event_types {
                put_event_type(connection, &EventType { environment: EnvironmentKey(key), ..event_type.clone() })?;
            }
            Ok(Some(key))
        }
        Change::PutKey(key) => key::put(connection, key),
        Change::RevokeKeys(ids, at) => key::revoke(connection, ids, *at),
        Change::KeysUsed(used) => key::used(connection, used).map(Some),
        Change::ForgetSessions(before) => key::forget_sessions(connection, *before).map(Some),
        Change::PutAccount(account) => put_account(connection, account),
        Change::DeleteAccount(key) => {
            let own = "DELETE FROM consumer WHERE endpoint IN (SELECT key FROM endpoint WHERE account = ?)";
            connection.execute(own, [key.0])?;
            connection.execute("DELETE FROM endpoint WHERE account = ?", [key.0])?;
            connection.execute("DELETE FROM api_key WHERE account = ?", [key.0])?;
            connection.execute("DELETE FROM account WHERE key = ?", [key.0]).map(touched)
        }
        Change::PutEndpoint(endpoint) => put_endpoint(connection, endpoint, sealing_key),
        Change::DeleteEndpoint(key) => {
            connection.execute("DELETE FROM consumer WHERE endpoint = ?", [key.0])?;
            connection.execute("DELETE FROM endpoint WHERE key = ?", [key.0]).map(touched)
        }
        Change::PutEventType(event_type) => put_event_type(connection, event_type),
        Change::DeleteEventType(id) => connection.execute("DELETE FROM event_type WHERE id = ?", [id.0]).map(touched),
        Change::Announced(change, notices) => {
            let key = apply(connection, change, sealing_key)?;
            notices.iter().try_for_each(|notice| notice::put(connection, notice))?;
            Ok(key)
        }
        Change::DropNotice(number) => connection.execute("DELETE FROM notice WHERE number = ?", [number]).map(touched),
        Change::Recorded(change, entries) => {
            let key = apply(connection, change, sealing_key)?;
            entries.iter().try_for_each(|entry| audit::put(connection, entry))?;
            Ok(key)
        }
        Change::Record(entries) => {
            entries.iter().try_for_each(|entry| audit::put(connection, entry))?;
            Ok(Some(0))
        }
    }
}

fn put_environment(connection: &Connection, environment: &Environment) -> rusqlite::Result<Option<i64>> {
    let Some(key) = key_for(connection, "environment", environment.key.0)? else { return Ok(None) };
    connection.execute(
        "INSERT INTO environment (key, id, name, strict, validation, created_at) VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT (key) DO UPDATE SET
            id = excluded.id, name = excluded.name, strict = excluded.strict, validation = excluded.validation,
            created_at = excluded.created_at",
        params![
            key,
            environment.id.0,
            environment.name,
            environment.strict,
            environment.validation.word(),
            environment.created_at.as_micros()
        ],
    )?;
    Ok(Some(key))
}

fn put_account(connection: &Connection, account: &Account) -> rusqlite::Result<Option<i64>> {
    if !exists(connection, "environment", account.environment.0)? {
        return Ok(None);
    }
    let Some(key) = key_for(connection, "account", account.key.0)? else { return Ok(None) };
    connection.execute(
        "INSERT INTO account (key, id, environment, uid, name, metadata, settings, created_at, updated_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (key) DO UPDATE SET
            id = excluded.id, environment = excluded.environment, uid = excluded.uid, name = excluded.name,
            metadata = excluded.metadata, settings = excluded.settings, created_at = excluded.created_at,
            updated_at = excluded.updated_at",
        params![
            key,
            account.id.0,
            account.environment.0,
            account.uid,
            account.name,
            to_text(&account.metadata)?,
            to_text(&SettingsShape::from(&account.settings))?,
            account.created_at.as_micros(),
            account.updated_at.as_micros()
        ],
    )?;
    Ok(Some(key))
}

fn put_endpoint(
    connection: &Connection,
    endpoint: &Endpoint,
    sealing_key: &SealingKey,
) -> rusqlite::Result<Option<i64>> {
    if !exists(connection, "account", endpoint.account.0)? {
        return Ok(None);
    }
    let Some(key) = key_for(connection, "endpoint", endpoint.key.0)? else { return Ok(None) };
    let secrets: Vec<SecretShape> = endpoint.secrets.iter().map(SecretShape::from).collect();
    let seal = |column: &str, plain: &[u8]| {
        sealing_key.seal(&sealed::place(column, endpoint.account.0, &endpoint.id.0), plain)
    };
    connection.execute(
        "INSERT INTO endpoint (key, id, account, uid, url, description, metadata, subscription, stopped_by, stopped_at,
                               secrets, headers, settings, created_at, updated_at, authorization,
                               sealed_headers, stopped_why)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '[]', ?, ?, ?, ?, ?, ?)
         ON CONFLICT (key) DO UPDATE SET
            id = excluded.id, account = excluded.account, uid = excluded.uid, url = excluded.url,
            description = excluded.description, metadata = excluded.metadata, subscription = excluded.subscription,
            stopped_by = excluded.stopped_by, stopped_at = excluded.stopped_at, secrets = excluded.secrets,
            headers = excluded.headers, settings = excluded.settings, created_at = excluded.created_at,
            updated_at = excluded.updated_at, authorization = excluded.authorization,
            sealed_headers = excluded.sealed_headers, stopped_why = excluded.stopped_why",
        params![
            key,
            endpoint.id.0,
            endpoint.account.0,
            endpoint.uid,
            endpoint.url,
            endpoint.description,
            to_text(&endpoint.metadata)?,
            to_text(&SubscriptionShape::from(&endpoint.subscription))?,
            endpoint.stopped.map(|stopped| stopped.by.word()),
            endpoint.stopped.map(|stopped| stopped.at.as_micros()),
            seal(sealed::SECRETS, to_text(&secrets)?.as_bytes()),
            to_text(&SettingsShape::from(&endpoint.settings))?,
            endpoint.created_at.as_micros(),
            endpoint.updated_at.as_micros(),
            authorization::to_column(&endpoint.authorization)?.map(|plain| seal(sealed::AUTHORIZATION, &plain)),
            seal(sealed::HEADERS, to_text(&endpoint.headers)?.as_bytes()),
            endpoint.stopped_why
        ],
    )?;
    Ok(Some(key))
}

fn put_event_type(connection: &Connection, event_type: &EventType) -> rusqlite::Result<Option<i64>> {
    if !exists(connection, "environment", event_type.environment.0)? {
        return Ok(None);
    }
    connection.execute(
        "INSERT INTO event_type (id, environment, name, description, family, archived, deprecated, feature_flag,
                                 schemas, schedule, hook, created_at, updated_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET
            environment = excluded.environment, name = excluded.name, description = excluded.description,
            family = excluded.family, archived = excluded.archived, deprecated = excluded.deprecated,
            feature_flag = excluded.feature_flag, schemas = excluded.schemas,
            schedule = excluded.schedule, hook = excluded.hook, created_at = excluded.created_at,
            updated_at = excluded.updated_at",
        params![
            event_type.id.0,
            event_type.environment.0,
            event_type.name,
            event_type.description,
            event_type.group,
            event_type.archived,
            event_type.deprecated,
            event_type.feature_flag,
            event_type.schemas,
            to_text(&event_type.schedule)?,
            to_text(&event_type.hook.as_ref().map(DeclarationShape::from))?,
            event_type.created_at.as_micros(),
            event_type.updated_at.as_micros()
        ],
    )?;
    Ok(Some(0))
}

/// A new key for zero, else the one given if a row has it.
fn key_for(connection: &Connection, table: &str, given: i64) -> rusqlite::Result<Option<i64>> {
    if given != 0 {
        return Ok(exists(connection, table, given)?.then_some(given));
    }
    connection
        .query_row("UPDATE sequence SET last_key = last_key + 1 RETURNING last_key", (), |row| row.get(0))
        .map(Some)
}

pub(super) fn exists(connection: &Connection, table: &str, key: i64) -> rusqlite::Result<bool> {
    let found: Option<i64> =
        connection.query_row(&format!("SELECT 1 FROM {table} WHERE key = ?"), [key], |row| row.get(0)).optional()?;
    Ok(found.is_some())
}

fn touched(rows: usize) -> Option<i64> {
    (rows > 0).then_some(0)
}
