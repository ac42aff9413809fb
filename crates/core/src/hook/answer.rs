//! Reading an answer: names in any case, values strictly.

use std::borrow::Cow;

use super::cause::{FailCause, Failed};
use super::contract::{Field, Kind, Published, Shape};
use crate::json::{self, Member};
use crate::outcome::{Answer, BodyEnd};

/// What an app said, numbers as the app wrote them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reading {
    /// Under the names of a published contract, in its order.
    Fields(Vec<(Cow<'static, str>, String)>),
    /// The whole object, which is as its schema says.
    Whole(String),
}

impl Reading {
    /// The raw value of a field.
    pub fn get(&self, name: &str) -> Option<&str> {
        match self {
            Reading::Fields(members) => members.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str()),
            Reading::Whole(document) => {
                let found = json::members(document.as_bytes()).into_iter().find(|member| member.name == name)?;
                document.get(found.value)
            }
        }
    }

    /// As the JSON object that the till reads.
    pub fn to_json(&self) -> String {
        match self {
            Reading::Fields(members) => {
                let members: Vec<String> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
                format!("{{{}}}", members.join(","))
            }
            Reading::Whole(document) => document.clone(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Reading::Fields(members) if members.is_empty())
    }
}

/// Digits and all: no balance takes more.
const NUMBER_CHARS_MAX: usize = 24;

/// Members in which apps tell of errors that they answer 200 to.
const ERROR_NAMES: &[&str] = &["error", "errors", "exception", "fault"];

/// The document of a body that was read whole.
pub(super) fn document(answer: &Answer) -> Result<&str, Failed> {
    match answer.body_end {
        BodyEnd::Complete => {}
        BodyEnd::Capped => return Err(Failed::of(FailCause::TooLarge)),
        BodyEnd::Broken => return Err(Failed::of(FailCause::BrokenOff)),
    }
    let said = content_type(answer);
    if let Some(charset) = said.split("charset=").nth(1) {
        let charset = charset.split(';').next().unwrap_or_default().trim_matches(['"', ' ']);
        if !matches!(charset, "utf-8" | "utf8" | "us-ascii") {
            return Err(Failed::of(FailCause::Charset));
        }
    }
    let text = std::str::from_utf8(&answer.body).map_err(|_| Failed::of(FailCause::Charset))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match text.trim_ascii_start().chars().next() {
        None => Err(Failed::of(FailCause::Empty)),
        Some('<') => Err(Failed::of(FailCause::Html)),
        Some(_) if !json::is_json(text) => Err(Failed::of(FailCause::NotJson)),
        Some('{') => Ok(text),
        Some(_) => Err(Failed::of(FailCause::NotObject)),
    }
}

fn content_type(answer: &Answer) -> String {
    let found = answer.headers.iter().find(|(name, _)| name == "content-type");
    found.map(|(_, value)| String::from_utf8_lossy(value).to_ascii_lowercase()).unwrap_or_default()
}

/// Reads what `fields` name out of a JSON object.
pub(super) fn read(document: &str, fields: &[Field]) -> Result<Reading, Failed> {
    let members = json::members(document.as_bytes());
    let mut reading = Vec::new();
    for field in fields {
        let mut own = members.iter().filter(|member| is_named(member, field));
        let value = own.next().and_then(|member| document.get(member.value.clone())).filter(|value| *value != "null");
        if own.next().is_some() {
            return Err(Failed::about(FailCause::DuplicateName, field.name.clone()));
        }
        match value {
            Some(value) => reading.push((field.name.clone(), checked(value, field)?)),
            None if field.required => {
                let error = members.iter().any(|member| ERROR_NAMES.iter().any(|word| same(&member.name, word)));
                let cause = if error { FailCause::ErrorInside } else { FailCause::Missing };
                return Err(Failed::about(cause, field.name.clone()));
            }
            None => {}
        }
    }
    Ok(Reading::Fields(reading))
}

/// Reads all of a JSON object that is as declared.
pub(super) fn whole(document: &str, shape: &dyn Shape) -> Result<Reading, Failed> {
    if let Some(name) = twice(document) {
        return Err(Failed::about(FailCause::DuplicateName, name));
    }
    match shape.answer(document) {
        None => Ok(Reading::Whole(document.trim_ascii().to_owned())),
        Some(misfit) if misfit.pointer.is_empty() => Err(Failed::about(FailCause::Schema, misfit.why)),
        Some(misfit) => Err(Failed::about(FailCause::Schema, format!("{}: {}", misfit.pointer, misfit.why))),
    }
}

/// A member of an object that stands in it twice.
pub(super) fn twice(document: &str) -> Option<String> {
    let mut names: Vec<String> = json::members(document.as_bytes()).into_iter().map(|member| member.name).collect();
    names.sort_unstable();
    names.windows(2).find(|pair| pair.first() == pair.get(1)).and_then(|pair| pair.first().cloned())
}

/// What no member alone can say: a percentage above a hundred.
pub(super) fn fits(reading: &Reading, contract: &Published) -> Result<(), Failed> {
    let Some([kind, word, amount]) = contract.percentage else { return Ok(()) };
    if reading.get(kind) != Some(&format!("\"{word}\"")) {
        return Ok(());
    }
    let too_much = reading.get(amount).and_then(|value| value.parse::<f64>().ok()).is_none_or(|value| value > 100.0);
    if too_much { Err(Failed::about(FailCause::OutOfRange, amount)) } else { Ok(()) }
}

fn is_named(member: &Member, field: &Field) -> bool {
    same(&member.name, &field.name) || field.older.as_ref().is_some_and(|older| same(&member.name, older))
}

fn same(name: &str, other: &str) -> bool {
    name.eq_ignore_ascii_case(other)
}

fn checked(value: &str, field: &Field) -> Result<String, Failed> {
    let failed = |cause| Failed::about(cause, field.name.clone());
    match field.kind {
        Kind::Any => Ok(value.to_owned()),
        Kind::Text if value.starts_with('"') => Ok(value.to_owned()),
        Kind::Text => Err(failed(FailCause::WrongType)),
        Kind::Word(words) => {
            let word = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
            let word = word.ok_or_else(|| failed(FailCause::WrongType))?;
            let known = words.iter().find(|(theirs, _)| same(theirs, word));
            known.map(|(_, ours)| format!("\"{ours}\"")).ok_or_else(|| failed(FailCause::UnknownWord))
        }
        Kind::Number => match value.as_bytes().first() {
            Some(b'-') => Err(failed(FailCause::Negative)),
            Some(b'0'..=b'9') if has_size(value) => Ok(value.to_owned()),
            Some(b'0'..=b'9') => Err(failed(FailCause::OutOfRange)),
            _ => Err(failed(FailCause::WrongType)),
        },
    }
}

/// Whether a till can hold it: no more digits than money has, and no exponent, behind which anything may hide.
fn has_size(number: &str) -> bool {
    number.len() <= NUMBER_CHARS_MAX && !number.contains(['e', 'E'])
}
