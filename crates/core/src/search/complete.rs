//! What may come next while somebody writes: a key, then its values.

use super::Status;
use super::read::{ERROR, KEYS, OUTCOMES};

/// Completions offered at once.
const COMPLETIONS_MAX: usize = 12;

/// What the reader knows of this account.
#[derive(Clone, Debug, Default)]
pub struct Known {
    pub event_types: Vec<String>,
    /// Names of URLs.
    pub urls: Vec<String>,
    pub channels: Vec<String>,
    /// Paths into payloads that came lately, such as `Customer.Name`.
    pub paths: Vec<String>,
}

/// A text that goes on from what is written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Completion {
    /// All of it.
    pub text: String,
    /// What is new in it.
    pub added: String,
}

/// What may stand where the text ends.
pub fn complete(text: &str, known: &Known) -> Vec<Completion> {
    let (head, last) = text.split_at(last_term(text));
    let (sign, last) = last.strip_prefix('-').map_or(("", last), |rest| ("-", rest));
    let candidates: Vec<String> = match last.split_once(':') {
        None => keys(last, known),
        Some((key, values)) => {
            let begun_at = values.rfind([',', '.', '>', '<', '=']).map_or(0, |at| at + 1);
            let (before, begun) = values.split_at_checked(begun_at).unwrap_or(("", values));
            let begun = begun.trim_start_matches('"').to_lowercase();
            let fits = |value: &String| value.to_lowercase().starts_with(&begun) && value.to_lowercase() != begun;
            let written = |value: String| format!("{key}:{before}{}", quoted(&value));
            values_of(key, known).into_iter().filter(fits).map(written).collect()
        }
    };
    let completion = |added: String| Completion { text: format!("{head}{sign}{added}"), added };
    candidates.into_iter().take(COMPLETIONS_MAX).map(completion).collect()
}

/// Where the last term begins: behind the last space that no quote holds.
fn last_term(text: &str) -> usize {
    let (mut begins, mut in_quotes, mut escaped) = (0, false, false);
    for (at, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' if in_quotes => escaped = true,
            '"' => in_quotes = !in_quotes,
            '(' if !in_quotes => begins = at + 1,
            _ if character.is_whitespace() && !in_quotes => begins = at + character.len_utf8(),
            _ => {}
        }
    }
    begins
}

fn keys(begun: &str, known: &Known) -> Vec<String> {
    if let Some(path) = begun.strip_prefix("data.") {
        let fits = |found: &&String| found.starts_with(path);
        return known.paths.iter().filter(fits).map(|found| format!("data.{found}:")).collect();
    }
    let fits = |key: &&str| key.starts_with(begun) && *key != "endpoint";
    let written = |key: &str| if key == "data" { "data.".to_owned() } else { format!("{key}:") };
    KEYS.iter().copied().filter(|key| fits(key)).map(written).collect()
}

fn values_of(key: &str, known: &Known) -> Vec<String> {
    let owned = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
    match key {
        "status" => {
            Status::ALL.iter().map(|status| status.word()).chain([ERROR]).chain(OUTCOMES).map(str::to_owned).collect()
        }
        "code" => owned(&["2xx", "3xx", "4xx", "5xx", "none", "404", "408", "429", "500", "503"]),
        "event" => known.event_types.clone(),
        "url" | "endpoint" => known.urls.clone(),
        "channel" => known.channels.clone(),
        "try" => owned(&["1", ">1"]),
        "took" => owned(&[">1s", ">2s", ">10s"]),
        "after" => owned(&["-15m", "-1h", "-24h", "-7d"]),
        "before" => owned(&["-15m", "-1h", "-24h"]),
        "test" => owned(&["true", "false"]),
        _ => Vec::new(),
    }
}

fn quoted(value: &str) -> String {
    let is_plain = !value
        .contains(|character: char| character.is_whitespace() || matches!(character, ',' | '(' | ')' | '"' | '*'));
    if is_plain { value.to_owned() } else { format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"")) }
}
