//! The layers a configuration is laid together from, weakest first.

pub mod environment;
pub mod file;
pub mod flag;

use std::collections::BTreeMap;

use super::mistake::{Mistake, Mistakes};
use super::nearest::nearest;
use super::origin::Origin;
use super::setting::{Setting, Settings};
use super::table::{self, Key};
use super::value::Raw;

/// Bytes of a configuration file; more is not a configuration.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// What the layers read so far amount to.
pub struct Layers {
    settings: BTreeMap<&'static str, Setting>,
    mistakes: Vec<Mistake>,
}

impl Layers {
    /// Every key at its default.
    pub fn built_in() -> Self {
        let mut layers = Self { settings: BTreeMap::new(), mistakes: Vec::new() };
        for key in table::keys() {
            layers.set(key, Raw::Text(key.default.to_owned()), Origin::Default);
        }
        layers
    }

    /// Takes a value for the key called `name`, which wins over those of earlier layers; remembers a mistake if there is
    /// no such key or the value is refused.
    pub fn offer(&mut self, name: &str, raw: Raw, origin: Origin) {
        match table::key(name) {
            Some(key) => self.set(key, raw, origin),
            None => self.refuse(unknown(name, name, Key::name_text).origin(origin)),
        }
    }

    /// [`Layers::offer`] for a key that is known.
    pub fn set(&mut self, key: &'static Key, raw: Raw, origin: Origin) {
        match key.check(&raw) {
            Ok(shown) => {
                self.settings.insert(key.name, Setting { raw, shown, origin });
            }
            Err(why) => {
                self.refuse(Mistake::new(format!("{}: {why}", key.name)).origin(origin).expected(key.expected()))
            }
        }
    }

    pub fn refuse(&mut self, mistake: Mistake) {
        self.mistakes.push(mistake);
    }

    pub fn finish(self) -> Result<Settings, Mistakes> {
        if self.mistakes.is_empty() { Ok(Settings(self.settings)) } else { Err(Mistakes(self.mistakes)) }
    }
}

/// `written` is the name as the operator wrote it, `name` the key it stands for; `spell` writes a valid key in the same
/// manner.
fn unknown(written: &str, name: &str, spell: fn(&Key) -> String) -> Mistake {
    let mistake = Mistake::new(format!("{written}: there is no such key"));
    let next = match nearest(name) {
        Some(key) => format!("did you mean {}?", spell(key)),
        None => match table::section(name.split('.').next().unwrap_or(name)) {
            Some(section) => {
                let keys: Vec<&str> = section.keys.iter().map(Key::field).collect();
                format!("the keys of {} are {}", section.name, keys.join(", "))
            }
            None => {
                let sections: Vec<&str> = table::SECTIONS.iter().map(|section| section.name).collect();
                format!("the sections are {}", sections.join(", "))
            }
        },
    };
    mistake.next(next)
}

/// The text of a file of at most `bytes_max`, or why it cannot be had.
fn read_text(path: &std::path::Path, bytes_max: u64) -> Result<String, ReadError> {
    use std::io::Read as _;

    let file = std::fs::File::open(path)?;
    let mut bytes = Vec::new();
    file.take(bytes_max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        return Err(ReadError::TooLong { bytes_max });
    }
    String::from_utf8(bytes).map_err(|_| ReadError::NotUtf8)
}

#[derive(Debug)]
enum ReadError {
    Io(std::io::Error),
    TooLong { bytes_max: u64 },
    NotUtf8,
}

impl From<std::io::Error> for ReadError {
    fn from(error: std::io::Error) -> Self {
        ReadError::Io(error)
    }
}

impl std::fmt::Display for ReadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ReadError::Io(error) => write!(f, "cannot be read: {error}"),
            ReadError::TooLong { bytes_max } => write!(f, "is longer than {bytes_max} bytes"),
            ReadError::NotUtf8 => f.write_str("is not UTF-8 text"),
        }
    }
}
