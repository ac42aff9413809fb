//! Configuration files: TOML, a table for each section.

use std::borrow::Cow;
use std::io::ErrorKind;
use std::num::IntErrorKind;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{FILE_BYTES_MAX, Layers, ReadError, read_text, unknown};
use crate::config::mistake::Mistake;
use crate::config::origin::Origin;
use crate::config::table::{self, Key};
use crate::config::value::Raw;

/// Reads the file at `path`; that there is none is a mistake.
pub fn read(path: &Path, layers: &mut Layers) {
    match read_text(path, FILE_BYTES_MAX) {
        Ok(text) => File { path, text: &text }.read(layers),
        Err(error) => layers.refuse(
            Mistake::new(format!("the configuration file {} {error}", path.display()))
                .next("correct the path, or make the file readable to the user that runs ringup".to_owned()),
        ),
    }
}

/// Reads the file at `path` unless there is none.
pub fn read_if_present(path: &Path, layers: &mut Layers) {
    match read_text(path, FILE_BYTES_MAX) {
        Err(ReadError::Io(error)) if error.kind() == ErrorKind::NotFound => {}
        _ => read(path, layers),
    }
}

struct File<'a> {
    path: &'a Path,
    text: &'a str,
}

impl File<'_> {
    fn read(&self, layers: &mut Layers) {
        let (document, errors) = DeTable::parse_recoverable(self.text);
        if !errors.is_empty() {
            // What could be recovered would only add mistakes that follow from these.
            for error in errors {
                // The parser's own rendering quotes the line, which may hold a secret.
                let at = error.span().map_or(0, |span| span.start);
                layers.refuse(
                    Mistake::new(format!("this is not TOML: {}", error.message().trim())).origin(self.origin(at)),
                );
            }
            return;
        }
        for (name, value) in document.get_ref() {
            self.section(name, value, layers);
        }
    }

    fn section(&self, name: &Spanned<Cow<'_, str>>, value: &Spanned<DeValue<'_>>, layers: &mut Layers) {
        let origin = self.origin(name.span().start);
        let section = name.get_ref();
        if table::section(section).is_none() {
            layers.refuse(unknown_section(section, value).origin(origin));
            return;
        }
        let DeValue::Table(keys) = value.get_ref() else {
            layers.refuse(
                Mistake::new(format!("{section}: this is a section, not a key"))
                    .origin(origin)
                    .next(format!("write [{section}] and its keys on the lines below")),
            );
            return;
        };
        for (key, value) in keys {
            let origin = self.origin(key.span().start);
            let name = format!("{section}.{}", key.get_ref());
            match (table::key(&name), raw(value.get_ref())) {
                (Some(key), Ok(raw)) => layers.set(key, raw, origin),
                (Some(key), Err(kind)) => layers
                    .refuse(Mistake::new(format!("{name}: this is {kind}")).origin(origin).expected(key.expected())),
                (None, _) => layers.refuse(unknown(&name, &name, Key::name_text).origin(origin)),
            }
        }
    }

    fn origin(&self, at: usize) -> Origin {
        let line = 1 + self.text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count();
        Origin::File { path: self.path.to_path_buf(), line }
    }
}

/// A table that no section is called like, or a key outside any section.
fn unknown_section(name: &str, value: &Spanned<DeValue<'_>>) -> Mistake {
    if !value.get_ref().is_table() {
        return unknown(name, name, Key::name_text);
    }
    let near = table::SECTIONS
        .iter()
        .map(|section| (strsim::damerau_levenshtein(name, section.name), section.name))
        .min()
        .filter(|(distance, _)| *distance <= 2);
    match near {
        Some((_, near)) => {
            Mistake::new(format!("[{name}]: there is no such section")).next(format!("did you mean [{near}]?"))
        }
        None => unknown(&format!("[{name}]"), name, Key::name_text),
    }
}

/// The value as text, or what it is instead.
fn raw(value: &DeValue<'_>) -> Result<Raw, &'static str> {
    match value {
        DeValue::Array(items) => {
            let items: Result<Vec<String>, &'static str> = items.iter().map(|item| scalar(item.get_ref())).collect();
            Ok(Raw::List(items?))
        }
        scalar_value => scalar(scalar_value).map(Raw::Text),
    }
}

fn scalar(value: &DeValue<'_>) -> Result<String, &'static str> {
    match value {
        DeValue::String(text) => Ok(text.clone().into_owned()),
        DeValue::Boolean(value) => Ok(value.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map(|number| number.to_string())
            .map_err(|error| match error.kind() {
                IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => "a number too large to hold",
                // The parser lets a prefix without digits pass.
                _ => "no number",
            }),
        DeValue::Float(_) => Err("a number with a fraction"),
        DeValue::Datetime(_) => Err("a date or time"),
        DeValue::Array(_) => Err("a list within a list"),
        DeValue::Table(_) => Err("a table"),
    }
}
