//! What Ringup costs a till that asks a hook, and what it spares the till when the app is slow, dead or hostile.

pub mod till;
pub mod vendor;

use std::time::Duration;

use anyhow::{Result, ensure};
use ringup_testkit::server::{OPERATOR_KEY, free_port};
use serde_json::json;

use self::{
    till::{TillOrder, TillReport},
    vendor::Habit,
};
use super::{
    Scale,
    figure::Figure,
    latency::us,
    process::{Process, Target},
};

/// What the good vendor takes for each answer.
const VENDOR_MS: u64 = 50;
const PER_SECOND: u32 = 500;
const SECONDS: u64 = 10;
const TURNS: usize = 3;
/// More than are ever in flight: a socket that is busy would put its wait on the next question.
const SOCKETS: usize = 256;

/// Calls of the hostile part, and what the till waits in it.
const HOSTILE_CALLS: u64 = 100_000;
const HOSTILE_PER_SECOND: u32 = 1_000;
const HOSTILE_DEADLINE_MS: u64 = 150;
/// Accounts that share them: of each a hook has at most 64 questions open.
const HOSTILE_ACCOUNTS: usize = 4;

/// A vendor in a process of its own.
struct Vendor {
    process: Process,
    url: String,
    address: std::net::SocketAddr,
}

impl Vendor {
    fn start(habit: Habit) -> Result<Vendor> {
        let mut process = Process::start(&["vendor", &habit.to_string()])?;
        let address: std::net::SocketAddr = process.hear()?;
        Ok(Vendor { process, url: format!("http://{address}/member"), address })
    }

    /// Questions that have reached it.
    fn count(&mut self) -> Result<u64> {
        self.process.ask("count")
    }
}

/// The three parts, each on a server of its own.
pub fn run(scale: Scale) -> Result<Vec<Figure>> {
    let mut figures = added(scale)?;
    figures.extend(dead(scale)?);
    figures.extend(hostile(scale)?);
    Ok(figures)
}

/// The vendor asked directly and through Ringup, in turns.
fn added(scale: Scale) -> Result<Vec<Figure>> {
    let vendor = Vendor::start(Habit::Good { millis: VENDOR_MS })?;
    let target = Target::start(scale, &[])?;
    hook(&target, "shop", &vendor.url, 5_000)?;
    let seconds = scale.seconds(SECONDS);
    let order = |through: bool, seconds: u64, run: u64| TillOrder {
        target: if through { target.server.address() } else { vendor.address },
        paths: vec![if through { path("shop") } else { "/member".to_owned() }],
        key: if through { OPERATOR_KEY.to_owned() } else { String::new() },
        deadline_ms: None,
        sockets: SOCKETS,
        per_second: PER_SECOND,
        calls: u64::from(PER_SECOND) * seconds,
        // Other questions each time: neither a kept answer nor one on its way may stand in.
        first: run * 10_000_000,
    };
    ask(&order(false, 2, 1))?;
    ask(&order(true, 2, 2))?;
    let before = target.usage()?.cpu;
    let (mut direct, mut through) = (Vec::new(), Vec::new());
    for turn in 0..TURNS as u64 {
        direct.push(ask(&order(false, seconds, 10 + turn))?);
        let report = ask(&order(true, seconds, 20 + turn))?;
        ensure!(report.said.keys().all(|said| said == "live"), "not all were asked: {:?}", report.said);
        through.push(report);
    }
    let cpu = target.usage()?.cpu.saturating_sub(before);
    let calls: u64 = through.iter().map(|report| report.calls).sum();
    let [direct_p50, direct_p99] = medians(&direct);
    let [through_p50, through_p99] = medians(&through);
    let name = format!("hook at {PER_SECOND}/s, vendor takes {VENDOR_MS} ms");
    Ok(vec![
        Figure::ms(format!("{name}: asked directly, p50"), us(direct_p50)),
        Figure::ms("… directly, p99", us(direct_p99)),
        Figure::ms("… through Ringup, p50", us(through_p50)),
        Figure::ms("… through Ringup, p99", us(through_p99)),
        Figure::ms("… added, p50", us(through_p50.saturating_sub(direct_p50))).at_most(0.5),
        Figure::ms("… added, p99", us(through_p99.saturating_sub(direct_p99))).at_most(3.0),
        Figure::new("… of asking directly, p50", through_p50 as f64 / direct_p50.max(1) as f64, ""),
        Figure::ms("… CPU for each", cpu / u32::try_from(calls.max(1))?),
    ])
}

