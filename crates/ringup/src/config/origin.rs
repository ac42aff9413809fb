//! Where a value was set.

use std::fmt;
use std::path::PathBuf;

/// Where a value was set, in words an operator can follow back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// A line, counted from 1, of a configuration file.
    File {
        path: PathBuf,
        line: usize,
    },
    Environment {
        variable: String,
    },
    /// A file whose path stands in a `…_FILE` variable.
    SecretFile {
        variable: String,
        path: PathBuf,
    },
    Flag {
        flag: &'static str,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File { path, line } => write!(f, "file {}:{line}", path.display()),
            Origin::Environment { variable } => write!(f, "environment {variable}"),
            Origin::SecretFile { variable, path } => write!(f, "environment {variable} (file {})", path.display()),
            Origin::Flag { flag } => write!(f, "flag {flag}"),
        }
    }
}
