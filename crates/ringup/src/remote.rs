//! Asking a running server over its API: `ringup logs`, `ringup tail`, `ringup replay`, and what other commands ask.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use url::form_urlencoded::Serializer;

use crate::cli::{LogsArguments, Remote, ReplayArguments, TailArguments};
use crate::probe;

/// The variable that holds the key, where no file is named.
pub const KEY_VARIABLE: &str = "RINGUP_KEY";

/// For connecting, and for the answer beyond what it may wait.
const PATIENCE: Duration = Duration::from_secs(30);

/// Seconds that one question waits for lines while following.
const WAIT_SECS: u64 = 25;

/// Bytes of an answer: a full page is far below.
const ANSWER_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Between looks at a task.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Lines that are shown before what comes.
const LINES_BEFORE: usize = 10;

/// A server, an account there, and who asks.
pub struct Server<'a> {
    authority: String,
    address: SocketAddr,
    key: String,
    remote: &'a Remote,
}

/// Newest first, as many as asked for.
pub fn logs(arguments: &LogsArguments, key: Option<&str>, listen: SocketAddr) -> anyhow::Result<()> {
    let server = Server::of(&arguments.remote, key, listen)?;
    let (mut left, mut iterator) = (arguments.limit, None);
    while left > 0 {
        let page = server.page(&arguments.query, left.min(250), false, iterator.as_deref(), 0)?;
        let lines = page["data"].as_array().map_or(&[][..], Vec::as_slice);
        show(lines.iter(), arguments.json)?;
        left -= lines.len().min(left);
        if page["stopped"] == true {
            let _ =
                writeln!(std::io::stderr(), "searched {} of about {}, going on", page["searched"], page["searchable"]);
        }
        if page["done"] == true {
            break;
        }
        iterator = page["iterator"].as_str().map(str::to_owned);
    }
    Ok(())
}

/// The newest lines, and then what comes, until it is ended.
pub fn tail(arguments: &TailArguments, key: Option<&str>, listen: SocketAddr) -> anyhow::Result<()> {
    let server = Server::of(&arguments.remote, key, listen)?;
    let page = server.page(&arguments.query, LINES_BEFORE, false, None, 0)?;
    show(page["data"].as_array().into_iter().flatten().rev(), arguments.json)?;
    let mut cursor = page["horizon"].as_str().context("the server is too old to follow its log")?.to_owned();
    let mut is_lost = false;
    loop {
        match server.page(&arguments.query, 250, true, Some(&cursor), WAIT_SECS) {
            Ok(page) => {
                if std::mem::take(&mut is_lost) {
                    let _ = writeln!(std::io::stderr(), "connected again; nothing is missed");
                }
                show(page["data"].as_array().into_iter().flatten(), arguments.json)?;
                if let Some(next) = page["iterator"].as_str() {
                    next.clone_into(&mut cursor);
                }
            }
            // Refused for good: asking again changes nothing.
            Err(error) if error.is::<Refused>() => return Err(error),
            Err(error) => {
                if !std::mem::replace(&mut is_lost, true) {
                    let _ = writeln!(std::io::stderr(), "{error:#}; trying again");
                }
                rest(LOOK_EVERY);
            }
        }
    }
}

/// Counts, or sends again and follows the task to its end.
pub fn replay(arguments: &ReplayArguments, key: Option<&str>, listen: SocketAddr) -> anyhow::Result<()> {
    let server = Server::of(&arguments.remote, key, listen)?;
    let path = format!("/api/v1/app/{}/log/resend", escaped(&arguments.remote.account));
    let body = json!({"query": arguments.query, "rate": arguments.rate}).to_string();
    let estimate = server.ask("POST", &format!("{path}?dry_run=true"), Some(&body), &arguments.query)?;
    print(&estimated(&estimate))?;
    if arguments.dry_run || estimate["count"] == 0 {
        return Ok(());
    }
    let task = server.ask("POST", &path, Some(&body), &arguments.query)?;
    let id = task["id"].as_str().context("the server named no task")?;
    print(&format!("{id} began; ending this command leaves it running\n"))?;
    let path = format!("/api/v1/background-task/{id}");
    loop {
        let task = server.ask("GET", &path, None, "")?;
        let data = &task["data"];
        let (sent, passed_over) = (&data["messagesSent"], &data["messagesPassedOver"]);
        match task["status"].as_str() {
            Some("running") => {}
            Some("finished") => return print(&format!("finished: {sent} sent, {passed_over} passed over\n")),
            _ if data["cancelled"] == true => bail!("it was cancelled: {sent} sent, {passed_over} passed over"),
            _ => bail!("it failed: {}", data["error"].as_str().unwrap_or("the server does not say why")),
        }
        rest(LOOK_EVERY);
    }
}

