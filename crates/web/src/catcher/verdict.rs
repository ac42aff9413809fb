//! What came of checking a signature, in words and shapes.

use ringup_app::diagnosis::{Diagnosis, Mark, Verdict};

use crate::ui::Ui;

/// The name of a shape: see [`crate::markup::shape`].
pub fn shape(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Valid => "ok",
        Verdict::Unchecked => "skip",
        Verdict::Missing => "warn",
        Verdict::Malformed
        | Verdict::WrongSecret
        | Verdict::BodyChanged(_)
        | Verdict::TooOld(_)
        | Verdict::TooNew(_) => "fail",
    }
}

/// Two or three words.
pub fn short(ui: &Ui, verdict: Verdict) -> String {
    let key = format!("verdict-{}", verdict.word());
    match verdict {
        Verdict::TooOld(secs) | Verdict::TooNew(secs) => ui.a(&key, "secs", secs.to_string()),
        _ => ui.t(&key),
    }
}

/// What it means and what to do.
pub fn why(ui: &Ui, verdict: Verdict) -> String {
    match verdict {
        Verdict::BodyChanged(change) => ui.t(format!("change-{}", change.word())),
        other => ui.t(format!("verdict-{}-why", other.word())),
    }
}

/// One step of the check.
pub struct Step {
    pub shape: &'static str,
    pub mark: String,
    pub says: String,
    pub found: String,
}

pub fn steps(ui: &Ui, diagnosis: &Diagnosis) -> Vec<Step> {
    let step = |step: &ringup_app::diagnosis::Step| {
        let (shape, mark) = match step.mark {
            Mark::Passed => ("ok", "mark-passed"),
            Mark::Failed => ("fail", "mark-failed"),
            Mark::Skipped => ("skip", "mark-skipped"),
        };
        let (mark, says) = (ui.t(mark), ui.t(format!("step-{}", step.name)));
        // What the signature should be stands apart, below.
        let found = if step.name == "signature" { String::new() } else { step.found.clone() };
        Step { shape, mark, says, found }
    };
    diagnosis.steps.iter().map(step).collect()
}
