//! `ringup send`: a sample, changed or not, through the real path, and what came of it.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use ringup_core::json;
use ringup_core::pointer::Pointer;
use ringup_core::ports::Clock as _;
use ringup_core::search::TEST_TAG;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::argument::{Format, duration, given, usage};
use crate::cli::Remote;
use crate::remote::{Server, escaped, print, rest};
use crate::shell::SystemClock;

/// Events that one command sends.
const COUNT_MAX: u32 = 10_000;
/// Events a second.
const RATE_MAX: u32 = 1_000;
/// Between looks at what became of an event.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// URLs that a refusal names.
const NAMED_MAX: usize = 10;

#[derive(Args, Clone, PartialEq, Eq, Debug)]
pub struct SendArguments {
    /// What happened, such as invoiceCreated
    #[arg(value_name = "EVENT_TYPE")]
    pub event_type: String,
    #[command(flatten)]
    pub remote: Remote,
    /// Change a field of the sample, such as Total=148000 or Customer.Name=Sari; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    pub field: Vec<String>,
    /// Send this instead of the sample: JSON, @FILE, or - for standard input
    #[arg(long, value_name = "PAYLOAD")]
    pub payload: Option<String>,
    /// Only to this one, whatever it asked for: an endpoint's URL, id or uid [otherwise: to all that asked]
    #[arg(long, value_name = "ENDPOINT")]
    pub to: Option<String>,
    /// Channels of the event; may be repeated
    #[arg(long, value_name = "NAME", conflicts_with = "to")]
    pub channel: Vec<String>,
    /// How many events; each has its own id
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=i64::from(COUNT_MAX)))]
    pub count: u32,
    /// Events a second, at most
    #[arg(long, value_name = "COUNT", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=i64::from(RATE_MAX)))]
    pub rate: u32,
    /// How long to watch what becomes of one event; 0s not to
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "10s")]
    pub wait: Duration,
    /// How the result is printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
}

/// What an example is, over the API.
#[derive(Deserialize)]
struct Example<'a> {
    #[serde(borrow)]
    payload: &'a RawValue,
}

/// Sends, and says whether everything that was watched arrived.
pub fn send(arguments: &SendArguments, key: Option<&str>, listen: SocketAddr) -> anyhow::Result<bool> {
    let changes = arguments.field.iter().map(|text| change(text)).collect::<anyhow::Result<Vec<_>>>()?;
    let own = arguments.payload.as_deref().map(given).transpose()?;
    let server = Server::of(&arguments.remote, key, listen)?;
    let payload = match own {
        Some(own) => {
            if let Err(error) = serde_json::from_str::<serde_json::Map<String, Value>>(&own) {
                return usage(format!("--payload: it is no JSON object: {error}"));
            }
            own.trim().to_owned()
        }
        None => {
            let path = format!("/api/v1/event-type/{}/example", escaped(&arguments.event_type));
            let answer = server.answer("GET", &path, None, "", "")?;
            let example: Example<'_> = serde_json::from_str(&answer).context("the server's answer is no example")?;
            example.payload.get().to_owned()
        }
    };
    let payload = changes.iter().try_fold(payload, |payload, change| change.made_in(&payload))?;
    let account = format!("/api/v1/app/{}", escaped(&arguments.remote.account));
    let (path, body) = message(arguments, &server, &account, &payload)?;

    let mut id = String::new();
    for number in 0..arguments.count {
        if number > 0 {
            rest(Duration::from_secs(1) / arguments.rate);
        }
        let accepted = server.ask("POST", &path, Some(&body), "")?;
        accepted["id"].as_str().context("the server named no message")?.clone_into(&mut id);
        match arguments.format {
            Format::Json if arguments.count > 1 || arguments.wait.is_zero() => print(&format!("{accepted}\n"))?,
            Format::Json => {}
            Format::Text => print(&taken(&id, arguments, payload.len(), &accepted))?,
        }
    }
    if arguments.count > 1 || arguments.wait.is_zero() {
        return Ok(true);
    }
    watch(arguments, &server, &account, &id)
}

