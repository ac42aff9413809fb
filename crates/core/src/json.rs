//! Looks into payloads without reading them: byte ranges of values, nesting, redaction.
//!
//! No value is built and no number converted, so what is not asked for cannot change. All functions are total: they
//! never panic, never recurse, and on bytes that are not JSON find what they can or nothing. Whether a payload is JSON
//! has been decided before it comes here.

use std::ops::Range;

use crate::pointer::{Pointer, Segment};

mod check;
mod member;
mod place;
mod strike;
mod text;

pub use check::is_json;
pub use member::{Member, members};
pub use place::any_at;
pub use strike::strike;
pub use text::Characters;

/// Whether the document is an object.
pub fn is_object(bytes: &[u8]) -> bool {
    bytes.get(after_space(bytes, 0)) == Some(&b'{')
}

/// The deepest nesting of objects and arrays: zero for a scalar.
pub fn depth(bytes: &[u8]) -> usize {
    let (mut at, mut depth, mut deepest) = (0, 0_usize, 0);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at = string_end(bytes, at);
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
        at += 1;
    }
    deepest
}

/// Where the value that a pointer names lies. Of duplicate names the last counts, as in most parsers.
///
/// Walks each container on the way once, so the time is the document's length times the pointer's, at most.
pub fn locate(bytes: &[u8], pointer: &Pointer) -> Option<Range<usize>> {
    let mut start = after_space(bytes, 0);
    for segment in pointer.segments() {
        let mut container = Container::open(bytes, start)?;
        let mut found = None;
        while let Some(child) = container.next_child() {
            if child.is(segment) {
                found = Some(child.start);
            }
            container.go_on_at(value_end(bytes, child.start));
        }
        start = found?;
    }
    let end = value_end(bytes, start);
    (start < end).then_some(start..end)
}

/// A walk over the children of one object or array.
#[derive(Clone, Copy, Debug)]
struct Container<'a> {
    bytes: &'a [u8],
    at: usize,
    is_object: bool,
    children: usize,
}

#[derive(Clone, Copy, Debug)]
struct Child<'a> {
    /// The bytes between the quotes; `None` in an array.
    key: Option<&'a [u8]>,
    index: usize,
    /// Where its value starts.
    start: usize,
}

impl<'a> Container<'a> {
    fn open(bytes: &'a [u8], at: usize) -> Option<Container<'a>> {
        let is_object = match bytes.get(at)? {
            b'{' => true,
            b'[' => false,
            _ => return None,
        };
        Some(Container { bytes, at: at + 1, is_object, children: 0 })
    }

    /// The next child; the caller says with `go_on_at` where its value ends. After the last one `at` is behind the
    /// closing bracket, or at the end of bytes that have none.
    fn next_child(&mut self) -> Option<Child<'a>> {
        self.at = after_space(self.bytes, self.at);
        while self.bytes.get(self.at) == Some(&b',') {
            self.at = after_space(self.bytes, self.at + 1);
        }
        let key = match self.bytes.get(self.at) {
            Some(b'}' | b']') => {
                self.at += 1;
                return None;
            }
            Some(b'"') if self.is_object => Some(self.key()?),
            Some(_) if !self.is_object => None,
            Some(_) | None => return self.give_up(),
        };
        let index = self.children;
        self.children += 1;
        Some(Child { key, index, start: self.at })
    }

    fn go_on_at(&mut self, at: usize) {
        self.at = at;
    }

    /// Reads a name and the colon, up to the value.
    fn key(&mut self) -> Option<&'a [u8]> {
        let end = string_end(self.bytes, self.at);
        let key = self.bytes.get(self.at + 1..end.saturating_sub(1)).unwrap_or_default();
        let colon = after_space(self.bytes, end);
        if self.bytes.get(colon) != Some(&b':') {
            return self.give_up();
        }
        self.at = after_space(self.bytes, colon + 1);
        Some(key)
    }

    fn give_up<T>(&mut self) -> Option<T> {
        self.at = self.bytes.len();
        None
    }
}

impl Child<'_> {
    /// Whether a pointer's segment names this child.
    fn is(&self, segment: &Segment) -> bool {
        match self.key {
            Some(key) => is_key(key, segment.name.as_bytes()),
            None => segment.index == Some(self.index),
        }
    }
}

/// Whether a name as it stands between its quotes, escapes and all, spells `name`.
fn is_key(raw: &[u8], name: &[u8]) -> bool {
    if !raw.contains(&b'\\') {
        return raw == name;
    }
    let (mut raw, mut name) = (raw, name);
    while let [first, rest @ ..] = raw {
        let mut buffer = [0; 4];
        let (spelled, left): (&[u8], &[u8]) = match (first, rest) {
            (b'\\', [escape, rest @ ..]) => match unescape(*escape, rest) {
                Some((character, left)) => (character.encode_utf8(&mut buffer).as_bytes(), left),
                None => return false,
            },
            (b'\\', []) => return false,
            (_, rest) => (std::slice::from_ref(first), rest),
        };
        match name.strip_prefix(spelled) {
            Some(left_of_name) => (raw, name) = (left, left_of_name),
            None => return false,
        }
    }
    name.is_empty()
}

/// The character that an escape stands for, and what follows it. `None` for a lone surrogate, which no name contains.
fn unescape(escape: u8, rest: &[u8]) -> Option<(char, &[u8])> {
    let character = match escape {
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'"' | b'\\' | b'/' => char::from(escape),
        b'u' => {
            let (unit, rest) = hex_unit(rest)?;
            if let Some(character) = char::from_u32(unit) {
                return Some((character, rest));
            }
            let (low, rest) = hex_unit(rest.strip_prefix(b"\\u")?)?;
            return char::decode_utf16([u16::try_from(unit).ok()?, u16::try_from(low).ok()?])
                .next()?
                .ok()
                .map(|character| (character, rest));
        }
        _ => return None,
    };
    Some((character, rest))
}

/// Four hexadecimal digits.
fn hex_unit(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (digits, rest) = bytes.split_at_checked(4)?;
    let unit = digits.iter().try_fold(0, |unit, digit| Some(unit * 16 + char::from(*digit).to_digit(16)?))?;
    Some((unit, rest))
}

fn after_space(bytes: &[u8], at: usize) -> usize {
    let space = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    at + bytes.iter().skip(at).take_while(space).count()
}

/// Behind the closing quote of the string that opens at `at`.
fn string_end(bytes: &[u8], at: usize) -> usize {
    let mut at = at + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Behind the value that starts at `at`.
fn value_end(bytes: &[u8], at: usize) -> usize {
    match bytes.get(at) {
        Some(b'"') => string_end(bytes, at),
        Some(b'{' | b'[') => container_end(bytes, at),
        _ => {
            let scalar = |byte: &&u8| !matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r');
            at + bytes.iter().skip(at).take_while(scalar).count()
        }
    }
}

fn container_end(bytes: &[u8], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at = string_end(bytes, at);
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth <= 1 => return at + 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

#[cfg(test)]
mod tests;
