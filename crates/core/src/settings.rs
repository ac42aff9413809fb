//! Settings of accounts and endpoints, and how the value in force is found and where it came from.

use std::fmt;
use std::time::Duration;

use crate::log::LogMode;
use crate::outcome::words;
use crate::policy::{Class, Classes, Policy, RetryPlan, Schedule};
use crate::signing::HeaderNames;
use crate::time::Timestamp;

/// What an account or an endpoint sets for itself. `None` inherits.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Settings {
    /// A named policy: replaces schedule, classes and `Retry-After` handling of weaker layers.
    pub policy: Option<Policy>,
    /// Number of repeats after the first send, with a fixed cooldown.
    pub retry: Option<u32>,
    /// Pause before a repeat, counted from the end of the failed attempt.
    pub cooldown: Option<Duration>,
    /// A list of pauses; replaces `retry` and `cooldown`.
    pub schedule: Option<Vec<Duration>>,
    pub time_limit: Option<Duration>,
    pub classes: ClassSwitches,
    pub honour_retry_after: Option<bool>,
    pub log_mode: Option<LogMode>,
    /// Full until then, whatever the mode; reverts by itself.
    pub full_until: Option<Timestamp>,
    /// JSON pointers whose values are struck out before anything is logged.
    pub redact: Option<Vec<String>>,
    pub ordering: Option<Ordering>,
    /// Attempts a second.
    pub rate_limit: Option<u32>,
    /// Attempts in flight at once.
    pub in_flight_max: Option<u32>,
    /// Pause the endpoint after it failed for this long without one success. Zero never pauses.
    pub pause_after: Option<Duration>,
    pub header_names: Option<HeaderNames>,
}

/// A switch for each class of failure; `None` inherits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ClassSwitches {
    pub server_error: Option<bool>,
    pub request_timeout: Option<bool>,
    pub too_many_requests: Option<bool>,
    pub timed_out: Option<bool>,
    pub no_response: Option<bool>,
    pub other: Option<bool>,
}

/// In what order an endpoint's deliveries are sent.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Ordering {
    /// Best effort in order of acceptance.
    #[default]
    None,
    /// One at a time; a failing head blocks the lane until it ends.
    Strict,
    /// Strict among events with the same value at this JSON pointer, parallel across values.
    ByKey(String),
}

/// Where an effective value comes from, weakest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Origin {
    System,
    Account,
    Endpoint,
}

words!(Origin { System = "system", Account = "account", Endpoint = "endpoint" });

/// A value in force and where it comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Effective<T> {
    pub value: T,
    pub origin: Origin,
}

/// Every setting in force for one endpoint (or for an account, with no endpoint layer).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EffectiveSettings {
    pub policy: Effective<Policy>,
    /// Its origin is that of the layer that had the last word on either of the two below.
    pub schedule: Effective<Schedule>,
    /// Where the number of repeats comes from.
    pub retry_origin: Origin,
    /// Where the pauses come from. A single `retry` over a list of pauses brings back the system's cooldown.
    pub cooldown_origin: Origin,
    pub time_limit: Effective<Duration>,
    pub classes: EffectiveClasses,
    pub honour_retry_after: Effective<bool>,
    pub log_mode: Effective<LogMode>,
    pub full_until: Effective<Option<Timestamp>>,
    pub redact: Effective<Vec<String>>,
    pub ordering: Effective<Ordering>,
    pub rate_limit: Effective<Option<u32>>,
    pub in_flight_max: Effective<u32>,
    pub pause_after: Effective<Duration>,
    pub header_names: Effective<HeaderNames>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EffectiveClasses {
    pub classes: Classes,
    /// In the order of `Class::ALL`.
    pub origins: [Origin; 6],
}

/// What the operator's configuration says where nobody overrides it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SystemDefaults {
    pub policy: Policy,
    pub retry: Option<u32>,
    pub cooldown: Option<Duration>,
    pub time_limit: Duration,
    pub log_mode: LogMode,
    pub in_flight_max: u32,
    /// Zero never pauses.
    pub pause_after: Duration,
}

impl Default for SystemDefaults {
    fn default() -> SystemDefaults {
        SystemDefaults {
            policy: Policy::Guide,
            retry: None,
            cooldown: None,
            time_limit: Duration::from_secs(30),
            log_mode: LogMode::Full,
            in_flight_max: crate::limits::ENDPOINT_IN_FLIGHT_MAX,
            pause_after: Duration::from_secs(5 * 24 * 3_600),
        }
    }
}

impl EffectiveSettings {
    /// The strongest layer that says something wins, setting by setting; a named policy replaces what weaker layers
    /// said about schedule, classes and `Retry-After`, and its own layer may still override parts of it.
    pub fn resolve(system: &SystemDefaults, account: &Settings, endpoint: Option<&Settings>) -> EffectiveSettings {
        let mut effective = EffectiveSettings::of_system(system);
        effective.overlay(account, Origin::Account, system);
        if let Some(endpoint) = endpoint {
            effective.overlay(endpoint, Origin::Endpoint, system);
        }
        effective
    }

