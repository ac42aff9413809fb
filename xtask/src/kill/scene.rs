//! The accounts, endpoints and receivers of one round, and what publishers send.

use std::{path::Path, time::Duration};

use anyhow::{Context, Result};
use ringup_testkit::{
    journal::Receipt,
    load::{Keep, Load, Pace, Payload, Plan},
    oracle,
    receiver::{Answer, Received, Receiver, Script, Setup},
    server::{OPERATOR_KEY, Server, ServerSetup},
    tempdir::TempDir,
};
use serde_json::{Value, json};

use super::chance::{self, Chance};
use super::sales::Sales;
use crate::child;

/// Attempts that may be begun and not yet durable: what one kill can repeat at most.
pub const IN_FLIGHT_MAX: u64 = 256;

const PUBLISHERS: usize = 24;
const EVENT_TYPE: &str = "invoiceCreated";
/// Longer than any round.
const LOAD_MAX: Duration = Duration::from_secs(3600);

/// How a receiver behaves; each round has one of each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Takes everything at once.
    Plain,
    /// Takes 5 to 100 ms for each.
    Slow,
    /// Fails a quarter of the attempts by 503 and drops some connections; repeated.
    Flaky,
    /// Refuses some events for good, so they end without success.
    Refusing,
    /// One at a time in order, with failures.
    Ordered,
    /// In order by a key of the payload, with failures.
    Keyed,
    /// Nobody listens until the end of the round.
    Dead,
}

/// The account of each kind, by number.
const PLACES: [(usize, Kind); 7] = [
    (0, Kind::Plain),
    (0, Kind::Slow),
    (0, Kind::Ordered),
    (1, Kind::Flaky),
    (1, Kind::Refusing),
    (1, Kind::Keyed),
    (2, Kind::Dead),
];
const ACCOUNTS: usize = 3;

/// One endpoint and who stands behind it.
pub struct Place {
    pub kind: Kind,
    pub endpoint: oracle::Endpoint,
    /// None while nobody listens.
    receiver: Option<Receiver>,
    address: std::net::SocketAddr,
}

/// Everything of one round that outlives the process.
pub struct Scene {
    pub places: Vec<Place>,
    /// None once it has ended.
    pub load: Option<Load>,
    pub journal: std::path::PathBuf,
    /// None once they were judged.
    pub sales: Option<Sales>,
}

/// The server all rounds share: guide defaults, small bounds, everything logged.
pub fn setup(binary: &Path, folder: &TempDir) -> Result<ServerSetup> {
    let binary = child::tethered(binary, folder)?;
    let in_flight = IN_FLIGHT_MAX.to_string();
    Ok(ServerSetup::with_binary(binary, folder.join("data"))
        .with("DELIVERY__IN_FLIGHT_MAX", &in_flight)
        .with("DELIVERY__COOLDOWN", "50ms")
        .with("LOG__FILTER", "warn"))
}

