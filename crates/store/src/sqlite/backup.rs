//! A copy of a data folder that a server writes to meanwhile.
//!
//! Each file is copied as one read sees it (`VACUUM INTO`), so it is whole, without a journal, and the writer goes on. Days
//! are copied before the catalogue: no event in the copy names an endpoint that its catalogue does not know. The folder
//! gets its name when everything in it is on the disk.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::catalog::sealing::KEY_FILE;
use super::catcher::thread::NAME as CATCHER;
use super::day::{DayFile, Presence};
use super::fault::{Fault, InFile, Outcome};
use super::schema;
use super::shared::Shared;
use crate::overview::BackedUp;
use crate::seam::StoreError;

/// The page cache of the connection that copies.
const CACHE_KIB: u32 = 2 * 1_024;

pub(super) fn back_up(shared: &Shared, into: &Path, name: &str) -> Outcome<BackedUp> {
    let folder = into.join(name);
    let draft = into.join(format!("{name}.new"));
    if folder.exists() || draft.exists() {
        return Err(Fault::Refused(StoreError::Conflict("name of the backup")));
    }
    fs::create_dir_all(into).in_file(into)?;
    fs::create_dir(&draft).in_file(&draft)?;
    let copied = copy(shared, &draft).and_then(|copied| {
        for file in fs::read_dir(&draft).in_file(&draft)? {
            schema::sync(&file.in_file(&draft)?.path())?;
        }
        fs::rename(&draft, &folder).in_file(&folder)?;
        schema::sync_directory(&folder)?;
        Ok(copied)
    });
    if copied.is_err() {
        // Half a copy is of no use, and its name would be in the way of the next.
        let _ = fs::remove_dir_all(&draft);
    }
    let (files, bytes) = copied?;
    Ok(BackedUp { folder, files, bytes })
}

/// Answers how many files there are and how large they are.
fn copy(shared: &Shared, draft: &Path) -> Outcome<(usize, u64)> {
    only_for_us(draft)?;
    let data_dir = &shared.plan.data_dir;
    let catalog = data_dir.join(super::catalog::NAME);
    let mut done = BTreeSet::new();
    loop {
        for file in shared.days.all() {
            if !done.insert(file.day) {
                continue;
            }
            // Held, so that nobody takes the file away meanwhile.
            let gate = file.gate.read().unwrap_or_else(std::sync::PoisonError::into_inner);
            if *gate == Presence::There {
                copy_file(&file.path, &DayFile::path_in(draft, file.day))?;
            }
        }
        let target = draft.join(super::catalog::NAME);
        schema::remove_if_there(&target)?;
        copy_file(&catalog, &target)?;
        // A day that began meanwhile may be in this catalogue, and its events may name endpoints that are younger.
        if shared.catalog()?.days()?.iter().all(|day| done.contains(day)) {
            break;
        }
    }
    for name in [KEY_FILE, CATCHER] {
        let file = data_dir.join(name);
        match name {
            _ if !file.exists() => {}
            KEY_FILE => {
                fs::copy(&file, draft.join(name)).in_file(&file)?;
            }
            _ => copy_file(&file, &draft.join(name))?,
        }
    }
    let mut sum = (0, 0);
    for file in fs::read_dir(draft).in_file(draft)? {
        sum.0 += 1;
        sum.1 += file.and_then(|file| file.metadata()).in_file(draft)?.len();
    }
    Ok(sum)
}

fn copy_file(from: &Path, to: &Path) -> Outcome<()> {
    let connection = schema::open_to_fold(from, CACHE_KIB)?;
    let target = to.to_str().ok_or_else(|| Fault::Other(format!("{}: not UTF-8", to.display()).into()))?;
    connection.execute("VACUUM INTO ?", [target]).in_file(from)?;
    Ok(())
}

/// The copy holds what the folder holds, the key that seals secrets included.
#[cfg(unix)]
fn only_for_us(folder: &Path) -> Outcome<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).in_file(folder)
}

#[cfg(not(unix))]
fn only_for_us(_: &Path) -> Outcome<()> {
    Ok(())
}
