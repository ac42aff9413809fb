//! How catchers and their requests lie in `catcher.db`.

use bytes::Bytes;
use ringup_core::catcher::{Capture, Catcher, FixedBody, Stamp};
use ringup_core::id::{CatcherId, EndpointId};
use ringup_core::key::{AccountKey, CatcherKey};
use ringup_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::super::row::{bits, bits_back, integer, natural};
use super::super::schema::Ladder;
use crate::catcher::{Range, Remembered};

pub(super) const LADDER: Ladder = Ladder {
    steps: &["
    CREATE TABLE catcher (
        key INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL UNIQUE, account INTEGER NOT NULL, name TEXT NOT NULL,
        write_token TEXT NOT NULL UNIQUE, read_token_hash BLOB, script TEXT NOT NULL, body_type TEXT, body TEXT,
        seed INTEGER NOT NULL, endpoint BLOB, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
        last_number INTEGER NOT NULL
    ) STRICT;
    -- The place is the catcher's key in the upper half and the request's number in the lower: neighbours lie together,
    -- and no second index is needed.
    CREATE TABLE request (
        place INTEGER PRIMARY KEY, at INTEGER NOT NULL, method TEXT NOT NULL, target TEXT NOT NULL,
        version TEXT NOT NULL, head BLOB NOT NULL, body_bytes INTEGER NOT NULL, peer TEXT, event TEXT,
        repeats INTEGER, endpoint BLOB, signature TEXT NOT NULL, answer TEXT NOT NULL, step INTEGER,
        waited_us INTEGER, cut_short INTEGER, body BLOB NOT NULL
    ) STRICT;
    "],
};

/// Where a request lies; `None` for numbers beyond what a catcher will ever reach.
pub(super) fn place(catcher: CatcherKey, number: u64) -> Option<i64> {
    let (high, low) = (u32::try_from(catcher.0).ok()?, u32::try_from(number).ok()?);
    Some(i64::from(high) << 32 | i64::from(low))
}

fn name(place: i64) -> (CatcherKey, u64) {
    (CatcherKey(place >> 32), natural(place & 0xffff_ffff))
}

/// The key of what was put; `None` if it should be there and is not.
pub(super) fn put(connection: &Connection, catcher: &Catcher) -> rusqlite::Result<Option<CatcherKey>> {
    let is_new = catcher.key == CatcherKey(0);
    let (body_type, body) = match &catcher.body {
        None => (None, None),
        Some(FixedBody::Json(text)) => (Some("json"), Some(text)),
        Some(FixedBody::Text(text)) => (Some("text"), Some(text)),
    };
    let values = params![
        (!is_new).then_some(catcher.key.0),
        catcher.id.0,
        catcher.account.0,
        catcher.name,
        catcher.write_token,
        catcher.read_token_hash,
        catcher.script.to_string(),
        body_type,
        body,
        bits(catcher.seed),
        catcher.endpoint.map(|id| id.0),
        catcher.created_at.as_micros(),
        catcher.updated_at.as_micros(),
    ];
    if is_new {
        connection.execute(
            "INSERT INTO catcher (key, id, account, name, write_token, read_token_hash, script, body_type, body, seed,
                endpoint, created_at, updated_at, last_number) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
            values,
        )?;
        return Ok(Some(CatcherKey(connection.last_insert_rowid())));
    }
    let touched = connection.execute(
        "UPDATE catcher SET id = ?2, account = ?3, name = ?4, write_token = ?5, read_token_hash = ?6, script = ?7,
            body_type = ?8, body = ?9, seed = ?10, endpoint = ?11, created_at = ?12, updated_at = ?13 WHERE key = ?1",
        values,
    )?;
    Ok((touched > 0).then_some(catcher.key))
}

pub(super) fn remove(connection: &Connection, catcher: CatcherKey) -> rusqlite::Result<bool> {
    connection.execute("DELETE FROM catcher WHERE key = ?", [catcher.0]).map(|touched| touched > 0)
}

pub(super) fn load(connection: &Connection) -> rusqlite::Result<Vec<Remembered>> {
    let mut statement = connection.prepare("SELECT * FROM catcher ORDER BY key")?;
    let mut all: Vec<Remembered> = statement.query_map((), remembered)?.collect::<rusqlite::Result<_>>()?;
    let mut events =
        connection.prepare("SELECT event, place FROM request WHERE place BETWEEN ? AND ? ORDER BY place")?;
    for one in &mut all {
        let Some((from, to)) = whole(one.catcher.key) else { continue };
        let rows = events.query_map([from, to], |row| Ok((row.get(0)?, name(row.get(1)?).1)))?;
        one.events = rows.collect::<rusqlite::Result<_>>()?;
    }
    Ok(all)
}

/// Everything that a ledger needs, oldest first.
pub(super) fn sizes(connection: &Connection) -> rusqlite::Result<Vec<((CatcherKey, u64), Capture)>> {
    // The texts are short and the body is only measured, so this stays small however much is kept.
    let sql = format!("SELECT {COLUMNS}, zeroblob(0), length(body) FROM request ORDER BY at, place");
    let mut statement = connection.prepare(&sql)?;
    let rows = statement.query_map((), |row| capture(row).map(|read| ((read.catcher, read.number), read)))?;
    rows.collect()
}

