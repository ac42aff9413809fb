//! Every bound that more than one room must agree on, with its unit and its reason.

use std::time::Duration;

/// Bytes of a publish request's body by default. Standard Webhooks advises payloads under 20 KB; this leaves room.
pub const BODY_BYTES_DEFAULT: usize = 256 * 1024;

/// Nesting of a JSON document, in levels. Deeper ones serve no receiver and exhaust many parsers.
pub const JSON_DEPTH_MAX: usize = 64;

/// Bytes of a JSON pointer in the settings: no sensible place in a payload takes more to name.
pub const POINTER_BYTES_MAX: usize = 1_024;

/// Events in one batch publish: a request stays well under a second of work.
pub const BATCH_EVENTS_MAX: usize = 500;

/// Bytes of a response body that are read and kept; after it we stop reading (DESIGN §4).
pub const RESPONSE_BODY_BYTES_MAX: usize = 64 * 1024;

/// Bytes of a response head. Beyond it the exchange counts as no response.
pub const RESPONSE_HEAD_BYTES_MAX: usize = 64 * 1024;

/// Header fields of a response.
pub const RESPONSE_HEADERS_MAX: usize = 100;

/// The longest pause between two attempts, whatever a schedule or `Retry-After` asks for.
pub const RETRY_DELAY_MAX: Duration = Duration::from_secs(24 * 3_600);

/// Retries in a schedule: more would outlive any sensible retention.
pub const RETRIES_MAX: u32 = 100;

/// The range of the time limit of one attempt.
pub const TIME_LIMIT_MIN: Duration = Duration::from_millis(100);
pub const TIME_LIMIT_MAX: Duration = Duration::from_secs(120);

/// Signing secrets that are valid at once, the newest included (Standard Webhooks rotation).
pub const SIGNING_SECRETS_MAX: usize = 10;

/// Characters of uids, event ids, event type and channel names.
pub const NAME_CHARS_MAX: usize = 256;

/// Tags of one event, and characters of one. Source: the OpenAPI document of Svix's SDKs.
pub const EVENT_TAGS_MAX: usize = 5;
pub const TAG_CHARS_MAX: usize = 128;

/// How far ahead deliveries can be put off. As long keeps the day in which the event was accepted.
pub const DELIVER_AHEAD_MAX: Duration = Duration::from_hours(30 * 24);

/// How long a publisher can ask for its payload to be kept. Source: the OpenAPI document of Svix's SDKs.
pub const KEEP_PAYLOAD_MIN: Duration = Duration::from_hours(1);
pub const KEEP_PAYLOAD_MAX: Duration = Duration::from_hours(90 * 24);

/// Bytes of an endpoint URL.
pub const URL_BYTES_MAX: usize = 4_096;

/// Extra headers of one endpoint, and bytes of one value.
pub const ENDPOINT_HEADERS_MAX: usize = 32;
pub const HEADER_VALUE_BYTES_MAX: usize = 4_096;

/// Endpoints of one account. An event matches each of them at most once, so this bounds the fan-out.
pub const ENDPOINTS_PER_ACCOUNT_MAX: usize = 1_000;

/// Redaction pointers of one account or endpoint.
pub const REDACTIONS_MAX: usize = 64;

/// Deliveries a lane holds ready in memory while there is room; the rest waits in the store behind a cursor.
pub const LANE_READY_MAX: usize = 4_096;

/// Deliveries a lane reads from the store at once: enough for the attempts it can have in flight, four times over.
pub const LANE_REFILL_ROWS: usize = 256;

/// Deliveries in flight to one endpoint.
pub const ENDPOINT_IN_FLIGHT_MAX: u32 = 64;

/// Rows of one page of a list.
pub const PAGE_ROWS_MAX: usize = 250;

/// Consumers that pull from one endpoint, each at its own place.
pub const CONSUMERS_MAX: usize = 100;

/// Tasks of one account that run at once: each takes its share of the writer, and who waits can ask again.
pub const TASKS_RUNNING_MAX: usize = 4;

/// Entries that the audit log keeps, whatever their age: some hundred megabytes, which bounds what a caller who changes
/// things all day can do to the disk.
pub const AUDIT_ENTRIES_MAX: usize = 500_000;

/// Entries of the audit log removed in one commit: some milliseconds during which no configuration can be changed.
pub const AUDIT_FORGOTTEN_AT_ONCE_MAX: usize = 5_000;

/// Ended tasks of one account that stay listed; the oldest goes when another begins.
pub const TASKS_KEPT_MAX: usize = 1_000;

/// Deliveries that a task brings back in one commit: some milliseconds of the writer's time.
pub const TASK_PAGE_ROWS: usize = 100;

/// Deliveries a second that a task may be asked for.
pub const TASK_RATE_MAX: u32 = 10_000;
