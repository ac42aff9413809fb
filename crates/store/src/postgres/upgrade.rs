//! Brings the schema to the version that this program knows, and keeps programs away that do not know enough of it.

use std::time::Duration;

use super::fault::{Fault, Outcome};
use super::ladder::{KNOWN, LADDER, Step, TELLS_OLDEST};
use super::link::Link;
use super::row::get;
use super::schema::LOCK;
use crate::seam::StoreError;

/// How long a step waits for a table that nodes use. Who comes behind it waits as long, so it is less than publishers are
/// kept waiting; and no less than the second after which the server ends its own vacuum for it.
const TABLE_WITHIN: &str = "SET LOCAL lock_timeout = '1500ms'";

/// Until it is tried again: a backup may hold the table for long, and nodes go on between.
const STEP_REST: Duration = Duration::from_secs(5);

/// What the schema says of itself.
struct Stored {
    version: i32,
    /// The oldest version that a program may know and yet work here.
    oldest: i32,
}

/// Takes the steps that are missing, each in a transaction of its own, so that several nodes may do so at once.
///
/// `Lost`, to be tried again: nodes are at work that a step would stop. Refused: the schema needs a newer program.
pub(super) async fn climb(link: &Link, place: &str) -> Outcome<()> {
    climb_ladder(link, place, LADDER).await
}

async fn climb_ladder(link: &Link, place: &str, ladder: &[Step]) -> Outcome<()> {
    while step(link, place, ladder).await? {}
    Ok(())
}

/// Answers whether there may be more.
async fn step(link: &Link, place: &str, ladder: &[Step]) -> Outcome<bool> {
    link.batch("BEGIN").await?;
    link.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await?;
    link.batch("CREATE TABLE IF NOT EXISTS ringup_schema (version integer NOT NULL)").await?;
    let stored = match stored(link).await? {
        Some(stored) => stored,
        None => {
            link.batch("INSERT INTO ringup_schema VALUES (0)").await?;
            Stored { version: 0, oldest: 0 }
        }
    };
    let from = usize::try_from(stored.version).map_err(|_| Fault::damaged("a schema of no version"))?;
    let Some(step) = ladder.get(from).copied() else {
        link.batch("ROLLBACK").await?;
        let known = i32::try_from(ladder.len()).unwrap_or(i32::MAX);
        return if stored.oldest > known { Err(too_new(&stored, known, place)) } else { Ok(false) };
    };
    let version = stored.version + 1;
    let oldest = match step {
        Step::Expand(_) => stored.oldest,
        Step::Contract { oldest, .. } => oldest.max(stored.oldest),
    };
    // Before that no node says what it knows.
    if oldest > stored.oldest && stored.version >= TELLS_OLDEST {
        stop_older(link, oldest, place).await?;
    }
    link.batch(TABLE_WITHIN).await?;
    if let Err(fault) = link.batch(step.sql()).await {
        // Others may have their turn meanwhile. If this fails, too, the connection is dropped in any case.
        let _ = link.batch("ROLLBACK").await;
        tracing::warn!(version, %fault, "a step of the schema was not taken");
        tokio::time::sleep(STEP_REST).await;
        return Err(fault);
    }
    link.execute("UPDATE ringup_schema SET version = $1", &[&version]).await?;
    if version >= TELLS_OLDEST {
        link.execute("UPDATE ringup_schema SET oldest = $1", &[&oldest]).await?;
    }
    link.batch("COMMIT").await?;
    tracing::info!(version, "the schema was brought to another version");
    Ok(true)
}

async fn stored(link: &Link) -> Outcome<Option<Stored>> {
    let Some(row) = link.one("SELECT version FROM ringup_schema", &[]).await? else { return Ok(None) };
    let version: i32 = get(&row, "version")?;
    if version < TELLS_OLDEST {
        return Ok(Some(Stored { version, oldest: version }));
    }
    let row = link.one("SELECT oldest FROM ringup_schema", &[]).await?;
    let row = row.ok_or_else(|| Fault::damaged("a schema of no version"))?;
    Ok(Some(Stored { version, oldest: get(&row, "oldest")? }))
}

