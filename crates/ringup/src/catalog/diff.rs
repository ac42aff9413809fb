//! What changed between two catalogues, and whom it breaks.
//!
//! A receiver relies on what the old schema promised: a field that it says is always there, a type, a list of values. A
//! publisher relies on what the old schema allowed: under strict validation a payload that no longer fits is refused.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

use super::read::{Catalog, Kind};

/// Levels of a schema that are compared.
const LEVELS_MAX: usize = 32;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Breaks {
    Nobody,
    Receivers,
    /// Where payloads are checked strictly.
    Publishers,
    Both,
}

/// One change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    pub event_type: String,
    /// Where in the payload, as a JSON pointer in which `*` is every item of a list; empty for the event type itself.
    pub place: String,
    pub what: String,
    pub breaks: Breaks,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mark, whom) = match self.breaks {
            Breaks::Nobody => ("        ", ""),
            Breaks::Receivers => ("BREAKING", " (breaks receivers)"),
            Breaks::Publishers => ("BREAKING", " (breaks publishers where validation is strict)"),
            Breaks::Both => ("BREAKING", " (breaks receivers, and publishers where validation is strict)"),
        };
        let space = if self.place.is_empty() { "" } else { " " };
        write!(f, "{mark}  {}{space}{}: {}{whom}", self.event_type, self.place, self.what)
    }
}

/// By event type, and within it from the top down.
pub fn compare(old: &Catalog, new: &Catalog) -> Vec<Difference> {
    let names: BTreeSet<&String> = old.0.keys().chain(new.0.keys()).collect();
    let mut found = Vec::new();
    for name in names {
        let mut note = |place: &str, what: String, breaks| {
            found.push(Difference { event_type: name.clone(), place: place.to_owned(), what, breaks });
        };
        match (old.0.get(name), new.0.get(name)) {
            (Some(old), Some(new)) => kinds(old, new, &mut note),
            (Some(_), None) => note("", "is gone".to_owned(), Breaks::Both),
            (None, Some(_)) => note("", "is new".to_owned(), Breaks::Nobody),
            (None, None) => {}
        }
    }
    found
}

type Note<'a> = dyn FnMut(&str, String, Breaks) + 'a;

fn kinds(old: &Kind, new: &Kind, note: &mut Note<'_>) {
    match (old.archived, new.archived) {
        (false, true) => note("", "is archived".to_owned(), Breaks::Both),
        (true, false) => note("", "is no longer archived".to_owned(), Breaks::Nobody),
        (true, true) | (false, false) => {}
    }
    if !old.deprecated && new.deprecated {
        note("", "is deprecated".to_owned(), Breaks::Nobody);
    }
    if old.family != new.family {
        let what = format!("was in the family {:?}, is in {:?}", old.family, new.family);
        // Whoever subscribes to a family gets another set of types.
        note("", what, Breaks::Receivers);
    }
    schemas(&old.schema, &new.schema, "", 0, note);
}

fn schemas(old: &Value, new: &Value, place: &str, level: usize, note: &mut Note<'_>) {
    if level >= LEVELS_MAX || old == new {
        return;
    }
    types(old, new, place, note);
    values(old, new, place, note);
    for word in ["format", "pattern"] {
        if old.get(word) != new.get(word) {
            let told = |schema: &Value| schema.get(word).map_or_else(|| "none".to_owned(), Value::to_string);
            note(place, format!("{word} was {}, is {}", told(old), told(new)), Breaks::Both);
        }
    }
    bounds(old, new, place, note);
    properties(old, new, place, level, note);
    if let (Some(old), Some(new)) = (old.get("items"), new.get("items")) {
        schemas(old, new, &format!("{place}/*"), level + 1, note);
    }
    for word in ["oneOf", "anyOf", "allOf", "not", "additionalProperties"] {
        if old.get(word) != new.get(word) {
            note(place, format!("{word} is another; compare it by eye"), Breaks::Both);
        }
    }
}

