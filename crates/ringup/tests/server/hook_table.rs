//! The published table of hooks (`docs/hooks.md`), every row of it, with apps on sockets and in all three log modes: what
//! the till is told, what the log keeps of it, what is counted, and what happens afterwards.
//!
//! The table is read as it is published. A row that nobody plays here fails the test.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use ringup_testkit::{
    dns::{self, DnsServer},
    hostile::{Behaviour, HostileServer},
    receiver::{Answer, Gate, Receiver, Script},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::stage::{SOON, Stage, eventually};

const TABLE: &str = include_str!("../../../../docs/hooks.md");

/// A row of the table, cell by cell.
#[derive(Clone, Copy, Debug)]
struct Row {
    hook: &'static str,
    app: &'static str,
    kind: &'static str,
    cause: Option<&'static str>,
    /// Outcome, status and detail, as the log of mode `full` has them.
    entry: Option<&'static str>,
    in_error_mode: bool,
    afterwards: Option<&'static str>,
}

fn rows() -> Result<Vec<Row>> {
    let table = TABLE.split("## What happens when").nth(1).context("the table has a heading")?;
    let lines = table.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    lines.skip(2).map(Row::read).collect()
}

impl Row {
    fn read(line: &'static str) -> Result<Row> {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [hook, app, kind, cause, entry, in_error_mode, afterwards] = cells[..] else {
            bail!("seven cells: {line}");
        };
        let said = |cell: &'static str| (cell != "–").then_some(cell);
        let in_error_mode = said(in_error_mode) == Some("kept");
        Ok(Row { hook, app, kind, cause: said(cause), entry: said(entry), in_error_mode, afterwards: said(afterwards) })
    }

    /// Asking goes the way of deliveries.
    fn writes(&self) -> bool {
        ["orderComplete", "bookTax"].contains(&self.hook)
    }

    /// What the log of this mode has of it.
    fn logged(&self, mode: &str) -> Option<&'static str> {
        self.entry.filter(|_| mode == "full" || mode == "error" && self.in_error_mode)
    }

    fn question(&self) -> Value {
        /// Each is another sale.
        static SALES: AtomicUsize = AtomicUsize::new(0);
        match self.hook {
            "orderComplete" => {
                let number = SALES.fetch_add(1, Ordering::Relaxed);
                json!({"ID": format!("INV-{number}"), "Outlet": "Kemang", "Sales": 75_600})
            }
            "bookTax" => {
                let number = SALES.fetch_add(1, Ordering::Relaxed);
                json!({"OrderId": format!("T-{number}"), "Total": 75_600})
            }
            "validateCoupon" => json!({"Code": "A1", "Outlet": "Kemang", "Customer": {"Email": "", "Phone": "1"}}),
            "stockCheck" => json!({"Sku": "A-1", "Outlet": "Kemang"}),
            _ => json!({"Outlet": "Kemang", "Phone": "0812", "Email": "", "Code": ""}),
        }
    }
}

/// How an app is played.
enum Scenario {
    /// It answers like this.
    Says(Answer),
    /// It misbehaves on its socket.
    Does(Behaviour),
    /// As `Says`, and the account has declared this for the case that nobody answers.
    Declared(Answer, Value),
    /// It answers well once and then like this; asked until the first answer is stale.
    Then(Answer),
    NobodyListens,
    /// Its name leads to an address that is not called.
    Inside,
    NotSet,
    SwitchedOff,
    /// It has failed until it is left alone.
    LeftAlone,
    /// One question is open, and no more may be.
    Full,
}

/// What the words of the second column mean; `None` for words that nobody plays.
fn scenario(app: &str) -> Option<Scenario> {
    Some(match app {
        "answers in another charset" => {
            let body = Answer::status(200).body("{\"Point\":1}");
            Scenario::Says(body.header("content-type", "application/json; charset=ISO-8859-1"))
        }
        "answers nothing" => Scenario::Says(Answer::status(200)),
        "answers a gigabyte" => Scenario::Does(Behaviour::HugeBody { bytes: 1 << 30 }),
        "breaks off in its answer" => Scenario::Does(Behaviour::ShortBody),
        "drips a byte a second" => Scenario::Does(Behaviour::SlowBody { pause: Duration::from_secs(1) }),
        "is silent" => Scenario::Does(Behaviour::Silence),
        "closes before an answer" => Scenario::Does(Behaviour::CloseWithoutAnswer),
        "redirects" => Scenario::Does(Behaviour::Redirect { status: 302, location: "http://127.0.0.1:1/".to_owned() }),
        "refuses the connection" => Scenario::NobodyListens,
        "is at a forbidden address" => Scenario::Inside,
        "is not set" => Scenario::NotSet,
        "is switched off" => Scenario::SwitchedOff,
        "is left alone by the breaker" => Scenario::LeftAlone,
        "has as many questions open as it may" => Scenario::Full,
        other => {
            let said = other.strip_prefix("answers ")?;
            let (said, more) = said.split_once(", and ").map_or((said, None), |(said, more)| (said, Some(more)));
            let answer = spelled(said)?;
            match more {
                None => Scenario::Says(answer),
                Some("an older answer is kept") => Scenario::Then(answer),
                Some("a fallback is declared") => Scenario::Declared(answer, json!({"Point": 0, "Available": 0})),
                Some(_) => return None,
            }
        }
    })
}

