//! One day's file: its tables, and what is known of it in memory.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use ringup_core::time::{Day, Tick};
use rusqlite::Connection;

use super::fault::{Failpoint, InFile, Outcome};
use super::open_day::{self, Name};
use super::posting::{Entry, Kind, Posting};
use super::row;
use super::schema::{self, Ladder};

pub(super) const LADDER: Ladder = Ladder {
    steps: &[
        "
    CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
    -- Makes the hashes of `dedupe` unforeseeable, so that nobody can aim at a collision.
    INSERT INTO meta VALUES ('salt', randomblob(16));
    -- Append only: ticks grow.
    CREATE TABLE event (
        tick INTEGER PRIMARY KEY, random BLOB NOT NULL, account INTEGER NOT NULL, type TEXT NOT NULL, uid TEXT,
        idempotency TEXT, fingerprint INTEGER, channels TEXT, unregistered INTEGER NOT NULL,
        -- Endpoints it went to, packed: see `row::pack_targets`.
        targets BLOB NOT NULL,
        -- 0 whole, 1 redacted, 2 if logged, 3 never; and the pointers to strike out.
        keep INTEGER NOT NULL, redact TEXT,
        -- 0 whole, 1 redacted, 2 gone.
        payload_state INTEGER NOT NULL, payload BLOB
    ) STRICT;
    -- Only live ones: they come and go, and the file keeps its place for them.
    CREATE TABLE delivery (
        endpoint INTEGER NOT NULL, event INTEGER NOT NULL, due_at INTEGER, attempts_made INTEGER NOT NULL,
        trigger INTEGER NOT NULL, order_key INTEGER, PRIMARY KEY (endpoint, event)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX delivery_due ON delivery (due_at) WHERE due_at IS NOT NULL;
    -- Ended without success. In every log mode, for it is no log: it can be resent.
    CREATE TABLE ended (
        endpoint INTEGER NOT NULL, event INTEGER NOT NULL, how TEXT NOT NULL, ended_at INTEGER NOT NULL,
        PRIMARY KEY (endpoint, event)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE attempt (
        tick INTEGER PRIMARY KEY, random BLOB NOT NULL, event INTEGER NOT NULL, endpoint INTEGER NOT NULL,
        number INTEGER NOT NULL, trigger INTEGER NOT NULL, started_at INTEGER NOT NULL, duration_us INTEGER NOT NULL,
        url INTEGER NOT NULL, outcome INTEGER NOT NULL, status INTEGER, detail TEXT, body_end INTEGER NOT NULL,
        response_headers BLOB NOT NULL, response_body BLOB NOT NULL
    ) STRICT;
    -- Grows at its right edge, as events are attempted soon after they came.
    CREATE INDEX attempt_event ON attempt (event);
    -- URLs are long, few and repeated.
    CREATE TABLE text (id INTEGER PRIMARY KEY, value TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE counter (
        minute INTEGER NOT NULL, endpoint INTEGER NOT NULL, delivered INTEGER NOT NULL, refused INTEGER NOT NULL,
        timed_out INTEGER NOT NULL, unreachable INTEGER NOT NULL, blocked INTEGER NOT NULL, gave_up INTEGER NOT NULL,
        duration_ms INTEGER NOT NULL, PRIMARY KEY (minute, endpoint)
    ) STRICT, WITHOUT ROWID;
    -- Idempotency keys and uids by salted hash; the event's row has the strings.
    CREATE TABLE dedupe (hash INTEGER PRIMARY KEY, event INTEGER NOT NULL) STRICT;
    -- What indexes by endpoint and account would hold, written in sorted chunks: see `posting`.
    CREATE TABLE posting (
        chunk INTEGER NOT NULL, kind INTEGER NOT NULL, owner INTEGER NOT NULL, ticks BLOB NOT NULL,
        PRIMARY KEY (chunk, kind, owner)
    ) STRICT, WITHOUT ROWID;
    -- A chunk is whole from when it stands here: up to which ticks it goes, and how many events there were.
    CREATE TABLE chunk (
        chunk INTEGER PRIMARY KEY, last_attempt INTEGER NOT NULL, last_event INTEGER NOT NULL, events INTEGER NOT NULL
    ) STRICT;
    ",
        "
    -- What few events have besides: no row for one that has nothing, and no column of `event` behind its payload, where
    -- it would be read through all of it. `payload_until` goes when it has come. Lists are JSON.
    CREATE TABLE extra (
        event INTEGER PRIMARY KEY, tags TEXT, deliver_at INTEGER, payload_until INTEGER, misfits TEXT
    ) STRICT;
    CREATE INDEX extra_payload_until ON extra (payload_until) WHERE payload_until IS NOT NULL;
    ",
        // Behind the answer, so lists that leave that out leave these out, too. Nothing where a step was not needed.
        "
    ALTER TABLE attempt ADD COLUMN resolve_us INTEGER;
    ALTER TABLE attempt ADD COLUMN connect_us INTEGER;
    ALTER TABLE attempt ADD COLUMN tls_us INTEGER;
    ALTER TABLE attempt ADD COLUMN first_byte_us INTEGER;
    ",
    ],
};

/// The writer's page cache for one file.
const WRITER_CACHE_KIB: u32 = 16 * 1_024;

/// Files up to this size are read whole at start, to find damage before it is built upon.
const CHECKED_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// One day's file. Everything but its content.
pub(super) struct DayFile {
    pub(super) day: Day,
    pub(super) path: PathBuf,
    /// Held by who reads the file, so that nobody takes it away or puts another in its place meanwhile.
    pub(super) gate: RwLock<Presence>,
    /// The journal was folded beside the writer, but for its last commits.
    pub(super) tail_is_short: AtomicBool,
    known: Mutex<Known>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Presence {
    There,
    /// Retention took it.
    Removed,
}

/// What is known without opening the file. True for what is committed.
#[derive(Default)]
pub(super) struct Known {
    pub(super) posting: Posting,
    pub(super) events: u64,
    pub(super) live: u64,
    pub(super) ended: u64,
    pub(super) last_event: Tick,
    pub(super) first_attempt: Option<Tick>,
    pub(super) last_attempt: Option<Tick>,
    /// Grows with each commit.
    pub(super) revision: u64,
}

impl DayFile {
    pub(super) fn path_in(data_dir: &Path, day: Day) -> PathBuf {
        data_dir.join(format!("day-{day}.db"))
    }

    /// Makes the file of a day that has none.
    pub(super) fn create(data_dir: &Path, day: Day, page_bytes: u32) -> Outcome<DayFile> {
        let path = DayFile::path_in(data_dir, day);
        schema::create(&path, &LADDER, page_bytes)?;
        Ok(DayFile::new(day, path))
    }

    /// Opens an existing file, checks it and learns what it holds. Finishes what a crash left unfinished; folds a
    /// journal that was left, unless the writer will go on with it.
    pub(super) fn recover(
        data_dir: &Path,
        day: Day,
        is_newest: bool,
        failpoint: Option<&Arc<Failpoint>>,
    ) -> Outcome<DayFile> {
        let path = DayFile::path_in(data_dir, day);
        schema::check_header(&path)?;
        let connection = schema::open(&path, WRITER_CACHE_KIB)?;
        schema::migrate(&connection, &path, &LADDER, failpoint)?;
        let file = DayFile::new(day, path);
        file.learn_from(&connection)?;
        if !is_newest {
            schema::fold_at_end(&connection).in_file(&file.path)?;
        }
        connection.close().map_err(|(_, error)| error).in_file(&file.path)?;
        Ok(file)
    }

    fn new(day: Day, path: PathBuf) -> DayFile {
        DayFile {
            day,
            path,
            gate: RwLock::new(Presence::There),
            tail_is_short: AtomicBool::new(false),
            known: Mutex::default(),
        }
    }

    /// Checks the file, as far as that is quick, and replaces what is known of it by what it holds.
    pub(super) fn learn_from(&self, connection: &Connection) -> Outcome<()> {
        if std::fs::metadata(&self.path).in_file(&self.path)?.len() <= CHECKED_BYTES_MAX {
            schema::check_whole(connection, &self.path)?;
        }
        let fresh = learn(connection).in_file(&self.path)?;
        let mut known = self.known();
        let revision = known.revision + 1;
        *known = Known { revision, ..fresh };
        Ok(())
    }

    pub(super) fn open_to_write(&self) -> Outcome<Connection> {
        schema::open(&self.path, WRITER_CACHE_KIB)
    }

    pub(super) fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn bytes(&self) -> u64 {
        let bytes = |path: &Path| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        bytes(&self.path) + bytes(&schema::journal_of(&self.path))
    }
}

/// Events by tag that are not in the file's lists yet.
fn learn_tags(connection: &Connection, last_event: i64, posting: &mut Posting) -> rusqlite::Result<()> {
    let salt = open_day::salt(connection)?;
    let mut statement = connection.prepare(
        "SELECT x.event, e.account, x.tags FROM extra x CROSS JOIN event e ON e.tick = x.event
         WHERE x.event > ? AND x.tags IS NOT NULL ORDER BY x.event",
    )?;
    let mut rows = statement.query([last_event])?;
    while let Some(found) = rows.next()? {
        let (tick, account) = (row::tick(found, 0)?, found.get(1)?);
        for tag in row::words(found, 2)? {
            let owner = open_day::hash(&salt, Name::Tag, account, &tag);
            posting.add(Entry { kind: Kind::Tagged, owner, tick });
        }
    }
    Ok(())
}

/// Rebuilds what a running store keeps in memory of a day.
fn learn(connection: &Connection) -> rusqlite::Result<Known> {
    let (chunk, last_attempt, last_event, events) = connection.query_row(
        "SELECT max(chunk), ifnull(max(last_attempt), -1), ifnull(max(last_event), -1), ifnull(max(events), 0) FROM chunk",
        (),
        |row| Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?, row.get::<_, i64>(3)?)),
    )?;
    let next_chunk = chunk.map_or(0, |chunk| chunk + 1);
    // What a crash left of a chunk that was being written.
    connection.execute("DELETE FROM posting WHERE chunk >= ?", [next_chunk])?;
    let mut known = Known { posting: Posting::new(next_chunk), events: row::natural(events), ..Known::default() };
    let mut statement = connection.prepare("SELECT tick, account FROM event WHERE tick > ? ORDER BY tick")?;
    let mut rows = statement.query([last_event])?;
    while let Some(found) = rows.next()? {
        known.posting.add(Entry { kind: Kind::Event, owner: found.get(1)?, tick: row::tick(found, 0)? });
        known.events += 1;
    }
    learn_tags(connection, last_event, &mut known.posting)?;
    let mut statement =
        connection.prepare("SELECT tick, endpoint, outcome FROM attempt WHERE tick > ? ORDER BY tick")?;
    let mut rows = statement.query([last_attempt])?;
    while let Some(found) = rows.next()? {
        let kind = Kind::of_outcome(row::outcome(found, 2)?);
        known.posting.add(Entry { kind, owner: found.get(1)?, tick: row::tick(found, 0)? });
    }
    let number = |sql: &str| connection.query_row(sql, (), |row| row.get::<_, i64>(0)).map(row::natural);
    known.live = number("SELECT count(*) FROM delivery")?;
    known.ended = number("SELECT count(*) FROM ended")?;
    known.last_event = Tick(number("SELECT ifnull(max(tick), 0) FROM event")?);
    let optional = |sql: &str| {
        let tick: Option<i64> = connection.query_row(sql, (), |row| row.get(0))?;
        Ok::<_, rusqlite::Error>(tick.map(|tick| Tick(tick.unsigned_abs())))
    };
    known.first_attempt = optional("SELECT min(tick) FROM attempt")?;
    known.last_attempt = optional("SELECT max(tick) FROM attempt")?;
    Ok(known)
}
