//! What is commonly done to a body between the socket and the check of its signature.

/// A change that explains why a signature does not fit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BodyChange {
    /// A line end was added at the end.
    LineEndAdded,
    /// The line end at the end was removed.
    LineEndRemoved,
    /// Line ends were rewritten.
    LineEnds,
    /// A byte order mark was put in front.
    ByteOrderMark,
    /// The JSON was read and written again: spaces, or how characters are escaped.
    Reserialised,
}

const ALL: [BodyChange; 5] = [
    BodyChange::LineEndAdded,
    BodyChange::LineEndRemoved,
    BodyChange::LineEnds,
    BodyChange::ByteOrderMark,
    BodyChange::Reserialised,
];

impl BodyChange {
    pub fn word(self) -> &'static str {
        match self {
            BodyChange::LineEndAdded => "line_end_added",
            BodyChange::LineEndRemoved => "line_end_removed",
            BodyChange::LineEnds => "line_ends",
            BodyChange::ByteOrderMark => "byte_order_mark",
            BodyChange::Reserialised => "reserialised",
        }
    }

    pub fn from_word(word: &str) -> Option<BodyChange> {
        ALL.into_iter().find(|change| change.word() == word)
    }

    /// Completes "it would be valid".
    pub fn says(self) -> &'static str {
        match self {
            BodyChange::LineEndAdded => "without the line end at its end",
            BodyChange::LineEndRemoved => "with a line end at its end",
            BodyChange::LineEnds => "with other line ends",
            BodyChange::ByteOrderMark => "without the byte order mark at its start",
            BodyChange::Reserialised => "if its JSON had not been read and written again",
        }
    }
}

/// The first change that makes it fit.
pub(super) fn explaining(body: &[u8], fits: impl Fn(&[u8]) -> bool) -> Option<BodyChange> {
    let ends: [&[u8]; 2] = [b"\r\n", b"\n"];
    if ends.iter().filter_map(|end| body.strip_suffix(*end)).any(&fits) {
        return Some(BodyChange::LineEndAdded);
    }
    if ends.iter().any(|end| fits(&[body, end].concat())) {
        return Some(BodyChange::LineEndRemoved);
    }
    if body.strip_prefix(b"\xef\xbb\xbf").is_some_and(&fits) {
        return Some(BodyChange::ByteOrderMark);
    }
    let unix = replaced(body, b"\r\n", b"\n");
    if fits(&unix) || fits(&replaced(&unix, b"\n", b"\r\n")) {
        return Some(BodyChange::LineEnds);
    }
    let Ok(text) = std::str::from_utf8(body) else { return None };
    if !ringup_core::json::is_object(body) && !text.trim_start().starts_with('[') {
        return None;
    }
    SPACINGS
        .iter()
        .flat_map(|spacing| ESCAPINGS.iter().map(move |escaping| written(text, *spacing, *escaping)))
        .any(|text| fits(text.as_bytes()) || fits(format!("{text}\n").as_bytes()))
        .then_some(BodyChange::Reserialised)
}

fn replaced(body: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut written = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some((first, behind)) = rest.split_first() {
        match rest.strip_prefix(from) {
            Some(behind) => {
                written.extend_from_slice(to);
                rest = behind;
            }
            None => {
                written.push(*first);
                rest = behind;
            }
        }
    }
    written
}

