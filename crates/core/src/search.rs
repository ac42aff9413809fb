//! The search of the log: `status:failed code:5xx event:invoice* url:"ERP sync" took:>2s after:-1h data.Total:>100000`.
//!
//! The grammar is that of filters ([`crate::filter`]), with the keys of an attempt. One reader for pages, API, command
//! line and whatever acts on all that is found, so that a text means the same everywhere:
//!
//! ```text
//! status   delivered | failed | retrying | recovered | interrupted     where the delivery stands now
//!          error                                                       any attempt that did not deliver
//!          refused | timed_out | unreachable | blocked                 how the attempt ended
//! code     503 | 5xx | >=500 | 500..503 | none                         the answer's status
//! event, channel, tag      as in filters, with * behind a beginning
//! url      an id, a uid, a name, an address or its host                `endpoint` is the same
//! try      2 | >1 | 2..5                                               the number of the attempt
//! took     >2s | <500ms | 1s..5s
//! after, before            -15m | -1h | -7d | 2026-11-23 | 2026-11-23T10:00 | 2026-11-23T10:00:00+07:00
//! id       of an attempt, of an event, or the publisher's own          also a beginning
//! test     true | false                                                sent from *Test Webhook*
//! data.…   a value of the payload, numbers exact
//! text     without a key: somewhere in type, uid or payload
//! ```
//!
//! A time without a zone is UTC. What a term says of the payload is only known where the payload is still kept; where it
//! is not, no such term holds.
//!
//! A [`Search`] is read once and [bound](Search::bind) to a moment and to the URLs there are; what comes of it decides
//! about one attempt at a time, and says when it has to know more before it can.

mod complete;
mod read;
mod value;

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use crate::filter::{self, Kind, Node, Operand, Problem, Test};
use crate::id::{AttemptId, EventId};
use crate::json;
use crate::key::EndpointKey;
use crate::outcome::words;
use crate::pointer::Pointer;
use crate::time::Timestamp;

pub use complete::{Completion, Known, complete};
pub use value::utc;
use value::{Code, Moment, Span};

/// The tag of events that were sent to try something out.
pub const TEST_TAG: &str = "ringup.test";

/// Where a delivery stands, as lines of the log say it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Status {
    Delivered,
    /// The attempt failed, and its delivery ended so.
    Failed,
    /// The attempt failed, and its delivery wants another.
    Retrying,
    /// The attempt failed; a later one delivered.
    Recovered,
    /// Cut off by us.
    Interrupted,
}

words!(Status {
    Delivered = "delivered",
    Failed = "failed",
    Retrying = "retrying",
    Recovered = "recovered",
    Interrupted = "interrupted",
});

/// A text that was read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Search {
    text: String,
    /// `None` finds everything.
    read: Option<(Node<String>, Node<Leaf>)>,
}

/// What one term asks.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Leaf {
    Status(Vec<StatusTest>),
    Code(Vec<Code>),
    Event(Vec<Test>),
    Channel(Vec<Test>),
    Tag(Vec<Test>),
    /// Before it is bound.
    Url(Vec<Test>),
    /// After.
    Endpoint(BTreeSet<EndpointKey>),
    Try(Vec<Test>),
    Took(Vec<Span>),
    After(Moment),
    Before(Moment),
    Id(Vec<Test>),
    Test(bool),
    Payload(Pointer, Vec<Test>),
    /// In lower case.
    Text(String),
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum StatusTest {
    Is(Status),
    Error,
    /// The word of an outcome.
    Outcome(&'static str),
}

/// An endpoint, and all that it may be called.
#[derive(Clone, Debug)]
pub struct Called {
    pub key: EndpointKey,
    pub names: Vec<String>,
}

/// A search at a moment, among the endpoints of one account.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Bound {
    root: Option<Node<Leaf>>,
    pub hints: Hints,
}

/// What must hold for all that is found, so that not everything has to be looked at.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Hints {
    /// Only attempts that delivered, or only those that did not.
    pub delivered: Option<bool>,
    /// Only attempts to these.
    pub endpoints: Option<BTreeSet<EndpointKey>>,
    /// Started after this time.
    pub after: Option<Timestamp>,
    /// Started before this time.
    pub before: Option<Timestamp>,
}

/// What there is to know of an attempt. What is `None` on the outside was not looked up yet.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The word of its outcome.
    pub outcome: &'a str,
    pub status: Option<Status>,
    pub code: Option<u16>,
    pub event_type: &'a str,
    pub channels: &'a [String],
    pub tags: &'a [String],
    pub endpoint: EndpointKey,
    pub number: u32,
    pub took: Duration,
    pub started_at: Timestamp,
    pub attempt: AttemptId,
    pub event: EventId,
    pub uid: Option<&'a str>,
    /// Inside: `None` where it is gone.
    pub payload: Option<Option<&'a [u8]>>,
}