/// The event types of an environment, as the API exports them.
pub fn export(remote: &Remote, key: Option<&str>, listen: SocketAddr) -> anyhow::Result<Value> {
    Server::of(remote, key, listen)?.ask("POST", "/api/v1/environment/export", Some("{}"), "")
}

/// What a till is told that asks a hook, as the server wrote it. `deadline_ms` is what it can wait, if that is less than the hook's own.
pub fn ask_hook(
    remote: &Remote,
    name: &str,
    question: &str,
    deadline_ms: Option<u128>,
    key: Option<&str>,
    listen: SocketAddr,
) -> anyhow::Result<String> {
    let path = format!("/api/v1/app/{}/hook/{name}", escaped(&remote.account));
    let header = deadline_ms.map(|millis| format!("ringup-deadline-ms: {millis}\r\n")).unwrap_or_default();
    Server::of(remote, key, listen)?.answer("POST", &path, Some(question), "", &header)
}

fn estimated(estimate: &Value) -> String {
    let at_least = if estimate["approximated"] == true { "at least " } else { "" };
    let mut text = format!(
        "{at_least}{} deliveries, {} of them delivered already, in about {} s at {} a second\n",
        estimate["count"], estimate["delivered"], estimate["estimatedSeconds"], estimate["rate"]
    );
    for endpoint in estimate["endpoints"].as_array().into_iter().flatten() {
        let _ =
            writeln!(text, "{:>8}  {}", endpoint["count"].to_string(), endpoint["url"].as_str().unwrap_or_default());
    }
    if estimate["disabled"] != 0 {
        let _ = writeln!(text, "{:>8}  to disabled endpoints, passed over", estimate["disabled"].to_string());
    }
    text
}

fn show<'a>(lines: impl Iterator<Item = &'a Value>, json: bool) -> anyhow::Result<()> {
    let text: String = lines.map(|line| if json { format!("{line}\n") } else { worded(line) }).collect();
    print(&text)
}

fn worded(line: &Value) -> String {
    let text = |name: &str| line[name].as_str().unwrap_or("-");
    let status = match line["responseStatusCode"].as_u64() {
        Some(0) | None => text("error").to_owned(),
        Some(status) => status.to_string(),
    };
    format!(
        "{}  {:<11} {:<24} {:<8} {:>6} ms  try {:<2} {}  {}\n",
        text("timestamp"),
        text("standing"),
        text("eventType"),
        status,
        line["responseDurationMs"],
        line["attempt"].to_string(),
        text("url"),
        text("msgId"),
    )
}

pub fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).context("cannot write to standard output")
}

#[expect(clippy::disallowed_methods, reason = "nothing signals what another process does; a person waits here")]
pub fn rest(time: Duration) {
    std::thread::sleep(time);
}

pub fn escaped(part: &str) -> String {
    url::form_urlencoded::byte_serialize(part.as_bytes()).collect::<String>().replace('+', "%20")
}

/// The server understood and said no.
#[derive(Debug)]
struct Refused(String);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

