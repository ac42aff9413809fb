//! Opening SQLite files: settings, versions, and the checks before any of it is trusted.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::fault::{self, Failpoint, Fault, InFile, Outcome, Point};
use crate::seam::StoreError;

/// Marks files as ours: "Ring" in ASCII.
pub(super) const APPLICATION_ID: i32 = 0x5269_6e67;

/// How long a statement waits for another process, such as `ringup key create`.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes of a journal file that stay when it starts over; what a burst grew beyond it is given back.
const JOURNAL_LENGTH_MAX: i64 = 64 * 1024 * 1024;

/// What a kind of file holds, version by version. Step n brings version n to n + 1.
pub(super) struct Ladder {
    pub(super) steps: &'static [&'static str],
}

impl Ladder {
    pub(super) fn newest(&self) -> usize {
        self.steps.len()
    }
}

pub(super) const READ_WRITE: OpenFlags = OpenFlags::SQLITE_OPEN_READ_WRITE.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);

/// Makes a file with the newest schema. It appears under its name whole or not at all.
pub(super) fn create(path: &Path, ladder: &Ladder, page_bytes: u32) -> Outcome<()> {
    let draft = draft_of(path);
    create_draft(&draft, ladder, page_bytes)?;
    publish(&draft, path)
}

/// Makes a file with the newest schema under a name that nobody looks for.
pub(super) fn create_draft(draft: &Path, ladder: &Ladder, page_bytes: u32) -> Outcome<()> {
    remove_if_there(draft)?;
    let connection = Connection::open_with_flags(draft, READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE).in_file(draft)?;
    connection.pragma_update(None, "page_size", page_bytes).in_file(draft)?;
    connection.pragma_update(None, "application_id", APPLICATION_ID).in_file(draft)?;
    migrate(&connection, draft, ladder, None)?;
    connection.close().map_err(|(_, error)| error).in_file(draft)
}

/// Opens a draft to fill it. It is synced as a whole when it gets its name, so nothing before that is.
pub(super) fn open_draft(draft: &Path, cache_kib: u32) -> Outcome<Connection> {
    let connection = Connection::open_with_flags(draft, READ_WRITE).in_file(draft)?;
    let settle = || -> rusqlite::Result<()> {
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update_and_check(None, "journal_mode", "OFF", |_| Ok(()))?;
        connection.pragma_update(None, "synchronous", "OFF")?;
        connection.pragma_update(None, "foreign_keys", false)?;
        connection.pragma_update(None, "cache_size", -i64::from(cache_kib))
    };
    settle().in_file(draft)?;
    Ok(connection)
}

/// Gives a finished file its name, durably.
pub(super) fn publish(draft: &Path, path: &Path) -> Outcome<()> {
    sync(draft)?;
    std::fs::rename(draft, path).in_file(path)?;
    sync_directory(path)
}

pub(super) fn sync(path: &Path) -> Outcome<()> {
    File::open(path).and_then(|file| file.sync_all()).in_file(path)
}

/// Makes names that were added to or removed from a file's folder durable.
pub(super) fn sync_directory(path: &Path) -> Outcome<()> {
    let parent = path.parent().unwrap_or(Path::new("."));
    File::open(parent).and_then(|folder| folder.sync_all()).in_file(parent)
}

pub(super) fn draft_of(path: &Path) -> PathBuf {
    beside(path, ".new")
}

pub(super) fn journal_of(path: &Path) -> PathBuf {
    beside(path, "-wal")
}

/// Removes a file with all that SQLite keeps beside it.
pub(super) fn remove_if_there(path: &Path) -> Outcome<u64> {
    let mut freed = 0;
    for path in [path.to_owned(), journal_of(path), beside(path, "-shm"), beside(path, "-journal")] {
        let bytes = std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
        match std::fs::remove_file(&path) {
            Ok(()) => freed += bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).in_file(&path),
        }
    }
    Ok(freed)
}

/// Removes what SQLite keeps beside a file that nobody has open and that is whole without it.
pub(super) fn remove_journals(path: &Path) -> Outcome<()> {
    for path in [journal_of(path), beside(path, "-shm")] {
        match std::fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).in_file(&path),
        }
    }
    Ok(())
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Lets the end of this connection fold the journal and remove it: for ends that are meant.
pub(super) fn fold_at_end(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false).map(drop)
}