/// How writers put space between tokens.
#[derive(Clone, Copy)]
enum Spacing {
    /// As most libraries write.
    None,
    /// As Python writes: behind comma and colon.
    Behind,
    /// Each member on a line of its own, with this indent.
    Lines(&'static str),
}

const SPACINGS: [Spacing; 5] =
    [Spacing::None, Spacing::Behind, Spacing::Lines("  "), Spacing::Lines("    "), Spacing::Lines("\t")];

/// How writers spell characters in strings.
#[derive(Clone, Copy)]
enum Escaping {
    AsItIs,
    /// As PHP writes: slashes and everything beyond ASCII escaped.
    SlashesAndAscii,
    Slashes,
    /// As Python writes: everything beyond ASCII escaped.
    Ascii,
    /// Nothing escaped that need not be.
    Least,
    /// As .NET and Go write: also `<`, `>`, `&` escaped.
    Markup,
}

const ESCAPINGS: [Escaping; 6] = [
    Escaping::AsItIs,
    Escaping::Least,
    Escaping::Slashes,
    Escaping::Ascii,
    Escaping::SlashesAndAscii,
    Escaping::Markup,
];

/// The same JSON written another way. Numbers, order and names stay as they are.
fn written(text: &str, spacing: Spacing, escaping: Escaping) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let mut depth = 0_usize;
    let mut rest = text.chars().peekable();
    let line = |out: &mut String, depth: usize| {
        if let Spacing::Lines(indent) = spacing {
            out.push('\n');
            (0..depth).for_each(|_| out.push_str(indent));
        }
    };
    while let Some(character) = rest.next() {
        match character {
            ' ' | '\t' | '\r' | '\n' => {}
            '"' => string(&mut rest, &mut out, escaping),
            '{' | '[' => {
                out.push(character);
                while rest.next_if(|next| next.is_ascii_whitespace()).is_some() {}
                // Empty ones stay on their line.
                if let Some(end) = rest.next_if(|next| matches!(next, '}' | ']')) {
                    out.push(end);
                    continue;
                }
                depth += 1;
                line(&mut out, depth);
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(character);
            }
            ',' => {
                out.push(',');
                if matches!(spacing, Spacing::Behind) {
                    out.push(' ');
                }
                line(&mut out, depth);
            }
            ':' => out.push_str(if matches!(spacing, Spacing::None) { ":" } else { ": " }),
            other => out.push(other),
        }
    }
    out
}

/// Writes what is left of a string whose opening quote was read.
fn string(rest: &mut std::iter::Peekable<std::str::Chars<'_>>, out: &mut String, escaping: Escaping) {
    out.push('"');
    while let Some(character) = rest.next() {
        match (character, escaping) {
            ('"', _) => break,
            ('\\', Escaping::AsItIs) => {
                out.push('\\');
                out.extend(rest.next());
            }
            ('\\', _) => match unescaped(rest) {
                Ok(character) => spelled(character, out, escaping),
                Err(as_it_is) => out.push_str(&as_it_is),
            },
            (character, Escaping::AsItIs) => out.push(character),
            (character, _) => spelled(character, out, escaping),
        }
    }
    out.push('"');
}

/// The character behind a backslash, or the text itself where it is none, such as half of a pair.
fn unescaped(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<char, String> {
    let simple = match rest.next() {
        Some('n') => '\n',
        Some('t') => '\t',
        Some('r') => '\r',
        Some('b') => '\u{8}',
        Some('f') => '\u{c}',
        Some('u') => return unit(rest).and_then(|first| paired(first, rest)),
        Some(other) => other,
        None => return Err("\\".to_owned()),
    };
    Ok(simple)
}

fn unit(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<u16, String> {
    let digits: String = (0..4).map_while(|_| rest.next_if(char::is_ascii_hexdigit)).collect();
    u16::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 4).ok_or_else(|| format!("\\u{digits}"))
}

fn paired(first: u16, rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<char, String> {
    if let Some(character) = char::from_u32(u32::from(first)) {
        return Ok(character);
    }
    let alone = || format!("\\u{first:04x}");
    let mut ahead = rest.clone();
    if (ahead.next(), ahead.next()) != (Some('\\'), Some('u')) {
        return Err(alone());
    }
    let second = unit(&mut ahead).map_err(|_| alone())?;
    let character = char::decode_utf16([first, second]).next().and_then(Result::ok).ok_or_else(alone)?;
    *rest = ahead;
    Ok(character)
}

fn spelled(character: char, out: &mut String, escaping: Escaping) {
    let ascii_only = matches!(escaping, Escaping::Ascii | Escaping::SlashesAndAscii);
    let slashes = matches!(escaping, Escaping::Slashes | Escaping::SlashesAndAscii);
    match character {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '/' if slashes => out.push_str("\\/"),
        '\n' => out.push_str("\\n"),
        '\t' => out.push_str("\\t"),
        '\r' => out.push_str("\\r"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '<' | '>' | '&' if matches!(escaping, Escaping::Markup) => units(character, out),
        control if control < ' ' => units(control, out),
        other if ascii_only && !other.is_ascii() => units(other, out),
        other => out.push(other),
    }
}

fn units(character: char, out: &mut String) {
    for unit in character.encode_utf16(&mut [0; 2]) {
        out.push_str(&format!("\\u{unit:04x}"));
    }
}
