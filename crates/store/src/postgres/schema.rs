//! Tables, as a ladder of numbered steps, and the partitions of each day.

use ringup_core::time::{Day, Tick};
use std::time::Duration;

use super::fault::{Fault, Outcome};
use super::link::Link;
use super::row::integer;
use crate::seam::StoreError;

/// Steps are only ever appended.
const STEPS: &[&str] = &[
    r"
    -- The last key given, of any kind: history outlives what it belongs to, so no key is given twice.
    CREATE TABLE sequence (last_key bigint NOT NULL);
    INSERT INTO sequence VALUES (0);
    -- How often each node changed the configuration: the others know by it that they must read it anew.
    CREATE TABLE revision (node text PRIMARY KEY, changes bigint NOT NULL);
    -- The key that secrets are sealed with, by its id: it tells one installation from another.
    CREATE TABLE sealing (key_id bytea NOT NULL);

    CREATE TABLE environment (
        key bigint PRIMARY KEY, id bytea NOT NULL CONSTRAINT environment_id UNIQUE,
        name text NOT NULL CONSTRAINT environment_name UNIQUE, strict boolean NOT NULL, validation text NOT NULL,
        created_at bigint NOT NULL
    );
    CREATE TABLE account (
        key bigint PRIMARY KEY, id bytea NOT NULL CONSTRAINT account_id UNIQUE, environment bigint NOT NULL, uid text,
        name text NOT NULL, metadata text NOT NULL, settings text NOT NULL, created_at bigint NOT NULL,
        updated_at bigint NOT NULL, CONSTRAINT account_uid UNIQUE (environment, uid)
    );
    CREATE TABLE endpoint (
        account bigint NOT NULL, key bigint NOT NULL, id bytea NOT NULL, uid text, url text NOT NULL,
        description text NOT NULL, metadata text NOT NULL, subscription text NOT NULL, stopped_by text,
        stopped_at bigint, stopped_why text NOT NULL, secrets bytea NOT NULL, headers bytea NOT NULL,
        authorized bytea, settings text NOT NULL, created_at bigint NOT NULL, updated_at bigint NOT NULL,
        PRIMARY KEY (account, key), CONSTRAINT endpoint_uid UNIQUE (account, uid)
    );
    CREATE UNIQUE INDEX endpoint_key ON endpoint (key);
    CREATE UNIQUE INDEX endpoint_id ON endpoint (id);
    CREATE TABLE api_key (
        id bytea PRIMARY KEY, environment bigint, account bigint, kind text NOT NULL, name text NOT NULL,
        prefix text NOT NULL, token_hash bytea NOT NULL CONSTRAINT api_key_token_hash UNIQUE, scopes text, parent bytea,
        session text, feature_flags text, created_at bigint NOT NULL, expires_at bigint, revoked_at bigint, used_at bigint
    );
    CREATE INDEX api_key_account ON api_key (account) WHERE account IS NOT NULL;
    CREATE TABLE event_type (
        environment bigint NOT NULL, id bytea PRIMARY KEY, name text NOT NULL, description text NOT NULL, family text,
        archived boolean NOT NULL, deprecated boolean NOT NULL, feature_flag text, schemas text, schedule text NOT NULL,
        hook text NOT NULL,
        created_at bigint NOT NULL, updated_at bigint NOT NULL, CONSTRAINT event_type_name UNIQUE (environment, name)
    );
    CREATE TABLE notice (
        number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, kind text NOT NULL, environment bigint NOT NULL,
        account bytea NOT NULL, account_uid text, endpoint bytea NOT NULL, endpoint_uid text, automatic boolean NOT NULL
    );
    CREATE TABLE audit (
        id bytea PRIMARY KEY, verb text NOT NULL, environment bigint, account bytea, subject text NOT NULL,
        label text NOT NULL, actor_key bytea, actor_parent bytea, actor text NOT NULL, changes text NOT NULL
    );
    CREATE INDEX audit_account ON audit (account, id) WHERE account IS NOT NULL;
    CREATE INDEX audit_environment ON audit (environment, id) WHERE environment IS NOT NULL;
    CREATE TABLE task (
        account bigint NOT NULL, id bytea NOT NULL, environment bigint NOT NULL, endpoint bigint, kind text NOT NULL,
        scope text NOT NULL, rate bigint, status text NOT NULL, cursor bigint NOT NULL, done bigint NOT NULL,
        passed_over bigint NOT NULL, why text, created_at bigint NOT NULL, updated_at bigint NOT NULL,
        PRIMARY KEY (account, id)
    );
    CREATE UNIQUE INDEX task_id ON task (id);
    -- How far consumers have pulled what went to an endpoint: behind the event of this tick.
    CREATE TABLE consumer (
        endpoint bigint NOT NULL, name text NOT NULL, position bigint NOT NULL, PRIMARY KEY (endpoint, name)
    );

    -- Who may write history. One shard holds all of it for now. Each commit goes through its row, so that who lost it
    -- writes nothing more, and says in it how far ids were given.
    CREATE TABLE shard_lease (
        shard integer PRIMARY KEY, node text, epoch bigint NOT NULL, until timestamptz NOT NULL, commits bigint NOT NULL,
        last_event bigint NOT NULL, last_attempt bigint NOT NULL
    ) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
    INSERT INTO shard_lease VALUES (0, NULL, 0, now(), 0, 0, 0);

    -- Days that have partitions, and how much is in them. Changed by each commit.
    CREATE TABLE day (
        day bigint PRIMARY KEY, events bigint NOT NULL, live bigint NOT NULL, ended bigint NOT NULL
    ) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

    -- What never changes of an event, but for the endpoints it is sent to later.
    CREATE TABLE event (
        account bigint NOT NULL, tick bigint NOT NULL, random bytea NOT NULL, type text NOT NULL, uid text,
        idempotency text, fingerprint bigint, channels text, tags text, deliver_at bigint, payload_until bigint,
        misfits text, unregistered boolean NOT NULL, keep smallint NOT NULL, redact text, targets bytea NOT NULL,
        PRIMARY KEY (account, tick)
    ) PARTITION BY RANGE (tick);
    CREATE INDEX event_uid ON event (account, uid, tick) WHERE uid IS NOT NULL;
    CREATE INDEX event_idempotency ON event (account, idempotency, tick) WHERE idempotency IS NOT NULL;
    CREATE INDEX event_payload_until ON event (payload_until) WHERE payload_until IS NOT NULL;
    -- A payload that is not here is gone.
    CREATE TABLE payload (
        account bigint NOT NULL, tick bigint NOT NULL, redacted boolean NOT NULL, body bytea NOT NULL,
        PRIMARY KEY (account, tick)
    ) PARTITION BY RANGE (tick);

    -- Deliveries that want attempts. Rows come and go all day: vacuumed by their number, not by a share of the table.
    CREATE TABLE live (
        account bigint NOT NULL, tick bigint NOT NULL, endpoint bigint NOT NULL, due_at bigint,
        attempts_made integer NOT NULL, trigger text NOT NULL, order_key bigint, PRIMARY KEY (account, tick, endpoint)
    ) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000,
            autovacuum_vacuum_cost_delay = 0);
    CREATE INDEX live_endpoint ON live (endpoint, tick);
    CREATE INDEX live_due ON live (due_at, endpoint, tick) WHERE due_at IS NOT NULL;
    -- Deliveries that ended without success. Delivered ones leave no row.
    CREATE TABLE ended (
        account bigint NOT NULL, tick bigint NOT NULL, endpoint bigint NOT NULL, how text NOT NULL,
        PRIMARY KEY (account, tick, endpoint)
    ) PARTITION BY RANGE (tick);
    CREATE INDEX ended_endpoint ON ended (endpoint, tick);

    -- Filed under the day of the event, with which they go.
    CREATE TABLE attempt (
        account bigint NOT NULL, event bigint NOT NULL, tick bigint NOT NULL, event_random bytea NOT NULL,
        random bytea NOT NULL, endpoint bigint NOT NULL, number bigint NOT NULL, trigger text NOT NULL,
        started_at bigint NOT NULL, duration bigint NOT NULL, resolve bigint, connect bigint, tls bigint,
        first_byte bigint, url text NOT NULL, outcome text NOT NULL, status integer, detail text,
        response_headers bytea NOT NULL, response_body bytea NOT NULL, body_end text NOT NULL,
        PRIMARY KEY (account, event, tick)
    ) PARTITION BY RANGE (event);
    CREATE INDEX attempt_endpoint ON attempt (endpoint, tick);
    CREATE TABLE counter (
        account bigint NOT NULL, endpoint bigint NOT NULL, minute bigint NOT NULL, day bigint NOT NULL,
        delivered bigint NOT NULL, refused bigint NOT NULL, timed_out bigint NOT NULL, unreachable bigint NOT NULL,
        blocked bigint NOT NULL, gave_up bigint NOT NULL, duration_ms bigint NOT NULL,
        PRIMARY KEY (account, endpoint, minute, day)
    ) PARTITION BY RANGE (day);
    CREATE INDEX counter_endpoint ON counter (endpoint, minute);
    CREATE INDEX counter_minute ON counter (minute);
