//! Which key seals the secrets of a folder, and sealing them anew with another.
//!
//! The catalogue knows its key by an id. The key itself comes from the configuration, or lies beside the catalogue in a
//! file that only its owner may read, made at the first start.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::super::fault::{Fault, InFile, Outcome};
use super::super::schema;
use crate::sealed::{AUTHORIZATION, HEADERS, KEY_ID_BYTES, SECRETS, SealingKey, is_sealed, place};
use crate::seam::StoreError;

pub(in crate::sqlite) const KEY_FILE: &str = "encryption.key";
/// Where a new key waits until everything is sealed with it.
const NEXT_FILE: &str = "encryption.key.next";

/// The key of this folder. Where there is none yet, one is chosen, and what lay open is sealed.
pub(super) fn settle(
    connection: &mut Connection,
    path: &Path,
    data_dir: &Path,
    given: Option<&SealingKey>,
) -> Outcome<SealingKey> {
    // Another process that opens the same folder waits here, and finds what this one chose.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).in_file(path)?;
    if let Some(id) = known_id(&transaction).in_file(path)? {
        return find(data_dir, id, given);
    }
    let key = match given {
        Some(key) => key.clone(),
        None => match read(&data_dir.join(KEY_FILE))? {
            Some(key) => key,
            None => make(&data_dir.join(KEY_FILE))?,
        },
    };
    let count = reseal(&transaction, None, &key).in_file(path)?;
    transaction.execute("INSERT INTO sealing (key_id) VALUES (?)", [key.id()]).in_file(path)?;
    transaction.commit().in_file(path)?;
    if count > 0 {
        fold(connection).in_file(path)?;
    }
    Ok(key)
}

/// Seals everything with another key: the one given, or a new one in the file beside the catalogue.
pub(super) fn rotate(
    connection: &mut Connection,
    path: &Path,
    data_dir: &Path,
    old: &SealingKey,
    new: Option<&SealingKey>,
) -> Outcome<(SealingKey, usize)> {
    let (file, next) = (data_dir.join(KEY_FILE), data_dir.join(NEXT_FILE));
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).in_file(path)?;
    let key = match new {
        Some(key) => key.clone(),
        None => {
            // Left by a rotation that did not come to its end: nothing was sealed with it, or it would be in force.
            schema::remove_if_there(&next)?;
            make(&next)?
        }
    };
    let count = reseal(&transaction, Some(old), &key).in_file(path)?;
    transaction.execute("UPDATE sealing SET key_id = ?", [key.id()]).in_file(path)?;
    transaction.commit().in_file(path)?;
    if new.is_none() {
        take_over(&next, &file)?;
    } else {
        schema::remove_if_there(&file)?;
    }
    fold(connection).in_file(path)?;
    Ok((key, count))
}

fn known_id(connection: &Connection) -> rusqlite::Result<Option<[u8; KEY_ID_BYTES]>> {
    connection.query_row("SELECT key_id FROM sealing", (), |row| row.get(0)).optional()
}

fn find(data_dir: &Path, id: [u8; KEY_ID_BYTES], given: Option<&SealingKey>) -> Outcome<SealingKey> {
    let refused = |what: &str| {
        let folder = data_dir.display();
        Fault::Refused(StoreError::Corrupt(format!("the secrets in {folder} cannot be opened: {what}").into()))
    };
    if let Some(given) = given {
        return match given.id() == id {
            true => Ok(given.clone()),
            false => Err(refused(
                "store.encryption_key is not the key they were sealed with; set that one, or to change it stop the \
                 server and run `ringup encryption rotate` with the old key set and --new-key-file naming the new one",
            )),
        };
    }
    let (file, next) = (data_dir.join(KEY_FILE), data_dir.join(NEXT_FILE));
    if let Some(key) = read(&file)?.filter(|key| key.id() == id) {
        return Ok(key);
    }
    // A rotation ended between its commit and the renaming.
    if let Some(key) = read(&next)?.filter(|key| key.id() == id) {
        take_over(&next, &file)?;
        return Ok(key);
    }
    Err(refused(if file.exists() {
        "the file encryption.key is not the key they were sealed with; put the right one back from a backup, or set \
         store.encryption_key"
    } else {
        "their key is missing; put the file encryption.key back from a backup, or set store.encryption_key"
    }))
}

fn read(path: &Path) -> Outcome<Option<SealingKey>> {
    match fs::read_to_string(path) {
        Ok(text) => SealingKey::parse(&text)
            .map(Some)
            .map_err(|why| Fault::Refused(StoreError::Corrupt(format!("the key in {} {why}", path.display()).into()))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).in_file(path),
    }
}

/// A new key in a file of this name, readable to its owner only, durable before anything is sealed with it.
fn make(path: &Path) -> Outcome<SealingKey> {
    let text = SealingKey::make();
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).in_file(path)?;
    file.write_all(format!("{text}\n").as_bytes()).and_then(|()| file.sync_all()).in_file(path)?;
    schema::sync_directory(path)?;
    read(path)?.ok_or_else(|| Fault::missing(path))
}

fn take_over(next: &Path, file: &PathBuf) -> Outcome<()> {
    fs::rename(next, file).in_file(file)?;
    schema::sync_directory(file)
}

/// Answers how many endpoints there were. Without an old key what lies open is sealed.
fn reseal(transaction: &Transaction<'_>, old: Option<&SealingKey>, new: &SealingKey) -> rusqlite::Result<usize> {
    let sql = "SELECT key, id, account, secrets, headers, sealed_headers, authorization FROM endpoint";
    let mut statement = transaction.prepare(sql)?;
    let mut rows = statement.query(())?;
    let mut count = 0;
    while let Some(row) = rows.next()? {
        let (key, id, account): (i64, [u8; 20], i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let again = |column: &str, bytes: Vec<u8>| -> rusqlite::Result<Vec<u8>> {
            let place = place(column, account, &id);
            let plain = match old {
                Some(old) if is_sealed(&bytes) => old.open(&place, &bytes).map_err(crate::shape::broken)?,
                _ => bytes,
            };
            Ok(new.seal(&place, &plain))
        };
        let headers = match row.get::<_, Option<Vec<u8>>>(5)? {
            Some(sealed) => sealed,
            None => row.get::<_, String>(4)?.into_bytes(),
        };
        let authorization: Option<Vec<u8>> = row.get(6)?;
        transaction.execute(
            "UPDATE endpoint SET secrets = ?, headers = '[]', sealed_headers = ?, authorization = ? WHERE key = ?",
            params![
                again(SECRETS, row.get(3)?)?,
                again(HEADERS, headers)?,
                authorization.map(|bytes| again(AUTHORIZATION, bytes)).transpose()?,
                key
            ],
        )?;
        count += 1;
    }
    Ok(count)
}

/// What was written before does not stay behind in the journal.
fn fold(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()))
}
