//! Events pulled instead of pushed.

use ringup_app::{Polled, Pull, position_id};
use ringup_core::id::EventId;
use ringup_core::limits::PAGE_ROWS_MAX;
use serde::{Deserialize, Serialize};
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::{IntoParams, ToSchema};

use crate::describe;
use crate::problem::Problem;
use crate::wire::message::MessageOut;
use crate::wire::query::{Query, refused};
use crate::wire::settings::Moment;

/// Rows of an answer unless asked otherwise.
const ROWS_DEFAULT: usize = 50;

/// `MessageEventsOut` and `PollingEndpointOut`.
#[derive(Serialize, ToSchema)]
pub struct PolledOut<'a> {
    data: Vec<MessageOut<'a>>,
    /// Where to go on: always there, so that whoever is at the end can ask again later.
    iterator: String,
    done: bool,
}

/// `PollingEndpointConsumerSeekIn`.
#[derive(Deserialize, ToSchema)]
pub struct SeekIn {
    #[schema(value_type = String, format = DateTime)]
    pub after: Moment,
}

/// `PollingEndpointConsumerSeekOut`.
#[derive(Serialize, ToSchema)]
pub struct SeekOut {
    pub iterator: String,
}

/// What a question for events says.
pub struct Pulling;

impl IntoParams for Pulling {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let rows = describe::whole(1, PAGE_ROWS_MAX as u64);
        vec![
            describe::query("limit", "Events of an answer, 50 unless said otherwise.", rows),
            describe::query("iterator", "`iterator` of an earlier answer.", describe::text()),
            describe::query(
                "after",
                "Only what was accepted after it; counts without an iterator.",
                describe::moment(),
            ),
        ]
    }
}

/// `types` and `channels` are the names by which this operation asks for them.
pub fn pull(query: &Query, types: &str, channels: &str) -> Result<Pull, Problem> {
    let rows_max = query.number("limit", 1, PAGE_ROWS_MAX as u64)?;
    let position = query.one("iterator").map(|text| {
        let id = text.parse::<EventId>();
        id.map(|id| id.tick())
            .map_err(|_| refused("iterator", "iterator", "expected the iterator of an earlier answer"))
    });
    Ok(Pull {
        position: position.transpose()?,
        after: query.moment("after")?,
        event_types: query.many(types),
        channels: query.many(channels),
        rows_max: rows_max.and_then(|rows| usize::try_from(rows).ok()).unwrap_or(ROWS_DEFAULT),
    })
}

impl<'a> PolledOut<'a> {
    pub fn of(polled: &'a Polled) -> PolledOut<'a> {
        PolledOut {
            data: polled.events.iter().map(|event| MessageOut::stored(event, true)).collect(),
            iterator: position_id(polled.position).to_string(),
            done: polled.done,
        }
    }
}
