//! The parts of the scenario, in the order they are played.

pub mod account;
pub mod catalogue;
pub mod endpoint;
pub mod history;
pub mod operational;
pub mod portal;
pub mod publish;
pub mod pull;
pub mod refusal;
pub mod removal;
pub mod replay;
mod task;

use std::collections::{BTreeMap, BTreeSet};

/// The secret that an endpoint is given.
pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn set<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.map(str::to_owned).into()
}

fn map<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}
