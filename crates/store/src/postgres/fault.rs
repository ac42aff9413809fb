//! What goes wrong with a database, sorted by what to do about it. Nothing said here holds a password.

use std::fmt;
use std::sync::Arc;

use tokio_postgres::error::SqlState;

use crate::seam::StoreError;
use crate::shape::Broken;

/// One failure, by reaction.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    /// The connection or the server failed, or is too busy: connect again, and try again.
    Lost(Arc<str>),
    /// What is stored cannot be trusted.
    Damaged(Arc<str>),
    /// Another node owns the work now: nothing of ours is to be written any more.
    Deposed(Arc<str>),
    /// A value that must be unique is there already, by this constraint.
    Taken(Arc<str>),
    /// Anything else, such as a statement that does not hold.
    Other(Arc<str>),
    /// What the caller asked for is refused by the seam's own words.
    Refused(StoreError),
}

pub(super) type Outcome<T> = Result<T, Fault>;

impl Fault {
    pub(super) fn lost(text: &str) -> Fault {
        Fault::Lost(Arc::from(text))
    }

    pub(super) fn damaged(what: &str) -> Fault {
        Fault::Damaged(
            format!(
                "the database holds what ringup never wrote ({what}); stop ringup, keep a copy, and restore the database \
                 from a backup"
            )
            .into(),
        )
    }
}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Fault {
        let Some(said) = error.as_db_error() else {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            let text = format!("{error}{cause}").into();
            // It is told by its words alone.
            return match error.to_string().starts_with("error serializing") {
                true => Fault::Other(text),
                false => Fault::Lost(text),
            };
        };
        let code = said.code();
        if is_outdated(&error) {
            return Fault::lost("the schema has changed since a statement was prepared");
        }
        // The message alone: details quote what is stored.
        let text: Arc<str> = format!("the database says: {} ({})", said.message(), code.code()).into();
        if *code == SqlState::DATA_CORRUPTED || *code == SqlState::INDEX_CORRUPTED {
            return Fault::Damaged(text);
        }
        if *code == SqlState::UNIQUE_VIOLATION {
            return Fault::Taken(said.constraint().unwrap_or_default().into());
        }
        if *code == SqlState::CHARACTER_NOT_IN_REPERTOIRE || *code == SqlState::UNTRANSLATABLE_CHARACTER {
            return Fault::Refused(StoreError::Unfit("a text holds the character NUL, which PostgreSQL cannot keep"));
        }
        // Source: PostgreSQL manual, appendix A. Connection, resources, operator, system and locks; a read-only standby.
        let passing = ["08", "53", "57", "58", "55", "40", "25", "28", "3D", "3F"];
        match passing.iter().any(|class| code.code().starts_with(class)) {
            true => Fault::Lost(text),
            false => Fault::Other(text),
        }
    }
}

/// Whether a prepared statement answers with other columns than when it was prepared. The server has no code of its own
/// for that. Source: `RevalidateCachedQuery` in PostgreSQL's `plancache.c`.
pub(super) fn is_outdated(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_some_and(|said| {
        *said.code() == SqlState::FEATURE_NOT_SUPPORTED && said.routine() == Some("RevalidateCachedQuery")
    })
}

impl From<Broken> for Fault {
    fn from(broken: Broken) -> Fault {
        Fault::damaged(&broken.to_string())
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> StoreError {
        match fault {
            Fault::Lost(text) | Fault::Other(text) | Fault::Deposed(text) => StoreError::Unavailable(text),
            Fault::Taken(constraint) => StoreError::Unavailable(taken(&constraint).into()),
            Fault::Damaged(text) => StoreError::Corrupt(text),
            Fault::Refused(error) => error,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Lost(text) | Fault::Damaged(text) | Fault::Deposed(text) | Fault::Other(text) => f.write_str(text),
            Fault::Taken(constraint) => f.write_str(&taken(constraint)),
            Fault::Refused(error) => error.fmt(f),
        }
    }
}

fn taken(constraint: &str) -> String {
    format!("the database has such a row already ({constraint})")
}
