//! The oracle: compares what publishers saw acknowledged with what receivers got and what the API lists,
//! and names every broken promise. It is meant for the time after quiescence: nothing in flight, nothing due.
//!
//! It knows nothing of how Ringup works; signatures are checked with somebody else's library.

mod evidence;
mod rules;

use std::{collections::BTreeMap, fmt};

use anyhow::{Result, bail};

use self::evidence::Evidence;
use crate::journal::{Receipt, Sent};

/// Violations of one rule that are spelled out; all are counted.
const EXAMPLES_MAX: usize = 10;

/// Everything that is known about a run.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// All publishers' journals.
    pub sent: Vec<Sent>,
    /// All receivers' journals.
    pub received: Vec<Receipt>,
    pub endpoints: Vec<Endpoint>,
    /// For each kill the most requests that can have been in flight to receivers.
    pub in_flight_at_kills: Vec<u64>,
    /// Resends and recoveries that were asked for by hand.
    pub resends: u64,
    /// The final state of deliveries by the API. Delivered ones may be left out.
    pub deliveries: Vec<Delivery>,
    /// The attempt log; none where the log mode does not keep every attempt.
    pub attempts: Option<Vec<AttemptRow>>,
    /// Final sums, one for each place that tells them (API, metrics, store).
    pub ledgers: Vec<Ledger>,
}

/// An endpoint as it stood during the whole run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoint {
    pub id: String,
    /// Its account, named as in the publishers' journals.
    pub app: String,
    /// Path and query of its URL; tells it apart from all others of the run.
    pub path: String,
    /// Types it is subscribed to; empty means all.
    pub event_types: Vec<String>,
    /// Signing secrets, `whsec_…`; a signature by any of them is valid. Empty leaves signatures unchecked.
    pub secrets: Vec<String>,
    /// Whether its deliveries keep the order of [`Sent::order`].
    pub ordered: bool,
}

impl Endpoint {
    fn matches(&self, sent: &Sent) -> bool {
        self.app == sent.app && (self.event_types.is_empty() || self.event_types.contains(&sent.event_type))
    }
}

/// The final state of one delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub event: String,
    pub endpoint: String,
    pub state: State,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    Pending,
    Delivered,
    /// Ended otherwise and listed so: exhausted, disabled, skipped, cancelled.
    Terminal(String),
}

/// One row of the attempt log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptRow {
    pub event: String,
    pub endpoint: String,
    /// The receiver's status; none where no response came or the status is ours (a time limit).
    pub status: Option<u16>,
}

/// Sums of deliveries as one place tells them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    pub source: String,
    pub accepted: u64,
    pub delivered: u64,
    pub pending: u64,
    pub terminal: u64,
}

/// What must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// O1: every acknowledged event reached every matching endpoint, or is listed as ended.
    NoLoss,
    /// O2: only what was published arrives, byte for byte, signed, in the right account.
    NoInvention,
    /// O3: no more duplicates than requests in flight at kills, answers cut by receivers and resends.
    BoundedDuplicates,
    /// O4: an ordered sequence never goes back, but for repeats of its head.
    Order,
    /// O5: every request has its row in the log, and no row claims an answer nobody gave.
    HonestLog,
    /// O6: accepted = delivered + pending + terminal, the same everywhere.
    Conservation,
    /// O7: a repeated publish under one key is one event.
    OnceUnderItsKey,
}

impl Rule {
    pub const ALL: [Self; 7] = [
        Self::NoLoss,
        Self::NoInvention,
        Self::BoundedDuplicates,
        Self::Order,
        Self::HonestLog,
        Self::Conservation,
        Self::OnceUnderItsKey,
    ];
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoLoss => "O1 no loss",
            Self::NoInvention => "O2 no invention",
            Self::BoundedDuplicates => "O3 bounded duplicates",
            Self::Order => "O4 order",
            Self::HonestLog => "O5 honest log",
            Self::Conservation => "O6 conservation",
            Self::OnceUnderItsKey => "O7 once under its key",
        })
    }
}

/// What the oracle found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub counts: Counts,
    pub violations: BTreeMap<Rule, Violations>,
}

/// What was compared; a check of nothing shows here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Publish requests, repeats included.
    pub requests: u64,
    /// Events with at least one 2xx.
    pub acknowledged: u64,
    /// Events that were never answered, or only by 5xx or 429.
    pub unanswered: u64,
    /// Events that were refused for good.
    pub refused: u64,
    /// Requests receivers got.
    pub received: u64,
    /// Deliveries owed for acknowledged events.
    pub owed: u64,
    /// Of those: answered 2xx by the receiver.
    pub delivered: u64,
    /// Of those: listed as ended otherwise.
    pub terminal: u64,
    /// Requests after the receiver had answered 2xx.
    pub duplicates: u64,
    pub duplicates_allowed: u64,
    pub signatures_valid: u64,
    /// No secret, or no body to check against.
    pub signatures_unchecked: u64,
    /// Requests without a row in the log.
    pub rows_missing: u64,
}

/// Violations of one rule.
#[derive(Clone, Debug, Default)]
pub struct Violations {
    pub count: u64,
    /// The first few.
    pub examples: Vec<String>,
}

impl History {
    /// Compares everything with everything.
    pub fn check(&self) -> Report {
        let mut report = Report::default();
        let evidence = Evidence::collect(self, &mut report);
        rules::no_loss(&evidence, &mut report);
        rules::bounded_duplicates(&evidence, &mut report);
        rules::order(&evidence, &mut report);
        rules::honest_log(&evidence, &mut report);
        rules::conservation(&evidence, &mut report);
        rules::once_under_its_key(&evidence, &mut report);
        report
    }
}

impl Report {
    /// Nothing is violated.
    pub fn is_clean(&self) -> bool {
        self.violations.is_empty()
    }

    /// An error that tells everything, unless nothing is violated.
    pub fn into_result(self) -> Result<Counts> {
        if self.is_clean() {
            return Ok(self.counts);
        }
        bail!("{self}")
    }

    /// Violations of this rule.
    pub fn count(&self, rule: Rule) -> u64 {
        self.violations.get(&rule).map_or(0, |violations| violations.count)
    }

    fn violated(&mut self, rule: Rule, example: impl FnOnce() -> String) {
        let violations = self.violations.entry(rule).or_default();
        violations.count += 1;
        if violations.examples.len() < EXAMPLES_MAX {
            violations.examples.push(example());
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { requests, acknowledged, unanswered, refused, received, owed, .. } = self.counts;
        let Counts { delivered, terminal, duplicates, duplicates_allowed, .. } = self.counts;
        let Counts { signatures_valid, signatures_unchecked, rows_missing, .. } = self.counts;
        writeln!(f, "published {requests}: acknowledged {acknowledged}, unanswered {unanswered}, refused {refused}")?;
        writeln!(f, "owed {owed}: delivered {delivered}, terminal {terminal}")?;
        writeln!(f, "received {received}: duplicates {duplicates} of {duplicates_allowed} allowed")?;
        write!(
            f,
            "signatures valid {signatures_valid}, unchecked {signatures_unchecked}; rows missing {rows_missing}"
        )?;
        for rule in Rule::ALL {
            let Some(violations) = self.violations.get(&rule) else { continue };
            write!(f, "\n{rule}: {} violations", violations.count)?;
            for example in &violations.examples {
                write!(f, "\n  - {example}")?;
            }
        }
        Ok(())
    }
}
