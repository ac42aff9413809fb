//! What the compiler does not check: which room imports which, which words are used, how long files grow.
//!
//! A finding says what to do instead. Where a case argues against a rule, `xtask/exceptions.toml` names the file and
//! the reason; an exception that excuses nothing any more is a finding too.

mod arrow;
mod exception;
mod link;
mod source;
mod word;

use std::fmt;

use anyhow::{Result, bail};

use self::exception::Exceptions;
use crate::workspace;

/// One place that breaks one rule.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    pub path: String,
    /// From 1; zero where the whole file is meant.
    pub line: usize,
    pub rule: &'static str,
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, rule, what } = self;
        match line {
            0 => write!(f, "{path}: [{rule}] {what}"),
            _ => write!(f, "{path}:{line}: [{rule}] {what}"),
        }
    }
}

/// Everything that is untidy.
pub fn findings() -> Result<Vec<Finding>> {
    let code = workspace::files(&[".rs"])?;
    let prose = workspace::files(&[".md"])?;
    let settings = workspace::files(&[".toml", "run"])?;
    let mut findings = arrow::findings()?;
    for file in &code {
        findings.extend(source::findings(file));
        findings.extend(word::findings(file));
    }
    for file in prose.iter().chain(&settings) {
        findings.extend(source::machine_paths(file));
    }
    for file in &prose {
        findings.extend(word::findings(file));
        findings.extend(link::findings(file));
    }
    let mut findings = Exceptions::read()?.apply(findings);
    findings.sort();
    Ok(findings)
}

/// `cargo xtask tidy`.
pub fn run() -> Result<()> {
    let findings = findings()?;
    for finding in &findings {
        println!("{finding}");
    }
    for file in workspace::files(&[".rs"])?.iter().filter(|file| source::is_long(file)) {
        println!("note: {} has {} lines; look for a second subject", file.path, file.text.lines().count());
    }
    match findings.len() {
        0 => Ok(()),
        count => bail!("{count} findings"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_tidy() {
        let findings = findings().expect("the tree can be read");
        let list: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert!(list.is_empty(), "\n{}", list.join("\n"));
    }
}
