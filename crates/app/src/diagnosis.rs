//! Why a webhook's signature holds or does not: step by step, with the very bytes that are signed.
//!
//! Whoever writes a receiver wants to know more than *no*: was it another secret, an old request, or a framework that
//! read the body as JSON and wrote it again before the signature was checked? What a known change would explain is
//! tried, and the first that fits is named.

mod change;

use ringup_core::time::Timestamp;
use ringup_egress::sign::{self, SigningKey, TOLERANCE};

pub use change::BodyChange;

/// Bytes of a body for which changes are tried: each try hashes all of it.
const TRIED_BYTES_MAX: usize = 64 * 1024;

/// What came of the check.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    Valid,
    /// No secret is known to check with.
    Unchecked,
    /// Headers that are needed are not there.
    Missing,
    /// Headers are there, and are not what they should be.
    Malformed,
    /// No signature fits: another secret, or a change that we do not know.
    WrongSecret,
    /// It would be valid if the body had not been changed like this.
    BodyChanged(BodyChange),
    /// The signature fits and is this many seconds older than is accepted.
    TooOld(u64),
    TooNew(u64),
}

impl Verdict {
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Valid => "valid",
            Verdict::Unchecked => "unchecked",
            Verdict::Missing => "missing",
            Verdict::Malformed => "malformed",
            Verdict::WrongSecret => "wrong_secret",
            Verdict::BodyChanged(_) => "body_changed",
            Verdict::TooOld(_) => "too_old",
            Verdict::TooNew(_) => "too_new",
        }
    }

    /// As it is stored: the word, and what belongs to it.
    pub fn text(self) -> String {
        match self {
            Verdict::BodyChanged(change) => format!("body_changed {}", change.word()),
            Verdict::TooOld(secs) => format!("too_old {secs}"),
            Verdict::TooNew(secs) => format!("too_new {secs}"),
            other => other.word().to_owned(),
        }
    }

    /// What [`Verdict::text`] wrote.
    pub fn from_text(text: &str) -> Verdict {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        match word {
            "valid" => Verdict::Valid,
            "missing" => Verdict::Missing,
            "malformed" => Verdict::Malformed,
            "wrong_secret" => Verdict::WrongSecret,
            "body_changed" => BodyChange::from_word(rest).map_or(Verdict::WrongSecret, Verdict::BodyChanged),
            "too_old" => Verdict::TooOld(rest.parse().unwrap_or_default()),
            "too_new" => Verdict::TooNew(rest.parse().unwrap_or_default()),
            _ => Verdict::Unchecked,
        }
    }

    /// In one sentence, with what to do.
    pub fn says(self) -> String {
        match self {
            Verdict::Valid => "The signature is valid.".to_owned(),
            Verdict::Unchecked => "No secret is known to check with: add an endpoint with this URL.".to_owned(),
            Verdict::Missing => {
                "Signature headers are missing: either nobody signed this, or they were removed on the way.".to_owned()
            }
            Verdict::Malformed => "Signature headers are there, but not as Standard Webhooks has them.".to_owned(),
            Verdict::WrongSecret => {
                "No signature fits: it was made with another secret, or the body was changed on the way.".to_owned()
            }
            Verdict::BodyChanged(change) => {
                format!("The body was changed: it would be valid {}. Check the bytes as they came.", change.says())
            }
            Verdict::TooOld(secs) => format!(
                "The signature fits and is too old by {secs} s: sent again by somebody else, or a clock that is wrong."
            ),
            Verdict::TooNew(secs) => {
                format!("The signature fits and is {secs} s too far in the future: a clock is wrong.")
            }
        }
    }
}

/// How far a step got.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mark {
    Passed,
    Failed,
    /// Not reached, or nothing to look at.
    Skipped,
}

/// One step of the check.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// `headers`, `timestamp`, `versions`, `signature`, `age`, in this order.
    pub name: &'static str,
    pub mark: Mark,
    /// What was looked at.
    pub found: String,
}

/// The whole check.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnosis {
    pub verdict: Verdict,
    pub steps: Vec<Step>,
    /// `id.timestamp.`: the signed text is this and the body, byte by byte. `None` without the headers.
    pub signed_prefix: Option<String>,
    /// What the header should have said, where a secret is known.
    pub expected: Option<String>,
}

impl Diagnosis {
    /// For whoever could forge signatures with it.
    #[must_use]
    pub fn without_expected(mut self) -> Diagnosis {
        self.expected = None;
        for step in self.steps.iter_mut().filter(|step| step.name == "signature") {
            step.found.clear();
        }
        self
    }
}

/// The three headers, under either spelling.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Signature {
    pub id: Option<String>,
    pub timestamp: Option<String>,
    pub signatures: Option<String>,
}

