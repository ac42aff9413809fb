//! Giving the bytes of a removed file back to the disk, a little at a time.
//!
//! Letting go of hundreds of megabytes at once makes a file system free, and on many disks discard, all of it inside one of
//! its own commits, and every sync of the writer waits for that. So whoever removes a file holds it open meanwhile, and
//! afterwards cuts it shorter step by step. A process that ends before has the rest given back by the system at once.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::fault::{InFile, Outcome};
use super::shared::Shared;

/// Bytes given back in one step, and the rest after each: at most 160 MiB a second.
const STEP_BYTES: u64 = 8 * 1024 * 1024;
const REST: Duration = Duration::from_millis(50);

/// A file that is about to lose its name.
pub(super) struct Held {
    file: File,
    path: PathBuf,
}

impl Held {
    pub(super) fn open(path: &Path) -> Outcome<Held> {
        let file = OpenOptions::new().write(true).open(path).in_file(path)?;
        Ok(Held { file, path: path.to_owned() })
    }

    /// Does nothing to a file that still has a name. Takes its time; ends early when the store does.
    pub(super) fn give_back(self, shared: &Shared) -> Outcome<()> {
        let metadata = self.file.metadata().in_file(&self.path)?;
        if metadata.nlink() > 0 {
            return Ok(());
        }
        let mut left = metadata.len();
        while left > STEP_BYTES && shared.check_open().is_ok() {
            left -= STEP_BYTES;
            self.file.set_len(left).in_file(&self.path)?;
            std::thread::park_timeout(REST);
        }
        Ok(())
    }
}
