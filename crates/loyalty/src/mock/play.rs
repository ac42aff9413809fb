//! From what the app has to say to the bytes of its answer, with the faults of transport and of form.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use http::{HeaderValue, Response, StatusCode};

use super::app::{Said, Value};
use super::body::Body;
use crate::fault::Fault;

const GIGABYTE: u64 = 1 << 30;
const PART_BYTES: usize = 64 * 1024;

/// Spaces before a dripped answer: JSON may begin with them, and nobody waits that long.
const DRIPPED_BYTES: usize = 600;

pub struct Played {
    pub response: Response<Body>,
    /// The body, or what stands for it.
    pub shown: String,
}

/// Why there is no answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unsaid {
    Silent,
    Reset,
}

impl Unsaid {
    pub fn shown(self) -> &'static str {
        match self {
            Unsaid::Silent => "(silent)",
            Unsaid::Reset => "(reset)",
        }
    }
}

/// Of several faults of one kind the first in the order of [`Fault`] is played.
pub fn response(said: &Said, faults: &BTreeSet<Fault>) -> Result<Played, Unsaid> {
    for fault in faults {
        let whole = |text: &str| Body::Whole(Some(Bytes::copy_from_slice(text.as_bytes())));
        let good = said.text(faults);
        let (status, kind, body, shown) = match fault {
            Fault::Silent => return Err(Unsaid::Silent),
            Fault::Reset => return Err(Unsaid::Reset),
            Fault::Drip => {
                let bytes = format!("{}{good}", " ".repeat(DRIPPED_BYTES));
                (said.status, JSON, Body::Drip { bytes: bytes.into(), pause: None }, "(drips)")
            }
            Fault::EarlyClose => {
                let half = Bytes::copy_from_slice(good.as_bytes().get(..good.len() / 2).unwrap_or_default());
                (said.status, JSON, Body::broken(half), "(breaks off)")
            }
            Fault::Unavailable => {
                let body = "{\"Message\":\"not now\"}";
                (503, JSON, whole(body), body)
            }
            Fault::Redirect => (302, JSON, whole(""), "(redirects)"),
            Fault::Html => {
                let body = "<!doctype html><title>Log in</title><h1>Please log in</h1>";
                (200, "text/html; charset=utf-8", whole(body), body)
            }
            Fault::Empty => (200, JSON, whole(""), "(nothing)"),
            Fault::Gigabyte => {
                let part = Bytes::from(vec![b' '; PART_BYTES]);
                (200, JSON, Body::Flood { part, left: GIGABYTE }, "(a gigabyte)")
            }
            Fault::WrongCharset => (said.status, "application/json; charset=ISO-8859-1", whole(&good), good.as_str()),
            Fault::NotJson => (200, JSON, whole("Point=1240"), "Point=1240"),
            Fault::NotObject => {
                let list = format!("[{good}]");
                return Ok(played(200, JSON, whole(&list), &list));
            }
            Fault::ErrorInside => {
                let body = "{\"error\":\"something went wrong\"}";
                (200, JSON, whole(body), body)
            }
            _ => continue,
        };
        let mut played = played(status, kind, body, shown);
        if *fault == Fault::EarlyClose {
            played.response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(good.len()));
        }
        if *fault == Fault::Redirect {
            played.response.headers_mut().insert(LOCATION, HeaderValue::from_static("/elsewhere"));
        }
        return Ok(played);
    }
    let text = said.text(faults);
    Ok(played(said.status, JSON, Body::Whole(Some(Bytes::from(text.clone()))), &text))
}

const JSON: &str = "application/json";

fn played(status: u16, kind: &'static str, body: Body, shown: &str) -> Played {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    Played { response, shown: shown.to_owned() }
}

impl Said {
    /// The JSON object, with the faults of its numbers.
    pub fn text(&self, faults: &BTreeSet<Fault>) -> String {
        let mut members = Vec::new();
        for (name, value) in &self.members {
            let Value::Number(number) = value else {
                members.push(format!("\"{name}\":{}", value.raw()));
                continue;
            };
            let number = number.clone();
            let played = faults.iter().find_map(|fault| {
                Some(match fault {
                    Fault::Nan => "NaN".to_owned(),
                    Fault::NumberAsText => format!("\"{number}\""),
                    Fault::Negative => "-5".to_owned(),
                    Fault::OutOfRange => "1e400".to_owned(),
                    _ => return None,
                })
            });
            if !faults.contains(&Fault::MissingNumber) {
                members.push(format!("\"{name}\":{}", played.as_ref().unwrap_or(&number)));
            }
            if faults.contains(&Fault::DuplicatedKeys) {
                members.push(format!("\"{}\":{number}", other_case(name)));
            }
        }
        format!("{{{}}}", members.join(","))
    }
}

fn other_case(name: &str) -> String {
    if name.chars().any(char::is_uppercase) { name.to_lowercase() } else { name.to_uppercase() }
}