pub(super) fn insert(connection: &Connection, place: i64, capture: &Capture) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO request (place, at, method, target, version, head, body_bytes, peer, event, repeats, endpoint,
            signature, answer, step, waited_us, cut_short, body)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
    statement.execute(params![
        place,
        capture.at.as_micros(),
        capture.method,
        capture.target,
        capture.version,
        capture.head.as_ref(),
        integer(capture.body_bytes),
        capture.peer.map(|peer| peer.to_string()),
        capture.event,
        capture.repeats.map(integer),
        capture.endpoint.map(|id| id.0),
        capture.signature,
        capture.answer,
        capture.step,
        capture.stamp.map(|stamp| integer(stamp.waited_us)),
        capture.stamp.map(|stamp| stamp.cut_short),
        capture.body.as_ref(),
    ])?;
    Ok(())
}

pub(super) fn last_number(connection: &Connection, catcher: CatcherKey, number: u64) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached("UPDATE catcher SET last_number = ? WHERE key = ?")?;
    statement.execute((integer(number), catcher.0)).map(drop)
}

pub(super) fn delete(connection: &Connection, place: i64) -> rusqlite::Result<usize> {
    connection.prepare_cached("DELETE FROM request WHERE place = ?")?.execute([place])
}

pub(super) fn stamp(connection: &Connection, place: i64, stamp: Stamp) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached("UPDATE request SET waited_us = ?, cut_short = ? WHERE place = ?")?;
    statement.execute((integer(stamp.waited_us), stamp.cut_short, place)).map(drop)
}

pub(super) fn request(connection: &Connection, place: i64) -> rusqlite::Result<Option<Capture>> {
    let sql = format!("SELECT {COLUMNS}, body, length(body) FROM request WHERE place = ?");
    connection.prepare_cached(&sql)?.query_row([place], capture).optional()
}

pub(super) fn requests(
    connection: &Connection,
    catcher: CatcherKey,
    range: Range,
    bodies: bool,
) -> rusqlite::Result<Vec<Capture>> {
    let Some((first, last)) = whole(catcher) else { return Ok(Vec::new()) };
    // A number beyond all is as good as the last one that could be.
    let at = |number: u64| first.saturating_add(integer(number.min(u64::from(u32::MAX))));
    let (from, to, order, rows_max) = match range {
        Range::After { number, rows_max } => (at(number).saturating_add(1), last, "ASC", rows_max),
        Range::Before { number: u64::MAX, rows_max } => (first, last, "DESC", rows_max),
        Range::Before { number, rows_max } => (first, at(number).saturating_sub(1), "DESC", rows_max),
    };
    let body = if bodies { "body" } else { "zeroblob(0)" };
    let sql = format!(
        "SELECT {COLUMNS}, {body}, length(body) FROM request WHERE place BETWEEN ? AND ? ORDER BY place {order} LIMIT ?"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows_max = i64::try_from(rows_max).unwrap_or(i64::MAX);
    statement.query_map((from, to.min(last), rows_max), capture)?.collect()
}

/// Where all requests of a catcher lie.
fn whole(catcher: CatcherKey) -> Option<(i64, i64)> {
    Some((place(catcher, 0)?, place(catcher, u64::from(u32::MAX))?))
}

const COLUMNS: &str = "place, at, method, target, version, head, body_bytes, peer, event, repeats, endpoint, signature, \
                       answer, step, waited_us, cut_short";

/// Reads [`COLUMNS`], the body, and its length.
fn capture(row: &Row<'_>) -> rusqlite::Result<Capture> {
    let (catcher, number) = name(row.get(0)?);
    let waited: Option<i64> = row.get(14)?;
    let cut_short: Option<bool> = row.get(15)?;
    Ok(Capture {
        catcher,
        number,
        at: Timestamp::from_micros(row.get(1)?),
        method: row.get(2)?,
        target: row.get(3)?,
        version: row.get(4)?,
        head: Bytes::from(row.get::<_, Vec<u8>>(5)?),
        body: Bytes::from(row.get::<_, Vec<u8>>(16)?),
        kept_bytes: natural(row.get(17)?),
        body_bytes: natural(row.get(6)?),
        peer: row.get::<_, Option<String>>(7)?.and_then(|peer| peer.parse().ok()),
        event: row.get(8)?,
        repeats: row.get::<_, Option<i64>>(9)?.map(natural),
        endpoint: row.get::<_, Option<[u8; 20]>>(10)?.map(EndpointId),
        signature: row.get(11)?,
        answer: row.get(12)?,
        step: row.get(13)?,
        stamp: waited.map(|waited| Stamp { waited_us: natural(waited), cut_short: cut_short.unwrap_or_default() }),
    })
}

fn remembered(row: &Row<'_>) -> rusqlite::Result<Remembered> {
    let body: Option<String> = row.get("body")?;
    let body = match row.get::<_, Option<String>>("body_type")?.as_deref() {
        Some("json") => body.map(FixedBody::Json),
        Some(_) => body.map(FixedBody::Text),
        None => None,
    };
    let script: String = row.get("script")?;
    let script = script.parse().map_err(|problem| {
        rusqlite::Error::FromSqlConversionFailure(6, rusqlite::types::Type::Text, Box::new(problem))
    })?;
    let catcher = Catcher {
        key: CatcherKey(row.get("key")?),
        id: CatcherId(row.get("id")?),
        account: AccountKey(row.get("account")?),
        name: row.get("name")?,
        write_token: row.get("write_token")?,
        read_token_hash: row.get("read_token_hash")?,
        script,
        body,
        seed: bits_back(row.get("seed")?),
        endpoint: row.get::<_, Option<[u8; 20]>>("endpoint")?.map(EndpointId),
        created_at: Timestamp::from_micros(row.get("created_at")?),
        updated_at: Timestamp::from_micros(row.get("updated_at")?),
    };
    let last_number: i64 = row.get("last_number")?;
    Ok(Remembered { catcher, last_number: natural(last_number), events: Vec::new() })
}
