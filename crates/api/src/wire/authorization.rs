//! An endpoint's authorisation, on the wire. Secrets go in and never come out.

use std::collections::BTreeMap;

use ringup_app::{AuthorizationView, TokenTried};
use ringup_core::authorization::{Authorization, Certificate, CredentialsIn, OAuth, Scheme, Secret, TokenBody};
use ringup_core::outcome::NoToken;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::problem::{Item, Problem};
use crate::wire::patch::Patch;
use crate::wire::span::millis;

/// What an endpoint is to show its receiver. Each kind takes the fields that it needs.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuthorizationIn {
    kind: Kind,
    /// `header`: its name.
    name: Option<String>,
    /// `header`: its value.
    value: Option<String>,
    /// `basic`.
    username: Option<String>,
    /// `basic`.
    password: Option<String>,
    /// `bearer`.
    token: Option<String>,
    /// `oauth2`: the server-authentication URL.
    token_url: Option<String>,
    /// `oauth2`.
    client_id: Option<String>,
    /// `oauth2`.
    client_secret: Option<String>,
    /// `oauth2`: where the id and the secret stand in the request for a token.
    #[serde(default)]
    credentials_in: Place,
    /// `oauth2`: how that request is written.
    #[serde(default)]
    body_format: Format,
    /// `oauth2`: separated by spaces.
    scope: Option<String>,
    /// `oauth2`: further members of the request for a token, such as `audience`.
    #[serde(default)]
    extra_params: BTreeMap<String, String>,
    /// `oauth2`: further headers of it.
    #[serde(default)]
    extra_headers: BTreeMap<String, String>,
    /// A client certificate with its chain and its private key, as PEM. Stays as it is unless it is there; null removes it.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    certificate: Patch<String>,
    /// Certificate authorities as PEM, trusted beside the public ones for this endpoint alone. Stays as it is unless it
    /// is there; null removes it.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    authorities: Patch<String>,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Kind {
    None,
    Header,
    Basic,
    Bearer,
    Oauth2,
}

#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Place {
    #[default]
    Header,
    Body,
}

#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Form,
    Json,
}

/// How an endpoint is authorised. In place of secrets there is a fingerprint, which changes when they do.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuthorizationOut<'a> {
    /// `none`, `header`, `basic`, `bearer` or `oauth2`.
    kind: &'static str,
    fingerprint: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    credentials_in: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_format: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a str>,
    /// The names only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    extra_params: Vec<&'a str>,
    /// The names only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    extra_headers: Vec<&'a str>,
    /// The fingerprint of the client certificate.
    certificate: Option<&'a str>,
    authorities: Option<&'a str>,
}

/// What came of trying to get a token. The token itself is not shown.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenTriedOut {
    ok: bool,
    /// Seconds, as the token server says.
    expires_in: Option<u64>,
    /// `token_refused`, `token_unusable`, `token_timed_out`, `token_unreachable` or `token_blocked`.
    error: Option<&'static str>,
    /// In words.
    detail: Option<String>,
    took_ms: u64,
}

impl AuthorizationIn {
    pub fn change(self) -> Result<Change, Problem> {
        let scheme = match self.kind {
            Kind::None => Scheme::None,
            Kind::Header => {
                Scheme::Header { name: needed("name", self.name)?, value: Secret::new(&needed("value", self.value)?) }
            }
            Kind::Basic => Scheme::Basic {
                user: needed("username", self.username)?,
                password: Secret::new(&needed("password", self.password)?),
            },
            Kind::Bearer => Scheme::Bearer { token: Secret::new(&needed("token", self.token)?) },
            Kind::Oauth2 => Scheme::OAuth(Box::new(OAuth {
                token_url: needed("tokenUrl", self.token_url)?,
                client_id: needed("clientId", self.client_id)?,
                client_secret: Secret::new(&needed("clientSecret", self.client_secret)?),
                credentials: match self.credentials_in {
                    Place::Header => CredentialsIn::Header,
                    Place::Body => CredentialsIn::Body,
                },
                body: match self.body_format {
                    Format::Form => TokenBody::Form,
                    Format::Json => TokenBody::Json,
                },
                scope: self.scope.filter(|scope| !scope.is_empty()),
                parameters: secrets(self.extra_params),
                headers: secrets(self.extra_headers),
            })),
        };
        let certificate = self.certificate.map(|pem| Certificate { pem: Secret::new(&pem) });
        Ok(Change { scheme, certificate, authorities: self.authorities })
    }
}

/// What was asked for, with nothing missing.
pub struct Change {
    scheme: Scheme,
    certificate: Patch<Certificate>,
    authorities: Patch<String>,
}

impl Change {
    /// Replaces the scheme; certificate and authorities only where they are named.
    pub fn apply(self, authorization: &mut Authorization) {
        authorization.scheme = self.scheme;
        self.certificate.onto(&mut authorization.certificate);
        self.authorities.onto(&mut authorization.authorities);
    }
}