    pub fn retry_plan(&self) -> RetryPlan {
        RetryPlan {
            schedule: self.schedule.value.clone(),
            classes: self.classes.classes,
            honour_retry_after: self.honour_retry_after.value,
            final_statuses: self.policy.value.final_statuses(),
        }
    }

    /// The log mode in force at `now`.
    pub fn log_mode_at(&self, now: Timestamp) -> LogMode {
        self.log_mode.value.at(self.full_until.value, now)
    }

    fn of_system(system: &SystemDefaults) -> EffectiveSettings {
        fn from_system<T>(value: T) -> Effective<T> {
            Effective { value, origin: Origin::System }
        }
        let plan = system.policy.plan();
        EffectiveSettings {
            policy: from_system(system.policy),
            schedule: from_system(plan.schedule.with(system.retry, system.cooldown)),
            retry_origin: Origin::System,
            cooldown_origin: Origin::System,
            time_limit: from_system(system.time_limit),
            classes: EffectiveClasses { classes: plan.classes, origins: [Origin::System; 6] },
            honour_retry_after: from_system(plan.honour_retry_after),
            log_mode: from_system(system.log_mode),
            full_until: from_system(None),
            redact: from_system(Vec::new()),
            ordering: from_system(Ordering::None),
            rate_limit: from_system(None),
            in_flight_max: from_system(system.in_flight_max),
            pause_after: from_system(system.pause_after),
            header_names: from_system(HeaderNames::default()),
        }
    }

    fn overlay(&mut self, layer: &Settings, origin: Origin, system: &SystemDefaults) {
        if let Some(policy) = layer.policy {
            let plan = policy.plan();
            self.policy = Effective { value: policy, origin };
            self.set_schedule(plan.schedule, origin);
            self.classes = EffectiveClasses { classes: plan.classes, origins: [origin; 6] };
            self.honour_retry_after = Effective { value: plan.honour_retry_after, origin };
        }
        if let Some(pauses) = &layer.schedule {
            self.set_schedule(Schedule::List(pauses.clone()), origin);
        }
        if layer.retry.is_some() || layer.cooldown.is_some() {
            self.set_fixed(layer, origin, system);
        }
        self.classes.overlay(&layer.classes, origin);
        set(&mut self.time_limit, layer.time_limit, origin);
        set(&mut self.honour_retry_after, layer.honour_retry_after, origin);
        set(&mut self.log_mode, layer.log_mode, origin);
        set(&mut self.full_until, layer.full_until.map(Some), origin);
        set(&mut self.redact, layer.redact.clone(), origin);
        set(&mut self.ordering, layer.ordering.clone(), origin);
        set(&mut self.rate_limit, layer.rate_limit.map(Some), origin);
        set(&mut self.in_flight_max, layer.in_flight_max, origin);
        set(&mut self.pause_after, layer.pause_after, origin);
        set(&mut self.header_names, layer.header_names, origin);
    }
}

impl EffectiveSettings {
    fn set_schedule(&mut self, schedule: Schedule, origin: Origin) {
        self.schedule = Effective { value: schedule, origin };
        self.retry_origin = origin;
        self.cooldown_origin = origin;
    }

    fn set_fixed(&mut self, layer: &Settings, origin: Origin, system: &SystemDefaults) {
        let had_a_list = !matches!(self.schedule.value, Schedule::Fixed { .. });
        let fallback = system.cooldown.filter(|_| had_a_list);
        let schedule = self.schedule.value.clone().with(layer.retry, layer.cooldown.or(fallback));
        self.schedule = Effective { value: schedule, origin };
        if layer.retry.is_some() {
            self.retry_origin = origin;
        }
        if layer.cooldown.is_some() {
            self.cooldown_origin = origin;
        } else if had_a_list {
            self.cooldown_origin = Origin::System;
        }
    }
}

fn set<T>(effective: &mut Effective<T>, value: Option<T>, origin: Origin) {
    if let Some(value) = value {
        *effective = Effective { value, origin };
    }
}

impl EffectiveClasses {
    /// Whether a class is repeated, and who says so.
    pub fn get(&self, class: Class) -> Effective<bool> {
        Effective { value: self.classes.repeats(class), origin: self.origins[class as usize] }
    }

    fn overlay(&mut self, switches: &ClassSwitches, origin: Origin) {
        let classes = &mut self.classes;
        let rows = [
            (&mut classes.server_error, switches.server_error),
            (&mut classes.request_timeout, switches.request_timeout),
            (&mut classes.too_many_requests, switches.too_many_requests),
            (&mut classes.timed_out, switches.timed_out),
            (&mut classes.no_response, switches.no_response),
            (&mut classes.other, switches.other),
        ];
        for ((class, switch), class_origin) in rows.into_iter().zip(&mut self.origins) {
            if let Some(on) = switch {
                *class = on;
                *class_origin = origin;
            }
        }
    }
}

#[cfg(test)]
mod tests;
