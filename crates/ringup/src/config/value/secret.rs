//! Values that do not print. What is wrong with one is said without repeating it.

use ringup_egress::mail::{Relay, RelayProblem};
use ringup_store::sealed::SealingKey;
use secrecy::{ExposeSecret, SecretString};

use super::{Scalar, quoted};

/// Characters of an operator key. A shorter one is guessed, a longer one does not fit in a request's head.
const OPERATOR_KEY_CHARS: std::ops::RangeInclusive<usize> = 8..=256;

const HIDDEN: &str = "(set, hidden)";

/// The address of the database, which holds its password.
#[derive(Clone, Debug)]
pub struct StoreUrl(SecretString);

impl StoreUrl {
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl Scalar for StoreUrl {
    const EXPECTED: &'static str =
        r#"the address of a PostgreSQL database such as "postgres://ringup:password@db.example/ringup""#;
    const SECRET: bool = true;

    fn parse(text: &str) -> Result<Self, String> {
        let rest = text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://"));
        match rest {
            // Else what follows the first one would be taken for a host, and be told to everybody.
            Some(rest) if rest.split(['/', '?']).next().is_some_and(|front| front.matches('@').count() > 1) => {
                Err("has an @ in its user or password; write it as %40".to_owned())
            }
            Some(rest) if !rest.is_empty() && text.chars().all(|c| c.is_ascii_graphic()) => {
                Ok(Self(SecretString::from(text)))
            }
            Some(_) => Err("has no host, or a character that must be percent-encoded".to_owned()),
            None => Err("does not begin with postgres://".to_owned()),
        }
    }

    fn show(&self) -> String {
        quoted(HIDDEN)
    }
}

/// The operator's bearer token: visible ASCII, so that it fits in a header.
#[derive(Clone, Debug)]
pub struct OperatorKey(SecretString);

impl OperatorKey {
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl Scalar for OperatorKey {
    const EXPECTED: &'static str = "8 to 256 visible ASCII characters without spaces (32 random ones are good)";
    const SECRET: bool = true;

    fn parse(text: &str) -> Result<Self, String> {
        if !text.chars().all(|c| c.is_ascii_graphic()) {
            return Err("has a character other than visible ASCII".to_owned());
        }
        match text.len() {
            0 => Err("is empty".to_owned()),
            length if length < *OPERATOR_KEY_CHARS.start() => Err(format!("has only {length} characters")),
            length if length > *OPERATOR_KEY_CHARS.end() => Err(format!("has {length} characters")),
            _ => Ok(Self(SecretString::from(text))),
        }
    }

    fn show(&self) -> String {
        quoted(HIDDEN)
    }
}

/// The mail relay, with its password.
#[derive(Clone, Debug)]
pub struct RelayUrl(Relay);

impl RelayUrl {
    pub fn relay(&self) -> &Relay {
        &self.0
    }
}

impl Scalar for RelayUrl {
    const EXPECTED: &'static str = r#"a mail relay such as "smtps://user:password@mail.example:465""#;
    const SECRET: bool = true;

    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|problem: RelayProblem| problem.to_string())
    }

    fn show(&self) -> String {
        quoted(HIDDEN)
    }
}

/// Seals what the data folder must not show.
#[derive(Clone, Debug)]
pub struct EncryptionKey(SealingKey);

impl EncryptionKey {
    pub fn sealing(&self) -> &SealingKey {
        &self.0
    }
}

impl Scalar for EncryptionKey {
    const EXPECTED: &'static str = "32 random bytes in base64, such as `openssl rand -base64 32` prints";
    const SECRET: bool = true;

    fn parse(text: &str) -> Result<Self, String> {
        SealingKey::parse(text).map(Self)
    }

    fn show(&self) -> String {
        quoted(HIDDEN)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{accepts, refuses};
    use super::super::{Raw, Value};
    use super::*;

    const SHOWN: &str = r#""(set, hidden)""#;

    #[test]
    fn secrets_are_read_and_not_shown() {
        accepts::<StoreUrl>("postgres://ringup:hunter22@db.example/ringup", SHOWN);
        accepts::<StoreUrl>("postgresql://db.example", SHOWN);
        accepts::<Option<StoreUrl>>("none", r#""none""#);
        accepts::<OperatorKey>("hunter22", SHOWN);
        accepts::<RelayUrl>("smtps://ringup:hunter22@mail.example:465", SHOWN);
        accepts::<Option<RelayUrl>>("none", r#""none""#);
        accepts::<EncryptionKey>("aHVudGVyMjJodW50ZXIyMmh1bnRlcjIyaHVudGVyMjI=", SHOWN);
    }

    #[test]
    fn a_refusal_does_not_repeat_the_secret() {
        let why = "the value (hidden) does not begin with postgres://";
        refuses::<StoreUrl>("mysql://ringup:hunter22@db.example", why);
        refuses::<Option<StoreUrl>>("", why);
        let why = "the value (hidden) has no host, or a character that must be percent-encoded";
        refuses::<StoreUrl>("postgres://", why);
        refuses::<StoreUrl>("postgres://ringup:hunter 22@db.example", why);
        refuses::<EncryptionKey>("hunter2!", "the value (hidden) is not base64");
        refuses::<EncryptionKey>("aHVudGVyMjI=", "the value (hidden) has 8 bytes where it needs 32");
        refuses::<OperatorKey>("", "the value (hidden) is empty");
        refuses::<OperatorKey>("hunter", "the value (hidden) has only 6 characters");
        refuses::<OperatorKey>(&"k".repeat(257), "the value (hidden) has 257 characters");
        refuses::<OperatorKey>("(set, hidden)", "the value (hidden) has a character other than visible ASCII");
        refuses::<OperatorKey>("hunter22\n", "the value (hidden) has a character other than visible ASCII");
    }

    #[test]
    fn debug_does_not_print_the_secret() {
        let raw = Raw::Text("postgres://hunter22".to_owned());
        let url = StoreUrl::read(&raw).expect("a valid address");
        let key = OperatorKey::read(&raw).expect("a valid key");
        assert!(url.expose().contains("hunter22") && key.expose().contains("hunter22"), "nothing to hide");
        for printed in [format!("{raw:?}"), format!("{url:?}"), format!("{key:?}")] {
            assert!(!printed.contains("hunter22"), "{printed}");
        }
    }
}