/// Where to post, and what.
fn message(
    arguments: &SendArguments,
    server: &Server<'_>,
    account: &str,
    payload: &str,
) -> anyhow::Result<(String, String)> {
    let event_type = json!(arguments.event_type);
    if let Some(to) = &arguments.to {
        let endpoint = escaped(&endpoint(server, account, to)?);
        let body = format!("{{\"eventType\":{event_type},\"payload\":{payload}}}");
        return Ok((format!("{account}/endpoint/{endpoint}/send-example"), body));
    }
    let (channels, tags) = (json!(arguments.channel), json!([TEST_TAG]));
    let channels = if arguments.channel.is_empty() { String::new() } else { format!("\"channels\":{channels},") };
    let body = format!("{{\"eventType\":{event_type},{channels}\"tags\":{tags},\"payload\":{payload}}}");
    Ok((format!("{account}/msg?with_content=false"), body))
}

/// The id of the one endpoint that is meant: by its URL, or by what the API takes as its name.
fn endpoint(server: &Server<'_>, account: &str, to: &str) -> anyhow::Result<String> {
    if !to.contains("://") {
        return Ok(to.to_owned());
    }
    let endpoints = server.all(&format!("{account}/endpoint"))?;
    let text = |endpoint: &Value, name: &str| endpoint[name].as_str().unwrap_or_default().to_owned();
    let found: Vec<&Value> = endpoints.iter().filter(|endpoint| endpoint["url"] == to).collect();
    match found[..] {
        [one] => Ok(text(one, "id")),
        [] => {
            let mut urls: Vec<String> = endpoints.iter().map(|endpoint| text(endpoint, "url")).collect();
            let more = urls.len().saturating_sub(NAMED_MAX);
            urls.truncate(NAMED_MAX);
            let urls = if urls.is_empty() { "none yet".to_owned() } else { urls.join(", ") };
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            bail!("no endpoint of this account has the URL {to:?}; there are: {urls}{more}")
        }
        _ => {
            let ids: Vec<String> = found.iter().map(|endpoint| text(endpoint, "id")).collect();
            bail!("{} endpoints have the URL {to:?}; name one by its id: {}", ids.len(), ids.join(", "))
        }
    }
}

fn taken(id: &str, arguments: &SendArguments, bytes: usize, accepted: &Value) -> String {
    let mut text = format!("{id}  {}, {bytes} bytes, accepted\n", arguments.event_type);
    for misfit in accepted["misfits"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let _ = writeln!(text, "  does not fit its schema: {misfit}");
    }
    if accepted["unregistered"] == true {
        let _ = writeln!(text, "  nobody registered this event type");
    }
    text
}

/// Prints each delivery as it ends, and those that have not when the time is over. Whether all arrived.
fn watch(arguments: &SendArguments, server: &Server<'_>, account: &str, id: &str) -> anyhow::Result<bool> {
    let until = SystemClock.now().saturating_add(arguments.wait);
    let path = format!("{account}/msg/{id}/endpoint");
    loop {
        let rows = server.all(&path)?;
        let is_live = |row: &&Value| matches!(row["outcome"].as_str(), Some("waiting" | "scheduled"));
        // A retry that is later than anybody waits is not waited for.
        let is_over = rows.iter().filter(is_live).count() == 0;
        if !is_over && SystemClock.now() < until {
            rest(LOOK_EVERY);
            continue;
        }
        let attempts = server.all(&format!("{account}/attempt/msg/{id}"))?;
        let arrived = rows.iter().all(|row| row["outcome"] == "delivered");
        match arguments.format {
            Format::Json => print(&format!("{}\n", json!({"id": id, "deliveries": rows, "attempts": attempts})))?,
            Format::Text if rows.is_empty() => print("  goes to nobody: no active endpoint asked for it\n")?,
            Format::Text => print(&rows.iter().map(|row| stood(row, &attempts)).collect::<String>())?,
        }
        return Ok(arrived && !rows.is_empty());
    }
}

/// One delivery: where it stands, what its newest attempt met, and when there is another.
fn stood(row: &Value, attempts: &[Value]) -> String {
    let mut own = attempts.iter().filter(|attempt| attempt["endpointId"] == row["id"]);
    let newest = own.next().map(|attempt| {
        let status = attempt["responseStatusCode"].as_u64().filter(|status| *status > 0);
        let met =
            status.map_or_else(|| attempt["error"].as_str().unwrap_or("-").to_owned(), |status| status.to_string());
        format!("{met} after {} ms  ", attempt["responseDurationMs"])
    });
    let again = row["nextAttempt"].as_str().map(|at| format!("  again at {at}")).unwrap_or_default();
    let text = |name: &str| row[name].as_str().unwrap_or("-");
    format!("  {:<12} {}{}{again}\n", text("outcome"), newest.unwrap_or_default(), text("url"))
}

