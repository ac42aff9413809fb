//! What came of one attempt. Whatever a receiver does is data, never an error.

use std::fmt;

use bytes::Bytes;

/// How one HTTP exchange ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// A 2xx answer. The body is ignored, but kept for the log.
    Delivered(Answer),
    /// Any other answer, redirects included: they are never followed.
    Refused(Answer),
    /// The time limit ran out before the last byte; logged as 408 and marked. Holds what had arrived.
    TimedOut(Phase),
    /// No answer: the exchange failed before a complete response head.
    Unreachable(Cause),
    /// We refused to call: the address or URL is forbidden here.
    Blocked(BlockedBy),
    /// The receiver was not called, for want of a token.
    NoToken(NoToken),
    /// Cut off by our own shutdown. Not counted against the endpoint.
    Interrupted,
}

/// A response, as far as it was read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Answer {
    pub status: u16,
    /// In the order received, repeats included, names as received in lower case, values raw.
    pub headers: Vec<(String, Bytes)>,
    /// At most `limits::RESPONSE_BODY_BYTES_MAX`.
    pub body: Bytes,
    pub body_end: BodyEnd,
    /// The raw `Retry-After` value, if there was exactly one.
    pub retry_after: Option<String>,
}

/// Why the body that was kept ends where it does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum BodyEnd {
    #[default]
    Complete,
    /// We stopped reading at the cap.
    Capped,
    /// The receiver broke off.
    Broken,
}

/// Where the exchange stood when the time limit ran out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    Resolve,
    Connect,
    Tls,
    Send,
    /// Waiting for the response head.
    Wait,
    /// Reading the response body.
    Body,
}

/// Why there was no answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// The name does not resolve.
    Dns,
    /// The connection was refused, or no route led there.
    Refused,
    /// The connection was closed or reset before a complete response head.
    Reset,
    /// The TLS handshake failed: certificate, name or protocol.
    Tls,
    /// What came back is not HTTP, or exceeds our bounds for a response head.
    Protocol,
    /// A fault of our own, such as no free socket.
    Local,
}

/// Why the token for the receiver's authorisation could not be had. Repeated by the same rules as if the receiver had
/// done it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NoToken {
    /// The token server answered with another status than 2xx; `error` is its own word for it, RFC 6749 §5.2.
    Refused {
        status: u16,
        error: Option<String>,
    },
    /// It answered 2xx, and there is no token in it.
    Unusable,
    TimedOut(Phase),
    Unreachable(Cause),
    Blocked(BlockedBy),
}

impl NoToken {
    /// A short stable word for the log.
    pub fn word(&self) -> &'static str {
        match self {
            NoToken::Refused { .. } => "token_refused",
            NoToken::Unusable => "token_unusable",
            NoToken::TimedOut(_) => "token_timed_out",
            NoToken::Unreachable(_) => "token_unreachable",
            NoToken::Blocked(_) => "token_blocked",
        }
    }
}

impl fmt::Display for NoToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoToken::Refused { status, error: Some(error) } => write!(f, "the token server answered {status}: {error}"),
            NoToken::Refused { status, error: None } => write!(f, "the token server answered {status}"),
            NoToken::Unusable => f.write_str("there is no token in what the token server answered"),
            NoToken::TimedOut(phase) => write!(f, "the token server took too long ({phase})"),
            NoToken::Unreachable(cause) => write!(f, "the token server did not answer ({cause})"),
            NoToken::Blocked(rule) => write!(f, "the token server's address is not called ({rule})"),
        }
    }
}

/// Which rule forbade the call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BlockedBy {
    /// The URL is not one we call: scheme, port or shape.
    Url,
    /// Plain HTTP while only HTTPS is allowed.
    Scheme,
    /// An address that the name resolved to is private, local or otherwise reserved.
    Address,
}

impl Outcome {
    /// The status for the log: the receiver's, 408 if we ran out of time, none without an answer.
    pub fn status(&self) -> Option<u16> {
        match self {
            Outcome::Delivered(answer) | Outcome::Refused(answer) => Some(answer.status),
            Outcome::TimedOut(_) => Some(408),
            Outcome::Unreachable(_) | Outcome::Blocked(_) | Outcome::NoToken(_) | Outcome::Interrupted => None,
        }
    }

    /// Sorts an answer by its status: 2xx is success, nothing else is.
    pub fn answered(answer: Answer) -> Outcome {
        match answer.status {
            200..=299 => Outcome::Delivered(answer),
            _ => Outcome::Refused(answer),
        }
    }

    pub fn answer(&self) -> Option<&Answer> {
        match self {
            Outcome::Delivered(answer) | Outcome::Refused(answer) => Some(answer),
            Outcome::TimedOut(_)
            | Outcome::Unreachable(_)
            | Outcome::Blocked(_)
            | Outcome::NoToken(_)
            | Outcome::Interrupted => None,
        }
    }

    /// A short stable word for logs and metrics.
    pub fn word(&self) -> &'static str {
        match self {
            Outcome::Delivered(_) => "delivered",
            Outcome::Refused(_) => "refused",
            Outcome::TimedOut(_) => "timed_out",
            Outcome::Unreachable(_) => "unreachable",
            Outcome::Blocked(_) => "blocked",
            Outcome::NoToken(_) => "no_token",
            Outcome::Interrupted => "interrupted",
        }
    }
}

/// Stable words for enums that are stored and shown: one list for both directions.
macro_rules! words {
    ($name:ident { $($variant:ident = $word:literal),* $(,)? }) => {
        impl $name {
            pub const ALL: &'static [$name] = &[$($name::$variant),*];

            pub const fn word(self) -> &'static str {
                match self { $($name::$variant => $word),* }
            }

            pub fn from_word(word: &str) -> Option<$name> {
                match word { $($word => Some($name::$variant),)* _ => None }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}
pub(crate) use words;

words!(Phase { Resolve = "resolve", Connect = "connect", Tls = "tls", Send = "send", Wait = "wait", Body = "body" });
words!(Cause {
    Dns = "dns",
    Refused = "refused",
    Reset = "reset",
    Tls = "tls",
    Protocol = "protocol",
    Local = "local",
});
words!(BlockedBy { Url = "url", Scheme = "scheme", Address = "address" });
words!(BodyEnd { Complete = "complete", Capped = "capped", Broken = "broken" });
