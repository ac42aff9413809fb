//! What a whole run amounts to.

use std::{collections::BTreeMap, fmt, time::Duration};

use anyhow::{Result, ensure};
use ringup_testkit::{journal::Sent, oracle::Counts};
use serde_json::{Value, json};

use super::fault::{Done, Fault};

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
    /// How long publishes took that were told 503 while the database was away.
    told: Vec<Duration>,
    /// Publishes without any answer in that time.
    untold: u64,
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
    pub fn add_chapter(&mut self, counts: &Counts, sent: &[Sent], rounds: &[Done]) {
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
        for round in rounds.iter().filter(|round| round.fault.takes_the_database()) {
            self.add_outage(sent, round);
        }
    }

    fn add_outage(&mut self, sent: &[Sent], round: &Done) {
        for line in sent.iter().filter(|line| (round.began_ns..round.mended_ns).contains(&line.sent_at_ns)) {
            match (line.status, line.answered_at_ns) {
                (Some(503), Some(at)) => self.told.push(Duration::from_nanos(at.saturating_sub(line.sent_at_ns))),
                (None, _) => self.untold += 1,
                _ => {}
            }
        }
        let taken = sent.iter().filter(|line| line.is_acknowledged()).filter_map(|line| line.answered_at_ns);
        if let Some(first) = taken.filter(|at| *at >= round.mended_ns).min() {
            self.resumed.push(Duration::from_nanos(first - round.mended_ns));
        }
    }

    /// An error if a time is beyond all noise. What was lost or invented has ended the run before.
    pub fn verdict(&self) -> Result<()> {
        let takeover = at(&self.takeovers(), 1000);
        ensure!(takeover <= TAKEOVER_TARGET * WILD, "an account got nothing for {takeover:?} after a node's fault");
        let (told, resumed) = (at(&self.told, 1000), at(&self.resumed, 1000));
        ensure!(told <= TOLD_TARGET * WILD, "a publish was told after {told:?} that the database is away");
        ensure!(resumed <= RESUME_TARGET * WILD, "no publish was taken for {resumed:?} after the database's return");
        Ok(())
    }

    /// Silences after faults of nodes.
    fn takeovers(&self) -> Vec<Duration> {
        let nodes = self.silences.iter().filter(|(fault, _)| !fault.takes_the_database());
        nodes.flat_map(|(_, silences)| silences.iter().copied()).collect()
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
        let silences: BTreeMap<String, Value> =
            self.silences.iter().map(|(fault, times)| (format!("{fault:?}"), ms(times))).collect();
        let Counts { acknowledged, unanswered, owed, delivered, terminal, received, .. } = self.counts;
        json!({
            "seed": seed, "rounds": self.rounds(), "seconds": self.elapsed.as_secs_f64(),
            "acknowledged": acknowledged, "unanswered": unanswered, "owed": owed, "delivered": delivered,
            "ended": terminal, "lost": self.lost(), "received": received,
            "signaturesValid": self.counts.signatures_valid, "duplicates": self.counts.duplicates,
            "duplicatesAllowed": self.counts.duplicates_allowed, "rowsMissing": self.counts.rows_missing,
            "gaveUp": self.gave_up, "silenceMs": silences, "takeoverMs": ms(&self.takeovers()),
            "toldMs": ms(&self.told), "untold": self.untold, "resumedMs": ms(&self.resumed),
        })
    }
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
        writeln!(f, "| figure | value |\n|---|---|")?;
        writeln!(f, "| rounds | {}, {:.0} s |", self.rounds(), self.elapsed.as_secs_f64())?;
        for (fault, silences) in &self.silences {
            let (count, times) = (silences.len(), three(silences));
            writeln!(f, "| {fault} | {count}; longest silence of an account p50 / p99 / max {times} |")?;
        }
        let takeover = three(&self.takeovers());
        writeln!(f, "| takeover after any fault of a node p50 / p99 / max | {takeover} (p99 ≤ {TAKEOVER_TARGET:?}) |")?;
        let (told, told_count, untold) = (three(&self.told), self.told.len(), self.untold);
        writeln!(f, "| database away: publishes told 503 after p50 / p99 / max | {told} (≤ {TOLD_TARGET:?}) |")?;
        writeln!(f, "| … told, and without an answer | {told_count}, {untold} |")?;
        let resumed = three(&self.resumed);
        writeln!(f, "| database back: first publish taken after p50 / p99 / max | {resumed} (≤ {RESUME_TARGET:?}) |")?;
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