fn properties(old: &Value, new: &Value, place: &str, level: usize, note: &mut Note<'_>) {
    let of = |schema: &Value| schema["properties"].as_object().cloned().unwrap_or_default();
    let (olds, news) = (of(old), of(new));
    let required = |schema: &Value, name: &str| {
        schema["required"].as_array().is_some_and(|words| words.iter().any(|word| word == name))
    };
    let names: BTreeSet<&String> = olds.keys().chain(news.keys()).collect();
    for name in names {
        let below = format!("{place}/{}", name.replace('~', "~0").replace('/', "~1"));
        let (was_needed, is_needed) = (required(old, name), required(new, name));
        match (olds.get(name), news.get(name)) {
            (Some(_), None) => note(&below, "is gone".to_owned(), Breaks::Receivers),
            (None, Some(_)) if is_needed => note(&below, "is new and required".to_owned(), Breaks::Publishers),
            (None, Some(_)) => note(&below, "is new".to_owned(), Breaks::Nobody),
            (Some(old), Some(new)) => {
                match (was_needed, is_needed) {
                    (true, false) => note(&below, "is no longer required".to_owned(), Breaks::Receivers),
                    (false, true) => note(&below, "is required now".to_owned(), Breaks::Publishers),
                    (true, true) | (false, false) => {}
                }
                schemas(old, new, &below, level + 1, note);
            }
            (None, None) => {}
        }
    }
}

fn types(old: &Value, new: &Value, place: &str, note: &mut Note<'_>) {
    let (olds, news) = (kinds_of(old), kinds_of(new));
    // Every integer is a number.
    let covers = |kinds: &Option<BTreeSet<&str>>, kind: &str| {
        kinds.as_ref().is_none_or(|kinds| kinds.contains(kind) || (kind == "integer" && kinds.contains("number")))
    };
    let fits = |kinds: &Option<BTreeSet<&str>>, within: &Option<BTreeSet<&str>>| match kinds {
        Some(kinds) => kinds.iter().all(|kind| covers(within, kind)),
        None => within.is_none(),
    };
    let breaks = broken(!fits(&news, &olds), !fits(&olds, &news));
    if breaks != Breaks::Nobody {
        let told = |kinds: &Option<BTreeSet<&str>>| match kinds {
            Some(kinds) => kinds.iter().copied().collect::<Vec<_>>().join(" or "),
            None => "anything".to_owned(),
        };
        note(place, format!("was {}, is {}", told(&olds), told(&news)), breaks);
    }
}

fn kinds_of(schema: &Value) -> Option<BTreeSet<&str>> {
    match schema.get("type")? {
        Value::String(kind) => Some(BTreeSet::from([kind.as_str()])),
        Value::Array(kinds) => Some(kinds.iter().filter_map(Value::as_str).collect()),
        _ => None,
    }
}

fn values(old: &Value, new: &Value, place: &str, note: &mut Note<'_>) {
    let of = |schema: &Value| -> Option<BTreeSet<String>> {
        let fixed = schema.get("const").map(|one| BTreeSet::from([one.to_string()]));
        fixed.or_else(|| Some(schema.get("enum")?.as_array()?.iter().map(Value::to_string).collect()))
    };
    let told = |values: &BTreeSet<String>| values.iter().cloned().collect::<Vec<_>>().join(", ");
    match (of(old), of(new)) {
        (None, None) => {}
        (None, Some(news)) => note(place, format!("is one of {} now", told(&news)), Breaks::Publishers),
        (Some(olds), None) => note(place, format!("need no longer be one of {}", told(&olds)), Breaks::Receivers),
        (Some(olds), Some(news)) => {
            let more: BTreeSet<String> = news.difference(&olds).cloned().collect();
            let fewer: BTreeSet<String> = olds.difference(&news).cloned().collect();
            if !more.is_empty() {
                note(place, format!("can be {}, too", told(&more)), Breaks::Receivers);
            }
            if !fewer.is_empty() {
                note(place, format!("can no longer be {}", told(&fewer)), Breaks::Publishers);
            }
        }
    }
}

/// Bounds from below and from above: a wider one breaks receivers, a narrower one publishers.
fn bounds(old: &Value, new: &Value, place: &str, note: &mut Note<'_>) {
    const WORDS: [(&str, bool); 8] = [
        ("minimum", true),
        ("exclusiveMinimum", true),
        ("minLength", true),
        ("minItems", true),
        ("maximum", false),
        ("exclusiveMaximum", false),
        ("maxLength", false),
        ("maxItems", false),
    ];
    for (word, is_floor) in WORDS {
        let of = |schema: &Value| schema.get(word).and_then(Value::as_f64);
        let (was, is) = (of(old), of(new));
        if was == is {
            continue;
        }
        let narrower = match (was, is) {
            (None, _) => true,
            (_, None) => false,
            (Some(was), Some(is)) => (is > was) == is_floor,
        };
        let told = |bound: Option<f64>| bound.map_or_else(|| "none".to_owned(), |bound| bound.to_string());
        note(place, format!("{word} was {}, is {}", told(was), told(is)), broken(!narrower, narrower));
    }
}

