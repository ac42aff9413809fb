//! JSON pointers, as settings name places in a payload.
//!
//! Source: RFC 6901, in its string form. A segment `*` means every member or element where that makes sense: in
//! redaction. Elsewhere it is a name like any other.

use std::fmt;
use std::str::FromStr;

use crate::limits::{JSON_DEPTH_MAX, POINTER_BYTES_MAX};

/// A place in a JSON document. Empty for the document itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pointer {
    segments: Vec<Segment>,
}

/// One step down: a member by name, or an element by number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Segment {
    /// With `~0` and `~1` decoded.
    pub name: String,
    /// The element it names in an array, if it is a number without leading zeros.
    pub index: Option<usize>,
}

/// Why a text is not a JSON pointer that settings may hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InvalidPointer {
    /// Not empty and not starting with a slash.
    NoSlash,
    /// A `~` that is followed by neither 0 nor 1, at this byte.
    Tilde { offset: usize },
    /// More than `limits::POINTER_BYTES_MAX` bytes.
    TooLong,
    /// More than `limits::JSON_DEPTH_MAX` segments: no accepted payload is that deep.
    TooDeep,
}

impl fmt::Display for InvalidPointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InvalidPointer::NoSlash => f.write_str("a JSON pointer starts with a slash, such as /customer/phone"),
            InvalidPointer::Tilde { offset } => {
                write!(f, "the ~ at byte {offset} is neither ~0 (for ~) nor ~1 (for /)")
            }
            InvalidPointer::TooLong => write!(f, "a JSON pointer has at most {POINTER_BYTES_MAX} bytes"),
            InvalidPointer::TooDeep => write!(f, "a JSON pointer has at most {JSON_DEPTH_MAX} segments"),
        }
    }
}

impl std::error::Error for InvalidPointer {}

impl FromStr for Pointer {
    type Err = InvalidPointer;

    fn from_str(text: &str) -> Result<Pointer, InvalidPointer> {
        if text.len() > POINTER_BYTES_MAX {
            return Err(InvalidPointer::TooLong);
        }
        if text.is_empty() {
            return Ok(Pointer { segments: Vec::new() });
        }
        let body = text.strip_prefix('/').ok_or(InvalidPointer::NoSlash)?;
        if let Some(offset) = stray_tilde(text.as_bytes()) {
            return Err(InvalidPointer::Tilde { offset });
        }
        let segments: Vec<Segment> = body.split('/').map(Segment::decode).collect();
        if segments.len() > JSON_DEPTH_MAX {
            return Err(InvalidPointer::TooDeep);
        }
        Ok(Pointer { segments })
    }
}

impl Pointer {
    pub(crate) fn segments(&self) -> &[Segment] {
        &self.segments
    }
}

impl Segment {
    fn decode(text: &str) -> Segment {
        // In this order, or `~01` would become a slash.
        let name = text.replace("~1", "/").replace("~0", "~");
        let index = match name.as_bytes() {
            [b'0'] => Some(0),
            [b'1'..=b'9', rest @ ..] if rest.iter().all(u8::is_ascii_digit) => name.parse().ok(),
            _ => None,
        };
        Segment { name, index }
    }
}

fn stray_tilde(text: &[u8]) -> Option<usize> {
    (0..text.len()).find(|at| text[*at] == b'~' && !matches!(text.get(at + 1), Some(b'0' | b'1')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<&[(&str, Option<usize>)], InvalidPointer>) {
        let segments = |pointer: Pointer| -> Vec<(String, Option<usize>)> {
            pointer.segments.into_iter().map(|segment| (segment.name, segment.index)).collect()
        };
        let expected = expected.map(|segments| segments.iter().map(|(name, at)| ((*name).to_owned(), *at)).collect());
        assert_eq!(text.parse().map(segments), expected, "{text}");
    }

    #[test]
    fn segments_are_split_and_decoded() {
        check("", Ok(&[]));
        check("/", Ok(&[("", None)]));
        check("/customer/phone", Ok(&[("customer", None), ("phone", None)]));
        check("/a~1b/m~0n/~01", Ok(&[("a/b", None), ("m~n", None), ("~1", None)]));
        check("/items/*/0", Ok(&[("items", None), ("*", None), ("0", Some(0))]));
        check("/01/-/10", Ok(&[("01", None), ("-", None), ("10", Some(10))]));
        check("/99999999999999999999999", Ok(&[("99999999999999999999999", None)]));
        check("/Kundennr ü//", Ok(&[("Kundennr ü", None), ("", None), ("", None)]));
    }

    #[test]
    fn what_is_wrong_is_said() {
        check("customer", Err(InvalidPointer::NoSlash));
        check("#/customer", Err(InvalidPointer::NoSlash));
        check("/a~", Err(InvalidPointer::Tilde { offset: 2 }));
        check("/a~2", Err(InvalidPointer::Tilde { offset: 2 }));
        check("/~0~", Err(InvalidPointer::Tilde { offset: 3 }));
        check(&"/a".repeat(JSON_DEPTH_MAX + 1), Err(InvalidPointer::TooDeep));
        check(&format!("/{}", "a".repeat(POINTER_BYTES_MAX)), Err(InvalidPointer::TooLong));
        assert_eq!(
            "phone".parse::<Pointer>().map_err(|problem| problem.to_string()),
            Err("a JSON pointer starts with a slash, such as /customer/phone".to_owned())
        );
    }
}
