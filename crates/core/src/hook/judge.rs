//! From what an app did to what it means.

use std::time::Duration;

use super::answer::{self, Reading};
use super::cause::{FailCause, Failed};
use super::contract::{Contract, Words};
use super::plan::AnswerKind;
use super::question::text;
use crate::breaker::Verdict;
use crate::json;
use crate::log::LogMode;
use crate::outcome::{Answer, Outcome};
use crate::pointer::Pointer;

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Judgement {
    Answered(Reading),
    /// A valid "no".
    Refused(Reading),
    Failed(Failed),
}

/// What an exchange means under a contract.
pub fn judge(contract: &Contract, outcome: &Outcome) -> Judgement {
    let read = match outcome {
        Outcome::Delivered(answer) => answered(contract, answer),
        Outcome::Refused(answer) if contract.rule.refusals.contains(&answer.status) => refused(contract, answer),
        Outcome::Refused(answer) => Err(status(answer)),
        Outcome::TimedOut(phase) => Err(Failed::about(FailCause::Late, phase.word())),
        Outcome::Unreachable(cause) => Err(Failed::about(FailCause::Unreachable, cause.word())),
        Outcome::Blocked(_) => Err(Failed::of(FailCause::Blocked)),
        Outcome::NoToken(why) => Err(Failed::about(FailCause::NoToken, why.to_string())),
        Outcome::Interrupted => Err(Failed::of(FailCause::Interrupted)),
    };
    read.unwrap_or_else(Judgement::Failed)
}

fn answered(contract: &Contract, answer: &Answer) -> Result<Judgement, Failed> {
    let document = answer::document(answer)?;
    read(contract, document).map(Judgement::Answered)
}

/// Reads a document that is an answer.
pub(super) fn read(contract: &Contract, document: &str) -> Result<Reading, Failed> {
    match &contract.words {
        Words::Published(published) => {
            let reading = answer::read(document, published.answer)?;
            answer::fits(&reading, published)?;
            Ok(reading)
        }
        Words::Declared(shape) => answer::whole(document, &**shape),
    }
}

/// A "no" that says nothing we know is no answer, only a status.
fn refused(contract: &Contract, answer: &Answer) -> Result<Judgement, Failed> {
    let reading = answer::document(answer).and_then(|document| match &contract.words {
        Words::Published(published) => answer::read(document, published.refusal),
        Words::Declared(_) => Ok(Reading::Whole(document.trim_ascii().to_owned())),
    });
    match reading {
        Ok(reading) if !reading.is_empty() => Ok(Judgement::Refused(reading)),
        Ok(_) | Err(_) => Err(status(answer)),
    }
}

/// Why an app said no, in its own words; `None` where it is not declared where they stand, or they do not.
pub fn reason(contract: &Contract, told: &Told) -> Option<String> {
    let (AnswerKind::Refused, Some(reading), Some(pointer)) = (told.kind, &told.reading, &contract.rule.reason) else {
        return None;
    };
    let document = reading.to_json();
    let place = json::locate(document.as_bytes(), &pointer.parse::<Pointer>().ok()?)?;
    let value = document.get(place)?;
    Some(if value.starts_with('"') { text(value) } else { value.to_owned() })
}

fn status(answer: &Answer) -> Failed {
    let cause = if (300..400).contains(&answer.status) { FailCause::Redirect } else { FailCause::Status };
    Failed::about(cause, answer.status.to_string())
}

/// What the log says of a call, in the words of its columns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LogWords {
    /// As [`Outcome::word`].
    pub outcome: &'static str,
    pub status: Option<u16>,
    /// A phase, a cause, a rule; of an answer that is none, what is wrong with it.
    pub detail: Option<&'static str>,
}

/// A valid "no" went well, an answer that cannot be read did not, whatever their statuses say.
pub fn log_words(outcome: &Outcome, judgement: &Judgement) -> LogWords {
    let (word, detail) = match (outcome, judgement) {
        (_, Judgement::Answered(_) | Judgement::Refused(_)) => ("delivered", None),
        (Outcome::Delivered(_), Judgement::Failed(failed)) => ("refused", Some(failed.cause.word())),
        (Outcome::Refused(_), Judgement::Failed(_)) => ("refused", None),
        (Outcome::TimedOut(phase), Judgement::Failed(_)) => ("timed_out", Some(phase.word())),
        (Outcome::Unreachable(cause), Judgement::Failed(_)) => ("unreachable", Some(cause.word())),
        (Outcome::NoToken(why), Judgement::Failed(_)) => ("unreachable", Some(why.word())),
        (Outcome::Blocked(rule), Judgement::Failed(_)) => ("blocked", Some(rule.word())),
        (Outcome::Interrupted, Judgement::Failed(_)) => ("interrupted", None),
    };
    LogWords { outcome: word, status: outcome.status(), detail }
}

/// What the till is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Told {
    pub kind: AnswerKind,
    pub reading: Option<Reading>,
    /// Why it is not a live answer.
    pub failed: Option<Failed>,
    /// How old a kept answer is.
    pub age: Option<Duration>,
}

/// The app's own answer; failing that one that was kept, failing that the declared one, failing that the failure.
pub fn told(judgement: Judgement, kept: Option<(Reading, Duration)>, fallback: Option<Reading>) -> Told {
    let live = |kind, reading| Told { kind, reading: Some(reading), failed: None, age: None };
    let failed = match judgement {
        Judgement::Answered(reading) => return live(AnswerKind::Live, reading),
        Judgement::Refused(reading) => return live(AnswerKind::Refused, reading),
        Judgement::Failed(failed) => Some(failed),
    };
    match (kept, fallback) {
        (Some((reading, age)), _) => Told { kind: AnswerKind::Cache, reading: Some(reading), failed, age: Some(age) },
        (None, Some(reading)) => Told { kind: AnswerKind::Fallback, reading: Some(reading), failed, age: None },
        (None, None) => Told { kind: AnswerKind::Failed, reading: None, failed, age: None },
    }
}

/// Reads what an account declares for the case that nobody answers: the same rules as for an answer.
pub fn fallback(contract: &Contract, document: &str) -> Result<Reading, Failed> {
    let answer = Answer { status: 200, body: document.to_owned().into(), ..Answer::default() };
    read(contract, answer::document(&answer)?)
}

/// Whether a log in this mode keeps the call. What is a valid "no" went well.
pub fn is_logged(mode: LogMode, judgement: &Judgement) -> bool {
    match mode {
        LogMode::None => false,
        LogMode::Error => matches!(judgement, Judgement::Failed(_)),
        LogMode::Full => true,
    }
}

/// What a call tells the breaker. `shortened`: the till waited for less than the account allows the app, so that being
/// late says nothing about it.
pub fn verdict(outcome: &Outcome, shortened: bool) -> Verdict {
    match outcome {
        Outcome::TimedOut(_) if shortened => Verdict::Neutral,
        other => Verdict::of(other),
    }
}
