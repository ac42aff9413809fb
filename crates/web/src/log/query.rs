//! What an address asks of the log: a search, and older ways to say the same.

use ringup_core::filter::Problem;
use ringup_core::search::Search;

use crate::fields::Fields;

/// Spans of time that are one click away, as they stand in searches and in the names of their texts.
pub const SPANS: [&str; 4] = ["15m", "1h", "24h", "7d"];

/// What links of other pages say, each with the key of the search that it means.
const FIELDS: [(&str, &str); 6] = [
    ("status", "status"),
    ("event", "event"),
    ("url", "url"),
    ("since", "after"),
    ("after", "after"),
    ("before", "before"),
];

/// The search of an address, as text.
pub fn text(query: &Fields) -> String {
    let mut text = query.one("query").unwrap_or_default().to_owned();
    for (field, key) in FIELDS {
        let Some(value) = query.one(field) else { continue };
        let term = match (field, value) {
            ("status", "failed") => "status:error".to_owned(),
            ("status", class) if class.ends_with("xx") || class == "none" => format!("code:{class}"),
            ("since", span) => format!("{key}:-{span}"),
            (_, value) => format!("{key}:{}", quoted(value)),
        };
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&term);
    }
    text
}

/// A value as it stands in a search.
pub fn quoted(value: &str) -> String {
    let is_plain =
        |character: char| character.is_alphanumeric() || matches!(character, '_' | '-' | '.' | ':' | '/' | '+');
    if !value.contains("..") && value.chars().all(is_plain) {
        value.to_owned()
    } else {
        format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

/// The same search in another span of time; an empty one is all time.
pub fn within(search: &Search, span: &str) -> String {
    let is_time = |term: &str| term.starts_with("after:") || term.starts_with("before:");
    let mut terms: Vec<String> =
        search.terms().into_iter().map(|(term, _)| term).filter(|term| !is_time(term)).collect();
    if let [only] = terms.as_mut_slice()
        && search.is_either()
    {
        *only = format!("({only})");
    }
    if !span.is_empty() {
        terms.push(format!("after:-{span}"));
    }
    terms.join(" ")
}

/// The line with what is wrong, and a caret under the place, both cut to what fits a screen.
pub fn place(text: &str, problem: &Problem) -> [String; 2] {
    const BEFORE: usize = 40;
    let line: Vec<char> =
        text.chars().map(|character| if character.is_whitespace() { ' ' } else { character }).collect();
    let at = problem.character.saturating_sub(1).min(line.len());
    let from = at.saturating_sub(BEFORE);
    let cut = line.iter().skip(from).take(2 * BEFORE).collect();
    [cut, format!("{}^", " ".repeat(at - from))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(address: &str, expected: &str) {
        let found = text(&Fields::parse(address.as_bytes()));
        assert_eq!(found, expected);
        Search::parse(&found).unwrap_or_else(|problem| panic!("{found}: {problem}"));
    }

    #[test]
    fn older_addresses_mean_what_they_meant() {
        check("", "");
        check("query=status%3Afailed+try%3A1", "status:failed try:1");
        check("status=failed&url=erp", "status:error url:erp");
        check("status=4xx&since=1h", "code:4xx after:-1h");
        check("status=none&event=invoiceCreated", "code:none event:invoiceCreated");
        check("status=delivered", "status:delivered");
        check("url=ERP%20sync%22", "url:\"ERP sync\\\"\"");
        check(
            "after=2026-11-25T10:00:00Z&before=2026-11-25T10:02:00Z",
            "after:2026-11-25T10:00:00Z before:2026-11-25T10:02:00Z",
        );
    }

    #[test]
    fn a_span_takes_the_place_of_another() {
        let search = |text: &str| Search::parse(text).expect("it reads");
        assert_eq!(within(&search("status:failed after:-1h before:now"), "7d"), "status:failed after:-7d");
        assert_eq!(within(&search("try:1 or try:2"), "1h"), "(try:1 or try:2) after:-1h");
        assert_eq!(within(&search(""), "15m"), "after:-15m");
        assert_eq!(within(&search("after:-1h"), ""), "");
    }

    #[test]
    fn the_caret_stands_under_the_mistake() {
        let text = "code:5xx stauts:failed";
        let problem = Search::parse(text).expect_err("a slip");
        let [line, caret] = place(text, &problem);
        assert_eq!(line, text);
        assert_eq!(caret.find('^'), Some(9));
    }
}
