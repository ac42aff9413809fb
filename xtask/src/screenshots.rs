//! `cargo xtask screenshots`: pictures of every page, to be looked at by people.
//!
//! A server of its own with an account that has seen some traffic, good and bad; each page light and dark, as wide as a
//! desk's screen and as a hand's. With axe, each of them is also checked for WCAG 2.2 AA: the step `axe` of the tests.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;
use ringup_testkit::{
    browser::Browser,
    client::Client,
    console,
    receiver::{Answer, Receiver, Script},
    server::{OPERATOR_KEY, Server, ServerSetup},
    tempdir::TempDir,
};
use serde_json::{Value, json};

use crate::{package, test::Outcome, workspace};

const ACCOUNT: &str = "kopi-kita";
const WINDOWS: [(u32, u32); 2] = [(1280, 800), (390, 844)];
const THEMES: [&str; 2] = ["light", "dark"];
/// Events sent before the first picture.
const EVENTS: usize = 40;

/// How long the loyalty app takes when it is slow.
const SLOW: std::time::Duration = std::time::Duration::from_millis(180);

/// The pages in `docs/console`, as a first window shows them.
const IN_DOCS: [&str; 8] = ["overview", "urls", "url-new", "url-security", "logs", "delivery", "configuration", "send"];

/// What is no page, and so has no picture.
const NO_PAGES: [(&str, &str); 11] = [
    ("/", "leads to the accounts"),
    ("/assets/{file}", "our own files"),
    ("/op/support-bundle", "a download"),
    ("/a/{a}/logs/complete", "a part of a page"),
    ("/a/{a}/logs/export", "a download"),
    ("/a/{a}/logs/live", "a stream"),
    ("/a/{a}/events/{m}/payload", "a download"),
    ("/a/{a}/test/catchers/{c}/live", "a stream"),
    ("/a/{a}/test/catchers/{c}/export", "a download"),
    ("/a/{a}/test/catchers/{c}/requests/{n}/export", "a download"),
    ("/a/{a}/test/catchers/{c}/requests/{n}/body", "a download"),
];

/// Where the pictures go.
#[derive(Args, Debug)]
pub struct Options {
    /// The folder for all of them
    #[arg(long, default_value = "target/screenshots")]
    out: PathBuf,
    /// Also take those that the documents show, anew
    #[arg(long)]
    docs: bool,
    /// axe.min.js of the npm package axe-core: each page is also checked for WCAG 2.2 AA
    #[arg(long)]
    axe: Option<PathBuf>,
}

/// What axe finds, in a few words each.
const FAULTS: &str = "return axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']}) \
     .then((found) => found.violations.map((one) => `${one.id}: ${one.nodes[0].html.slice(0, 200)}`))";

const AXE: &str = "axe-core@4.14.1";

pub fn run(options: &Options) -> Result<()> {
    let seen = tokio::runtime::Runtime::new()?.block_on(take(options))?;
    println!("{} pictures are in {}", seen.pictures, workspace::root().join(&options.out).display());
    ensure!(seen.faults.is_empty(), "{} faults:\n{}", seen.faults.len(), seen.faults.join("\n"));
    Ok(())
}

/// `cargo xtask test --only axe`.
pub fn check() -> Result<Outcome> {
    let axe = match package::node("axe", 0, &[AXE]) {
        Ok(node) => node.folder.join("node_modules/axe-core/axe.min.js"),
        Err(error) => return Ok(Outcome::Skipped(format!("{AXE} cannot be had here: {error:#}"))),
    };
    let options = Options { out: "target/axe".into(), docs: false, axe: Some(axe) };
    let seen = tokio::runtime::Runtime::new()?.block_on(take(&options))?;
    for fault in &seen.faults {
        eprintln!("{fault}");
    }
    match seen.faults.len() {
        0 => Ok(Outcome::Passed(seen.pictures)),
        count => Ok(Outcome::Failed {
            passed: seen.pictures,
            failed: count as u64,
            what: format!("{count} faults in pages of the console"),
        }),
    }
}

/// What was looked at, and what is wrong with it.
#[derive(Default)]
struct Seen {
    pictures: u64,
    faults: Vec<String>,
}

