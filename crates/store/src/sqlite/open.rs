//! Opening a data folder, and starting what runs beside it.

use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use tokio::sync::mpsc;

use super::SqliteStore;
use super::answer;
use super::catalog::{Catalog, LastTicks};
use super::day::DayFile;
use super::days::{self, Days};
use super::fault::{Fault, InFile, Outcome};
use super::lock::DirectoryLock;
use super::notice;
use super::plan::Plan;
use super::schema;
use super::shared::Shared;
use super::writer::Writer;
use crate::seam::StoreError;

pub(super) async fn open(plan: Plan) -> Result<SqliteStore, StoreError> {
    let opened = tokio::task::spawn_blocking(move || prepare(plan));
    let (shared, last) = answer::finished(opened.await)??;
    let shared = Arc::new(shared);
    let (told, committed) = mpsc::channel(notice::GROUPS_MAX);
    // Ends with the writer, which holds the other end.
    tokio::spawn(notice::tell(committed, shared.clone()));
    let writer = Writer::new(shared.clone(), last, told);
    let beside = shared.clone();
    let threads = vec![
        start("store-writer", move || writer.run())?,
        start("store-checkpoint", move || beside.checkpointer.run(&beside))?,
    ];
    Ok(SqliteStore { shared, threads: Mutex::new(threads) })
}

/// Everything that must be right before the first verb: the lock, the catalogue, each day's file.
fn prepare(plan: Plan) -> Result<(Shared, LastTicks), StoreError> {
    let lock = DirectoryLock::take(&plan.data_dir)?;
    let catalog = Catalog::open(&plan.data_dir, plan.encryption_key.as_ref(), plan.failpoint.as_ref())?;
    let (days, last) = recover_days(&plan, &catalog)?;
    let last_attempt = last.attempt;
    Ok((Shared::new(plan, lock, catalog, days, last_attempt), last))
}

pub(super) fn recover_days(plan: &Plan, catalog: &Catalog) -> Outcome<(Days, LastTicks)> {
    let listed = days::listed(&plan.data_dir)?;
    if let Some(lost) = catalog.days()?.into_iter().find(|day| !listed.contains(day)) {
        return Err(Fault::missing(&DayFile::path_in(&plan.data_dir, lost)));
    }
    let mut last = catalog.last_ticks()?;
    let days = Days::default();
    let newest = listed.last().copied();
    for day in listed {
        // A process that died between making the file and noting it left it whole and empty.
        catalog.add_day(day)?;
        let file = DayFile::recover(&plan.data_dir, day, Some(day) == newest, plan.failpoint.as_ref())?;
        schema::remove_if_there(&schema::draft_of(&file.path))?;
        {
            let known = file.known();
            last.event = last.event.max(known.last_event);
            last.attempt = last.attempt.max(known.last_attempt.unwrap_or_default());
        }
        days.put(Arc::new(file));
    }
    Ok((days, last))
}

fn start(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StoreError> {
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run);
    thread.in_file(std::path::Path::new(name)).map_err(StoreError::from)
}
