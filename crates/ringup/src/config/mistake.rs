//! What is wrong with a configuration, said so that it can be put right.

use std::fmt;

use super::origin::Origin;

/// One thing that is wrong: what, where it was set, what was expected, what to do. Never holds the value of a secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mistake {
    what: String,
    origin: Option<Origin>,
    expected: Option<String>,
    next: Option<String>,
}

impl Mistake {
    pub(super) fn new(what: String) -> Self {
        Self { what, origin: None, expected: None, next: None }
    }

    pub(super) fn origin(self, origin: Origin) -> Self {
        Self { origin: Some(origin), ..self }
    }

    pub(super) fn expected(self, expected: String) -> Self {
        Self { expected: Some(expected), ..self }
    }

    pub(super) fn next(self, next: String) -> Self {
        Self { next: Some(next), ..self }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  {}", self.what)?;
        if let Some(origin) = &self.origin {
            writeln!(f, "      set in    {origin}")?;
        }
        if let Some(expected) = &self.expected {
            writeln!(f, "      expected  {expected}")?;
        }
        if let Some(next) = &self.next {
            writeln!(f, "      next      {next}")?;
        }
        Ok(())
    }
}

/// Everything that is wrong; never empty.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mistakes(pub(super) Vec<Mistake>);

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => writeln!(f, "the configuration has a mistake; nothing was started")?,
            count => writeln!(f, "the configuration has {count} mistakes; nothing was started")?,
        }
        for mistake in &self.0 {
            write!(f, "\n{mistake}")?;
        }
        write!(f, "\nEvery key with its default and its bounds: `ringup config docs`")
    }
}

impl std::error::Error for Mistakes {}
