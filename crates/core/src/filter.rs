//! A small language for choosing events by what is in them: `event:invoice* data.Total:>100000 data.Outlet:Kemang`.
//!
//! ```text
//! filter = and { "or" and }              either of them
//! and    = not { ["and"] not }           all of them
//! not    = ("-" | "not") not | "(" filter ")" | term
//! term   = key ":" test { "," test }     one of the tests is enough
//! test   = "*"                           there, and not null
//!        | (">" | ">=" | "<" | "<=") value
//!        | [value] ".." [value]          from and to, both included
//!        | value "*"                     begins with
//!        | value                         equals
//! value  = word without spaces, commas, brackets | "quoted, with \" and \\"
//! key    = event | channel | tag | data.Path.To.It | /json/pointer      quoted where it has spaces
//! ```
//!
//! `data.` leads into the payload by names and element numbers; `*` among them stands for every member or element. Where
//! a place holds an array, one of its elements is enough.
//!
//! A value that JSON would read as a number is compared by value, exactly, with numbers and with texts that spell one.
//! Other values, and all in quotes, are compared as text, by character; unquoted `true`, `false` and `null` are also
//! what they are in JSON. A place that is not there passes no test, so `-data.Coupon:*` finds events without a coupon.
//!
//! Everything is total and bounded: parsing by [`BYTES_MAX`], [`TERMS_MAX`], [`TESTS_MAX`] and [`DEPTH_MAX`], evaluation
//! by the payload's length times the number of terms. Nothing is allocated to evaluate but for a star in a path.

pub mod decimal;
mod parse;
mod test;
mod write;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::json;
use crate::pointer::{InvalidPointer, Pointer};

pub use decimal::Decimal;
pub use parse::parse;
pub use test::{Operand, Order, Test};
pub use write::write;

/// Bytes of a filter's text.
pub const BYTES_MAX: usize = 4_096;

/// Terms of a filter: each may cost a walk through the payload.
pub const TERMS_MAX: usize = 16;

/// Tests of all terms together, so that a list of outlets or sorts fits.
pub const TESTS_MAX: usize = 256;

/// Brackets and negations inside each other.
pub const DEPTH_MAX: usize = 16;

/// Characters of a value that are told when it is asked why an event did not pass.
const FOUND_CHARS_MAX: usize = 120;

/// Why a text is not a filter, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// In bytes from the start of the text; at most its length.
    pub offset: usize,
    /// The same counted in characters, from one, for people.
    pub character: usize,
    pub why: String,
}

impl Problem {
    pub fn at(text: &str, offset: usize, why: impl Into<String>) -> Problem {
        let before = text.get(..offset).unwrap_or(text);
        Problem { offset: before.len(), character: before.chars().count() + 1, why: why.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at character {}: {}", self.character, self.why)
    }
}

impl std::error::Error for Problem {}

/// A parsed text, with keys of the reader's choice: an endpoint's filter and the search of the log differ in them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Node<K> {
    /// Where it stands in the text.
    pub span: Range<usize>,
    pub kind: Kind<K>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Kind<K> {
    All(Vec<Node<K>>),
    Any(Vec<Node<K>>),
    Not(Box<Node<K>>),
    /// One of the tests is to hold for the key's value.
    Term {
        key: K,
        tests: Vec<Test>,
    },
    /// A text without a key: free text in a search, a mistake elsewhere.
    Free(String),
}

impl<K> Node<K> {
    /// The same with other keys. `convert` is handed the key or the free text, and where it stands.
    pub fn convert<L, E>(
        self,
        convert: &mut impl FnMut(Named<K>, Range<usize>) -> Result<Kind<L>, E>,
    ) -> Result<Node<L>, E> {
        let span = self.span;
        let kind = match self.kind {
            Kind::All(nodes) => Kind::All(converted(nodes, convert)?),
            Kind::Any(nodes) => Kind::Any(converted(nodes, convert)?),
            Kind::Not(node) => Kind::Not(Box::new(node.convert(convert)?)),
            Kind::Term { key, tests } => convert(Named::Term(key, tests), span.clone())?,
            Kind::Free(text) => convert(Named::Free(text), span.clone())?,
        };
        Ok(Node { span, kind })
    }

    /// Whether it holds, where `holds` knows of terms and free texts.
    pub fn holds(&self, holds: &mut impl FnMut(&Kind<K>) -> bool) -> bool {
        match &self.kind {
            Kind::All(nodes) => nodes.iter().all(|node| node.holds(holds)),
            Kind::Any(nodes) => nodes.iter().any(|node| node.holds(holds)),
            Kind::Not(node) => !node.holds(holds),
            leaf @ (Kind::Term { .. } | Kind::Free(_)) => holds(leaf),
        }
    }
}

fn converted<K, L, E>(
    nodes: Vec<Node<K>>,
    convert: &mut impl FnMut(Named<K>, Range<usize>) -> Result<Kind<L>, E>,
) -> Result<Vec<Node<L>>, E> {
    nodes.into_iter().map(|node| node.convert(convert)).collect()
}

/// What a leaf of a parsed text says.
pub enum Named<K> {
    Term(K, Vec<Test>),
    Free(String),
}

/// A filter of an endpoint. A clone shares it.
#[derive(Clone)]
pub struct Filter(Arc<Parsed>);

struct Parsed {
    text: String,
    root: Node<Place>,
}

/// What a term of an endpoint's filter looks at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    EventType,
    /// One of the event's channels is enough.
    Channel,
    /// One of its tags is enough.
    Tag,
    Payload(Pointer),
}