impl<'a> AuthorizationOut<'a> {
    pub fn of(view: &'a AuthorizationView) -> AuthorizationOut<'a> {
        let authorization = &view.endpoint.endpoint.authorization;
        let oauth = authorization.oauth();
        AuthorizationOut {
            kind: authorization.scheme.word(),
            fingerprint: view.fingerprint.as_deref(),
            name: match &authorization.scheme {
                Scheme::Header { name, .. } => Some(name),
                _ => None,
            },
            username: match &authorization.scheme {
                Scheme::Basic { user, .. } => Some(user),
                _ => None,
            },
            token_url: oauth.map(|oauth| oauth.token_url.as_str()),
            client_id: oauth.map(|oauth| oauth.client_id.as_str()),
            credentials_in: oauth.map(|oauth| oauth.credentials.word()),
            body_format: oauth.map(|oauth| oauth.body.word()),
            scope: oauth.and_then(|oauth| oauth.scope.as_deref()),
            extra_params: oauth.map(|oauth| oauth.parameters.keys().map(String::as_str).collect()).unwrap_or_default(),
            extra_headers: oauth.map(|oauth| oauth.headers.keys().map(String::as_str).collect()).unwrap_or_default(),
            certificate: view.certificate.as_deref(),
            authorities: authorization.authorities.as_deref(),
        }
    }
}

impl TokenTriedOut {
    pub fn of(tried: &TokenTried) -> TokenTriedOut {
        let fetched = tried.result.as_ref();
        TokenTriedOut {
            ok: fetched.is_ok(),
            expires_in: fetched.ok().and_then(|fetched| fetched.expires_in).map(|life| life.as_secs()),
            error: fetched.err().map(NoToken::word),
            detail: fetched.err().map(ToString::to_string),
            took_ms: millis(tried.took),
        }
    }
}

/// `EndpointOauthConfigIn`, as far as we go: client credentials with a secret.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OauthConfigIn {
    grant_type: String,
    auth_method: String,
    client_id: String,
    client_secret: Option<String>,
    token_url: String,
    scopes: Option<Vec<String>>,
    extra_params: Option<BTreeMap<String, String>>,
    extra_headers: Option<BTreeMap<String, String>>,
}

/// `EndpointOauthConfigOut`. Values of further parameters and headers may open doors, so they are not shown.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OauthConfigOut<'a> {
    grant_type: &'static str,
    auth_method: &'static str,
    client_id: &'a str,
    token_url: &'a str,
    scopes: Option<Vec<&'a str>>,
}

/// `EndpointOauthOut`.
#[derive(Serialize, ToSchema)]
pub struct OauthOut<'a> {
    enabled: bool,
    config: Option<OauthConfigOut<'a>>,
}

/// `EndpointMtlsConfigIn`.
#[derive(Deserialize, ToSchema)]
pub struct MtlsConfigIn {
    /// A private key and an X.509 certificate, as PEM.
    pub identity: String,
}

/// `EndpointMtlsConfigOut`. The fingerprint is ours.
#[derive(Serialize, ToSchema)]
pub struct MtlsConfigOut<'a> {
    fingerprint: &'a str,
}

/// `EndpointMtlsOut`.
#[derive(Serialize, ToSchema)]
pub struct MtlsOut<'a> {
    enabled: bool,
    config: Option<MtlsConfigOut<'a>>,
}

impl OauthConfigIn {
    pub fn oauth(self) -> Result<OAuth, Problem> {
        if self.grant_type != "clientCredentials" {
            return Err(unknown("grantType", &self.grant_type, "clientCredentials"));
        }
        let credentials = match self.auth_method.as_str() {
            "clientSecretBasic" => CredentialsIn::Header,
            "clientSecretPost" => CredentialsIn::Body,
            other => return Err(unknown("authMethod", other, "clientSecretBasic or clientSecretPost")),
        };
        Ok(OAuth {
            token_url: self.token_url,
            client_id: self.client_id,
            client_secret: Secret::new(&self.client_secret.unwrap_or_default()),
            credentials,
            body: TokenBody::Form,
            scope: self.scopes.filter(|scopes| !scopes.is_empty()).map(|scopes| scopes.join(" ")),
            parameters: secrets(self.extra_params.unwrap_or_default()),
            headers: secrets(self.extra_headers.unwrap_or_default()),
        })
    }
}

impl<'a> OauthConfigOut<'a> {
    pub fn of(view: &'a AuthorizationView) -> Option<OauthConfigOut<'a>> {
        let oauth = view.endpoint.endpoint.authorization.oauth()?;
        Some(OauthConfigOut {
            grant_type: "clientCredentials",
            auth_method: match oauth.credentials {
                CredentialsIn::Header => "clientSecretBasic",
                CredentialsIn::Body => "clientSecretPost",
            },
            client_id: &oauth.client_id,
            token_url: &oauth.token_url,
            scopes: oauth.scope.as_deref().map(|scope| scope.split(' ').collect()),
        })
    }
}

impl<'a> OauthOut<'a> {
    pub fn of(view: &'a AuthorizationView) -> OauthOut<'a> {
        let config = OauthConfigOut::of(view);
        OauthOut { enabled: config.is_some(), config }
    }
}

impl<'a> MtlsConfigOut<'a> {
    pub fn of(view: &'a AuthorizationView) -> Option<MtlsConfigOut<'a>> {
        view.certificate.as_deref().map(|fingerprint| MtlsConfigOut { fingerprint })
    }
}

impl<'a> MtlsOut<'a> {
    pub fn of(view: &'a AuthorizationView) -> MtlsOut<'a> {
        let config = MtlsConfigOut::of(view);
        MtlsOut { enabled: config.is_some(), config }
    }
}

fn secrets(texts: BTreeMap<String, String>) -> BTreeMap<String, Secret> {
    texts.into_iter().map(|(name, text)| (name, Secret::new(&text))).collect()
}

fn needed(field: &str, value: Option<String>) -> Result<String, Problem> {
    let missing = || Problem::misfit(vec![Item::in_body(field, "missing", format!("this kind needs `{field}`"))]);
    value.ok_or_else(missing)
}

fn unknown(field: &str, found: &str, possible: &str) -> Problem {
    let found: String = found.chars().take(64).collect();
    let why = format!("{found:?} is not to be had here; possible is {possible}");
    Problem::misfit(vec![Item::in_body(field, "not_implemented", why)])
}
