//! What a whole run amounts to.

use std::{collections::BTreeMap, fmt, time::Duration};

use anyhow::{Result, ensure};
use ringup_testkit::oracle::Counts;
use serde_json::{Value, json};

use super::{
    fault::{Done, Fault},
    measure::{self, Told},
    scene::Chapter,
};

/// Promised for a machine of its own: from a node's fault to the next delivery of an account it worked for.
const TAKEOVER_TARGET: Duration = Duration::from_secs(10);
/// Promised: a publish is told within this that the database is away.
const TOLD_TARGET: Duration = Duration::from_secs(2);
/// Promised: from the database's return to the first publish that is taken.
const RESUME_TARGET: Duration = Duration::from_secs(5);
/// So many times a target is no noise of the machine any more.
const WILD: u32 = 3;

/// Sums over all rounds.
#[derive(Debug, Default)]
pub struct Tally {
    pub elapsed: Duration,
    /// How often nodes ended by themselves and were started again.
    pub gave_up: u32,
    /// For each round the longest silence of any account.
    silences: BTreeMap<Fault, Vec<Duration>>,
    /// For each round the longest wait of an acknowledged event.
    waits: BTreeMap<Fault, Vec<Duration>>,
    /// What publishers were told while the database was away.
    outage: Told,
    /// What they were told by a node that was cut off from it, and by the others meanwhile.
    partition: Told,
    /// From the database's return to the first publish that was taken.
    resumed: Vec<Duration>,
    counts: Counts,
}

impl Tally {
    pub fn rounds(&self) -> u32 {
        u32::try_from(self.silences.values().map(Vec::len).sum::<usize>()).unwrap_or(u32::MAX)
    }

    pub fn add_round(&mut self, round: &Done, silences: &[Duration]) {
        self.silences.entry(round.fault).or_default().push(silences.iter().copied().max().unwrap_or_default());
    }

    /// A chapter the oracle found clean.
    pub fn add_chapter(&mut self, chapter: &Chapter, rounds: &[Done]) {
        let (counts, sent) = (&chapter.counts, &chapter.sent);
        let sums = &mut self.counts;
        sums.requests += counts.requests;
        sums.acknowledged += counts.acknowledged;
        sums.unanswered += counts.unanswered;
        sums.owed += counts.owed;
        sums.delivered += counts.delivered;
        sums.terminal += counts.terminal;
        sums.received += counts.received;
        sums.signatures_valid += counts.signatures_valid;
        sums.duplicates += counts.duplicates;
        sums.duplicates_allowed += counts.duplicates_allowed;
        sums.rows_missing += counts.rows_missing;
        for (round, wait) in rounds.iter().zip(&chapter.waits) {
            self.waits.entry(round.fault).or_default().push(*wait);
            if round.fault.takes_the_database() {
                self.outage.add(measure::told(sent, round));
                self.resumed.extend(measure::resumed(sent, round));
            } else if round.fault == Fault::Partition {
                self.partition.add(measure::told(sent, round));
            }
        }
    }

    /// An error if a time is beyond all noise. What was lost or invented has ended the run before.
    pub fn verdict(&self) -> Result<()> {
        let takeover = at(&of_nodes(&self.silences), 1000);
        ensure!(takeover <= TAKEOVER_TARGET * WILD, "an account got nothing for {takeover:?} after a node's fault");
        let wait = at(&of_nodes(&self.waits), 1000);
        ensure!(wait <= TAKEOVER_TARGET * WILD, "an acknowledged event waited {wait:?} after a node's fault");
        for told in [&self.outage, &self.partition] {
            let after = at(&told.after, 1000);
            ensure!(after <= TOLD_TARGET * WILD, "a publish was told after {after:?} that the database is away");
        }
        let resumed = at(&self.resumed, 1000);
        ensure!(resumed <= RESUME_TARGET * WILD, "no publish was taken for {resumed:?} after the database's return");
        Ok(())
    }

    /// Zero, or the oracle would have stopped the run.
    fn lost(&self) -> u64 {
        self.counts.owed - self.counts.delivered - self.counts.terminal
    }

