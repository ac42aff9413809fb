//! Reading the configuration whole.

use ringup_core::account::{Account, Environment, EventType, Validation};
use ringup_core::endpoint::{Endpoint, SigningSecret, Stopped, StoppedBy};
use ringup_core::id::{AccountId, EndpointId, EnvironmentId, EventTypeId};
use ringup_core::key::{AccountKey, EndpointKey, EnvironmentKey};
use ringup_core::settings::Settings;
use ringup_core::time::Timestamp;
use rusqlite::{Connection, Row};

use super::key;
use crate::sealed::{self, SealingKey};
use crate::seam::Configuration;
use crate::shape::declaration::DeclarationShape;
use crate::shape::{SecretShape, SettingsShape, SubscriptionShape, authorization, broken, from_text, known};

/// As of one moment.
pub(super) fn configuration(connection: &Connection, sealing_key: &SealingKey) -> rusqlite::Result<Configuration> {
    let moment = connection.unchecked_transaction()?;
    let configuration = Configuration {
        environments: all(&moment, "SELECT * FROM environment ORDER BY key", environment)?,
        keys: all(&moment, "SELECT * FROM api_key ORDER BY id", key::read)?,
        accounts: all(&moment, "SELECT * FROM account ORDER BY key", account)?,
        endpoints: all(&moment, "SELECT * FROM endpoint ORDER BY key", |row| endpoint(row, sealing_key))?,
        event_types: all(&moment, "SELECT * FROM event_type ORDER BY id", event_type)?,
    };
    moment.commit()?;
    Ok(configuration)
}

fn all<T>(
    connection: &Connection,
    sql: &str,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    connection.prepare(sql)?.query_map((), read)?.collect()
}

fn environment(row: &Row<'_>) -> rusqlite::Result<Environment> {
    Ok(Environment {
        key: EnvironmentKey(row.get("key")?),
        id: EnvironmentId(row.get("id")?),
        name: row.get("name")?,
        strict: row.get("strict")?,
        validation: {
            let word: String = row.get("validation")?;
            known(Validation::from_word(&word), &word)?
        },
        created_at: time(row, "created_at")?,
    })
}

fn account(row: &Row<'_>) -> rusqlite::Result<Account> {
    Ok(Account {
        key: AccountKey(row.get("key")?),
        id: AccountId(row.get("id")?),
        environment: EnvironmentKey(row.get("environment")?),
        uid: row.get("uid")?,
        name: row.get("name")?,
        metadata: json(row, "metadata")?,
        settings: settings(row)?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}

fn endpoint(row: &Row<'_>, sealing_key: &SealingKey) -> rusqlite::Result<Endpoint> {
    let stopped_by: Option<String> = row.get("stopped_by")?;
    let stopped = match stopped_by {
        Some(word) => Some(Stopped { by: known(StoppedBy::from_word(&word), &word)?, at: time(row, "stopped_at")? }),
        None => None,
    };
    let (id, owner) = (EndpointId(row.get("id")?), AccountKey(row.get("account")?));
    let open = |column: &str, sealed: Vec<u8>| {
        sealing_key.open(&sealed::place(column, owner.0, &id.0), &sealed).map_err(broken)
    };
    let authorization: Option<Vec<u8>> = row.get("authorization")?;
    let authorization = authorization.map(|sealed| open(sealed::AUTHORIZATION, sealed)).transpose()?;
    Ok(Endpoint {
        key: EndpointKey(row.get("key")?),
        id,
        account: owner,
        uid: row.get("uid")?,
        url: row.get("url")?,
        description: row.get("description")?,
        metadata: json(row, "metadata")?,
        subscription: json::<SubscriptionShape>(row, "subscription")?.into_subscription()?,
        stopped,
        stopped_why: row.get("stopped_why")?,
        secrets: secrets(&open(sealed::SECRETS, row.get("secrets")?)?)?,
        headers: from_text(&open(sealed::HEADERS, row.get("sealed_headers")?)?)?,
        authorization: authorization::from_column(authorization)?,
        settings: settings(row)?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}

fn event_type(row: &Row<'_>) -> rusqlite::Result<EventType> {
    Ok(EventType {
        id: EventTypeId(row.get("id")?),
        environment: EnvironmentKey(row.get("environment")?),
        name: row.get("name")?,
        description: row.get("description")?,
        group: row.get("family")?,
        archived: row.get("archived")?,
        deprecated: row.get("deprecated")?,
        feature_flag: row.get("feature_flag")?,
        schemas: row.get("schemas")?,
        schedule: json(row, "schedule")?,
        hook: json::<Option<DeclarationShape>>(row, "hook")?.map(DeclarationShape::into_declaration).transpose()?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}

fn secrets(text: &[u8]) -> rusqlite::Result<Vec<SigningSecret>> {
    Ok(from_text::<Vec<SecretShape>>(text)?.into_iter().map(SecretShape::into_secret).collect::<Result<_, _>>()?)
}

fn settings(row: &Row<'_>) -> rusqlite::Result<Settings> {
    Ok(json::<SettingsShape>(row, "settings")?.into_settings()?)
}

pub(super) fn time(row: &Row<'_>, column: &str) -> rusqlite::Result<Timestamp> {
    row.get(column).map(Timestamp::from_micros)
}

fn json<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: &str) -> rusqlite::Result<T> {
    Ok(from_text(row.get_ref(column)?.as_bytes()?)?)
}
