//! What a token server answers, and what some answer instead.

use std::time::Duration;

use serde_json::Value;

/// Characters of a token: what headers have room for.
const TOKEN_CHARS_MAX: usize = 8_192;

/// Characters of a token server's word for what went wrong.
const ERROR_CHARS_MAX: usize = 120;

#[derive(PartialEq, Eq)]
pub(super) struct Found {
    pub token: String,
    pub expires_in: Option<Duration>,
}

/// The token in an answer: `access_token`, or `token`, or all of it, as JSON text or bare.
pub(super) fn token(body: &[u8]) -> Option<Found> {
    let found = match serde_json::from_slice::<Value>(body) {
        Ok(Value::Object(members)) => {
            let named = |name: &str| members.get(name).and_then(Value::as_str).map(str::to_owned);
            let token = named("access_token").or_else(|| named("token"))?;
            Found { token, expires_in: members.get("expires_in").and_then(seconds) }
        }
        Ok(Value::String(token)) => Found { token, expires_in: None },
        Ok(_) => return None,
        Err(_) => Found { token: std::str::from_utf8(body).ok()?.trim().to_owned(), expires_in: None },
    };
    let is_token = (1..=TOKEN_CHARS_MAX).contains(&found.token.len())
        && found.token.bytes().all(|byte| byte.is_ascii_graphic())
        // A page of HTML without a space is no token either.
        && !found.token.starts_with(['<', '{', '[', '"']);
    is_token.then_some(found)
}

/// Whole seconds, also where they are written as text or with a fraction. What is over is zero.
fn seconds(value: &Value) -> Option<Duration> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        _ => return None,
    };
    if text.starts_with('-') {
        return Some(Duration::ZERO);
    }
    let whole = text.split('.').next()?;
    whole.parse().ok().map(Duration::from_secs)
}

/// The token server's own word, RFC 6749 §5.2. It is shown to the endpoint's owner, so only a word is taken.
pub(super) fn error(body: &[u8]) -> Option<String> {
    let value = serde_json::from_slice::<Value>(body).ok()?;
    let word = value.get("error")?.as_str()?;
    let is_word = (1..=ERROR_CHARS_MAX).contains(&word.len())
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-. ".contains(&byte));
    is_word.then(|| word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &str, expected: Option<(&str, Option<u64>)>) {
        let found = token(body.as_bytes());
        let found = found.as_ref().map(|found| (found.token.as_str(), found.expires_in.map(|life| life.as_secs())));
        assert_eq!(found, expected, "{body}");
    }

    #[test]
    fn tokens_are_found_in_every_shape_that_is_met() {
        check(r#"{"access_token":"a.b-c","token_type":"Bearer","expires_in":3600}"#, Some(("a.b-c", Some(3_600))));
        check(r#"{"access_token":"x","expires_in":"60"}"#, Some(("x", Some(60))));
        check(r#"{"access_token":"x","expires_in":59.9}"#, Some(("x", Some(59))));
        check(r#"{"access_token":"x","expires_in":-1}"#, Some(("x", Some(0))));
        check(r#"{"access_token":"x","expires_in":null}"#, Some(("x", None)));
        check(r#"{"token":"t"}"#, Some(("t", None)));
        check(r#"{"token":"t","access_token":"a"}"#, Some(("a", None)));
        check("\"quoted\"", Some(("quoted", None)));
        check("bare.token==\r\n", Some(("bare.token==", None)));
    }

    #[test]
    fn what_is_no_token_is_not_taken_for_one() {
        let long = "x".repeat(TOKEN_CHARS_MAX + 1);
        for body in [
            "",
            "{}",
            "null",
            "17",
            "[]",
            r#"{"access_token":null}"#,
            r#"{"access_token":""}"#,
            r#"{"access_token":"a b"}"#,
            r#"{"access_token":"a\r\nx: y"}"#,
            r#"{"access_token":17}"#,
            r#"{"access_token":"x"#,
            "<html></html>",
            "please log in",
            long.as_str(),
        ] {
            check(body, None);
        }
    }

    #[test]
    fn only_a_word_is_taken_of_an_error() {
        assert_eq!(error(br#"{"error":"invalid_client","error_description":"x"}"#).as_deref(), Some("invalid_client"));
        for body in ["", "no", "{}", r#"{"error":{}}"#, r#"{"error":"<script>"}"#, r#"{"error":""}"#] {
            assert_eq!(error(body.as_bytes()), None, "{body}");
        }
    }
}
