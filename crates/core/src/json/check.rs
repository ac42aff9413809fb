//! Whether bytes are JSON at all: for what receivers say, which nobody has read before.

use crate::limits::JSON_DEPTH_MAX;

/// Whether the text is one JSON value and nothing else, nested no deeper than `limits::JSON_DEPTH_MAX`.
///
/// Never recurses; the time is the text's length. Source: RFC 8259.
pub fn is_json(text: &str) -> bool {
    let mut reader = Reader { bytes: text.as_bytes(), at: 0 };
    // One bit of shape for each open container: whether it is an object.
    let mut open: Vec<bool> = Vec::new();
    loop {
        // A value begins here.
        reader.space();
        match reader.next() {
            Some(b'{') if open.len() < JSON_DEPTH_MAX => {
                reader.space();
                if !reader.takes(b'}') {
                    if !reader.name() {
                        return false;
                    }
                    open.push(true);
                    continue;
                }
            }
            Some(b'[') if open.len() < JSON_DEPTH_MAX => {
                reader.space();
                if !reader.takes(b']') {
                    open.push(false);
                    continue;
                }
            }
            Some(b'"') if reader.string() => {}
            Some(b't') if reader.word(b"rue") => {}
            Some(b'f') if reader.word(b"alse") => {}
            Some(b'n') if reader.word(b"ull") => {}
            Some(first @ (b'-' | b'0'..=b'9')) if reader.number(first) => {}
            _ => return false,
        }
        // A value ended here: close what ends with it.
        loop {
            reader.space();
            let Some(is_object) = open.last().copied() else { return reader.at == reader.bytes.len() };
            match (reader.next(), is_object) {
                (Some(b','), true) => {
                    reader.space();
                    if !reader.name() {
                        return false;
                    }
                    break;
                }
                (Some(b','), false) => break,
                (Some(b'}'), true) | (Some(b']'), false) => drop(open.pop()),
                _ => return false,
            }
        }
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<u8> {
        let byte = self.bytes.get(self.at).copied();
        self.at += usize::from(byte.is_some());
        byte
    }

    fn takes(&mut self, byte: u8) -> bool {
        let is_there = self.bytes.get(self.at) == Some(&byte);
        self.at += usize::from(is_there);
        is_there
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.bytes.get(self.at) {
            self.at += 1;
        }
    }

    fn word(&mut self, rest: &[u8]) -> bool {
        rest.iter().all(|byte| self.takes(*byte))
    }

    /// A name and its colon.
    fn name(&mut self) -> bool {
        if !(self.takes(b'"') && self.string()) {
            return false;
        }
        self.space();
        self.takes(b':')
    }

    /// Behind the opening quote. Lone surrogates are grammar, too.
    fn string(&mut self) -> bool {
        while let Some(byte) = self.next() {
            match byte {
                b'"' => return true,
                b'\\' => match self.next() {
                    Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {}
                    Some(b'u') => {
                        if !(0..4).all(|_| self.next().is_some_and(|digit| digit.is_ascii_hexdigit())) {
                            return false;
                        }
                    }
                    _ => return false,
                },
                0..0x20 => return false,
                _ => {}
            }
        }
        false
    }

    fn number(&mut self, first: u8) -> bool {
        let first = if first == b'-' { self.next() } else { Some(first) };
        match first {
            Some(b'0') => {}
            Some(b'1'..=b'9') => drop(self.digits()),
            _ => return false,
        }
        if self.takes(b'.') && !self.digits() {
            return false;
        }
        if self.takes(b'e') || self.takes(b'E') {
            let _ = self.takes(b'+') || self.takes(b'-');
            return self.digits();
        }
        true
    }

    /// Whether there was at least one.
    fn digits(&mut self) -> bool {
        let from = self.at;
        while let Some(b'0'..=b'9') = self.bytes.get(self.at) {
            self.at += 1;
        }
        self.at > from
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::members;

    #[test]
    fn json_and_nothing_else_is_json() {
        for text in [
            "{}",
            "[]",
            " {\"a\": [1, -0.5e+3, true, null, {\"b\": \"\\u00e9\\n\"}], \"c\": false} \n",
            "0",
            "\"x\"",
            "[[[]], {}]",
            "1e5",
        ] {
            assert!(is_json(text), "{text}");
        }
        for text in [
            "",
            " ",
            "{",
            "{}}",
            "[1,]",
            "{\"a\":1,}",
            "{a:1}",
            "{\"a\" 1}",
            "NaN",
            "{\"a\":NaN}",
            "01",
            "1.",
            ".5",
            "+1",
            "1e",
            "'x'",
            "\"\n\"",
            "\"\\x\"",
            "\"\\u12g4\"",
            "{\"a\":1}{}",
            "tru",
            "[1 2]",
            "{,}",
            "<html>",
            "-",
            "[}",
        ] {
            assert!(!is_json(text), "{text}");
        }
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(is_json(&deep(JSON_DEPTH_MAX)));
        assert!(!is_json(&deep(JSON_DEPTH_MAX + 1)));
    }

    #[test]
    fn members_are_seen_as_often_as_they_stand() {
        let document = br#" {"Point": 1, "p\u006fint": {"x": [1, 2]}, "": "a,b"} "#;
        let found: Vec<(String, &[u8])> =
            members(document).into_iter().map(|member| (member.name, &document[member.value])).collect();
        let expected: [(String, &[u8]); 3] =
            [("Point".into(), b"1"), ("point".into(), br#"{"x": [1, 2]}"#), (String::new(), br#""a,b""#)];
        assert_eq!(found, expected);
        assert_eq!(members(b"[1]"), []);
    }
}
