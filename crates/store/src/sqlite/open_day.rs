//! A day's file in the writer's hands: its connection, its transaction, and what a commit will change in memory.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use ringup_core::time::Tick;
use rusqlite::{Connection, OptionalExtension};
use siphasher::sip::SipHasher13;

use super::day::DayFile;
use super::fault::{InFile, Outcome};
use super::plan::Plan;
use super::posting::{self, Entry, Progress};
use super::row;
use super::schema;
use crate::query::MinuteCount;

/// URLs whose numbers are remembered. More than an account has endpoints; beyond it they are looked up again.
const URLS_MAX: usize = 16_384;

/// Commits between two looks at a journal's length.
const COMMITS_PER_LOOK: u32 = 16;

/// Commits over which a chunk of posting lists is written if each of its entries has an owner of its own, so that none
/// is long because of it.
const COMMITS_PER_CHUNK: usize = 256;

pub(super) struct OpenDay {
    pub(super) connection: Connection,
    pub(super) file: Arc<DayFile>,
    /// When it was last used, counted in groups.
    pub(super) used: u64,
    salt: [u8; 16],
    urls: HashMap<Arc<str>, i64>,
    in_transaction: bool,
    syncing: bool,
    commits: u32,
    page_bytes: u64,
    chunk_entries: usize,
    pages_max: Option<Arc<AtomicU32>>,
    progress: Progress,
    pub(super) effects: Effects,
}

/// What is to change in memory once the transaction stands.
#[derive(Default)]
pub(super) struct Effects {
    pub(super) entries: Vec<Entry>,
    pub(super) events: u64,
    pub(super) live: i64,
    pub(super) ended: i64,
    pub(super) last_event: Option<Tick>,
    pub(super) attempts: Option<(Tick, Tick)>,
    /// By minute and endpoint, so that each is written once per group.
    pub(super) counters: BTreeMap<(i64, i64), MinuteCount>,
    sealed: Option<(Progress, bool)>,
}

/// What a hash is of: keys, uids and tags never meet.
#[derive(Clone, Copy)]
pub(super) enum Name {
    Idempotency = 0,
    Uid = 1,
    Tag = 2,
}

