//! What lies where: each table of PostgreSQL, and the question that reads its rows from SQLite files.

/// A table's columns in PostgreSQL, each with the expression that it is in SQLite. What begins with `$` is put in by who
/// asks: the day, and the words that codes stand for.
pub(crate) struct Part {
    pub(crate) table: &'static str,
    pub(crate) columns: &'static [(&'static str, &'static str)],
    from: &'static str,
    filter: &'static str,
    /// Numbers by which rows are read in order; none where a table is small and read at once.
    keys: &'static [&'static str],
    /// A number made of a row, the same in both homes.
    sum: &'static str,
}

impl Part {
    /// The names of its columns.
    pub(crate) fn names(&self) -> String {
        self.columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }

    /// Its rows behind a position, in order, each with its own position as the last columns.
    pub(crate) fn question(&self) -> String {
        let columns = self.columns.iter().map(|(_, is)| *is).chain(self.keys.iter().copied());
        let columns = columns.collect::<Vec<_>>().join(", ");
        let keys = self.keys.join(", ");
        match self.keys.len() {
            0 => format!("SELECT {columns} FROM {} WHERE {}", self.from, self.filter),
            1 => format!("SELECT {columns} FROM {} WHERE {keys} > ?1 AND {} ORDER BY {keys}", self.from, self.filter),
            _ => format!(
                "SELECT {columns} FROM {} WHERE ({keys}) > (?1, ?2) AND {} ORDER BY {keys}",
                self.from, self.filter
            ),
        }
    }

    pub(crate) fn keys(&self) -> usize {
        self.keys.len()
    }

    /// How many rows there are, in SQLite.
    pub(crate) fn counted(&self) -> String {
        // Rows of the table alone: one whose event is missing is found by that.
        let table = self.from.split_whitespace().next().unwrap_or(self.from);
        format!("SELECT count(*) FROM {table} d WHERE {}", self.filter)
    }

    /// Number and sum of its rows, in SQLite.
    pub(crate) fn summed_in_files(&self) -> String {
        let columns: Vec<_> = self.columns.iter().map(|(name, is)| format!("{is} AS {name}")).collect();
        let rows = format!("SELECT {} FROM {} WHERE {}", columns.join(", "), self.from, self.filter);
        format!("SELECT count(*), ifnull(sum({}), 0) FROM ({rows}) AS r", self.sum)
    }

    /// Number and sum of rows in PostgreSQL.
    pub(crate) fn summed_in(&self, rows: &str) -> String {
        format!("SELECT count(*) AS count, coalesce(sum({}), 0)::bigint AS sum FROM {rows}", self.sum)
    }
}

macro_rules! columns {
    ($($name:literal = $is:literal),+ $(,)?) => { &[$(($name, $is)),+] };
}