    pub fn json(&self, seed: u64) -> Value {
        let ms = |times: &[Duration]| {
            let ms = |permille| at(times, permille).as_secs_f64() * 1e3;
            json!({"count": times.len(), "p50": ms(500), "p99": ms(990), "max": ms(1000)})
        };
        let by_fault = |times: &BTreeMap<Fault, Vec<Duration>>| {
            times.iter().map(|(fault, times)| (format!("{fault:?}"), ms(times))).collect::<BTreeMap<String, Value>>()
        };
        let Counts { acknowledged, unanswered, owed, delivered, terminal, received, .. } = self.counts;
        json!({
            "seed": seed, "rounds": self.rounds(), "seconds": self.elapsed.as_secs_f64(),
            "acknowledged": acknowledged, "unanswered": unanswered, "owed": owed, "delivered": delivered,
            "ended": terminal, "lost": self.lost(), "received": received,
            "signaturesValid": self.counts.signatures_valid, "duplicates": self.counts.duplicates,
            "duplicatesAllowed": self.counts.duplicates_allowed, "rowsMissing": self.counts.rows_missing,
            "gaveUp": self.gave_up, "silenceMs": by_fault(&self.silences), "waitMs": by_fault(&self.waits),
            "takeoverMs": ms(&of_nodes(&self.silences)), "eventWaitMs": ms(&of_nodes(&self.waits)),
            "toldMs": ms(&self.outage.after), "untold": self.outage.nothing, "resumedMs": ms(&self.resumed),
            "partitionToldMs": ms(&self.partition.after), "partitionUntold": self.partition.nothing,
        })
    }
}

/// Times after faults of nodes.
fn of_nodes(times: &BTreeMap<Fault, Vec<Duration>>) -> Vec<Duration> {
    let nodes = times.iter().filter(|(fault, _)| !fault.takes_the_database());
    nodes.flat_map(|(_, times)| times.iter().copied()).collect()
}

fn at(times: &[Duration], permille: usize) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let rank = (sorted.len() * permille).div_ceil(1000).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let three = |times: &[Duration]| {
            let s = |permille| format!("{:.2}", at(times, permille).as_secs_f64());
            format!("{} / {} / {} s", s(500), s(990), s(1000))
        };
        let Counts { acknowledged, unanswered, owed, delivered, terminal, received, .. } = self.counts;
        let Counts { signatures_valid, duplicates, duplicates_allowed, rows_missing, .. } = self.counts;
        writeln!(f, "| figure (times: p50 / p99 / max) | value |\n|---|---|")?;
        writeln!(f, "| rounds | {}, {:.0} s |", self.rounds(), self.elapsed.as_secs_f64())?;
        for (fault, silences) in &self.silences {
            let waits = self.waits.get(fault).map(Vec::as_slice).unwrap_or_default();
            writeln!(f, "| {fault} | {}: silence {}; wait {} |", silences.len(), three(silences), three(waits))?;
        }
        let (silence, wait) = (three(&of_nodes(&self.silences)), three(&of_nodes(&self.waits)));
        writeln!(
            f,
            "| takeover after faults of nodes: silence of an account | {silence} (p99 ≤ {TAKEOVER_TARGET:?}) |"
        )?;
        writeln!(f, "| … wait of an acknowledged event | {wait} |")?;
        for (when, told) in [("the database is away", &self.outage), ("a node is cut off", &self.partition)] {
            let (after, count, nothing) = (three(&told.after), told.after.len(), told.nothing);
            writeln!(f, "| publishes told 503 while {when} | {count} after {after} (≤ {TOLD_TARGET:?}) |")?;
            writeln!(f, "| … without an answer | {nothing} |")?;
        }
        let resumed = three(&self.resumed);
        writeln!(f, "| first publish taken after the database is back | {resumed} (≤ {RESUME_TARGET:?}) |")?;
        writeln!(
            f,
            "| events acknowledged; never answered but by a request to repeat | {acknowledged}; {unanswered} |"
        )?;
        writeln!(f, "| deliveries owed for those acknowledged | {owed} |")?;
        writeln!(f, "| … delivered / ended and listed | {delivered} / {terminal} |")?;
        writeln!(f, "| … lost | {} |", self.lost())?;
        writeln!(f, "| requests received, signatures valid | {received}, {signatures_valid} |")?;
        writeln!(f, "| duplicates, of allowed | {duplicates}, {duplicates_allowed} |")?;
        writeln!(f, "| requests without a row in the log, of allowed | {rows_missing}, {duplicates_allowed} |")?;
        write!(f, "| nodes that ended by themselves and were started again | {} |", self.gave_up)
    }
}
