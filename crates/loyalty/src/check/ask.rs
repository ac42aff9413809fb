//! Asking once, and saying what is wrong with what came.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ringup_core::hook::{self, Contract, FailCause, Judgement, Reading, judge};
use ringup_core::id::EventId;
use ringup_core::key::AccountKey;
use ringup_core::outcome::{Answer, Cause, Outcome, Phase};
use ringup_core::signing::HeaderNames;
use ringup_core::time::Tick;
use ringup_egress::sign::SigningKey;
use ringup_egress::{CheckedUrl, Fence, Request, Webhook};

use super::{Case, Checker, PATIENCE_DEADLINES, PLAIN_FIRST, Verdict};
use crate::fault::Fault;

/// Characters of an answer that a report shows.
const SHOWN_CHARS_MAX: usize = 120;

/// Older than any verifier may believe (Standard Webhooks: five minutes).
const OLD: Duration = Duration::from_secs(3_600);

/// A secret that nobody has.
const WRONG_SECRET: &[u8; 24] = b"a secret that nobody has";

/// How a question is signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Signed {
    Rightly,
    Wrongly,
    Not,
    LongAgo,
}

/// What came of a question.
pub(super) struct Came {
    pub outcome: Outcome,
    pub took: Duration,
    judgement: Judgement,
    is_late: bool,
}

/// A hook of the published contract.
pub(super) fn contract(name: &str) -> Arc<Contract> {
    hook::contract(name).expect("the published hooks have contracts")
}

impl Checker<'_> {
    /// Asks as a till of the generation that is checked would.
    pub(super) async fn ask(&self, url: &CheckedUrl, hook: &str, question: &str, signed: Signed) -> Came {
        let written = hook::question(&contract(hook), self.setup.generation, question);
        let body = written.map_or_else(|_| question.to_owned(), |(body, _)| body);
        self.send(url, hook, body, signed).await
    }

    /// Sends these very bytes.
    pub(super) async fn send(&self, url: &CheckedUrl, hook: &str, body: String, signed: Signed) -> Came {
        let now = self.clock.now();
        let keys: Vec<SigningKey> = match signed {
            Signed::Rightly | Signed::LongAgo => self.setup.key.iter().cloned().collect(),
            Signed::Wrongly => vec![SigningKey::new(WRONG_SECRET, None)],
            Signed::Not => Vec::new(),
        };
        let request = Request {
            url: url.clone(),
            account: AccountKey(1),
            headers: self.setup.headers.clone(),
            body: Bytes::from(body),
            webhook: Webhook {
                id: EventId::of_tick(Tick::at(now), self.random.id_part()),
                names: HeaderNames::Webhook,
                keys: keys.into(),
                event_type: Arc::from(hook),
                attempt: 1,
            },
            tls: None,
            time_limit: self.setup.deadline * PATIENCE_DEADLINES,
            now: if signed == Signed::LongAgo { now.saturating_sub(OLD) } else { now },
            fence: Fence::default(),
        };
        let reply = self.caller.call(request).await;
        let judgement = judge(&contract(hook), &reply.outcome);
        let is_late = reply.duration > self.setup.deadline;
        Came { outcome: reply.outcome, took: reply.duration, judgement, is_late }
    }

    pub(super) fn add(
        &mut self,
        hook: &'static str,
        name: &'static str,
        expected: &'static str,
        came: &Came,
        fault: Option<Fault>,
    ) {
        let verdict = fault.map_or(Verdict::Passed, Verdict::Failed);
        self.cases.push(Case { hook, name, expected, seen: came.shown(), verdict, took: came.took });
    }

    /// Cases that are not tried.
    pub(super) fn leave(&mut self, hook: &'static str, cases: &[(&'static str, &'static str)], why: &'static str) {
        for (name, expected) in cases {
            let verdict = Verdict::Left(why);
            self.cases.push(Case { hook, name, expected, seen: String::new(), verdict, took: Duration::ZERO });
        }
    }

    pub(super) fn leave_after_plain(&mut self, hook: &'static str, cases: &[(&'static str, &'static str)]) {
        self.leave(hook, cases, PLAIN_FIRST);
    }

    /// What every hook is tried with: bodies that make no sense or are large, and signatures that are not good.
    pub(super) async fn abuse(&mut self, url: &CheckedUrl, hook: &'static str, question: &str, large: &str) {
        let came = self.send(url, hook, question.chars().take(question.len() / 2).collect(), Signed::Rightly).await;
        let fault = match came.status() {
            Some(200..300) => Some(Fault::AcceptsNonsense),
            Some(400..500) => None,
            Some(_) | None => Some(Fault::BreaksOnNonsense),
        };
        self.add(hook, ABUSE[0].0, ABUSE[0].1, &came, fault);

        let came = self.ask(url, hook, large, Signed::Rightly).await;
        let fault = (!matches!(came.status(), Some(200..300 | 400..500))).then_some(Fault::BreaksOnLarge);
        self.add(hook, ABUSE[1].0, ABUSE[1].1, &came, fault);

        if self.setup.key.is_none() {
            return self.leave(hook, &ABUSE[2..], super::NO_SECRET);
        }
        for (case, signed) in ABUSE[2..].iter().zip([Signed::Wrongly, Signed::Not, Signed::LongAgo]) {
            let came = self.ask(url, hook, question, signed).await;
            let accepted =
                if signed == Signed::LongAgo { Fault::AcceptsOldSignature } else { Fault::AcceptsBadSignature };
            let fault = match came.status() {
                Some(400..500) => None,
                Some(200..300) => Some(accepted),
                Some(_) | None => came.transport(),
            };
            self.add(hook, case.0, case.1, &came, fault);
        }
    }
}