/// What there is to know of an event.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    pub event_type: &'a str,
    pub channels: &'a [String],
    pub tags: &'a [String],
    pub payload: &'a [u8],
}

/// The clause that an event did not pass.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// As it stands in the filter.
    pub clause: String,
    /// What stands at the place that it looks at, cut to a readable length; empty where nothing is there, `None` where
    /// the clause looks at several places.
    pub found: Option<String>,
}

impl Filter {
    pub fn parse(text: &str) -> Result<Filter, Problem> {
        let root = parse(text)?.convert(&mut |named, span: Range<usize>| match named {
            Named::Term(key, tests) => place(text, &key, span.start).map(|key| Kind::Term { key, tests }),
            Named::Free(word) => {
                let why = format!("expected a term such as data.Total:>100, found {word:?} without a colon");
                Err(Problem::at(text, span.start, why))
            }
        })?;
        Ok(Filter(Arc::new(Parsed { text: text.to_owned(), root })))
    }

    pub fn text(&self) -> &str {
        &self.0.text
    }

    pub fn accepts(&self, facts: &Facts<'_>) -> bool {
        accepts(&self.0.root, facts)
    }

    /// The first clause that an event does not pass; `None` for one that passes.
    pub fn refusal(&self, facts: &Facts<'_>) -> Option<Refusal> {
        let mut node = Some(&self.0.root).filter(|root| !accepts(root, facts))?;
        while let Kind::All(nodes) = &node.kind {
            node = nodes.iter().find(|node| !accepts(node, facts))?;
        }
        let found = match &node.kind {
            Kind::Term { key, .. } => Some(found(key, facts)),
            Kind::Not(inner) => match &inner.kind {
                Kind::Term { key, .. } => Some(found(key, facts)),
                _ => None,
            },
            Kind::All(_) | Kind::Any(_) | Kind::Free(_) => None,
        };
        Some(Refusal { clause: self.0.text.get(node.span.clone()).unwrap_or_default().to_owned(), found })
    }
}

impl PartialEq for Filter {
    fn eq(&self, other: &Filter) -> bool {
        self.0.text == other.0.text
    }
}

impl Eq for Filter {}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Filter").field(&self.0.text).finish()
    }
}

/// The place in the payload that a key names; `None` for keys that are none.
pub fn payload_place(key: &str) -> Option<Result<Pointer, InvalidPointer>> {
    if key.starts_with('/') {
        return Some(key.parse());
    }
    let path = key.strip_prefix("data.")?;
    Some(format!("/{}", path.replace('~', "~0").replace('/', "~1").replace('.', "/")).parse())
}

fn place(text: &str, key: &str, offset: usize) -> Result<Place, Problem> {
    match key {
        "event" => return Ok(Place::EventType),
        "channel" => return Ok(Place::Channel),
        "tag" => return Ok(Place::Tag),
        _ => {}
    }
    match payload_place(key) {
        Some(Ok(pointer)) => Ok(Place::Payload(pointer)),
        Some(Err(problem)) => Err(Problem::at(text, offset, problem.to_string())),
        None => {
            let why = format!(
                "nothing is called {key:?} here: there are event, channel, tag, and fields of the payload such as \
                 data.{key}"
            );
            Err(Problem::at(text, offset, why))
        }
    }
}

fn accepts(node: &Node<Place>, facts: &Facts<'_>) -> bool {
    node.holds(&mut |leaf| match leaf {
        Kind::Term { key, tests } => holds(key, tests, facts),
        // Refused when the filter was parsed.
        Kind::Free(_) | Kind::All(_) | Kind::Any(_) | Kind::Not(_) => false,
    })
}

fn holds(place: &Place, tests: &[Test], facts: &Facts<'_>) -> bool {
    let any_text = |text: &str| tests.iter().any(|test| test.holds_for_text(text));
    match place {
        Place::EventType => any_text(facts.event_type),
        Place::Channel => facts.channels.iter().any(|channel| any_text(channel)),
        Place::Tag => facts.tags.iter().any(|tag| any_text(tag)),
        Place::Payload(pointer) => {
            json::any_at(facts.payload, pointer, &mut |value| tests.iter().any(|test| test.holds_for_json(value)))
        }
    }
}

fn found(place: &Place, facts: &Facts<'_>) -> String {
    let text = match place {
        Place::EventType => facts.event_type.to_owned(),
        Place::Channel => facts.channels.join(", "),
        Place::Tag => facts.tags.join(", "),
        Place::Payload(pointer) => {
            let mut values = Vec::new();
            json::any_at(facts.payload, pointer, &mut |value| {
                values.push(String::from_utf8_lossy(value).chars().take(FOUND_CHARS_MAX).collect::<String>());
                values.len() >= 4
            });
            values.join(", ")
        }
    };
    match text.char_indices().nth(FOUND_CHARS_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests;
