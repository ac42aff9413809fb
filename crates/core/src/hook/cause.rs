//! Why there is no answer: one name for each thing that can go wrong.

use std::fmt;

use crate::outcome::words;

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FailCause {
    /// The account has set nobody to ask.
    NotSet,
    /// Asking is switched off, or was paused.
    Stopped,
    /// No answer in time.
    Late,
    /// The app failed this sale before and is asked again later by the retry policy.
    Queued,
    /// The app has failed so often that it is left alone for a while.
    BreakerOpen,
    /// As many questions are open as may be.
    Busy,
    /// No connection, or none that lasted to an answer.
    Unreachable,
    /// The address is not called from here.
    Blocked,
    /// The app wants a token, and none could be had.
    NoToken,
    /// We are shutting down.
    Interrupted,
    Redirect,
    /// Another status than an answer has.
    Status,
    Empty,
    TooLarge,
    /// The app broke off in the middle.
    BrokenOff,
    /// Not UTF-8, or declared as something else.
    Charset,
    Html,
    NotJson,
    NotObject,
    DuplicateName,
    /// A member that the answer must have is not there.
    Missing,
    /// As `Missing`, and there is an error in its place.
    ErrorInside,
    /// Text for a number, or the like.
    WrongType,
    Negative,
    OutOfRange,
    UnknownWord,
    /// Not as the operator declared answers of this hook.
    Schema,
}

words!(FailCause {
    NotSet = "not_set",
    Stopped = "stopped",
    Late = "late",
    Queued = "queued",
    BreakerOpen = "breaker_open",
    Busy = "busy",
    Unreachable = "unreachable",
    Blocked = "blocked",
    NoToken = "no_token",
    Interrupted = "interrupted",
    Redirect = "redirect",
    Status = "status",
    Empty = "empty",
    TooLarge = "too_large",
    BrokenOff = "broken_off",
    Charset = "charset",
    Html = "html",
    NotJson = "not_json",
    NotObject = "not_object",
    DuplicateName = "duplicate_name",
    Missing = "missing",
    ErrorInside = "error_inside",
    WrongType = "wrong_type",
    Negative = "negative",
    OutOfRange = "out_of_range",
    UnknownWord = "unknown_word",
    Schema = "schema",
});

/// A cause, and what it is about: a member's name, a status, a phase.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failed {
    pub cause: FailCause,
    pub about: Option<String>,
}

impl Failed {
    pub fn of(cause: FailCause) -> Failed {
        Failed { cause, about: None }
    }

    pub fn about(cause: FailCause, about: impl Into<String>) -> Failed {
        Failed { cause, about: Some(about.into()) }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let about = self.about.as_deref().unwrap_or("a value");
        match self.cause {
            FailCause::NotSet => f.write_str("no app is set for this hook"),
            FailCause::Stopped => f.write_str("this hook is switched off or paused"),
            FailCause::Late => f.write_str("the app did not answer in time"),
            FailCause::Queued => f.write_str("the app failed before and is asked again later"),
            FailCause::BreakerOpen => f.write_str("the app failed too often and is left alone for a while"),
            FailCause::Busy => f.write_str("too many questions are open already"),
            FailCause::Unreachable => write!(f, "the app could not be reached ({about})"),
            FailCause::Blocked => f.write_str("the app's address is not called from here"),
            FailCause::NoToken => write!(f, "no token for the app could be had ({about})"),
            FailCause::Interrupted => f.write_str("the server is shutting down"),
            FailCause::Redirect => write!(f, "the app answered with a redirect ({about}), which is not followed"),
            FailCause::Status => write!(f, "the app answered with status {about}"),
            FailCause::Empty => f.write_str("the app's answer is empty"),
            FailCause::TooLarge => f.write_str("the app's answer is larger than what is read"),
            FailCause::BrokenOff => f.write_str("the app broke off in the middle of its answer"),
            FailCause::Charset => f.write_str("the app's answer is not in UTF-8"),
            FailCause::Html => f.write_str("the app answered with a web page"),
            FailCause::NotJson => f.write_str("the app's answer is not JSON"),
            FailCause::NotObject => f.write_str("the app's answer is not a JSON object"),
            FailCause::DuplicateName => write!(f, "{about} stands twice in the app's answer"),
            FailCause::Missing => write!(f, "{about} is missing in the app's answer"),
            FailCause::ErrorInside => write!(f, "the app's answer has an error in place of {about}"),
            FailCause::WrongType => write!(f, "{about} is of the wrong type in the app's answer"),
            FailCause::Negative => write!(f, "{about} is negative in the app's answer"),
            FailCause::OutOfRange => write!(f, "{about} is out of range in the app's answer"),
            FailCause::UnknownWord => write!(f, "{about} is no known word in the app's answer"),
            FailCause::Schema => write!(f, "the app's answer is not as declared ({about})"),
        }
    }
}
