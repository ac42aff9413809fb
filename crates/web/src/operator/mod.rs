//! Operator: the whole server, for whoever runs it. `app` decides who that is.

mod account;
mod fleet;
mod node;
mod problem;
mod queue;
mod system;

use std::time::Duration;

use ringup_app::view::{AccountView, EndpointView};
use ringup_core::time::Timestamp;

use crate::chart::{Figure, columns};
use crate::endpoint;
use crate::text;
use crate::ui::Ui;
use crate::visit::account_path;

pub use account::page as accounts;
pub use fleet::page as fleet;
pub use node::page as nodes;
pub use problem::page as problems;
pub use queue::page as queues;
pub use system::{back_up, page as system, support_bundle};

/// A number that may be the least there is.
fn at_least(ui: &Ui, number: u64, is_whole: bool) -> String {
    if is_whole { ui.num(&number) } else { ui.a("op-at-least", "n", ui.num(&number)) }
}

/// Per second: whole from ten on.
fn rate(ui: &Ui, per_second: f64) -> String {
    let tenths = (per_second * 10.0).round().max(0.0) as u64;
    if tenths >= 100 { ui.num(&(tenths / 10)) } else { ui.lang.tenths(tenths) }
}

/// How long ago, as a span.
fn age(ui: &Ui, at: Timestamp) -> String {
    let secs = ui.now.saturating_since(at).as_secs();
    ui.span(&Duration::from_secs(secs))
}

/// Where an account's pages are, if this session acts in its environment.
fn path_of(ui: &Ui, environment: &str, account: &AccountView) -> Option<String> {
    let own = ui.person.as_ref().is_some_and(|person| person.environment == environment);
    own.then(|| account_path(account))
}

/// The same of an endpoint.
fn endpoint_path_of(ui: &Ui, environment: &str, account: &AccountView, found: &EndpointView) -> Option<String> {
    path_of(ui, environment, account).map(|base| format!("{base}{}", endpoint::path(found)))
}

/// The next hour of retries.
fn calendar(ui: &Ui, due: &[u64], is_whole: bool) -> Figure {
    let minute = |at: usize| ui.now.saturating_add(Duration::from_mins(at as u64));
    let clock = |at: usize| text::clock(minute(at), &ui.zone);
    let all: u64 = due.iter().sum();
    let sentence = ui.a("op-due-sentence", "n", at_least(ui, all, is_whole));
    let values: Vec<(u64, String)> =
        due.iter().enumerate().map(|(at, count)| (*count, format!("{}: {}", clock(at), ui.num(count)))).collect();
    let filled = due.iter().enumerate().filter(|(_, count)| **count > 0);
    Figure {
        svg: columns(&values, &sentence),
        rows: filled.map(|(at, count)| [clock(at), ui.num(count)]).collect(),
        labels: (0..=4).map(|part| clock(due.len() * part / 4)).collect(),
    }
}
