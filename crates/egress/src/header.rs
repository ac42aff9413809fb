//! Extra request headers that an endpoint's owner sets, checked before they are kept.
//!
//! Names that frame the message, choose the connection or carry the signature are ours: an owner who could set them
//! could smuggle a second request or forge what a receiver trusts.

use http::{HeaderName, HeaderValue, header};
use ringup_core::authorization::Scheme;
use ringup_core::endpoint::Endpoint;
use ringup_core::limits::{ENDPOINT_HEADERS_MAX, HEADER_VALUE_BYTES_MAX};

use crate::token;

/// Bytes of a header name: the longest in common use are under 64.
const NAME_BYTES_MAX: usize = 128;

/// Why a header cannot be set, in words for a 422. Values are never quoted: they may be secrets.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HeaderProblem {
    #[error("at most {ENDPOINT_HEADERS_MAX} headers can be set, these are {0}")]
    TooMany(usize),
    #[error("header name {0:?} is not made of letters, digits and -_.!#$%&'*+^`|~, at most {NAME_BYTES_MAX}")]
    Name(String),
    #[error("header `{0}` is set by us and cannot be replaced")]
    Reserved(HeaderName),
    #[error("header `{0}` is there twice")]
    Twice(HeaderName),
    #[error("the value of header `{0}` has more than {HEADER_VALUE_BYTES_MAX} bytes")]
    TooLong(HeaderName),
    #[error("the value of header `{0}` has line breaks, control or non-ASCII characters, or spaces at an end")]
    Value(HeaderName),
}

/// Typed headers, ready to send, in the order given. Values are marked sensitive, so that they do not print.
pub fn check<'a>(
    headers: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<Vec<(HeaderName, HeaderValue)>, HeaderProblem> {
    let mut checked: Vec<(HeaderName, HeaderValue)> = Vec::new();
    let mut headers = headers.into_iter();
    while let Some((name, value)) = headers.next() {
        if checked.len() == ENDPOINT_HEADERS_MAX {
            return Err(HeaderProblem::TooMany(checked.len() + 1 + headers.count()));
        }
        let name = check_name(name)?;
        if checked.iter().any(|(other, _)| *other == name) {
            return Err(HeaderProblem::Twice(name));
        }
        let value = check_value(&name, value)?;
        checked.push((name, value));
    }
    Ok(checked)
}

/// The endpoint's own headers and those of a fixed authorisation, which takes the place of one of the same name.
///
/// They were checked when they were saved; a set that no longer passes is left out rather than half sent.
pub fn of_endpoint(endpoint: &Endpoint) -> Vec<(HeaderName, HeaderValue)> {
    let pairs = endpoint.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let mut headers = check(pairs).unwrap_or_default();
    let own = match &endpoint.authorization.scheme {
        Scheme::None | Scheme::OAuth(_) => Vec::new(),
        Scheme::Header { name, value } => check([(name.as_str(), value.expose())]).unwrap_or_default(),
        Scheme::Basic { user, password } => vec![(header::AUTHORIZATION, token::basic(user, password.expose()))],
        Scheme::Bearer { token } => {
            token::bearer(token.expose()).map(|value| (header::AUTHORIZATION, value)).into_iter().collect()
        }
    };
    headers.retain(|(name, _)| own.iter().all(|(other, _)| other != name));
    headers.extend(own);
    headers
}

fn check_name(text: &str) -> Result<HeaderName, HeaderProblem> {
    let shown = || HeaderProblem::Name(text.chars().take(NAME_BYTES_MAX).collect());
    if text.len() > NAME_BYTES_MAX {
        return Err(shown());
    }
    let name = HeaderName::from_bytes(text.as_bytes()).map_err(|_| shown())?;
    if is_reserved(&name) { Err(HeaderProblem::Reserved(name)) } else { Ok(name) }
}

fn check_value(name: &HeaderName, text: &str) -> Result<HeaderValue, HeaderProblem> {
    if text.len() > HEADER_VALUE_BYTES_MAX {
        return Err(HeaderProblem::TooLong(name.clone()));
    }
    let problem = || HeaderProblem::Value(name.clone());
    // Tab and bytes above ASCII are legal, but servers disagree on what they mean.
    if text.trim() != text || !text.is_ascii() || text.contains('\t') {
        return Err(problem());
    }
    let mut value = HeaderValue::from_str(text).map_err(|_| problem())?;
    value.set_sensitive(true);
    Ok(value)
}

