//! The mock and the check hold each other: of every fault that is played exactly that one is named.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use ringup_core::hook::Generation;
use ringup_core::ports::{Clock, Random};
use ringup_core::time::Timestamp;
use ringup_egress::sign::SigningKey;
use ringup_egress::{Egress, EgressPlan, url_policy};
use ringup_loyalty::check::{self, Data, Report};
use ringup_loyalty::mock::{self, Mock};
use ringup_loyalty::table::sample;
use ringup_loyalty::{Fault, HOOKS};

const SECRET: &[u8] = b"of mock and check alone.";

/// What a till waits in these tests: far more than a busy machine needs for an honest answer.
const DEADLINE: Duration = Duration::from_secs(4);
/// What a slow app takes: beyond the deadline, and before the check gives up.
const SLOW: Duration = Duration::from_secs(6);

struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(1_795_471_200)
    }
}

/// Never twice the same.
#[derive(Default)]
struct Counted(AtomicU64);

impl Random for Counted {
    fn fill(&self, bytes: &mut [u8]) {
        let number = self.0.fetch_add(1, Ordering::Relaxed).to_le_bytes();
        bytes.iter_mut().zip(number).for_each(|(byte, part)| *byte = part);
    }
}

async fn app(faults: impl IntoIterator<Item = Fault>) -> Result<Mock> {
    let faults: BTreeSet<Fault> = faults.into_iter().collect();
    let delay = if faults.contains(&Fault::Slow) { SLOW } else { Duration::ZERO };
    let key = Some(SigningKey::new(SECRET, None));
    let setup = mock::Setup { faults, delay, key, ..mock::Setup::default() };
    Ok(Mock::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), setup, Arc::new(Noon), None).await?)
}

async fn checked(url: &str, generation: Generation, key: Option<SigningKey>) -> Result<Report> {
    let plan = EgressPlan { allow_networks: vec!["127.0.0.0/8".parse()?], allow_http: true, ..EgressPlan::default() };
    let urls = HOOKS.map(|hook| url_policy::check(&format!("{url}/{hook}"), &plan).ok());
    ensure!(urls.iter().all(Option::is_some), "{url}");
    let egress = Egress::new(plan)?;
    let setup =
        check::Setup { urls, generation, key, headers: Arc::new([]), deadline: DEADLINE, data: Data::default() };
    Ok(check::run(&setup, &egress, &Noon, &Counted::default()).await)
}

fn key() -> Option<SigningKey> {
    Some(SigningKey::new(SECRET, None))
}

#[tokio::test]
async fn a_good_app_has_the_full_score_in_both_generations() -> Result<()> {
    for generation in [Generation::Newer, Generation::Older] {
        let app = app([]).await?;
        let report = checked(&app.url(), generation, key()).await?;
        assert!(report.faults().is_empty(), "{}", report.text());
        let [passed, failed, left] = report.score();
        assert_eq!((failed, left), (0, 0), "{}", report.text());
        assert!(passed >= 28 && report.is_well(), "{}", report.text());
        // Two sales of 75,600 and what the abuse asked: a tenth of each, once.
        assert_eq!(app.points_of(sample::PHONE), Some(sample::POINT + 3 * 7_560), "{}", report.text());
        assert_eq!(app.sales(), 3);
    }
    Ok(())
}

#[tokio::test]
async fn of_every_fault_that_is_played_exactly_that_one_is_named() -> Result<()> {
    // All at once: some of them wait for what does not come.
    let checks = Fault::playable().map(|fault| async move {
        let app = app([fault]).await?;
        anyhow::Ok((fault, checked(&app.url(), Generation::Newer, key()).await?))
    });
    let mut wrong = Vec::new();
    for (fault, report) in futures_util::future::try_join_all(checks).await? {
        let is_in_junit = report.junit().contains(&format!("<failure type=\"{fault}\""));
        if report.faults() != BTreeSet::from([fault]) || report.is_well() || !is_in_junit {
            wrong.push(format!("--- {fault} played\n{}", report.text()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

#[tokio::test]
async fn an_app_that_is_not_there_is_unreachable_and_nothing_else() -> Result<()> {
    let app = app([]).await?;
    let gone = app.url();
    app.stop().await;
    let report = checked(&gone, Generation::Newer, key()).await?;
    assert_eq!(report.faults(), BTreeSet::from([Fault::Unreachable]), "{}", report.text());
    Ok(())
}

#[tokio::test]
async fn without_a_secret_signatures_are_left_out_and_said_to_be() -> Result<()> {
    let setup = mock::Setup::default();
    let app = Mock::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), setup, Arc::new(Noon), None).await?;
    let report = checked(&app.url(), Generation::Newer, None).await?;
    assert!(report.is_well(), "{}", report.text());
    assert_eq!(report.score()[2], 9, "{}", report.text());
    assert!(report.text().contains("no secret is given"), "{}", report.text());
    // An app that asks for signatures gets none, and says no to everything.
    let app = self::app([]).await?;
    let report = checked(&app.url(), Generation::Newer, None).await?;
    assert_eq!(report.faults(), BTreeSet::from([Fault::RejectsGoodSignature]), "{}", report.text());
    Ok(())
}
