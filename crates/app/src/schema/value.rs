//! JSON with its numbers as they are spelled, in the shape that the validator asks of.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use jsonschema::json::{Array, Json, JsonNumber, Node, NodeIdentity, Object};
use jsonschema::types::JsonType;
use ringup_core::filter::decimal::Decimal;
use serde_json::{Number, Value};

/// A value of a text that outlives it.
#[derive(Debug, PartialEq)]
pub(super) enum Exact<'a> {
    Null,
    Bool(bool),
    Number(&'a str),
    Text(Cow<'a, str>),
    Array(Vec<Exact<'a>>),
    /// In their order. Of two members with one name the last one counts, as for most readers.
    Object(Vec<(Cow<'a, str>, Exact<'a>)>),
}

/// Names the shape.
pub(super) struct Spelled;

/// A number's spelling.
pub(super) struct Digits<'a>(&'a str);

/// Whether a number is the same once it was a float: with up to 15 digits it is.
pub(super) fn survives(text: &str) -> bool {
    let Ok(number) = serde_json::from_str::<Number>(text) else { return false };
    canonical_number(&number.to_string()) == canonical_number(text)
}

fn canonical_number(text: &str) -> String {
    Decimal::parse(text.as_bytes()).map_or_else(|| text.to_owned(), |decimal| decimal.canonical())
}

impl Exact<'_> {
    pub(super) fn member(&self, name: &str) -> Option<&Self> {
        match self {
            Exact::Object(members) => members.iter().rev().find(|(own, _)| own == name).map(|(_, member)| member),
            Exact::Null | Exact::Bool(_) | Exact::Number(_) | Exact::Text(_) | Exact::Array(_) => None,
        }
    }

    /// One text for each value, so that two values are equal if and only if theirs are.
    fn canonical(&self, out: &mut String) {
        match self {
            Exact::Null => out.push_str("null"),
            Exact::Bool(one) => out.push_str(if *one { "true" } else { "false" }),
            Exact::Number(text) => out.push_str(&canonical_number(text)),
            Exact::Text(text) => out.push_str(&Value::from(text.as_ref()).to_string()),
            Exact::Array(items) => {
                out.push('[');
                for item in items {
                    item.canonical(out);
                    out.push(',');
                }
                out.push(']');
            }
            Exact::Object(members) => {
                let sorted: BTreeMap<&str, &Exact<'_>> =
                    members.iter().map(|(name, member)| (name.as_ref(), member)).collect();
                out.push('{');
                for (name, member) in sorted {
                    out.push_str(&Value::from(name).to_string());
                    out.push(':');
                    member.canonical(out);
                    out.push(',');
                }
                out.push('}');
            }
        }
    }
}

impl Json for Spelled {
    type Node<'a> = &'a Exact<'a>;
    type PreparedKey = Box<str>;
    type StringBuffer = ();

    const ACYCLIC: bool = true;

    fn prepare_key(key: &str) -> Box<str> {
        key.into()
    }

    fn with_string_node<T>((): &mut (), string: &str, f: impl FnOnce(Self::Node<'_>) -> T) -> T {
        let name = Exact::Text(Cow::Borrowed(string));
        f(&name)
    }
}

impl<'a> Node<'a, Spelled> for &'a Exact<'a> {
    type Object = Members<'a>;
    type Array = Items<'a>;
    type Number = Digits<'a>;

    fn as_object(&self) -> Option<Members<'a>> {
        if let Exact::Object(members) = self { Some(Members(members)) } else { None }
    }