impl Search {
    /// Reads a text. A blank one finds everything.
    pub fn parse(text: &str) -> Result<Search, Problem> {
        if text.trim().is_empty() {
            return Ok(Search::default());
        }
        let raw = filter::parse(text)?;
        let leaves = raw.clone().convert(&mut |named, span| read::leaf(text, named, span))?;
        Ok(Search { text: text.to_owned(), read: Some((raw, leaves)) })
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn is_everything(&self) -> bool {
        self.read.is_none()
    }

    /// Whether it is several searches of which one is enough.
    pub fn is_either(&self) -> bool {
        self.read.as_ref().is_some_and(|(raw, _)| matches!(raw.kind, Kind::Any(_)))
    }

    /// The terms that are joined by *and* at the top, each as it is written, and the text without it.
    pub fn terms(&self) -> Vec<(String, String)> {
        let Some((raw, _)) = &self.read else { return Vec::new() };
        let Kind::All(nodes) = &raw.kind else { return vec![(filter::write(raw), String::new())] };
        let without = |left_out: usize| {
            let mut kept = nodes.clone();
            kept.remove(left_out);
            filter::write(&Node { span: raw.span.clone(), kind: Kind::All(kept) })
        };
        let as_term = |node: &Node<String>| match node.kind {
            Kind::All(_) | Kind::Any(_) => format!("({})", filter::write(node)),
            Kind::Not(_) | Kind::Term { .. } | Kind::Free(_) => filter::write(node),
        };
        nodes.iter().enumerate().map(|(at, node)| (as_term(node), without(at))).collect()
    }

    /// The same with another term; blank ones add nothing. `None` where it becomes too much, or the term is none.
    pub fn and(&self, term: &str) -> Option<Search> {
        if term.trim().is_empty() {
            return Some(self.clone());
        }
        let own = if self.is_either() { format!("({})", self.text) } else { self.text.clone() };
        Search::parse(&format!("{own} {term}")).ok()
    }

    /// The same for ever: `-1h` becomes the time that it means now.
    #[must_use]
    pub fn fixed(&self, now: Timestamp) -> Search {
        let Some((raw, leaves)) = &self.read else { return self.clone() };
        let mut raw = raw.clone();
        fix(&mut raw, now);
        let text = filter::write(&raw);
        // Absolute times are as long as they are exact: what no longer fits stays as it was said.
        Search::parse(&text).unwrap_or_else(|_| Search { text: self.text.clone(), read: Some((raw, leaves.clone())) })
    }

    /// Ready to decide, with relative times counted from `now` and names of URLs looked up among these.
    pub fn bind(&self, now: Timestamp, endpoints: &[Called]) -> Bound {
        let Some((_, leaves)) = &self.read else { return Bound::default() };
        let bound = leaves.clone().convert(&mut |named: filter::Named<Leaf>, _| {
            Ok::<_, std::convert::Infallible>(match named {
                filter::Named::Term(leaf, tests) => Kind::Term { key: leaf.bind(now, endpoints), tests },
                filter::Named::Free(free) => Kind::Free(free),
            })
        });
        let Ok(root) = bound;
        let mut hints = Hints::default();
        match &root.kind {
            Kind::All(nodes) => nodes.iter().for_each(|node| hints.learn(node)),
            _ => hints.learn(&root),
        }
        Bound { root: Some(root), hints }
    }
}

/// Canonical: what is read from it is the same search.
impl fmt::Display for Search {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.read {
            Some((raw, _)) => f.write_str(&filter::write(raw)),
            None => Ok(()),
        }
    }
}

fn fix(node: &mut Node<String>, now: Timestamp) {
    match &mut node.kind {
        Kind::All(nodes) | Kind::Any(nodes) => nodes.iter_mut().for_each(|node| fix(node, now)),
        Kind::Not(inner) => fix(inner, now),
        Kind::Term { key, tests } if matches!(key.as_str(), "after" | "before") => {
            for test in tests {
                if let Test::Equals(operand) = test
                    && let Some(Moment::Ago(span)) = Moment::parse(operand.text())
                {
                    *operand = Operand::new(utc(now.saturating_sub(span)), false);
                }
            }
        }
        Kind::Term { .. } | Kind::Free(_) => {}
    }
}

impl Leaf {
    fn bind(self, now: Timestamp, endpoints: &[Called]) -> Leaf {
        match self {
            Leaf::Url(tests) => {
                let is_meant = |called: &&Called| {
                    called.names.iter().any(|name| tests.iter().any(|test| test.holds_for_text(name)))
                };
                Leaf::Endpoint(endpoints.iter().filter(is_meant).map(|called| called.key).collect())
            }
            Leaf::After(moment) => Leaf::After(Moment::At(moment.at(now))),
            Leaf::Before(moment) => Leaf::Before(Moment::At(moment.at(now))),
            other => other,
        }
    }

