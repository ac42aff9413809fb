//! The accounts, endpoints and receivers of one round, and what publishers send.

use std::{path::Path, time::Duration};

use anyhow::Result;
use ringup_testkit::{
    journal::Receipt,
    load::{Keep, Load, Pace, Payload, Plan},
    server::{OPERATOR_KEY, Server, ServerSetup},
    tempdir::TempDir,
};

use super::sales::Sales;
use crate::{
    child,
    trial::{
        chance::Chance,
        place::{Kind, Place},
    },
};

/// Attempts that may be begun and not yet durable: what one kill can repeat at most.
pub const IN_FLIGHT_MAX: u64 = 256;

const PUBLISHERS: usize = 24;
const EVENT_TYPE: &str = "invoiceCreated";
/// Longer than any round.
const LOAD_MAX: Duration = Duration::from_secs(3600);

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
            places.push(Place::create(&client, &apps[account], kind).await?);
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
        for place in &mut self.places {
            place.revive().await?;
        }
        Ok(())
    }

    /// Every request all receivers got so far.
    pub fn receipts(&self) -> Vec<Receipt> {
        self.places.iter().flat_map(Place::receipts).collect()
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
