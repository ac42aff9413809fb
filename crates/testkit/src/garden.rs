//! Secrets that are known when they are seen, and where they are not to be found.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Result, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// What was planted, by where.
#[derive(Debug, Default)]
pub struct Garden {
    planted: BTreeMap<&'static str, Vec<String>>,
}

impl Garden {
    /// A secret for this field, unlike any other.
    pub fn plant(&mut self, field: &'static str) -> String {
        let number = self.len();
        let word: String = field.chars().filter(char::is_ascii_alphanumeric).collect();
        self.put(field, format!("canary{number}{word}"))
    }

    /// A signing secret for this field: found as its text, and as the bytes that it stands for.
    pub fn plant_signing(&mut self, field: &'static str) -> String {
        let bytes = format!("{:>^32}", self.plant(field));
        self.put(field, bytes.clone());
        format!("whsec_{}", self.put(field, STANDARD.encode(bytes)))
    }

    /// A secret that others made.
    pub fn put(&mut self, field: &'static str, secret: String) -> String {
        self.planted.entry(field).or_default().push(secret.clone());
        secret
    }

    fn found_in(&self, text: &[u8]) -> Option<String> {
        let all = self.planted.iter().flat_map(|(field, secrets)| secrets.iter().map(move |secret| (field, secret)));
        let mut found = all.filter(|(_, secret)| has(text, secret) || has(text, &numbers(secret)));
        found.next().map(|(field, secret)| format!("{field}, {secret}"))
    }

    /// The secrets of a field, oldest first.
    pub fn of(&self, field: &str) -> &[String] {
        self.planted.get(field).map(Vec::as_slice).unwrap_or_default()
    }

    /// How many secrets there are.
    pub fn len(&self) -> usize {
        self.planted.values().flatten().count()
    }

    /// Whether nothing was planted.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fails if one of them stands in a text, naming it and the place.
    pub fn assert_not_in(&self, text: &[u8], place: &str) -> Result<()> {
        let found = self.found_in(text);
        ensure!(found.is_none(), "{} in {place}", found.unwrap_or_default());
        Ok(())
    }

    /// Looks into every file of a folder and of those within; how many bytes were looked at.
    pub fn assert_in_no_file(&self, folder: &Path, state: &str) -> Result<usize> {
        let mut bytes = 0;
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            bytes += if path.is_dir() {
                self.assert_in_no_file(&path, state)?
            } else {
                let content = fs::read(&path)?;
                self.assert_not_in(&content, &format!("{} {state}", path.display()))?;
                content.len()
            };
        }
        Ok(bytes)
    }
}

fn has(text: &[u8], secret: &str) -> bool {
    memchr::memmem::find(text, secret.as_bytes()).is_some()
}

/// How bytes lie in JSON.
fn numbers(secret: &str) -> String {
    secret.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(",")
}
