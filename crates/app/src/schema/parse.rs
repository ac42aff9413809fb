//! Reading a text that is JSON already: somebody has checked its grammar, so this takes it apart and nothing else.

use std::borrow::Cow;

use super::value::Exact;

/// `None` for a text that is not JSON after all, or has an escape for half a character.
pub(super) fn parse(text: &[u8]) -> Option<Exact<'_>> {
    let text = std::str::from_utf8(text).ok()?;
    let mut reader = Reader { text, at: 0 };
    let value = reader.value()?;
    reader.space();
    (reader.at == text.len()).then_some(value)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    /// As deep as the text is: whoever took it has bounded that.
    fn value(&mut self) -> Option<Exact<'a>> {
        match self.peek()? {
            b'{' => self.object(),
            b'[' => self.array(),
            b'"' => self.string().map(Exact::Text),
            b't' => self.word("true", Exact::Bool(true)),
            b'f' => self.word("false", Exact::Bool(false)),
            b'n' => self.word("null", Exact::Null),
            _ => self.number(),
        }
    }

    fn object(&mut self) -> Option<Exact<'a>> {
        self.take(b'{')?;
        let mut members = Vec::new();
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(Exact::Object(members));
        }
        loop {
            let name = self.peek().and_then(|_| self.string())?;
            self.take(b':')?;
            members.push((name, self.value()?));
            match self.next()? {
                b',' => {}
                b'}' => return Some(Exact::Object(members)),
                _ => return None,
            }
        }
    }

    fn array(&mut self) -> Option<Exact<'a>> {
        self.take(b'[')?;
        let mut items = Vec::new();
        if self.peek()? == b']' {
            self.at += 1;
            return Some(Exact::Array(items));
        }
        loop {
            items.push(self.value()?);
            match self.next()? {
                b',' => {}
                b']' => return Some(Exact::Array(items)),
                _ => return None,
            }
        }
    }

    fn string(&mut self) -> Option<Cow<'a, str>> {
        self.take(b'"')?;
        let from = self.at;
        let mut escaped = false;
        loop {
            match self.text.as_bytes().get(self.at)? {
                b'"' => break,
                b'\\' => {
                    escaped = true;
                    self.at += 2;
                }
                _ => self.at += 1,
            }
        }
        let inner = self.text.get(from..self.at)?;
        self.at += 1;
        if !escaped {
            return Some(Cow::Borrowed(inner));
        }
        serde_json::from_str(self.text.get(from - 1..self.at)?).ok().map(Cow::Owned)
    }

    fn number(&mut self) -> Option<Exact<'a>> {
        let rest = self.text.get(self.at..)?;
        let is_part = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E');
        let length = rest.bytes().take_while(is_part).count();
        self.at += length;
        (length > 0).then(|| Exact::Number(&rest[..length]))
    }

    fn word(&mut self, word: &str, value: Exact<'a>) -> Option<Exact<'a>> {
        self.text.get(self.at..)?.starts_with(word).then(|| {
            self.at += word.len();
            value
        })
    }

    fn take(&mut self, wanted: u8) -> Option<()> {
        (self.next()? == wanted).then_some(())
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    /// The next byte that is no space.
    fn peek(&mut self) -> Option<u8> {
        self.space();
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        self.at += rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
    }
}