impl Scene {
    /// Creates accounts and endpoints by the API and starts publishing.
    pub async fn create(server: &Server, round: u32, chance: &mut Chance) -> Result<Self> {
        let client = server.client();
        let apps: Vec<String> = (0..ACCOUNTS).map(|number| format!("round{round}-{number}")).collect();
        for app in &apps {
            client.create_app(app).await?;
        }
        let mut places = Vec::new();
        for (account, kind) in PLACES {
            let app = &apps[account];
            let path = format!("/{app}/{kind:?}");
            let receiver = start(kind, None).await?;
            let address = receiver.address();
            let settings = json!({"url": format!("http://{address}{path}")});
            let id = client.create_endpoint(app, &settings).await?;
            let asked = client.put(&format!("/api/v1/app/{app}/endpoint/{id}/settings"), &kind.settings()).await?;
            asked.success().with_context(|| format!("settings of {kind:?}"))?;
            let secret = client.secret(app, &id).await?;
            let endpoint = oracle::Endpoint {
                id,
                app: app.clone(),
                path,
                event_types: Vec::new(),
                secrets: vec![secret],
                ordered: matches!(kind, Kind::Ordered | Kind::Keyed),
            };
            // A dead receiver has only lent its port.
            let receiver = (kind != Kind::Dead).then_some(receiver);
            places.push(Place { kind, endpoint, receiver, address });
        }
        let journal = server.setup().data_dir.with_file_name(format!("sent-{round}.jsonl"));
        let load = Load::start(Plan {
            publishers: PUBLISHERS,
            pace: Pace::PerSecond(u32::try_from(chance.of(&[300, 600, 1200]))?),
            payload: Payload::of_bytes(600),
            time_max: LOAD_MAX,
            uid_prefix: format!("r{round}"),
            ordered: true,
            journal: Keep::File(journal.clone()),
            keep_payloads: false,
            ..publish(server, &apps)
        })?;
        let sales = Some(Sales::begin(server, round).await?);
        Ok(Self { places, load: Some(load), journal, sales })
    }

    /// Brings the dead receiver to life.
    pub async fn revive(&mut self) -> Result<()> {
        for place in self.places.iter_mut().filter(|place| place.receiver.is_none()) {
            place.receiver = Some(start(place.kind, Some(place.address)).await?);
        }
        Ok(())
    }

    /// Every request all receivers got so far.
    pub fn receipts(&self) -> Vec<Receipt> {
        self.places.iter().filter_map(|place| place.receiver.as_ref()).flat_map(Receiver::receipts).collect()
    }
}

fn publish(server: &Server, apps: &[String]) -> Plan {
    let plan = Plan::publish(server.address(), OPERATOR_KEY, &apps[0], EVENT_TYPE);
    let shape = ringup_testkit::load::Shape::Publish {
        key: OPERATOR_KEY.to_owned(),
        apps: apps.to_vec(),
        event_type: EVENT_TYPE.to_owned(),
    };
    Plan { shape, ..plan }
}

async fn start(kind: Kind, address: Option<std::net::SocketAddr>) -> Result<Receiver> {
    let script = Script::by(move |request| kind.answer(request));
    let defaults = Setup::default();
    Receiver::start_with(Setup { script, address: address.unwrap_or(defaults.address), ..defaults }).await
}

impl Kind {
    fn settings(self) -> Value {
        let patient = json!(["20ms", "50ms", "50ms", "50ms", "100ms", "100ms", "200ms", "200ms", "400ms", "400ms"]);
        let all = json!({"serverError": true, "noResponse": true});
        match self {
            Self::Plain | Self::Slow | Self::Refusing | Self::Dead => json!({}),
            Self::Flaky => json!({"schedule": patient, "classes": all}),
            Self::Ordered => json!({"schedule": patient, "classes": all, "ordering": "strict"}),
            Self::Keyed => json!({"schedule": patient, "classes": all, "ordering": "key", "orderKey": "/key"}),
        }
    }

    /// By the event and the instant, so that a repeat may fare better than the attempt before it.
    fn answer(self, request: &Received) -> Answer {
        let event = chance::number_of(request.id());
        let nanos = request.wall.duration_since(std::time::UNIX_EPOCH).unwrap_or_default().subsec_nanos();
        let dice = chance::mix(event ^ u64::from(nanos)) % 100;
        let answer = Answer::status(200);
        match self {
            Self::Plain | Self::Dead => answer,
            Self::Slow => answer.after(Duration::from_millis(5 + event % 95)),
            Self::Flaky if dice < 25 => Answer::status(503),
            Self::Flaky if dice < 30 => Answer::nothing(),
            Self::Refusing if event.is_multiple_of(10) => Answer::status(400),
            Self::Ordered | Self::Keyed if dice < 4 => Answer::status(503),
            Self::Flaky | Self::Refusing | Self::Ordered | Self::Keyed => answer,
        }
    }
}
