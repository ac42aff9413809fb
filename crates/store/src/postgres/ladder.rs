//! Tables, as a ladder of numbered steps. Step n brings version n - 1 to n.
//!
//! Programs of two versions run side by side during an upgrade, so each step says whether the program of before can go on
//! beside it. Why and how: decision 15.

/// What nodes that do not know the step make of it.
#[derive(Clone, Copy)]
pub(super) enum Step {
    /// They go on, and may start: it adds what they neither read nor have to write. A table with a partition for each day
    /// is more than that, since they make a day without it.
    Expand(&'static str),
    /// Those go on that know version `oldest`, since which what it takes away is not used. It waits until none is left that
    /// knows less. For a release to be followed by the next one node by node, that is no newer than the release before.
    Contract { oldest: i32, sql: &'static str },
}

impl Step {
    pub(super) fn sql(self) -> &'static str {
        match self {
            Step::Expand(sql) | Step::Contract { sql, .. } => sql,
        }
    }
}

/// The version that this program knows.
pub(super) const KNOWN: i32 = LADDER.len() as i32;

/// From this version on the schema says who may work on it, and nodes say what they know.
pub(super) const TELLS_OLDEST: i32 = 3;

/// Steps are only ever appended.
pub(super) const LADDER: &[Step] = &[
    Step::Contract {
        oldest: 1,
        sql: r"
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
    },
    Step::Contract {
        oldest: 2,
        sql: r"
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
    },
    // Nodes of before run on beside it. They do not start beside it, since they know nothing of steps that may stand.
    Step::Expand(
        r"
    -- The oldest version that a program may know and yet work here.
    ALTER TABLE ringup_schema ADD COLUMN oldest integer NOT NULL DEFAULT 2;
    -- Which version the node's program knows.
    ALTER TABLE node ADD COLUMN schema integer NOT NULL DEFAULT 2;
",
    ),
    // Who does not know of it would begin in a schema to which a store is still on its way.
    Step::Contract {
        oldest: 4,
        sql: r"
    -- A store that came from a data folder, and how far it has come: no node begins before all of it is here.
    CREATE TABLE arrival (
        id text NOT NULL, started_at timestamptz NOT NULL, day bigint NOT NULL, part integer NOT NULL,
        first bigint NOT NULL, second bigint NOT NULL, finished_at timestamptz
    );
",
    },
    // Nodes of before find names by it as well.
    Step::Expand(
        r"
    -- The name before the account: so that no other index looks as good for finding a name, while a day is young and the
    -- planner knows nothing of it. It once read all events of an account instead.
    DROP INDEX event_uid;
    DROP INDEX event_idempotency;
    CREATE INDEX event_uid ON event (uid, account, tick) WHERE uid IS NOT NULL;
    CREATE INDEX event_idempotency ON event (idempotency, account, tick) WHERE idempotency IS NOT NULL;
",
    ),
    // Nodes of before run beside it, and are not spoken to.
    Step::Expand(
        r"
    -- Where other nodes hand this one events of its accounts; none: nowhere.
    ALTER TABLE node ADD COLUMN address text;
",
    ),
    // Nodes of before write without them.
    Step::Expand(
        r"
    -- Rows that a group writes, as they come from a node. A node of another version relies on their fields: where a table
    -- gets another column, rows of it get another type.
    CREATE TYPE new_event AS (
        account bigint, tick bigint, random bytea, type text, uid text, idempotency text, fingerprint bigint, channels text,
        tags text, deliver_at bigint, payload_until bigint, misfits text, unregistered boolean, keep smallint, redact text,
        targets bytea
    );
    CREATE TYPE new_payload AS (account bigint, tick bigint, redacted boolean, body bytea);
    CREATE TYPE new_live AS (account bigint, tick bigint, endpoint bigint, due_at bigint, order_key bigint);
    CREATE TYPE new_ended AS (account bigint, tick bigint, endpoint bigint, how text);
    CREATE TYPE new_retry AS (account bigint, tick bigint, endpoint bigint, due_at bigint, attempts_made integer);
    CREATE TYPE new_attempt AS (
        account bigint, event bigint, tick bigint, event_random bytea, random bytea, endpoint bigint, number bigint,
        trigger text, started_at bigint, duration bigint, resolve bigint, connect bigint, tls bigint, first_byte bigint,
        url text, outcome text, status integer, detail text, response_headers bytea, response_body bytea, body_end text
    );
    CREATE TYPE new_counter AS (
        account bigint, endpoint bigint, minute bigint, day bigint, delivered bigint, refused bigint, timed_out bigint,
        unreachable bigint, blocked bigint, gave_up bigint, duration_ms bigint
    );
",
    ),
    // Nodes of before have catchers in their folders, and know nothing of these.
    Step::Expand(
        r"
    -- Catchers, and how far each has counted: its row is changed by each request that it catches.
    CREATE TABLE catcher (
        key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id bytea NOT NULL CONSTRAINT catcher_id UNIQUE,
        account bigint NOT NULL, name text NOT NULL, write_token text NOT NULL,
        token_hash bytea NOT NULL CONSTRAINT catcher_token_hash UNIQUE, read_token_hash bytea, script text NOT NULL,
        body_type text, body text, seed bigint NOT NULL, endpoint bytea, created_at bigint NOT NULL,
        updated_at bigint NOT NULL, last_number bigint NOT NULL, requests bigint NOT NULL, changes bigint NOT NULL
    ) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
    CREATE INDEX catcher_account ON catcher (account, key);
    -- How often a catcher saw each event since its script began: for longer than requests are kept.
    CREATE TABLE sighting (
        catcher bigint NOT NULL, event text NOT NULL, seen bigint NOT NULL, first bigint NOT NULL, last bigint NOT NULL,
        PRIMARY KEY (catcher, event)
    ) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
    -- Requests, and what they count for. Each is changed once, when its answer is over.
    CREATE TABLE caught (
        catcher bigint NOT NULL, number bigint NOT NULL, at bigint NOT NULL, bytes bigint NOT NULL, method text NOT NULL,
        target text NOT NULL, version text NOT NULL, head bytea NOT NULL, body bytea NOT NULL, body_bytes bigint NOT NULL,
        peer text, event text, repeats bigint, endpoint bytea, signature text NOT NULL, answer text NOT NULL, step integer,
        waited_us bigint, cut_short boolean, PRIMARY KEY (catcher, number)
    ) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
    CREATE INDEX caught_at ON caught (at);
",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_step_asks_for_more_than_those_know_who_take_it() {
        for (number, step) in (1..).zip(LADDER) {
            if let Step::Contract { oldest, .. } = step {
                assert!((1..=number).contains(oldest), "step {number} is for those who know {oldest}");
            }
        }
    }
}
