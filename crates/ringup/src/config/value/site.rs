//! Sites, as browsers name them in the `Origin` header.

use super::{Scalar, quoted};

/// `https://shop.example`: scheme, host and port, nothing after it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Site(String);

impl Site {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Scalar for Site {
    const EXPECTED: &'static str = r#"a site such as "https://shop.example" or "http://localhost:3000""#;

    fn parse(text: &str) -> Result<Self, String> {
        let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        // Browsers send it in lower case, and it is compared as text.
        let is_host = |host: &str| {
            let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.:[]".contains(&byte);
            !host.is_empty() && host.bytes().all(fits)
        };
        match host {
            _ if text == "*" => Err("would let every site ask with its visitors' keys; name the sites".to_owned()),
            None => Err("does not begin with https:// or http://".to_owned()),
            Some(host) if host.ends_with('/') => Err("ends with a slash, which browsers do not send".to_owned()),
            Some(host) if is_host(host) => Ok(Self(text.to_owned())),
            Some(_) => Err("is not scheme, host and port in lower case".to_owned()),
        }
    }

    fn show(&self) -> String {
        quoted(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{accepts, refuses};
    use super::*;

    #[test]
    fn sites_are_read_and_shown() {
        accepts::<Site>("https://shop.example", r#""https://shop.example""#);
        accepts::<Vec<Site>>(
            "http://localhost:3000,http://[::1]:80",
            r#"["http://localhost:3000", "http://[::1]:80"]"#,
        );
    }

    #[test]
    fn what_is_no_site_is_refused_with_its_reason() {
        refuses::<Site>("*", r#""*" would let every site ask with its visitors' keys; name the sites"#);
        refuses::<Site>("shop.example", r#""shop.example" does not begin with https:// or http://"#);
        refuses::<Site>(
            "https://shop.example/",
            r#""https://shop.example/" ends with a slash, which browsers do not send"#,
        );
        for text in ["https://", "https://Shop.example", "https://shop.example/x", "https://a b"] {
            refuses::<Site>(text, &format!("{text:?} is not scheme, host and port in lower case"));
        }
    }
}
