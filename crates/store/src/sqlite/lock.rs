//! One server at a time owns a data folder.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::fault::{Fault, InFile, Outcome};
use crate::seam::StoreError;

const NAME: &str = "lock";

/// Held while a server runs; the system lets go of it when the process ends, however it ends.
pub struct DirectoryLock {
    _file: File,
}

impl DirectoryLock {
    /// For a process that keeps its store elsewhere and other things in the folder. Makes the folder where there is none.
    pub fn hold(data_dir: &Path) -> Result<DirectoryLock, StoreError> {
        DirectoryLock::take(data_dir).map_err(StoreError::from)
    }

    pub(super) fn take(data_dir: &Path) -> Outcome<DirectoryLock> {
        fs::create_dir_all(data_dir).in_file(data_dir)?;
        let path = data_dir.join(NAME);
        // Not truncated before it is ours: it names the owner.
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).in_file(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(taken(data_dir, &mut file)),
            Err(TryLockError::Error(error)) => return Err(error).in_file(&path),
        }
        file.set_len(0).in_file(&path)?;
        file.seek(SeekFrom::Start(0)).in_file(&path)?;
        writeln!(file, "{}", std::process::id()).in_file(&path)?;
        Ok(DirectoryLock { _file: file })
    }
}

fn taken(data_dir: &Path, file: &mut File) -> Fault {
    let mut owner = String::new();
    // Who it is only serves the message: an unreadable name must not hide it.
    let named = file.take(32).read_to_string(&mut owner).is_ok() && !owner.trim().is_empty();
    let owner = if named { format!("process {}", owner.trim()) } else { "another process".to_owned() };
    let text = format!(
        "the data folder {} is in use by {owner}; stop it first, or choose another folder with --data-dir",
        data_dir.display()
    );
    Fault::Refused(StoreError::Unavailable(text.into()))
}
