//! Looks into the data folder of a dead (or living) server: which deliveries are live, and how often each was tried.
//!
//! The files are opened for reading and left as they are, their journals included: what a crash left behind is for the
//! server to find.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use ringup_core::{
    id::{EndpointId, EventId},
    time::Tick,
};
use rusqlite::{Connection, OpenFlags, config::DbConfig};

/// A delivery by the wire ids of its event and endpoint.
pub type Pair = (String, String);

/// Live deliveries and the attempts recorded for each.
pub fn deliveries(data_dir: &Path) -> Result<HashMap<Pair, u64>> {
    let endpoints = endpoints(data_dir)?;
    let mut live = HashMap::new();
    for day in days(data_dir)? {
        let connection = open(&day)?;
        let mut statement = connection.prepare(
            "SELECT event.tick, event.random, delivery.endpoint, delivery.attempts_made
             FROM delivery JOIN event ON event.tick = delivery.event",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let tick = u64::try_from(row.get::<_, i64>(0)?)?;
            let event = EventId::of_tick(Tick(tick), row.get(1)?);
            let Some(endpoint) = endpoints.get(&row.get::<_, i64>(2)?) else { continue };
            live.insert((event.to_string(), endpoint.clone()), u64::try_from(row.get::<_, i64>(3)?)?);
        }
    }
    Ok(live)
}

/// Wire ids by the numbers that stand for them inside.
fn endpoints(data_dir: &Path) -> Result<HashMap<i64, String>> {
    let connection = open(&data_dir.join("catalog.db"))?;
    let mut statement = connection.prepare("SELECT key, id FROM endpoint")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, EndpointId(row.get(1)?).to_string())))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn days(data_dir: &Path) -> Result<Vec<PathBuf>> {
    let mut days = Vec::new();
    for entry in fs::read_dir(data_dir)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with("day-") && name.ends_with(".db") {
            days.push(path);
        }
    }
    Ok(days)
}

fn open(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).with_context(|| path.display().to_string())?;
    // The last one to close would fold the journal in, and the server would not have to recover it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    Ok(connection)
}
