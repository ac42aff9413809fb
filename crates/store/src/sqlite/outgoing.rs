//! A store that leaves its folder: rows read in order, a batch at a time, beside nobody.

use std::path::PathBuf;
use std::sync::Arc;

use ringup_core::delivery::Trigger;
use ringup_core::outcome::BodyEnd;
use ringup_core::time::{Day, Tick};
use rusqlite::{Connection, params_from_iter};

use super::answer;
use super::catalog::{Catalog, LastTicks, sealing};
use super::day::DayFile;
use super::days::Days;
use super::fault::{Fault, InFile, Outcome};
use super::lock::DirectoryLock;
use super::moved::{self, Moved};
use super::open::recover_days;
use super::plan::Plan;
use super::{row, schema};
use crate::log_entry::OutcomeWord;
use crate::migration::cell::Cell;
use crate::migration::part::{self, Part};
use crate::sealed::{AUTHORIZATION, HEADERS, SECRETS, SealingKey, place};
use crate::seam::StoreError;

/// Rows and bytes of one batch, about. A batch has at least one row, however large.
const ROWS_MAX: usize = 8_192;
const BYTES_MAX: usize = 8 * 1024 * 1024;

const CACHE_KIB: u32 = 16 * 1_024;

/// Behind which row a table has been read: the numbers of its last one.
pub(crate) type Position = [i64; 2];

/// Before the first.
pub(crate) const START: Position = [i64::MIN; 2];

/// Some rows of a table, in order.
pub(crate) struct Batch {
    pub(crate) rows: Vec<Vec<Cell>>,
    pub(crate) position: Position,
    /// Nothing comes after it.
    pub(crate) is_last: bool,
}

/// A folder that nobody else works in as long as this is held.
pub(crate) struct Outgoing {
    data_dir: PathBuf,
    sealing_key: SealingKey,
    days: Days,
    last: LastTicks,
    _lock: DirectoryLock,
}

/// One of its files, open.
pub(crate) struct Source {
    connection: Connection,
    path: PathBuf,
    day: Option<Day>,
}

impl Outgoing {
    /// Also where a move has begun. A folder without a store is refused, and not made.
    pub(crate) async fn open(plan: Plan) -> Result<Outgoing, StoreError> {
        let opened = tokio::task::spawn_blocking(move || Outgoing::prepare(&plan));
        Ok(answer::finished(opened.await)??)
    }

    fn prepare(plan: &Plan) -> Outcome<Outgoing> {
        if !plan.data_dir.join(super::catalog::NAME).exists() {
            let text = format!("there is no store in {}: name the data folder of a ringup", plan.data_dir.display());
            return Err(Fault::Refused(StoreError::Unavailable(text.into())));
        }
        let lock = DirectoryLock::take(&plan.data_dir)?;
        // A key that lies in the folder is the folder's, whatever is set for where it goes.
        let key = plan.encryption_key.as_ref().filter(|_| !plan.data_dir.join(sealing::KEY_FILE).exists());
        let catalog = Catalog::open_moved(&plan.data_dir, key, None)?;
        let (days, last) = recover_days(plan, &catalog)?;
        let sealing_key = catalog.sealing_key().clone();
        Ok(Outgoing { data_dir: plan.data_dir.clone(), sealing_key, days, last, _lock: lock })
    }

    pub(crate) fn moved(&self) -> Result<Option<Moved>, StoreError> {
        Ok(moved::read(&self.data_dir)?)
    }

    pub(crate) fn say_moved(&self, moved: &Moved) -> Result<(), StoreError> {
        Ok(moved::write(&self.data_dir, moved)?)
    }

    /// What its secrets are sealed with.
    pub(crate) fn sealing_key(&self) -> &SealingKey {
        &self.sealing_key
    }

    /// Oldest first.
    pub(crate) fn days(&self) -> Vec<Day> {
        self.days.all().iter().map(|file| file.day).collect()
    }

    /// The last ids given to an event and to an attempt.
    pub(crate) fn last(&self) -> (Tick, Tick) {
        (self.last.event, self.last.attempt)
    }

    /// The file of a day, or the catalogue.
    pub(crate) fn source(&self, day: Option<Day>) -> Result<Source, StoreError> {
        let path = match day {
            Some(day) => {
                self.days.get(day).map_or_else(|| DayFile::path_in(&self.data_dir, day), |file| file.path.clone())
            }
            None => self.data_dir.join(super::catalog::NAME),
        };
        let connection = schema::open_to_read(&path, CACHE_KIB)?;
        if day.is_some() {
            let catalog = self.data_dir.join(super::catalog::NAME);
            let name = catalog.to_str().ok_or_else(|| Fault::Other("the folder's name is not UTF-8".into()))?;
            connection.execute("ATTACH ? AS catalog", [name]).in_file(&catalog)?;
        }
        Ok(Source { connection, path, day })
    }
}