/// Names and expectations of [`Checker::abuse`].
pub(super) const ABUSE: [(&str, &str); 5] = [
    ("half a question", "a 4xx status"),
    ("a question of 256 KiB", "an answer, or a 4xx status"),
    ("signed with another secret", "a 4xx status, best 401"),
    ("not signed", "a 4xx status, best 401"),
    ("signed an hour ago", "a 4xx status, best 401"),
];

/// A text that makes a question large.
pub(super) fn padding() -> String {
    "x".repeat(256 * 1024)
}

impl Came {
    pub(super) fn status(&self) -> Option<u16> {
        match &self.outcome {
            Outcome::Delivered(answer) | Outcome::Refused(answer) => Some(answer.status),
            Outcome::TimedOut(_)
            | Outcome::Unreachable(_)
            | Outcome::Blocked(_)
            | Outcome::NoToken(_)
            | Outcome::Interrupted => None,
        }
    }

    /// A good answer in time, or what is wrong. `refused` is what a status from 400 to 499 means here.
    pub(super) fn answered(&self, refused: Fault) -> Result<&Reading, Fault> {
        if self.is_late && self.status().is_some() {
            return Err(Fault::Slow);
        }
        match &self.judgement {
            Judgement::Answered(reading) => Ok(reading),
            Judgement::Refused(_) => Err(refused),
            Judgement::Failed(failed) => Err(match failed.cause {
                FailCause::Status if matches!(self.status(), Some(401 | 403)) => Fault::RejectsGoodSignature,
                FailCause::Status if matches!(self.status(), Some(400..500)) => refused,
                FailCause::Status => Fault::Unavailable,
                cause => self.fault(cause),
            }),
        }
    }

    /// A no that the till understands, or what is wrong. `accepted` is what a good answer means here.
    pub(super) fn refused(&self, accepted: Fault) -> Option<Fault> {
        if self.is_late && self.status().is_some() {
            return Some(Fault::Slow);
        }
        match &self.judgement {
            Judgement::Answered(_) => Some(accepted),
            Judgement::Refused(_) => None,
            Judgement::Failed(failed) => Some(match (failed.cause, self.status()) {
                (FailCause::Status, Some(400)) => Fault::MuteRefusal,
                (FailCause::Status, Some(401..500)) => Fault::RefusalStatus,
                (FailCause::Status, _) => Fault::Unavailable,
                (cause, _) => self.fault(cause),
            }),
        }
    }

