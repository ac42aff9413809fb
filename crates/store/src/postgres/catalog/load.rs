//! Reading the configuration whole.

use ringup_core::account::{Account, Environment, EventType, Validation};
use ringup_core::endpoint::{Endpoint, SigningSecret, Stopped, StoppedBy};
use ringup_core::id::{AccountId, EndpointId, EnvironmentId, EventTypeId};
use ringup_core::key::{AccountKey, EndpointKey, EnvironmentKey};
use ringup_core::settings::Settings;
use tokio_postgres::Row;

use super::super::fault::Outcome;
use super::super::link::Link;
use super::super::row::{array, get, time, word};
use super::key;
use crate::sealed::{self, SealingKey};
use crate::seam::Configuration;
use crate::shape::declaration::DeclarationShape;
use crate::shape::{SecretShape, SettingsShape, SubscriptionShape, authorization, broken, from_text};

/// As of one moment.
pub(in crate::postgres) async fn configuration(link: &Link, sealing_key: &SealingKey) -> Outcome<Configuration> {
    link.batch("BEGIN ISOLATION LEVEL REPEATABLE READ").await?;
    let configuration = Configuration {
        environments: all(link, "SELECT * FROM environment ORDER BY key", environment).await?,
        keys: all(link, "SELECT * FROM api_key ORDER BY id", key::read).await?,
        accounts: all(link, "SELECT * FROM account ORDER BY key", account).await?,
        endpoints: all(link, "SELECT * FROM endpoint ORDER BY key", |row| endpoint(row, sealing_key)).await?,
        event_types: all(link, "SELECT * FROM event_type ORDER BY id", event_type).await?,
    };
    link.batch("COMMIT").await?;
    Ok(configuration)
}

async fn all<T>(link: &Link, sql: &str, read: impl Fn(&Row) -> Outcome<T>) -> Outcome<Vec<T>> {
    link.query(sql, &[]).await?.iter().map(read).collect()
}

fn environment(row: &Row) -> Outcome<Environment> {
    Ok(Environment {
        key: EnvironmentKey(get(row, "key")?),
        id: EnvironmentId(array(row, "id")?),
        name: get(row, "name")?,
        strict: get(row, "strict")?,
        validation: word(row, "validation", Validation::from_word)?,
        created_at: time(row, "created_at")?,
    })
}

fn account(row: &Row) -> Outcome<Account> {
    Ok(Account {
        key: AccountKey(get(row, "key")?),
        id: AccountId(array(row, "id")?),
        environment: EnvironmentKey(get(row, "environment")?),
        uid: get(row, "uid")?,
        name: get(row, "name")?,
        metadata: json(row, "metadata")?,
        settings: settings(row)?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}

fn endpoint(row: &Row, sealing_key: &SealingKey) -> Outcome<Endpoint> {
    let stopped = match get::<Option<&str>>(row, "stopped_by")? {
        Some(_) => Some(Stopped { by: word(row, "stopped_by", StoppedBy::from_word)?, at: time(row, "stopped_at")? }),
        None => None,
    };
    let (id, owner) = (EndpointId(array(row, "id")?), AccountKey(get(row, "account")?));
    let open =
        |column: &str, sealed: &[u8]| sealing_key.open(&sealed::place(column, owner.0, &id.0), sealed).map_err(broken);
    let authorization: Option<&[u8]> = get(row, "authorized")?;
    let authorization = authorization.map(|sealed| open(sealed::AUTHORIZATION, sealed)).transpose()?;
    Ok(Endpoint {
        key: EndpointKey(get(row, "key")?),
        id,
        account: owner,
        uid: get(row, "uid")?,
        url: get(row, "url")?,
        description: get(row, "description")?,
        metadata: json(row, "metadata")?,
        subscription: json::<SubscriptionShape>(row, "subscription")?.into_subscription()?,
        stopped,
        stopped_why: get(row, "stopped_why")?,
        secrets: secrets(&open(sealed::SECRETS, get(row, "secrets")?)?)?,
        headers: from_text(&open(sealed::HEADERS, get(row, "headers")?)?)?,
        authorization: authorization::from_column(authorization)?,
        settings: settings(row)?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}

fn event_type(row: &Row) -> Outcome<EventType> {
    Ok(EventType {
        id: EventTypeId(array(row, "id")?),
        environment: EnvironmentKey(get(row, "environment")?),
        name: get(row, "name")?,
        description: get(row, "description")?,
        group: get(row, "family")?,
        archived: get(row, "archived")?,
        deprecated: get(row, "deprecated")?,
        feature_flag: get(row, "feature_flag")?,
        schemas: get(row, "schemas")?,
        schedule: json(row, "schedule")?,
        hook: json::<Option<DeclarationShape>>(row, "hook")?.map(DeclarationShape::into_declaration).transpose()?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}

fn secrets(text: &[u8]) -> crate::shape::Result<Vec<SigningSecret>> {
    from_text::<Vec<SecretShape>>(text)?.into_iter().map(SecretShape::into_secret).collect()
}

fn settings(row: &Row) -> Outcome<Settings> {
    Ok(json::<SettingsShape>(row, "settings")?.into_settings()?)
}

fn json<T: serde::de::DeserializeOwned>(row: &Row, column: &str) -> Outcome<T> {
    Ok(from_text(get::<&str>(row, column)?.as_bytes())?)
}