/// What a day's file holds, in the order in which it goes.
pub(crate) const DAY: &[Part] = &[
    Part {
        table: "event",
        columns: columns![
            "account" = "d.account",
            "tick" = "d.tick",
            "random" = "d.random",
            "type" = "d.type",
            "uid" = "d.uid",
            "idempotency" = "d.idempotency",
            "fingerprint" = "d.fingerprint",
            "channels" = "d.channels",
            "tags" = "x.tags",
            "deliver_at" = "x.deliver_at",
            "payload_until" = "x.payload_until",
            "misfits" = "x.misfits",
            "unregistered" = "d.unregistered",
            "keep" = "d.keep",
            "redact" = "d.redact",
            "targets" = "d.targets",
        ],
        from: "event d LEFT JOIN extra x ON x.event = d.tick",
        filter: "true",
        keys: &["d.tick"],
        sum: "tick % 1000003 + length(targets) + length(type)",
    },
    Part {
        table: "payload",
        columns: columns![
            "account" = "d.account",
            "tick" = "d.tick",
            "redacted" = "d.payload_state = 1",
            "body" = "ifnull(d.payload, x'')",
        ],
        from: "event d",
        filter: "d.payload_state < 2",
        keys: &["d.tick"],
        sum: "tick % 1000003 + length(body)",
    },
    Part {
        table: "live",
        columns: columns![
            "account" = "e.account",
            "tick" = "d.event",
            "endpoint" = "d.endpoint",
            "due_at" = "d.due_at",
            "attempts_made" = "d.attempts_made",
            "trigger" = "$trigger",
            "order_key" = "d.order_key",
        ],
        from: "delivery d CROSS JOIN event e ON e.tick = d.event",
        filter: "true",
        keys: &["d.endpoint", "d.event"],
        sum: "tick % 1000003 + endpoint + coalesce(due_at, 0) % 1000003 + attempts_made",
    },
    Part {
        table: "ended",
        columns: columns!["account" = "e.account", "tick" = "d.event", "endpoint" = "d.endpoint", "how" = "d.how"],
        from: "ended d CROSS JOIN event e ON e.tick = d.event",
        filter: "true",
        keys: &["d.endpoint", "d.event"],
        sum: "tick % 1000003 + endpoint + length(how)",
    },
    Part {
        table: "attempt",
        columns: columns![
            "account" = "e.account",
            "event" = "d.event",
            "tick" = "d.tick",
            "event_random" = "e.random",
            "random" = "d.random",
            "endpoint" = "d.endpoint",
            "number" = "d.number",
            "trigger" = "$trigger",
            "started_at" = "d.started_at",
            "duration" = "d.duration_us",
            "resolve" = "d.resolve_us",
            "connect" = "d.connect_us",
            "tls" = "d.tls_us",
            "first_byte" = "d.first_byte_us",
            "url" = "t.value",
            "outcome" = "$outcome",
            "status" = "d.status",
            "detail" = "d.detail",
            "response_headers" = "d.response_headers",
            "response_body" = "d.response_body",
            "body_end" = "$body_end",
        ],
        from: "attempt d CROSS JOIN event e ON e.tick = d.event CROSS JOIN text t ON t.id = d.url",
        filter: "true",
        keys: &["d.tick"],
        sum: "tick % 1000003 + endpoint + duration % 1000003 + length(response_body) + length(url)",
    },
    Part {
        table: "counter",
        columns: columns![
            // What belonged to a URL that is gone is nobody's.
            "account" = "ifnull(p.account, 0)",
            "endpoint" = "d.endpoint",
            "minute" = "d.minute",
            "day" = "$day",
            "delivered" = "d.delivered",
            "refused" = "d.refused",
            "timed_out" = "d.timed_out",
            "unreachable" = "d.unreachable",
            "blocked" = "d.blocked",
            "gave_up" = "d.gave_up",
            "duration_ms" = "d.duration_ms",
        ],
        from: "counter d LEFT JOIN catalog.endpoint p ON p.key = d.endpoint",
        filter: "true",
        keys: &["d.minute", "d.endpoint"],
        sum: "endpoint + minute + delivered + refused + timed_out + unreachable + blocked + gave_up + duration_ms",
    },
];