impl Source {
    /// The next rows behind a position.
    pub(crate) fn read(&self, part: &Part, from: Position) -> Result<Batch, StoreError> {
        Ok(self.batch(part, from).in_file(&self.path)?)
    }

    /// How many rows a table has.
    pub(crate) fn count(&self, part: &Part) -> Result<u64, StoreError> {
        let counted = self.connection.query_row(&part.counted(), (), |row| row.get(0));
        Ok(counted.map(row::natural).in_file(&self.path)?)
    }

    /// Number and sum of a table's rows.
    pub(crate) fn sum(&self, part: &Part) -> Result<(i64, i64), StoreError> {
        let sql = self.with_words(&part.summed_in_files());
        Ok(self.connection.query_row(&sql, (), |row| Ok((row.get(0)?, row.get(1)?))).in_file(&self.path)?)
    }

    fn batch(&self, part: &Part, from: Position) -> rusqlite::Result<Batch> {
        let mut statement = self.connection.prepare_cached(&self.with_words(&part.question()))?;
        let width = part.columns.len();
        let mut found = statement.query(params_from_iter(&from[..part.keys()]))?;
        let mut batch = Batch { rows: Vec::new(), position: from, is_last: false };
        let mut bytes = 0;
        // What is small goes at once: nothing says where it was broken off.
        while part.keys() == 0 || (batch.rows.len() < ROWS_MAX && bytes < BYTES_MAX) {
            let Some(row) = found.next()? else {
                batch.is_last = true;
                break;
            };
            let cells =
                (0..width).map(|column| Cell::of(row.get_ref(column)?)).collect::<rusqlite::Result<Vec<_>>>()?;
            bytes += cells.iter().map(Cell::weight).sum::<usize>();
            batch.rows.push(cells);
            for key in 0..part.keys() {
                batch.position[key] = row.get(width + key)?;
            }
        }
        Ok(batch)
    }

    fn with_words(&self, sql: &str) -> String {
        let day = self.day.map_or(0, |day| day.0).to_string();
        let triggers = Trigger::ALL.iter().map(|trigger| (row::trigger_code(*trigger), trigger.word()));
        let outcomes = OutcomeWord::ALL.iter().map(|outcome| (row::outcome_code(*outcome), outcome.word()));
        let ends = BodyEnd::ALL.iter().map(|end| (row::body_end_code(*end), end.word()));
        sql.replace("$day", &day)
            .replace("$trigger", &case("d.trigger", triggers))
            .replace("$outcome", &case("d.outcome", outcomes))
            .replace("$body_end", &case("d.body_end", ends))
    }
}

/// The word that a code stands for. A code that nobody knows stands for nothing, which no table takes.
fn case(column: &str, words: impl Iterator<Item = (i64, &'static str)>) -> String {
    let whens: String = words.map(|(code, word)| format!(" WHEN {code} THEN '{word}'")).collect();
    format!("CASE {column}{whens} END")
}

/// Seals the secrets of an endpoint's row with another key.
pub(crate) fn reseal(part: &Part, cells: &mut [Cell], old: &SealingKey, new: &SealingKey) -> Result<(), StoreError> {
    let at = |name: &str| part.columns.iter().position(|(column, _)| *column == name);
    let broken = || StoreError::Corrupt(Arc::from("a secret in catalog.db cannot be opened with the folder's key"));
    let (Some(Cell::Integer(account)), Some(Cell::Bytes(id))) =
        (at("account").map(|at| &cells[at]), at("id").map(|at| &cells[at]))
    else {
        return Err(broken());
    };
    let (account, id) = (*account, <[u8; 20]>::try_from(id.as_slice()).map_err(|_| broken())?);
    for (column, kind) in [("secrets", SECRETS), ("headers", HEADERS), ("authorized", AUTHORIZATION)] {
        let Some(at) = at(column) else { return Err(broken()) };
        if let Cell::Bytes(sealed) = &cells[at] {
            let place = place(kind, account, &id);
            let plain = old.open(&place, sealed).map_err(|_| broken())?;
            cells[at] = Cell::Bytes(new.seal(&place, &plain));
        }
    }
    Ok(())
}

/// What a day's file holds, and what the catalogue does.
pub(crate) fn parts(day: Option<Day>) -> &'static [Part] {
    if day.is_some() { part::DAY } else { part::CATALOG }
}
