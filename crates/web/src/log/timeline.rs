//! What became of one delivery, in order: accepted, matched, each attempt with the pause before it, what is planned.

use std::time::Duration;

use ringup_app::view::{EndpointView, StoredAttempt};
use ringup_core::delivery::{DeliveryState, Ended, Trigger};
use ringup_core::time::Timestamp;

use super::{response, rounded, state_of};
use crate::chart::{Rung, ladder, spans};
use crate::markup::Markup;
use crate::ui::Ui;

/// Planned attempts that are drawn; more are told as a number.
const PLANNED_MAX: usize = 8;

pub struct Timeline {
    pub tries: Vec<Try>,
    pub planned: Vec<Planned>,
    pub more_planned: u64,
    /// `None` where there is one attempt and nothing planned: a line says no more than the list.
    pub ladder: Option<Markup>,
}

pub struct Try {
    pub number: u32,
    pub at: Timestamp,
    pub shape: &'static str,
    pub state: String,
    pub response: String,
    pub took: String,
    pub is_manual: bool,
    pub href: String,
    pub is_chosen: bool,
    /// Between the end of the attempt before and this one.
    pub pause: Option<String>,
    pub bar: Markup,
}

/// An attempt that will be made if those before it fail.
pub struct Planned {
    pub number: u32,
    pub at: Timestamp,
    pub pause: Option<String>,
}

impl Timeline {
    pub fn of(
        attempts: &[StoredAttempt],
        state: Option<DeliveryState>,
        found: &EndpointView,
        accepted_at: Timestamp,
        chosen: Option<&StoredAttempt>,
        path: &str,
        ui: &Ui,
    ) -> Timeline {
        let longest = attempts.iter().map(|one| one.duration).max().unwrap_or_default();
        let last = attempts.last().map(|last| last.id);
        let mut ended_at = None;
        let tries: Vec<Try> = attempts
            .iter()
            .map(|one| {
                let pause = ended_at.map(|ended| one.started_at.saturating_since(ended));
                ended_at = Some(one.started_at.saturating_add(one.duration));
                let shown = if Some(one.id) == last { state } else { Some(DeliveryState::Ended(Ended::Exhausted)) };
                tried(one, shown, chosen, path, pause, longest, ui)
            })
            .collect();
        let (planned, more_planned) = planned(attempts, state, found, accepted_at, ui);
        let since = |at: Timestamp| at.saturating_since(accepted_at);
        let said =
            |times: &[Timestamp]| times.iter().map(|at| ui.span(&rounded(since(*at)))).collect::<Vec<_>>().join(", ");
        let made: Vec<Timestamp> = tries.iter().map(|one| one.at).collect();
        let to_make: Vec<Timestamp> = planned.iter().map(|one| one.at).collect();
        let mut sentence = ui.a("ladder-made", "times", said(&made));
        if !to_make.is_empty() {
            sentence = format!("{sentence} {}", ui.a("ladder-planned", "times", said(&to_make)));
        }
        let start = Rung { at: Duration::ZERO, shape: "start" };
        let mut rungs = vec![start];
        rungs.extend(tries.iter().map(|one| Rung { at: rounded(since(one.at)), shape: one.shape }));
        rungs.extend(to_make.iter().map(|at| Rung { at: rounded(since(*at)), shape: "wait" }));
        let ladder = (rungs.len() > 2).then(|| ladder(ui, &rungs, &sentence));
        Timeline { tries, planned, more_planned, ladder }
    }
}

fn tried(
    one: &StoredAttempt,
    state: Option<DeliveryState>,
    chosen: Option<&StoredAttempt>,
    path: &str,
    pause: Option<Duration>,
    longest: Duration,
    ui: &Ui,
) -> Try {
    // Only the last attempt is still open; those before it failed, whatever came later.
    let (shape, key) = state_of(one, state);
    let key = if key == "state-retrying" { "state-failed" } else { key };
    Try {
        number: one.number,
        at: one.started_at,
        shape,
        state: ui.t(key),
        response: response(one, ui),
        took: ui.span(&rounded(one.duration)),
        is_manual: one.trigger == Trigger::Manual,
        href: format!("{path}?attempt={}", one.id),
        is_chosen: chosen.is_some_and(|chosen| chosen.id == one.id),
        pause: pause.map(|pause| ui.span(&rounded(pause))),
        bar: spans(ui, &one.timing, one.duration, longest),
    }
}

/// What follows if everything fails at once from now on, as the settings in force say. Random parts of pauses are taken
/// at their middle.
fn planned(
    attempts: &[StoredAttempt],
    state: Option<DeliveryState>,
    found: &EndpointView,
    accepted_at: Timestamp,
    ui: &Ui,
) -> (Vec<Planned>, u64) {
    let made = attempts.last().map_or(0, |last| last.number);
    let first = match state {
        Some(DeliveryState::Scheduled(at)) => at,
        // A delivery without an attempt goes out at once and then by its policy.
        Some(DeliveryState::Waiting) if attempts.is_empty() => accepted_at,
        // By hand, or the turn of a retry has come: one attempt is certain, and its time is now.
        Some(DeliveryState::Waiting) => return (vec![Planned { number: made + 1, at: ui.now, pause: None }], 0),
        Some(DeliveryState::Ended(_)) | None => return (Vec::new(), 0),
    };
    let schedule = &found.settings.schedule.value;
    let mut planned = vec![Planned { number: made + 1, at: first, pause: None }];
    let mut at = first;
    let mut more = 0;
    for repeat in made..schedule.retries() {
        let Some(pause) = schedule.pause(repeat, 0.5) else { break };
        at = at.saturating_add(pause);
        if planned.len() < PLANNED_MAX {
            planned.push(Planned { number: repeat + 2, at, pause: Some(ui.span(&pause)) });
        } else {
            more += 1;
        }
    }
    (planned, more)
}
