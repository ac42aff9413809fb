//! What happens to payloads that are not as the schema of their type says.

use ringup_core::account::Validation;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::problem::{Item, Problem};

/// What to do from now on.
#[derive(Deserialize, ToSchema)]
pub struct ValidationIn {
    /// `off`, `warn` or `strict`.
    mode: String,
}

/// What is done.
#[derive(Serialize, ToSchema)]
pub struct ValidationOut {
    /// `off`, `warn` or `strict`.
    mode: &'static str,
}

impl ValidationIn {
    pub fn validation(&self) -> Result<Validation, Problem> {
        Validation::from_word(&self.mode).ok_or_else(|| {
            let why = "expected off, warn or strict".to_owned();
            Problem::misfit(vec![Item::in_body("mode", "word", why)])
        })
    }
}

impl ValidationOut {
    pub fn of(validation: Validation) -> ValidationOut {
        ValidationOut { mode: validation.word() }
    }
}
