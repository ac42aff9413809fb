//! What a task goes through.

use ringup_core::task::{Standing, TaskScope};
use ringup_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Result, known};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScopeShape {
    since_us: i64,
    until_us: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    event_types: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    channel: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    standing: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status_class: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    search: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expected: Option<u64>,
}

impl From<&TaskScope> for ScopeShape {
    fn from(scope: &TaskScope) -> ScopeShape {
        ScopeShape {
            since_us: scope.since.as_micros(),
            until_us: scope.until.as_micros(),
            event_types: scope.event_types.clone(),
            channel: scope.channel.clone(),
            standing: scope.standing.map(|standing| standing.word().to_owned()),
            status_class: scope.status_class,
            search: scope.search.clone(),
            expected: scope.expected,
        }
    }
}

impl ScopeShape {
    pub(crate) fn into_scope(self) -> Result<TaskScope> {
        Ok(TaskScope {
            since: Timestamp::from_micros(self.since_us),
            until: Timestamp::from_micros(self.until_us),
            event_types: self.event_types,
            channel: self.channel,
            standing: self.standing.map(|word| known(Standing::from_word(&word), &word)).transpose()?,
            status_class: self.status_class,
            search: self.search,
            expected: self.expected,
        })
    }
}