    fn as_array(&self) -> Option<Items<'a>> {
        if let Exact::Array(items) = self { Some(Items(items)) } else { None }
    }

    fn as_string(&self) -> Option<Cow<'a, str>> {
        if let Exact::Text(text) = self { Some(Cow::Borrowed(text)) } else { None }
    }

    fn as_number(&self) -> Option<Digits<'a>> {
        if let Exact::Number(text) = self { Some(Digits(text)) } else { None }
    }

    fn as_boolean(&self) -> Option<bool> {
        if let Exact::Bool(one) = self { Some(*one) } else { None }
    }

    fn is_null(&self) -> bool {
        **self == Exact::Null
    }

    fn json_type(&self) -> JsonType {
        match self {
            Exact::Null => JsonType::Null,
            Exact::Bool(_) => JsonType::Boolean,
            Exact::Number(_) => JsonType::Number,
            Exact::Text(_) => JsonType::String,
            Exact::Array(_) => JsonType::Array,
            Exact::Object(_) => JsonType::Object,
        }
    }

    fn equals_value(&self, expected: &Value) -> bool {
        match (self, expected) {
            (Exact::Text(own), Value::String(other)) => own == other,
            (Exact::Number(own), Value::Number(other)) => canonical_number(own) == canonical_number(&other.to_string()),
            (Exact::Array(_), Value::Array(_)) | (Exact::Object(_), Value::Object(_)) => {
                let text = expected.to_string();
                super::parse::parse(text.as_bytes()).is_some_and(|other| text_of(self) == text_of(&other))
            }
            (Exact::Null, Value::Null) => true,
            (Exact::Bool(own), Value::Bool(other)) => own == other,
            _ => false,
        }
    }

    /// Only where an error keeps what it is about; nothing of ours shows that.
    fn to_value(&self) -> Cow<'a, Value> {
        Cow::Owned(Value::Null)
    }

    fn identity(&self) -> Option<NodeIdentity> {
        Some(NodeIdentity::new(std::ptr::from_ref::<Exact<'a>>(self).addr()))
    }
}

/// One text for each value: see [`Exact::canonical`].
pub(super) fn text_of(value: &Exact<'_>) -> String {
    let mut text = String::new();
    value.canonical(&mut text);
    text
}

pub(super) struct Members<'a>(&'a [(Cow<'a, str>, Exact<'a>)]);

impl<'a> Object<'a, Spelled> for Members<'a> {
    type Node = &'a Exact<'a>;
    type MemberName = &'a str;
    type MembersIter = MembersIter<'a>;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn get(&self, key: &Box<str>) -> Option<&'a Exact<'a>> {
        self.0.iter().rev().find(|(name, _)| **name == **key).map(|(_, member)| member)
    }

    fn members(&self) -> MembersIter<'a> {
        MembersIter(self.0.iter())
    }
}

pub(super) struct MembersIter<'a>(std::slice::Iter<'a, (Cow<'a, str>, Exact<'a>)>);

impl<'a> Iterator for MembersIter<'a> {
    type Item = (&'a str, &'a Exact<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(name, member)| (name.as_ref(), member))
    }
}

pub(super) struct Items<'a>(&'a [Exact<'a>]);

impl<'a> Array<'a, Spelled> for Items<'a> {
    type Node = &'a Exact<'a>;
    type ElementsIter = std::slice::Iter<'a, Exact<'a>>;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn elements(&self) -> Self::ElementsIter {
        self.0.iter()
    }

    fn is_unique(&self) -> bool {
        let mut seen = BTreeSet::new();
        self.0.iter().all(|item| seen.insert(text_of(item)))
    }
}

impl JsonNumber for Digits<'_> {
    fn as_u64(&self) -> Option<u64> {
        self.0.parse().ok()
    }

    fn as_i64(&self) -> Option<i64> {
        self.0.parse().ok()
    }

    fn as_f64(&self) -> Option<f64> {
        self.0.parse().ok()
    }

    fn as_str(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.0)
    }

    /// For messages alone, which do not show it.
    fn to_number(&self) -> Cow<'_, Number> {
        Cow::Owned(serde_json::from_str(self.0).unwrap_or_else(|_| Number::from(0)))
    }

    fn is_integer(&self) -> bool {
        Decimal::parse(self.0.as_bytes()).is_some_and(|decimal| decimal.is_integer())
    }
}
