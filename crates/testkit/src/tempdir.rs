//! A temporary folder that disappears with its owner.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use anyhow::{Context, Result};

/// Set (to anything) to keep the folders of tests that panic; their paths are printed.
pub const KEEP_VARIABLE: &str = "RINGUP_KEEP";

/// A fresh folder under the system's temporary folder, removed with its content on drop.
///
/// While the dropping thread panics and `RINGUP_KEEP` is set, it stays and its path goes to stderr.
#[derive(Debug)]
pub struct TempDir {
    path: PathBuf,
}

impl TempDir {
    /// Creates a folder whose name starts with `ringup-{label}`.
    pub fn new(label: &str) -> Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = env::temp_dir().join(format!("ringup-{label}-{}-{number}", process::id()));
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Self { path }),
                // Left behind by an earlier process that had the same id.
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error).with_context(|| format!("creating {}", path.display())),
            }
        }
    }

    /// Where the folder is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A path inside the folder; nothing is created.
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        if thread::panicking() && env::var_os(KEEP_VARIABLE).is_some() {
            eprintln!("kept {}", self.path.display());
            return;
        }
        if let Err(error) = fs::remove_dir_all(&self.path)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            eprintln!("cannot remove {}: {error}", self.path.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_and_its_content_go_with_the_owner() -> Result<()> {
        let dir = TempDir::new("tempdir")?;
        let path = dir.path().to_owned();
        fs::create_dir(dir.join("inner"))?;
        fs::write(dir.join("inner/file"), "content")?;
        assert!(path.join("inner/file").exists());
        drop(dir);
        assert!(!path.exists());
        Ok(())
    }

    #[test]
    fn two_folders_of_one_label_differ() -> Result<()> {
        let (one, two) = (TempDir::new("twin")?, TempDir::new("twin")?);
        assert_ne!(one.path(), two.path());
        assert!(one.path().is_dir() && two.path().is_dir());
        Ok(())
    }
}
