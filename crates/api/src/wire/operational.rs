//! Operational events: what an environment's owner is told about deliveries themselves.

use bytes::Bytes;
use ringup_core::operational::{Announcement, AttemptNotice, HealthNotice, Notice, OperationalKind, Subject};
use serde::Serialize;

use crate::wire::{json, time};

/// The payload of an operational event, as Svix's SDKs know it.
pub fn operational_payload(announcement: &Announcement) -> Bytes {
    let kind = announcement.kind().word();
    let payload = match announcement {
        Announcement::Endpoint(notice) => json::write(&EventOut { kind, data: EndpointDataOut::of(notice) }),
        Announcement::Health(notice) => json::write(&EventOut { kind, data: HealthDataOut::of(notice) }),
        Announcement::Attempt(notice) => json::write(&EventOut { kind, data: AttemptDataOut::of(notice) }),
    };
    payload.into()
}

#[derive(Serialize)]
struct EventOut<T> {
    #[serde(rename = "type")]
    kind: &'static str,
    data: T,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SubjectOut<'a> {
    app_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    app_uid: Option<&'a str>,
    endpoint_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint_uid: Option<&'a str>,
}

/// `EndpointCreatedEventData` and its kin; `trigger` is only there when it was disabled.
#[derive(Serialize)]
struct EndpointDataOut<'a> {
    #[serde(flatten)]
    subject: SubjectOut<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trigger: Option<&'static str>,
}

/// Of `endpoint.failing` and `endpoint.recovered`, which Svix does not have.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HealthDataOut<'a> {
    #[serde(flatten)]
    subject: SubjectOut<'a>,
    url: &'a str,
    failing_since: String,
    response_status_code: u16,
}

/// `MessageAttemptExhaustedEventData` and its kin.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AttemptDataOut<'a> {
    #[serde(flatten)]
    subject: SubjectOut<'a>,
    msg_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    msg_event_id: Option<&'a str>,
    last_attempt: LastAttemptOut,
}

/// `MessageAttemptFailedData`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LastAttemptOut {
    id: String,
    response_status_code: u16,
    timestamp: String,
}

impl<'a> SubjectOut<'a> {
    fn of(subject: &'a Subject) -> SubjectOut<'a> {
        SubjectOut {
            app_id: subject.account.to_string(),
            app_uid: subject.account_uid.as_deref(),
            endpoint_id: subject.endpoint.to_string(),
            endpoint_uid: subject.endpoint_uid.as_deref(),
        }
    }
}

impl<'a> EndpointDataOut<'a> {
    fn of(notice: &'a Notice) -> EndpointDataOut<'a> {
        let by = if notice.automatic { "automatic" } else { "manual" };
        let trigger = (notice.kind == OperationalKind::EndpointDisabled).then_some(by);
        EndpointDataOut { subject: SubjectOut::of(&notice.subject), trigger }
    }
}

impl<'a> HealthDataOut<'a> {
    fn of(notice: &'a HealthNotice) -> HealthDataOut<'a> {
        HealthDataOut {
            subject: SubjectOut::of(&notice.subject),
            url: &notice.url,
            failing_since: time::text(notice.failing_since),
            response_status_code: notice.status,
        }
    }
}

impl<'a> AttemptDataOut<'a> {
    fn of(notice: &'a AttemptNotice) -> AttemptDataOut<'a> {
        AttemptDataOut {
            subject: SubjectOut::of(&notice.subject),
            msg_id: notice.event.to_string(),
            msg_event_id: notice.event_uid.as_deref(),
            last_attempt: LastAttemptOut {
                id: notice.attempt.to_string(),
                response_status_code: notice.status,
                timestamp: time::text(notice.at),
            },
        }
    }
}
