//! The files that may break a rule, each with its reason.

use std::fs;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::Finding;
use crate::workspace;

const PATH: &str = "xtask/exceptions.toml";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exceptions {
    #[serde(default)]
    exception: Vec<Exception>,
}

/// Excuses findings of one rule in one file, or in a folder when the path ends with `/`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception {
    rule: String,
    path: String,
    reason: String,
}

impl Exceptions {
    pub fn read() -> Result<Self> {
        let text = fs::read_to_string(workspace::root().join(PATH)).context(PATH)?;
        toml::from_str(&text).context(PATH)
    }

    /// Takes out what is excused and adds exceptions that excuse nothing.
    pub fn apply(&self, findings: Vec<Finding>) -> Vec<Finding> {
        let mut used = vec![false; self.exception.len()];
        let mut left: Vec<Finding> = Vec::new();
        for finding in findings {
            match self.exception.iter().position(|exception| exception.excuses(&finding)) {
                Some(index) => used[index] = true,
                None => left.push(finding),
            }
        }
        let stale = self.exception.iter().zip(used).filter(|(_, used)| !used);
        left.extend(stale.map(|(exception, _)| {
            let what = format!("nothing in {} breaks `{}` any more: take it out", exception.path, exception.rule);
            Finding { path: PATH.to_owned(), line: 0, rule: "exception", what }
        }));
        left
    }
}

impl Exception {
    fn excuses(&self, finding: &Finding) -> bool {
        let within =
            if self.path.ends_with('/') { finding.path.starts_with(&self.path) } else { finding.path == self.path };
        within && self.rule == finding.rule && !self.reason.trim().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(path: &str, rule: &'static str) -> Finding {
        Finding { path: path.to_owned(), line: 3, rule, what: String::new() }
    }

    #[test]
    fn an_exception_excuses_its_rule_in_its_place_and_is_found_when_it_is_stale() {
        let text = "[[exception]]\nrule = \"word\"\npath = \"a/\"\nreason = \"r\"\n\
            [[exception]]\nrule = \"length\"\npath = \"b.rs\"\nreason = \"r\"\n";
        let exceptions: Exceptions = toml::from_str(text).expect("valid TOML");
        let left =
            exceptions.apply(vec![finding("a/x.rs", "word"), finding("a/x.rs", "length"), finding("b.rs", "word")]);
        let left: Vec<_> = left.iter().map(|finding| (finding.path.as_str(), finding.rule)).collect();
        assert_eq!(left, [("a/x.rs", "length"), ("b.rs", "word"), (PATH, "exception")]);
    }
}