async fn take(options: &Options) -> Result<Seen> {
    let out = workspace::root().join(&options.out);
    fs::create_dir_all(&out).with_context(|| out.display().to_string())?;
    let dir = TempDir::new("screenshots")?;
    let server = Server::start(ServerSetup::new(dir.join("data"))?).await?;
    let client = server.client();
    let _receivers = fill(&client).await?;
    let _app = hook(&client).await?;
    let pages = pages(&client).await?;
    let access = client.post(&format!("/api/v1/auth/app-portal-access/{ACCOUNT}"), &json!({})).await?.success()?;
    let link = access.text_at("url")?;
    let link = link.split_once("/link/").map(|(_, token)| format!("/link/{token}")).context("a link")?;
    let strangers = [("sign-in", "/sign-in".to_owned()), ("link", link)];
    let listed = strangers.iter().chain(&pages).map(|(_, path)| path.as_str());
    let faults = console::faults(&console::routes()?, listed, &NO_PAGES);

    let browser = Browser::open(&server.url()).await?;
    let mut seen = Seen { faults, ..Seen::default() };
    for (name, path) in &strangers {
        browser.go(path).await?;
        shoot(&browser, name, options, &mut seen).await?;
    }
    browser.go("/sign-in").await?;
    browser.fill("#key", OPERATOR_KEY).await?;
    browser.click("button.primary").await?;
    browser.sees("Accounts").await?;
    for (name, path) in &pages {
        browser.go(path).await?;
        shoot(&browser, name, options, &mut seen).await?;
    }
    // That the content security policy refused nothing on any of them, the browser sees to by itself.
    Ok(seen)
}

/// The page that is shown, in every theme and width. One that is wider than its window is a fault.
async fn shoot(browser: &Browser, name: &str, options: &Options, seen: &mut Seen) -> Result<()> {
    let place = browser.path().await?;
    for theme in THEMES {
        browser.set_cookie("ringup_theme", theme).await?;
        for (width, height) in WINDOWS {
            browser.resize(width, height).await?;
            browser.go(&place).await?;
            let wide = browser.run("return document.documentElement.scrollWidth").await?;
            if wide.as_u64().is_none_or(|wide| wide > u64::from(width)) {
                seen.faults.push(format!("{name} is {wide} wide at {width}"));
            }
            if let Some(axe) = &options.axe {
                browser.run(&fs::read_to_string(axe).with_context(|| axe.display().to_string())?).await?;
                let found = browser.run(FAULTS).await?;
                let found = found.as_array().context("axe answers with a list")?;
                seen.faults.extend(found.iter().map(|fault| format!("{name}, {theme}, {width} wide: {fault}")));
            }
            let path = workspace::root().join(&options.out).join(format!("{name}-{theme}-{width}.png"));
            fs::write(&path, browser.picture(true).await?).with_context(|| path.display().to_string())?;
            seen.pictures += 1;
            if options.docs && theme == "light" && width == WINDOWS[0].0 && IN_DOCS.contains(&name) {
                let folder = workspace::root().join("docs/console");
                fs::create_dir_all(&folder)?;
                fs::write(folder.join(format!("{name}.png")), browser.picture(false).await?)?;
            }
        }
    }
    Ok(())
}

