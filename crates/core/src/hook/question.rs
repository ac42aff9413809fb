//! Checking what the till asks, and writing it as the app reads it.

use super::answer;
use super::contract::{Contract, Field, Generation, Kind, Misfit, Words};
use crate::json;
use crate::pointer::Pointer;

/// What is wrong with a question, for the till's programmer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BadQuestion {
    /// The member, or where it is as a JSON pointer; empty for all of the question.
    pub name: String,
    /// A code and a sentence.
    pub code: &'static str,
    pub why: String,
}

/// The body for the app, and the value of the contract's key.
///
/// `document` is a JSON object. Of the newer generation the body is the document itself, byte for byte, unless the till
/// wrote a name in the older way; of the older one it has what that generation knows, values as they stand.
pub fn question(
    contract: &Contract,
    generation: Generation,
    document: &str,
) -> Result<(String, Option<String>), Vec<BadQuestion>> {
    let Words::Published(published) = &contract.words else { return declared(contract, document) };
    let members = json::members(document.as_bytes());
    let mut faults = Vec::new();
    let mut known: Vec<(&Field, &str)> = Vec::new();
    let mut renamed = false;
    for field in published.question {
        let is_own = |name: &str| name == field.name || field.older.as_deref() == Some(name);
        let mut own = members.iter().filter(|member| is_own(&member.name));
        let found = own.next();
        if own.next().is_some() {
            faults.push(fault(field, "duplicate", "stands twice"));
        }
        match found.and_then(|member| document.get(member.value.clone()).map(|value| (member, value))) {
            Some((_, value)) if field.kind == Kind::Text && !value.starts_with('"') => {
                faults.push(fault(field, "type", "is to be a text"));
            }
            Some((member, value)) => {
                renamed |= member.name != field.name;
                known.push((field, value));
            }
            None if field.required => faults.push(fault(field, "missing", "is required")),
            None => {}
        }
    }
    let key = match &contract.rule.key {
        Some(pointer) if faults.is_empty() => read_key(document, pointer).map(Some),
        _ => Ok(None),
    };
    let key = key.unwrap_or_else(|fault| {
        faults.push(fault);
        None
    });
    if !faults.is_empty() {
        return Err(faults);
    }
    if generation == Generation::Newer && !renamed {
        return Ok((document.to_owned(), key));
    }
    let written = known.iter().filter(|(field, _)| generation == Generation::Newer || !field.newer_only);
    let written = written.map(|(field, value)| match (generation, &field.older) {
        (Generation::Older, Some(older)) => format!("\"{older}\":{value}"),
        (Generation::Older | Generation::Newer, _) => format!("\"{}\":{value}", field.name),
    });
    // What only the till and the app know goes along where nothing had to be left out.
    let others = members.iter().filter(|member| {
        let is_known = |field: &Field| field.name == member.name || field.older.as_deref() == Some(&member.name);
        !published.question.iter().any(is_known)
    });
    let others = others.filter_map(|member| Some((member, document.get(member.value.clone())?)));
    let others = others.map(|(member, value)| format!("{}:{value}", quoted(&member.name)));
    Ok((format!("{{{}}}", written.chain(others).collect::<Vec<_>>().join(",")), key))
}

/// Of a declared hook, the question goes out as it came.
fn declared(contract: &Contract, document: &str) -> Result<(String, Option<String>), Vec<BadQuestion>> {
    let Words::Declared(shape) = &contract.words else { return Ok((document.to_owned(), None)) };
    let bad = |Misfit { pointer, why }| BadQuestion { name: pointer, code: "schema", why };
    let mut faults: Vec<BadQuestion> = shape.question(document).into_iter().map(bad).collect();
    if let Some(name) = answer::twice(document) {
        let why = format!("{name} stands twice");
        faults.push(BadQuestion { name, code: "duplicate", why });
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let key = contract.rule.key.as_ref().map(|pointer| read_key(document, pointer));
    Ok((document.to_owned(), key.transpose().map_err(|fault| vec![fault])?))
}

/// What makes it the same question: a text, or a number as it is written.
fn read_key(document: &str, pointer: &str) -> Result<String, BadQuestion> {
    let bad = |code, why: &str| BadQuestion {
        name: name_of(pointer).to_owned(),
        code,
        why: format!("{} {why}", name_of(pointer)),
    };
    let place = pointer.parse::<Pointer>().ok().and_then(|pointer| json::locate(document.as_bytes(), &pointer));
    let value = place.and_then(|place| document.get(place)).ok_or_else(|| bad("missing", "is required"))?;
    let key = match value.as_bytes().first() {
        Some(b'"') => text(value),
        Some(b'-' | b'0'..=b'9') => value.to_owned(),
        _ => return Err(bad("type", "is to be a text or a number")),
    };
    if key.is_empty() || key.len() > KEY_BYTES_MAX {
        return Err(bad("size", "is to have 1 to 200 bytes"));
    }
    Ok(key)
}

/// A member at the top is called by its name.
fn name_of(pointer: &str) -> &str {
    match pointer.strip_prefix('/') {
        Some(name) if !name.contains(['/', '~']) => name,
        _ => pointer,
    }
}

/// Bytes of a key: ids of invoices are far shorter.
const KEY_BYTES_MAX: usize = 200;

fn fault(field: &Field, code: &'static str, why: &str) -> BadQuestion {
    BadQuestion { name: field.name.clone().into_owned(), code, why: format!("{} {why}", field.name) }
}

/// What a string spells.
pub fn text(value: &str) -> String {
    let characters = json::Characters::of(value.as_bytes()).into_iter().flatten();
    characters.map(|code| char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

pub(super) fn quoted(name: &str) -> String {
    let mut text = String::from('"');
    for character in name.chars() {
        match character {
            '"' | '\\' => text.extend(['\\', character]),
            '\0'..='\u{1f}' => text.push_str(&format!("\\u{:04x}", u32::from(character))),
            _ => text.push(character),
        }
    }
    text.push('"');
    text
}