/// The median turn's p50, and the median turn's p99.
fn medians(reports: &[TillReport]) -> [u64; 2] {
    let median = |mut all: Vec<u64>| {
        all.sort_unstable();
        all.get(all.len() / 2).copied().unwrap_or_default()
    };
    [
        median(reports.iter().map(|report| report.p50_us).collect()),
        median(reports.iter().map(|report| report.p99_us).collect()),
    ]
}

/// A vendor that refuses connections, and one that never answers, once the breaker has opened.
fn dead(scale: Scale) -> Result<Vec<Figure>> {
    let silent = Vendor::start(Habit::Silent)?;
    let target = Target::start(scale, &[])?;
    hook(&target, "refused", &format!("http://127.0.0.1:{}/member", free_port()?), 1_000)?;
    hook(&target, "silent", &silent.url, 1_000)?;
    let mut figures = Vec::new();
    for (number, account) in ["refused", "silent"].into_iter().enumerate() {
        let order = |seconds: u64, run: u64| TillOrder {
            target: target.server.address(),
            paths: vec![path(account)],
            key: OPERATOR_KEY.to_owned(),
            deadline_ms: None,
            sockets: SOCKETS * 4,
            per_second: PER_SECOND,
            calls: u64::from(PER_SECOND) * seconds,
            first: (number as u64 * 10 + run) * 10_000_000,
        };
        // Five failures open it; they cost a deadline each where nobody answers.
        ask(&order(3, 1))?;
        let report = ask(&order(scale.seconds(SECONDS), 2))?;
        let open = report.said.get("failed breaker_open").copied().unwrap_or(0);
        ensure!(open * 100 >= report.calls * 98, "the breaker is not open: {:?}", report.said);
        let what = if account == "refused" { "refuses connections" } else { "never answers" };
        figures.push(Figure::ms(format!("hook, vendor {what}, breaker open: p99"), us(report.p99_us)).at_most(5.0));
        figures.push(Figure::ms("… p50", us(report.p50_us)));
    }
    Ok(figures)
}

/// A vendor that does whatever can be done, under short deadlines.
fn hostile(scale: Scale) -> Result<Vec<Figure>> {
    let mut vendor = Vendor::start(Habit::Hostile)?;
    let target = Target::start(scale, &[])?;
    let accounts: Vec<String> = (0..HOSTILE_ACCOUNTS).map(|number| format!("shop-{number}")).collect();
    for account in &accounts {
        hook(&target, account, &vendor.url, 5_000)?;
    }
    let calls = scale.rows(HOSTILE_CALLS);
    let report = ask(&TillOrder {
        target: target.server.address(),
        paths: accounts.iter().map(|account| path(account)).collect(),
        key: OPERATOR_KEY.to_owned(),
        deadline_ms: Some(HOSTILE_DEADLINE_MS),
        sockets: SOCKETS * 2,
        per_second: HOSTILE_PER_SECOND,
        calls,
        first: 0,
    })?;
    ensure!(report.calls == calls, "{} of {calls} were answered", report.calls);
    eprintln!("    what the till was told: {:?}", report.said);
    let asked = vendor.count()?;
    let late = us(report.max_us).saturating_sub(Duration::from_millis(HOSTILE_DEADLINE_MS));
    Ok(vec![
        Figure::new("hook, hostile vendor, deadline 150 ms: calls", calls as f64, ""),
        Figure::new("… of which the vendor was asked", asked as f64 / calls as f64, "").at_least(0.5),
        Figure::new("… answered later than 5 ms after the deadline", report.late as f64, "calls").at_most(0.0),
        Figure::ms("… the latest answer after its deadline", late),
        Figure::ms("… p50", us(report.p50_us)),
        Figure::mib("… memory of the process at its most", target.usage()?.rss_peak_bytes),
    ])
}

fn path(account: &str) -> String {
    format!("/api/v1/app/{account}/hook/fetchMemberPoint")
}

/// An account that asks this URL.
fn hook(target: &Target, account: &str, url: &str, deadline_ms: u64) -> Result<()> {
    target.account(account, &[])?;
    let settings = format!("{}/settings", path(account));
    let body = json!({"url": url, "deadlineMs": deadline_ms});
    target.runtime.block_on(async { target.server.client().put(&settings, &body).await?.expect(200).map(drop) })
}

fn ask(order: &TillOrder) -> Result<TillReport> {
    let report: TillReport = Process::start(&["till"])?.ask(&serde_json::to_string(order)?)?;
    ensure!(report.broken == 0, "{} questions had no answer at all", report.broken);
    ensure!(report.calls > 0, "nothing was asked");
    Ok(report)
}
