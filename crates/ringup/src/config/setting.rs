//! The effective settings, each with its origin.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::origin::Origin;
use super::table;
use super::value::{Raw, Value};

/// The effective value of every key of the table, and where it was set.
#[derive(Clone, Debug)]
pub struct Settings(pub(super) BTreeMap<&'static str, Setting>);

/// A value that passed its checks.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub raw: Raw,
    /// The value as TOML; of a secret only whether it is set.
    pub shown: String,
    pub origin: Origin,
}

impl Settings {
    /// All settings, one a line as `section.key = value`, in the order of the table. Secrets are hidden. With `origins`
    /// each line ends in a comment that says where the value was set.
    pub fn show(&self, origins: bool) -> String {
        let lines: Vec<(String, &Origin)> = table::keys()
            .map(|key| (key, self.get(key.name)))
            .map(|(key, setting)| (format!("{} = {}", key.name, setting.shown), &setting.origin))
            .collect();
        let width = lines.iter().map(|(line, _)| line.chars().count()).filter(|width| *width <= 60).max().unwrap_or(0);
        let mut text = String::new();
        for (line, origin) in lines {
            let written = if origins { writeln!(text, "{line:<width$}  # {origin}") } else { writeln!(text, "{line}") };
            written.expect("writing to a string cannot fail");
        }
        text
    }

    /// All settings in the order of the table: name, value as TOML, where it was set. Secrets are hidden.
    pub fn lines(&self) -> impl Iterator<Item = (&'static str, &str, &Origin)> {
        table::keys().map(|key| {
            let setting = self.get(key.name);
            (key.name, setting.shown.as_str(), &setting.origin)
        })
    }

    /// Whether somebody set the key called `name`, even to its default. `name` is a key of the table.
    pub fn is_set(&self, name: &str) -> bool {
        self.get(name).origin != Origin::Default
    }

    /// What `name` is set to, as TOML, and where. `name` is a key of the table.
    pub(super) fn described(&self, name: &str) -> (&str, &Origin) {
        let setting = self.get(name);
        (&setting.shown, &setting.origin)
    }

    pub(super) fn typed<T: Value>(&self, name: &str) -> T {
        T::read(&self.get(name).raw).expect("values are checked when they are offered")
    }

    fn get(&self, name: &str) -> &Setting {
        self.0.get(name).expect("the built-in layer sets every key of the table")
    }
}