/// A field of the payload and what it is to be.
#[derive(Debug, PartialEq)]
struct Change {
    written: String,
    fields: Vec<String>,
    value: String,
}

/// `Customer.Name=Sari`. What is JSON stands as it is, anything else is a text.
fn change(text: &str) -> anyhow::Result<Change> {
    let Some((field, value)) = text.split_once('=').filter(|(field, _)| !field.is_empty()) else {
        return usage(format!("--field {text}: expected NAME=VALUE, such as Total=148000 or Customer.Name=Sari"));
    };
    let value = if json::is_json(value) { value.trim().to_owned() } else { json!(value).to_string() };
    Ok(Change { written: field.to_owned(), fields: field.split('.').map(str::to_owned).collect(), value })
}

impl Change {
    /// The payload with the change; everything else stays as it is, byte for byte.
    fn made_in(&self, payload: &str) -> anyhow::Result<String> {
        if let Some(at) = json::locate(payload.as_bytes(), &self.pointer(self.fields.len())?) {
            return Ok(format!("{}{}{}", &payload[..at.start], self.value, &payload[at.end..]));
        }
        let (name, parents) = self.fields.split_last().expect("a field has a name");
        let parent = json::locate(payload.as_bytes(), &self.pointer(parents.len())?);
        let Some(parent) = parent.filter(|at| payload[at.clone()].starts_with('{')) else {
            let why = "the sample has no object where this field would be; see it with `ringup catalog export`";
            return usage(format!("--field {}: {why}", self.written));
        };
        let (before, after) = payload.split_at(parent.end - 1);
        let before = before.trim_end();
        let comma = if before.ends_with('{') { "" } else { "," };
        Ok(format!("{before}{comma}{}:{}{after}", json!(name), self.value))
    }

    /// The place of the first so many of its fields.
    fn pointer(&self, fields: usize) -> anyhow::Result<Pointer> {
        let escape = |field: &String| format!("/{}", field.replace('~', "~0").replace('/', "~1"));
        let text: String = self.fields.iter().take(fields).map(escape).collect();
        text.parse().or_else(|why| usage(format!("--field {}: {why}", self.written)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(payload: &str, text: &str) -> Result<String, String> {
        change(text).and_then(|change| change.made_in(payload)).map_err(|why| why.to_string())
    }

    #[test]
    fn a_field_is_changed_and_nothing_else() {
        const PAYLOAD: &str = r#"{"Total": 1.50, "Customer": {"Name":"Budi" }, "Items":[{"Qty":1}], "a/b": {} }"#;
        for (text, expected) in [
            ("Total=148000", PAYLOAD.replace("1.50", "148000")),
            ("Customer.Name=Sari", PAYLOAD.replace("Budi", "Sari")),
            ("Customer.Name=0012", PAYLOAD.replace("Budi", "0012")),
            ("Items.0.Qty=2", PAYLOAD.replace(r#""Qty":1"#, r#""Qty":2"#)),
            ("Customer.Vip=true", PAYLOAD.replace(r#""Budi" }"#, r#""Budi","Vip":true}"#)),
            ("a/b.c=null", PAYLOAD.replace("{} }", r#"{"c":null} }"#)),
            ("Note=a = b", PAYLOAD.replace("{} }", r#"{},"Note":"a = b"}"#)),
            ("Items=[]", PAYLOAD.replace(r#"[{"Qty":1}]"#, "[]")),
        ] {
            assert_eq!(set(PAYLOAD, text), Ok(expected), "{text}");
        }
        assert!(set(PAYLOAD, "Total").expect_err("no value").contains("NAME=VALUE"));
        assert!(set(PAYLOAD, "=1").expect_err("no field").contains("NAME=VALUE"));
        assert!(set(PAYLOAD, "Total.Cents=1").expect_err("no object").contains("no object"));
        assert!(set(PAYLOAD, "Nobody.Name=1").expect_err("no object").contains("no object"));
    }
}