/// Opens an existing file for writing, durable to the disk with each commit. Its journal stays when it is dropped.
pub(super) fn open(path: &Path, cache_kib: u32) -> Outcome<Connection> {
    let connection = Connection::open_with_flags(path, READ_WRITE).in_file(path)?;
    let settle = || -> rusqlite::Result<()> {
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        connection.pragma_update(None, "foreign_keys", false)?;
        connection.pragma_update(None, "cell_size_check", true)?;
        connection.pragma_update(None, "secure_delete", true)?;
        // Else a statement is planned anew whenever a bound value could make another plan better: on each publish.
        connection.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        connection.pragma_update(None, "cache_size", -i64::from(cache_kib))?;
        // A journal keeps its length when it starts over: writing in place needs no new blocks, so syncs are cheaper.
        connection.pragma_update(None, "journal_size_limit", JOURNAL_LENGTH_MAX)?;
        connection.set_prepared_statement_cache_capacity(64);
        Ok(())
    };
    settle().in_file(path)?;
    Ok(connection)
}

/// Opens an existing file only to fold its journal.
pub(super) fn open_to_fold(path: &Path, cache_kib: u32) -> Outcome<Connection> {
    let connection = Connection::open_with_flags(path, READ_WRITE).in_file(path)?;
    let settle = || -> rusqlite::Result<()> {
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        connection.pragma_update(None, "cache_size", -i64::from(cache_kib))
    };
    settle().in_file(path)?;
    Ok(connection)
}

/// Copies what a journal holds into its file, as far as readers and the writer allow without waiting for them.
pub(super) fn fold_beside(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", (), |_| Ok(()))
}

/// Opens an existing file for reading only. It never folds a journal, so its end cannot disturb the writer.
pub(super) fn open_to_read(path: &Path, cache_kib: u32) -> Outcome<Connection> {
    let connection = Connection::open_with_flags(path, READ_WRITE).in_file(path)?;
    let settle = || -> rusqlite::Result<()> {
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update(None, "query_only", true)?;
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        connection.pragma_update(None, "cell_size_check", true)?;
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        connection.pragma_update(None, "cache_size", -i64::from(cache_kib))?;
        connection.set_prepared_statement_cache_capacity(32);
        Ok(())
    };
    settle().in_file(path)?;
    Ok(connection)
}

/// Brings a file's schema to the newest version, one step in one transaction each.
pub(super) fn migrate(
    connection: &Connection,
    path: &Path,
    ladder: &Ladder,
    failpoint: Option<&std::sync::Arc<Failpoint>>,
) -> Outcome<()> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).in_file(path)?;
    let newest = ladder.newest();
    let Some(from) = usize::try_from(version).ok().filter(|from| *from <= newest) else {
        return Err(Fault::Refused(StoreError::Corrupt(
            format!(
                "the file {} has version {version}, and this ringup knows up to {newest}: it was written by a newer \
                 ringup; start that one, or restore the backup from before the upgrade",
                path.display()
            )
            .into(),
        )));
    };
    for (number, step) in ladder.steps.iter().enumerate().skip(from) {
        let transaction = connection.unchecked_transaction().in_file(path)?;
        transaction.execute_batch(step).in_file(path)?;
        fault::pass(failpoint, Point::MidMigration);
        let reached = i64::try_from(number + 1).unwrap_or(i64::MAX);
        transaction.pragma_update(None, "user_version", reached).in_file(path)?;
        transaction.commit().in_file(path)?;
    }
    Ok(())
}

/// Looks at a file's first bytes and its length before SQLite does, so that damage is told in our words.
pub(super) fn check_header(path: &Path) -> Outcome<()> {
    let mut head = [0; 100];
    let mut file = File::open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Fault::missing(path),
        _ => Fault::Device(format!("{}: {error}", path.display()).into()),
    })?;
    let length = file.metadata().in_file(path)?.len();
    match file.read_exact(&mut head) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            return Err(Fault::damaged(path, "it is cut short"));
        }
        Err(error) => return Err(error).in_file(path),
    }
    // Source: SQLite "Database File Format", §1.3.
    let word = |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    if &head[..16] != b"SQLite format 3\0" {
        return Err(Fault::damaged(path, "it does not start like a SQLite file"));
    }
    if word(68) != APPLICATION_ID.unsigned_abs() {
        return Err(Fault::damaged(path, "it is not a file of ringup"));
    }
    let page_bytes = match u64::from(u16::from_be_bytes([head[16], head[17]])) {
        1 => 65_536,
        bytes => bytes,
    };
    let pages = u64::from(word(28));
    // While a journal is there, the file may be half way through taking it in.
    let journal_bytes = std::fs::metadata(journal_of(path)).map_or(0, |metadata| metadata.len());
    if journal_bytes == 0 && word(24) == word(92) && length < pages * page_bytes {
        return Err(Fault::damaged(
            path,
            &format!("it has {length} bytes where it should have {}", pages * page_bytes),
        ));
    }
    Ok(())
}

/// Reads the whole file and checks its structure. Takes time with its size.
pub(super) fn check_whole(connection: &Connection, path: &Path) -> Outcome<()> {
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", (), |row| row.get(0)).in_file(path)?;
    if verdict == "ok" { Ok(()) } else { Err(Fault::damaged(path, &verdict)) }
}