/// An account with URLs that do well and badly, and events for them.
async fn fill(client: &Client) -> Result<Vec<Receiver>> {
    for (uid, name) in [(ACCOUNT, "Kopi Kita"), ("toko-buku", "Toko Buku Senopati"), ("harbor", "Harbor Street Coffee")]
    {
        client.post("/api/v1/app", &json!({"uid": uid, "name": name})).await?.success()?;
    }
    let json_answer =
        |status: u16, body: &'static str| Answer::status(status).header("content-type", "application/json").body(body);
    let erp = Receiver::start(Script::by(move |request| {
        let tried_before =
            request.header("webhook-id").is_some_and(|id| id.as_bytes().last().is_some_and(|b| b % 5 == 0));
        match tried_before {
            true => json_answer(503, r#"{"error":"the database is starting","retry":true}"#),
            false => json_answer(200, r#"{"ok":true}"#),
        }
    }))
    .await?;
    let analytics = Receiver::start(Script::by(move |_| json_answer(200, r#"{"ok":true}"#))).await?;
    let webshop = Receiver::start(404).await?;
    let some = json!(["productUpdated", "productCreated", "invoiceCreated"]);
    for (uid, name, url, types) in [
        ("erp", "ERP sync", erp.url("/hooks"), Value::Null),
        ("analytics", "Analytics", analytics.url("/events"), Value::Null),
        ("old-webshop", "Old webshop", webshop.url("/wh"), some),
    ] {
        let endpoint = json!({"uid": uid, "description": name, "url": url, "filterTypes": types});
        client.create_endpoint(ACCOUNT, &endpoint).await?;
    }
    let catalogue = fs::read_to_string(workspace::root().join("assets/catalogue/events.json"))?;
    let catalogue: Vec<Value> = serde_json::from_str(&catalogue)?;
    for kind in catalogue
        .iter()
        .step_by(3)
        .cycle()
        .take(EVENTS)
        .chain(catalogue.iter().filter(|kind| kind["name"] == "invoiceCreated"))
    {
        let name = kind["name"].as_str().context("an event type's name")?;
        client.publish_accepted(ACCOUNT, name, &kind["example"].to_string()).await?;
    }
    Ok(vec![erp, analytics, webshop])
}

/// An app that is asked for points: mostly quick, sometimes slow or wrong.
async fn hook(client: &Client) -> Result<Receiver> {
    let app = Receiver::start(Script::by(|request| {
        let points = |body: &'static str| Answer::status(200).header("content-type", "application/json").body(body);
        match request.body.last_chunk::<3>() {
            Some([digit, b'"', b'}']) if digit % 5 == 0 => points(r#"{"Point":"1240"}"#),
            Some([digit, b'"', b'}']) if digit % 5 == 1 => points(r#"{"Point":1240}"#).after(SLOW),
            _ => points(r#"{"Point":1240}"#),
        }
    }))
    .await?;
    let path = format!("/api/v1/app/{ACCOUNT}/hook/fetchMemberPoint");
    let settings = json!({"url": app.url("/member"), "deadlineMs": 800, "fallback": {"Point": 0}});
    client.put(&format!("{path}/settings"), &settings).await?.success()?;
    let stock = json!({
        "title": "Stock check", "description": "Before a cashier sells what is not on the shelf.", "mode": "read", "mayFallBack": true,
        "question": {
            "schema": {"type": "object", "required": ["Sku"], "properties": {"Sku": {"type": "string"}}},
            "sample": {"Sku": "A-1"},
        },
        "answer": {
            "schema": {"type": "object", "required": ["Available"], "properties": {"Available": {"type": "integer", "minimum": 0}}},
            "sample": {"Available": 12},
        },
        "cache": {"freshMs": 2000, "staleMs": 60_000},
        "refusal": {"statuses": [404], "reason": "/message"},
    });
    client.put("/api/v1/hook-type/stockCheck", &stock).await?.success()?;
    let asked = json!({"url": app.url("/stock"), "fallback": {"Available": 0}});
    client.put(&format!("/api/v1/app/{ACCOUNT}/hook/stockCheck/settings"), &asked).await?.success()?;
    for number in 0..18 {
        let question = json!({"Outlet": "Kemang", "Phone": format!("08121000{number}"), "Email": "", "Code": format!("C-{number}")});
        client.post(&path, &question).await?.success()?;
    }
    Ok(app)
}

/// A catcher that is used for a URL, refuses once and then takes what comes; its path.
async fn catcher(client: &Client) -> Result<String> {
    let path = format!("/api/v1/app/{ACCOUNT}/catcher");
    let made = client.post(&path, &json!({"name": "lunch test", "script": "503, 200"})).await?.success()?.json()?;
    let (id, url) = (made["id"].as_str().context("its id")?, made["url"].as_str().context("its URL")?);
    let endpoint = json!({"uid": "lunch", "description": "lunch test", "url": url, "filterTypes": ["closeShift"]});
    client.create_endpoint(ACCOUNT, &endpoint).await?;
    client.publish_accepted(ACCOUNT, "closeShift", r#"{"Outlet":"Harbor Street","Total":1240500.50}"#).await?;
    for _ in 0..400 {
        let caught = client.get(&format!("{path}/{id}/request")).await?.success()?.json()?;
        if caught["data"].as_array().is_some_and(|rows| !rows.is_empty()) {
            return Ok(format!("/test/catchers/{id}"));
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    bail!("the catcher caught nothing")
}

/// Every page with its path.
async fn pages(client: &Client) -> Result<Vec<(&'static str, String)>> {
    let event = settled_event(client).await?;
    let catcher = catcher(client).await?;
    // Its pictures show what the first attempts left behind, so it finds nothing to do.
    let all = json!({"query": "event:nothing"});
    let task = client.post(&format!("/api/v1/app/{ACCOUNT}/log/resend"), &all).await?.success()?.id()?;
    client.post("/api/v1/key", &json!({"name": "till software", "application": ACCOUNT})).await?.success()?;
    let within = [
        ("overview", String::new()),
        ("urls", "/urls".to_owned()),
        ("url-new", "/urls/new".to_owned()),
        ("url", "/urls/erp".to_owned()),
        ("url-edit", "/urls/old-webshop/edit".to_owned()),
        ("url-check", "/urls/erp/check".to_owned()),
        ("url-security", "/urls/erp/security".to_owned()),
        ("url-settings", "/urls/erp/configuration".to_owned()),
        ("logs", "/logs".to_owned()),
        ("logs-failed", "/logs?status=failed".to_owned()),
        ("logs-no-match", "/logs?query=status%3Afailed%20event%3Anothing".to_owned()),
        ("logs-wrong", "/logs?query=code%3A5xx%20stauts%3Afailed".to_owned()),
        ("logs-resend", "/logs/resend?query=status%3Afailed%20after%3A-24h".to_owned()),
        ("task", format!("/tasks/{task}")),
        ("delivery", format!("/logs/{event}/old-webshop")),
        ("event", format!("/events/{event}")),
        ("configuration", "/configuration".to_owned()),
        ("catalog", "/catalog".to_owned()),
        ("kind", "/catalog/invoiceCreated".to_owned()),
        ("keys", "/keys".to_owned()),
        ("audit", "/audit".to_owned()),
        ("send", "/test/send".to_owned()),
        ("loyalty", "/loyalty".to_owned()),
        ("hook", "/loyalty/fetchMemberPoint".to_owned()),
        ("hook-calls", "/loyalty-calls".to_owned()),
        ("hook-declare", "/hook-type".to_owned()),
        ("hook-type", "/hook-type/stockCheck".to_owned()),
        ("hook-declared", "/loyalty/stockCheck".to_owned()),
        ("catchers", "/test/catchers".to_owned()),
        ("catcher", catcher.clone()),
        ("catcher-signature", format!("{catcher}?n=1&tab=signature")),
        ("catcher-raw", format!("{catcher}?n=1&tab=raw")),
        ("catcher-compare", format!("{catcher}/compare?n=2&with=1")),
        ("verify", "/test/verify".to_owned()),
    ];
    let pages = within.into_iter().map(|(name, path)| (name, format!("/a/{ACCOUNT}{path}")));
    let others = [
        ("op-fleet", "/op".to_owned()),
        ("op-queues", "/op/queues".to_owned()),
        ("op-accounts", "/op/accounts".to_owned()),
        ("op-problems", "/op/problems".to_owned()),
        ("op-nodes", "/op/nodes".to_owned()),
        ("op-system", "/op/system".to_owned()),
        ("reference-operation", "/docs/api/v1.message.create".to_owned()),
        ("reference-event", "/docs/api/event.invoiceCreated".to_owned()),
        ("op-audit", "/op/audit".to_owned()),
        ("reference", "/docs/api".to_owned()),
        ("no-such-page", format!("/a/{ACCOUNT}/nothing/here")),
        ("accounts", "/a".to_owned()),
        ("me", "/me".to_owned()),
        ("urls-empty", "/a/harbor/urls".to_owned()),
        ("loyalty-empty", "/a/harbor/loyalty".to_owned()),
        ("logs-empty", "/a/harbor/logs".to_owned()),
        ("overview-empty", "/a/harbor".to_owned()),
        ("not-found", "/a/nobody".to_owned()),
    ];
    Ok(pages.chain(others).collect())
}

/// The last event, once the webshop has refused it.
async fn settled_event(client: &Client) -> Result<String> {
    for _ in 0..400 {
        let attempts = client.attempts_of_endpoint(ACCOUNT, "old-webshop").await?;
        if let Some(attempt) = attempts.first() {
            return Ok(attempt.event.clone());
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    bail!("no attempt was made")
}
