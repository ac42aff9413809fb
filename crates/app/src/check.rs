//! Rules for names and texts that callers choose.

use std::collections::BTreeMap;

use ringup_core::limits::{NAME_CHARS_MAX, TAG_CHARS_MAX};

use crate::error::{AppError, Fault};

/// Channels that an endpoint may listen on, and that an event may carry (Svix dialect).
pub const ENDPOINT_CHANNELS_MAX: usize = 10;
pub const EVENT_CHANNELS_MAX: usize = 10;

/// Entries of metadata, and bytes of one key and one value: a few references to elsewhere, not a database.
const METADATA_ENTRIES_MAX: usize = 64;
const METADATA_KEY_BYTES_MAX: usize = 256;
const METADATA_VALUE_BYTES_MAX: usize = 4_096;

/// Bytes of a name or a description for people.
pub const TITLE_BYTES_MAX: usize = 512;
pub const DESCRIPTION_BYTES_MAX: usize = 8_192;

/// Attempts a second: above it no receiver is slowed down by the limit.
pub const RATE_LIMIT_MAX: u32 = 65_535;

/// Collects what is wrong, so that a caller sees all of it at once.
#[derive(Default)]
pub struct Faults(Vec<Fault>);

impl Faults {
    pub fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    pub fn check(&mut self, holds: bool, fault: impl FnOnce() -> Fault) {
        if !holds {
            self.0.push(fault());
        }
    }

    pub fn done(self) -> Result<(), AppError> {
        if self.0.is_empty() { Ok(()) } else { Err(AppError::Invalid(self.0)) }
    }

    /// A uid, an event id, an event type, a channel: `[a-zA-Z0-9\-_.]`, 1 to 256 characters.
    pub fn name(&mut self, field: &'static str, text: &str) {
        self.check(is_name(text), || name_fault(field));
    }

    pub fn uid(&mut self, uid: Option<&str>) {
        if let Some(uid) = uid {
            self.name("uid", uid);
        }
    }

    pub fn names<'a>(&mut self, field: &'static str, names: impl IntoIterator<Item = &'a String>) {
        for (index, name) in names.into_iter().enumerate() {
            self.check(is_name(name), || name_fault(field).at(index));
        }
    }

    pub fn count(&mut self, field: &'static str, count: usize, min: usize, max: usize) {
        self.check((min..=max).contains(&count), || {
            Fault::new(field, "count", format!("{min} to {max} are possible, these are {count}"))
        });
    }

    /// Channels are names that may also have colons and plus signs.
    pub fn channels<'a>(&mut self, channels: impl IntoIterator<Item = &'a String>) {
        for (index, name) in channels.into_iter().enumerate() {
            let plain = name.bytes().all(|byte| is_name_byte(byte) || matches!(byte, b':' | b'+'));
            self.check(plain && (1..=NAME_CHARS_MAX).contains(&name.len()), || {
                let why = format!(
                    "1 to {NAME_CHARS_MAX} characters out of letters, digits, hyphen, underscore, dot, colon and plus"
                );
                Fault::new("channels", "name", why).at(index)
            });
        }
    }

    /// Tags are names that may also have slashes and number signs, each there once.
    pub fn tags(&mut self, tags: &[String]) {
        for (index, tag) in tags.iter().enumerate() {
            let plain = tag.bytes().all(|byte| is_name_byte(byte) || matches!(byte, b'/' | b'\\' | b'#'));
            self.check(plain && (1..=TAG_CHARS_MAX).contains(&tag.len()), || {
                let why = format!(
                    "1 to {TAG_CHARS_MAX} characters out of letters, digits, hyphen, underscore, dot, slashes and #"
                );
                Fault::new("tags", "name", why).at(index)
            });
            self.check(!tags[..index].contains(tag), || Fault::new("tags", "twice", "it is there already").at(index));
        }
    }

    pub fn text(&mut self, field: &'static str, text: &str, bytes_max: usize) {
        self.check(text.len() <= bytes_max, || Fault::new(field, "too_long", format!("at most {bytes_max} bytes")));
    }

    /// A name for people.
    pub fn title(&mut self, field: &'static str, text: &str) {
        self.check(!text.trim().is_empty(), || Fault::new(field, "empty", "a name is needed"));
        self.text(field, text, TITLE_BYTES_MAX);
    }

    pub fn metadata(&mut self, metadata: &BTreeMap<String, String>) {
        self.count("metadata", metadata.len(), 0, METADATA_ENTRIES_MAX);
        for (key, value) in metadata {
            let fits = key.len() <= METADATA_KEY_BYTES_MAX && value.len() <= METADATA_VALUE_BYTES_MAX;
            self.check(fits, || {
                let why =
                    format!("a key has at most {METADATA_KEY_BYTES_MAX} bytes, a value {METADATA_VALUE_BYTES_MAX}");
                Fault::new("metadata", "too_long", why).at(key.chars().take(TITLE_BYTES_MAX).collect::<String>())
            });
        }
    }

    pub fn rate_limit(&mut self, rate_limit: Option<u32>) {
        if let Some(rate) = rate_limit {
            self.check((1..=RATE_LIMIT_MAX).contains(&rate), || {
                Fault::new("rate_limit", "range", format!("1 to {RATE_LIMIT_MAX} attempts a second"))
            });
        }
    }
}

pub fn is_name(text: &str) -> bool {
    (1..=NAME_CHARS_MAX).contains(&text.len()) && text.bytes().all(is_name_byte)
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

fn name_fault(field: &'static str) -> Fault {
    let why = format!("1 to {NAME_CHARS_MAX} characters out of letters, digits, hyphen, underscore and dot");
    Fault::new(field, "name", why)
}