impl OpenDay {
    pub(super) fn open(file: Arc<DayFile>, plan: &Plan) -> Outcome<OpenDay> {
        let connection = file.open_to_write()?;
        let salt = salt(&connection).in_file(&file.path)?;
        let page_bytes: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0)).in_file(&file.path)?;
        Ok(OpenDay {
            connection,
            file,
            used: 0,
            salt,
            urls: HashMap::new(),
            in_transaction: false,
            syncing: true,
            commits: 0,
            page_bytes: row::natural(page_bytes),
            chunk_entries: plan.chunk_entries,
            pages_max: plan.pages_max.clone(),
            progress: Progress::default(),
            effects: Effects::default(),
        })
    }

    /// Begins the group's transaction, if it has not begun. With `sync` its commit waits for the disk.
    pub(super) fn begin(&mut self, sync: bool) -> rusqlite::Result<()> {
        if self.in_transaction {
            return Ok(());
        }
        if self.syncing != sync {
            self.connection.pragma_update(None, "synchronous", if sync { "FULL" } else { "NORMAL" })?;
            self.syncing = sync;
        }
        if let Some(pages) = &self.pages_max {
            let pages = pages.load(Ordering::SeqCst);
            self.connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
        }
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute(())?;
        self.in_transaction = true;
        Ok(())
    }

    pub(super) fn is_in_transaction(&self) -> bool {
        self.in_transaction
    }

    /// Commits, and makes what it changed known.
    pub(super) fn commit(&mut self) -> rusqlite::Result<()> {
        self.write_counters()?;
        self.write_postings(false)?;
        self.connection.prepare_cached("COMMIT")?.execute(())?;
        self.in_transaction = false;
        self.commits += 1;
        self.make_known();
        Ok(())
    }

    /// Between commits: finishes what was folded beside the writer, and says whether the journal has become long.
    pub(super) fn look_at_journal(&mut self, journal_bytes: u64) -> rusqlite::Result<bool> {
        if self.file.tail_is_short.swap(false, Ordering::Acquire) {
            schema::fold_beside(&self.connection)?;
        }
        if self.commits < COMMITS_PER_LOOK {
            return Ok(false);
        }
        self.commits = 0;
        let pages = self.connection.query_row("PRAGMA wal_checkpoint(NOOP)", (), |row| {
            Ok(row.get::<_, i64>(1)?.saturating_sub(row.get(2)?))
        })?;
        Ok(row::natural(pages) * self.page_bytes >= journal_bytes)
    }

    /// Nothing of this group happened.
    pub(super) fn roll_back(&mut self) {
        self.in_transaction = false;
        self.effects = Effects::default();
        // Numbers given in this transaction are not in the file.
        self.urls.clear();
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            tracing::warn!(file = %self.file.path.display(), %error, "a rollback failed");
        }
    }

    /// Writes all of a day's entries that are only in memory into its file.
    pub(super) fn seal(&mut self) -> Outcome<()> {
        let path = self.file.path.clone();
        // At most two rounds: the chunk that is being written, and what came after it.
        while !self.file.known().posting.is_empty() {
            self.file.known().posting.seal();
            let mut write = || {
                self.begin(true)?;
                self.write_postings(true)?;
                self.connection.prepare_cached("COMMIT")?.execute(())
            };
            if let Err(error) = write() {
                self.roll_back();
                return Err(error).in_file(&path);
            }
            self.in_transaction = false;
            self.make_known();
        }
        Ok(())
    }

    /// Folds the journal into the file and cuts it to nothing; payloads that were removed leave the disk with that.
    /// Answers whether it went to the end: a reader may be in the way.
    pub(super) fn fold(&self) -> Outcome<bool> {
        let busy: i64 = self
            .connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |row| row.get(0))
            .in_file(&self.file.path)?;
        Ok(busy == 0)
    }

    /// The number of a URL in this file.
    pub(super) fn url(&mut self, url: &Arc<str>) -> rusqlite::Result<i64> {
        if let Some(id) = self.urls.get(url) {
            return Ok(*id);
        }
        let found =
            self.connection.prepare_cached("SELECT id FROM text WHERE value = ?")?.query_row([url], |row| row.get(0));
        let id = match found.optional()? {
            Some(id) => id,
            None => self.connection.prepare_cached("INSERT INTO text (value) VALUES (?)")?.insert([url])?,
        };
        if self.urls.len() >= URLS_MAX {
            self.urls.clear();
        }
        self.urls.insert(url.clone(), id);
        Ok(id)
    }

    /// A key, a uid or a tag as it stands in this file.
    pub(super) fn hash(&self, name: Name, account: i64, text: &str) -> i64 {
        hash(&self.salt, name, account, text)
    }

    fn write_counters(&mut self) -> rusqlite::Result<()> {
        if self.effects.counters.is_empty() {
            return Ok(());
        }
        let mut upsert = self.connection.prepare_cached(
            "INSERT INTO counter (minute, endpoint, delivered, refused, timed_out, unreachable, blocked, gave_up,
                                  duration_ms)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT (minute, endpoint) DO UPDATE SET
                delivered = delivered + excluded.delivered, refused = refused + excluded.refused,
                timed_out = timed_out + excluded.timed_out, unreachable = unreachable + excluded.unreachable,
                blocked = blocked + excluded.blocked, gave_up = gave_up + excluded.gave_up,
                duration_ms = duration_ms + excluded.duration_ms",
        )?;
        for ((minute, endpoint), count) in std::mem::take(&mut self.effects.counters) {
            upsert.execute((
                minute,
                endpoint,
                row::integer(count.delivered),
                row::integer(count.refused),
                row::integer(count.timed_out),
                row::integer(count.unreachable),
                row::integer(count.blocked),
                row::integer(count.gave_up),
                row::integer(count.duration_ms),
            ))?;
        }
        Ok(())
    }

    /// The next rows of the chunk that is being written, or all of them.
    fn write_postings(&mut self, at_once: bool) -> rusqlite::Result<()> {
        let rows_max = if at_once { usize::MAX } else { (self.chunk_entries / COMMITS_PER_CHUNK).max(1) };
        let known = self.file.known();
        if known.posting.is_sealing() {
            let written = posting::write(&self.connection, &known.posting, self.progress, known.events, rows_max)?;
            self.effects.sealed = Some(written);
        }
        Ok(())
    }

    fn make_known(&mut self) {
        let effects = std::mem::take(&mut self.effects);
        let mut known = self.file.known();
        if let Some((progress, done)) = effects.sealed {
            self.progress = progress;
            if done {
                known.posting.sealed();
                self.progress = Progress::default();
            }
        }
        for entry in effects.entries {
            known.posting.add(entry);
        }
        if known.posting.is_full(self.chunk_entries) {
            known.posting.seal();
        }
        known.events += effects.events;
        known.live = known.live.saturating_add_signed(effects.live);
        known.ended = known.ended.saturating_add_signed(effects.ended);
        if let Some(tick) = effects.last_event {
            known.last_event = tick;
        }
        if let Some((first, last)) = effects.attempts {
            known.first_attempt.get_or_insert(first);
            known.last_attempt = Some(last);
        }
        known.revision += 1;
    }
}

pub(super) fn salt(connection: &Connection) -> rusqlite::Result<[u8; 16]> {
    connection.query_row("SELECT value FROM meta WHERE name = 'salt'", (), |row| row.get(0))
}

pub(super) fn hash(salt: &[u8; 16], name: Name, account: i64, text: &str) -> i64 {
    let mut hasher = SipHasher13::new_with_key(salt);
    hasher.write_u8(name as u8);
    hasher.write(&account.to_be_bytes());
    hasher.write(text.as_bytes());
    row::bits(hasher.finish())
}
