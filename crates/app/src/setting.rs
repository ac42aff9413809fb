//! Settings of accounts and endpoints: what they say, what is in force, and who says so.

use std::time::Duration;

use ringup_core::account::Account;
use ringup_core::endpoint::Endpoint;
use ringup_core::limits::{
    ENDPOINT_IN_FLIGHT_MAX, REDACTIONS_MAX, RETRIES_MAX, RETRY_DELAY_MAX, TIME_LIMIT_MAX, TIME_LIMIT_MIN,
};
use ringup_core::pointer::Pointer;
use ringup_core::scope::Scope;
use ringup_core::settings::{EffectiveSettings, Ordering, Settings};
use ringup_store::directory::Directory;
use ringup_store::seam::Change;

use crate::app::{App, endpoint_of, owned};
use crate::check::Faults;
use crate::error::{AppError, Fault};
use crate::principal::Principal;

/// The longest an endpoint may fail before it is paused: a year, after which nobody is waiting any more.
const PAUSE_AFTER_MAX: Duration = Duration::from_hours(365 * 24);

/// Keys of the section `store` that say how long something is kept.
const KEPT: [&str; 3] = ["payload_retention", "attempt_retention", "audit_retention"];

/// Settings as they stand.
#[derive(Clone, Debug)]
pub struct SettingsView {
    /// What the account or endpoint says itself.
    pub own: Settings,
    /// What is in force, and where each value comes from.
    pub effective: EffectiveSettings,
}

/// How long the store keeps something, as the operator configured it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptFor {
    /// `payload_retention`, `attempt_retention` or `audit_retention`.
    pub word: &'static str,
    /// As the configuration writes it, such as `90d`.
    pub span: String,
    pub is_default: bool,
}

impl App {
    /// How long what belongs to an account is kept; empty where the process does not tell of itself.
    pub fn retention(&self, principal: &Principal, account: &str) -> Result<Vec<KeptFor>, AppError> {
        self.owned(principal, account, Scope::Read)?;
        let lines = self.house.iter().flat_map(|house| &house.facts.settings);
        let kept = lines.filter_map(|line| {
            let word = line.name.strip_prefix("store.").filter(|word| KEPT.contains(word))?;
            Some(KeptFor { word, span: line.value.trim_matches('"').to_owned(), is_default: line.is_default })
        });
        Ok(kept.collect())
    }

    /// Of an account, or of one of its endpoints.
    pub fn settings(
        &self,
        principal: &Principal,
        account: &str,
        endpoint: Option<&str>,
    ) -> Result<SettingsView, AppError> {
        self.settings_for(principal, account, endpoint, Scope::Read)
    }

    /// Changes what `edit` changes; the result is checked as a whole.
    pub async fn edit_settings(
        &self,
        principal: &Principal,
        account: &str,
        endpoint: Option<&str>,
        edit: impl FnOnce(&mut Settings) -> Result<(), AppError> + Send,
    ) -> Result<SettingsView, AppError> {
        let scope = if endpoint.is_some() { Scope::Endpoints } else { Scope::Settings };
        let decide = |directory: &Directory| {
            let view = owned(directory, principal, account, scope)?;
            let updated_at = self.now();
            let Some(endpoint) = endpoint else {
                let settings = edited(&view.account.settings, edit)?;
                return Ok(Change::PutAccount(Account { settings, updated_at, ..view.account.clone() }));
            };
            let old = &endpoint_of(&view, endpoint)?.endpoint;
            let settings = edited(&old.settings, edit)?;
            Ok::<_, AppError>(Change::PutEndpoint(Endpoint { settings, updated_at, ..old.clone() }))
        };
        self.change(principal, decide).await?;
        self.settings_for(principal, account, endpoint, scope)
    }

    fn settings_for(
        &self,
        principal: &Principal,
        account: &str,
        endpoint: Option<&str>,
        scope: Scope,
    ) -> Result<SettingsView, AppError> {
        let view = self.owned(principal, account, scope)?;
        let Some(endpoint) = endpoint else {
            return Ok(SettingsView { own: view.account.settings.clone(), effective: view.settings.clone() });
        };
        let found = endpoint_of(&view, endpoint)?;
        Ok(SettingsView { own: found.endpoint.settings.clone(), effective: found.settings.clone() })
    }
}

fn edited(old: &Settings, edit: impl FnOnce(&mut Settings) -> Result<(), AppError>) -> Result<Settings, AppError> {
    let mut settings = old.clone();
    edit(&mut settings)?;
    check(&settings)?;
    Ok(settings)
}

fn check(settings: &Settings) -> Result<(), AppError> {
    let mut faults = Faults::default();
    check_schedule(settings, &mut faults);
    span(&mut faults, "time_limit", settings.time_limit, TIME_LIMIT_MIN, TIME_LIMIT_MAX);
    span(&mut faults, "pause_after", settings.pause_after, Duration::ZERO, PAUSE_AFTER_MAX);
    faults.rate_limit(settings.rate_limit);
    if let Some(in_flight) = settings.in_flight_max {
        faults.check((1..=ENDPOINT_IN_FLIGHT_MAX).contains(&in_flight), || {
            Fault::new("in_flight_max", "range", format!("1 to {ENDPOINT_IN_FLIGHT_MAX}"))
        });
    }
    if let Some(pointers) = &settings.redact {
        faults.count("redact", pointers.len(), 0, REDACTIONS_MAX);
        for (index, text) in pointers.iter().enumerate() {
            check_pointer("redact", Some(index), text, &mut faults);
        }
    }
    if let Some(Ordering::ByKey(text)) = &settings.ordering {
        check_pointer("order_key", None, text, &mut faults);
    }
    faults.done()
}

fn check_schedule(settings: &Settings, faults: &mut Faults) {
    if let Some(retry) = settings.retry {
        faults.check(retry <= RETRIES_MAX, || Fault::new("retry", "range", format!("0 to {RETRIES_MAX}")));
    }
    span(faults, "cooldown", settings.cooldown, Duration::ZERO, RETRY_DELAY_MAX);
    let Some(pauses) = &settings.schedule else { return };
    faults.check(settings.retry.is_none() && settings.cooldown.is_none(), || {
        Fault::new(
            "schedule",
            "contradiction",
            "a schedule stands in place of retry and cooldown; set one or the other",
        )
    });
    check_pauses("schedule", pauses, faults);
}

/// As many pauses as there may be repeats, none longer than a pause may be.
pub fn check_pauses<'a>(field: &'static str, pauses: impl IntoIterator<Item = &'a Duration>, faults: &mut Faults) {
    let mut count = 0;
    for (index, pause) in pauses.into_iter().enumerate() {
        faults.check(*pause <= RETRY_DELAY_MAX, || span_fault(field, Duration::ZERO, RETRY_DELAY_MAX).at(index));
        count = index + 1;
    }
    faults.count(field, count, 0, RETRIES_MAX as usize);
}

fn span(faults: &mut Faults, field: &'static str, value: Option<Duration>, min: Duration, max: Duration) {
    if let Some(value) = value {
        faults.check((min..=max).contains(&value), || span_fault(field, min, max));
    }
}

fn span_fault(field: &'static str, min: Duration, max: Duration) -> Fault {
    Fault::new(field, "range", format!("{} to {} milliseconds", min.as_millis(), max.as_millis()))
}

fn check_pointer(field: &'static str, index: Option<usize>, text: &str, faults: &mut Faults) {
    if let Err(problem) = text.parse::<Pointer>() {
        let fault = Fault::new(field, "pointer", problem.to_string());
        faults.add(index.map_or(fault.clone(), |index| fault.at(index)));
    }
}
