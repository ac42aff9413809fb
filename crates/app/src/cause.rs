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
    /// 408 that the server sent.
    RequestTimeout = "request_timeout",
    /// 429.
    TooMany = "too_many",
    /// 3xx.
    Redirect = "redirect",
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
    Token = "token",
    Local = "local",
    BlockedAddress = "blocked_address",
    BlockedScheme = "blocked_scheme",
    BlockedUrl = "blocked_url",
    Interrupted = "interrupted",
}

impl Cause {
    pub fn of(attempt: &StoredAttempt) -> Cause {
        match attempt.outcome {
            OutcomeWord::Delivered => Cause::Delivered,
            OutcomeWord::Refused => Cause::of_status(attempt.status.unwrap_or_default()),
            OutcomeWord::TimedOut => Cause::TimedOut,
            OutcomeWord::Interrupted => Cause::Interrupted,
            OutcomeWord::Unreachable => match attempt.detail.as_deref() {
                Some("dns") => Cause::Dns,
                Some("refused") => Cause::Refused,
                Some("tls") => Cause::Tls,
                Some("protocol") => Cause::Protocol,
                Some("token") => Cause::Token,
                Some("local") => Cause::Local,
                _ => Cause::Reset,
            },
            OutcomeWord::Blocked => match attempt.detail.as_deref() {
                Some("scheme") => Cause::BlockedScheme,
                Some("url") => Cause::BlockedUrl,
                _ => Cause::BlockedAddress,
            },
        }
    }

    fn of_status(status: u16) -> Cause {
        match status {
            401 | 403 => Cause::Unauthorized,
            404 => Cause::NotFound,
            405 => Cause::Method,
            408 => Cause::RequestTimeout,
            410 => Cause::Gone,
            413 => Cause::TooLarge,
            429 => Cause::TooMany,
            300..=399 => Cause::Redirect,
            500..=599 => Cause::ServerError,
            _ => Cause::OtherStatus,
        }
    }
}

#[cfg(test)]
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
            (418, Cause::OtherStatus),
            (429, Cause::TooMany),
        ] {
            assert_eq!(Cause::of_status(status), cause, "{status}");
        }
    }

    #[test]
    fn names_are_unique() {
        let words: std::collections::BTreeSet<&str> = Cause::ALL.iter().map(|cause| cause.word()).collect();
        assert_eq!(words.len(), Cause::ALL.len());
    }
}
