//! An account in which everything that others can write has been written by somebody who means harm.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use http::Method;
use ringup_testkit::client::Client;
use ringup_testkit::receiver::{Answer, Receiver, Script};
use ringup_testkit::server::Server;
use serde_json::{Map, Value, json};

use super::corpus::{escaped, marked, on_a_line};
use crate::SOON;

/// Texts beside the group in fields that take many.
const MORE: usize = 25;

/// What is planted, by the names that the marks carry. What is recorded of a change is marked as the field it was.
pub const FIELDS: [&str; 18] = [
    "account",
    "answer",
    "answer-header",
    "catcher",
    "catcher-body",
    "catcher-header",
    "catcher-path",
    "catcher-query",
    "endpoint",
    "filter",
    "header",
    "key",
    "kind",
    "payload",
    "payload-key",
    "question",
    "schema",
    "url",
];

/// Where it lies.
pub struct World {
    pub account: String,
    pub kind: String,
    pub event: String,
    pub catcher: String,
    pub task: String,
    _receiver: Receiver,
}

impl World {
    /// The path of a route in here.
    pub fn path(&self, route: &str) -> String {
        let path = route.replace("/tasks/{t}", &format!("/tasks/{}", self.task));
        let path = path.replace("/hook-type/{hook}", "/hook-type/stock");
        let path = path.replace("/catalog/{t}", &format!("/catalog/{}", self.kind));
        let names = [
            ("{a}", self.account.as_str()),
            ("{e}", "erp"),
            ("{m}", &self.event),
            ("{c}", &self.catcher),
            ("{n}", "1"),
            ("{hook}", "fetchMemberPoint"),
            ("{*rest}", "nothing"),
            ("{token}", "nothing"),
            ("{operation}", "v1.message.create"),
        ];
        names.iter().fold(path, |path, (name, value)| path.replace(name, value))
    }
}

