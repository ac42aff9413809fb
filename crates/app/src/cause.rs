//! Why an attempt ended as it did: one name for each explanation that people are given.

use ringup_store::log_entry::OutcomeWord;
use ringup_store::query::StoredAttempt;

macro_rules! causes {
    ($($(#[$doc:meta])? $name:ident = $word:literal),* $(,)?) => {
        /// What happened, as far as advice differs.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Cause { $($(#[$doc])? $name),* }

        impl Cause {
            pub const ALL: &'static [Cause] = &[$(Cause::$name),*];

            /// A stable name, by which texts are found.
            pub const fn word(self) -> &'static str {
                match self { $(Cause::$name => $word),* }
            }
        }
    };
}

causes! {
    Delivered = "delivered",
    /// 400 and 422.
    BadRequest = "bad_request",
    /// 404.
    NotFound = "not_found",
    /// 401 and 403.
    Unauthorized = "unauthorized",
    /// 405.
    Method = "method",
    /// 410.
    Gone = "gone",
    /// 413.
    TooLarge = "too_large",
    /// 415.
    MediaType = "media_type",
    /// 408 that the server sent.
    RequestTimeout = "request_timeout",
    /// 429.
    TooMany = "too_many",
    /// 3xx.
    Redirect = "redirect",
    /// 502, 503 and 504.
    Unavailable = "unavailable",
    /// 5xx.
    ServerError = "server_error",
    /// Any other status.
    OtherStatus = "other_status",
    TimedOut = "timed_out",
    Dns = "dns",
    Refused = "refused",
    Reset = "reset",
    Tls = "tls",
    Protocol = "protocol",
    TokenRefused = "token_refused",
    TokenUnusable = "token_unusable",
    TokenTimedOut = "token_timed_out",
    TokenUnreachable = "token_unreachable",
    TokenBlocked = "token_blocked",
    Local = "local",
    BlockedAddress = "blocked_address",
    BlockedScheme = "blocked_scheme",
    BlockedUrl = "blocked_url",
    Interrupted = "interrupted",
}

/// Whose doing it is, and so who can change it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// All went well.
    Nobody,
    /// The server that was called, or the network before it.
    Receiver,
    /// What the owner of the endpoint entered: its address or its authorisation.
    Settings,
    /// This server.
    Us,
}

impl Side {
    pub const ALL: [Side; 4] = [Side::Nobody, Side::Receiver, Side::Settings, Side::Us];

    pub const fn word(self) -> &'static str {
        match self {
            Side::Nobody => "nobody",
            Side::Receiver => "receiver",
            Side::Settings => "settings",
            Side::Us => "us",
        }
    }
}

impl Cause {
    pub fn side(self) -> Side {
        match self {
            Cause::Delivered => Side::Nobody,
            Cause::BadRequest
            | Cause::NotFound
            | Cause::Unauthorized
            | Cause::Method
            | Cause::Gone
            | Cause::TooLarge
            | Cause::MediaType
            | Cause::RequestTimeout
            | Cause::TooMany
            | Cause::Unavailable
            | Cause::ServerError
            | Cause::OtherStatus
            | Cause::TimedOut
            | Cause::Dns
            | Cause::Refused
            | Cause::Reset
            | Cause::Tls
            | Cause::Protocol => Side::Receiver,
            Cause::Redirect
            | Cause::TokenRefused
            | Cause::TokenUnusable
            | Cause::TokenTimedOut
            | Cause::TokenUnreachable
            | Cause::TokenBlocked
            | Cause::BlockedAddress
            | Cause::BlockedScheme
            | Cause::BlockedUrl => Side::Settings,
            Cause::Local | Cause::Interrupted => Side::Us,
        }
    }

    pub fn of(attempt: &StoredAttempt) -> Cause {
        Cause::of_result(attempt.outcome, attempt.status, attempt.detail.as_deref())
    }

    /// Of an attempt with this outcome, status, and word for the phase, cause or rule.
    pub(crate) fn of_result(outcome: OutcomeWord, status: Option<u16>, detail: Option<&str>) -> Cause {
        match outcome {
            OutcomeWord::Delivered => Cause::Delivered,
            OutcomeWord::Refused => Cause::of_status(status.unwrap_or_default()),
            OutcomeWord::TimedOut => Cause::TimedOut,
            OutcomeWord::Interrupted => Cause::Interrupted,
            OutcomeWord::Unreachable => match detail {
                Some("dns") => Cause::Dns,
                Some("refused") => Cause::Refused,
                Some("tls") => Cause::Tls,
                Some("protocol") => Cause::Protocol,
                Some("token_refused") => Cause::TokenRefused,
                Some("token_unusable") => Cause::TokenUnusable,
                Some("token_timed_out") => Cause::TokenTimedOut,
                Some("token_unreachable") => Cause::TokenUnreachable,
                Some("token_blocked") => Cause::TokenBlocked,
                Some("local") => Cause::Local,
                _ => Cause::Reset,
            },
            OutcomeWord::Blocked => match detail {
                Some("scheme") => Cause::BlockedScheme,
                Some("url") => Cause::BlockedUrl,
                _ => Cause::BlockedAddress,
            },
        }
    }

    fn of_status(status: u16) -> Cause {
        match status {
            400 | 422 => Cause::BadRequest,
            401 | 403 => Cause::Unauthorized,
            404 => Cause::NotFound,
            405 => Cause::Method,
            408 => Cause::RequestTimeout,
            410 => Cause::Gone,
            413 => Cause::TooLarge,
            415 => Cause::MediaType,
            429 => Cause::TooMany,
            300..=399 => Cause::Redirect,
            502..=504 => Cause::Unavailable,
            500..=599 => Cause::ServerError,
            _ => Cause::OtherStatus,
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn statuses_have_the_advice_that_fits() {
        for (status, cause) in [
            (404, Cause::NotFound),
            (403, Cause::Unauthorized),
            (301, Cause::Redirect),
            (500, Cause::ServerError),
            (599, Cause::ServerError),
            (503, Cause::Unavailable),
            (422, Cause::BadRequest),
            (418, Cause::OtherStatus),
            (429, Cause::TooMany),
        ] {
            assert_eq!(Cause::of_status(status), cause, "{status}");
        }
    }

    /// Every word that an attempt without an answer is stored with has a cause of its own name.
    #[test]
    fn stored_words_are_known() {
        use ringup_core::outcome::{BlockedBy, Cause as Unreachable, NoToken, Outcome, Phase};
        use ringup_store::log_entry::AttemptResult;
        let token = [
            NoToken::Refused { status: 401, error: None },
            NoToken::Unusable,
            NoToken::TimedOut(Phase::Wait),
            NoToken::Unreachable(Unreachable::Dns),
            NoToken::Blocked(BlockedBy::Address),
        ];
        let outcomes = Unreachable::ALL.iter().copied().map(Outcome::Unreachable);
        for outcome in outcomes.chain(token.map(Outcome::NoToken)) {
            let result = AttemptResult::of(&outcome);
            assert_eq!(Cause::of_result(result.outcome, result.status, result.detail).word(), result.detail.unwrap());
        }
    }

    #[test]
    fn names_are_unique() {
        let words: std::collections::BTreeSet<&str> = Cause::ALL.iter().map(|cause| cause.word()).collect();
        assert_eq!(words.len(), Cause::ALL.len());
    }
}