fn is_reserved(name: &HeaderName) -> bool {
    const FRAMING_AND_CONNECTION: &[HeaderName] = &[
        header::HOST,
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
        header::CONNECTION,
        header::TE,
        header::TRAILER,
        header::UPGRADE,
        header::EXPECT,
    ];
    // What we say of ourselves and of the body: receivers and their firewalls rely on it.
    const OURS: &[HeaderName] =
        &[header::USER_AGENT, header::CONTENT_TYPE, header::CONTENT_ENCODING, header::ACCEPT_ENCODING];
    const OTHER: &[&str] = &["keep-alive", "http2-settings"];
    const PREFIXES: &[&str] = &["webhook-", "svix-", "ringup-", "proxy-"];

    FRAMING_AND_CONNECTION.contains(name)
        || OURS.contains(name)
        || OTHER.contains(&name.as_str())
        || PREFIXES.iter().any(|prefix| name.as_str().starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(name: &str, value: &str, expected: HeaderProblem) {
        assert_eq!(check([(name, value)]), Err(expected), "{name:?}: {value:?}");
    }

    #[test]
    fn ordinary_headers_keep_their_order_and_do_not_print() {
        let checked = check([("X-Shop", "17"), ("authorization", "Bearer s3cret")]).expect("both are fine");
        assert_eq!(checked[0], (HeaderName::from_static("x-shop"), HeaderValue::from_static("17")));
        assert_eq!(checked[1].1, "Bearer s3cret");
        assert!(!format!("{checked:?}").contains("s3cret"));
    }

    #[test]
    fn reserved_names_are_refused_in_any_case() {
        for name in [
            "host",
            "Host",
            "CONTENT-LENGTH",
            "Transfer-Encoding",
            "connection",
            "te",
            "trailer",
            "upgrade",
            "expect",
            "keep-alive",
            "proxy-authorization",
            "proxy-connection",
            "http2-settings",
            "webhook-id",
            "ringup-event",
            "Webhook-Signature",
            "webhook-anything",
            "svix-id",
            "SVIX-SIGNATURE",
            "user-agent",
            "content-type",
            "content-encoding",
            "accept-encoding",
        ] {
            let typed = HeaderName::from_bytes(name.as_bytes()).expect("a name");
            refused(name, "x", HeaderProblem::Reserved(typed));
        }
    }

    #[test]
    fn names_with_other_characters_are_refused() {
        let long = "x".repeat(NAME_BYTES_MAX + 1);
        for name in ["", " ", "x y", "x:", "x\r\ny", "x\0", "naïve", "x\u{ff1a}", ":authority", "(x)", "x\n"] {
            refused(name, "v", HeaderProblem::Name(name.to_owned()));
        }
        refused(&long, "v", HeaderProblem::Name("x".repeat(NAME_BYTES_MAX)));
    }

    #[test]
    fn values_that_could_start_a_new_line_are_refused() {
        let name = HeaderName::from_static("x-a");
        for value in
            ["a\r\nhost: evil", "a\n", "\r", "a\0b", "\u{7f}", "\u{1b}[31m", "a\tb", " a", "a ", "naïve", "\u{85}", "ÿ"]
        {
            refused("x-a", value, HeaderProblem::Value(name.clone()));
        }
        refused("x-a", &"v".repeat(HEADER_VALUE_BYTES_MAX + 1), HeaderProblem::TooLong(name));
        assert!(check([("x-a", "v".repeat(HEADER_VALUE_BYTES_MAX).as_str()), ("x-b", "")]).is_ok());
    }

    #[test]
    fn too_many_and_repeated_headers_are_refused() {
        let names: Vec<String> = (0..40).map(|n| format!("x-{n}")).collect();
        let headers = || names.iter().map(|name| (name.as_str(), "v"));
        assert_eq!(check(headers()), Err(HeaderProblem::TooMany(40)));
        assert_eq!(check(headers().take(32)).map(|list| list.len()), Ok(32));
        let twice = HeaderProblem::Twice(HeaderName::from_static("x-a"));
        assert_eq!(check([("x-a", "1"), ("X-A", "2")]), Err(twice));
    }
}
