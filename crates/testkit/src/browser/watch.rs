//! What pages did that none may do: asked for something that the content security policy refuses, or ran what somebody
//! else wrote.
//!
//! It is read from the browser's own log, which no page can reach: refusals stand there also where scripts are off, in
//! frames, and for documents that are gone by now.

use std::{io, sync::PoisonError};

use anyhow::{Context, Result};
use http::Method;
use serde_json::{Value, json};

use super::Browser;

/// What a payload calls where it can run.
pub const CALL: &str = "__xss";

/// Makes [`CALL`] known to every document, frames among them, before anything of the page runs; and notes what the policy
/// refused where the log of the browser should keep silent.
pub(super) fn listener() -> String {
    format!(
        "globalThis.{CALL} = (which) => console.error(`somebody ran ${{which}}`);
         addEventListener('securitypolicyviolation', (event) => console.error(
           `refused by the policy: ${{event.violatedDirective}} ${{event.blockedURI}} ${{event.sourceFile}}`));"
    )
}

/// Where the driver gives out the log since it was last asked.
const LOG: &str = "/se/log";

/// What must not have been seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// What the content security policy refused, in the browser's words.
    pub refused: Vec<String>,
    /// What ran though others wrote it.
    pub ran: Vec<String>,
    /// What went wrong in a script of ours.
    pub broken: Vec<String>,
}

impl Seen {
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    fn add(&mut self, entries: &Value) {
        for entry in entries.as_array().into_iter().flatten() {
            let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
            let message = text("message");
            match text("source") {
                "security" => self.refused.push(message.to_owned()),
                "javascript" => self.broken.push(message.to_owned()),
                _ if message.contains("refused by the policy: ") => self.refused.push(message.to_owned()),
                _ if message.contains("somebody ran ") => self.ran.push(message.to_owned()),
                _ => {}
            }
        }
    }
}

impl Browser {
    /// What was seen on all pages so far.
    pub async fn seen(&self) -> Result<Seen> {
        let entries = self.ask(Method::POST, LOG, &json!({"type": "browser"})).await.context("the browser's log")?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.add(&entries);
        Ok(seen.clone())
    }

    /// The same, which is thereby forgiven: for tests of the watching itself.
    pub async fn take_seen(&self) -> Result<Seen> {
        self.seen().await?;
        Ok(std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    /// As [`Browser::seen`], without the runtime.
    pub(super) fn seen_at_the_end(&mut self) -> io::Result<Seen> {
        let answer = self.tell("POST", LOG, r#"{"type":"browser"}"#)?;
        let answer: Value = serde_json::from_str(&answer)?;
        let seen = self.seen.get_mut().unwrap_or_else(PoisonError::into_inner);
        seen.add(answer.get("value").unwrap_or(&Value::Null));
        Ok(seen.clone())
    }
}
