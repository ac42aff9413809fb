//! JSON as it was received, with colours: numbers, order and escapes stay what they are. Only space between tokens is
//! added, and only where the text came on one line.

use askama::filters::HtmlSafeOutput;

use crate::markup::Markup;

/// Bytes that are shown; the rest can be downloaded.
pub const SHOWN_BYTES_MAX: usize = 64 * 1024;

/// Deeper levels are not indented further.
const INDENT_MAX: usize = 40;

/// Whether the bytes look like an object or an array.
pub fn looks_like_json(bytes: &[u8]) -> bool {
    matches!(bytes.iter().find(|byte| !byte.is_ascii_whitespace()), Some(b'{' | b'['))
}

/// Any bytes as a page shows them: JSON in colours, other text plain, bytes that are no text as a dump.
pub fn view(bytes: &[u8]) -> Markup {
    let shown = bytes.get(..SHOWN_BYTES_MAX).unwrap_or(bytes);
    let mut html = String::with_capacity(shown.len() * 2);
    match shown_text(shown) {
        Some(text) if looks_like_json(shown) => json(text, &Painter { coloured: true }, &mut html),
        Some(text) => escape(text, &mut html),
        None => escape(&dump(shown), &mut html),
    }
    HtmlSafeOutput(html)
}

/// A document on one line with space added between its tokens; any other text as it is.
pub fn spread(text: &str) -> String {
    let mut spread = String::with_capacity(text.len() * 2);
    json(text, &Painter { coloured: false }, &mut spread);
    spread
}

/// Writes tokens: as HTML in colours, or as they stand.
struct Painter {
    coloured: bool,
}

impl Painter {
    fn token(&self, class: &str, token: &str, out: &mut String) {
        if !self.coloured {
            out.push_str(token);
        } else if class.is_empty() {
            escape(token, out);
        } else {
            out.push_str("<span class=\"");
            out.push_str(class);
            out.push_str("\">");
            escape(token, out);
            out.push_str("</span>");
        }
    }
}

/// As text; a character that was cut in two at the end is left out.
fn shown_text(bytes: &[u8]) -> Option<&str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) if error.error_len().is_none() => std::str::from_utf8(bytes.get(..error.valid_up_to())?).ok(),
        Err(_) => None,
    }
}

/// Writes a text's tokens. Total: on text that is not JSON it colours what it can.
fn json(text: &str, painter: &Painter, html: &mut String) {
    let spread = !text.trim().contains('\n');
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    let mut before = b' ';
    while let Some(byte) = bytes.get(at).copied() {
        let end = token_end(bytes, at);
        let token = text.get(at..end).unwrap_or_default();
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' if spread => {
                at = end;
                continue;
            }
            b'{' | b'[' => {
                html.push_str(token);
                depth += 1;
                let closes = bytes.get(after_space(bytes, end)).is_some_and(|next| matches!(next, b'}' | b']'));
                if spread && !closes {
                    line(depth, html);
                }
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if spread && !matches!(before, b'{' | b'[') {
                    line(depth, html);
                }
                html.push_str(token);
            }
            b',' => {
                html.push(',');
                if spread {
                    line(depth, html);
                }
            }
            b':' => html.push_str(if spread { ": " } else { ":" }),
            b'"' => {
                let is_key = bytes.get(after_space(bytes, end)) == Some(&b':');
                painter.token(if is_key { "t-k" } else { "t-s" }, token, html);
            }
            b'-' | b'0'..=b'9' => painter.token("t-n", token, html),
            b't' | b'f' | b'n' => painter.token("t-w", token, html),
            _ => painter.token("", token, html),
        }
        before = byte;
        at = end;
    }
}

