//! The accounts, endpoints and receivers of one chapter, and what publishers send.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use ringup_testkit::{
    journal::{self, Receipt, Sent, unix_ns},
    load::{Keep, Load, Pace, Payload, Plan, Shape},
    oracle::{Counts, History},
    receiver::Receiver,
    server::OPERATOR_KEY,
    tempdir::TempDir,
};

use super::{
    cluster::{Cluster, LOOK_EVERY},
    fault::Done,
    measure,
    node::IN_FLIGHT_MAX,
};
use crate::trial::{
    evidence,
    place::{Kind, Place},
};

const ACCOUNTS: usize = 8;
const PUBLISHERS: usize = 16;
/// Ten for each account: its silence is known to a tenth of a second.
const EVENTS_PER_S: u32 = 80;
const EVENT_TYPE: &str = "invoiceCreated";
/// Longer than any chapter.
const LOAD_MAX: Duration = Duration::from_secs(2 * 3600);
/// A publisher turns to another node when one says nothing for so long.
const ANSWER_WITHIN: Duration = Duration::from_secs(4);
/// Deliveries flow when every account got so many since all was mended.
const FLOWS_AT: usize = 3;
/// They must flow again within this, or a promise is broken beyond the noise of any machine.
const FLOWS_WITHIN: Duration = Duration::from_secs(60);

/// What stands beside the plain endpoint that every account has, by the account's number.
const BESIDE: [Option<Kind>; ACCOUNTS] = [
    Some(Kind::Flaky),
    Some(Kind::Slow),
    Some(Kind::Refusing),
    Some(Kind::Ordered),
    Some(Kind::Keyed),
    Some(Kind::Flaky),
    None,
    None,
];

pub struct Scene {
    places: Vec<Place>,
    load: Load,
    pub journal: PathBuf,
}

/// What one chapter came to.
pub struct Chapter {
    pub counts: Counts,
    /// All publish requests.
    pub sent: Vec<Sent>,
    /// For each round the longest wait of an acknowledged event for its plain receiver.
    pub waits: Vec<Duration>,
}

impl Scene {
    /// Creates accounts and endpoints by the API and starts publishing.
    pub async fn create(cluster: &mut Cluster, folder: &TempDir, chapter: u32) -> Result<Self> {
        let client = cluster.client().await?;
        let apps: Vec<String> = (0..ACCOUNTS).map(|number| format!("chapter{chapter}-{number}")).collect();
        let mut places = Vec::new();
        for (app, beside) in apps.iter().zip(BESIDE) {
            client.create_app(app).await?;
            for kind in [Some(Kind::Plain), beside].into_iter().flatten() {
                places.push(Place::create(&client, app, kind).await?);
            }
        }
        let last = &places.last().context("there are accounts")?.endpoint;
        cluster.wait_known(&format!("/api/v1/app/{}/endpoint/{}", last.app, last.id)).await?;
        let journal = folder.join(format!("sent-{chapter}.jsonl"));
        let addresses: Vec<_> = cluster.nodes.iter().map(|node| node.server.address()).collect();
        let load = Load::start(Plan {
            others: addresses[1..].to_vec(),
            answer_within: ANSWER_WITHIN,
            shape: Shape::Publish { key: OPERATOR_KEY.to_owned(), apps, event_type: EVENT_TYPE.to_owned() },
            publishers: PUBLISHERS,
            pace: Pace::PerSecond(EVENTS_PER_S),
            payload: Payload::of_bytes(400),
            time_max: LOAD_MAX,
            uid_prefix: format!("c{chapter}"),
            ordered: true,
            journal: Keep::File(journal.clone()),
            keep_payloads: false,
            ..Plan::publish(addresses[0], OPERATOR_KEY, "", EVENT_TYPE)
        })?;
        Ok(Self { places, load, journal })
    }

    /// The receivers that take everything at once, one for each account.
    fn plain(&self) -> impl Iterator<Item = (&str, &Receiver)> {
        let plain = self.places.iter().filter(|place| place.kind == Kind::Plain);
        plain.filter_map(|place| Some((place.endpoint.app.as_str(), place.receiver()?)))
    }

    /// How many requests each plain receiver got.
    pub fn marks(&self) -> Vec<usize> {
        self.plain().map(|(_, receiver)| receiver.count()).collect()
    }

    /// Waits until deliveries of all accounts flow.
    pub async fn wait_for_flow(&self, cluster: &mut Cluster) -> Result<()> {
        let (marks, until) = (self.marks(), Instant::now() + FLOWS_WITHIN);
        loop {
            cluster.tend()?;
            let mut silent =
                self.plain().zip(&marks).filter(|((_, receiver), mark)| receiver.count() < **mark + FLOWS_AT);
            let Some(((app, _), _)) = silent.next() else { return Ok(()) };
            ensure!(Instant::now() < until, "{app} got nothing new within {FLOWS_WITHIN:?} after all was mended");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// The longest time that each account got nothing since this instant. `marks` are from before it.
    pub fn silences(&self, marks: &[usize], since_ns: u64) -> Vec<Duration> {
        let silence = |((_, receiver), mark): ((&str, &Receiver), &usize)| {
            let arrivals = receiver.arrivals(*mark).into_iter().map(unix_ns).filter(|at| *at >= since_ns);
            let (_, longest) =
                arrivals.fold((since_ns, 0), |(last, longest), at| (at, longest.max(at.saturating_sub(last))));
            Duration::from_nanos(longest)
        };
        self.plain().zip(marks).map(silence).collect()
    }

    /// Ends publishing, waits until all is delivered or ended, and compares everything with everything.
    pub async fn judge(self, cluster: &mut Cluster, rounds: &[Done]) -> Result<Chapter> {
        self.load.stop();
        cluster.wait_for_quiet().await?;
        let load = tokio::task::block_in_place(|| self.load.join())?;
        let client = cluster.client().await?;
        let sent: Vec<Sent> = journal::read(&self.journal)?;
        let received: Vec<Receipt> = self.places.iter().flat_map(Place::receipts).collect();
        let deliveries = evidence::ended(&client, &self.places, &sent, &received).await?;
        let attempts = evidence::attempts(&client, &self.places).await?;
        let history = History {
            sent,
            received,
            endpoints: self.places.iter().map(|place| place.endpoint.clone()).collect(),
            in_flight_at_kills: rounds.iter().map(|round| round.struck * IN_FLIGHT_MAX).collect(),
            resends: 0,
            deliveries,
            attempts: Some(attempts),
            ledgers: Vec::new(),
        };
        let counts = history.check().into_result()?;
        ensure!(counts.acknowledged > 0 && counts.received > 0, "nothing was published: {load}");
        ensure!(counts.refused == 0, "{} valid publishes were refused for good: {load}", counts.refused);
        let plain = self.places.iter().filter(|place| place.kind == Kind::Plain);
        let paths: Vec<&str> = plain.map(|place| place.endpoint.path.as_str()).collect();
        Ok(Chapter { counts, waits: measure::waits(&history, &paths, rounds), sent: history.sent })
    }
}
