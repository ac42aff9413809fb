//! The part of a URL after the question mark.

use std::borrow::Cow;

use axum::extract::FromRequestParts;
use http::request::Parts;
use ringup_core::time::Timestamp;
use url::form_urlencoded;
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterIn};

use crate::describe;
use crate::problem::{Item, Problem};
use crate::wire::time;

/// Names and values, decoded. Names that nobody asks for are passed over.
#[derive(Debug, Default)]
pub struct Query(Vec<(String, String)>);

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Query, Problem> {
        Ok(Query::parse(parts.uri.query().unwrap_or_default()))
    }
}

/// `before` and `after`.
pub struct Moments;

impl IntoParams for Moments {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![
            describe::query("before", "Only what happened before it.", describe::moment()),
            describe::query("after", "Only what happened after it.", describe::moment()),
        ]
    }
}

/// `since` and `until`.
pub struct Since;

impl IntoParams for Since {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![
            describe::query("since", "From this time on.", describe::moment()),
            describe::query("until", "Before this time.", describe::moment()),
        ]
    }
}

/// `event_types`, `channel` and `tag`.
pub struct Matching;

impl IntoParams for Matching {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![
            describe::query("event_types", "Only these types.", describe::texts()),
            describe::query("channel", "Only what was published to this channel.", describe::text()),
            describe::query("tag", "Only what has this tag.", describe::text()),
        ]
    }
}

impl Query {
    pub fn parse(text: &str) -> Query {
        Query(form_urlencoded::parse(text.as_bytes()).map(|(name, value)| (owned(name), owned(value))).collect())
    }

    /// The last value of this name; an empty one is none.
    pub fn one(&self, name: &str) -> Option<&str> {
        self.values(name).find(|value| !value.is_empty())
    }

    /// The last value of this name, which may be empty: for kinds that have no empty value.
    pub fn last(&self, name: &str) -> Option<&str> {
        self.values(name).next()
    }

    fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().rev().filter(move |(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// All values of this name, however lists are written: repeated, with brackets, or with commas.
    pub fn many(&self, name: &str) -> Option<Vec<String>> {
        let is_asked = |found: &str| found == name || found.strip_suffix("[]") == Some(name);
        let values = self.0.iter().filter(|(found, _)| is_asked(found)).flat_map(|(_, value)| value.split(','));
        let values: Vec<String> = values.filter(|value| !value.is_empty()).map(str::to_owned).collect();
        (!values.is_empty()).then_some(values)
    }

    pub fn flag(&self, name: &'static str, default: bool) -> Result<bool, Problem> {
        match self.last(name) {
            None => Ok(default),
            Some("true" | "1") => Ok(true),
            Some("false" | "0") => Ok(false),
            Some(_) => Err(refused(name, "type", "expected true or false")),
        }
    }

    pub fn number(&self, name: &'static str, min: u64, max: u64) -> Result<Option<u64>, Problem> {
        let Some(text) = self.last(name) else { return Ok(None) };
        let fits = text.parse().ok().filter(|number| (min..=max).contains(number));
        fits.map(Some).ok_or_else(|| refused(name, "range", &format!("expected a whole number from {min} to {max}")))
    }

    pub fn moment(&self, name: &'static str) -> Result<Option<Timestamp>, Problem> {
        let read = |text| {
            let why = "expected a time such as 2026-11-23T08:30:00Z";
            time::parse(text).ok_or_else(|| refused(name, "time", why))
        };
        self.last(name).map(read).transpose()
    }
}

pub fn refused(name: &'static str, rule: &'static str, why: &str) -> Problem {
    Problem::misfit(vec![Item { place: vec!["query".to_owned(), name.to_owned()], why: why.to_owned(), rule }])
}

fn owned(text: Cow<'_, str>) -> String {
    text.into_owned()
}
