//! The two journals that outlive the server under test, as JSON lines: what publishers sent and saw
//! acknowledged, what receivers got and answered. The oracle compares them.

use std::{
    fmt,
    fs::{File, OpenOptions},
    io::{BufRead, BufReader, Write},
    path::Path,
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result};
use aws_lc_rs::digest;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// One publish request, as the publisher saw it. A repeated publish of one event is a second line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// The publisher's own name for the event, sent as `eventId`.
    pub uid: String,
    /// The account (id or uid) it was published to.
    pub app: String,
    /// The event type's name.
    pub event_type: String,
    /// Of the payload alone, as it must reach the receiver.
    pub body_sha256: Sha256,
    /// The payload, where the publisher was asked to keep it (needed to verify signatures
    /// when the receiver kept no body).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<String>,
    /// Ordering key and place in its sequence, for events that must stay in order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<(String, u64)>,
    /// Unix time in nanoseconds just before the request was written.
    pub sent_at_ns: u64,
    /// Unix time in nanoseconds when the answer was complete; none when there was no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_at_ns: Option<u64>,
    /// Status of the answer; none when the connection ended first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The id the server gave the event (`msg_…`), from a 2xx answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
}

impl Sent {
    /// A 2xx came back: the promise holds for this event.
    pub fn is_acknowledged(&self) -> bool {
        self.status.is_some_and(is_success)
    }
}

/// One request, as a receiver saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Header `webhook-id`; empty when missing.
    pub id: String,
    /// Unix time in nanoseconds when the whole request had been read.
    pub at_ns: u64,
    /// Path and query.
    pub path: String,
    /// Header `webhook-timestamp`; empty when missing.
    pub timestamp: String,
    /// Header `webhook-signature`; empty when missing.
    pub signature: String,
    /// Of the raw body.
    pub body_sha256: Sha256,
    /// Bytes of the raw body.
    pub body_len: u64,
    /// The body, where the receiver was asked to keep it and it is UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The status that was answered, wholly or in part; none when none was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The answer was handed to the socket to its last byte.
    pub complete: bool,
    /// The receiver's own script left the answer out or broke it off.
    #[serde(default)]
    pub cut: bool,
}

/// 200 to 299.
pub fn is_success(status: u16) -> bool {
    (200..300).contains(&status)
}

/// A SHA-256 digest, lower-case hexadecimal in journals.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Sha256([u8; 32]);

impl Sha256 {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let digest = digest::digest(&digest::SHA256, bytes);
        Self(digest.as_ref().try_into().expect("SHA-256 has 32 bytes"))
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Sha256> for String {
    fn from(digest: Sha256) -> Self {
        digest.to_string()
    }
}

impl TryFrom<String> for Sha256 {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("not a SHA-256 digest: {text}");
        if text.len() != 64 || !text.is_ascii() {
            return Err(wrong());
        }
        let mut bytes = [0; 32];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[index * 2..index * 2 + 2], 16).map_err(|_| wrong())?;
        }
        Ok(Self(bytes))
    }
}

/// An append-only file of JSON lines. Each line is handed to the operating system at once, so it
/// survives the death of the process that wrote it.
#[derive(Debug)]
pub struct Journal {
    file: Mutex<File>,
}

impl Journal {
    /// Opens the file for appending, creating it when missing.
    pub fn open(path: &Path) -> Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path);
        Ok(Self { file: Mutex::new(file.with_context(|| format!("opening journal {}", path.display()))?) })
    }

    /// Appends one line.
    pub fn append(&self, record: &impl Serialize) -> Result<()> {
        let mut line = serde_json::to_vec(record).context("encoding a journal line")?;
        line.push(b'\n');
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(&line).context("appending to a journal")
    }
}

/// All records of a journal. A last line without its newline was cut off by a crash and is left out;
/// anything else unreadable is an error that names the line.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>> {
    let file = File::open(path).with_context(|| format!("opening journal {}", path.display()))?;
    let mut reader = BufReader::new(file);
    let mut records = Vec::new();
    let mut line = Vec::new();
    loop {
        line.clear();
        reader.read_until(b'\n', &mut line).with_context(|| format!("reading {}", path.display()))?;
        if line.last() != Some(&b'\n') {
            return Ok(records);
        }
        let place = || format!("line {} of {}", records.len() + 1, path.display());
        records.push(serde_json::from_slice(&line).with_context(place)?);
    }
}

/// Unix time in nanoseconds; zero before 1970.
pub fn unix_ns(at: SystemTime) -> u64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// The present in Unix nanoseconds.
pub fn now_ns() -> u64 {
    unix_ns(SystemTime::now())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tempdir::TempDir;

    fn receipt(id: &str) -> Receipt {
        Receipt {
            id: id.to_owned(),
            at_ns: 5,
            path: "/hook?a=1".to_owned(),
            timestamp: "1".to_owned(),
            signature: "v1,x".to_owned(),
            body_sha256: Sha256::of(b"{}"),
            body_len: 2,
            body: Some("{}".to_owned()),
            status: Some(200),
            complete: true,
            cut: false,
        }
    }

    #[test]
    fn a_journal_reads_back_and_a_torn_last_line_is_left_out() -> Result<()> {
        let dir = TempDir::new("journal")?;
        let path = dir.join("receipts.jsonl");
        let journal = Journal::open(&path)?;
        journal.append(&receipt("msg_1"))?;
        journal.append(&receipt("msg_2"))?;
        OpenOptions::new().append(true).open(&path)?.write_all(b"{\"id\":\"msg_3\",\"at")?;
        assert_eq!(read::<Receipt>(&path)?, [receipt("msg_1"), receipt("msg_2")]);
        Ok(())
    }

    #[test]
    fn a_damaged_line_in_the_middle_is_named() -> Result<()> {
        let dir = TempDir::new("journal")?;
        let path = dir.join("receipts.jsonl");
        std::fs::write(&path, "{\"id\":1}\n")?;
        let error = read::<Receipt>(&path).expect_err("the line is not a receipt");
        assert!(error.to_string().starts_with("line 1 of "), "{error}");
        Ok(())
    }

    #[test]
    fn the_digest_is_the_published_one_and_survives_json() -> Result<()> {
        let digest = Sha256::of(b"abc");
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest.to_string(), expected);
        assert_eq!(serde_json::from_str::<Sha256>(&serde_json::to_string(&digest)?)?, digest);
        assert!(serde_json::from_str::<Sha256>("\"abc\"").is_err());
        Ok(())
    }
}