    /// `None` while it is not known.
    fn holds(&self, facts: &Facts<'_>) -> Option<bool> {
        let any_text = |tests: &[Test], text: &str| tests.iter().any(|test| test.holds_for_text(text));
        let any_name = |tests: &[Test], names: &[String]| names.iter().any(|name| any_text(tests, name));
        Some(match self {
            Leaf::Status(tests) => return any(tests.iter().map(|test| test.holds(facts))),
            Leaf::Code(tests) => tests.iter().any(|test| test.holds(facts.code)),
            Leaf::Event(tests) => any_text(tests, facts.event_type),
            Leaf::Channel(tests) => any_name(tests, facts.channels),
            Leaf::Tag(tests) => any_name(tests, facts.tags),
            Leaf::Test(wanted) => facts.tags.iter().any(|tag| tag == TEST_TAG) == *wanted,
            Leaf::Endpoint(keys) => keys.contains(&facts.endpoint),
            // Bound before it is asked.
            Leaf::Url(_) => false,
            Leaf::Try(tests) => any_text(tests, &facts.number.to_string()),
            Leaf::Took(spans) => spans.iter().any(|span| span.contains(facts.took)),
            Leaf::After(Moment::At(at)) => facts.started_at > *at,
            Leaf::Before(Moment::At(at)) => facts.started_at < *at,
            Leaf::After(Moment::Ago(_)) | Leaf::Before(Moment::Ago(_)) => false,
            Leaf::Id(tests) => {
                any_text(tests, &facts.event.to_string())
                    || any_text(tests, &facts.attempt.to_string())
                    || facts.uid.is_some_and(|uid| any_text(tests, uid))
            }
            Leaf::Payload(pointer, tests) => {
                let Some(payload) = facts.payload? else { return Some(false) };
                json::any_at(payload, pointer, &mut |value| tests.iter().any(|test| test.holds_for_json(value)))
            }
            Leaf::Text(text) => {
                let is_near = value::contains(facts.event_type.as_bytes(), text)
                    || facts.uid.is_some_and(|uid| value::contains(uid.as_bytes(), text));
                is_near || facts.payload?.is_some_and(|payload| value::contains(payload, text))
            }
        })
    }
}

impl StatusTest {
    fn holds(&self, facts: &Facts<'_>) -> Option<bool> {
        let is_delivered = facts.outcome == "delivered";
        match self {
            StatusTest::Error => Some(!is_delivered),
            StatusTest::Outcome(word) => Some(facts.outcome == *word),
            StatusTest::Is(Status::Delivered) => Some(is_delivered),
            StatusTest::Is(Status::Interrupted) => Some(facts.outcome == "interrupted"),
            StatusTest::Is(_) if is_delivered || facts.outcome == "interrupted" => Some(false),
            StatusTest::Is(status) => facts.status.map(|found| found == *status),
        }
    }

    /// Whether it holds only for attempts that delivered, or only for others.
    fn delivered(&self) -> bool {
        matches!(self, StatusTest::Is(Status::Delivered))
    }
}

fn any(mut answers: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut known = true;
    let holds = answers.any(|answer| {
        known &= answer.is_some();
        answer == Some(true)
    });
    (holds || known).then_some(holds)
}

impl Bound {
    /// Whether an attempt is found; `None` if more has to be known of it.
    pub fn finds(&self, facts: &Facts<'_>) -> Option<bool> {
        self.root.as_ref().map_or(Some(true), |root| decide(root, facts))
    }
}

fn decide(node: &Node<Leaf>, facts: &Facts<'_>) -> Option<bool> {
    match &node.kind {
        Kind::All(nodes) => {
            let fails = |node| decide(node, facts).map(|holds| !holds);
            any(nodes.iter().map(fails)).map(|fails| !fails)
        }
        Kind::Any(nodes) => any(nodes.iter().map(|node| decide(node, facts))),
        Kind::Not(inner) => decide(inner, facts).map(|holds| !holds),
        Kind::Term { key, .. } => key.holds(facts),
        // Read as a leaf.
        Kind::Free(_) => Some(false),
    }
}

impl Hints {
    /// From one of the terms that must all hold.
    fn learn(&mut self, node: &Node<Leaf>) {
        let Kind::Term { key, .. } = &node.kind else { return };
        match key {
            Leaf::Status(tests) => {
                let delivered = tests.first().map(StatusTest::delivered);
                if tests.iter().all(|test| Some(test.delivered()) == delivered) {
                    self.delivered = self.delivered.or(delivered);
                }
            }
            Leaf::Code(tests) => {
                let delivered = tests.first().and_then(Code::delivered);
                if tests.iter().all(|test| test.delivered() == delivered) {
                    self.delivered = self.delivered.or(delivered);
                }
            }
            Leaf::Endpoint(keys) => {
                let both = |known: &BTreeSet<EndpointKey>| known.intersection(keys).copied().collect();
                self.endpoints = Some(self.endpoints.as_ref().map_or_else(|| keys.clone(), both));
            }
            Leaf::After(Moment::At(at)) => self.after = self.after.max(Some(*at)),
            Leaf::Before(Moment::At(at)) => self.before = Some(self.before.map_or(*at, |known| known.min(*at))),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
