//! What becomes of a payload once no delivery needs it any more.

use std::collections::HashMap;

use ringup_core::event::{Event, KeepPayload};
use ringup_core::json;

use super::fault::Outcome;
use super::row::{get, integer};
use super::turn::Turn;

/// Of events that were delivered just now: lets go of payloads as they ask, unless another delivery is live or may be
/// brought back. Costs nothing for those that are kept whole.
pub(super) async fn settle_payloads<'e>(turn: &Turn, delivered: impl Iterator<Item = &'e Event>) -> Outcome<()> {
    let events: HashMap<(i64, i64), &Event> = delivered
        .filter(|event| event.keep_payload != KeepPayload::Whole)
        .map(|event| ((event.account.0, integer(event.tick())), event))
        .collect();
    if events.is_empty() {
        return Ok(());
    }
    let (accounts, ticks): (Vec<i64>, Vec<i64>) = events.keys().copied().unzip();
    // Each looked up by its key: LIMIT keeps the planner from joining whole tables.
    let sql = "SELECT w.account, w.tick, p.body, p.redacted,
                      (SELECT 1 FROM attempt a WHERE a.account = w.account AND a.event = w.tick LIMIT 1) AS logged
               FROM unnest($1::bigint[], $2::bigint[]) AS w(account, tick)
               JOIN payload p ON p.account = w.account AND p.tick = w.tick
               WHERE (SELECT 1 FROM live l WHERE l.account = w.account AND l.tick = w.tick LIMIT 1) IS NULL
                 AND (SELECT 1 FROM ended n WHERE n.account = w.account AND n.tick = w.tick LIMIT 1) IS NULL";
    let (mut gone, mut struck) = ((Vec::new(), Vec::new()), (Vec::new(), Vec::new(), Vec::new()));
    for row in turn.link.query(sql, &[&accounts, &ticks]).await? {
        let (account, tick): (i64, i64) = (get(&row, "account")?, get(&row, "tick")?);
        let logged = get::<Option<i32>>(&row, "logged")?.is_some();
        let pointers = match events.get(&(account, tick)).map(|event| &event.keep_payload) {
            Some(KeepPayload::Whole) | None => continue,
            Some(KeepPayload::Redacted(pointers)) => pointers,
            Some(KeepPayload::IfLogged(pointers)) if logged => pointers,
            Some(KeepPayload::IfLogged(_) | KeepPayload::Never) => {
                gone.0.push(account);
                gone.1.push(tick);
                continue;
            }
        };
        if !get::<bool>(&row, "redacted")?
            && let Some(body) = json::strike(get(&row, "body")?, pointers)
        {
            struck.0.push(account);
            struck.1.push(tick);
            struck.2.push(body);
        }
    }
    if !gone.0.is_empty() {
        let sql = "DELETE FROM payload p USING unnest($1::bigint[], $2::bigint[]) AS w(account, tick)
                   WHERE p.account = w.account AND p.tick = w.tick";
        turn.link.execute(sql, &[&gone.0, &gone.1]).await?;
    }
    if !struck.0.is_empty() {
        let sql = "UPDATE payload p SET redacted = true, body = w.body
                   FROM unnest($1::bigint[], $2::bigint[], $3::bytea[]) AS w(account, tick, body)
                   WHERE p.account = w.account AND p.tick = w.tick";
        turn.link.execute(sql, &[&struck.0, &struck.1, &struck.2]).await?;
    }
    Ok(())
}
