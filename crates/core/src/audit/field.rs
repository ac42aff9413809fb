//! What an entry tells of a change: the fields of a noun before and after, those apart that are secret.
//!
//! Every noun is taken apart without a remainder, so a new field asks to be answered here: shown, or hidden.

use std::collections::BTreeMap;
use std::fmt::{Debug, Display};

use super::{FIELDS_MAX, FieldChange, VALUE_CHARS_MAX};
use crate::account::{Account, ApiKey, Environment, EventType, Role};
use crate::authorization::{Authorization, OAuth, Scheme};
use crate::endpoint::Endpoint;
use crate::hook::{Declaration, HookPlan};
use crate::settings::{ClassSwitches, Settings};
use crate::subscription::Subscription;
use crate::time::Timestamp;

/// The fields of one noun by name. What is not set is not there.
#[derive(Default)]
pub struct Fields(BTreeMap<String, Value>);

#[derive(PartialEq, Eq)]
enum Value {
    Shown(String),
    /// Kept to be compared, and told to nobody.
    Hidden(String),
}

/// What differs, by the name of the field.
pub fn changes(before: &Fields, after: &Fields) -> Vec<FieldChange> {
    let names = before.0.keys().chain(after.0.keys()).collect::<std::collections::BTreeSet<_>>();
    let differs = names.into_iter().filter_map(|name| {
        let (before, after) = (before.0.get(name), after.0.get(name));
        if before == after {
            return None;
        }
        let shown = |value: Option<&Value>| match value {
            Some(Value::Shown(text)) => Some(cut(text)),
            Some(Value::Hidden(_)) | None => None,
        };
        let hidden = [before, after].into_iter().flatten().any(|value| matches!(value, Value::Hidden(_)));
        let (before, after) = if hidden { (None, None) } else { (shown(before), shown(after)) };
        Some(FieldChange { field: name.clone(), before, after, hidden })
    });
    differs.take(FIELDS_MAX).collect()
}

