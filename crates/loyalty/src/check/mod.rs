//! The contract test of a loyalty app: plays each documented case, and abuse, and names what is wrong.
//!
//! Of each hook the plain question comes first. If that fails, the others are left out: what they would show is the
//! same fault again, or nothing.

mod ask;
mod coupon;
mod point;
mod report;
mod sale;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use ringup_core::hook::Generation;
use ringup_core::ports::{Clock, Random};
use ringup_egress::sign::SigningKey;
use ringup_egress::{Caller, CheckedUrl};

use crate::fault::Fault;
use crate::table::sample;

/// How long beyond the deadline an answer is waited for, to tell a slow app from a silent one: as many deadlines.
const PATIENCE_DEADLINES: u32 = 3;

/// Whom to check, and with what.
#[derive(Clone, Debug)]
pub struct Setup {
    /// In the order of [`crate::HOOKS`]; what is `None` is not checked.
    pub urls: [Option<CheckedUrl>; 3],
    pub generation: Generation,
    /// Without one nothing is signed, and signatures are not checked.
    pub key: Option<SigningKey>,
    /// Sent along, such as an authorisation.
    pub headers: Arc<[(HeaderName, HeaderValue)]>,
    /// What a till waits.
    pub deadline: Duration,
    pub data: Data,
}

/// What the app is expected to know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Data {
    pub outlet: String,
    pub phone: String,
    pub email: String,
    pub member_code: String,
    pub percent_coupon: String,
    pub value_coupon: String,
    pub used_coupon: String,
    pub expired_coupon: String,
}

impl Default for Data {
    /// What the mock knows.
    fn default() -> Data {
        Data {
            outlet: sample::OUTLET.to_owned(),
            phone: sample::PHONE.to_owned(),
            email: sample::EMAIL.to_owned(),
            member_code: sample::MEMBER_CODE.to_owned(),
            percent_coupon: sample::PERCENT_COUPON.to_owned(),
            value_coupon: sample::VALUE_COUPON.to_owned(),
            used_coupon: sample::USED_COUPON.to_owned(),
            expired_coupon: sample::EXPIRED_COUPON.to_owned(),
        }
    }
}

/// What came of a case.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    Passed,
    Failed(Fault),
    /// It could not be tried, and why.
    Left(&'static str),
}

/// One question or a few that belong together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Case {
    pub hook: &'static str,
    pub name: &'static str,
    pub expected: &'static str,
    /// For people: status, answer, how long it took.
    pub seen: String,
    pub verdict: Verdict,
    pub took: Duration,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// With their URLs, in the order they were checked.
    pub hooks: Vec<(&'static str, String)>,
    pub generation: Generation,
    pub cases: Vec<Case>,
}

impl Report {
    /// What is wrong, each once.
    pub fn faults(&self) -> BTreeSet<Fault> {
        let faults = self.cases.iter().filter_map(|case| match &case.verdict {
            Verdict::Failed(fault) => Some(*fault),
            Verdict::Passed | Verdict::Left(_) => None,
        });
        faults.collect()
    }

    /// Cases that passed, that failed, that were left out.
    pub fn score(&self) -> [usize; 3] {
        let count = |test: fn(&Verdict) -> bool| self.cases.iter().filter(|case| test(&case.verdict)).count();
        [
            count(|verdict| *verdict == Verdict::Passed),
            count(|verdict| matches!(verdict, Verdict::Failed(_))),
            count(|verdict| matches!(verdict, Verdict::Left(_))),
        ]
    }

    /// Whether a till can rely on the app. What was left out for want of a secret or a URL does not count against it.
    pub fn is_well(&self) -> bool {
        let [passed, failed, _] = self.score();
        passed > 0 && failed == 0
    }
}

/// What all cases share.
struct Checker<'a> {
    setup: &'a Setup,
    caller: &'a dyn Caller,
    clock: &'a dyn Clock,
    random: &'a dyn Random,
    cases: Vec<Case>,
}

/// Plays every case against the URLs that are set, one after the other.
pub async fn run(setup: &Setup, caller: &dyn Caller, clock: &dyn Clock, random: &dyn Random) -> Report {
    let mut checker = Checker { setup, caller, clock, random, cases: Vec::new() };
    let [points, coupons, sales] = &setup.urls;
    let mut balance = false;
    if let Some(url) = points {
        balance = checker.points(url).await;
    }
    if let Some(url) = coupons {
        checker.coupons(url).await;
    }
    if let Some(url) = sales {
        checker.sales(url, points.as_ref().filter(|_| balance)).await;
    }
    let hooks = crate::HOOKS.into_iter().zip(&setup.urls);
    let hooks = hooks.filter_map(|(hook, url)| Some((hook, url.as_ref()?.as_str().to_owned()))).collect();
    Report { hooks, generation: setup.generation, cases: checker.cases }
}

/// Why the cases after the plain one are left out.
const PLAIN_FIRST: &str = "the plain question fails";
const NO_SECRET: &str = "no secret is given: --secret";