    /// What is wrong beneath any answer.
    pub(super) fn transport(&self) -> Option<Fault> {
        match &self.judgement {
            Judgement::Answered(_) | Judgement::Refused(_) => None,
            Judgement::Failed(failed) if failed.cause == FailCause::Status => match self.status() {
                Some(500..) => Some(Fault::Unavailable),
                Some(_) | None => None,
            },
            Judgement::Failed(failed) => Some(self.fault(failed.cause)),
        }
    }

    fn fault(&self, cause: FailCause) -> Fault {
        match cause {
            FailCause::Late if self.outcome == Outcome::TimedOut(Phase::Body) => Fault::Drip,
            FailCause::Late => Fault::Silent,
            FailCause::Unreachable if self.outcome == Outcome::Unreachable(Cause::Reset) => Fault::Reset,
            FailCause::Redirect => Fault::Redirect,
            FailCause::Empty => Fault::Empty,
            FailCause::TooLarge => Fault::Gigabyte,
            FailCause::BrokenOff => Fault::EarlyClose,
            FailCause::Charset => Fault::WrongCharset,
            FailCause::Html => Fault::Html,
            FailCause::NotJson if self.has_no_number() => Fault::Nan,
            FailCause::NotJson => Fault::NotJson,
            FailCause::NotObject => Fault::NotObject,
            FailCause::DuplicateName => Fault::DuplicatedKeys,
            FailCause::Missing => Fault::MissingNumber,
            FailCause::ErrorInside => Fault::ErrorInside,
            FailCause::WrongType => Fault::NumberAsText,
            FailCause::Negative => Fault::Negative,
            FailCause::OutOfRange => Fault::OutOfRange,
            FailCause::UnknownWord => Fault::UnknownWord,
            FailCause::Status => Fault::Unavailable,
            FailCause::Unreachable
            | FailCause::NotSet
            | FailCause::Stopped
            | FailCause::Queued
            | FailCause::BreakerOpen
            | FailCause::Busy
            | FailCause::Blocked
            | FailCause::NoToken
            | FailCause::Interrupted
            // Published contracts have no schema.
            | FailCause::Schema => Fault::Unreachable,
        }
    }

    /// Whether the answer writes what JSON has no number for.
    fn has_no_number(&self) -> bool {
        let body = self.answer().map(|answer| String::from_utf8_lossy(&answer.body).into_owned()).unwrap_or_default();
        ["NaN", "Infinity"].iter().any(|word| body.contains(word))
    }

    fn answer(&self) -> Option<&Answer> {
        self.outcome.answer()
    }

    /// For people, on one line.
    pub(super) fn shown(&self) -> String {
        let what = match &self.outcome {
            Outcome::Delivered(answer) | Outcome::Refused(answer) => {
                let body = String::from_utf8_lossy(&answer.body);
                let body: String = body.chars().take(SHOWN_CHARS_MAX).map(printable).collect();
                format!("{} {}", answer.status, if body.trim().is_empty() { "without a body" } else { body.trim() })
            }
            Outcome::TimedOut(phase) => format!("no answer in time ({phase})"),
            Outcome::Unreachable(cause) => format!("no answer ({cause})"),
            Outcome::Blocked(rule) => format!("not called ({rule})"),
            Outcome::NoToken(why) => format!("not called ({why})"),
            Outcome::Interrupted => "interrupted".to_owned(),
        };
        format!("{what}, after {} ms", self.took.as_millis())
    }
}

fn printable(character: char) -> char {
    if character.is_control() { ' ' } else { character }
}
