//! `auth` and `key`: portal access, sessions, and the keys themselves.

use std::collections::BTreeSet;
use std::time::Duration;

use ringup_app::view::KnownKey;
use ringup_app::{Identity, KeyPlace, KeyRequest, PortalDraft};
use ringup_core::account::KeyKind;
use ringup_core::scope::{Scope, Scopes};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::problem::{Item, Problem};
use crate::wire::account::ApplicationIn;
use crate::wire::settings::Moment;
use crate::wire::time;

/// `AppPortalAccessIn`.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PortalAccessIn {
    /// Made if there is none of the id in the path.
    pub application: Option<ApplicationIn>,
    /// Old clients say this instead of `capabilities`.
    read_only: Option<bool>,
    /// What can be done; everything that a portal can have, if it is not there.
    capabilities: Option<BTreeSet<Capability>>,
    #[serde(default)]
    #[schema(max_items = 25)]
    feature_flags: Option<Vec<String>>,
    /// Seconds, 7 days unless said otherwise.
    #[schema(minimum = 3600, maximum = 604_800)]
    expiry: Option<u64>,
    /// A name of your own, by which its sessions can be ended.
    #[schema(min_length = 1, max_length = 64)]
    session_id: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, ToSchema)]
pub enum Capability {
    ViewBase,
    ViewEndpointSecret,
    ManageEndpointSecret,
    ManageTransformations,
    CreateAttempts,
    ManageEndpoint,
}

impl Capability {
    fn scopes(self) -> &'static [Scope] {
        match self {
            Capability::ViewBase => &[Scope::Read],
            Capability::ViewEndpointSecret => &[Scope::Secrets],
            Capability::ManageEndpointSecret => &[Scope::Secrets, Scope::Rotate],
            // Payloads are sent as they came; there is nothing to manage.
            Capability::ManageTransformations => &[],
            Capability::CreateAttempts => &[Scope::Recover],
            Capability::ManageEndpoint => &[Scope::Endpoints, Scope::Settings, Scope::Secrets, Scope::Rotate],
        }
    }
}

impl PortalAccessIn {
    pub fn draft(self) -> PortalDraft {
        let scopes = match (self.capabilities, self.read_only) {
            // Looking is always part of it.
            (Some(capabilities), _) => {
                let scopes = capabilities.iter().flat_map(|capability| capability.scopes()).copied();
                Some(scopes.chain([Scope::Read]).collect())
            }
            (None, Some(true)) => Some(Scopes::READ_ONLY),
            (None, _) => None,
        };
        PortalDraft {
            lifetime: self.expiry.map(Duration::from_secs),
            session: self.session_id,
            scopes,
            feature_flags: self.feature_flags.unwrap_or_default(),
        }
    }
}

/// `AppPortalAccessOut`. The link works once, within the hour.
#[derive(Serialize, ToSchema)]
pub struct PortalAccessOut<'a> {
    pub token: &'a str,
    pub url: String,
}

/// `ApplicationTokenExpireIn`.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExpireAllIn {
    /// Seconds until then; none unless said otherwise.
    #[schema(maximum = 259_200)]
    pub expiry: Option<u64>,
    /// Only those of these sessions.
    #[schema(max_items = 1000)]
    pub session_ids: Option<Vec<String>>,
}

/// `WhoamiOut`, and what the key can do.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WhoamiOut {
    env_id: Option<String>,
    app_id: Option<String>,
    permission_source: &'static str,
    session_id: Option<String>,
    scopes: Vec<&'static str>,
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

impl From<Identity> for WhoamiOut {
    fn from(who: Identity) -> WhoamiOut {
        WhoamiOut {
            env_id: who.environment.map(|environment| environment.id.to_string()),
            app_id: who.account.map(|view| view.account.id.to_string()),
            // Their words for tokens that they look up in one place. Ours are all looked up.
            permission_source: match who.kind {
                KeyKind::Key | KeyKind::Portal | KeyKind::Console => "RegionalAuthToken",
                KeyKind::Link => "Unknown",
            },
            session_id: who.session,
            scopes: who.scopes.iter().map(Scope::word).collect(),
            expires_at: who.expires_at.map(time::text),
        }
    }
}

/// A key to be made. Of `operator`, `environment` and `application` one says what it opens; the environment in which the
/// caller acts, if none is there.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyIn {
    #[schema(min_length = 1, example = "till software")]
    name: String,
    #[serde(default)]
    operator: bool,
    /// Name of an environment.
    environment: Option<String>,
    /// Id or uid of an application.
    application: Option<String>,
    /// What it may do; all that its maker may, if it is not there.
    #[schema(value_type = Option<Vec<String>>, example = json!(["read", "publish"]))]
    scopes: Option<Vec<String>>,
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Moment>,
}

impl KeyIn {
    /// `own` is the environment in which the caller acts.
    pub fn request(self, own: &str) -> Result<KeyRequest, Problem> {
        let fault = |field: &str, rule, why: String| Problem::misfit(vec![Item::in_body(field, rule, why)]);
        let place = match (self.operator, self.environment, self.application) {
            (true, None, None) => KeyPlace::Operator,
            (false, Some(environment), None) => KeyPlace::Environment(environment),
            (false, None, Some(application)) => KeyPlace::Account(application),
            (false, None, None) => KeyPlace::Environment(own.to_owned()),
            _ => {
                let why = "a key opens one of operator, environment, application".to_owned();
                return Err(fault("environment", "contradiction", why));
            }
        };
        let scope = |word: &String| {
            Scope::from_word(word).ok_or_else(|| {
                let known = Scope::ALL.map(Scope::word).join(", ");
                fault("scopes", "scope", format!("there is no such scope; there are: {known}"))
            })
        };
        let scopes = self.scopes.map(|words| words.iter().map(scope).collect::<Result<Scopes, _>>()).transpose()?;
        Ok(KeyRequest { name: self.name, place, scopes, expires_at: self.expires_at.map(|moment| moment.0) })
    }
}

/// A key, without its secret part.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyOut {
    id: String,
    name: String,
    /// The first characters of the key.
    prefix: String,
    operator: bool,
    /// Name of the environment that it opens.
    environment: Option<String>,
    /// The application that it opens.
    app_id: Option<String>,
    scopes: Vec<&'static str>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    #[schema(format = DateTime)]
    revoked_at: Option<String>,
    #[schema(format = DateTime)]
    last_used_at: Option<String>,
}

/// A key just made, with what is shown this once.
#[derive(Serialize, ToSchema)]
pub struct NewKeyOut<'a> {
    #[serde(flatten)]
    pub about: KeyOut,
    pub key: &'a str,
}

impl KeyOut {
    pub fn of(known: &KnownKey, environment: Option<String>, app_id: Option<String>) -> KeyOut {
        let key = &known.key;
        KeyOut {
            id: key.id.to_string(),
            name: key.name.clone(),
            prefix: key.prefix.clone(),
            operator: environment.is_none(),
            environment,
            app_id,
            scopes: key.scopes.iter().map(Scope::word).collect(),
            created_at: time::text(key.created_at),
            expires_at: key.expires_at.map(time::text),
            revoked_at: key.revoked_at.map(time::text),
            last_used_at: known.used_at().map(time::text),
        }
    }
}
