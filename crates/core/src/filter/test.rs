//! What a term asks of a value.

use std::cmp::Ordering;

use super::decimal::Decimal;
use crate::json::Characters;

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Test {
    /// There, and not null.
    There,
    Equals(Operand),
    /// Begins with this text. Numbers do not.
    Prefix(String),
    Compares(Order, Operand),
    /// Both ends included; at least one is there.
    Within(Option<Operand>, Option<Operand>),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    Less,
    AtMost,
    More,
    AtLeast,
}

/// A value in a filter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Operand {
    text: String,
    meaning: Meaning,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Meaning {
    Number,
    Word,
    Quoted,
}

/// A value of an event.
#[derive(Clone)]
enum Value<'a> {
    Null,
    Bool(bool),
    Number(Decimal<'a>),
    Json(Characters<'a>),
    Text(&'a str),
    /// An object, an array inside an array, or nothing that JSON knows.
    Other,
}

impl Test {
    /// For a value as it stands in a JSON document.
    pub fn holds_for_json(&self, value: &[u8]) -> bool {
        self.holds(&Value::of(value))
    }

    pub fn holds_for_text(&self, text: &str) -> bool {
        self.holds(&Value::Text(text))
    }

    fn holds(&self, value: &Value<'_>) -> bool {
        match self {
            Test::There => !matches!(value, Value::Null),
            Test::Equals(operand) => match value {
                Value::Null => operand.is_word("null"),
                Value::Bool(on) => operand.is_word(if *on { "true" } else { "false" }),
                Value::Number(_) | Value::Json(_) | Value::Text(_) | Value::Other => {
                    operand.compare(value) == Some(Ordering::Equal) || operand.is_spelled_by(value)
                }
            },
            Test::Prefix(prefix) => value.begins_with(prefix),
            Test::Compares(order, operand) => operand.compare(value).is_some_and(|found| order.allows(found)),
            Test::Within(from, to) => {
                let from = from.as_ref().map(|from| (Order::AtLeast, from));
                let to = to.as_ref().map(|to| (Order::AtMost, to));
                from.into_iter()
                    .chain(to)
                    .all(|(order, operand)| operand.compare(value).is_some_and(|found| order.allows(found)))
            }
        }
    }
}

impl Order {
    fn allows(self, found: Ordering) -> bool {
        match self {
            Order::Less => found == Ordering::Less,
            Order::AtMost => found != Ordering::Greater,
            Order::More => found == Ordering::Greater,
            Order::AtLeast => found != Ordering::Less,
        }
    }
}

impl Operand {
    pub fn new(text: String, quoted: bool) -> Operand {
        let meaning = match Decimal::parse(text.as_bytes()) {
            _ if quoted => Meaning::Quoted,
            Some(_) => Meaning::Number,
            None => Meaning::Word,
        };
        Operand { text, meaning }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn is_quoted(&self) -> bool {
        self.meaning == Meaning::Quoted
    }

    pub fn is_number(&self) -> bool {
        self.meaning == Meaning::Number
    }

    fn is_word(&self, word: &str) -> bool {
        self.meaning == Meaning::Word && self.text == word
    }

    /// How a value stands to this one; `None` where the two cannot be compared.
    fn compare(&self, value: &Value<'_>) -> Option<Ordering> {
        match self.meaning {
            Meaning::Number => value.compare_number(&Decimal::parse(self.text.as_bytes())?),
            Meaning::Word | Meaning::Quoted => {
                let own = self.text.chars().map(u32::from);
                match value {
                    Value::Json(characters) => Some(characters.clone().cmp(own)),
                    Value::Text(text) => Some(text.chars().map(u32::from).cmp(own)),
                    Value::Null | Value::Bool(_) | Value::Number(_) | Value::Other => None,
                }
            }
        }
    }

    /// A text may be just what is written, even if that looks like a number that cannot be compared.
    fn is_spelled_by(&self, value: &Value<'_>) -> bool {
        let own = self.text.chars().map(u32::from);
        match value {
            Value::Json(characters) => characters.clone().eq(own),
            Value::Text(text) => *text == self.text,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Other => false,
        }
    }
}

impl<'a> Value<'a> {
    fn of(value: &'a [u8]) -> Value<'a> {
        match value {
            b"null" => Value::Null,
            b"true" => Value::Bool(true),
            b"false" => Value::Bool(false),
            [b'"', ..] => Characters::of(value).map_or(Value::Other, Value::Json),
            _ => Decimal::parse(value).map_or(Value::Other, Value::Number),
        }
    }

    /// How a number, or a text that spells one, stands to another.
    fn compare_number(&self, other: &Decimal<'_>) -> Option<Ordering> {
        let spelled = |text: &str| Decimal::parse(text.as_bytes()).map(|number| number.compare(other));
        match self {
            Value::Number(number) => Some(number.compare(other)),
            // Nobody escapes digits, but who does means them.
            Value::Json(characters) if characters.raw().contains('\\') => {
                spelled(&characters.clone().filter_map(char::from_u32).collect::<String>())
            }
            Value::Json(characters) => spelled(characters.raw()),
            Value::Text(text) => spelled(text),
            Value::Null | Value::Bool(_) | Value::Other => None,
        }
    }

    fn begins_with(&self, prefix: &str) -> bool {
        match self {
            Value::Json(characters) => {
                let mut characters = characters.clone();
                prefix.chars().all(|expected| characters.next() == Some(u32::from(expected)))
            }
            Value::Text(text) => text.starts_with(prefix),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Other => false,
        }
    }
}
