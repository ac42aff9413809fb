//! Kinds of values: how each is read from text, shown again, and described to somebody who got it wrong.

pub mod base_url;
pub mod choice;
pub mod duration;
pub mod mailbox;
pub mod network;
pub mod plain;
pub mod secret;
pub mod site;
pub mod size;

use std::fmt;

/// Items of a list; more belongs in a file or a database.
const LIST_ITEMS_MAX: usize = 1_000;

/// Characters of a refused value that are repeated to its author.
const QUOTED_CHARS_MAX: usize = 80;

/// The word that unsets an optional value.
const NONE: &str = "none";

/// A value as it was written, before its type is known. It may be a secret, so it does not print.
#[derive(Clone)]
pub enum Raw {
    /// A single value, or a list separated by commas.
    Text(String),
    /// A TOML array.
    List(Vec<String>),
}

impl fmt::Debug for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Raw::Text(_) => "Text(..)",
            Raw::List(_) => "List(..)",
        })
    }
}

/// The type of a key: a [`Scalar`], an optional one, or a list of them.
pub trait Value: Sized {
    const SECRET: bool;
    /// Completes "expected …", with an example.
    fn expected() -> String;
    /// # Errors
    /// A sentence about the value without a full stop. It repeats the value unless that is a secret.
    fn read(raw: &Raw) -> Result<Self, String>;
    /// The value as TOML; of a secret only that it is set.
    fn show(&self) -> String;
    /// What bounds are compared with; `None` where there is nothing to bound.
    fn measure(&self) -> Option<u128>;
}

/// One value that is written as one text.
pub trait Scalar: Sized {
    /// A noun phrase with an example.
    const EXPECTED: &'static str;
    const SECRET: bool = false;
    /// # Errors
    /// What is wrong, to follow the value in a sentence: `is not a duration`.
    fn parse(text: &str) -> Result<Self, String>;
    fn show(&self) -> String;
    fn measure(&self) -> Option<u128> {
        None
    }
}

impl<T: Scalar> Value for T {
    const SECRET: bool = T::SECRET;

    fn expected() -> String {
        T::EXPECTED.to_owned()
    }

    fn read(raw: &Raw) -> Result<Self, String> {
        match raw {
            Raw::Text(text) => parse(text),
            Raw::List(_) => Err("this is a list, but there can be only one value".to_owned()),
        }
    }

    fn show(&self) -> String {
        Scalar::show(self)
    }

    fn measure(&self) -> Option<u128> {
        Scalar::measure(self)
    }
}

impl<T: Scalar> Value for Option<T> {
    const SECRET: bool = T::SECRET;

    fn expected() -> String {
        format!("{}, or {NONE:?}", T::EXPECTED)
    }

    fn read(raw: &Raw) -> Result<Self, String> {
        match raw {
            Raw::Text(text) if text == NONE => Ok(None),
            raw => T::read(raw).map(Some),
        }
    }

    fn show(&self) -> String {
        self.as_ref().map_or_else(|| quoted(NONE), Scalar::show)
    }

    fn measure(&self) -> Option<u128> {
        self.as_ref().and_then(Scalar::measure)
    }
}

impl<T: Scalar> Value for Vec<T> {
    const SECRET: bool = T::SECRET;

    fn expected() -> String {
        format!("a list, each item {}", T::EXPECTED)
    }

    fn read(raw: &Raw) -> Result<Self, String> {
        let items: Vec<&str> = match raw {
            Raw::Text(text) if text.trim().is_empty() => Vec::new(),
            Raw::Text(text) => text.split(',').collect(),
            Raw::List(items) => items.iter().map(String::as_str).collect(),
        };
        if items.len() > LIST_ITEMS_MAX {
            return Err(format!("there are {} items, more than the {LIST_ITEMS_MAX} allowed", items.len()));
        }
        items.into_iter().map(|item| parse(item.trim())).collect()
    }

    fn show(&self) -> String {
        let items: Vec<String> = self.iter().map(Scalar::show).collect();
        format!("[{}]", items.join(", "))
    }

    fn measure(&self) -> Option<u128> {
        None
    }
}

/// A TOML string on one line.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

fn parse<T: Scalar>(text: &str) -> Result<T, String> {
    T::parse(text).map_err(|why| {
        if T::SECRET {
            format!("the value (hidden) {why}")
        } else if text.chars().count() > QUOTED_CHARS_MAX {
            let start: String = text.chars().take(QUOTED_CHARS_MAX).collect();
            format!("{start:?}… {why}")
        } else {
            format!("{text:?} {why}")
        }
    })
}

#[cfg(test)]
pub mod testing {
    //! One line a case: what is written, and what is understood or refused.

    use super::*;

    /// Writes `text` and expects it shown as `shown`.
    #[track_caller]
    pub fn accepts<T: Value>(text: &str, shown: &str) {
        let value = T::read(&Raw::Text(text.to_owned()));
        assert_eq!(value.map(|value| value.show()), Ok(shown.to_owned()), "for {text:?}");
    }

    /// Writes `text` and expects exactly the complaint `why`.
    #[track_caller]
    pub fn refuses<T: Value>(text: &str, why: &str) {
        let value = T::read(&Raw::Text(text.to_owned()));
        assert_eq!(value.map(|value| value.show()), Err(why.to_owned()), "for {text:?}");
    }
}
