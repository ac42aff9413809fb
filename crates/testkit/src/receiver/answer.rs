//! What a receiver is told to answer.

use std::{collections::HashMap, fmt, str::FromStr, sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use tokio::sync::watch;

use super::Received;

/// One scripted answer.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
    /// Pause between the whole request and the first byte of the answer.
    pub delay: Duration,
    /// The answer also waits for this gate.
    pub gate: Option<Gate>,
    pub ending: Ending,
}

/// How an exchange ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The whole answer is written.
    Whole,
    /// The head and this many bytes of the body are written, then the connection is closed.
    Cut(usize),
    /// The connection is closed without a byte of answer.
    Nothing,
}

impl Answer {
    /// This status with an empty body.
    pub fn status(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Bytes::new(),
            delay: Duration::ZERO,
            gate: None,
            ending: Ending::Whole,
        }
    }

    /// Closes the connection after the request, without an answer.
    pub fn nothing() -> Self {
        Self { ending: Ending::Nothing, ..Self::status(200) }
    }

    /// Adds a header; repeats are kept.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Answers with this body.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Waits this long first.
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Waits until the gate is open.
    pub fn gated(mut self, gate: &Gate) -> Self {
        self.gate = Some(gate.clone());
        self
    }

    /// Ends the connection after the head and `bytes` bytes of the body.
    pub fn cut(mut self, bytes: usize) -> Self {
        self.ending = Ending::Cut(bytes);
        self
    }

    pub(super) async fn ready(&self) {
        if !self.delay.is_zero() {
            tokio::time::sleep(self.delay).await;
        }
        if let Some(gate) = &self.gate {
            gate.passed().await;
        }
    }
}

/// Holds answers back until a test lets them go, so that "while the request is in flight" is a fact
/// and not a matter of timing.
#[derive(Clone, Debug)]
pub struct Gate {
    open: Arc<watch::Sender<bool>>,
}

impl Gate {
    /// A gate that nothing passes yet.
    pub fn closed() -> Self {
        Self { open: Arc::new(watch::Sender::new(false)) }
    }

    /// Lets everything pass, now and later.
    pub fn open(&self) {
        self.open.send_replace(true);
    }

    async fn passed(&self) {
        let mut open = self.open.subscribe();
        open.wait_for(|open| *open).await.expect("this gate holds the sender");
    }
}

/// How a receiver chooses its answers.
#[derive(Clone)]
pub enum Script {
    /// The same for every request.
    Fixed(Answer),
    /// For each `webhook-id` the answers in turn; the last one repeats.
    Sequence(Vec<Answer>),
    /// Whatever the closure says.
    ByRequest(Arc<dyn Fn(&Received) -> Answer + Send + Sync>),
}

impl Script {
    /// Asks a closure for each request.
    pub fn by(choose: impl Fn(&Received) -> Answer + Send + Sync + 'static) -> Self {
        Self::ByRequest(Arc::new(choose))
    }

    pub(super) fn answer(&self, request: &Received, seen: &mut HashMap<String, usize>) -> Answer {
        match self {
            Self::Fixed(answer) => answer.clone(),
            Self::ByRequest(choose) => choose(request),
            Self::Sequence(answers) => {
                let turn = seen.entry(request.id().to_owned()).or_default();
                let answer = answers.get(*turn).or(answers.last()).cloned();
                *turn += 1;
                answer.unwrap_or_else(|| Answer::status(200))
            }
        }
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(answer) => f.debug_tuple("Fixed").field(answer).finish(),
            Self::Sequence(answers) => f.debug_tuple("Sequence").field(answers).finish(),
            Self::ByRequest(_) => f.write_str("ByRequest(..)"),
        }
    }
}

impl From<Answer> for Script {
    fn from(answer: Answer) -> Self {
        Self::Fixed(answer)
    }
}

impl From<u16> for Script {
    fn from(status: u16) -> Self {
        Self::Fixed(Answer::status(status))
    }
}

/// Reads `503 x2, 200`: for each `webhook-id` twice 503, then 200 for good. `-` is no answer.
impl FromStr for Script {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut answers = Vec::new();
        for step in text.split(',').map(str::trim) {
            let (what, times) = step.split_once(" x").unwrap_or((step, "1"));
            let answer = match what.trim() {
                "-" => Answer::nothing(),
                status => Answer::status(status.parse().with_context(|| format!("status in `{step}`"))?),
            };
            ensure!((100..1000).contains(&answer.status), "no such status in `{step}`");
            let times: usize = times.trim().parse().with_context(|| format!("count in `{step}`"))?;
            ensure!((1..=1000).contains(&times), "count in `{step}` is not 1 to 1000");
            answers.extend(std::iter::repeat_n(answer, times));
        }
        Ok(Self::Sequence(answers))
    }
}
