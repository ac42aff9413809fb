//! `catalog.db`: the configuration, which day files there are, and the last ids given.

mod audit;
mod change;
mod consumer;
mod key;
mod load;
mod notice;
pub(super) mod sealing;
mod task;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ringup_core::time::{Day, Tick};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use super::fault::{Failpoint, Fault, InFile, Outcome};
use super::schema::{self, Ladder};
use crate::sealed::SealingKey;
use crate::seam::{Change, Configuration, StoreError};

const LADDER: Ladder = Ladder {
    steps: &[
        "
    -- The last key given, of any kind: history outlives what it belongs to, so no key is given twice.
    CREATE TABLE sequence (last_key INTEGER NOT NULL);
    INSERT INTO sequence VALUES (0);
    CREATE TABLE environment (
        key INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, name TEXT NOT NULL UNIQUE, strict INTEGER NOT NULL,
        created_at INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE api_key (
        id BLOB PRIMARY KEY, environment INTEGER, name TEXT NOT NULL, token_hash BLOB NOT NULL UNIQUE,
        created_at INTEGER NOT NULL, revoked_at INTEGER
    ) STRICT;
    CREATE TABLE account (
        key INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, environment INTEGER NOT NULL, uid TEXT, name TEXT NOT NULL,
        metadata TEXT NOT NULL, settings TEXT NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
        UNIQUE (environment, uid)
    ) STRICT;
    CREATE TABLE endpoint (
        key INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, account INTEGER NOT NULL, uid TEXT, url TEXT NOT NULL,
        description TEXT NOT NULL, metadata TEXT NOT NULL, subscription TEXT NOT NULL, stopped_by TEXT,
        stopped_at INTEGER, secrets BLOB NOT NULL, headers TEXT NOT NULL, settings TEXT NOT NULL,
        created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, UNIQUE (account, uid)
    ) STRICT;
    CREATE TABLE event_type (
        id BLOB PRIMARY KEY, environment INTEGER NOT NULL, name TEXT NOT NULL, description TEXT NOT NULL,
        family TEXT, archived INTEGER NOT NULL, deprecated INTEGER NOT NULL, feature_flag TEXT, schemas TEXT,
        created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, UNIQUE (environment, name)
    ) STRICT;
    -- A file that is named here and is not there was lost, and that must be said.
    CREATE TABLE day_file (day INTEGER PRIMARY KEY) STRICT;
    -- Ids grow even when retention took everything.
    CREATE TABLE last_tick (name TEXT PRIMARY KEY, tick INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    ",
        "
    -- Work that goes on after its request was answered. By id, which is the order of its beginning.
    CREATE TABLE task (
        id BLOB PRIMARY KEY, environment INTEGER NOT NULL, account INTEGER NOT NULL, endpoint INTEGER,
        kind TEXT NOT NULL, scope TEXT NOT NULL, rate INTEGER, status TEXT NOT NULL, cursor INTEGER NOT NULL,
        done INTEGER NOT NULL, passed_over INTEGER NOT NULL, why TEXT, created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX task_account ON task (account, status);
    ", "
    -- What is still to be told of changes, stored with them. AUTOINCREMENT: no number stands for two of them.
    CREATE TABLE notice (
        number INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, environment INTEGER NOT NULL, account BLOB NOT NULL,
        account_uid TEXT, endpoint BLOB NOT NULL, endpoint_uid TEXT, automatic INTEGER NOT NULL
    ) STRICT;
    ",
        "
    -- Without words the scopes are all there are, those of later versions included.
    ALTER TABLE api_key ADD COLUMN kind TEXT NOT NULL DEFAULT 'key';
    ALTER TABLE api_key ADD COLUMN account INTEGER;
    ALTER TABLE api_key ADD COLUMN scopes TEXT;
    ALTER TABLE api_key ADD COLUMN prefix TEXT NOT NULL DEFAULT '';
    ALTER TABLE api_key ADD COLUMN parent BLOB;
    ALTER TABLE api_key ADD COLUMN session TEXT;
    ALTER TABLE api_key ADD COLUMN feature_flags TEXT;
    ALTER TABLE api_key ADD COLUMN expires_at INTEGER;
    ALTER TABLE api_key ADD COLUMN used_at INTEGER;
    ",
        "
    -- How its receiver knows us; nothing where it need not.
    ALTER TABLE endpoint ADD COLUMN authorization BLOB;
    ",
        "
    -- How far consumers have pulled what went to an endpoint: behind the event of this tick.
    CREATE TABLE consumer (
        endpoint INTEGER NOT NULL, name TEXT NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (endpoint, name)
    ) STRICT, WITHOUT ROWID;
    ",
        "
    -- The key that secrets are sealed with, by its id: secrets, sealed_headers and authorization of endpoints.
    CREATE TABLE sealing (key_id BLOB NOT NULL) STRICT;
    ALTER TABLE endpoint ADD COLUMN sealed_headers BLOB;
    ",
        "
    -- Tasks may go by a search of the log: their scope says so, which older versions do not know.
    CREATE INDEX task_newest ON task (account, id);
    ",
        "
    -- In environments that were made before payloads were looked at, nobody looks until somebody says so.
    ALTER TABLE environment ADD COLUMN validation TEXT NOT NULL DEFAULT 'off';
    ",
        "
    -- What was done by whom, by id, which is the order of time. Nothing in it is secret.
    CREATE TABLE audit (
        id BLOB PRIMARY KEY, verb TEXT NOT NULL, environment INTEGER, account BLOB, subject TEXT NOT NULL,
        label TEXT NOT NULL, actor_key BLOB, actor_parent BLOB, actor TEXT NOT NULL, changes TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX audit_account ON audit (account) WHERE account IS NOT NULL;
    CREATE INDEX audit_environment ON audit (environment) WHERE environment IS NOT NULL;
    CREATE INDEX audit_verb ON audit (verb);
    ",
        "
    -- The pauses between attempts of a type's events; JSON, null without any.
    ALTER TABLE event_type ADD COLUMN schedule TEXT NOT NULL DEFAULT 'null';
    ",
        "
    -- What somebody said when pausing an endpoint.
    ALTER TABLE endpoint ADD COLUMN stopped_why TEXT NOT NULL DEFAULT '';
    ",
        "
    -- An endpoint may answer a hook: its subscription says so, which older versions do not know.
    CREATE INDEX endpoint_account ON endpoint (account);
    ",
        "
    -- What an operator declared of a type whose events are questions; JSON, null without any.
    ALTER TABLE event_type ADD COLUMN hook TEXT NOT NULL DEFAULT 'null';
    ",
    ],
};

/// Enough for the whole configuration of thousands of accounts to be read once; then it is not needed.
const CACHE_KIB: u32 = 1_024;

const PAGE_BYTES: u32 = 4_096;

pub(super) const NAME: &str = "catalog.db";

/// The open catalogue.
pub(super) struct Catalog {
    connection: Connection,
    path: PathBuf,
    sealing_key: SealingKey,
    /// SQLite's number for changes by others, as last seen.
    data_version: i64,
    outside_changes: u64,
}

impl Catalog {
    /// Opens the catalogue of a folder, or makes it where nothing is yet. Refused where the store has moved away.
    ///
    /// Its secrets are sealed with the key that is given, else with the one in the folder.
    pub(super) fn open(
        data_dir: &Path,
        key: Option<&SealingKey>,
        failpoint: Option<&Arc<Failpoint>>,
    ) -> Outcome<Catalog> {
        super::moved::check(data_dir)?;
        Catalog::open_moved(data_dir, key, failpoint)
    }

    /// Also where the store moves away, or has.
    pub(super) fn open_moved(
        data_dir: &Path,
        key: Option<&SealingKey>,
        failpoint: Option<&Arc<Failpoint>>,
    ) -> Outcome<Catalog> {
        let path = data_dir.join(NAME);
        if !path.exists() {
            if super::days::any_in(data_dir)? {
                return Err(Fault::missing(&path));
            }
            schema::create(&path, &LADDER, PAGE_BYTES)?;
        }
        schema::check_header(&path)?;
        let mut connection = schema::open(&path, CACHE_KIB)?;
        connection.pragma_update(None, "wal_autocheckpoint", 256).in_file(&path)?;
        schema::check_whole(&connection, &path)?;
        schema::migrate(&connection, &path, &LADDER, failpoint)?;
        let sealing_key = sealing::settle(&mut connection, &path, data_dir, key)?;
        let data_version = data_version(&connection).in_file(&path)?;
        Ok(Catalog { connection, path, sealing_key, data_version, outside_changes: 0 })
    }

    pub(super) fn sealing_key(&self) -> &SealingKey {
        &self.sealing_key
    }

    pub(super) fn load(&self) -> Outcome<Configuration> {
        load::configuration(&self.connection, &self.sealing_key).in_file(&self.path)
    }

    /// Answers the key of what was put; zero for what has none.
    pub(super) fn change(&mut self, change: &Change) -> Outcome<i64> {
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate).in_file(&self.path)?;
        let key =
            change::apply(&transaction, change, &self.sealing_key).map_err(|error| refusal(&self.path, &error))?;
        let Some(key) = key else { return Err(Fault::Refused(StoreError::NotFound)) };
        transaction.commit().in_file(&self.path)?;
        Ok(key)
    }

    /// Seals all secrets anew; answers of how many endpoints. Nobody else may have the folder open.
    pub(super) fn rotate(&mut self, data_dir: &Path, new: Option<&SealingKey>) -> Outcome<usize> {
        let (key, count) = sealing::rotate(&mut self.connection, &self.path, data_dir, &self.sealing_key, new)?;
        self.sealing_key = key;
        Ok(count)
    }

    pub(super) fn outside_changes(&mut self) -> Outcome<u64> {
        let seen = data_version(&self.connection).in_file(&self.path)?;
        if seen != self.data_version {
            self.data_version = seen;
            self.outside_changes += 1;
        }
        Ok(self.outside_changes)
    }

    pub(super) fn days(&self) -> Outcome<Vec<Day>> {
        let days = || -> rusqlite::Result<Vec<Day>> {
            let mut statement = self.connection.prepare("SELECT day FROM day_file ORDER BY day")?;
            statement.query_map((), |row| row.get(0).map(Day))?.collect()
        };
        days().in_file(&self.path)
    }

    pub(super) fn add_day(&self, day: Day) -> Outcome<()> {
        self.connection
            .execute("INSERT OR IGNORE INTO day_file (day) VALUES (?)", [day.0])
            .map(drop)
            .in_file(&self.path)
    }

    /// Forgets a day, and remembers the last ids given so that they go on growing without it.
    pub(super) fn remove_day(&mut self, day: Day, last: LastTicks) -> Outcome<()> {
        let mut remove = || {
            let transaction = self.connection.transaction()?;
            let put = "INSERT INTO last_tick (name, tick) VALUES (?1, ?2)
                       ON CONFLICT (name) DO UPDATE SET tick = max(tick, excluded.tick)";
            transaction.execute(put, ("event", super::row::integer(last.event.0)))?;
            transaction.execute(put, ("attempt", super::row::integer(last.attempt.0)))?;
            transaction.execute("DELETE FROM day_file WHERE day = ?", [day.0])?;
            transaction.commit()
        };
        remove().in_file(&self.path)
    }

    /// The last ids as of the last removal of a day.
    pub(super) fn last_ticks(&self) -> Outcome<LastTicks> {
        let of = |name| -> rusqlite::Result<Tick> {
            let tick: Option<i64> = self
                .connection
                .query_row("SELECT tick FROM last_tick WHERE name = ?", [name], |row| row.get(0))
                .optional()?;
            Ok(Tick(tick.unwrap_or(0).unsigned_abs()))
        };
        let both = || -> rusqlite::Result<LastTicks> { Ok(LastTicks { event: of("event")?, attempt: of("attempt")? }) };
        both().in_file(&self.path)
    }

    pub(super) fn bytes(&self) -> u64 {
        std::fs::metadata(&self.path).map_or(0, |metadata| metadata.len())
    }

    /// Folds its journal away.
    pub(super) fn fold(&self) -> Outcome<()> {
        schema::fold_at_end(&self.connection).in_file(&self.path)?;
        self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(())).in_file(&self.path)
    }
}

/// The last ids given.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct LastTicks {
    pub(super) event: Tick,
    pub(super) attempt: Tick,
}

fn data_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "data_version", |row| row.get(0))
}

/// Tells a taken name from a failure.
fn refusal(path: &Path, error: &rusqlite::Error) -> Fault {
    let text = error.to_string();
    let taken = [
        ("environment.name", "environment name"),
        ("account.environment, account.uid", "uid"),
        ("endpoint.account, endpoint.uid", "uid"),
        ("event_type.environment, event_type.name", "event type name"),
        ("api_key.token_hash", "key"),
        (".id", "id"),
    ];
    if error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation)
        && let Some((_, name)) = taken.iter().find(|(columns, _)| text.contains(columns))
    {
        return Fault::Refused(StoreError::Conflict(name));
    }
    Fault::of(path, error)
}
