//! Writes a script the one way that reads back as itself.

use std::fmt;
use std::time::Duration;

use super::{
    Action, HUGE_BODY_DEFAULT, Per, RATE_DEFAULT, REDIRECT_DEFAULT, SLOW_BODY_DEFAULT, Script, Step, Then, WAIT_DEFAULT,
};

/// Largest first; a size is written in the largest unit that divides it.
pub(super) const UNITS: &[(&str, u32)] =
    &[("MiB", 1 << 20), ("MB", 1_000_000), ("KiB", 1 << 10), ("KB", 1_000), ("B", 1)];

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.steps.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{step}")?;
        }
        let mut options = Vec::new();
        match self.per {
            Per::Event => {}
            Per::Catcher => options.push("per:catcher".to_owned()),
        }
        match self.then {
            Then::Hold => {}
            Then::Loop => options.push("then:loop".to_owned()),
            Then::Ok => options.push("then:200".to_owned()),
        }
        options.extend(self.seed.map(|seed| format!("seed:{seed}")));
        if options.is_empty() { Ok(()) } else { write!(f, "; {}", options.join(" ")) }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(percent) = self.chance {
            write!(f, "chance {percent}% ")?;
        }
        let mut keys = Vec::new();
        match &self.action {
            Action::Status { status, retry_after, body_bytes } => {
                write!(f, "{status}")?;
                keys.extend(retry_after.map(|secs| format!("retry-after={secs}")));
                keys.extend(body_bytes.map(|bytes| format!("body={}", size(bytes))));
            }
            Action::Echo => f.write_str("echo")?,
            Action::Loyalty => f.write_str("loyalty")?,
            Action::Timeout { wait } => named(f, "timeout", (*wait != WAIT_DEFAULT).then(|| time(*wait)))?,
            Action::Slow { bytes_per_sec, body_bytes } => {
                let rate = (*bytes_per_sec != RATE_DEFAULT).then(|| format!("{}/s", size(*bytes_per_sec)));
                named(f, "slow", rate)?;
                keys.extend((*body_bytes != SLOW_BODY_DEFAULT).then(|| format!("body={}", size(*body_bytes))));
            }
            Action::Reset => f.write_str("reset")?,
            Action::Drop => f.write_str("drop")?,
            Action::Stall { wait } => named(f, "stall", (*wait != WAIT_DEFAULT).then(|| time(*wait)))?,
            Action::Garbage => f.write_str("garbage")?,
            Action::Huge { body_bytes } => {
                named(f, "huge", (*body_bytes != HUGE_BODY_DEFAULT).then(|| size(*body_bytes)))?;
            }
            Action::Redirect { status } => {
                named(f, "redirect", (*status != REDIRECT_DEFAULT).then(|| status.to_string()))?;
            }
        }
        if self.count != 1 {
            write!(f, " x{}", self.count)?;
        }
        if !self.delay.is_zero() {
            keys.push(format!("delay={}", time(self.delay)));
        }
        keys.iter().try_for_each(|key| write!(f, " {key}"))
    }
}

fn named(f: &mut fmt::Formatter<'_>, name: &str, argument: Option<String>) -> fmt::Result {
    match argument {
        Some(argument) => write!(f, "{name} {argument}"),
        None => f.write_str(name),
    }
}

pub(super) fn size(bytes: u32) -> String {
    let fits = |(_, factor): &&(&str, u32)| bytes >= *factor && bytes.is_multiple_of(*factor);
    let (unit, factor) = UNITS.iter().find(fits).copied().unwrap_or(("B", 1));
    format!("{}{unit}", bytes / factor)
}

fn time(time: Duration) -> String {
    if time.subsec_millis() == 0 { format!("{}s", time.as_secs()) } else { format!("{}ms", time.as_millis()) }
}
