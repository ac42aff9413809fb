//! What a failed system call or library error says about the receiver, or about us.

use std::error::Error;
use std::io;

use ringup_core::outcome::{BlockedBy, Cause, Outcome, Phase};

/// Why there is no answer. Small, where an [`Outcome`] is not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Failure {
    Blocked(BlockedBy),
    Unreachable(Cause),
    TimedOut(Phase),
    /// Another node may make the request by now.
    FencedOff,
}

impl From<Failure> for Outcome {
    fn from(failure: Failure) -> Outcome {
        match failure {
            Failure::Blocked(by) => Outcome::Blocked(by),
            Failure::Unreachable(cause) => Outcome::Unreachable(cause),
            Failure::TimedOut(phase) => Outcome::TimedOut(phase),
            Failure::FencedOff => Outcome::Interrupted,
        }
    }
}

impl From<Cause> for Failure {
    fn from(cause: Cause) -> Failure {
        Failure::Unreachable(cause)
    }
}

/// A connect that failed. No route and no answer to SYN are the receiver's or the network's, as a refusal is.
pub(crate) fn of_connect(error: &io::Error) -> Cause {
    match error.kind() {
        _ if is_local(error) => Cause::Local,
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe => Cause::Reset,
        _ => Cause::Refused,
    }
}

/// A TLS handshake that failed. One that was merely cut off is a reset.
pub(crate) fn of_handshake(error: &io::Error) -> Cause {
    match error {
        _ if is_local(error) => Cause::Local,
        _ if is_tls(error) => Cause::Tls,
        _ => Cause::Reset,
    }
}

/// An exchange that ended before a complete response head.
pub(crate) fn of_exchange(error: &hyper::Error) -> Cause {
    if error.is_parse() {
        return Cause::Protocol;
    }
    if error.is_user() {
        return Cause::Local;
    }
    match io_error(error) {
        // Under TLS 1.3 a receiver that wants a client certificate says so after the handshake.
        Some(io) if is_tls(io) => Cause::Tls,
        Some(io) if is_local(io) => Cause::Local,
        _ => Cause::Reset,
    }
}

/// No socket, port, memory or permission on our side: says nothing about the receiver.
pub(crate) fn is_local(error: &io::Error) -> bool {
    use io::ErrorKind::{AddrInUse, AddrNotAvailable, OutOfMemory, PermissionDenied};
    // EMFILE, ENFILE and ENOBUFS have no stable kind; these are their numbers on Linux, and on macOS for the first two.
    const TOO_MANY_FILES: [i32; 3] = [24, 23, 105];
    matches!(error.kind(), AddrInUse | AddrNotAvailable | OutOfMemory | PermissionDenied)
        || error.raw_os_error().is_some_and(|number| TOO_MANY_FILES.contains(&number))
}

fn is_tls(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>())
}

/// The system's error behind `error`.
fn io_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a io::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(io) = error.downcast_ref() {
            return Some(io);
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connect_errors_sort_by_whose_fault_they_are() {
        for (number, expected) in [
            (111, Cause::Refused),
            (113, Cause::Refused),
            (101, Cause::Refused),
            (110, Cause::Refused),
            (97, Cause::Refused),
            (104, Cause::Reset),
            (24, Cause::Local),
            (23, Cause::Local),
            (105, Cause::Local),
            (12, Cause::Local),
            (99, Cause::Local),
            (98, Cause::Local),
            (13, Cause::Local),
            (1, Cause::Local),
        ] {
            let error = io::Error::from_raw_os_error(number);
            assert_eq!(of_connect(&error), expected, "{error}");
        }
    }

    #[test]
    fn a_handshake_that_is_cut_off_is_a_reset() {
        assert_eq!(of_handshake(&io::ErrorKind::UnexpectedEof.into()), Cause::Reset);
        assert_eq!(of_handshake(&io::ErrorKind::ConnectionReset.into()), Cause::Reset);
        let alert = io::Error::new(io::ErrorKind::InvalidData, rustls::Error::DecryptError);
        assert_eq!(of_handshake(&alert), Cause::Tls);
    }
}
