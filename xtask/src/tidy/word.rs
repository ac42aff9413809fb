//! One word per thing: words that our nouns replace.

use super::Finding;
use crate::workspace::File;

const RULE: &str = "word";

/// A word, or words in a row as an identifier joins them, and what we say.
const BANNED: [(&[&str], &str); 12] = [
    (&["tenant"], "account"),
    (&["tenants"], "accounts"),
    (&["tenancy"], "accounts"),
    (&["job"], "delivery, attempt or task"),
    (&["jobs"], "deliveries, attempts or tasks"),
    (&["destination"], "endpoint or receiver"),
    (&["destinations"], "endpoints or receivers"),
    (&["msg", "id"], "event id"),
    (&["message", "id"], "event id"),
    (&["message", "ids"], "event ids"),
    (&["message", "type"], "event type"),
    (&["message", "in"], "event"),
];

/// Places that speak the wire's dialect, or speak about it.
const DIALECT: [&str; 7] = [
    "crates/api/",
    "crates/testkit/",
    "xtask/",
    "docs/api.md",
    "docs/api-compatibility.md",
    "docs/sdk.md",
    "README.md",
];

/// Banned words in code, comments and prose.
pub fn findings(file: &File) -> Vec<Finding> {
    if DIALECT.iter().any(|place| file.path.starts_with(place)) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        for token in line.split(|c: char| !c.is_alphanumeric() && c != '_') {
            let words = words(token);
            for (banned, instead) in BANNED {
                if words.windows(banned.len()).any(|window| window == banned) {
                    let what = format!("`{token}`: say {instead}");
                    findings.push(Finding { path: file.path.clone(), line: index + 1, rule: RULE, what });
                }
            }
        }
    }
    findings
}

/// The words of an identifier in lower case: `MessageId` and `message_id` are both "message", "id".
fn words(token: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before = '_';
    for c in token.chars() {
        if c == '_' {
            before = c;
            continue;
        }
        let starts = before == '_' || (c.is_uppercase() && !before.is_uppercase());
        match words.last_mut() {
            Some(word) if !starts => word.extend(c.to_lowercase()),
            _ => words.push(c.to_lowercase().collect()),
        }
        before = c;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, text: &str, expected: &[&str]) {
        let file = File { path: path.to_owned(), text: text.to_owned() };
        let found: Vec<String> = findings(&file).into_iter().map(|finding| finding.what).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn words_are_found_in_identifiers_of_both_kinds() {
        check("a.rs", "struct TenantId;", &["`TenantId`: say account"]);
        check("a.rs", "let next_job = 1;", &["`next_job`: say delivery, attempt or task"]);
        check("a.rs", "fn message_id() -> MessageId", &["`message_id`: say event id", "`MessageId`: say event id"]);
        check("a.rs", "// many jobs", &["`jobs`: say deliveries, attempts or tasks"]);
    }

    #[test]
    fn longer_words_and_the_dialect_are_left_alone() {
        check("a.rs", "jobber lieutenant error_message(text)", &[]);
        check("crates/api/src/wire/event.rs", "struct MessageIn { msg_id: String }", &[]);
    }
}