/// Makes sure that no node is at work that knows less than `oldest`, and that none that was not heard of for its lease
/// writes anything once it comes back.
async fn stop_older(link: &Link, oldest: i32, place: &str) -> Outcome<()> {
    let sql = "SELECT name || ' (ringup ' || version || ')' AS node FROM node
               WHERE schema < $1 AND until > clock_timestamp() ORDER BY name";
    let rows = link.query(sql, &[&oldest]).await?;
    let at_work: Vec<String> = rows.iter().map(|row| get(row, "node")).collect::<Outcome<_>>()?;
    if at_work.is_empty() {
        let sql = "UPDATE node SET session = session + 1 WHERE schema < $1";
        return link.execute(sql, &[&oldest]).await.map(drop);
    }
    link.batch("ROLLBACK").await?;
    Err(Fault::Lost(
        format!(
            "the schema in {place} is to change for nodes that know version {oldest}, and these are at work that know less: \
             {}; this one waits until they are stopped",
            at_work.join(", ")
        )
        .into(),
    ))
}

/// Refused, unless this program may work on the schema. To be called in a transaction, until the end of which that stays
/// so.
pub(super) async fn hold(link: &Link, place: &str) -> Outcome<()> {
    link.execute("SELECT pg_advisory_xact_lock_shared($1)", &[&LOCK]).await?;
    match stored(link).await? {
        Some(stored) if stored.oldest > KNOWN => Err(too_new(&stored, KNOWN, place)),
        Some(_) => Ok(()),
        None => Err(Fault::damaged("a schema of no version")),
    }
}

/// Refused, unless this program may change the configuration as the schema is. Takes no step itself.
pub(super) async fn check(link: &Link, place: &str) -> Outcome<()> {
    let there = link.one("SELECT to_regclass('ringup_schema') IS NOT NULL AS there", &[]).await?;
    let there = there.map(|row| get(&row, "there")).transpose()?.unwrap_or(false);
    match if there { stored(link).await? } else { None } {
        Some(stored) if stored.oldest > KNOWN => Err(too_new(&stored, KNOWN, place)),
        Some(Stored { version, .. }) if version < KNOWN => Err(Fault::Refused(StoreError::Unavailable(
            format!(
                "the schema in {place} has version {version}, and this ringup works on {KNOWN}: start a node of this \
                 version first, or use the ringup that the nodes are"
            )
            .into(),
        ))),
        Some(_) => Ok(()),
        None => Err(Fault::Refused(StoreError::Unavailable(
            format!("there is nothing in {place} yet: start a node once, which makes all that is needed").into(),
        ))),
    }
}

/// Why a process may write no more as its node.
pub(super) async fn deposed(link: &Link) -> Fault {
    match stored(link).await {
        Ok(Some(Stored { version, oldest })) if oldest > KNOWN => Fault::Deposed(
            format!(
                "the schema was brought to version {version} while this node was not heard of, and needs a ringup that \
                 knows {oldest}; this one knows {KNOWN} and writes nothing more: start the newer one in its place"
            )
            .into(),
        ),
        Ok(_) => Fault::Deposed(
            "another process goes by the name of this node, so this one writes nothing more: was the data folder copied? \
             Every node needs one of its own"
                .into(),
        ),
        Err(fault) => fault,
    }
}

fn too_new(stored: &Stored, known: i32, place: &str) -> Fault {
    let Stored { version, oldest } = stored;
    Fault::Refused(StoreError::Corrupt(
        format!(
            "the schema in {place} has version {version} and needs a ringup that knows {oldest} at least; this one knows \
             {known}: start the newer ringup, or restore the backup from before the upgrade"
        )
        .into(),
    ))
}

#[cfg(test)]
mod tests;