",
    r"
    -- Accounts fall into shards, and each shard is one node's. Each commit that gives ids locks the rows of the shards it
    -- writes to; so ids grow with commits, and who lost a shard writes nothing more of it.
    CREATE TABLE shard (
        shard integer PRIMARY KEY, node text, epoch bigint NOT NULL, last_event bigint NOT NULL,
        last_attempt bigint NOT NULL
    ) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
    INSERT INTO shard SELECT number, NULL, 0, last_event, last_attempt
    FROM shard_lease, generate_series(0, 63) AS number WHERE shard = 0;
    DROP TABLE shard_lease;
    -- Who is alive. Each commit counts in the row of its node: so one whose answer was lost can be looked up.
    CREATE TABLE node (
        name text PRIMARY KEY, session bigint NOT NULL, until timestamptz NOT NULL, commits bigint NOT NULL,
        version text NOT NULL, started_at timestamptz NOT NULL
    ) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
    -- Each node counts by itself, so that commits of two do not wait for each other. The row of no node is the day.
    ALTER TABLE day ADD COLUMN node text NOT NULL DEFAULT '';
    ALTER TABLE day DROP CONSTRAINT day_pkey;
    ALTER TABLE day ADD PRIMARY KEY (day, node);
    -- What one node tells another: that there is work for it. Taken as soon as it is seen.
    CREATE TABLE nudge (
        number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, shard integer NOT NULL, kind smallint NOT NULL,
        account bigint NOT NULL, endpoint bigint NOT NULL, tick bigint NOT NULL, due_at bigint
    ) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_cost_delay = 0);
    CREATE INDEX nudge_shard ON nudge (shard, number);