/// What `catalog.db` holds, all of which goes in one commit.
pub(crate) const CATALOG: &[Part] = &[
    Part {
        table: "sequence",
        columns: columns!["last_key" = "d.last_key",],
        from: "sequence d",
        filter: "true",
        keys: &[],
        sum: "last_key",
    },
    Part {
        table: "environment",
        columns: columns![
            "key" = "d.key",
            "id" = "d.id",
            "name" = "d.name",
            "strict" = "d.strict",
            "validation" = "d.validation",
            "created_at" = "d.created_at",
        ],
        from: "environment d",
        filter: "true",
        keys: &[],
        sum: "key + length(name) + length(id)",
    },
    Part {
        table: "account",
        columns: columns![
            "key" = "d.key",
            "id" = "d.id",
            "environment" = "d.environment",
            "uid" = "d.uid",
            "name" = "d.name",
            "metadata" = "d.metadata",
            "settings" = "d.settings",
            "created_at" = "d.created_at",
            "updated_at" = "d.updated_at",
        ],
        from: "account d",
        filter: "true",
        keys: &[],
        sum: "key + length(name) + length(metadata) + length(settings)",
    },
    Part {
        table: "endpoint",
        columns: columns![
            "account" = "d.account",
            "key" = "d.key",
            "id" = "d.id",
            "uid" = "d.uid",
            "url" = "d.url",
            "description" = "d.description",
            "metadata" = "d.metadata",
            "subscription" = "d.subscription",
            "stopped_by" = "d.stopped_by",
            "stopped_at" = "d.stopped_at",
            "stopped_why" = "d.stopped_why",
            "secrets" = "d.secrets",
            "headers" = "d.sealed_headers",
            "authorized" = "d.authorization",
            "settings" = "d.settings",
            "created_at" = "d.created_at",
            "updated_at" = "d.updated_at",
        ],
        from: "endpoint d",
        filter: "true",
        keys: &[],
        sum: "key + account + length(url) + length(description) + length(metadata) + length(subscription) + length(settings)",
    },
    Part {
        table: "api_key",
        columns: columns![
            "id" = "d.id",
            "environment" = "d.environment",
            "account" = "d.account",
            "kind" = "d.kind",
            "name" = "d.name",
            "prefix" = "d.prefix",
            "token_hash" = "d.token_hash",
            "scopes" = "d.scopes",
            "parent" = "d.parent",
            "session" = "d.session",
            "feature_flags" = "d.feature_flags",
            "created_at" = "d.created_at",
            "expires_at" = "d.expires_at",
            "revoked_at" = "d.revoked_at",
            "used_at" = "d.used_at",
        ],
        from: "api_key d",
        filter: "true",
        keys: &[],
        sum: "length(name) + length(token_hash) + created_at % 1000003",
    },
    Part {
        table: "event_type",
        columns: columns![
            "environment" = "d.environment",
            "id" = "d.id",
            "name" = "d.name",
            "description" = "d.description",
            "family" = "d.family",
            "archived" = "d.archived",
            "deprecated" = "d.deprecated",
            "feature_flag" = "d.feature_flag",
            "schemas" = "d.schemas",
            "schedule" = "d.schedule",
            "hook" = "d.hook",
            "created_at" = "d.created_at",
            "updated_at" = "d.updated_at",
        ],
        from: "event_type d",
        filter: "true",
        keys: &[],
        sum: "length(name) + length(description) + coalesce(length(schemas), 0) + length(schedule) + length(hook)",
    },
    Part {
        table: "notice",
        columns: columns![
            "number" = "d.number",
            "kind" = "d.kind",
            "environment" = "d.environment",
            "account" = "d.account",
            "account_uid" = "d.account_uid",
            "endpoint" = "d.endpoint",
            "endpoint_uid" = "d.endpoint_uid",
            "automatic" = "d.automatic",
        ],
        from: "notice d",
        filter: "true",
        keys: &[],
        sum: "number",
    },
    Part {
        table: "audit",
        columns: columns![
            "id" = "d.id",
            "verb" = "d.verb",
            "environment" = "d.environment",
            "account" = "d.account",
            "subject" = "d.subject",
            "label" = "d.label",
            "actor_key" = "d.actor_key",
            "actor_parent" = "d.actor_parent",
            "actor" = "d.actor",
            "changes" = "d.changes",
        ],
        from: "audit d",
        filter: "true",
        keys: &[],
        sum: "length(subject) + length(changes)",
    },
    Part {
        table: "task",
        columns: columns![
            "account" = "d.account",
            "id" = "d.id",
            "environment" = "d.environment",
            "endpoint" = "d.endpoint",
            "kind" = "d.kind",
            "scope" = "d.scope",
            "rate" = "d.rate",
            "status" = "d.status",
            "cursor" = "d.cursor",
            "done" = "d.done",
            "passed_over" = "d.passed_over",
            "why" = "d.why",
            "created_at" = "d.created_at",
            "updated_at" = "d.updated_at",
        ],
        from: "task d",
        filter: "true",
        keys: &[],
        sum: "account + cursor % 1000003 + done + length(scope)",
    },
    Part {
        table: "consumer",
        columns: columns!["endpoint" = "d.endpoint", "name" = "d.name", "position" = "d.position",],
        from: "consumer d",
        filter: "true",
        keys: &[],
        sum: "endpoint + position % 1000003",
    },
];
