//! How an endpoint's authorisation lies in its column. A blob, so that nothing shows it by mistake.

use std::collections::BTreeMap;

use ringup_core::authorization::{Authorization, Certificate, CredentialsIn, OAuth, Scheme, Secret, TokenBody};
use serde::{Deserialize, Serialize};

use super::{Result, from_text, known, to_text};

/// `None` where nothing is set, as for endpoints older than the column.
pub(crate) fn to_column(authorization: &Authorization) -> Result<Option<Vec<u8>>> {
    if authorization.is_none() {
        return Ok(None);
    }
    to_text(&AuthorizationShape::from(authorization)).map(|text| Some(text.into_bytes()))
}

pub(crate) fn from_column(column: Option<Vec<u8>>) -> Result<Authorization> {
    match column {
        Some(bytes) => from_text::<AuthorizationShape>(&bytes)?.into_authorization(),
        None => Ok(Authorization::default()),
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AuthorizationShape {
    scheme: SchemeShape,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    certificate: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    authorities: Option<String>,
    salt: [u8; 16],
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SchemeShape {
    None,
    Header { name: String, value: String },
    Basic { user: String, password: String },
    Bearer { token: String },
    Oauth2(OAuthShape),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OAuthShape {
    token_url: String,
    client_id: String,
    client_secret: String,
    credentials: String,
    body: String,
    scope: Option<String>,
    parameters: BTreeMap<String, String>,
    headers: BTreeMap<String, String>,
}

impl From<&Authorization> for AuthorizationShape {
    fn from(authorization: &Authorization) -> AuthorizationShape {
        let text = |secret: &Secret| secret.expose().to_owned();
        let texts =
            |map: &BTreeMap<String, Secret>| map.iter().map(|(name, value)| (name.clone(), text(value))).collect();
        let scheme = match &authorization.scheme {
            Scheme::None => SchemeShape::None,
            Scheme::Header { name, value } => SchemeShape::Header { name: name.clone(), value: text(value) },
            Scheme::Basic { user, password } => SchemeShape::Basic { user: user.clone(), password: text(password) },
            Scheme::Bearer { token } => SchemeShape::Bearer { token: text(token) },
            Scheme::OAuth(oauth) => SchemeShape::Oauth2(OAuthShape {
                token_url: oauth.token_url.clone(),
                client_id: oauth.client_id.clone(),
                client_secret: text(&oauth.client_secret),
                credentials: oauth.credentials.word().to_owned(),
                body: oauth.body.word().to_owned(),
                scope: oauth.scope.clone(),
                parameters: texts(&oauth.parameters),
                headers: texts(&oauth.headers),
            }),
        };
        AuthorizationShape {
            scheme,
            certificate: authorization.certificate.as_ref().map(|certificate| text(&certificate.pem)),
            authorities: authorization.authorities.clone(),
            salt: authorization.salt,
        }
    }
}

impl AuthorizationShape {
    fn into_authorization(self) -> Result<Authorization> {
        let secret = |text: String| Secret::new(&text);
        let scheme = match self.scheme {
            SchemeShape::None => Scheme::None,
            SchemeShape::Header { name, value } => Scheme::Header { name, value: secret(value) },
            SchemeShape::Basic { user, password } => Scheme::Basic { user, password: secret(password) },
            SchemeShape::Bearer { token } => Scheme::Bearer { token: secret(token) },
            SchemeShape::Oauth2(oauth) => Scheme::OAuth(Box::new(oauth.into_oauth()?)),
        };
        Ok(Authorization {
            scheme,
            certificate: self.certificate.map(|pem| Certificate { pem: secret(pem) }),
            authorities: self.authorities,
            salt: self.salt,
        })
    }
}

impl OAuthShape {
    fn into_oauth(self) -> Result<OAuth> {
        let secrets = |map: BTreeMap<String, String>| map.into_iter().map(|(name, text)| (name, Secret::new(&text)));
        Ok(OAuth {
            token_url: self.token_url,
            client_id: self.client_id,
            client_secret: Secret::new(&self.client_secret),
            credentials: known(CredentialsIn::from_word(&self.credentials), &self.credentials)?,
            body: known(TokenBody::from_word(&self.body), &self.body)?,
            scope: self.scope,
            parameters: secrets(self.parameters).collect(),
            headers: secrets(self.headers).collect(),
        })
    }
}
