//! How nested things lie in their columns, in every home that has columns: explicit JSON, so that the nouns of `core` can
//! change without it.

pub(crate) mod audit;
pub(crate) mod authorization;
pub(crate) mod declaration;
pub(crate) mod target;
pub(crate) mod task;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ringup_core::endpoint::SigningSecret;
use ringup_core::filter::Filter;
use ringup_core::hook::{Generation, HookPlan};
use ringup_core::log::LogMode;
use ringup_core::policy::Policy;
use ringup_core::scope::{Scope, Scopes};
use ringup_core::settings::{ClassSwitches, Ordering, Settings};
use ringup_core::signing::{HeaderNames, SigningKind};
use ringup_core::subscription::Subscription;
use ringup_core::time::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A column that does not hold what is only ever written into it, or a value that no column can hold.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Broken(pub(crate) Box<dyn std::error::Error + Send + Sync>);

pub(crate) type Result<T> = std::result::Result<T, Broken>;

pub(crate) fn to_text<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(broken)
}

pub(crate) fn from_text<T: DeserializeOwned>(text: &[u8]) -> Result<T> {
    serde_json::from_slice(text).map_err(broken)
}

pub(crate) fn broken(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Broken {
    Broken(error.into())
}

#[derive(Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SettingsShape {
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cooldown: Option<Duration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule: Option<Vec<Duration>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_limit: Option<Duration>,
    #[serde(skip_serializing_if = "ClassesShape::is_empty")]
    classes: ClassesShape,
    #[serde(skip_serializing_if = "Option::is_none")]
    honour_retry_after: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_mode: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    full_until_us: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    redact: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ordering: Option<OrderingShape>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate_limit: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_flight_max: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pause_after: Option<Duration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    header_names: Option<HeaderNamesShape>,
}