",
];

/// Nodes that start together bring the schema up one after the other. The number is ours among advisory locks.
const LOCK: i64 = 0x7269_6e67_7570;

/// Tables with a partition for each day, by the tick of the event.
const BY_TICK: [&str; 4] = ["event", "payload", "ended", "attempt"];

/// Brings the schema to the newest version, all steps in one transaction.
pub(super) async fn migrate(link: &Link, place: &str) -> Outcome<()> {
    link.batch("BEGIN").await?;
    link.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await?;
    link.batch("CREATE TABLE IF NOT EXISTS ringup_schema (version integer NOT NULL)").await?;
    let version: i32 = match link.one("SELECT version FROM ringup_schema", &[]).await? {
        Some(row) => row.try_get(0)?,
        None => {
            link.batch("INSERT INTO ringup_schema VALUES (0)").await?;
            0
        }
    };
    let newest = STEPS.len();
    let Some(from) = usize::try_from(version).ok().filter(|from| *from <= newest) else {
        link.batch("ROLLBACK").await?;
        return Err(Fault::Refused(StoreError::Corrupt(
            format!(
                "the schema in {place} has version {version}, and this ringup knows up to {newest}: it was brought there \
                 by a newer ringup; start that one, or restore the backup from before the upgrade"
            )
            .into(),
        )));
    };
    for step in STEPS.iter().skip(from) {
        link.batch(step).await?;
    }
    if from < newest {
        let newest = i32::try_from(newest).unwrap_or(i32::MAX);
        link.execute("UPDATE ringup_schema SET version = $1", &[&newest]).await?;
    }
    link.batch("COMMIT").await
}

/// The ticks of a day: from the first to before the last.
pub(super) fn ticks_of(day: Day) -> (i64, i64) {
    let first = |day: Day| {
        let before = day.start().saturating_sub(Duration::from_micros(1));
        integer(Tick::at(before)).saturating_add(1)
    };
    (first(day), first(Day(day.0 + 1)))
}

/// The name of a day's partition.
pub(super) fn partition(table: &str, day: Day) -> String {
    format!("{table}_{}", day.to_string().replace('-', "_"))
}

/// Makes a day's partitions. Attached rather than made in their place, which would lock readers out for a moment.
///
/// Another node may be about to do the same, or have done it.
pub(super) async fn make_day(link: &Link, day: Day) -> Outcome<()> {
    link.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await?;
    if link.one("SELECT 1 FROM day WHERE day = $1 AND node = ''", &[&day.0]).await?.is_some() {
        return Ok(());
    }
    let (from, until) = ticks_of(day);
    let mut sql = String::new();
    let tables = BY_TICK.iter().map(|table| (*table, from, until)).chain([("counter", day.0, day.0 + 1)]);
    for (table, from, until) in tables {
        let name = partition(table, day);
        let with = if table == "counter" { " WITH (fillfactor = 80)" } else { "" };
        sql.push_str(&format!(
            "CREATE TABLE {name} (LIKE {table} INCLUDING ALL){with};
             ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ({from}) TO ({until});"
        ));
    }
    sql.push_str(&format!("INSERT INTO day (day, node, events, live, ended) VALUES ({}, '', 0, 0, 0)", day.0));
    link.batch(&sql).await
}

/// Takes a day with all that is in it. Waits for those who read it, and holds up those who come meanwhile.
pub(super) async fn drop_day(link: &Link, day: Day) -> Outcome<()> {
    let mut sql = String::new();
    for table in BY_TICK.iter().chain(&["counter"]) {
        sql.push_str(&format!("DROP TABLE {};", partition(table, day)));
    }
    sql.push_str(&format!("DELETE FROM day WHERE day = {}", day.0));
    link.batch(&sql).await
}
