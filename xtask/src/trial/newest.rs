//! Asks whether what was acknowledged last is known.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result};
use ringup_testkit::{client::Client, journal::Sent};

/// Follows the publishers' journal and knows what was acknowledged last.
pub struct Newest {
    path: PathBuf,
    offset: u64,
    /// Account and id of the last few acknowledged events.
    events: Vec<(String, String)>,
}

/// Events looked up each time.
const NEWEST_MAX: usize = 8;

impl Newest {
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), offset: 0, events: Vec::new() }
    }

    /// Asks for the events that were acknowledged last: they must be there, and "expected 200" is said if one is not.
    pub async fn check(&mut self, client: &Client) -> Result<()> {
        self.read_on()?;
        let client = client.clone().within(Duration::from_secs(10));
        for (app, event) in &self.events {
            let reply = client.get(&format!("/api/v1/app/{app}/msg/{event}")).await?;
            reply.expect(200).with_context(|| format!("{event} was acknowledged"))?;
        }
        Ok(())
    }

    fn read_on(&mut self) -> Result<()> {
        let mut file = BufReader::new(File::open(&self.path)?);
        file.seek(SeekFrom::Start(self.offset))?;
        let mut line = String::new();
        while file.read_line(&mut line)? > 0 && line.ends_with('\n') {
            self.offset += line.len() as u64;
            let sent: Sent = serde_json::from_str(&line)?;
            if let (true, Some(event)) = (sent.is_acknowledged(), sent.event) {
                self.events.push((sent.app, event));
            }
            line.clear();
        }
        let old = self.events.len().saturating_sub(NEWEST_MAX);
        self.events.drain(..old);
        Ok(())
    }
}
