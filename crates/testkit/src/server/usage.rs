//! What a process has used, from `/proc`.

use std::{fs, time::Duration};

use anyhow::{Context, Result};

/// What a process has used.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    pub rss_bytes: u64,
    /// The most that was resident at one time.
    pub rss_peak_bytes: u64,
    /// User and system time of all threads; steps of 10 ms.
    pub cpu: Duration,
}

impl Usage {
    /// Reads `/proc`, so Linux only.
    pub fn of(pid: u32) -> Result<Self> {
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        // Fields after the command name, which may itself hold spaces and brackets.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |index: usize| fields.get(index).and_then(|text| text.parse::<u64>().ok());
        let ticks = ticks(11).zip(ticks(12)).with_context(|| format!("no times in {stat}"))?;
        // proc(5): clock ticks; USER_HZ is 100 on every architecture Ringup is built for.
        let cpu = Duration::from_millis((ticks.0 + ticks.1) * 10);
        Ok(Self { rss_bytes: kib(&status, "VmRSS:")?, rss_peak_bytes: kib(&status, "VmHWM:")?, cpu })
    }
}

/// CPU of a process, of its children, and of those that have ended. Processes that have come and gone since are missing
/// only while they run.
pub fn cpu_with_children(pid: u32) -> Result<Duration> {
    let mut ticks = 0;
    for entry in fs::read_dir("/proc")? {
        let Some(each) = entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // One that ends while it is looked at counts among the ended from then on.
        let Ok(stat) = fs::read_to_string(format!("/proc/{each}/stat")) else { continue };
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let number = |index: usize| fields.get(index).and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
        if each == pid {
            ticks += number(11) + number(12) + number(13) + number(14);
        } else if number(1) == u64::from(pid) {
            ticks += number(11) + number(12);
        }
    }
    Ok(Duration::from_millis(ticks * 10))
}

fn kib(status: &str, name: &str) -> Result<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.with_context(|| format!("no {name} in /proc status"))?.parse::<u64>()? * 1024)
}
