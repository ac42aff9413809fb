//! How a declared hook lies in its column.

use std::borrow::Cow;
use std::time::Duration;

use ringup_core::hook::{Declaration, HookRule, Mode};
use serde::{Deserialize, Serialize};

use super::{Result, known};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeclarationShape {
    title: String,
    mode: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// Fresh, and how long after that it may stand in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cache: Option<(Duration, Duration)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    refusals: Vec<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    may_fall_back: bool,
    answer_schema: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    question_sample: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answer_sample: Option<String>,
}

impl From<&Declaration> for DeclarationShape {
    fn from(declaration: &Declaration) -> DeclarationShape {
        let Declaration { title, rule, answer_schema, question_sample, answer_sample } = declaration.clone();
        // What is told afterwards follows from the mode.
        let HookRule { mode, key, cache, refusals, reason, may_fall_back, settled: _, reversible: _ } = rule;
        DeclarationShape {
            title,
            mode: mode.word().to_owned(),
            key: key.map(Cow::into_owned),
            cache,
            refusals: refusals.into_owned(),
            reason: reason.map(Cow::into_owned),
            may_fall_back,
            answer_schema,
            question_sample,
            answer_sample,
        }
    }
}

impl DeclarationShape {
    pub(crate) fn into_declaration(self) -> Result<Declaration> {
        let mode = known(Mode::from_word(&self.mode), &self.mode)?;
        Ok(Declaration {
            title: self.title,
            rule: HookRule {
                mode,
                key: self.key.map(Cow::Owned),
                cache: self.cache,
                refusals: Cow::Owned(self.refusals),
                reason: self.reason.map(Cow::Owned),
                may_fall_back: self.may_fall_back,
                settled: HookRule::settled_of(mode),
                reversible: false,
            },
            answer_schema: self.answer_schema,
            question_sample: self.question_sample,
            answer_sample: self.answer_sample,
        })
    }
}
