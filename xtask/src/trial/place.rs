//! Endpoints of a trial and the receivers behind them: good, slow, failing, refusing, in order, away.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, Result};
use ringup_testkit::{
    client::Client,
    journal::Receipt,
    oracle,
    receiver::{Answer, Received, Receiver, Script, Setup},
};
use serde_json::{Value, json};

use super::chance;

/// How a receiver behaves.
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

/// One endpoint and who stands behind it.
pub struct Place {
    pub kind: Kind,
    pub endpoint: oracle::Endpoint,
    /// None while nobody listens.
    receiver: Option<Receiver>,
    address: SocketAddr,
}

impl Place {
    /// An endpoint of this account with a receiver of this kind; an account has one of a kind.
    pub async fn create(client: &Client, app: &str, kind: Kind) -> Result<Self> {
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
            app: app.to_owned(),
            path,
            event_types: Vec::new(),
            secrets: vec![secret],
            ordered: matches!(kind, Kind::Ordered | Kind::Keyed),
        };
        // A dead receiver has only lent its port.
        let receiver = (kind != Kind::Dead).then_some(receiver);
        Ok(Self { kind, endpoint, receiver, address })
    }

    /// Brings a dead receiver to life.
    pub async fn revive(&mut self) -> Result<()> {
        if self.receiver.is_none() {
            self.receiver = Some(start(self.kind, Some(self.address)).await?);
        }
        Ok(())
    }

    /// Who stands behind it, unless nobody listens.
    pub fn receiver(&self) -> Option<&Receiver> {
        self.receiver.as_ref()
    }

    /// Every request it got so far.
    pub fn receipts(&self) -> Vec<Receipt> {
        self.receiver.iter().flat_map(Receiver::receipts).collect()
    }
}

async fn start(kind: Kind, address: Option<SocketAddr>) -> Result<Receiver> {
    let script = Script::by(move |request| kind.answer(request));
    let defaults = Setup::default();
    Receiver::start_with(Setup { script, address: address.unwrap_or(defaults.address), ..defaults }).await
}

impl Kind {
    /// As the settings of an endpoint are written.
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