impl Signature {
    /// From header names and values in any case. Of the two spellings the first one that is there counts.
    pub fn of<'a>(headers: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone) -> Signature {
        let find = |name: &str| {
            let spelled = |prefix: &str| {
                let is = |found: &[u8]| {
                    found.len() == prefix.len() + name.len()
                        && found.get(..prefix.len()).is_some_and(|part| part.eq_ignore_ascii_case(prefix.as_bytes()))
                        && found.get(prefix.len()..).is_some_and(|part| part.eq_ignore_ascii_case(name.as_bytes()))
                };
                headers
                    .clone()
                    .find(|(found, _)| is(found))
                    .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
            };
            spelled("webhook-").or_else(|| spelled("svix-"))
        };
        Signature { id: find("id"), timestamp: find("timestamp"), signatures: find("signature") }
    }
}

/// Checks a request that came at `at` against the keys that may have signed it, newest first.
pub fn diagnose(signature: &Signature, body: &[u8], keys: &[SigningKey], at: Timestamp) -> Diagnosis {
    let mut check = Check { steps: Vec::new() };
    let (Some(id), Some(timestamp), Some(signatures)) = (&signature.id, &signature.timestamp, &signature.signatures)
    else {
        let missing: Vec<&str> =
            [("id", &signature.id), ("timestamp", &signature.timestamp), ("signature", &signature.signatures)]
                .into_iter()
                .filter(|(_, value)| value.is_none())
                .map(|(name, _)| name)
                .collect();
        check.step("headers", Mark::Failed, format!("missing: webhook-{}", missing.join(", webhook-")));
        return check.ended(Verdict::Missing, None, None);
    };
    check.step("headers", Mark::Passed, format!("webhook-id: {id}"));
    let prefix = Some(format!("{id}.{timestamp}."));
    let sent = timestamp.parse::<i64>().ok().filter(|sent| sent.to_string() == *timestamp);
    let Some(sent) = sent else {
        check.step("timestamp", Mark::Failed, timestamp.clone());
        return check.ended(Verdict::Malformed, prefix, None);
    };
    check.step("timestamp", Mark::Passed, timestamp.clone());
    let ours: Vec<&str> =
        signatures.split(' ').filter(|token| token.starts_with("v1,") || token.starts_with("v1a,")).collect();
    if ours.is_empty() {
        check.step("versions", Mark::Failed, signatures.clone());
        return check.ended(Verdict::Malformed, prefix, None);
    }
    check.step("versions", Mark::Passed, ours.join(" "));
    let Some(newest) = keys.first() else {
        check.step("signature", Mark::Skipped, String::new());
        return check.ended(Verdict::Unchecked, prefix, None);
    };
    let expected = sign::sign_one(newest, id, sent, body);
    let fits = |body: &[u8]| {
        // The age is looked at apart, so the clock of this check is the sender's.
        let now = Timestamp::from_secs(sent);
        keys.iter().any(|key| sign::verify(key, id, timestamp, signatures, body, now).is_ok())
    };
    if !fits(body) {
        check.step("signature", Mark::Failed, expected.clone());
        let change = (body.len() <= TRIED_BYTES_MAX).then(|| change::explaining(body, fits)).flatten();
        let verdict = change.map_or(Verdict::WrongSecret, Verdict::BodyChanged);
        return check.ended(verdict, prefix, Some(expected));
    }
    check.step("signature", Mark::Passed, expected.clone());
    let age = at.as_secs().saturating_sub(sent);
    let tolerance = i64::try_from(TOLERANCE.as_secs()).unwrap_or(i64::MAX);
    let verdict = match age {
        age if age > tolerance => Verdict::TooOld((age - tolerance).unsigned_abs()),
        age if age < -tolerance => Verdict::TooNew((age + tolerance).unsigned_abs()),
        _ => Verdict::Valid,
    };
    check.step("age", if verdict == Verdict::Valid { Mark::Passed } else { Mark::Failed }, format!("{age} s"));
    check.ended(verdict, prefix, Some(expected))
}

/// A check under way.
struct Check {
    steps: Vec<Step>,
}

/// All steps, in their order.
const STEPS: [&str; 5] = ["headers", "timestamp", "versions", "signature", "age"];

impl Check {
    fn step(&mut self, name: &'static str, mark: Mark, found: String) {
        self.steps.push(Step { name, mark, found });
    }

    fn ended(mut self, verdict: Verdict, signed_prefix: Option<String>, expected: Option<String>) -> Diagnosis {
        for name in STEPS.into_iter().skip(self.steps.len()) {
            self.step(name, Mark::Skipped, String::new());
        }
        Diagnosis { verdict, steps: self.steps, signed_prefix, expected }
    }
}

#[cfg(test)]
mod tests;
