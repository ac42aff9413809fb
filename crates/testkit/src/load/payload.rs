//! What a generator publishes.

use std::{fmt, io::Write as _, sync::Arc};

use crate::receiver::fast::SENT_FIELD;

/// What is known about an event when its payload is written.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a> {
    /// Unique over the whole run.
    pub uid: &'a str,
    pub app: &'a str,
    /// Place in the whole run, from 0.
    pub number: u64,
    /// Names the publisher; its events are accepted one after the other.
    pub order_key: &'a str,
    /// Place in the publisher's sequence, from 0.
    pub order_place: u64,
    /// Unix time in nanoseconds.
    pub now_ns: u64,
}

/// Writes payloads. Each must contain the uid, or two events cannot be told apart.
#[derive(Clone)]
pub struct Payload {
    write: Arc<Write>,
}

type Write = dyn Fn(&Draft<'_>, &mut Vec<u8>) + Send + Sync;

impl Payload {
    /// Appends whatever the closure writes.
    pub fn by(write: impl Fn(&Draft<'_>, &mut Vec<u8>) + Send + Sync + 'static) -> Self {
        Self { write: Arc::new(write) }
    }

    /// An object of about this many bytes: time of sending, uid, ordering key and place, padding.
    pub fn of_bytes(bytes: usize) -> Self {
        let padding = "0123456789abcdef".repeat(bytes.saturating_sub(FIELDS_BYTES).div_ceil(16));
        Self::by(move |draft, out| {
            fields(draft, out);
            write!(out, "\"pad\":\"{padding}\"}}").expect("writing to memory does not fail");
        })
    }

    /// As [`Payload::of_bytes`], with padding that a database cannot compress: text without a repetition.
    pub fn dense_of_bytes(bytes: usize) -> Self {
        let padding = bytes.saturating_sub(FIELDS_BYTES);
        let text = dense(padding * 2);
        Self::by(move |draft, out| {
            fields(draft, out);
            let from = usize::try_from(draft.number).unwrap_or_default() * 31 % (padding + 1);
            write!(out, "\"pad\":\"{}\"}}", &text[from..from + padding]).expect("writing to memory does not fail");
        })
    }

    /// A sample with time of sending, uid, ordering key and place put in front of its own members.
    ///
    /// The sample is the text of a JSON object with at least one member.
    pub fn from_sample(sample: &str) -> Self {
        let members = sample.trim_start().trim_start_matches('{').to_owned();
        Self::by(move |draft, out| {
            fields(draft, out);
            out.extend_from_slice(members.as_bytes());
        })
    }

    pub(super) fn write(&self, draft: &Draft<'_>, out: &mut Vec<u8>) {
        (self.write)(draft, out);
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Payload(..)")
    }
}

/// About what the fields before the padding take.
const FIELDS_BYTES: usize = 120;

/// The same letters and digits for each run.
fn dense(bytes: usize) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let letter = |_| {
        // xorshift64: far longer than any payload before it repeats itself.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(LETTERS[usize::try_from(state >> 58).unwrap_or_default()])
    };
    (0..bytes).map(letter).collect()
}

/// First in the payload, so that a receiver finds the time without reading far.
fn fields(draft: &Draft<'_>, out: &mut Vec<u8>) {
    let Draft { uid, order_key, order_place, now_ns, .. } = draft;
    write!(out, "{{{SENT_FIELD}{now_ns},\"uid\":\"{uid}\",\"key\":\"{order_key}\",\"place\":{order_place},")
        .expect("writing to memory does not fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dense_payloads_are_json_of_the_size_that_was_asked_for_and_differ() {
        let payload = Payload::dense_of_bytes(4096);
        let written = |number| {
            let draft = Draft {
                uid: "b1-17",
                app: "shop-1",
                number,
                order_key: "b1-p3",
                order_place: 5,
                now_ns: 1_764_000_000_000_000_000,
            };
            let mut out = Vec::new();
            payload.write(&draft, &mut out);
            out
        };
        let (first, second) = (written(0), written(1_000_001));
        assert!(serde_json::from_slice::<serde_json::Value>(&first).is_ok_and(|value| value.is_object()));
        assert!((4000..=4100).contains(&first.len()), "{} bytes", first.len());
        assert_ne!(first, second);
    }
}