/// A status, a body in backticks, or both.
fn spelled(said: &str) -> Option<Answer> {
    let (status, body) = match said.split_once(' ') {
        Some((status, body)) if status.len() == 3 => (status.parse().ok()?, Some(body)),
        _ if said.len() == 3 => (said.parse().ok()?, None),
        _ => (200, Some(said)),
    };
    let answer = Answer::status(status);
    match body {
        None => Some(answer),
        Some(body) => Some(answer.body(body.strip_prefix('`')?.strip_suffix('`')?.to_owned())),
    }
}

/// What a silent app is waited for.
const DEADLINE_MS: u64 = 400;

/// An account of one log mode, on the server that all share.
struct Shop<'a> {
    stage: &'a Stage,
    mode: &'static str,
}

/// What came of a question.
struct Came {
    answer: Value,
    /// The endpoint that answers, where there is one.
    endpoint: Option<String>,
    /// Calls that reached the app or failed on the way, this one included.
    calls: u64,
    /// Kept until the call has ended: that of a sale outlives the till's wait.
    app: Option<HostileServer>,
}

impl Shop<'_> {
    fn path(&self, rest: &str) -> String {
        format!("/api/v1/app/{}/{rest}", self.mode)
    }

    /// Sets a hook anew; the id of its endpoint.
    async fn set(&self, hook: &str, url: &str, more: Value) -> Result<String> {
        let settings = self.path(&format!("hook/{hook}/settings"));
        let removed = self.stage.client.delete(&settings).await?;
        ensure!([204, 404].contains(&removed.status), "{removed:?}");
        let mut body = json!({"url": url, "deadlineMs": DEADLINE_MS});
        for (name, value) in more.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        self.stage.client.put(&settings, &body).await?.expect(200)?.text_at("endpointId")
    }

    async fn ask(&self, row: &Row, question: &Value) -> Result<Value> {
        self.stage.client.post(&self.path(&format!("hook/{}", row.hook)), question).await?.expect(200)?.json()
    }

    /// Asks until the answer is of this kind and cause; how often that was.
    async fn ask_until(&self, row: &Row) -> Result<(Value, u64)> {
        let mut asked = 0;
        let answer = eventually(row.app, async || {
            let answer = self.ask(row, &row.question()).await?;
            asked += 1;
            let same = answer["kind"] == row.kind && answer["cause"].as_str() == row.cause;
            Ok(if same { Ok(answer) } else { Err(answer) })
        })
        .await?;
        Ok((answer, asked))
    }

    /// Sets the hook as the scenario wants it, and asks.
    async fn play(&self, row: &Row, scenario: Scenario, dns_port: u16) -> Result<Came> {
        let once = async |url: &str, more: Value| {
            let endpoint = self.set(row.hook, url, more).await?;
            if row.writes() {
                // The app is given more time for a sale than the till has.
                let settings = self.path(&format!("endpoint/{endpoint}/settings"));
                self.stage.client.patch(&settings, &json!({"timeLimit": "1s"})).await?.success()?;
            }
            let answer = self.ask(row, &row.question()).await?;
            anyhow::Ok(Came { answer, endpoint: Some(endpoint), calls: 1, app: None })
        };
        match scenario {
            Scenario::Says(answer) => once(&Receiver::start(answer).await?.url("/ask"), json!({})).await,
            Scenario::Declared(answer, fallback) => {
                once(&Receiver::start(answer).await?.url("/ask"), json!({"fallback": fallback})).await
            }
            Scenario::Does(behaviour) => {
                let app = HostileServer::start(behaviour).await?;
                let came = once(&app.url("/ask"), json!({})).await?;
                Ok(Came { app: Some(app), ..came })
            }
            Scenario::NobodyListens => {
                let address = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
                once(&format!("http://{address}/"), json!({})).await
            }
            Scenario::Inside => once(&format!("http://inside.example:{dns_port}/"), json!({})).await,
            Scenario::NotSet => {
                self.stage.client.delete(&self.path(&format!("hook/{}/settings", row.hook))).await?;
                Ok(Came { answer: self.ask(row, &row.question()).await?, endpoint: None, calls: 0, app: None })
            }
            Scenario::SwitchedOff => {
                let app = Receiver::start(200).await?;
                let came = once(&app.url("/"), json!({"disabled": true})).await?;
                ensure!(app.count() == 0, "nobody is asked");
                Ok(Came { calls: 0, ..came })
            }
            Scenario::LeftAlone => {
                let app = Receiver::start(503).await?;
                let endpoint = self.set(row.hook, &app.url("/"), json!({})).await?;
                let (answer, _) = self.ask_until(row).await?;
                let calls = app.count();
                ensure!(calls <= 6, "{calls} calls to a dead app");
                ensure!(answer["callId"].is_null(), "nobody was called for it: {answer}");
                Ok(Came { answer, endpoint: Some(endpoint), calls: calls as u64, app: None })
            }
            Scenario::Full => self.crowded(row).await,
            Scenario::Then(later) => {
                let asked = AtomicUsize::new(0);
                let app = Receiver::start(Script::by(move |_| match asked.fetch_add(1, Ordering::Relaxed) {
                    0 => Answer::status(200).body("{\"Point\":7,\"Available\":7}"),
                    _ => later.clone(),
                }))
                .await?;
                self.set(row.hook, &app.url("/"), json!({})).await?;
                ensure!(self.ask(row, &row.question()).await?["kind"] == "live");
                let again = self.ask(row, &row.question()).await?;
                ensure!(again["kind"] == "cache" && again["cause"].is_null() && app.count() == 1, "{again}");
                let (answer, _) = self.ask_until(row).await?;
                let (name, fresh_ms) = if row.hook == "stockCheck" { ("Available", 2_000) } else { ("Point", 5_000) };
                ensure!(answer["answer"][name] == 7 && answer["ageMs"].as_u64() >= Some(fresh_ms), "{answer}");
                // The log has the good call as well: what it says of the other is the row before.
                Ok(Came { answer, endpoint: None, calls: 2, app: None })
            }
        }
    }

    async fn crowded(&self, row: &Row) -> Result<Came> {
        let gate = Gate::closed();
        let app = Receiver::start(Answer::status(200).body("{\"Point\":1}").gated(&gate)).await?;
        let endpoint = self.set(row.hook, &app.url("/"), json!({"deadlineMs": 20_000})).await?;
        let settings = self.path(&format!("endpoint/{endpoint}/settings"));
        self.stage.client.patch(&settings, &json!({"inFlightMax": 1})).await?.success()?;
        let (other, path, asked) =
            (self.stage.server.client(), self.path(&format!("hook/{}", row.hook)), row.question());
        let patient = other.post(&path, &asked);
        let turned_away = async {
            app.wait_for(1, SOON).await?;
            let mut another = row.question();
            another["Phone"] = "0813".into();
            let answer = self.ask(row, &another).await;
            gate.open();
            answer
        };
        let (first, answer) = tokio::join!(patient, turned_away);
        ensure!(first?.json()?["kind"] == "live");
        Ok(Came { answer: answer?, endpoint: None, calls: 1, app: None })
    }

    /// The log of an endpoint once so many calls of it are counted, each in the words of the table.
    async fn log(&self, endpoint: &str, calls: u64) -> Result<Vec<String>> {
        // Calls are counted in every mode, and in the same commit as the entry: then nothing more can come.
        let stats = self.path(&format!("endpoint/{endpoint}/attempt-stats"));
        eventually("every call is counted", async || {
            let stats = self.stage.client.get(&stats).await?.success()?.json()?;
            let counted = stats["success"].as_u64().unwrap_or(0) + stats["fail"].as_u64().unwrap_or(0);
            Ok(if counted >= calls { Ok(()) } else { Err(stats) })
        })
        .await?;
        let attempts = self.stage.client.list::<Value>(&self.path(&format!("attempt/endpoint/{endpoint}"))).await?;
        Ok(attempts.iter().map(worded).collect())
    }

    /// A sale's call is an event, and how its delivery stands says what happens next, in every mode.
    async fn check_sale(&self, row: &Row, answer: &Value) -> Result<()> {
        let event = answer["callId"].as_str().context("a sale is kept under a name")?;
        let expected: &[&str] = match row.afterwards {
            Some("queued") => &["scheduled", "waiting"],
            Some("listed: it can be resent") => &["blocked", "not_repeated"],
            Some("not repeated: the app took the sale") | None => &["delivered"],
            Some(other) => bail!("nobody knows what comes of {other:?}"),
        };
        eventually("how the sale stands", async || {
            let standings = self.stage.standings(self.mode, event).await?;
            let stands = matches!(&standings[..], [one] if expected.contains(&one.state.as_str()));
            Ok(if stands { Ok(()) } else { Err(standings) })
        })
        .await
    }

    async fn check(&self, row: &Row, dns_port: u16) -> Result<()> {
        let scenario = scenario(row.app).context("nobody plays this row")?;
        let Came { answer, endpoint, calls, app } = self.play(row, scenario, dns_port).await?;
        ensure!(answer["kind"] == row.kind && answer["cause"].as_str() == row.cause, "the till was told {answer}");
        ensure!(answer["answer"].is_null() == (row.kind == "failed"), "{answer}");
        // A declared hook says where the reason of a "no" stands.
        let says_why = row.cause.is_some() || row.kind == "refused" && row.hook == "stockCheck";
        ensure!(answer["reason"].is_null() != says_why, "{answer}");
        // What was not called has no name in the log.
        ensure!(row.entry.is_some() || answer["callId"].is_null(), "{answer}");
        ensure!(answer["queued"] == (row.afterwards == Some("queued")), "{answer}");
        if row.writes() {
            self.check_sale(row, &answer).await?;
        } else {
            ensure!(row.afterwards.is_none(), "a question that reads ends with its answer");
        }
        let Some(endpoint) = endpoint else { return Ok(()) };
        let log = self.log(&endpoint, calls).await?;
        drop(app);
        match (row.entry, row.logged(self.mode)) {
            // A sale may have been repeated meanwhile.
            (Some(_), Some(entry)) => {
                let once = log.len() == 1 || row.afterwards == Some("queued");
                // Newest first.
                ensure!(once && log.last().is_some_and(|first| first == entry), "the log has {log:?}");
            }
            (Some(_), None) => ensure!(log.is_empty(), "mode {}: the log has {log:?}", self.mode),
            // What went before is in the log, and this is not.
            (None, _) => ensure!(log.len() as u64 <= calls, "the log has {log:?}"),
        }
        Ok(())
    }
}

