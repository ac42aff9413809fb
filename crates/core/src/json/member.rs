//! The members of an object, one by one: for whoever must see names that stand twice.

use std::ops::Range;

use super::{Container, after_space, unescape, value_end};

/// One member of an object, as it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// Escapes resolved; what spells no character is `U+FFFD`.
    pub name: String,
    /// Where its value lies.
    pub value: Range<usize>,
}

/// All members of a document that is an object, in their order, those with the same name included; none for another.
pub fn members(bytes: &[u8]) -> Vec<Member> {
    let mut members = Vec::new();
    let start = after_space(bytes, 0);
    let Some(mut container) = Container::open(bytes, start).filter(|_| bytes.get(start) == Some(&b'{')) else {
        return members;
    };
    while let Some(child) = container.next_child() {
        let end = value_end(bytes, child.start);
        if let Some(key) = child.key {
            members.push(Member { name: name(key), value: child.start..end });
        }
        container.go_on_at(end);
    }
    members
}

fn name(mut raw: &[u8]) -> String {
    let mut plain = Vec::new();
    let mut name = String::new();
    while let [first, rest @ ..] = raw {
        raw = rest;
        if *first != b'\\' {
            plain.push(*first);
            continue;
        }
        name.push_str(&String::from_utf8_lossy(&plain));
        plain.clear();
        match rest.split_first().map(|(escape, rest)| (unescape(*escape, rest), rest)) {
            Some((Some((character, left)), _)) => {
                name.push(character);
                raw = left;
            }
            Some((None, left)) => {
                name.push(char::REPLACEMENT_CHARACTER);
                raw = left;
            }
            None => name.push(char::REPLACEMENT_CHARACTER),
        }
    }
    name.push_str(&String::from_utf8_lossy(&plain));
    name
}
