//! What came of attempts: log entries, counters and new states of deliveries.

use std::collections::HashMap;

use ringup_core::delivery::{After, DeliveryKey};

use super::fate;
use super::fault::Outcome;
use super::put::{Over, Rows};
use super::rows::{AttemptRow, EndedRow, RetryRow};
use super::turn::Turn;
use crate::seam::Settlement;

/// What came of the attempts of a group. A delivery that is no longer live keeps the state it has; its attempt and counters
/// are recorded all the same.
#[derive(Default)]
pub(super) struct Settling<'s> {
    steps: HashMap<DeliveryKey, (After, &'s Settlement)>,
}

impl<'s> Settling<'s> {
    pub(super) async fn add(
        &mut self,
        turn: &mut Turn,
        rows: &mut Rows<'s>,
        settlement: &'s Settlement,
    ) -> Outcome<()> {
        let key = settlement.key;
        if !turn.has_day(key.event.day()).await? {
            // Retention took the day; its log went with it.
            return Ok(());
        }
        let (account, event) = (settlement.event.account, settlement.event.id);
        if let Some(attempt) = &settlement.attempt {
            let at = turn.next_attempt(account, settlement.ended_at)?;
            rows.attempts.push(AttemptRow::of(at, key, account, event, attempt));
        }
        if let Some(count) = settlement.count {
            rows.counters.add(account, key, count);
        }
        // In their order: the first that ends a delivery is the last that changes it.
        let is_over =
            self.steps.get(&key).is_some_and(|(after, _)| matches!(after, After::Delivered | After::Ended(_)));
        if !is_over && settlement.after != After::Unchanged {
            self.steps.insert(key, (settlement.after, settlement));
        }
        Ok(())
    }

    /// New states of deliveries, once all of the group is known.
    pub(super) fn put(&self, rows: &mut Rows<'_>) {
        for (key, (after, settlement)) in &self.steps {
            let account = settlement.event.account;
            match *after {
                After::Retry { due_at, attempts_made } => {
                    rows.retries.push(RetryRow::of(account, *key, due_at, attempts_made));
                }
                After::Delivered => rows.overs.push(EndedRow::of(account, *key, None)),
                After::Ended(how) => rows.overs.push(EndedRow::of(account, *key, Some(how))),
                After::Unchanged => {}
            }
        }
    }

    /// Counts what is over, and lets go of payloads that nobody needs any more.
    pub(super) async fn finish(&self, turn: &mut Turn, over: Vec<Over>) -> Outcome<()> {
        let mut delivered = Vec::new();
        for Over { key, is_delivered } in over {
            turn.count_live(key.event.day(), -1);
            match is_delivered {
                true => delivered.push(key),
                false => turn.count_ended(key.event.day(), 1),
            }
        }
        let finished = delivered.iter().filter_map(|key| self.steps.get(key)).map(|(_, settlement)| &*settlement.event);
        fate::settle_payloads(turn, finished).await
    }
}
