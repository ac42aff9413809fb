//! The whole server, on the wire. All of it is ours.

use std::time::Duration;

use ringup_app::fleet::{AccountLoad, Drain, Fleet, Loads, MadeBackup, Problem, Problems, QueueLane, Queues, System};
use ringup_app::view::MinuteCount;
use serde::Serialize;
use utoipa::ToSchema;

use crate::wire::span::millis;
use crate::wire::time;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FleetOut {
    #[schema(format = DateTime)]
    at: String,
    /// Events accepted; missing in the first seconds of a process.
    in_per_second: Option<f64>,
    /// Attempts that delivered.
    out_per_second: f64,
    failed_per_second: f64,
    /// Deliveries that want attempts.
    waiting: u64,
    /// When the oldest event that waits was accepted.
    #[schema(format = DateTime)]
    oldest_waiting: Option<String>,
    /// `empty`, `draining`, `growing` or `unknown`.
    drain: &'static str,
    drains_in_ms: Option<u64>,
    /// From acceptance to the first attempt in the last minutes; at most a quarter too long.
    first_attempt_p50_us: Option<u64>,
    first_attempt_p99_us: Option<u64>,
    events: u64,
    store_bytes: u64,
    disk_free_bytes: Option<u64>,
    accounts: usize,
    endpoints: usize,
    /// Endpoints to which nothing was delivered in the last hour and something failed.
    failing_endpoints: usize,
    nodes: Vec<NodeOut>,
    /// Minutes of the last hour that have attempts.
    minutes: Vec<MinuteOut>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeOut {
    version: String,
    #[schema(format = DateTime)]
    started_at: String,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MinuteOut {
    #[schema(format = DateTime)]
    minute: String,
    delivered: u64,
    refused: u64,
    timed_out: u64,
    unreachable: u64,
    blocked: u64,
    gave_up: u64,
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

impl FleetOut {
    pub fn of(fleet: &Fleet) -> FleetOut {
        FleetOut {
            at: time::text(fleet.at),
            in_per_second: fleet.in_per_second,
            out_per_second: fleet.out_per_second,
            failed_per_second: fleet.failed_per_second,
            waiting: fleet.waiting,
            oldest_waiting: fleet.oldest.map(time::text),
            drain: match fleet.drain {
                Drain::Empty => "empty",
                Drain::In(_) => "draining",
                Drain::Never => "growing",
                Drain::Unknown => "unknown",
            },
            drains_in_ms: match fleet.drain {
                Drain::In(span) => Some(millis(span)),
                Drain::Empty | Drain::Never | Drain::Unknown => None,
            },
            first_attempt_p50_us: fleet.first_attempt.map(|first| micros(first.p50)),
            first_attempt_p99_us: fleet.first_attempt.map(|first| micros(first.p99)),
            events: fleet.events,
            store_bytes: fleet.store_bytes,
            disk_free_bytes: fleet.disk.map(|disk| disk.free),
            accounts: fleet.accounts,
            endpoints: fleet.endpoints,
            failing_endpoints: fleet.failing,
            nodes: fleet
                .nodes
                .iter()
                .map(|node| NodeOut { version: node.version.clone(), started_at: time::text(node.started_at) })
                .collect(),
            minutes: fleet.minutes.iter().map(MinuteOut::of).collect(),
        }
    }
}

impl MinuteOut {
    fn of(count: &MinuteCount) -> MinuteOut {
        MinuteOut {
            minute: time::text(ringup_core::time::Timestamp::from_secs(count.minute.saturating_mul(60))),
            delivered: count.delivered,
            refused: count.refused,
            timed_out: count.timed_out,
            unreachable: count.unreachable,
            blocked: count.blocked,
            gave_up: count.gave_up,
        }
    }
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueuesOut<'a> {
    #[schema(format = DateTime)]
    at: String,
    data: Vec<LaneOut<'a>>,
    /// Lanes altogether.
    all: usize,
    attempts_in_flight: u64,
    /// Retries by the minute until they are due, 60 of them; overdue ones are in the first.
    due: &'a [u64],
    /// `due` counts all of them.
    due_is_whole: bool,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LaneOut<'a> {
    environment: &'a str,
    app_id: String,
    endpoint_id: String,
    url: &'a str,
    waiting: u64,
    /// `waiting` is all of it; else it is at least that.
    is_whole: bool,
    #[schema(format = DateTime)]
    oldest: Option<String>,
    attempts_in_flight: u32,
    /// `closed`, `open`, `half_open` or `ramping`.
    breaker: &'static str,
}

impl<'a> QueuesOut<'a> {
    pub fn of(queues: &'a Queues) -> QueuesOut<'a> {
        QueuesOut {
            at: time::text(queues.at),
            data: queues.lanes.iter().map(LaneOut::of).collect(),
            all: queues.all,
            attempts_in_flight: queues.calling,
            due: &queues.due,
            due_is_whole: queues.due_is_whole,
        }
    }
}

impl<'a> LaneOut<'a> {
    fn of(lane: &'a QueueLane) -> LaneOut<'a> {
        LaneOut {
            environment: &lane.environment,
            app_id: lane.account.account.id.to_string(),
            endpoint_id: lane.endpoint.endpoint.id.to_string(),
            url: &lane.endpoint.endpoint.url,
            waiting: lane.waiting,
            is_whole: lane.is_whole,
            oldest: lane.oldest.map(time::text),
            attempts_in_flight: lane.calling,
            breaker: lane.breaker.word(),
        }
    }
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountsOut<'a> {
    data: Vec<AccountLoadOut<'a>>,
    /// Accounts altogether.
    all: usize,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountLoadOut<'a> {
    environment: &'a str,
    app_id: String,
    uid: Option<&'a str>,
    name: &'a str,
    waiting: u64,
    /// `waiting` is all of it; else it is at least that.
    is_whole: bool,
    #[schema(format = DateTime)]
    oldest: Option<String>,
    /// Attempts of the last hour.
    delivered: u64,
    failed: u64,
    endpoints: usize,
    /// Endpoints to which nothing was delivered in the last hour and something failed.
    failing_endpoints: usize,
}

impl<'a> AccountsOut<'a> {
    pub fn of(loads: &'a Loads) -> AccountsOut<'a> {
        AccountsOut { data: loads.accounts.iter().map(AccountLoadOut::of).collect(), all: loads.all }
    }
}

impl<'a> AccountLoadOut<'a> {
    fn of(load: &'a AccountLoad) -> AccountLoadOut<'a> {
        let account = &load.account.account;
        AccountLoadOut {
            environment: &load.environment,
            app_id: account.id.to_string(),
            uid: account.uid.as_deref(),
            name: &account.name,
            waiting: load.waiting,
            is_whole: load.is_whole,
            oldest: load.oldest.map(time::text),
            delivered: load.delivered,
            failed: load.failed,
            endpoints: load.account.endpoints.len(),
            failing_endpoints: load.failing,
        }
    }
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProblemsOut<'a> {
    data: Vec<FleetProblemOut<'a>>,
    /// Endpoints that were looked into, of all with failures in the last hour.
    looked_into: usize,
    all: usize,
    /// Endpoints with failures that the log keeps none of.
    unlogged: usize,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FleetProblemOut<'a> {
    host: &'a str,
    cause: &'static str,
    cause_side: &'static str,
    /// Attempts.
    count: u64,
    /// `count` is all of them; else it is at least that.
    is_whole: bool,
    #[schema(format = DateTime)]
    first_at: String,
    #[schema(format = DateTime)]
    last_at: String,
    accounts: usize,
    endpoints: usize,
    /// The newest attempt.
    sample: SampleOut<'a>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SampleOut<'a> {
    environment: &'a str,
    app_id: String,
    endpoint_id: String,
    msg_id: String,
    id: String,
    response_status_code: u16,
}

impl<'a> ProblemsOut<'a> {
    pub fn of(problems: &'a Problems) -> ProblemsOut<'a> {
        ProblemsOut {
            data: problems.problems.iter().map(FleetProblemOut::of).collect(),
            looked_into: problems.looked_into,
            all: problems.all,
            unlogged: problems.unlogged,
        }
    }
}

impl<'a> FleetProblemOut<'a> {
    fn of(problem: &'a Problem) -> FleetProblemOut<'a> {
        FleetProblemOut {
            host: &problem.host,
            cause: problem.cause.word(),
            cause_side: problem.cause.side().word(),
            count: problem.count,
            is_whole: problem.is_whole,
            first_at: time::text(problem.first_at),
            last_at: time::text(problem.last_at),
            accounts: problem.accounts,
            endpoints: problem.endpoints,
            sample: SampleOut {
                environment: &problem.environment,
                app_id: problem.account.account.id.to_string(),
                endpoint_id: problem.endpoint.endpoint.id.to_string(),
                msg_id: problem.sample.event.to_string(),
                id: problem.sample.id.to_string(),
                response_status_code: problem.sample.status.unwrap_or(0),
            },
        }
    }
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SystemOut<'a> {
    version: &'a str,
    #[schema(format = DateTime)]
    started_at: String,
    data_dir: String,
    events: u64,
    store_bytes: u64,
    disk_free_bytes: Option<u64>,
    disk_bytes: Option<u64>,
    /// Where backups go.
    backup_dir: Option<String>,
    /// The last one that this process made.
    last_backup: Option<BackupOut>,
    configuration: Vec<SettingOut<'a>>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SettingOut<'a> {
    name: &'a str,
    /// As TOML; of a secret only whether it is set.
    value: &'a str,
    /// Where it was set.
    origin: &'a str,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackupOut {
    #[schema(format = DateTime)]
    at: String,
    folder: String,
    files: usize,
    bytes: u64,
}

impl<'a> SystemOut<'a> {
    pub fn of(system: &'a System) -> SystemOut<'a> {
        let facts = &system.facts;
        SystemOut {
            version: &facts.version,
            started_at: time::text(facts.started_at),
            data_dir: facts.data_dir.display().to_string(),
            events: system.events,
            store_bytes: system.store_bytes,
            disk_free_bytes: system.disk.map(|disk| disk.free),
            disk_bytes: system.disk.map(|disk| disk.whole),
            backup_dir: facts.backup_dir.as_ref().map(|folder| folder.display().to_string()),
            last_backup: system.last_backup.as_ref().map(BackupOut::of),
            configuration: facts
                .settings
                .iter()
                .map(|setting| SettingOut { name: setting.name, value: &setting.value, origin: &setting.origin })
                .collect(),
        }
    }
}

impl BackupOut {
    pub fn of(backup: &MadeBackup) -> BackupOut {
        BackupOut {
            at: time::text(backup.at),
            folder: backup.made.folder.display().to_string(),
            files: backup.made.files,
            bytes: backup.made.bytes,
        }
    }
}
