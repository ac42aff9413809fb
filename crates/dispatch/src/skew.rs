//! Whether the clock of this machine is that of the others. Leases do not mind; those who read times do: a receiver refuses
//! a request whose `webhook-timestamp` is some minutes off.

use std::time::Duration;

use ringup_core::ports::Clock;
use ringup_core::time::Timestamp;
use ringup_store::catalogue::Catalogue;
use tracing::{info, warn};

use crate::upkeep::every;

const LOOK_EVERY: Duration = Duration::from_secs(60);

/// A tenth of what receivers bear. Source: Standard Webhooks, whose libraries allow five minutes either way.
const SKEW_MAX: Duration = Duration::from_secs(30);

/// Compares the clock with that of the database, where there is one, and says so when it begins to be off and when it is no
/// more.
pub(crate) async fn watch(catalogue: &Catalogue, clock: &dyn Clock) {
    if !catalogue.store().is_shared() {
        return;
    }
    let mut turn = every(LOOK_EVERY);
    let mut was_off = false;
    // The first look does not wait.
    turn.reset_immediately();
    loop {
        turn.tick().await;
        // Whoever looks for configuration tells of a database that does not answer.
        let Ok(Some(nodes)) = catalogue.store().nodes().await else { continue };
        let off = skew(clock.now(), nodes.at);
        match off {
            Some((by, way)) if !was_off => warn!(
                "the clock of this machine is {} s {way} the database's: receivers may refuse what it signs, and times in \
                 the log are off by as much; let NTP set the clock of each machine",
                by.as_secs()
            ),
            None if was_off => info!("the clock of this machine is that of the database again"),
            _ => {}
        }
        was_off = off.is_some();
    }
}

/// By how much the first is off, where that is too much, and which way.
fn skew(ours: Timestamp, theirs: Timestamp) -> Option<(Duration, &'static str)> {
    let (ahead, behind) = (ours.saturating_since(theirs), theirs.saturating_since(ours));
    [(ahead, "ahead of"), (behind, "behind")].into_iter().find(|(by, _)| *by > SKEW_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_off_either_way_beyond_what_it_may() {
        let at = |secs: i64| Timestamp::from_secs(1_795_422_630 + secs);
        assert_eq!(skew(at(3_600), at(0)), Some((Duration::from_hours(1), "ahead of")));
        assert_eq!(skew(at(0), at(3_600)), Some((Duration::from_hours(1), "behind")));
        assert_eq!(skew(at(30), at(0)), None);
        assert_eq!(skew(at(0), at(30)), None);
    }
}
