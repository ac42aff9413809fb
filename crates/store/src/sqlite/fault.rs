//! What goes wrong with files, sorted by what to do about it; and the places where tests make a process die.

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rusqlite::ErrorCode;

use crate::seam::StoreError;
use crate::shape::Broken;

/// One failure, by reaction.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    /// No space: nothing is broken, and it recovers by itself.
    Full(Arc<str>),
    /// The file system failed, and what the handle believes cannot be trusted: drop it, open again, verify.
    Device(Arc<str>),
    /// What is stored cannot be trusted: stop.
    Damaged(Arc<str>),
    /// Anything else, such as a statement that does not hold.
    Other(Arc<str>),
    /// What the caller asked for is refused by the seam's own words.
    Refused(StoreError),
}

pub(super) type Outcome<T> = Result<T, Fault>;

/// Adds the file to what SQLite says of it.
pub(super) trait InFile<T> {
    fn in_file(self, path: &Path) -> Outcome<T>;
}

impl<T> InFile<T> for rusqlite::Result<T> {
    fn in_file(self, path: &Path) -> Outcome<T> {
        self.map_err(|error| Fault::of(path, &error))
    }
}

impl<T> InFile<T> for std::io::Result<T> {
    fn in_file(self, path: &Path) -> Outcome<T> {
        self.map_err(|error| {
            let text: Arc<str> = format!("{}: {error}", path.display()).into();
            match error.kind() {
                std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Fault::Full(text),
                _ => Fault::Device(text),
            }
        })
    }
}

impl Fault {
    pub(super) fn of(path: &Path, error: &rusqlite::Error) -> Fault {
        use rusqlite::Error as E;
        let text = || Arc::from(format!("{}: {error}", path.display()));
        match error {
            // A row that does not read as what was written into it.
            E::FromSqlConversionFailure(..) | E::IntegralValueOutOfRange(..) | E::InvalidColumnType(..) => {
                Fault::damaged(path, &error.to_string())
            }
            other => match other.sqlite_error_code() {
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Fault::damaged(path, &error.to_string()),
                Some(ErrorCode::DiskFull) => Fault::Full(text()),
                Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen | ErrorCode::ReadOnly) => Fault::Device(text()),
                _ => Fault::Other(text()),
            },
        }
    }

    pub(super) fn damaged(path: &Path, what: &str) -> Fault {
        Fault::Damaged(
            format!(
                "the file {} is damaged: {what}; stop ringup, keep a copy of the folder, and put the file back from a \
                 backup or recover it with `sqlite3 FILE .recover`; nothing is started empty in its place",
                path.display()
            )
            .into(),
        )
    }

    pub(super) fn missing(path: &Path) -> Fault {
        Fault::Damaged(
            format!(
                "the file {} is missing; put it back from a backup, or choose another data folder; nothing is started \
                 empty in its place",
                path.display()
            )
            .into(),
        )
    }
}

impl From<Broken> for rusqlite::Error {
    fn from(broken: Broken) -> rusqlite::Error {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, broken.0)
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> StoreError {
        match fault {
            Fault::Full(text) | Fault::Device(text) | Fault::Other(text) => StoreError::Unavailable(text),
            Fault::Damaged(text) => StoreError::Corrupt(text),
            Fault::Refused(error) => error,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Full(text) | Fault::Device(text) | Fault::Damaged(text) | Fault::Other(text) => f.write_str(text),
            Fault::Refused(error) => error.fmt(f),
        }
    }
}

/// A place where a process is made to die, to show that nothing is lost there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Point {
    BeforeCommit,
    AfterCommitBeforeAck,
    DuringCheckpoint,
    MidMigration,
}

/// Dies at a [`Point`] when it is passed for the n-th time. Reads from `after-commit-before-ack:137`.
#[derive(Debug)]
pub struct Failpoint {
    point: Point,
    /// Passes left, this one included.
    left: AtomicU32,
}

impl Failpoint {
    pub fn new(point: Point, pass: u32) -> Failpoint {
        Failpoint { point, left: AtomicU32::new(pass) }
    }

    pub(super) fn pass(&self, point: Point) {
        if point == self.point && self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            std::process::abort();
        }
    }
}

impl FromStr for Failpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Failpoint, String> {
        let (name, pass) = text.split_once(':').unwrap_or((text, "1"));
        let point = match name {
            "before-commit" => Point::BeforeCommit,
            "after-commit-before-ack" => Point::AfterCommitBeforeAck,
            "during-checkpoint" => Point::DuringCheckpoint,
            "mid-migration" => Point::MidMigration,
            _ => return Err(format!("no failpoint is called {name}")),
        };
        match pass.parse() {
            Ok(pass) if pass > 0 => Ok(Failpoint::new(point, pass)),
            _ => Err(format!("{pass} is not a number of passes")),
        }
    }
}

/// Passes the plan's failpoint, if it has one.
pub(super) fn pass(failpoint: Option<&Arc<Failpoint>>, point: Point) {
    if let Some(failpoint) = failpoint {
        failpoint.pass(point);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failpoints_are_read_from_text() {
        let failpoint: Failpoint = "after-commit-before-ack:137".parse().expect("it is one");
        assert_eq!(failpoint.point, Point::AfterCommitBeforeAck);
        assert_eq!(failpoint.left.load(Ordering::Relaxed), 137);
        let once: Failpoint = "during-checkpoint".parse().expect("it is one");
        assert_eq!(once.left.load(Ordering::Relaxed), 1);
        // Passing another point changes nothing.
        once.pass(Point::BeforeCommit);
        assert_eq!(once.left.load(Ordering::Relaxed), 1);
        for text in ["", "after-commit", "before-commit:0", "before-commit:x"] {
            assert!(text.parse::<Failpoint>().is_err(), "{text}");
        }
    }
}
