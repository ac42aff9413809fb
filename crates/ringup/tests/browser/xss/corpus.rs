//! What is planted: see `payloads.txt`.

/// Bytes of the shortest field that a text for people fits into.
const GROUP_BYTES_MAX: usize = 480;

/// Each text with its own number in its call, which is its place here.
pub fn payloads() -> Vec<String> {
    let lines = include_str!("payloads.txt").lines().filter(|line| !line.is_empty() && !line.starts_with("## "));
    let numbered = lines.enumerate().map(|(number, line)| line.replace("xss(1)", &format!("xss({number})")));
    numbered.map(|text| text.replace('␊', "\n").replace('␉', "\t")).collect()
}

/// All of them as few texts, each short enough for any field.
pub fn groups(payloads: &[String]) -> Vec<String> {
    let mut groups = vec![String::new()];
    for payload in payloads {
        let mut group = groups.pop().unwrap_or_default();
        if group.len() + payload.len() > GROUP_BYTES_MAX {
            groups.push(group);
            group = String::new();
        }
        groups.push(group + payload + " ");
    }
    groups
}

/// A text with the name of its field before it, by which it is recognised on a page.
pub fn marked(field: &str, text: &str) -> String {
    format!("xq-{field}-qx {text}")
}

/// As a header or an address can carry it.
pub fn on_a_line(text: &str) -> String {
    text.chars().map(|character| if matches!(character, ' '..='~') { character } else { ' ' }).collect()
}

pub fn escaped(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}