impl<'a> Server<'a> {
    pub fn of(remote: &'a Remote, key: Option<&str>, listen: SocketAddr) -> anyhow::Result<Server<'a>> {
        let key = match &remote.key_file {
            Some(path) => std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?,
            None => {
                key.with_context(|| format!("no key: set {KEY_VARIABLE}, or name a file with --key-file"))?.to_owned()
            }
        };
        let (authority, address) = probe::address(remote.url.as_deref(), listen)?;
        Ok(Server { authority, address, key: key.trim().to_owned(), remote })
    }

    fn page(
        &self,
        query: &str,
        limit: usize,
        ascending: bool,
        iterator: Option<&str>,
        wait_secs: u64,
    ) -> anyhow::Result<Value> {
        let mut fields = Serializer::new(String::new());
        fields.append_pair("query", query).append_pair("limit", &limit.to_string());
        fields.append_pair("order", if ascending { "ascending" } else { "descending" });
        fields.append_pair("wait", &wait_secs.to_string());
        if let Some(iterator) = iterator {
            fields.append_pair("iterator", iterator);
        }
        let path = format!("/api/v1/app/{}/log?{}", escaped(&self.remote.account), fields.finish());
        self.ask("GET", &path, None, query)
    }

    /// All pages of a list.
    pub fn all(&self, path: &str) -> anyhow::Result<Vec<Value>> {
        let (mut found, mut iterator) = (Vec::new(), None::<String>);
        loop {
            let behind = iterator.map(|iterator| format!("&iterator={}", escaped(&iterator))).unwrap_or_default();
            let mut page = self.ask("GET", &format!("{path}?limit=250{behind}"), None, "")?;
            if let Some(rows) = page["data"].as_array_mut() {
                found.append(rows);
            }
            iterator = page["iterator"].as_str().map(str::to_owned);
            if page["done"] != false || iterator.is_none() {
                return Ok(found);
            }
        }
    }

    /// One question on a connection of its own. `query` is what a refusal may point into.
    pub fn ask(&self, method: &str, path: &str, body: Option<&str>, query: &str) -> anyhow::Result<Value> {
        let answer = self.answer(method, path, body, query, "")?;
        Ok(serde_json::from_str(&answer).unwrap_or_default())
    }

    /// The same with more header lines, each with its end; the answer as it came.
    pub fn answer(
        &self,
        method: &str,
        path: &str,
        body: Option<&str>,
        query: &str,
        headers: &str,
    ) -> anyhow::Result<String> {
        let authority = &self.authority;
        let mut stream = TcpStream::connect_timeout(&self.address, PATIENCE)
            .with_context(|| format!("nothing answers at {authority}; is `ringup serve` running there?"))?;
        stream.set_read_timeout(Some(PATIENCE + Duration::from_secs(WAIT_SECS)))?;
        let key = &self.key;
        let (kind, body) = match body {
            Some(body) => (format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len()), body),
            None => (String::new(), ""),
        };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {authority}\r\nauthorization: Bearer {key}\r\nconnection: close\r\n"
        );
        let environment = self.remote.environment.as_deref().map(|name| format!("ringup-environment: {name}\r\n"));
        write!(stream, "{head}{headers}{}{kind}\r\n{body}", environment.unwrap_or_default())?;
        let mut answer = Vec::new();
        stream
            .take(ANSWER_BYTES_MAX)
            .read_to_end(&mut answer)
            .with_context(|| format!("no answer from {authority}"))?;
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
        let (head, body) = end.and_then(|at| answer.split_at_checked(at + 4)).context("the answer is not HTTP")?;
        let head = String::from_utf8_lossy(head);
        let status: u16 =
            head.split(' ').nth(1).and_then(|status| status.parse().ok()).context("the answer is not HTTP")?;
        let said: Value = serde_json::from_slice(body).unwrap_or_default();
        match status {
            200..300 => Ok(String::from_utf8_lossy(body).into_owned()),
            500.. => bail!("{authority} cannot answer now: {}", words(&said, query)),
            _ => Err(Refused(words(&said, query)).into()),
        }
    }
}

/// What a refusal says, with a caret under the place where it names one.
fn words(answer: &Value, query: &str) -> String {
    let detail = &answer["detail"];
    let Some(items) = detail.as_array() else { return detail.as_str().unwrap_or("it does not say why").to_owned() };
    let item = |item: &Value| {
        let message = item["msg"].as_str().unwrap_or_default();
        let place = item["loc"].as_array().and_then(|loc| loc.last()?.as_str()?.parse::<usize>().ok());
        match place.filter(|_| item["type"] == "search") {
            Some(character) => format!("{message}\n  {query}\n  {}^", " ".repeat(character.saturating_sub(1))),
            None => message.to_owned(),
        }
    };
    items.iter().map(item).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_points_at_its_place() {
        let answer =
            json!({"detail": [{"loc": ["query", "query", "10"], "msg": "at character 10: no", "type": "search"}]});
        assert_eq!(words(&answer, "code:5xx stauts:x"), "at character 10: no\n  code:5xx stauts:x\n           ^");
        assert_eq!(words(&json!({"code": "not_found", "detail": "gone"}), ""), "gone");
        assert_eq!(words(&Value::Null, ""), "it does not say why");
    }

    #[test]
    fn a_line_has_no_holes() {
        let line = json!({"timestamp": "2026-11-25T07:00:00Z", "standing": "failed", "eventType": "closeShift",
            "responseStatusCode": 0, "error": "dns", "responseDurationMs": 3, "attempt": 1, "url": "https://a/b", "msgId": "msg_1"});
        let text = worded(&line);
        assert!(
            text.starts_with("2026-11-25T07:00:00Z  failed") && text.contains("dns") && text.ends_with("msg_1\n"),
            "{text}"
        );
    }
}
