//! The lines a child process prints.

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Read},
    process::Child,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use tokio::{sync::watch, time::timeout_at};

/// Lines that are kept; older ones are dropped.
const LINES_MAX: usize = 20_000;
/// Bytes of one line; the rest of a longer one becomes the next.
const LINE_BYTES_MAX: u64 = 64 * 1024;

/// Captured lines of stdout and stderr, newest last.
#[derive(Debug, Default)]
pub struct Output {
    lines: Arc<Lines>,
    readers: Vec<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Lines {
    kept: Mutex<VecDeque<String>>,
    changed: watch::Sender<()>,
}

impl Output {
    /// Every line kept so far.
    pub fn lines(&self) -> Vec<String> {
        self.lines.kept().iter().cloned().collect()
    }

    /// The last `count` lines as one text.
    pub fn tail(&self, count: usize) -> String {
        let kept = self.lines.kept();
        let from = kept.len().saturating_sub(count);
        kept.range(from..).map(String::as_str).collect::<Vec<_>>().join("\n")
    }

    /// Waits for a line that meets the condition, printed before or after the call.
    pub async fn wait_line(&self, deadline: Duration, condition: impl Fn(&str) -> bool) -> Result<String> {
        let until = tokio::time::Instant::now() + deadline;
        let mut changed = self.lines.changed.subscribe();
        loop {
            if let Some(line) = self.lines.kept().iter().find(|line| condition(line)) {
                return Ok(line.clone());
            }
            if timeout_at(until, changed.changed()).await.is_err() {
                bail!("no such line within {deadline:?}; the last ones:\n{}", self.tail(20));
            }
        }
    }

    /// Reads what this child prints, on two threads that end with it.
    pub(super) fn follow(&mut self, child: &mut Child) -> Result<()> {
        let stdout = child.stdout.take().context("stdout is not piped")?;
        let stderr = child.stderr.take().context("stderr is not piped")?;
        self.finish();
        self.readers = vec![self.reader("stdout", stdout)?, self.reader("stderr", stderr)?];
        Ok(())
    }

    /// Waits until everything a dead child printed has been read.
    pub(super) fn finish(&mut self) {
        for reader in self.readers.drain(..) {
            reader.join().expect("reading lines does not panic");
        }
    }

    fn reader(&self, name: &str, stream: impl Read + Send + 'static) -> Result<JoinHandle<()>> {
        let lines = self.lines.clone();
        let reader = thread::Builder::new().name(format!("server-{name}"));
        Ok(reader.spawn(move || read_lines(BufReader::new(stream), &lines))?)
    }
}

impl Lines {
    fn push(&self, line: String) {
        let mut kept = self.kept();
        if kept.len() == LINES_MAX {
            kept.pop_front();
        }
        kept.push_back(line);
        drop(kept);
        self.changed.send_replace(());
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<String>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read_lines(mut stream: impl BufRead, lines: &Lines) {
    let mut line = Vec::new();
    // A stream that fails has ended with its process.
    while (&mut stream).take(LINE_BYTES_MAX).read_until(b'\n', &mut line).is_ok_and(|bytes| bytes > 0) {
        lines.push(String::from_utf8_lossy(&line).trim_end().to_owned());
        line.clear();
    }
}
