//! Figures, their targets, and the table.

use std::{fmt, time::Duration};

use anyhow::Result;
use serde::Serialize;

/// One number that was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    pub name: String,
    pub value: f64,
    pub unit: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
}

/// What the number must be.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Target {
    AtLeast(f64),
    AtMost(f64),
}

impl Figure {
    pub fn new(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self { name: name.into(), value, unit, target: None }
    }

    /// In milliseconds.
    pub fn ms(name: impl Into<String>, time: Duration) -> Self {
        Self::new(name, time.as_secs_f64() * 1e3, "ms")
    }

    /// In MiB.
    pub fn mib(name: impl Into<String>, bytes: u64) -> Self {
        Self::new(name, bytes as f64 / 1024.0 / 1024.0, "MiB")
    }

    pub fn at_least(self, bound: f64) -> Self {
        Self { target: Some(Target::AtLeast(bound)), ..self }
    }

    pub fn at_most(self, bound: f64) -> Self {
        Self { target: Some(Target::AtMost(bound)), ..self }
    }

    fn is_met(&self) -> Option<bool> {
        self.target.map(|target| match target {
            Target::AtLeast(bound) => self.value >= bound,
            Target::AtMost(bound) => self.value <= bound,
        })
    }
}

/// All figures of a sitting.
#[derive(Debug, Default)]
pub struct Results {
    figures: Vec<Figure>,
}

impl Results {
    /// Adds the figures of a group and shows them at once.
    pub fn add(&mut self, figures: Vec<Figure>) {
        for figure in &figures {
            eprintln!("    {figure}");
        }
        self.figures.extend(figures);
    }

    pub fn json(&self) -> Result<String> {
        let rows: Vec<_> = self.figures.iter().map(|figure| (figure, figure.is_met())).collect();
        let rows = rows.iter().map(|(figure, met)| {
            let mut row = serde_json::to_value(figure)?;
            row["met"] = serde_json::to_value(met)?;
            Ok(row)
        });
        let rows = rows.collect::<Result<Vec<_>>>()?;
        Ok(serde_json::to_string_pretty(&serde_json::json!({"machine": machine(), "figures": rows}))?)
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = match self.target {
            None => String::new(),
            Some(Target::AtLeast(bound)) => format!("≥ {}", number(bound)),
            Some(Target::AtMost(bound)) => format!("≤ {}", number(bound)),
        };
        let met = match self.is_met() {
            None => "",
            Some(true) => "yes",
            Some(false) => "NO",
        };
        write!(f, "| {} | {target} | {} {} | {met} |", self.name, number(self.value), self.unit)
    }
}

impl fmt::Display for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n\n| figure | target | measured | met |\n|---|---|---|---|", machine())?;
        self.figures.iter().try_for_each(|figure| writeln!(f, "{figure}"))
    }
}

/// As many digits as mean something.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 1000.0 => {
            let digits = format!("{value:.0}");
            let (head, tail) = digits.split_at(digits.len() - 3);
            if head.len() > 3 {
                let (first, second) = head.split_at(head.len() - 3);
                return format!("{first},{second},{tail}");
            }
            format!("{head},{tail}")
        }
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// Cores, memory and system, and nothing else of the machine.
pub fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = read("/proc/meminfo");
    let kib = memory.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib: u64 = kib.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default();
    let release = read("/etc/os-release");
    let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME=")).unwrap_or("unknown");
    format!("{cores} cores, {} GiB, {}", (kib + 512 * 1024) / 1024 / 1024, name.trim_matches('"'))
}