/// Behind the token that begins at `at`; always further, and always between two characters.
fn token_end(bytes: &[u8], at: usize) -> usize {
    match bytes.get(at) {
        Some(b'"') => {
            let mut end = at + 1;
            while let Some(byte) = bytes.get(end) {
                match byte {
                    b'"' => return end + 1,
                    b'\\' if bytes.get(end + 1).is_some_and(u8::is_ascii) => end += 2,
                    _ => end += 1,
                }
            }
            bytes.len()
        }
        Some(b'{' | b'}' | b'[' | b']' | b',' | b':') => at + 1,
        Some(b' ' | b'\t' | b'\n' | b'\r') => after_space(bytes, at),
        _ => {
            let ends = |byte: &u8| {
                matches!(byte, b'"' | b'{' | b'}' | b'[' | b']' | b',' | b':' | b' ' | b'\t' | b'\n' | b'\r')
            };
            bytes.iter().skip(at + 1).position(ends).map_or(bytes.len(), |length| at + 1 + length)
        }
    }
}

fn after_space(bytes: &[u8], at: usize) -> usize {
    at + bytes.iter().skip(at).take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count()
}

fn line(depth: usize, html: &mut String) {
    html.push('\n');
    for _ in 0..depth.min(INDENT_MAX) {
        html.push_str("  ");
    }
}

pub fn escape(text: &str, html: &mut String) {
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            // Others would be taken for line ends, or reorder what is read.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => html.push('\u{fffd}'),
            character => html.push(character),
        }
    }
}

/// Sixteen bytes a line, in hexadecimal and as far as they are ASCII.
fn dump(bytes: &[u8]) -> String {
    let lines = bytes.chunks(16).take(256).enumerate().map(|(at, row)| {
        let hex: String = row.iter().map(|byte| format!("{byte:02x} ")).collect();
        let seen = row.iter().map(|byte| if byte.is_ascii_graphic() { char::from(*byte) } else { '.' });
        format!("{:06x}  {hex:<48} {}\n", at * 16, seen.collect::<String>())
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a reader sees, without colours.
    fn seen(bytes: &[u8]) -> String {
        let html = view(bytes).0;
        let mut text = String::new();
        let mut inside = false;
        for character in html.chars() {
            match character {
                '<' => inside = true,
                '>' => inside = false,
                _ if !inside => text.push(character),
                _ => {}
            }
        }
        text.replace("&quot;", "\"")
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&#39;", "'")
            .replace("&amp;", "&")
    }

    #[test]
    fn text_on_several_lines_is_shown_as_it_stands() {
        let source = "{\n\t\"b\": 1.00,  \"a\": [1e5, -0, \"\\u00e9\"],\n \"x\": null}\n";
        assert_eq!(seen(source.as_bytes()), source);
    }

    #[test]
    fn one_line_is_spread_and_nothing_else_changes() {
        let source = r#"{"n":12345678901234567890.10,"e":{},"a":[1,{"b":"c, d"}],"t":true}"#;
        let text = seen(source.as_bytes());
        let expected = "{\n  \"n\": 12345678901234567890.10,\n  \"e\": {},\n  \"a\": [\n    1,\n    {\n      \"b\": \"c, d\"\n    }\n  ],\n  \"t\": true\n}";
        assert_eq!(text, expected);
        assert_eq!(spread(source), expected);
    }

    #[test]
    fn what_others_wrote_is_never_html() {
        for source in ["{\"<script>alert(1)</script>\":\"<img src=x onerror=1>\"}", "<svg onload=alert(1)>", "[<b>]"] {
            let html = view(source.as_bytes()).0;
            assert!(
                !html.contains("<script") && !html.contains("<img") && !html.contains("<svg") && !html.contains("<b>")
            );
        }
    }

    #[test]
    fn any_bytes_are_shown_without_panic() {
        for source in [
            &b"{\"a"[..],
            b"[[[[",
            b"}}]]",
            b"\"\\",
            b"{\"\\\xff\":1}",
            b"\xff\xfe\x00{",
            b"",
            b"{\"\xc3",
            "{\"é\\".as_bytes(),
            "[\\é]".as_bytes(),
        ] {
            view(source);
        }
        let mut cut = vec![b'a'; SHOWN_BYTES_MAX - 1];
        cut.extend("é".bytes());
        assert_eq!(view(&cut).0.len(), SHOWN_BYTES_MAX - 1);
    }
}
