//! The named retry policies, on the wire.

use ringup_app::PolicyView;
use ringup_core::policy::{Class, Schedule};
use serde::Serialize;
use utoipa::ToSchema;

use crate::wire::span::millis;

/// Every named policy; a list of pauses of one's own is a setting.
#[derive(Serialize, ToSchema)]
pub struct PoliciesOut {
    data: Vec<PolicyOut>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyOut {
    name: &'static str,
    /// In force where nobody says otherwise.
    default: bool,
    /// Milliseconds before each repeat.
    pauses: Vec<u64>,
    /// How far a pause may be from its step, so that receivers are not hit in step.
    jitter_percent: u8,
    classes: ClassesOut,
    honour_retry_after: bool,
    /// Statuses that are never repeated, whatever the classes say. 410 is always one, and disables the endpoint.
    final_statuses: Vec<u16>,
}

/// Which failures are repeated.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClassesOut {
    server_error: bool,
    request_timeout: bool,
    too_many_requests: bool,
    timed_out: bool,
    no_response: bool,
    other: bool,
}

impl PoliciesOut {
    pub fn of(policies: &[PolicyView]) -> PoliciesOut {
        PoliciesOut { data: policies.iter().map(PolicyOut::of).collect() }
    }
}

impl PolicyOut {
    fn of(view: &PolicyView) -> PolicyOut {
        let plan = &view.plan;
        let repeats = |class| plan.classes.repeats(class);
        let (pauses, jitter_percent) = match &plan.schedule {
            Schedule::Fixed { retry, cooldown } => ((0..*retry).map(|_| millis(*cooldown)).collect(), 0),
            Schedule::List(pauses) => (pauses.iter().map(|pause| millis(*pause)).collect(), 0),
            Schedule::Jittered(pauses) => (pauses.iter().map(|pause| millis(*pause)).collect(), 20),
        };
        PolicyOut {
            name: view.policy.word(),
            default: view.is_default,
            pauses,
            jitter_percent,
            classes: ClassesOut {
                server_error: repeats(Class::ServerError),
                request_timeout: repeats(Class::RequestTimeout),
                too_many_requests: repeats(Class::TooManyRequests),
                timed_out: repeats(Class::TimedOut),
                no_response: repeats(Class::NoResponse),
                other: repeats(Class::Other),
            },
            honour_retry_after: plan.honour_retry_after,
            final_statuses: plan.final_statuses.to_vec(),
        }
    }
}
