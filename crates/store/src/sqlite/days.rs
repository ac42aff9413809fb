//! Which days there are.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use ringup_core::time::Day;

use super::day::DayFile;
use super::fault::{InFile, Outcome};

/// All day files, oldest first. Shared by the writer, who adds, retention, who removes, and readers.
#[derive(Default)]
pub(super) struct Days {
    files: RwLock<BTreeMap<Day, Arc<DayFile>>>,
}

impl Days {
    pub(super) fn get(&self, day: Day) -> Option<Arc<DayFile>> {
        self.files.read().unwrap_or_else(PoisonError::into_inner).get(&day).cloned()
    }

    /// Oldest first.
    pub(super) fn all(&self) -> Vec<Arc<DayFile>> {
        self.files.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Puts a day in, also in place of itself.
    pub(super) fn put(&self, file: Arc<DayFile>) {
        self.files.write().unwrap_or_else(PoisonError::into_inner).insert(file.day, file);
    }

    pub(super) fn remove(&self, day: Day) {
        self.files.write().unwrap_or_else(PoisonError::into_inner).remove(&day);
    }
}

/// The days whose files lie in a folder.
pub(super) fn listed(data_dir: &Path) -> Outcome<Vec<Day>> {
    let mut days = Vec::new();
    for entry in std::fs::read_dir(data_dir).in_file(data_dir)? {
        let name = entry.in_file(data_dir)?.file_name();
        let day = name.to_str().and_then(|name| name.strip_prefix("day-")?.strip_suffix(".db")).and_then(Day::parse);
        days.extend(day);
    }
    days.sort_unstable();
    Ok(days)
}

pub(super) fn any_in(data_dir: &Path) -> Outcome<bool> {
    Ok(!listed(data_dir)?.is_empty())
}
