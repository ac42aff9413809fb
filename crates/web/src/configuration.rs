//! Developer → Webhook Configuration: settings of an account or of one endpoint, what is in force, and who says so.

mod alert;

use std::time::Duration;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;
use ringup_app::view::AccountView;
use ringup_app::{AppError, Fault, SettingsView};
use ringup_core::log::LogMode;
use ringup_core::policy::{Class, Policy, Schedule};
use ringup_core::settings::{Origin, Settings};
use ringup_core::signing::HeaderNames;
use ringup_core::time::Timestamp;

use crate::endpoint::{path, title};
use crate::error_page::{Answer, Failure};
use crate::fields::Fields;
use crate::menu::Menu;
use crate::ui::{Ui, html};
use crate::visit::{Posted, Visit, account_path, faults};
use crate::{Shared, Web};

use self::alert::Alerts;
pub use self::alert::{add as add_alert, delete as delete_alert};

/// How long *Full for one hour* lasts.
const FULL_FOR: Duration = Duration::from_hours(1);

/// Attempts that the drawing of a schedule shows; more are told as a number.
const RUNGS_MAX: usize = 12;

#[derive(Template)]
#[template(path = "configuration.html")]
struct ConfigurationPage {
    ui: Ui,
    /// Where the forms go.
    action: String,
    /// The endpoint's name, page and address, when these are its settings.
    endpoint: Option<(String, String)>,
    retry: u32,
    cooldown: String,
    schedule_from: &'static str,
    policy: Policy,
    is_list: bool,
    rungs: Vec<String>,
    more_rungs: u64,
    classes: Vec<ClassRow>,
    time_limit: String,
    time_limit_from: &'static str,
    log_mode: LogMode,
    log_from: &'static str,
    full_until: Option<Timestamp>,
    redact: String,
    redact_from: &'static str,
    pause_hours: String,
    pause_from: &'static str,
    signing: &'static str,
    signing_from: &'static str,
    /// What the store keeps and for how long: the key of its text, the time, and where that was set.
    kept: Vec<(String, String, String)>,
    alerts: Option<Alerts>,
    /// Cards with a value of this layer's own, which can be taken back.
    own: Own,
    /// Endpoints that say something else, with their addresses.
    overriding: Vec<(String, String)>,
    faults: Vec<(String, String)>,
}

#[derive(Default)]
struct Own {
    retry: bool,
    time: bool,
    log: bool,
    redact: bool,
    pause: bool,
    signing: bool,
}

struct ClassRow {
    word: &'static str,
    text: String,
    is_on: bool,
    from: &'static str,
}

/// `GET /a/{account}/configuration`
pub async fn of_account(State(web): Shared, visit: Visit, Path(account): Path<String>) -> Answer {
    shown(&web, &visit, &account, None, Vec::new())
}

/// `GET /a/{account}/urls/{endpoint}/configuration`
pub async fn of_endpoint(
    State(web): Shared,
    visit: Visit,
    Path((account, endpoint)): Path<(String, String)>,
) -> Answer {
    shown(&web, &visit, &account, Some(&endpoint), Vec::new())
}

/// `POST /a/{account}/configuration`
pub async fn change_account(State(web): Shared, Path(account): Path<String>, Posted { visit, form }: Posted) -> Answer {
    change(&web, &visit, &account, None, &form).await
}

/// `POST /a/{account}/urls/{endpoint}/configuration`
pub async fn change_endpoint(
    State(web): Shared,
    Path((account, endpoint)): Path<(String, String)>,
    Posted { visit, form }: Posted,
) -> Answer {
    change(&web, &visit, &account, Some(&endpoint), &form).await
}