/// One of them, with a group of texts in each field, and some of all the others where there is room.
pub async fn plant(server: &Server, number: usize, group: &str, payloads: &[String]) -> Result<World> {
    let client = &server.client();
    let some: Vec<&String> = payloads.iter().cycle().skip(number * MORE).take(MORE).collect();
    let answer = answer(group, &some);
    let receiver = Receiver::start(Script::by(move |_| answer.clone())).await?;
    let account = format!("shop{number}");
    let about = json!({"uid": account, "name": marked("account", group), "metadata": {"note": group}});
    client.post("/api/v1/app", &about).await?.success()?;
    let at = format!("/api/v1/app/{account}");

    let kind = format!("evil.{number}");
    let schema = json!({"1": {"type": "object", "title": marked("schema", group), "description": group,
        "properties": {group: {"type": "string", "description": group}}, "examples": [{group: group}]}});
    let type_ = json!({"name": kind, "description": marked("kind", group), "schemas": schema});
    client.post("/api/v1/event-type", &type_).await?.success()?;

    let address =
        format!("/xq-url-qx/{}?q={}", escaped(group), on_a_line(group).replace(' ', "+").replace(['#', '\\'], "/"));
    let headers = some.iter().take(20).enumerate().map(|(index, text)| (format!("x-evil-{index}"), on_a_line(text)));
    let mut headers: Map<String, Value> = headers.map(|(name, text)| (name, text.trim().into())).collect();
    headers.insert("x-evil".to_owned(), marked("header", on_a_line(group).trim()).into());
    let endpoint = json!({"uid": "erp", "url": receiver.url(&address), "description": marked("endpoint", group),
        "headers": headers, "metadata": {"note": group}});
    client.create_endpoint(&account, &endpoint).await?;
    let quoted = json!(marked("filter", &on_a_line(group).replace(['"', '\\'], " ")));
    let filter = format!("data.note:{quoted}");
    let endpoint = json!({"uid": "narrow", "url": receiver.url("/"), "description": group, "filter": filter});
    client.create_endpoint(&account, &endpoint).await?;

    let declared = json!({"title": marked("hook-title", group), "description": group, "mode": "read",
        "question": {"schema": {"description": group}, "sample": {"note": group}},
        "answer": {"schema": {"description": group}, "sample": {"note": group}}});
    client.put("/api/v1/hook-type/stock", &declared).await?.success()?;
    let hook = format!("{at}/hook/fetchMemberPoint");
    client.put(&format!("{hook}/settings"), &json!({"url": receiver.url(&address)})).await?.success()?;
    let question = json!({"Code": marked("question", group), "Email": group, "Outlet": group, "Phone": group});
    client.post(&hook, &question).await?.success()?;

    let key = json!({"name": marked("key", group), "application": account});
    let key = client.call(Method::POST, "/api/v1/key", &[("x-request-id", &on_a_line(group))], key.to_string()).await?;
    // Whoever has this key leaves its name in the audit log.
    let theirs = Client::new(server.address(), &key.success()?.text_at("key")?);
    theirs
        .patch(&format!("{at}/endpoint/narrow"), &json!({"description": format!("{group} again")}))
        .await?
        .success()?;

    let catcher = catcher(client, &Client::anonymous(server.address()), &at, group, &some).await?;
    let mut payload: Map<String, Value> = some.iter().map(|text| ((*text).clone(), (**text).clone().into())).collect();
    payload.insert(marked("payload-key", group), marked("payload", group).into());
    let event = client.publish_accepted(&account, &kind, &Value::Object(payload).to_string()).await?;
    let end = Instant::now() + SOON;
    while client.attempts_of_event(&account, &event).await?.is_empty() {
        ensure!(Instant::now() < end, "nothing was delivered in {account}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let again = client.post(&format!("{at}/log/resend"), &json!({"query": "status:failed"})).await?.success()?;
    Ok(World { account, kind, event, catcher, task: again.id()?, _receiver: receiver })
}

fn answer(group: &str, some: &[&String]) -> Answer {
    let body = some.iter().map(|text| text.as_str()).collect::<Vec<_>>().join("\n");
    let answer = Answer::status(404).body(format!("{}\n{body}", marked("answer", group)));
    let answer =
        answer.header("content-type", "text/html").header("x-evil", &marked("answer-header", &on_a_line(group)));
    some.iter()
        .take(20)
        .enumerate()
        .fold(answer, |answer, (index, text)| answer.header(&format!("x-evil-{index}"), on_a_line(text).trim()))
}

/// A catcher, with requests that are all harm.
async fn catcher(client: &Client, anybody: &Client, at: &str, group: &str, some: &[&String]) -> Result<String> {
    let made = json!({"name": marked("catcher", group), "answer": {"type": "text", "body": group}});
    let made = client.post(&format!("{at}/catcher"), &made).await?.success()?.json()?;
    let (id, url) = (made["id"].as_str().context("an id")?, made["url"].as_str().context("a URL")?);
    let path = url::Url::parse(url)?.path().to_owned();
    let target = format!(
        "{path}/{}?{}={}",
        escaped(&marked("catcher-path", group)),
        escaped(group),
        escaped(&marked("catcher-query", group))
    );
    let (line, name) = (marked("catcher-header", on_a_line(group).trim()), "x-evil");
    let headers = [(name, line.as_str()), ("webhook-id", &line), ("user-agent", &line), ("x-forwarded-for", &line)];
    let text = some.iter().map(|text| text.as_str()).collect::<Vec<_>>().join("\n");
    let whole: Map<String, Value> = some.iter().map(|text| ((*text).clone(), (**text).clone().into())).collect();
    for body in
        [json!({marked("catcher-body", group): group, "more": whole}).to_string(), marked("catcher-body", &text)]
    {
        anybody.call(Method::POST, &target, &headers, body).await?.success()?;
    }
    Ok(id.to_owned())
}