fn worded(attempt: &Value) -> String {
    let status = attempt["responseStatusCode"].as_u64().filter(|status| *status > 0);
    let words = [
        attempt["outcome"].as_str().map(str::to_owned),
        status.map(|status| status.to_string()),
        attempt["error"].as_str().map(str::to_owned),
    ];
    words.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// The stock check as the document declares it, and one that writes.
async fn declare(stage: &Stage) -> Result<()> {
    let example = TABLE.split("```json").nth(1).and_then(|rest| rest.split("```").next());
    let stock: Value = serde_json::from_str(example.context("the document has an example")?)?;
    stage.client.put("/api/v1/hook-type/stockCheck", &stock).await?.expect(201)?;
    let tax = json!({
        "title": "Book tax", "mode": "write", "key": "/OrderId",
        "question": {"schema": {"type": "object", "required": ["OrderId"]}},
        "answer": {"schema": {"type": "object", "required": ["Number"], "properties": {"Number": {"type": "string"}}}},
    });
    stage.client.put("/api/v1/hook-type/bookTax", &tax).await?.expect(201)?;
    Ok(())
}

#[tokio::test]
async fn every_row_of_the_published_table_happens_on_sockets_in_every_log_mode() -> Result<()> {
    let names = DnsServer::start(|_| dns::Answer::addresses([IpAddr::from(Ipv4Addr::new(10, 0, 0, 1))])).await?;
    let stage =
        Stage::open_with("hook-table", |setup| setup.with("EGRESS__DNS_SERVERS", &names.address().to_string())).await?;
    let rows = rows()?;
    assert!(rows.len() >= 65, "{} rows", rows.len());
    declare(&stage).await?;

    let play = async |mode: &'static str| {
        let shop = Shop { stage: &stage, mode };
        stage.client.create_app(mode).await?;
        stage.set_account(mode, &json!({"logMode": mode})).await?;
        let mut wrong = Vec::new();
        for row in &rows {
            // Any port: it is not called.
            if let Err(error) = shop.check(row, 8_443).await {
                wrong.push(format!("{} {} (mode {mode}): {error:#}", row.hook, row.app));
            }
        }
        anyhow::Ok(wrong)
    };
    let (full, error, none) = tokio::join!(play("full"), play("error"), play("none"));
    let wrong = [full?, error?, none?].concat();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}
