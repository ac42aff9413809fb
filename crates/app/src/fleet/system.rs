//! The process and its data: configuration with origins, versions, disk, and a backup on request.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use ringup_core::scope::Scope;
use ringup_core::time::Timestamp;
use ringup_store::overview::BackedUp;

use crate::app::App;
use crate::error::AppError;
use crate::principal::Principal;

/// What does not change while the process runs.
#[derive(Clone, Debug, Default)]
pub struct SystemFacts {
    pub version: String,
    pub started_at: Timestamp,
    pub data_dir: PathBuf,
    /// Where backups go; `None` if the operator named no folder.
    pub backup_dir: Option<PathBuf>,
    /// In the order of their reference.
    pub settings: Vec<SettingLine>,
}

/// One value of the configuration. Of a secret only whether it is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingLine {
    pub name: &'static str,
    pub value: String,
    /// Where it was set.
    pub origin: String,
    /// Nobody set it.
    pub is_default: bool,
}

/// In bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disk {
    pub free: u64,
    pub whole: u64,
}

/// A backup of this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeBackup {
    pub at: Timestamp,
    pub made: BackedUp,
}

#[derive(Clone, Debug)]
pub struct System {
    pub facts: SystemFacts,
    pub store_bytes: u64,
    pub events: u64,
    pub disk: Option<Disk>,
    /// The last one that this process made.
    pub last_backup: Option<MadeBackup>,
}

/// What is known of backups.
#[derive(Debug, Default)]
pub struct Backups {
    is_running: AtomicBool,
    last: Mutex<Option<MadeBackup>>,
}

/// Lets the next one begin, however this one ends.
struct Running<'a>(&'a AtomicBool);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl App {
    pub async fn system(&self, principal: &Principal) -> Result<System, AppError> {
        principal.operator(Scope::Read)?;
        let census = self.store().census().await?;
        Ok(System {
            facts: self.house.as_ref().map(|house| house.facts.clone()).unwrap_or_default(),
            store_bytes: census.bytes,
            events: census.events,
            disk: self.house.as_ref().and_then(|house| (house.disk)()),
            last_backup: self.backups.last.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        })
    }

    /// Copies everything that is stored into a new folder, while all goes on. `Conflict` if no folder for backups is
    /// configured, or one is being made.
    pub async fn back_up(&self, principal: &Principal) -> Result<MadeBackup, AppError> {
        principal.operator(Scope::Settings)?;
        let folder = self.house.as_ref().and_then(|house| house.facts.backup_dir.clone());
        let Some(folder) = folder else {
            let why = "no folder for backups is configured; set store.backup_dir and restart";
            return Err(AppError::Conflict(why.to_owned()));
        };
        if self.backups.is_running.swap(true, Ordering::Acquire) {
            return Err(AppError::Conflict("a backup is being made; wait for it".to_owned()));
        }
        let _running = Running(&self.backups.is_running);
        let at = self.now();
        let made = self.store().back_up(folder, name(at)).await?;
        let made = MadeBackup { at, made };
        tracing::info!(folder = %made.made.folder.display(), files = made.made.files, bytes = made.made.bytes, "backed up");
        *self.backups.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(made.clone());
        Ok(made)
    }
}

/// Names sort by time: `ringup-2026-11-23-30600` is the 30,600th second of that day, UTC.
fn name(at: Timestamp) -> String {
    format!("ringup-{}-{:05}", ringup_core::time::Tick::at(at).day(), at.as_secs().rem_euclid(86_400))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_backups_sort_by_time() {
        let noon = Timestamp::from_secs(1_795_422_600);
        assert_eq!(name(noon), "ringup-2026-11-23-30600");
        assert!(name(noon) < name(noon.saturating_add(std::time::Duration::from_hours(20))));
    }
}
