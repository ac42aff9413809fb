//! What a whole run amounts to.

use std::{collections::BTreeMap, fmt, time::Duration};

use ringup_testkit::oracle::Counts;
use serde_json::{Value, json};

use super::{crash::End, sales, scene::IN_FLIGHT_MAX};

/// Sums over all rounds.
#[derive(Debug, Default)]
pub struct Tally {
    pub cycles: u32,
    pub rounds: u32,
    pub elapsed: Duration,
    pub accepted: u64,
    pub owed: u64,
    pub delivered: u64,
    pub ended: u64,
    pub received: u64,
    pub signatures: u64,
    pub duplicates: u64,
    /// Sales by Order Complete, each with one recorded reward.
    pub sales: u64,
    /// Calls that the loyalty app got for them.
    pub sales_asked: u64,
    /// Rewards that tills were told.
    pub sales_told: u64,
    /// Deliveries that a receiver had got while they were still live in the store, summed over kills.
    pub repeatable: u64,
    /// The most at one kill.
    pub repeatable_max: u64,
    /// How processes ended.
    pub ends: BTreeMap<&'static str, u32>,
    /// From spawn to the first 2xx of the health check.
    pub ready: Vec<Duration>,
}

impl Tally {
    pub fn ended_by(&mut self, end: End) {
        self.cycles += 1;
        let name = match end {
            End::Outside => "kill -9 at a random instant",
            End::Starting => "kill -9 while starting",
            End::Inside(point) => point,
        };
        *self.ends.entry(name).or_default() += 1;
    }

    pub fn repeatable_at_kill(&mut self, count: u64) {
        self.repeatable += count;
        self.repeatable_max = self.repeatable_max.max(count);
    }

    /// A round the oracle found clean.
    pub fn add(&mut self, counts: &Counts) {
        self.accepted += counts.acknowledged;
        self.owed += counts.owed;
        self.delivered += counts.delivered;
        self.ended += counts.terminal;
        self.received += counts.received;
        self.signatures += counts.signatures_valid;
        self.duplicates += counts.duplicates;
    }

    /// A round whose rewards were all recorded once.
    pub fn add_sales(&mut self, counts: &sales::Counts) {
        self.sales += counts.sales;
        self.sales_asked += counts.asked;
        self.sales_told += counts.told;
    }

    pub fn json(&self, seed: u64) -> Value {
        let ms = |permille| self.ready_at(permille).as_secs_f64() * 1e3;
        json!({
            "seed": seed, "cycles": self.cycles, "rounds": self.rounds, "seconds": self.elapsed.as_secs_f64(),
            "accepted": self.accepted, "owed": self.owed, "lost": self.lost(),
            "delivered": self.delivered, "ended": self.ended,
            "received": self.received, "signaturesValid": self.signatures,
            "duplicates": self.duplicates, "repeatableMeasured": self.repeatable,
            "repeatableMeasuredMax": self.repeatable_max, "repeatableConfigured": self.repeatable_configured(),
            "sales": self.sales, "salesAsked": self.sales_asked, "salesTold": self.sales_told,
            "ends": self.ends,
            "readyMs": {"p50": ms(500), "p99": ms(990), "max": ms(1000)},
        })
    }

    /// Zero, or the oracle would have stopped the run.
    fn lost(&self) -> u64 {
        self.owed - self.delivered - self.ended
    }

    fn repeatable_configured(&self) -> u64 {
        u64::from(self.cycles) * IN_FLIGHT_MAX
    }

    fn ready_at(&self, permille: usize) -> Duration {
        let mut sorted = self.ready.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * permille).div_ceil(1000).max(1);
        sorted.get(rank - 1).copied().unwrap_or_default()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |permille| format!("{:.0} ms", self.ready_at(permille).as_secs_f64() * 1e3);
        let configured = format!("{} ({IN_FLIGHT_MAX} at each kill)", self.repeatable_configured());
        let measured = format!("{} (at most {} at one kill)", self.repeatable, self.repeatable_max);
        writeln!(f, "| figure | value |\n|---|---|")?;
        writeln!(f, "| kills | {} in {} rounds, {:.0} s |", self.cycles, self.rounds, self.elapsed.as_secs_f64())?;
        for (end, count) in &self.ends {
            writeln!(f, "| ended by {end} | {count} |")?;
        }
        writeln!(f, "| events acknowledged | {} |", self.accepted)?;
        writeln!(f, "| deliveries owed for them | {} |", self.owed)?;
        writeln!(f, "| … delivered / ended and listed | {} / {} |", self.delivered, self.ended)?;
        writeln!(f, "| … lost | {} |", self.lost())?;
        writeln!(f, "| requests received, signatures valid | {}, {} |", self.received, self.signatures)?;
        writeln!(f, "| duplicates | {} |", self.duplicates)?;
        writeln!(f, "| sales by Order Complete, reward recorded exactly once | {} |", self.sales)?;
        writeln!(f, "| … calls to the loyalty app, rewards told | {}, {} |", self.sales_asked, self.sales_told)?;
        writeln!(f, "| … bound measured: received and still live at a kill | {measured} |")?;
        writeln!(f, "| … bound configured: `delivery.in_flight_max` | {configured} |")?;
        write!(f, "| restart to ready p50 / p99 / max | {} / {} / {} |", ms(500), ms(990), ms(1000))
    }
}