async fn change(web: &Web, visit: &Visit, account: &str, endpoint: Option<&str>, form: &Fields) -> Answer {
    let (now, who) = (visit.now, &visit.who);
    match web.app.edit_settings(who, account, endpoint, |settings| apply(settings, form, now)).await {
        Ok(_) => {
            let to = form.one("back").filter(|place| place.starts_with("/a/")).map(str::to_owned);
            let to = match to {
                Some(to) => to,
                None => format!("{}?done=saved", action(web, visit, account, endpoint)?),
            };
            Ok(Redirect::to(&to).into_response())
        }
        Err(error) => {
            let page = shown(web, visit, account, endpoint, faults(error)?)?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

/// The words for the names that signatures travel under.
const NAMES: [(&str, HeaderNames); 3] =
    [("both", HeaderNames::Both), ("webhook", HeaderNames::Webhook), ("svix", HeaderNames::Svix)];

fn word_of(names: HeaderNames) -> &'static str {
    NAMES.iter().find(|(_, found)| *found == names).map_or("both", |(word, _)| *word)
}

/// One card's fields; `reset` takes the card's own values back.
fn apply(settings: &mut Settings, form: &Fields, now: Timestamp) -> Result<(), AppError> {
    let reset = form.has("reset");
    match form.one("card").unwrap_or_default() {
        "retry" => {
            settings.schedule = None;
            (settings.retry, settings.cooldown, settings.policy) = (None, None, None);
            settings.classes = ringup_core::settings::ClassSwitches::default();
            if reset {
                return Ok(());
            }
            settings.policy = form.one("policy").and_then(Policy::from_word);
            if form.one("schedule") != Some("policy") {
                settings.retry = number(form, "retry")?;
                settings.cooldown = seconds(form, "cooldown")?;
            }
            let on = |class: Class| Some(form.many("class").any(|word| word == class.word()));
            let switches = &mut settings.classes;
            switches.server_error = on(Class::ServerError);
            switches.request_timeout = on(Class::RequestTimeout);
            switches.too_many_requests = on(Class::TooManyRequests);
            switches.timed_out = on(Class::TimedOut);
            switches.no_response = on(Class::NoResponse);
            switches.other = on(Class::Other);
        }
        "time" => settings.time_limit = if reset { None } else { seconds(form, "time_limit")? },
        "log" => settings.log_mode = if reset { None } else { form.one("log_mode").and_then(LogMode::from_word) },
        "full" => settings.full_until = if reset { None } else { Some(now.saturating_add(FULL_FOR)) },
        "redact" => {
            let lines = form.one("redact").unwrap_or_default().lines().map(str::trim).filter(|line| !line.is_empty());
            settings.redact = (!reset).then(|| lines.map(str::to_owned).collect());
        }
        "pause" => {
            settings.pause_after = if reset {
                None
            } else {
                number(form, "pause_hours")?.map(|hours| Duration::from_hours(u64::from(hours)))
            };
        }
        "signing" => {
            let named = form.one("signing").and_then(|word| NAMES.iter().find(|(found, _)| *found == word));
            settings.header_names = if reset { None } else { named.map(|(_, names)| *names) };
        }
        other => return Err(Fault::new("card", "unknown", format!("there are no settings called {other:?}")).into()),
    }
    Ok(())
}

fn number(form: &Fields, field: &'static str) -> Result<Option<u32>, AppError> {
    let read = |text: &str| text.parse().map_err(|_| Fault::new(field, "number", "a whole number is needed").into());
    form.one(field).map(read).transpose()
}

/// Seconds, with a fraction if need be.
fn seconds(form: &Fields, field: &'static str) -> Result<Option<Duration>, AppError> {
    let read = |text: &str| {
        let span = text.replace(',', ".").parse::<f64>().ok().and_then(|secs| Duration::try_from_secs_f64(secs).ok());
        span.ok_or_else(|| Fault::new(field, "number", "a number of seconds is needed").into())
    };
    form.one(field).map(read).transpose()
}

fn action(web: &Web, visit: &Visit, account: &str, endpoint: Option<&str>) -> Result<String, Failure> {
    let view = web.app.account(&visit.who, account)?;
    let base = account_path(&view);
    Ok(match endpoint {
        Some(endpoint) => format!("{base}{}/configuration", path(&*web.app.endpoint(&visit.who, account, endpoint)?)),
        None => format!("{base}/configuration"),
    })
}

fn shown(
    web: &Web,
    visit: &Visit,
    account: &str,
    endpoint: Option<&str>,
    faults: Vec<(String, String)>,
) -> Result<Response, Failure> {
    let view = web.app.account(&visit.who, account)?;
    let found = endpoint.map(|name| web.app.endpoint(&visit.who, account, name)).transpose()?;
    let SettingsView { own, effective } = web.app.settings(&visit.who, account, endpoint)?;
    let base = account_path(&view);
    let menu = if found.is_some() { Menu::Urls } else { Menu::Configuration };
    let ui = visit.ui_of(&view, menu, "configuration-title");
    let (retry, cooldown) = match &effective.schedule.value {
        Schedule::Fixed { retry, cooldown } => (*retry, *cooldown),
        other => (other.retries(), Duration::ZERO),
    };
    let (rungs, more_rungs) = ladder(&effective.schedule.value, &ui);
    let kept = web.app.retention(&visit.who, account)?.into_iter().map(|kept| {
        let origin = if kept.is_default { ui.t("from-system") } else { ui.t("from-operator") };
        (format!("kept-{}", kept.word), kept.span, origin)
    });
    let kept: Vec<(String, String, String)> = if found.is_none() { kept.collect() } else { Vec::new() };
    let page = ConfigurationPage {
        action: action(web, visit, account, endpoint)?,
        endpoint: found.as_ref().map(|found| (title(found), format!("{base}{}", path(found)))),
        retry,
        cooldown: secs_text(cooldown),
        schedule_from: from(effective.schedule.origin),
        policy: effective.policy.value,
        is_list: !matches!(effective.schedule.value, Schedule::Fixed { .. }),
        rungs,
        more_rungs,
        classes: Class::ALL
            .iter()
            .map(|class| {
                let value = effective.classes.get(*class);
                let text = ui.t(format!("class-{}", class.word()));
                ClassRow { word: class.word(), text, is_on: value.value, from: from(value.origin) }
            })
            .collect(),
        time_limit: secs_text(effective.time_limit.value),
        time_limit_from: from(effective.time_limit.origin),
        log_mode: effective.log_mode.value,
        log_from: from(effective.log_mode.origin),
        full_until: effective.full_until.value.filter(|until| visit.now < *until),
        redact: effective.redact.value.join("\n"),
        redact_from: from(effective.redact.origin),
        pause_hours: (effective.pause_after.value.as_secs() / 3_600).to_string(),
        pause_from: from(effective.pause_after.origin),
        signing: word_of(effective.header_names.value),
        signing_from: from(effective.header_names.origin),
        kept,
        alerts: if found.is_none() { alert::of(web, visit)? } else { None },
        own: Own {
            retry: own.retry.is_some()
                || own.cooldown.is_some()
                || own.policy.is_some()
                || own.schedule.is_some()
                || own.classes != ringup_core::settings::ClassSwitches::default(),
            time: own.time_limit.is_some(),
            log: own.log_mode.is_some(),
            redact: own.redact.is_some(),
            pause: own.pause_after.is_some(),
            signing: own.header_names.is_some(),
        },
        overriding: if found.is_none() { overriding(&view, &base) } else { Vec::new() },
        faults,
        ui,
    };
    Ok(html(&page))
}

fn overriding(view: &AccountView, base: &str) -> Vec<(String, String)> {
    let differ = view.endpoints.iter().filter(|found| {
        let own = Settings { rate_limit: None, full_until: None, ..found.endpoint.settings.clone() };
        own != Settings::default()
    });
    differ.map(|found| (title(found), format!("{base}{}/configuration", path(found)))).collect()
}

/// When a delivery that always fails is attempted, counted from the first attempt.
fn ladder(schedule: &Schedule, ui: &Ui) -> (Vec<String>, u64) {
    let mut at = Duration::ZERO;
    let mut rungs = vec![ui.span(&at)];
    for repeat in 0..schedule.retries() {
        let Some(pause) = schedule.pause(repeat, 0.5) else { break };
        at = at.saturating_add(pause);
        if rungs.len() < RUNGS_MAX {
            rungs.push(ui.span(&at));
        }
    }
    let more = u64::from(schedule.retries()).saturating_add(1).saturating_sub(rungs.len() as u64);
    (rungs, more)
}

fn secs_text(span: Duration) -> String {
    if span.subsec_millis() == 0 { span.as_secs().to_string() } else { format!("{}", span.as_secs_f64()) }
}

fn from(origin: Origin) -> &'static str {
    match origin {
        Origin::System => "from-system",
        Origin::Account => "from-account",
        Origin::Endpoint => "from-endpoint",
    }
}
