//! What a caller of the verbs can react to.

use std::sync::Arc;

use ringup_store::StoreError;

/// One variant for each different reaction.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AppError {
    /// Who asks is not known.
    #[error("{0}")]
    Unauthenticated(&'static str),
    /// Who asks is known and may not.
    #[error("{0}")]
    Forbidden(&'static str),
    /// There is none, or it is somebody else's.
    #[error("{what} {name:?} not found")]
    NotFound { what: &'static str, name: String },
    /// It cannot be done as things stand.
    #[error("{0}")]
    Conflict(String),
    /// What was asked makes no sense. At least one fault.
    #[error("{}", faults(.0))]
    Invalid(Vec<Fault>),
    /// Nothing was stored; the same may succeed later.
    #[error("the store cannot take this now: {0}")]
    Unavailable(Arc<str>),
    /// Stored data cannot be trusted; someone must act.
    #[error("{0}")]
    Corrupt(Arc<str>),
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// In the house's words, such as `event_types`; of what narrows a question, `query.since`.
    pub field: &'static str,
    /// The element or member of the field, where it has several.
    pub part: Option<String>,
    /// The rule's stable name, such as `forbidden_address`.
    pub rule: &'static str,
    /// For people. Never quotes a secret.
    pub why: String,
}

impl Fault {
    pub fn new(field: &'static str, rule: &'static str, why: impl Into<String>) -> Fault {
        Fault { field, part: None, rule, why: why.into() }
    }

    #[must_use]
    pub fn at(self, part: impl ToString) -> Fault {
        Fault { part: Some(part.to_string()), ..self }
    }
}

impl From<Fault> for AppError {
    fn from(fault: Fault) -> AppError {
        AppError::Invalid(vec![fault])
    }
}

impl From<StoreError> for AppError {
    fn from(error: StoreError) -> AppError {
        match error {
            StoreError::Conflict(what) => AppError::Conflict(format!("the {what} is already taken")),
            StoreError::NotFound => AppError::not_found("object", ""),
            StoreError::Unfit(why) => Fault::new("", "character", why).into(),
            StoreError::Unavailable(reason) => AppError::Unavailable(reason),
            StoreError::Corrupt(what) => AppError::Corrupt(what),
        }
    }
}

impl AppError {
    pub(crate) fn not_found(what: &'static str, name: &str) -> AppError {
        // Names come from the caller; what cannot be one is not repeated at length.
        AppError::NotFound { what, name: name.chars().take(ringup_core::limits::NAME_CHARS_MAX).collect() }
    }
}

fn faults(faults: &[Fault]) -> String {
    let text = |fault: &Fault| match &fault.part {
        Some(part) => format!("{}.{part}: {}", fault.field, fault.why),
        None => format!("{}: {}", fault.field, fault.why),
    };
    faults.iter().map(text).collect::<Vec<_>>().join("; ")
}
