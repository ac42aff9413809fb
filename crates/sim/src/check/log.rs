//! O5: the log has what happened, no more and, where the mode says so, no less.

use std::collections::BTreeMap;

use ringup_store::log_entry::{AttemptResult, OutcomeWord};

use super::Ledger;
use crate::facts::{Call, Delivery, End, Facts};

type Row = (OutcomeWord, Option<u16>);

pub(super) fn check(facts: &Facts, ledger: &Ledger, problems: &mut Vec<String>) {
    for delivery in facts.calls_of.keys() {
        check_one(facts, ledger, *delivery, problems);
    }
    for delivery in ledger.attempts.keys().filter(|delivery| !facts.calls_of.contains_key(*delivery)) {
        problems.push(format!(
            "O5: the log has attempts of r{} {}, which was never called",
            delivery.1,
            delivery.0.tick().0
        ));
    }
}

fn check_one(facts: &Facts, ledger: &Ledger, delivery: Delivery, problems: &mut Vec<String>) {
    let mut must: BTreeMap<Row, usize> = BTreeMap::new();
    let mut may: BTreeMap<Row, usize> = BTreeMap::new();
    for call in facts.calls_for(delivery) {
        let Some(row) = row_of(call) else { continue };
        if call.recorded.is_some_and(|recorded| recorded.number.is_some()) != keeps(call) && is_sure(facts, call) {
            problems.push(format!("O5: r{} {} {row:?} was logged against its mode", delivery.1, delivery.0.tick().0));
        }
        if call.recorded.is_some_and(|recorded| recorded.number.is_some()) {
            *may.entry(row).or_default() += 1;
            *must.entry(row).or_default() += usize::from(call.settled);
        }
    }
    let mut rows: BTreeMap<Row, usize> = BTreeMap::new();
    for attempt in ledger.attempts.get(&delivery).into_iter().flatten() {
        *rows.entry((attempt.outcome, attempt.status)).or_default() += 1;
    }
    let enough = must.iter().all(|(row, count)| rows.get(row).copied().unwrap_or(0) >= *count);
    let true_ones = rows.iter().all(|(row, count)| may.get(row).copied().unwrap_or(0) >= *count);
    if !enough || !true_ones {
        problems.push(format!(
            "O5: the log of r{} {} says {rows:?}; durable are {must:?}, and there were {may:?}",
            delivery.1,
            delivery.0.tick().0
        ));
    }
}

/// What the log must say of a call, if its outcome was handed to the store.
fn row_of(call: &Call) -> Option<Row> {
    call.recorded?;
    match &call.end {
        End::Answered { outcome, .. } => {
            let result = AttemptResult::of(outcome);
            Some((result.outcome, result.status))
        }
        End::CutOff => Some((OutcomeWord::Interrupted, None)),
        End::UnderWay | End::Lost => call.lost_outcome.as_ref().map(|outcome| {
            let result = AttemptResult::of(outcome);
            (result.outcome, result.status)
        }),
    }
}

fn keeps(call: &Call) -> bool {
    let mode = call.view.settings.log_mode.value;
    match (&call.end, &call.lost_outcome) {
        (End::Answered { outcome, .. }, _) | (_, Some(outcome)) => mode.keeps(outcome),
        (End::UnderWay | End::CutOff | End::Lost, None) => mode.keeps(&ringup_core::outcome::Outcome::Interrupted),
    }
}

/// Whether the configuration seen when the call began is the one it began with.
pub(super) fn is_sure(facts: &Facts, call: &Call) -> bool {
    !facts.endpoints[call.delivery.1].changes.contains(&call.begun_at)
}
