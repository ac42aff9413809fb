//! How we show a receiver who calls: a header, a password, a token, a certificate.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::outcome::words;

/// A text that does not print: whoever reads a log or a panic must not learn it.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret(Arc<str>);

impl Secret {
    pub fn new(text: &str) -> Secret {
        Secret(Arc::from(text))
    }

    /// The text itself. Name the place that needs it, and print it nowhere.
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// Everything that opens a receiver's door, and whom we believe there.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Authorization {
    pub scheme: Scheme,
    /// Shown where the receiver asks for it while connecting.
    pub certificate: Option<Certificate>,
    /// Certificate authorities as PEM that are trusted beside the public ones, for this endpoint alone.
    pub authorities: Option<String>,
    /// Keys the fingerprint that is shown in place of secrets, so that nobody can try passwords against it.
    pub salt: [u8; 16],
}

/// What stands in the request.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Scheme {
    #[default]
    None,
    Header {
        name: String,
        value: Secret,
    },
    /// RFC 7617.
    Basic {
        user: String,
        password: Secret,
    },
    /// RFC 6750.
    Bearer {
        token: Secret,
    },
    OAuth(Box<OAuth>),
}

/// OAuth 2.0 client credentials: a token is fetched, kept until shortly before it expires, and sent as a bearer token.
///
/// Source: RFC 6749 §4.4; `guide.md` §6 (16) for what servers do that do not follow it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OAuth {
    /// The guide calls it the server-authentication URL.
    pub token_url: String,
    pub client_id: String,
    pub client_secret: Secret,
    pub credentials: CredentialsIn,
    pub body: TokenBody,
    /// Space-separated, as RFC 6749 §3.3 has it.
    pub scope: Option<String>,
    /// Further members of the request, such as `audience`.
    pub parameters: BTreeMap<String, Secret>,
    /// Further headers of the request.
    pub headers: BTreeMap<String, Secret>,
}

/// Where the token server looks for the client's id and secret.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum CredentialsIn {
    /// In the header `Authorization: Basic`.
    #[default]
    Header,
    /// In the body, as `client_id` and `client_secret`.
    Body,
}

words!(CredentialsIn { Header = "header", Body = "body" });

/// How the request for a token is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum TokenBody {
    /// `application/x-www-form-urlencoded`, as the standard has it.
    #[default]
    Form,
    Json,
}

words!(TokenBody { Form = "form", Json = "json" });

/// A client certificate with its chain and its private key, as PEM.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Certificate {
    pub pem: Secret,
}

impl Authorization {
    /// Nothing at all is set.
    pub fn is_none(&self) -> bool {
        self.scheme == Scheme::None && self.certificate.is_none() && self.authorities.is_none()
    }

    pub fn oauth(&self) -> Option<&OAuth> {
        match &self.scheme {
            Scheme::OAuth(oauth) => Some(oauth),
            Scheme::None | Scheme::Header { .. } | Scheme::Basic { .. } | Scheme::Bearer { .. } => None,
        }
    }
}

impl Scheme {
    /// A short stable word for the wire and the store.
    pub fn word(&self) -> &'static str {
        match self {
            Scheme::None => "none",
            Scheme::Header { .. } => "header",
            Scheme::Basic { .. } => "basic",
            Scheme::Bearer { .. } => "bearer",
            Scheme::OAuth(_) => "oauth2",
        }
    }

    /// Everything of it that must not be shown, in one order.
    pub fn secrets(&self) -> Vec<&str> {
        match self {
            Scheme::None => Vec::new(),
            Scheme::Header { value, .. } => vec![value.expose()],
            Scheme::Basic { password, .. } => vec![password.expose()],
            Scheme::Bearer { token } => vec![token.expose()],
            Scheme::OAuth(oauth) => {
                let further = oauth.parameters.iter().chain(&oauth.headers);
                let further = further.flat_map(|(name, value)| [name.as_str(), value.expose()]);
                std::iter::once(oauth.client_secret.expose()).chain(further).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_print() {
        let planted = Secret::new("pl4nted");
        let oauth = OAuth {
            client_secret: planted.clone(),
            parameters: BTreeMap::from([("audience".to_owned(), planted.clone())]),
            headers: BTreeMap::from([("x-key".to_owned(), planted.clone())]),
            ..OAuth::default()
        };
        for scheme in [
            Scheme::Header { name: "x-key".to_owned(), value: planted.clone() },
            Scheme::Basic { user: "till".to_owned(), password: planted.clone() },
            Scheme::Bearer { token: planted.clone() },
            Scheme::OAuth(Box::new(oauth)),
        ] {
            let certificate = Some(Certificate { pem: planted.clone() });
            assert!(scheme.secrets().contains(&"pl4nted"), "{scheme:?}");
            let shown = format!("{:?}", Authorization { scheme, certificate, ..Authorization::default() });
            assert!(!shown.contains("pl4nted"), "{shown}");
        }
    }
}