/// A value as entries keep it.
pub fn cut(text: &str) -> String {
    match text.char_indices().nth(VALUE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

pub fn of_environment(environment: &Environment) -> Fields {
    let Environment { key: _, id: _, name, strict, validation, created_at: _ } = environment;
    let mut fields = Fields::default();
    fields.show("name", name);
    fields.show("strict", strict);
    fields.show("validation", validation);
    fields
}

pub fn of_account(account: &Account) -> Fields {
    let Account { key: _, id: _, environment: _, uid, name, metadata, settings, created_at: _, updated_at: _ } =
        account;
    let mut fields = Fields::default();
    fields.show_some("uid", uid.as_ref());
    fields.show("name", name);
    fields.metadata(metadata);
    fields.settings(settings);
    fields
}

pub fn of_event_type(event_type: &EventType) -> Fields {
    let EventType {
        id: _,
        environment: _,
        name,
        description,
        group,
        archived,
        deprecated,
        feature_flag,
        schemas,
        schedule,
        hook,
        created_at: _,
        updated_at: _,
    } = event_type;
    let mut fields = Fields::default();
    fields.show("name", name);
    fields.show_text("description", description);
    fields.show_some("family", group.as_ref());
    fields.show("archived", archived);
    fields.show("deprecated", deprecated);
    fields.show_some("feature_flag", feature_flag.as_ref());
    fields.show_some("schemas", schemas.as_ref());
    fields.show_debug("schedule", schedule.as_ref());
    if let Some(Declaration { title, rule, answer_schema, question_sample, answer_sample }) = hook {
        fields.show("hook_title", title);
        fields.show_debug("hook_rule", Some(rule));
        fields.show("answer_schema", answer_schema);
        fields.show_some("question_sample", question_sample.as_ref());
        fields.show_some("answer_sample", answer_sample.as_ref());
    }
    fields
}

/// What is said of a key, never its token.
pub fn of_key(key: &ApiKey) -> Fields {
    let ApiKey {
        id: _,
        kind,
        role,
        scopes,
        name,
        prefix: _,
        token_hash: _,
        parent: _,
        session,
        feature_flags,
        created_at: _,
        expires_at,
        revoked_at: _,
        used_at: _,
    } = key;
    let mut fields = Fields::default();
    fields.show("kind", kind.word());
    fields.show(
        "opens",
        match role {
            Role::Operator => "everything",
            Role::Environment(_) => "an environment",
            Role::Account(_) => "an account",
        },
    );
    fields.show("scopes", scopes);
    fields.show("name", name);
    fields.show_some("session", session.as_ref());
    fields.show_list("feature_flags", feature_flags.iter().flatten());
    fields.show_some("expires_at", expires_at.map(moment));
    fields
}

pub fn of_endpoint(endpoint: &Endpoint) -> Fields {
    let Endpoint {
        key: _,
        id: _,
        account: _,
        uid,
        url,
        description,
        metadata,
        subscription,
        stopped,
        stopped_why,
        secrets,
        headers,
        authorization,
        settings,
        created_at: _,
        updated_at: _,
    } = endpoint;
    let Subscription { event_types, families, channels, filter, hook } = subscription;
    let mut fields = Fields::default();
    fields.show_some("uid", uid.as_ref());
    fields.show("url", url);
    fields.show_text("description", description);
    fields.metadata(metadata);
    // An empty set and none at all are not the same: the first wants nothing, the second everything.
    fields.show_some("event_types", event_types.as_ref().map(joined));
    fields.show_list("families", families);
    fields.show_some("channels", channels.as_ref().map(joined));
    fields.show_some("filter", filter.as_ref().map(crate::filter::Filter::text));
    if let Some(HookPlan { name, deadline, generation, fallback, reversal, hedge }) = hook {
        fields.show("hook", name);
        fields.show("deadline_ms", deadline.as_millis());
        fields.show("generation", generation);
        fields.show_some("fallback", fallback.as_ref());
        fields.show_some("reversal_url", reversal.as_ref());
        fields.show_some("hedge_ms", hedge.map(|hedge| hedge.as_millis()));
    }
    fields.show_some("disabled", stopped.map(|stopped| stopped.by));
    fields.show_text("disabled_why", stopped_why);
    for secret in secrets {
        // The one that is to expire is the same secret, and says so.
        let ends = secret.expires_at.map(|at| format!(" until {}", at.as_micros())).unwrap_or_default();
        fields.hide_more("secret", &format!("{} {:?}{ends}", secret.kind, secret.key));
    }
    for (name, value) in headers {
        fields.hide(&format!("headers.{name}"), value);
    }
    fields.authorization(authorization);
    fields.settings(settings);
    fields
}

impl Fields {
    fn show(&mut self, name: &str, value: impl Display) {
        self.0.insert(name.to_owned(), Value::Shown(value.to_string()));
    }

    fn show_some(&mut self, name: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.show(name, value);
        }
    }

    fn show_text(&mut self, name: &str, text: &str) {
        self.show_some(name, Some(text).filter(|text| !text.is_empty()));
    }

    fn show_list<T: Display>(&mut self, name: &str, values: impl IntoIterator<Item = T>) {
        self.show_text(name, &joined(values));
    }

    fn show_debug(&mut self, name: &str, value: Option<&impl Debug>) {
        self.show_some(name, value.map(|value| format!("{value:?}")));
    }

    fn hide(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_owned(), Value::Hidden(value.to_owned()));
    }

    fn hide_more(&mut self, name: &str, value: &str) {
        let before = match self.0.remove(name) {
            Some(Value::Hidden(before) | Value::Shown(before)) => before,
            None => String::new(),
        };
        self.hide(name, &format!("{before}\n{value}"));
    }

    fn metadata(&mut self, metadata: &BTreeMap<String, String>) {
        for (name, value) in metadata {
            self.show(&format!("metadata.{name}"), value);
        }
    }

    fn authorization(&mut self, authorization: &Authorization) {
        // The salt is drawn anew with the scheme and says nothing about it.
        let Authorization { scheme, certificate, authorities, salt: _ } = authorization;
        if *scheme != Scheme::None {
            self.show("authorization", scheme.word());
        }
        match scheme {
            Scheme::None => {}
            Scheme::Header { name, value } => {
                self.show("authorization.header", name);
                self.hide("authorization.value", value.expose());
            }
            Scheme::Basic { user, password } => {
                self.show("authorization.user", user);
                self.hide("authorization.password", password.expose());
            }
            Scheme::Bearer { token } => self.hide("authorization.token", token.expose()),
            Scheme::OAuth(oauth) => self.oauth(oauth),
        }
        if let Some(certificate) = certificate {
            self.hide("authorization.certificate", certificate.pem.expose());
        }
        if let Some(authorities) = authorities {
            self.hide("authorization.authorities", authorities);
        }
    }

    fn oauth(&mut self, oauth: &OAuth) {
        let OAuth { token_url, client_id, client_secret, credentials, body, scope, parameters, headers } = oauth;
        self.show("authorization.token_url", token_url);
        self.show("authorization.client_id", client_id);
        self.hide("authorization.client_secret", client_secret.expose());
        self.show("authorization.credentials", credentials);
        self.show("authorization.body", body);
        self.show_some("authorization.scope", scope.as_ref());
        for (name, value) in parameters {
            self.hide(&format!("authorization.parameters.{name}"), value.expose());
        }
        for (name, value) in headers {
            self.hide(&format!("authorization.headers.{name}"), value.expose());
        }
    }

    fn settings(&mut self, settings: &Settings) {
        let Settings {
            policy,
            retry,
            cooldown,
            schedule,
            time_limit,
            classes,
            honour_retry_after,
            log_mode,
            full_until,
            redact,
            ordering,
            rate_limit,
            in_flight_max,
            pause_after,
            header_names,
        } = settings;
        let ClassSwitches { server_error, request_timeout, too_many_requests, timed_out, no_response, other } = classes;
        self.show_some("settings.policy", policy.map(|policy| policy.word()));
        self.show_some("settings.retry", retry.as_ref());
        self.show_debug("settings.cooldown", cooldown.as_ref());
        self.show_debug("settings.schedule", schedule.as_ref());
        self.show_debug("settings.time_limit", time_limit.as_ref());
        let switches = [
            ("server_error", server_error),
            ("request_timeout", request_timeout),
            ("too_many_requests", too_many_requests),
            ("timed_out", timed_out),
            ("no_response", no_response),
            ("other", other),
        ];
        for (name, switch) in switches {
            self.show_some(&format!("settings.classes.{name}"), switch.as_ref());
        }
        self.show_some("settings.honour_retry_after", honour_retry_after.as_ref());
        self.show_some("settings.log_mode", log_mode.map(|mode| mode.word()));
        self.show_some("settings.full_until", full_until.map(moment));
        self.show_list("settings.redact", redact.iter().flatten());
        self.show_debug("settings.ordering", ordering.as_ref());
        self.show_some("settings.rate_limit", rate_limit.as_ref());
        self.show_some("settings.in_flight_max", in_flight_max.as_ref());
        self.show_debug("settings.pause_after", pause_after.as_ref());
        self.show_debug("settings.header_names", header_names.as_ref());
    }
}

fn joined<T: Display>(values: impl IntoIterator<Item = T>) -> String {
    values.into_iter().map(|value| value.to_string()).collect::<Vec<_>>().join(", ")
}

/// RFC 3339, to the second.
pub fn moment(at: Timestamp) -> String {
    let secs = at.as_secs().rem_euclid(86_400);
    format!("{}T{:02}:{:02}:{:02}Z", at.day(), secs / 3_600, secs / 60 % 60, secs % 60)
}

#[cfg(test)]
mod tests;
