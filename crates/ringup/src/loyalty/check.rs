//! `ringup loyalty check`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use ringup_core::hook::Generation;
use ringup_egress::{CheckedUrl, Egress, EgressPlan, header, url_policy};
use ringup_loyalty::HOOKS;
use ringup_loyalty::check::{self, Data, Report, Setup};
use ringup_loyalty::table::sample;

use super::signing_key;
use crate::argument::{duration, usage};
use crate::shell::{SystemClock, SystemRandom};

/// Networks of this machine and house that `--local` opens.
const LOCAL: [&str; 6] = ["127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"];

/// What a hook may be given, as on the server.
const DEADLINES: std::ops::RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(30);

#[derive(Args, Clone, PartialEq, Eq, Debug)]
pub struct CheckArguments {
    /// What the URLs of all three hooks begin with; /fetchMemberPoint, /validateCoupon, /orderComplete follow
    #[arg(value_name = "URL-PREFIX", required_unless_present_any = ["fetch_member_point", "validate_coupon", "order_complete"])]
    pub prefix: Option<String>,
    /// URL of Fetch Member Point
    #[arg(long, value_name = "URL")]
    pub fetch_member_point: Option<String>,
    /// URL of Validate Coupon
    #[arg(long, value_name = "URL")]
    pub validate_coupon: Option<String>,
    /// URL of Order Complete
    #[arg(long, value_name = "URL")]
    pub order_complete: Option<String>,
    /// The app's signing secret, whsec_… or @FILE [otherwise: nothing is signed, and signatures are not checked]
    #[arg(long, value_name = "SECRET")]
    pub secret: Option<String>,
    /// Send this header too, such as 'Authorization: Bearer …'; may be repeated
    #[arg(long, value_name = "NAME: VALUE")]
    pub header: Vec<String>,
    /// Which of the two published contracts is asked
    #[arg(long, value_name = "GENERATION", default_value = "newer")]
    pub generation: GenerationWord,
    /// How long a till waits: 100ms to 30s
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "5s")]
    pub deadline: Duration,
    /// Allow plain HTTP, and addresses of this machine and of private networks, for this run
    #[arg(long)]
    pub local: bool,
    /// How the report is written
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: ReportFormat,
    /// Write the report to this file, and only the score to standard output
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub data: DataArguments,
}

/// What the app knows.
#[derive(Args, Clone, PartialEq, Eq, Debug)]
#[command(next_help_heading = "Test data of the app")]
pub struct DataArguments {
    /// Name of an outlet
    #[arg(long, value_name = "NAME", default_value = sample::OUTLET)]
    pub outlet: String,
    /// A member's mobile number
    #[arg(long, value_name = "NUMBER", default_value = sample::PHONE, allow_hyphen_values = true)]
    pub phone: String,
    /// The same member's e-mail
    #[arg(long, value_name = "EMAIL", default_value = sample::EMAIL)]
    pub email: String,
    /// The same member's code
    #[arg(long, value_name = "CODE", default_value = sample::MEMBER_CODE)]
    pub member_code: String,
    /// A good coupon of a percentage
    #[arg(long, value_name = "CODE", default_value = sample::PERCENT_COUPON)]
    pub percent_coupon: String,
    /// A good coupon of an amount of money
    #[arg(long, value_name = "CODE", default_value = sample::VALUE_COUPON)]
    pub value_coupon: String,
    /// A coupon that is used already
    #[arg(long, value_name = "CODE", default_value = sample::USED_COUPON)]
    pub used_coupon: String,
    /// A coupon that is over
    #[arg(long, value_name = "CODE", default_value = sample::EXPIRED_COUPON)]
    pub expired_coupon: String,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum GenerationWord {
    Newer,
    Older,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReportFormat {
    Text,
    Json,
    Junit,
}

/// What to print, and whether nothing is wrong.
pub fn check(arguments: &CheckArguments, mut plan: EgressPlan) -> anyhow::Result<(String, bool)> {
    if arguments.local {
        plan.allow_http = true;
        for network in LOCAL {
            plan.allow_networks.push(network.parse().context("a network that is written here")?);
        }
    }
    if !DEADLINES.contains(&arguments.deadline) {
        return usage(format!("--deadline: a till waits 100ms to 30s, not {:?}", arguments.deadline));
    }
    let setup = Setup {
        urls: urls(arguments, &plan)?,
        generation: match arguments.generation {
            GenerationWord::Newer => Generation::Newer,
            GenerationWord::Older => Generation::Older,
        },
        key: signing_key(arguments.secret.as_deref())?,
        headers: headers(&arguments.header)?,
        deadline: arguments.deadline,
        data: arguments.data.data(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(async {
        let egress = Egress::new(plan)?;
        let report = check::run(&setup, &egress, &SystemClock, &SystemRandom).await;
        egress.close().await;
        anyhow::Ok(report)
    })?;
    let text = match arguments.format {
        ReportFormat::Text => report.text(),
        ReportFormat::Json => format!("{:#}\n", report.json()),
        ReportFormat::Junit => report.junit(),
    };
    let Some(path) = &arguments.output else { return Ok((text, report.is_well())) };
    std::fs::write(path, text).with_context(|| format!("writing {}", path.display()))?;
    Ok((score(&report), report.is_well()))
}

fn score(report: &Report) -> String {
    let text = report.text();
    format!("{}\n", text.lines().next_back().unwrap_or_default())
}

fn urls(arguments: &CheckArguments, plan: &EgressPlan) -> anyhow::Result<[Option<CheckedUrl>; 3]> {
    let own = [&arguments.fetch_member_point, &arguments.validate_coupon, &arguments.order_complete];
    let mut urls = [None, None, None];
    for ((url, own), hook) in urls.iter_mut().zip(own).zip(HOOKS) {
        let text = match (own, &arguments.prefix) {
            (Some(own), _) => own.clone(),
            (None, Some(prefix)) if prefix.contains(['?', '#']) => {
                return usage(format!(
                    "{prefix:?} has a part behind ? or #, so it is no beginning: name each hook's URL"
                ));
            }
            (None, Some(prefix)) => format!("{}/{hook}", prefix.trim_end_matches('/')),
            (None, None) => continue,
        };
        *url = match url_policy::check(&text, plan) {
            Ok(url) => Some(url),
            Err(problem) => {
                let is_local = matches!(problem.rule(), "plain_http" | "forbidden_address");
                let hint = if is_local && !arguments.local { "; --local allows it for this run" } else { "" };
                return usage(format!("{text}: {problem}{hint}"));
            }
        };
    }
    Ok(urls)
}

fn headers(lines: &[String]) -> anyhow::Result<Arc<[(http::HeaderName, http::HeaderValue)]>> {
    let mut pairs = Vec::new();
    for line in lines {
        let Some((name, value)) = line.split_once(':') else {
            // The line may hold a secret, and is not repeated.
            return usage("--header: expected a name, a colon and a value".to_owned());
        };
        pairs.push((name.trim(), value.trim()));
    }
    match header::check(pairs) {
        Ok(checked) => Ok(checked.into()),
        Err(problem) => usage(format!("--header: {problem}")),
    }
}

impl DataArguments {
    fn data(&self) -> Data {
        Data {
            outlet: self.outlet.clone(),
            phone: self.phone.clone(),
            email: self.email.clone(),
            member_code: self.member_code.clone(),
            percent_coupon: self.percent_coupon.clone(),
            value_coupon: self.value_coupon.clone(),
            used_coupon: self.used_coupon.clone(),
            expired_coupon: self.expired_coupon.clone(),
        }
    }
}
