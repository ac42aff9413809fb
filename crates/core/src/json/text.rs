//! What a string in a document spells, read character by character.

use super::unescape;

/// Stands for what spells no character: a lone surrogate, an escape that is none.
const NOTHING: u32 = 0x11_0000;

/// The code points of a string, escapes resolved. Given the text between its quotes.
#[derive(Clone, Debug)]
pub struct Characters<'a>(&'a str);

impl<'a> Characters<'a> {
    /// Of a value that is a string; `None` for other values, and for bytes that are not text.
    pub fn of(value: &'a [u8]) -> Option<Characters<'a>> {
        let raw = value.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
        std::str::from_utf8(raw).ok().map(Characters)
    }

    /// As it stands between the quotes.
    pub fn raw(&self) -> &'a str {
        self.0
    }
}

impl Iterator for Characters<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let mut characters = self.0.chars();
        let first = characters.next()?;
        if first != '\\' {
            self.0 = characters.as_str();
            return Some(u32::from(first));
        }
        let Some(escape) = characters.next() else {
            self.0 = "";
            return Some(NOTHING);
        };
        let rest = characters.as_str();
        let spelled = u8::try_from(escape).ok().and_then(|escape| unescape(escape, rest.as_bytes()));
        let (character, left) =
            spelled.map_or((NOTHING, rest.len()), |(character, left)| (character.into(), left.len()));
        // What an escape takes is ASCII, so what is left begins at a character.
        self.0 = rest.get(rest.len() - left..).unwrap_or_default();
        Some(character)
    }
}
