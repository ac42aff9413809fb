//! A running server with one account on it, and the questions that tests ask again and again.

use std::{
    fmt::Debug,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use http::Method;
use ringup_testkit::{
    client::{Attempt, Client, Reply},
    server::{Server, ServerSetup},
    tempdir::TempDir,
};
use serde_json::{Value, json};

/// Long enough for anything that is expected to happen, on a machine that is busy with other things.
pub const SOON: Duration = Duration::from_secs(20);

/// The account of every stage.
pub const ACCOUNT: &str = "shop";

/// How often a condition is looked at where there is no signal to wait for: soon at first, then seldom enough not to
/// be in the server's way.
const LOOK_EVERY: [Duration; 2] = [Duration::from_millis(5), Duration::from_millis(80)];

/// A server on a folder of its own, with an account on it.
pub struct Stage {
    pub server: Server,
    pub client: Client,
    /// Removed after the server is gone.
    _dir: TempDir,
}

/// How to start the binary on `data` in this folder, with a cooldown that tests can wait for.
pub fn setup(dir: &TempDir) -> ServerSetup {
    let setup = ServerSetup::with_binary(env!("CARGO_BIN_EXE_ringup"), dir.join("data"));
    setup.with("DELIVERY__COOLDOWN", "100ms")
}

impl Stage {
    /// With the configuration that most tests use.
    pub async fn open(label: &str) -> Result<Self> {
        Self::open_with(label, |setup| setup).await
    }

    /// With a configuration of its own.
    pub async fn open_with(label: &str, configure: impl FnOnce(ServerSetup) -> ServerSetup) -> Result<Self> {
        let dir = TempDir::new(label)?;
        let server = Server::start(configure(setup(&dir))).await?;
        let client = server.client();
        client.create_app(ACCOUNT).await?;
        Ok(Self { server, client, _dir: dir })
    }

    /// An endpoint of this URL that gets every event; its id.
    pub async fn endpoint(&self, url: &str) -> Result<String> {
        self.endpoint_of(ACCOUNT, &json!({"url": url})).await
    }

    /// An endpoint that gets events of this type alone; its id.
    pub async fn endpoint_for(&self, event_type: &str, url: &str) -> Result<String> {
        self.endpoint_of(ACCOUNT, &json!({"url": url, "eventTypes": [event_type]})).await
    }

    /// An endpoint of any account; its id.
    pub async fn endpoint_of(&self, account: &str, body: &Value) -> Result<String> {
        self.client.create_endpoint(account, body).await
    }

    /// Changes settings of an endpoint.
    pub async fn set(&self, endpoint: &str, settings: &Value) -> Result<Reply> {
        let path = format!("/api/v1/app/{ACCOUNT}/endpoint/{endpoint}/settings");
        self.client.patch(&path, settings).await?.success()
    }

    /// Changes settings of an account.
    pub async fn set_account(&self, account: &str, settings: &Value) -> Result<Reply> {
        self.client.patch(&format!("/api/v1/app/{account}/settings"), settings).await?.success()
    }

    /// Publishes an event of this type that says who it is; its id.
    pub async fn publish(&self, event_type: &str, number: usize) -> Result<String> {
        self.client.publish_accepted(ACCOUNT, event_type, &json!({"number": number}).to_string()).await
    }

    /// Publishes with an idempotency key.
    pub async fn publish_with_key(&self, event_type: &str, payload: &Value, key: &str) -> Result<Reply> {
        let body = json!({"eventType": event_type, "payload": payload}).to_string();
        self.client.call(Method::POST, &format!("/api/v1/app/{ACCOUNT}/msg"), &[("idempotency-key", key)], body).await
    }

    /// The log of an event, oldest first.
    pub async fn attempts(&self, event: &str) -> Result<Vec<Attempt>> {
        let mut attempts = self.client.attempts_of_event(ACCOUNT, event).await?;
        attempts.reverse();
        Ok(attempts)
    }

    /// The log of an event once it has this many entries, oldest first.
    pub async fn attempts_when(&self, event: &str, count: usize) -> Result<Vec<Attempt>> {
        eventually(&format!("{count} attempts of {event}"), async || {
            let attempts = self.attempts(event).await?;
            let found = attempts.len();
            Ok(if found >= count { Ok(attempts) } else { Err(found) })
        })
        .await
    }

    /// How the deliveries of an event stand, once none of them wants another attempt.
    pub async fn ended(&self, account: &str, event: &str) -> Result<Vec<Standing>> {
        eventually(&format!("the end of every delivery of {event}"), async || {
            let standings = self.standings(account, event).await?;
            let live = standings.iter().filter(|standing| standing.is_live()).count();
            Ok(if live == 0 { Ok(standings) } else { Err(format!("{live} of {} are live", standings.len())) })
        })
        .await
    }

    /// How the one delivery of an event stands, once it wants no more attempts.
    pub async fn ended_one(&self, event: &str) -> Result<String> {
        let standings = self.ended(ACCOUNT, event).await?;
        let [standing] = standings.as_slice() else { bail!("one delivery, not {standings:?}") };
        Ok(standing.state.clone())
    }

    /// How the deliveries of an event stand now.
    pub async fn standings(&self, account: &str, event: &str) -> Result<Vec<Standing>> {
        let rows = self.client.list::<Value>(&format!("/api/v1/app/{account}/msg/{event}/endpoint")).await?;
        rows.iter().map(Standing::read).collect()
    }
}

/// How one delivery stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub endpoint: String,
    /// `delivered`, `waiting`, `scheduled`, or how it ended.
    pub state: String,
}

impl Standing {
    fn read(row: &Value) -> Result<Self> {
        let text = |name: &str| row[name].as_str().with_context(|| format!("no text `{name}` in {row}"));
        Ok(Self { endpoint: text("id")?.to_owned(), state: text("outcome")?.to_owned() })
    }

    fn is_live(&self) -> bool {
        matches!(self.state.as_str(), "waiting" | "scheduled")
    }
}

/// What an entry of the log says came of the attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub status: i32,
    pub outcome: String,
    pub timed_out: bool,
    pub error: Option<String>,
}

impl Entry {
    pub fn of(attempt: &Attempt) -> Self {
        let text = |name: &str| attempt.rest.get(name).and_then(Value::as_str).map(str::to_owned);
        Self {
            status: attempt.response_status_code,
            outcome: text("outcome").unwrap_or_default(),
            timed_out: attempt.rest.get("timedOut").and_then(Value::as_bool).unwrap_or_default(),
            error: text("error"),
        }
    }
}

/// Asks until there is an answer; after [`SOON`] fails with what was there instead.
pub async fn eventually<T, E: Debug>(what: &str, mut look: impl AsyncFnMut() -> Result<Result<T, E>>) -> Result<T> {
    let until = Instant::now() + SOON;
    let [mut pause, longest] = LOOK_EVERY;
    loop {
        match look().await? {
            Ok(found) => return Ok(found),
            Err(instead) if Instant::now() > until => bail!("not within {SOON:?}: {what}; instead {instead:?}"),
            Err(_) => tokio::time::sleep(pause).await,
        }
        pause = (pause * 2).min(longest);
    }
}
