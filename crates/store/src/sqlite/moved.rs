//! A folder whose store goes to a database, or has gone there: it says so itself, and nobody begins work in it.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::catalog;
use super::fault::{Fault, InFile, Outcome};
use super::schema;
use crate::seam::StoreError;

const NAME: &str = "moved.json";

/// What the file says.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug)]
pub(crate) struct Moved {
    /// Of this move; the database knows it by the same.
    pub(crate) id: String,
    /// Host, port and database, for people.
    pub(crate) to: String,
    pub(crate) finished: bool,
}

pub(super) fn read(data_dir: &Path) -> Outcome<Option<Moved>> {
    let path = data_dir.join(NAME);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).in_file(&path),
    };
    let what =
        |error: serde_json::Error| Fault::damaged(&path, &format!("it does not say where the store went ({error})"));
    serde_json::from_slice(&text).map(Some).map_err(what)
}

/// Durable before it returns.
pub(super) fn write(data_dir: &Path, moved: &Moved) -> Outcome<()> {
    let path = data_dir.join(NAME);
    let draft = schema::draft_of(&path);
    let text = serde_json::to_vec_pretty(moved).map_err(|error| Fault::Other(error.to_string().into()))?;
    fs::write(&draft, text).in_file(&draft)?;
    schema::publish(&draft, &path)
}

/// Nothing where the store is here.
pub(super) fn check(data_dir: &Path) -> Outcome<()> {
    let Some(moved) = read(data_dir)? else { return Ok(()) };
    let (folder, to, file) = (data_dir.display(), &moved.to, path_of(data_dir));
    let text = match moved.finished {
        true => format!(
            "the store in {folder} was moved to the database at {to}: set store.url and start there. What came since is \
             there and not here; to go back all the same, remove {}",
            file.display()
        ),
        false => format!(
            "the store in {folder} is being moved to the database at {to}, and has not arrived: go on with `ringup \
             migrate-store` and the same arguments. To stay here instead, remove {}, and empty the schema there before \
             anything else is moved to it",
            file.display()
        ),
    };
    Err(Fault::Refused(StoreError::Unavailable(text.into())))
}

/// Whether no store is at home in this folder: there never was one, or it went to a database.
pub(crate) fn has_given_up(data_dir: &Path) -> Result<bool, StoreError> {
    Ok(read(data_dir)?.is_some_and(|moved| moved.finished) || !data_dir.join(catalog::NAME).exists())
}

fn path_of(data_dir: &Path) -> PathBuf {
    data_dir.join(NAME)
}