#[derive(Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct ClassesShape {
    #[serde(skip_serializing_if = "Option::is_none")]
    server_error: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_timeout: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    too_many_requests: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timed_out: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    no_response: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    other: Option<bool>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum OrderingShape {
    None,
    Strict,
    ByKey(String),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum HeaderNamesShape {
    Webhook,
    Svix,
    Both,
}

impl ClassesShape {
    fn is_empty(&self) -> bool {
        let ClassesShape { server_error, request_timeout, too_many_requests, timed_out, no_response, other } = self;
        [server_error, request_timeout, too_many_requests, timed_out, no_response, other].iter().all(|on| on.is_none())
    }
}

impl From<&Settings> for SettingsShape {
    fn from(settings: &Settings) -> SettingsShape {
        let classes = settings.classes;
        SettingsShape {
            policy: settings.policy.map(|policy| policy.word().to_owned()),
            retry: settings.retry,
            cooldown: settings.cooldown,
            schedule: settings.schedule.clone(),
            time_limit: settings.time_limit,
            classes: ClassesShape {
                server_error: classes.server_error,
                request_timeout: classes.request_timeout,
                too_many_requests: classes.too_many_requests,
                timed_out: classes.timed_out,
                no_response: classes.no_response,
                other: classes.other,
            },
            honour_retry_after: settings.honour_retry_after,
            log_mode: settings.log_mode.map(|mode| mode.word().to_owned()),
            full_until_us: settings.full_until.map(Timestamp::as_micros),
            redact: settings.redact.clone(),
            ordering: settings.ordering.clone().map(|ordering| match ordering {
                Ordering::None => OrderingShape::None,
                Ordering::Strict => OrderingShape::Strict,
                Ordering::ByKey(pointer) => OrderingShape::ByKey(pointer),
            }),
            rate_limit: settings.rate_limit,
            in_flight_max: settings.in_flight_max,
            pause_after: settings.pause_after,
            header_names: settings.header_names.map(|names| match names {
                HeaderNames::Webhook => HeaderNamesShape::Webhook,
                HeaderNames::Svix => HeaderNamesShape::Svix,
                HeaderNames::Both => HeaderNamesShape::Both,
            }),
        }
    }
}

impl SettingsShape {
    pub(crate) fn into_settings(self) -> Result<Settings> {
        let classes = self.classes;
        Ok(Settings {
            policy: self.policy.map(|word| known(Policy::from_word(&word), &word)).transpose()?,
            retry: self.retry,
            cooldown: self.cooldown,
            schedule: self.schedule,
            time_limit: self.time_limit,
            classes: ClassSwitches {
                server_error: classes.server_error,
                request_timeout: classes.request_timeout,
                too_many_requests: classes.too_many_requests,
                timed_out: classes.timed_out,
                no_response: classes.no_response,
                other: classes.other,
            },
            honour_retry_after: self.honour_retry_after,
            log_mode: self.log_mode.map(|word| known(LogMode::from_word(&word), &word)).transpose()?,
            full_until: self.full_until_us.map(Timestamp::from_micros),
            redact: self.redact,
            ordering: self.ordering.map(|ordering| match ordering {
                OrderingShape::None => Ordering::None,
                OrderingShape::Strict => Ordering::Strict,
                OrderingShape::ByKey(pointer) => Ordering::ByKey(pointer),
            }),
            rate_limit: self.rate_limit,
            in_flight_max: self.in_flight_max,
            pause_after: self.pause_after,
            header_names: self.header_names.map(|names| match names {
                HeaderNamesShape::Webhook => HeaderNames::Webhook,
                HeaderNamesShape::Svix => HeaderNames::Svix,
                HeaderNamesShape::Both => HeaderNames::Both,
            }),
        })
    }
}

pub(crate) fn known<T>(value: Option<T>, word: &str) -> Result<T> {
    value.ok_or_else(|| broken(format!("unknown word {word}")))
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SubscriptionShape {
    event_types: Option<BTreeSet<String>>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    families: BTreeSet<String>,
    channels: Option<BTreeSet<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    filter: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hook: Option<HookShape>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HookShape {
    name: String,
    deadline: Duration,
    generation: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fallback: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reversal: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hedge: Option<Duration>,
}

impl From<HookPlan> for HookShape {
    fn from(plan: HookPlan) -> HookShape {
        let HookPlan { name, deadline, generation, fallback, reversal, hedge } = plan;
        HookShape { name, deadline, generation: generation.word().to_owned(), fallback, reversal, hedge }
    }
}

impl HookShape {
    fn into_plan(self) -> Result<HookPlan> {
        let HookShape { name, deadline, generation, fallback, reversal, hedge } = self;
        let generation = known(Generation::from_word(&generation), &generation)?;
        Ok(HookPlan { name, deadline, generation, fallback, reversal, hedge })
    }
}

impl From<&Subscription> for SubscriptionShape {
    fn from(subscription: &Subscription) -> SubscriptionShape {
        let Subscription { event_types, families, channels, filter, hook } = subscription.clone();
        let filter = filter.map(|filter| filter.text().to_owned());
        SubscriptionShape { event_types, families, channels, filter, hook: hook.map(HookShape::from) }
    }
}

impl SubscriptionShape {
    pub(crate) fn into_subscription(self) -> Result<Subscription> {
        Ok(Subscription {
            event_types: self.event_types,
            families: self.families,
            channels: self.channels,
            filter: self.filter.map(|text| Filter::parse(&text)).transpose().map_err(broken)?,
            hook: self.hook.map(HookShape::into_plan).transpose()?,
        })
    }
}

/// The bytes of a secret and when it stops signing. Never printed: the column is a blob for that reason.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SecretShape {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    key: Vec<u8>,
    expires_at_us: Option<i64>,
}

impl From<&SigningSecret> for SecretShape {
    fn from(secret: &SigningSecret) -> SecretShape {
        SecretShape {
            // As it was before there was another kind.
            kind: (secret.kind != SigningKind::Hmac).then(|| secret.kind.word().to_owned()),
            key: secret.key.to_vec(),
            expires_at_us: secret.expires_at.map(Timestamp::as_micros),
        }
    }
}

impl SecretShape {
    pub(crate) fn into_secret(self) -> Result<SigningSecret> {
        let kind = self.kind.map(|word| known(SigningKind::from_word(&word), &word)).transpose()?;
        Ok(SigningSecret {
            kind: kind.unwrap_or_default(),
            key: Arc::from(self.key),
            expires_at: self.expires_at_us.map(Timestamp::from_micros),
        })
    }
}

/// The words of scopes, and `None` where they are all there are, those of later versions included.
pub(crate) fn scopes_text(scopes: Scopes) -> Option<String> {
    (scopes != Scopes::ALL).then(|| scopes.to_string())
}

pub(crate) fn scopes(words: Option<&str>) -> Result<Scopes> {
    let Some(words) = words else { return Ok(Scopes::ALL) };
    words.split_ascii_whitespace().map(|word| known(Scope::from_word(word), word)).collect()
}
