//! What a letter says: the operational event in words for whoever opens it at night.

use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::Value;

pub struct Letter {
    pub subject: String,
    pub text: String,
}

#[derive(Deserialize)]
struct Told {
    data: Data,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    app_id: String,
    app_uid: Option<String>,
    endpoint_id: String,
    endpoint_uid: Option<String>,
    url: Option<String>,
    failing_since: Option<String>,
    response_status_code: Option<u16>,
    trigger: Option<String>,
}

/// `body` is the payload of an operational event; one that is not is shown as it stands.
pub fn of(event_type: &str, body: &[u8], console: &str) -> Letter {
    match serde_json::from_slice::<Told>(body) {
        Ok(told) => told.data.letter(event_type, console).with(body),
        Err(_) => Letter { subject: format!("Ringup: {event_type}"), text: String::from_utf8_lossy(body).into_owned() },
    }
}

impl Data {
    fn letter(&self, event_type: &str, console: &str) -> Letter {
        let account = self.app_uid.as_deref().unwrap_or(&self.app_id);
        let endpoint = self.endpoint_uid.as_deref().unwrap_or(&self.endpoint_id);
        let name = self.url.as_deref().unwrap_or(endpoint);
        let since = self.failing_since.as_deref().map_or_else(|| "a while ago".to_owned(), minute);
        let page = format!("{console}/a/{}/urls/{}", self.app_id, self.endpoint_id);
        let (subject, said) = match event_type {
            "endpoint.failing" => {
                let last = match self.response_status_code {
                    Some(status) if status > 0 => format!("The newest answer was {status}."),
                    _ => "There was no answer.".to_owned(),
                };
                let kept = "Events for it are kept and repeated as its retry policy says. What failed for good stays \
                            listed there and can be resent once the server is well again. You get one letter for each \
                            trouble, and one when it is over.";
                (
                    format!("A URL is failing: {name}"),
                    format!("{name} has taken nothing since {since}. {last}\n\n{kept}"),
                )
            }
            "endpoint.recovered" => (
                format!("A URL is well again: {name}"),
                format!("{name} takes events again. It had failed since {since}."),
            ),
            "endpoint.disabled" => {
                let by = match self.trigger.as_deref() {
                    Some("automatic") => "It failed for as long as its settings allow, or said that it is gone.",
                    _ => "Somebody paused it.",
                };
                let kept =
                    "No events are sent to it until it is switched on again; what it misses can be recovered then.";
                (format!("A URL is paused: {name} of {account}"), format!("{name} is paused. {by}\n\n{kept}"))
            }
            other => (format!("Ringup: {other}"), format!("{other} at {name}.")),
        };
        Letter { subject, text: format!("{said}\n\nAccount:  {account}\nEndpoint: {endpoint}\nConsole:  {page}\n") }
    }
}

/// A time of the API, as precisely as a person wants it.
fn minute(time: &str) -> String {
    match (time.get(..10), time.get(11..16)) {
        (Some(day), Some(time)) => format!("{day} {time} UTC"),
        _ => time.to_owned(),
    }
}

impl Letter {
    /// With the event itself, for programs that read mail.
    fn with(mut self, body: &[u8]) -> Letter {
        if let Ok(event) = serde_json::from_slice::<Value>(body) {
            let _ = write!(self.text, "\n-- \n{event:#}\n");
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_says_what_is_wrong_and_where_to_look() {
        let body = br#"{"type":"endpoint.failing","data":{"appId":"app_1","appUid":"kopi-kita","endpointId":"ep_1",
            "url":"https://erp.example/in","failingSince":"2026-11-25T14:02:00Z","responseStatusCode":503}}"#;
        let letter = of("endpoint.failing", body, "https://ringup.example");
        assert_eq!(letter.subject, "A URL is failing: https://erp.example/in");
        for words in [
            "has taken nothing since 2026-11-25 14:02 UTC. The newest answer was 503.",
            "Account:  kopi-kita",
            "https://ringup.example/a/app_1/urls/ep_1",
            "\"type\": \"endpoint.failing\"",
        ] {
            assert!(letter.text.contains(words), "{words:?} is not in\n{}", letter.text);
        }
    }

    #[test]
    fn who_paused_it_is_told() {
        let body = |trigger: &str| {
            format!(
                r#"{{"type":"endpoint.disabled","data":{{"appId":"app_1","endpointId":"ep_1","trigger":"{trigger}"}}}}"#
            )
        };
        let by_us = of("endpoint.disabled", body("automatic").as_bytes(), "http://x");
        assert!(by_us.text.contains("as long as its settings allow"), "{}", by_us.text);
        let by_hand = of("endpoint.disabled", body("manual").as_bytes(), "http://x");
        assert!(by_hand.text.contains("Somebody paused it"), "{}", by_hand.text);
    }

    #[test]
    fn what_is_no_operational_event_is_shown_as_it_stands() {
        let letter = of("stock.low", b"<b>not JSON</b>", "http://x");
        assert_eq!((letter.subject.as_str(), letter.text.as_str()), ("Ringup: stock.low", "<b>not JSON</b>"));
    }
}
