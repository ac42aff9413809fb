//! What came of checking an endpoint.

use ringup_app::{CheckLine, Checked};
use serde::Serialize;
use utoipa::ToSchema;

use crate::wire::span::millis;
use crate::wire::time;

/// Whether a receiver can be reached, step by step.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EndpointCheckOut {
    /// The worst of all steps: `good`, `doubtful` or `bad`.
    verdict: &'static str,
    steps: Vec<CheckStepOut>,
    /// Where the name leads.
    addresses: Vec<String>,
    /// Such as `1.3`.
    tls_version: Option<&'static str>,
    /// Until when the receiver's certificate is valid.
    certificate_ends_at: Option<String>,
    /// Of the answer to the ping.
    status: Option<u16>,
    took_ms: u64,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CheckStepOut {
    /// `dns`, `address`, `connect`, `tls`, `token` or `ping`.
    step: &'static str,
    /// `good`, `doubtful`, `bad` or `not_reached`.
    verdict: &'static str,
    /// What was seen, such as `resolved`, `ends_soon` or `unauthorized`.
    finding: &'static str,
    took_ms: Option<u64>,
}

impl EndpointCheckOut {
    pub fn of(checked: &Checked) -> EndpointCheckOut {
        EndpointCheckOut {
            verdict: checked.verdict().word(),
            steps: checked.lines.iter().map(CheckStepOut::of).collect(),
            addresses: checked.addresses.iter().map(ToString::to_string).collect(),
            tls_version: checked.tls_version,
            certificate_ends_at: checked.certificate_ends_at.map(time::text),
            status: checked.status,
            took_ms: millis(checked.took),
        }
    }
}

impl CheckStepOut {
    fn of(line: &CheckLine) -> CheckStepOut {
        CheckStepOut {
            step: line.step.word(),
            verdict: line.verdict.word(),
            finding: line.finding.word(),
            took_ms: line.took.map(millis),
        }
    }
}
