//! The promises, held against what truly happened, once everything is quiet.

mod flow;
mod ledger;
mod log;
mod policy;

use crate::facts::{Delivery, Facts};
use crate::stage::Life;

pub use ledger::Ledger;

/// Broken promises, in words. Call when nothing is under way any more.
pub async fn all(life: &Life) -> Vec<String> {
    let ledger = match Ledger::read(life).await {
        Ok(ledger) => ledger,
        Err(error) => return vec![format!("the store cannot be read at the end: {error}")],
    };
    let facts = life.world.facts();
    let mut problems = facts.problems.clone();
    ledger::check(&facts, &ledger, &mut problems);
    log::check(&facts, &ledger, &mut problems);
    policy::check(&facts, &ledger, &mut problems);
    flow::check(&facts, &life.world.mix, &mut problems);
    problems.truncate(20);
    problems
}

/// How often a delivery may be made beyond what its policy says: once for each call whose outcome nobody remembers.
fn repeats_allowed(facts: &Facts, delivery: Delivery) -> usize {
    facts.calls_for(delivery).filter(|call| call.is_lost()).count()
}

/// Resends that were asked for and may have been granted.
fn resends_granted(facts: &Facts, delivery: Delivery) -> usize {
    facts.resends.get(&delivery).map_or(0, |resends| resends.iter().filter(|resend| !resend.refused).count())
}
