//! What a catcher caught, as files that other tools read.

use jiff::Timestamp as Moment;
use ringup_core::catcher::Capture;
use ringup_core::time::Timestamp;
use serde_json::{Value, json};

use super::line::CaughtRequest;
use super::read::Listed;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CaughtFormat {
    /// HTTP Archive 1.2, as browsers and proxies read it.
    Har,
    /// One request a line, with the members that the API gives it.
    Jsonl,
    /// A script that sends them all again.
    Curl,
    /// As editors send it.
    Http,
}

impl CaughtFormat {
    pub const ALL: [CaughtFormat; 4] = [CaughtFormat::Har, CaughtFormat::Jsonl, CaughtFormat::Curl, CaughtFormat::Http];

    pub fn word(self) -> &'static str {
        match self {
            CaughtFormat::Har => "har",
            CaughtFormat::Jsonl => "jsonl",
            CaughtFormat::Curl => "curl",
            CaughtFormat::Http => "http",
        }
    }

    pub fn from_word(word: &str) -> Option<CaughtFormat> {
        CaughtFormat::ALL.into_iter().find(|format| format.word() == word)
    }
}

/// Requests in this format, oldest first. `url` is where they came.
pub fn caught_as(format: CaughtFormat, url: &str, rows: &[Listed]) -> Vec<u8> {
    match format {
        CaughtFormat::Har => har(url, rows).to_string().into_bytes(),
        CaughtFormat::Jsonl => {
            let line = |row: &Listed| serde_json::to_string(&CaughtRequest::of(row)).unwrap_or_default() + "\n";
            rows.iter().map(line).collect::<String>().into_bytes()
        }
        CaughtFormat::Curl => {
            let commands: String = rows.iter().map(|row| curl(url, &row.capture)).collect();
            format!("#!/bin/sh\n{commands}").into_bytes()
        }
        CaughtFormat::Http => rows.iter().flat_map(|row| http(url, &row.capture)).collect(),
    }
}

/// In UTC with six digits of a second, as RFC 3339 has it.
pub(super) fn moment(time: Timestamp) -> String {
    let moment = Moment::from_microsecond(time.as_micros()).unwrap_or(Moment::MAX);
    format!("{moment:.6}")
}

/// Headers that whoever sends again must make anew.
const HOP: [&[u8]; 4] = [b"host", b"content-length", b"connection", b"transfer-encoding"];

fn headers(capture: &Capture) -> impl Iterator<Item = (String, String)> + '_ {
    let kept = capture.headers().filter(|(name, _)| !HOP.iter().any(|hop| name.eq_ignore_ascii_case(hop)));
    // A header cannot hold a control character when it is sent again.
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).chars().filter(|c| !c.is_control()).collect::<String>();
    kept.map(move |(name, value)| (text(name), text(value)))
}

/// Where a request came: the origin of the catcher's URL, and the request's own path.
fn full_url(url: &str, capture: &Capture) -> String {
    let origin = url.find("/c/").and_then(|at| url.get(..at)).unwrap_or(url);
    let target: String = capture.target.chars().filter(|c| !c.is_control() && !c.is_whitespace()).collect();
    format!("{origin}{target}")
}

/// One command that sends the same bytes. Everything is quoted for a shell, and what is no text goes through `printf`.
fn curl(url: &str, capture: &Capture) -> String {
    let mut command = format!("curl -X {}", quoted(&capture.method));
    for (name, value) in headers(capture) {
        command.push_str(&format!(" \\\n  -H {}", quoted(&format!("{name}: {value}"))));
    }
    let target = quoted(&full_url(url, capture));
    if capture.body.is_empty() {
        return format!("{command} \\\n  {target}\n");
    }
    match std::str::from_utf8(&capture.body).ok().filter(|text| !text.contains('\0')) {
        Some(text) => format!("{command} \\\n  --data-binary {} \\\n  {target}\n", quoted_data(text)),
        None => {
            let octal: String = capture.body.iter().map(|byte| format!("\\{byte:03o}")).collect();
            format!("printf '{octal}' | {command} \\\n  --data-binary @- \\\n  {target}\n")
        }
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// curl takes a leading `@` for the name of a file, so such data is given by `printf`.
fn quoted_data(text: &str) -> String {
    if text.starts_with('@') { format!("\"$(printf '%s' {})\"", quoted(text)) } else { quoted(text) }
}

fn http(url: &str, capture: &Capture) -> Vec<u8> {
    let method: String = capture.method.chars().filter(|c| !c.is_whitespace()).collect();
    let mut text = format!("### #{} {}\n{method} {}\n", capture.number, moment(capture.at), full_url(url, capture));
    for (name, value) in headers(capture) {
        text.push_str(&format!("{name}: {value}\n"));
    }
    let mut bytes = text.into_bytes();
    bytes.push(b'\n');
    bytes.extend_from_slice(&capture.body);
    bytes.extend_from_slice(b"\n\n");
    bytes
}

fn har(url: &str, rows: &[Listed]) -> Value {
    let entries: Vec<Value> = rows.iter().map(|row| entry(url, &row.capture)).collect();
    json!({"log": {"version": "1.2", "creator": {"name": "ringup", "version": env!("CARGO_PKG_VERSION")}, "entries": entries}})
}

fn entry(url: &str, capture: &Capture) -> Value {
    let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let headers: Vec<Value> =
        capture.headers().map(|(name, value)| json!({"name": lossy(name), "value": lossy(value)})).collect();
    let kind = capture.headers().find(|(name, _)| name.eq_ignore_ascii_case(b"content-type"));
    let kind = kind.map_or_else(|| "application/octet-stream".to_owned(), |(_, value)| lossy(value));
    let waited_ms = capture.stamp.map_or(0.0, |stamp| millis(stamp.waited_us));
    let status: u16 = capture.answer.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0);
    let query = capture.target.split_once('?').map_or("", |(_, query)| query);
    let query: Vec<Value> = url::form_urlencoded::parse(query.as_bytes())
        .map(|(name, value)| json!({"name": name, "value": value}))
        .collect();
    json!({
        "startedDateTime": moment(capture.at),
        "time": waited_ms,
        "request": {
            "method": capture.method,
            "url": full_url(url, capture),
            "httpVersion": capture.version,
            "cookies": [],
            "headers": headers,
            "queryString": query,
            "postData": {"mimeType": kind, "text": lossy(&capture.body)},
            "headersSize": capture.head.len(),
            "bodySize": capture.body_bytes,
        },
        "response": {
            "status": status, "statusText": capture.answer, "httpVersion": capture.version, "cookies": [], "headers": [],
            "content": {"size": 0, "mimeType": "text/plain"}, "redirectURL": "", "headersSize": -1, "bodySize": -1,
        },
        "cache": {},
        "timings": {"send": 0, "wait": waited_ms, "receive": 0},
        "comment": format!("#{}; signature {}", capture.number, capture.signature),
    })
}

/// Microseconds as milliseconds; beyond some weeks it does not matter.
fn millis(us: u64) -> f64 {
    f64::from(u32::try_from(us).unwrap_or(u32::MAX)) / 1_000.0
}
