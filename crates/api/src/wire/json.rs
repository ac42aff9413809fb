//! Reading a request's body: what is not JSON is told apart from JSON that says the wrong thing.

use serde::{Deserialize, Serialize};
use serde_json::error::Category;
use serde_json::value::RawValue;

use crate::problem::{Item, Problem};
use crate::visit::Visit;
use crate::wire::field;

/// Reads a body. What is not UTF-8 or not JSON is answered 400 with its position, a wrong shape 422 with its place.
pub fn read<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Result<T, Problem> {
    let text = utf8(body)?;
    // The reader would fill a struct from a list, field by field.
    if text.trim_start().starts_with('[') && serde_json::from_str::<&RawValue>(text).is_ok() {
        return Err(Problem::misfit(vec![Item::body("type", "expected an object, this is a list".to_owned())]));
    }
    let read = serde_json::from_str(text).map_err(|error| explained::<T>(text, &error))?;
    let misspelt = field::nearly::<T>(text);
    if !misspelt.is_empty() {
        Visit::current().misspelt(misspelt);
    }
    Ok(read)
}

/// As [`read`]; a body that is empty stands for an object without fields.
pub fn read_if_any<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Result<T, Problem> {
    read(if body.is_empty() { b"{}" } else { body })
}

pub fn utf8(body: &[u8]) -> Result<&str, Problem> {
    std::str::from_utf8(body).map_err(|error| {
        let offset = error.valid_up_to();
        Problem::malformed(format!("the body is not UTF-8: byte {offset} cannot be read"))
    })
}

/// A value that was stored as JSON text.
pub fn stored(text: &[u8]) -> Option<&RawValue> {
    serde_json::from_slice(text).ok()
}

pub fn write(answer: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(answer).expect("answers are made of texts, numbers and maps by text")
}

/// What a reader's error means to who sent the body.
pub fn explained<'de, T: Deserialize<'de>>(text: &'de str, error: &serde_json::Error) -> Problem {
    match error.classify() {
        Category::Syntax | Category::Eof | Category::Io => malformed(text, error),
        // Where it happened is only worth finding out now.
        Category::Data => misfit::<T>(text, error),
    }
}

fn malformed(text: &str, error: &serde_json::Error) -> Problem {
    let (line, column) = (error.line(), error.column());
    let line_start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let offset = (line_start + column.saturating_sub(1)).min(text.len());
    Problem::malformed(format!(
        "the body is not JSON: {} at line {line}, column {column} (byte {offset})",
        without_position(&error.to_string())
    ))
}

fn misfit<'de, T: Deserialize<'de>>(text: &'de str, error: &serde_json::Error) -> Problem {
    let mut reader = serde_json::Deserializer::from_str(text);
    let path = match serde_path_to_error::deserialize::<_, T>(&mut reader) {
        Ok(_) => String::new(),
        Err(found) => found.path().to_string(),
    };
    let message = error.to_string();
    let why = without_position(&message);
    let mut place: Vec<String> = path.split(['.', '[']).map(|part| part.trim_end_matches(']').to_owned()).collect();
    place.retain(|part| !part.is_empty() && part != "?");
    let missing = named(why, "missing field ");
    let twice = named(why, "duplicate field ");
    // A field that is not there has no place of its own.
    place.extend(missing.or(twice).filter(|name| place.last() != Some(name)));
    place.insert(0, "body".to_owned());
    let rule = match () {
        () if why.starts_with("missing field ") => "missing",
        () if why.starts_with("duplicate field ") => "duplicate_key",
        () => "type",
    };
    Problem::misfit(vec![Item { place, why: why.to_owned(), rule }])
}

fn without_position(message: &str) -> &str {
    message.rfind(" at line ").and_then(|at| message.get(..at)).unwrap_or(message)
}

/// The name in backquotes after `start`.
fn named(message: &str, start: &str) -> Option<String> {
    let name = message.strip_prefix(start)?.strip_prefix('`')?;
    name.split('`').next().map(str::to_owned)
}
