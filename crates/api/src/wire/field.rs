//! Fields that nobody reads: accepted, since SDKs of other generations send some, but named where they look like a
//! misspelt one that is read.

use std::cell::Cell;
use std::collections::BTreeSet;

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::forward_to_deserialize_any;

/// Fields looked at in one body.
pub const LOOKED_AT_MAX: usize = 64;

/// Edits between a word and its misspelling.
const EDITS_MAX: usize = 2;

/// Fields of an object that are nearly those that `T` reads: what was written, and what was probably meant.
pub fn nearly<'de, T: Deserialize<'de>>(text: &'de str) -> Vec<(String, &'static str)> {
    let known = known::<T>();
    if known.is_empty() {
        return Vec::new();
    }
    let there = serde_json::from_str::<Names>(text).map(|Names(names)| names).unwrap_or_default();
    there.iter().filter_map(|name| Some((name.clone(), meant(name, known, |field| there.contains(field))?))).collect()
}

/// The field that was probably meant by an unknown name, among those that are not there.
pub fn meant(name: &str, known: &[&'static str], is_there: impl Fn(&str) -> bool) -> Option<&'static str> {
    if known.contains(&name) {
        return None;
    }
    let plain = |name: &str| name.replace(['_', '-'], "").to_ascii_lowercase();
    let (written, length) = (plain(name), name.chars().count());
    let edits = |field: &str| strsim::damerau_levenshtein(&written, &plain(field));
    let candidates = known.iter().filter(|field| !is_there(field)).map(|field| (edits(field), *field));
    let (edits, field) = candidates.min()?;
    // Short words are two edits from everything.
    (edits <= EDITS_MAX && edits * 3 <= length).then_some(field)
}

/// The fields that `T` reads; none if it is no plain struct.
fn known<'de, T: Deserialize<'de>>() -> &'static [&'static str] {
    let fields = Cell::new(&[][..]);
    // It always fails: only what is asked of it matters.
    let _ = T::deserialize(Asking(&fields));
    fields.get()
}

struct Asking<'a>(&'a Cell<&'static [&'static str]>);

impl<'de> Deserializer<'de> for Asking<'_> {
    type Error = de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(de::Error::custom("nothing is here"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Self::Error> {
        self.0.set(fields);
        Err(de::Error::custom("nothing is here"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// The names of an object's fields, as far as they can be shown in a header.
#[derive(Default)]
struct Names(BTreeSet<String>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Names, D::Error> {
        struct NamesVisitor;
        impl<'de> Visitor<'de> for NamesVisitor {
            type Value = Names;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Names, A::Error> {
                let mut names = BTreeSet::new();
                while let Some((name, IgnoredAny)) = map.next_entry::<String, IgnoredAny>()? {
                    if names.len() < LOOKED_AT_MAX && is_plain(&name) {
                        names.insert(name);
                    }
                }
                Ok(Names(names))
            }
        }
        deserializer.deserialize_map(NamesVisitor)
    }
}

/// Whether a name can stand in a header as it is.
pub fn is_plain(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.$".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::account::ApplicationIn;

    #[track_caller]
    fn check(body: &str, expected: &[(&str, &str)]) {
        let found = nearly::<ApplicationIn>(body);
        let found: Vec<_> = found.iter().map(|(written, meant)| (written.as_str(), *meant)).collect();
        assert_eq!(found, expected, "{body}");
    }

    #[test]
    fn misspelt_fields_are_named() {
        check(r#"{"name":"x","metdata":{}}"#, &[("metdata", "metadata")]);
        check(r#"{"name":"x","rate_limit":1}"#, &[("rate_limit", "rateLimit")]);
        check(r#"{"name":"x","throttlerate":1,"Uid":""}"#, &[("Uid", "uid"), ("throttlerate", "throttleRate")]);
    }

    #[test]
    fn other_fields_are_passed_over() {
        check(r#"{"name":"x","uid":"y","metadata":{},"rateLimit":1,"throttleRate":1}"#, &[]);
        check(r#"{"name":"x","id":"app_1","tags":[],"note":"","nome":""}"#, &[]);
        check(r#"{"name":"x","métadata":{}}"#, &[]);
        check("[]", &[]);
        check("", &[]);
    }
}