fn broken(receivers: bool, publishers: bool) -> Breaks {
    match (receivers, publishers) {
        (true, true) => Breaks::Both,
        (true, false) => Breaks::Receivers,
        (false, true) => Breaks::Publishers,
        (false, false) => Breaks::Nobody,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Changes of one schema to another, as lines.
    #[track_caller]
    fn check(old: Value, new: Value, expected: &[(&str, &str, Breaks)]) {
        let catalog =
            |schema: &Value| Catalog([("sale".to_owned(), Kind { schema: schema.clone(), ..Kind::default() })].into());
        let found = compare(&catalog(&old), &catalog(&new));
        let told: Vec<_> = found.iter().map(|one| (one.place.as_str(), one.what.as_str(), one.breaks)).collect();
        assert_eq!(told, expected);
        // Whoever goes back breaks the others.
        let back = compare(&catalog(&new), &catalog(&old));
        let breaks = |all: &[Difference], whom: [Breaks; 2]| all.iter().any(|one| whom.contains(&one.breaks));
        if breaks(&found, [Breaks::Publishers, Breaks::Both]) {
            assert!(breaks(&back, [Breaks::Receivers, Breaks::Both]), "{back:?}");
        }
    }

    fn of(properties: Value, required: &[&str]) -> Value {
        json!({ "type": "object", "properties": properties, "required": required })
    }

    #[test]
    fn fields_that_go_come_or_become_optional() {
        let old = of(json!({ "a": {}, "b": {}, "c": {} }), &["a"]);
        let new = of(json!({ "a": {}, "c": {}, "d": {}, "e": {} }), &["c", "e"]);
        check(
            old,
            new,
            &[
                ("/a", "is no longer required", Breaks::Receivers),
                ("/b", "is gone", Breaks::Receivers),
                ("/c", "is required now", Breaks::Publishers),
                ("/d", "is new", Breaks::Nobody),
                ("/e", "is new and required", Breaks::Publishers),
            ],
        );
    }

    #[test]
    fn types_are_compared_as_sets() {
        let lines = |kind: Value| {
            of(json!({ "Lines": { "type": "array", "items": of(json!({ "Qty": { "type": kind } }), &[]) } }), &[])
        };
        let place = "/Lines/*/Qty";
        check(lines(json!("integer")), lines(json!("number")), &[(place, "was integer, is number", Breaks::Receivers)]);
        check(
            lines(json!("number")),
            lines(json!("integer")),
            &[(place, "was number, is integer", Breaks::Publishers)],
        );
        check(
            lines(json!("string")),
            lines(json!(["null", "string"])),
            &[(place, "was string, is null or string", Breaks::Receivers)],
        );
        check(lines(json!("string")), lines(json!("boolean")), &[(place, "was string, is boolean", Breaks::Both)]);
        check(lines(json!("string")), lines(json!("string")), &[]);
    }

    #[test]
    fn values_and_bounds() {
        check(
            json!({ "enum": ["a", "b"] }),
            json!({ "enum": ["b", "c"] }),
            &[("", "can be \"c\", too", Breaks::Receivers), ("", "can no longer be \"a\"", Breaks::Publishers)],
        );
        check(
            json!({ "maxLength": 9 }),
            json!({ "maxLength": 20 }),
            &[("", "maxLength was 9, is 20", Breaks::Receivers)],
        );
        check(json!({}), json!({ "minimum": 1 }), &[("", "minimum was none, is 1", Breaks::Publishers)]);
        check(json!({ "description": "a" }), json!({ "description": "b" }), &[]);
    }

    #[test]
    fn event_types_that_go_break_everybody() {
        let all = |names: &[&str]| Catalog(names.iter().map(|name| ((*name).to_owned(), Kind::default())).collect());
        let found = compare(&all(&["kept", "old"]), &all(&["kept", "new"]));
        let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            [
                "          new: is new",
                "BREAKING  old: is gone (breaks receivers, and publishers where validation is strict)",
            ]
        );
    }
}
