//! What schemas say of numbers, said exactly: `0.1 + 0.2` is no trouble, `9007199254740993` is not its neighbour.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use jsonschema::json::{JsonNumber, Node};
use jsonschema::paths::Location;
use jsonschema::{Keyword, ValidationError};
use ringup_core::filter::decimal::{DIVISOR_DIGITS_MAX, Decimal};
use serde_json::{Map, Value};

use super::parse::parse;
use super::value::{Exact, Spelled, text_of};

/// Values of a list that are named where none of them is met.
const SHOWN_MAX: usize = 12;

type Made<'a> = Result<Box<dyn for<'i> Keyword<'i, Spelled>>, ValidationError<'a>>;

pub(super) fn minimum<'a>(parent: &'a Map<String, Value>, limit: &'a Value, _: Location) -> Made<'a> {
    // Draft 4 says so beside the bound.
    let exclusive = parent.get("exclusiveMinimum") == Some(&Value::Bool(true));
    Ok(bound(limit, if exclusive { Side::Above } else { Side::AtLeast }))
}

pub(super) fn maximum<'a>(parent: &'a Map<String, Value>, limit: &'a Value, _: Location) -> Made<'a> {
    let exclusive = parent.get("exclusiveMaximum") == Some(&Value::Bool(true));
    Ok(bound(limit, if exclusive { Side::Below } else { Side::AtMost }))
}

pub(super) fn exclusive_minimum<'a>(_: &'a Map<String, Value>, limit: &'a Value, _: Location) -> Made<'a> {
    Ok(bound(limit, Side::Above))
}

pub(super) fn exclusive_maximum<'a>(_: &'a Map<String, Value>, limit: &'a Value, _: Location) -> Made<'a> {
    Ok(bound(limit, Side::Below))
}

pub(super) fn multiple_of<'a>(_: &'a Map<String, Value>, step: &'a Value, _: Location) -> Made<'a> {
    let step = step.to_string();
    let one = Decimal::parse(b"1").expect("one is a number");
    if Decimal::parse(step.as_bytes()).and_then(|step| one.is_multiple_of(&step)).is_none() {
        let why = format!("`multipleOf` is a number above zero with at most {DIVISOR_DIGITS_MAX} digits");
        return Err(ValidationError::custom(why));
    }
    Ok(Box::new(MultipleOf { step }))
}

pub(super) fn constant<'a>(_: &'a Map<String, Value>, value: &'a Value, _: Location) -> Made<'a> {
    Ok(one_of(std::slice::from_ref(value)))
}

pub(super) fn choice<'a>(_: &'a Map<String, Value>, values: &'a Value, _: Location) -> Made<'a> {
    match values {
        Value::Array(values) => Ok(one_of(values)),
        _ => Err(ValidationError::custom("`enum` is a list")),
    }
}

fn one_of(values: &[Value]) -> Box<OneOf> {
    let words = values.iter().map(Value::to_string);
    let texts = words.filter_map(|word| parse(word.as_bytes()).map(|value| text_of(&value))).collect();
    let shown = values.iter().take(SHOWN_MAX).map(Value::to_string).collect::<Vec<_>>().join(", ");
    let more = if values.len() > SHOWN_MAX { ", …" } else { "" };
    Box::new(OneOf { texts, shown: format!("{shown}{more}") })
}

#[derive(Clone, Copy)]
enum Side {
    AtLeast,
    AtMost,
    Above,
    Below,
}

struct Bound {
    /// As it is spelled; `None` for draft 4's word beside a bound.
    limit: Option<String>,
    side: Side,
}

fn bound(limit: &Value, side: Side) -> Box<Bound> {
    Box::new(Bound { limit: limit.is_number().then(|| limit.to_string()), side })
}

impl Bound {
    fn holds(&self, instance: &Exact<'_>) -> bool {
        let (Some(number), Some(limit)) = (instance.as_number(), &self.limit) else { return true };
        let number = number.as_str();
        let pair = Decimal::parse(number.as_bytes()).zip(Decimal::parse(limit.as_bytes()));
        let Some((number, limit)) = pair else { return false };
        match self.side {
            Side::AtLeast => number.compare(&limit) != Ordering::Less,
            Side::AtMost => number.compare(&limit) != Ordering::Greater,
            Side::Above => number.compare(&limit) == Ordering::Greater,
            Side::Below => number.compare(&limit) == Ordering::Less,
        }
    }
}

impl<'i> Keyword<'i, Spelled> for Bound {
    fn validate(&self, instance: &'i Exact<'i>) -> Result<(), ValidationError<'i>> {
        if self.holds(instance) {
            return Ok(());
        }
        let side = match self.side {
            Side::AtLeast => "at least",
            Side::AtMost => "at most",
            Side::Above => "more than",
            Side::Below => "less than",
        };
        Err(ValidationError::custom(format!("it is to be {side} {}", self.limit.as_deref().unwrap_or_default())))
    }

    fn is_valid(&self, instance: &'i Exact<'i>) -> bool {
        self.holds(instance)
    }
}

struct MultipleOf {
    step: String,
}

impl MultipleOf {
    fn holds(&self, instance: &Exact<'_>) -> bool {
        let Some(number) = instance.as_number() else { return true };
        let number = number.as_str();
        let pair = Decimal::parse(number.as_bytes()).zip(Decimal::parse(self.step.as_bytes()));
        pair.and_then(|(number, step)| number.is_multiple_of(&step)).unwrap_or_default()
    }
}

impl<'i> Keyword<'i, Spelled> for MultipleOf {
    fn validate(&self, instance: &'i Exact<'i>) -> Result<(), ValidationError<'i>> {
        if self.holds(instance) {
            return Ok(());
        }
        Err(ValidationError::custom(format!("it is to be a multiple of {}", self.step)))
    }

    fn is_valid(&self, instance: &'i Exact<'i>) -> bool {
        self.holds(instance)
    }
}

struct OneOf {
    /// Each as `text_of` has it.
    texts: BTreeSet<String>,
    shown: String,
}

impl<'i> Keyword<'i, Spelled> for OneOf {
    fn validate(&self, instance: &'i Exact<'i>) -> Result<(), ValidationError<'i>> {
        if self.texts.contains(&text_of(instance)) {
            return Ok(());
        }
        let any = if self.texts.len() > 1 { "one of " } else { "" };
        Err(ValidationError::custom(format!("it is to be {any}{}", self.shown)))
    }

    fn is_valid(&self, instance: &'i Exact<'i>) -> bool {
        self.texts.contains(&text_of(instance))
    }
}
