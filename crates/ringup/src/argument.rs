//! What commands share in reading what they were given.

use std::fmt;
use std::time::Duration;

use anyhow::Context as _;
use clap::ValueEnum;

use crate::config::value::Scalar;

/// A command that cannot be carried out as it was written.
#[derive(Debug)]
pub struct Usage(pub String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

pub fn usage<T>(why: String) -> anyhow::Result<T> {
    Err(Usage(why).into())
}

/// How a result is printed.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Format {
    #[default]
    Text,
    Json,
}

/// A time on the command line.
pub fn duration(text: &str) -> Result<Duration, String> {
    <Duration as Scalar>::parse(text).map_err(|why| format!("it {why}; expected a time such as 300ms or 5s"))
}

/// What stands behind `@` is the name of a file, `-` is standard input, anything else is the text itself.
pub fn given(text: &str) -> anyhow::Result<String> {
    match text.strip_prefix('@') {
        Some(path) => std::fs::read_to_string(path).with_context(|| format!("reading {path}")),
        None if text == "-" => std::io::read_to_string(std::io::stdin()).context("reading standard input"),
        None => Ok(text.to_owned()),
    }
}
