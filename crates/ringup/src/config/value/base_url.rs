//! Where something is reached from outside: scheme, host and port, nothing else.

use url::Url;

use super::{Scalar, quoted};

/// Such as `https://hooks.example`; without a slash at its end, and as a URL parser writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl(String);

impl BaseUrl {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Scalar for BaseUrl {
    const EXPECTED: &'static str = r#"scheme, host and port such as "https://hooks.example""#;

    fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| format!("is not a URL: {error}"))?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err("does not begin with http:// or https://".to_owned());
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err("has more than scheme, host and port".to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("has a user name".to_owned());
        }
        Ok(Self(url.origin().ascii_serialization()))
    }

    fn show(&self) -> String {
        quoted(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_is_written_as_a_parser_writes_it() {
        for (text, base) in [
            ("https://Hooks.Example/", "https://hooks.example"),
            ("https://hooks.example:443", "https://hooks.example"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://[::1]:80/", "http://[::1]"),
        ] {
            assert_eq!(BaseUrl::parse(text).map(|base| base.0), Ok(base.to_owned()), "{text}");
        }
    }

    #[test]
    fn anything_more_is_refused() {
        for (text, why) in [
            ("hooks.example", "is not a URL"),
            ("ftp://hooks.example", "http://"),
            ("https://hooks.example/in", "more than"),
            ("https://hooks.example?x", "more than"),
            ("https://me@hooks.example", "user name"),
        ] {
            let refused = BaseUrl::parse(text).expect_err(text);
            assert!(refused.contains(why), "{text}: {refused}");
        }
    }
}
