//! What happened, line by line, with the world's time: kept as text, or only as a fingerprint.

use std::fmt::{Arguments, Write as _};

use ringup_core::time::Timestamp;

use crate::ports::BEGINNING;

pub struct Trace {
    fingerprint: u64,
    lines: u64,
    line: String,
    text: Option<String>,
}

impl Trace {
    pub fn new(keep_text: bool) -> Trace {
        Trace { fingerprint: 0xcbf2_9ce4_8422_2325, lines: 0, line: String::new(), text: keep_text.then(String::new) }
    }

    pub fn line(&mut self, at: Timestamp, what: Arguments<'_>) {
        self.line.clear();
        let since_us = at.saturating_since(BEGINNING).as_micros();
        // Writing to a string cannot fail.
        let _ = writeln!(self.line, "{}.{:06} {what}", since_us / 1_000_000, since_us % 1_000_000);
        for byte in self.line.bytes() {
            self.fingerprint = (self.fingerprint ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        self.lines += 1;
        if let Some(text) = &mut self.text {
            text.push_str(&self.line);
        }
    }

    /// Equal for equal traces, and for hardly any others.
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Empty unless it was to be kept.
    pub fn text(&self) -> &str {
        self.text.as_deref().unwrap_or_default()
    }
}
