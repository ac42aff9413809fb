//! Payloads that a program which reads them and prints them again would change.

/// Bytes of the largest.
pub const LARGE_BYTES: usize = 1024 * 1024;

/// How many of them there are; they come first.
const LARGE: usize = 4;

/// White space of JSON, in runs.
const SPACES: [&str; 6] = ["", " ", "\t", "\n", "\r\n", " \t\r\n "];

/// Values that travel as they are written.
const VALUES: [&str; 16] = [
    "1.10",
    "1e3",
    "-0.0",
    "1E400",
    "12345678901234567890.123456789",
    "9007199254740993",
    r#""\u00e9\/\ud83d\ude00\u0000\ud800""#,
    "\"\u{e9} e\u{301} \u{1F600} \u{2028}\u{2029} \u{feff}\"",
    "\"\u{7d0}\u{5d0}\u{202e}\u{627} \u{65e5}\u{672c}\u{8a9e} \u{20ac}\u{a0}\u{7f}\"",
    "[ ]",
    "{\"b\" : 1 ,\"a\":2}",
    r#"{"a":1,"a":2}"#,
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
    "[true,false,null]",
    r#""""#,
    r#""{\"escaped\":\"\\\\\"}""#,
];

/// A JSON object; the same for the same number.
pub fn numbered(number: usize) -> String {
    if number < LARGE {
        return large(number);
    }
    if number.is_multiple_of(20) {
        return ["{}", "{ }", "{\n}", "{\r\n\t}"][number / 20 % 4].to_owned();
    }
    let space = |at: usize| SPACES[(number / 3 + at * 5) % SPACES.len()];
    let value = VALUES[number % VALUES.len()];
    let name = ["v", "\u{f1}ame", "\\u006eame", "", "a b", "\u{1F4B6}"][number % 6];
    let filling = "x\u{e9}".repeat(number * 7 % 700);
    let (a, b, c, d) = (space(0), space(1), space(2), space(3));
    format!("{{{a}\"n\"{b}:{c}{number},{d}\"{name}\"{a}:{b}{value}{c},\"fill\":\"{filling}\"{d}}}")
}

/// Exactly [`LARGE_BYTES`] long: ASCII, letters of two and of four bytes, and little but white space.
fn large(number: usize) -> String {
    let filling = ["x", "\u{e9}", "\u{1F600}", " "][number % 4];
    let (open, close) = if number % 4 == 3 { ("{\"large\":", "1}") } else { ("{\"large\":\"", "\"}") };
    let room = LARGE_BYTES - open.len() - close.len();
    let rest = if number % 4 == 3 { " " } else { "-" }.repeat(room % filling.len());
    format!("{open}{}{rest}{close}", filling.repeat(room / filling.len()))
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;

    #[test]
    fn they_are_json_objects_of_every_kind() {
        let all: Vec<String> = (0..200).map(numbered).collect();
        for text in &all {
            assert!(serde_json::from_str::<&RawValue>(text).is_ok() && text.starts_with('{'), "{text:.100}");
        }
        assert_eq!(all.iter().filter(|text| text.len() == LARGE_BYTES).count(), LARGE);
        assert!(all.iter().any(|text| text == "{}"));
        assert!(all.iter().filter(|text| !text.is_ascii()).count() > 50);
        assert!(all.iter().filter(|text| text.contains("\r\n")).count() > 20);
    }
}
