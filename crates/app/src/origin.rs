//! Where a request comes from, for whoever asks later.

use std::fmt;
use std::net::IpAddr;

/// Bytes of a request's id: as many as the API takes from a caller.
const REQUEST_ID_BYTES_MAX: usize = 128;

/// The address that asks, as the socket has it, and the request's id, as it stands in the log of the process.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Origin {
    pub address: Option<IpAddr>,
    pub request: Option<RequestId>,
}

/// The other end of a connection, as whoever serves it puts it beside each request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Peer(pub IpAddr);

/// The id of a request. As small and copied as easily as whoever asks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RequestId {
    length: u8,
    bytes: [u8; REQUEST_ID_BYTES_MAX],
}

impl RequestId {
    /// `None` for what is empty, too long or no visible ASCII.
    pub fn of(text: &str) -> Option<RequestId> {
        let length = u8::try_from(text.len()).ok().filter(|length| *length > 0)?;
        let mut bytes = [0; REQUEST_ID_BYTES_MAX];
        bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        text.bytes().all(|byte| byte.is_ascii_graphic()).then_some(RequestId { length, bytes })
    }

    pub fn as_str(&self) -> &str {
        let used = self.bytes.get(..usize::from(self.length)).unwrap_or_default();
        std::str::from_utf8(used).unwrap_or_default()
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_comes_back_as_it_was_or_not_at_all() {
        let longest = "x".repeat(REQUEST_ID_BYTES_MAX);
        for text in ["req_1", longest.as_str()] {
            assert_eq!(RequestId::of(text).map(|id| id.as_str().to_owned()).as_deref(), Some(text));
        }
        for text in ["", "a b", "é", &format!("{longest}x"), &"x".repeat(256)] {
            assert_eq!(RequestId::of(text), None, "{text}");
        }
    }
}
