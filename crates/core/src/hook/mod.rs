//! Hooks: questions that a till asks one external app, and waits for. What may be asked, how an answer is read, and what
//! the till is told whatever the app does.
//!
//! One mechanism: a rule and the words that questions and answers are read by ([`Contract`]). Three are built in
//! ([`contract`]), others are declared by operators ([`Declaration`]). An answer is read strictly: what is missing, negative
//! or of the wrong kind is a failure with a cause, never zero.
//!
//! Source: DESIGN §9; `guide.md` §4 and §6 (8, 11 to 14).

mod answer;
mod budget;
mod cause;
mod contract;
mod declaration;
mod judge;
mod plan;
mod question;
mod reversal;
mod settled;

pub use answer::Reading;
pub use budget::{BadDeadline, budget};
pub use cause::{FailCause, Failed};
pub use contract::{
    Contract, Contracts, Field, Generation, HookRule, Kind, Misfit, Mode, NAMES, NoneDeclared, Published, Shape, Words,
    contract, is_published,
};
pub use declaration::Declaration;
pub use judge::{Judgement, LogWords, Told, fallback, is_logged, judge, log_words, reason, told, verdict};
pub use plan::{AnswerKind, HookPlan};
pub use question::{BadQuestion, question, text};
pub use reversal::{REVERSAL, is_void, reversal, reversal_uid, reversed, sale_uid};
pub use settled::{HOOK_SETTLED, SETTLED, read_settled, settled, settled_uid};

#[cfg(test)]
mod tests;
