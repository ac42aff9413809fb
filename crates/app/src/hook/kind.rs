//! The kinds of hooks of an environment: those that are built in, and those that an operator declares.
//!
//! A declared one hangs on an event type, since its calls are events of that type and its question is held against the
//! type's schema; so it is kept, shown and archived as one.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ringup_core::account::EventType;
use ringup_core::hook::{self, Contract, Contracts as _, Declaration, Field, HookRule, Kind, Mode, NAMES};
use ringup_core::id::EventTypeId;
use ringup_core::json;
use ringup_core::key::EnvironmentKey;
use ringup_core::limits::JSON_DEPTH_MAX;
use ringup_core::pointer::Pointer;
use ringup_core::scope::Scope;
use ringup_core::time::Timestamp;
use ringup_store::directory::Directory;
use ringup_store::seam::Change;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::answering;
use super::declared::one_version;
use crate::app::App;
use crate::check::{DESCRIPTION_BYTES_MAX, Faults};
use crate::error::{AppError, Fault};
use crate::guide;
use crate::principal::Principal;
use crate::schema::{self, Schema, newest};

/// Bytes of a sample.
const SAMPLE_BYTES_MAX: usize = 64 * 1024;

/// The family of declared hooks in the catalogue, unless their event type has another.
const FAMILY: &str = "hook";

/// A hook that accounts can set.
#[derive(Clone, Debug)]
pub struct HookType {
    pub contract: Arc<Contract>,
    pub title: String,
    pub description: String,
    /// JSON Schema.
    pub question_schema: Option<String>,
    pub answer_schema: Option<String>,
    /// JSON objects.
    pub question_sample: Option<String>,
    pub answer_sample: Option<String>,
    /// It is not offered any more.
    pub archived: bool,
    /// When it was declared and changed; `None` for what is built in.
    pub since: Option<(Timestamp, Timestamp)>,
}

/// What an operator may say about a hook.
#[derive(Clone, Debug)]
pub struct HookTypeDraft {
    pub title: String,
    pub description: String,
    pub mode: Mode,
    pub question_schema: String,
    pub answer_schema: String,
    pub question_sample: Option<String>,
    pub answer_sample: Option<String>,
    /// How long an answer may be told again, and how long after that it may stand in for one that fails. Zero: never.
    pub fresh: Duration,
    pub stale: Duration,
    pub refusals: Vec<u16>,
    pub reason: Option<String>,
    pub key: Option<String>,
    pub may_fall_back: bool,
}

impl HookType {
    fn published(contract: Arc<Contract>) -> HookType {
        let known = guide::named(&contract.name);
        let answer = contract.fields().map(|published| schema_of(published.answer));
        HookType {
            title: known.map(|known| known.title.to_string()).unwrap_or_default(),
            description: known.map(|known| known.summary.to_string()).unwrap_or_default(),
            question_schema: known.map(|known| known.schema().to_owned()),
            question_sample: known.map(|known| known.sample().to_owned()),
            answer_sample: answer.as_ref().map(|schema| crate::sample::example_of(schema, schema).to_string()),
            answer_schema: answer.map(|schema| schema.to_string()),
            archived: false,
            since: None,
            contract,
        }
    }

    fn declared(contract: Arc<Contract>, event_type: &EventType) -> Option<HookType> {
        let Declaration { title, rule: _, answer_schema, question_sample, answer_sample } = event_type.hook.clone()?;
        Some(HookType {
            title,
            description: event_type.description.clone(),
            question_schema: question_schema(event_type),
            answer_schema: Some(answer_schema),
            question_sample,
            answer_sample,
            archived: event_type.archived,
            since: Some((event_type.created_at, event_type.updated_at)),
            contract,
        })
    }
}

/// The newest schema of an event type.
fn question_schema(event_type: &EventType) -> Option<String> {
    let versions: BTreeMap<String, &RawValue> = serde_json::from_str(event_type.schemas.as_deref()?).ok()?;
    newest(&versions).map(|(_, schema)| schema.get().to_owned())
}

/// What the fields of a published contract say, as a JSON Schema.
fn schema_of(fields: &[Field]) -> Value {
    let of = |field: &Field| match field.kind {
        Kind::Text => serde_json::json!({"type": "string"}),
        Kind::Number => serde_json::json!({"type": "number", "minimum": 0}),
        Kind::Word(words) => {
            serde_json::json!({"type": "string", "enum": words.iter().map(|(theirs, _)| *theirs).collect::<Vec<_>>()})
        }
        Kind::Any => Value::Bool(true),
    };
    let properties: Map<String, Value> = fields.iter().map(|field| (field.name.to_string(), of(field))).collect();
    let required: Vec<&str> = fields.iter().filter(|field| field.required).map(|field| &*field.name).collect();
    serde_json::json!({"type": "object", "required": required, "properties": properties})
}

impl App {
    /// The hooks that accounts of the caller's environment can set: those that are built in, then those that are declared, by
    /// name.
    pub fn hook_types(&self, principal: &Principal) -> Result<Vec<HookType>, AppError> {
        let mut all: Vec<HookType> =
            NAMES.iter().filter_map(|name| hook::contract(name)).map(HookType::published).collect();
        for event_type in self.event_types(principal)? {
            all.extend(
                self.declarations.declared(&event_type).and_then(|contract| HookType::declared(contract, &event_type)),
            );
        }
        Ok(all)
    }

    pub fn hook_type(&self, principal: &Principal, name: &str) -> Result<HookType, AppError> {
        if let Some(contract) = hook::contract(name) {
            principal.within(Scope::Read)?;
            return Ok(HookType::published(contract));
        }
        let not_found = || AppError::not_found("hook", name);
        let event_type = self.event_type(principal, name).map_err(|error| match error {
            AppError::NotFound { .. } => not_found(),
            error => error,
        })?;
        self.declared_type(&event_type).ok_or_else(not_found)
    }

    fn declared_type(&self, event_type: &Arc<EventType>) -> Option<HookType> {
        HookType::declared(self.declarations.declared(event_type)?, event_type)
    }

    /// Declares a hook or changes what is declared. Answers whether it was made. An event type of this name becomes the
    /// hook's. `Conflict` for the name of a hook that is built in, and for another mode while accounts have set it.
    ///
    /// Calls that are under way are read as they were asked; answers that were kept are forgotten.
    pub async fn put_hook_type(
        &self,
        principal: &Principal,
        name: &str,
        draft: HookTypeDraft,
    ) -> Result<(HookType, bool), AppError> {
        let environment = principal.whole(Scope::EventTypes)?;
        not_built_in(name)?;
        let (declaration, question_schema) = draft.checked(name)?;
        let mut made = false;
        let decide = |directory: &Directory| {
            let old = directory.event_type(environment, name);
            made = old.as_ref().is_none_or(|old| old.hook.is_none());
            let old_mode = old.as_ref().and_then(|old| old.hook.as_ref()).map(|old| old.rule.mode);
            if old_mode.is_some_and(|mode| mode != declaration.rule.mode) {
                not_in_use(directory, environment, name, "given another mode")?;
            }
            let now = self.now();
            Ok::<_, AppError>(Change::PutEventType(EventType {
                id: old.as_ref().map_or_else(|| EventTypeId::new(now, self.random_128()), |old| old.id),
                environment,
                name: name.to_owned(),
                description: draft.description.clone(),
                group: old.as_ref().map_or_else(|| Some(FAMILY.to_owned()), |old| old.group.clone()),
                archived: false,
                deprecated: old.as_ref().is_some_and(|old| old.deprecated),
                feature_flag: old.as_ref().and_then(|old| old.feature_flag.clone()),
                schemas: Some(next_schemas(old.as_deref(), &question_schema)?),
                schedule: old.as_ref().and_then(|old| old.schedule.clone()),
                hook: Some(declaration.clone()),
                created_at: old.as_ref().map_or(now, |old| old.created_at),
                updated_at: now,
            }))
        };
        self.change(principal, decide).await?;
        // It may have been removed again since.
        let event_type = self.directory().event_type(environment, name);
        let found = event_type.and_then(|event_type| self.declared_type(&event_type));
        Ok((found.ok_or_else(|| AppError::not_found("hook", name))?, made))
    }

    /// Removes a hook from the catalogue. `Conflict` while accounts have set it.
    pub async fn delete_hook_type(&self, principal: &Principal, name: &str) -> Result<(), AppError> {
        let environment = principal.whole(Scope::EventTypes)?;
        not_built_in(name)?;
        let decide = |directory: &Directory| {
            let old = directory.event_type(environment, name).filter(|old| old.hook.is_some());
            let old = old.ok_or_else(|| AppError::not_found("hook", name))?;
            not_in_use(directory, environment, name, "removed")?;
            Ok(Change::DeleteEventType(old.id))
        };
        self.change(principal, decide).await.map(drop)
    }
}

fn not_built_in(name: &str) -> Result<(), AppError> {
    if hook::is_published(name) {
        let why = format!("{name} is built in: it cannot be declared, changed or removed; choose another name");
        return Err(AppError::Conflict(why));
    }
    Ok(())
}

/// Refuses what those who have set the hook would not survive.
pub(crate) fn not_in_use(
    directory: &Directory,
    environment: EnvironmentKey,
    name: &str,
    what: &str,
) -> Result<(), AppError> {
    let all = directory.accounts(environment);
    let using: Vec<&str> =
        all.iter().filter(|view| answering(view, name).is_some()).map(|view| view.account.name.as_str()).collect();
    let Some(first) = using.first() else { return Ok(()) };
    let why = format!(
        "{name} cannot be {what} while applications ask it ({} do, {first:?} among them): remove it there first, or \
         archive its event type, so that it is not offered any more",
        using.len()
    );
    Err(AppError::Conflict(why))
}

/// The schemas of the question by version: one that is new is added with the next number.
fn next_schemas(old: Option<&EventType>, schema: &str) -> Result<String, AppError> {
    let old = old.and_then(|old| old.schemas.as_deref()).unwrap_or("{}");
    let mut versions: BTreeMap<String, &RawValue> = serde_json::from_str(old).unwrap_or_default();
    if newest(&versions).is_some_and(|(_, newest)| newest.get() == schema) {
        return Ok(old.to_owned());
    }
    let number = versions.keys().filter_map(|version| version.parse::<u64>().ok()).max().unwrap_or(0).saturating_add(1);
    let added: Box<RawValue> = serde_json::from_str(schema)
        .map_err(|error| AppError::from(Fault::new("question_schema", "schemas", error.to_string())))?;
    versions.insert(number.to_string(), &added);
    let text = serde_json::to_string(&versions).unwrap_or_default();
    if text.len() > schema::SCHEMAS_BYTES_MAX {
        let why = format!(
            "all versions of the question's schema have at most {} bytes; remove older ones at the event type",
            schema::SCHEMAS_BYTES_MAX
        );
        return Err(Fault::new("question_schema", "schemas", why).into());
    }
    Ok(text)
}

impl HookTypeDraft {
    /// The declaration, and the question's schema. Everything that is wrong is told at once.
    fn checked(&self, name: &str) -> Result<(Declaration, String), AppError> {
        let mut faults = Faults::default();
        faults.name("name", name);
        faults.check(!name.starts_with('-'), || Fault::new("name", "name", "a name does not begin with a hyphen"));
        faults.title("title", &self.title);
        faults.text("description", &self.description, DESCRIPTION_BYTES_MAX);
        let question = checked_schema("question_schema", &self.question_schema, &mut faults);
        let answer = checked_schema("answer_schema", &self.answer_schema, &mut faults);
        checked_sample("question_sample", self.question_sample.as_deref(), question.as_ref(), &mut faults);
        checked_sample("answer_sample", self.answer_sample.as_deref(), answer.as_ref(), &mut faults);
        for (field, pointer) in [("refusal_reason", &self.reason), ("key", &self.key)] {
            if let Some(Err(wrong)) = pointer.as_deref().map(str::parse::<Pointer>) {
                faults.add(Fault::new(field, "pointer", wrong.to_string()));
            }
        }
        self.check_rule(&mut faults);
        faults.done()?;
        let cache = (!self.fresh.is_zero() || !self.stale.is_zero()).then_some((self.fresh, self.stale));
        let rule = HookRule {
            mode: self.mode,
            key: self.key.clone().map(Cow::Owned),
            cache,
            refusals: Cow::Owned(self.refusals.clone()),
            reason: self.reason.clone().map(Cow::Owned),
            may_fall_back: self.may_fall_back,
            settled: HookRule::settled_of(self.mode),
            reversible: false,
        };
        let declaration = Declaration {
            title: self.title.clone(),
            rule,
            answer_schema: self.answer_schema.clone(),
            question_sample: self.question_sample.clone(),
            answer_sample: self.answer_sample.clone(),
        };
        Ok((declaration, self.question_schema.clone()))
    }

    fn check_rule(&self, faults: &mut Faults) {
        let only = |field, why: &str| Fault::new(field, "not_possible", why.to_owned());
        faults.check(self.fresh <= Declaration::FRESH_MAX, || {
            Fault::new("fresh_ms", "range", "0 to 3600000 milliseconds")
        });
        faults.check(self.stale <= Declaration::STALE_MAX, || {
            Fault::new("stale_ms", "range", "0 to 86400000 milliseconds")
        });
        let count = self.refusals.len();
        faults.check(count <= Declaration::REFUSALS_MAX, || {
            let why = format!("at most {} statuses, these are {count}", Declaration::REFUSALS_MAX);
            Fault::new("refusal_statuses", "count", why)
        });
        // What is repeated by every policy is no answer.
        let is_no = |status: &u16| (400..500).contains(status) && ![408, 410, 429].contains(status);
        for (place, status) in self.refusals.iter().enumerate().filter(|(_, status)| !is_no(status)) {
            let why =
                format!("{status} is no answer: a \"no\" has a status of 400 to 499, and neither 408, 410 nor 429");
            faults.add(Fault::new("refusal_statuses", "range", why).at(place));
        }
        match self.mode {
            Mode::Read => faults.check(self.key.is_none(), || {
                only("key", "a question that reads is asked each time: a key belongs to one that writes")
            }),
            Mode::Write => {
                faults.check(self.key.is_some(), || {
                    let why = "a question that writes needs a key, such as /ID: what makes it the same question";
                    Fault::new("key", "missing", why)
                });
                faults.check(self.fresh.is_zero() && self.stale.is_zero(), || {
                    only("fresh_ms", "an answer to a question that writes is not kept for others")
                });
                faults.check(self.refusals.is_empty(), || {
                    let why = "a question that writes is repeated by the retry policy until the app takes it: a final \"no\" is a 2xx whose body says so";
                    only("refusal_statuses", why)
                });
                faults.check(!self.may_fall_back, || {
                    only("may_fall_back", "nothing can stand in for what an app is to write")
                });
            }
        }
    }
}

fn checked_schema(field: &'static str, text: &str, faults: &mut Faults) -> Option<Schema> {
    let is_object = json::is_json(text) && json::is_object(text.as_bytes());
    if !is_object || json::depth(text.as_bytes()) > JSON_DEPTH_MAX {
        let why = format!("a JSON Schema: an object of at most {JSON_DEPTH_MAX} levels");
        faults.add(Fault::new(field, "schemas", why));
        return None;
    }
    let versions = one_version(text);
    match schema::check(&versions).and_then(|()| Schema::of_versions(&versions)) {
        Ok(schema) => schema,
        Err(wrong) => {
            let fault = Fault::new(field, "schemas", wrong.why);
            let pointer = wrong.pointer.strip_prefix("/1").unwrap_or(&wrong.pointer);
            faults.add(if pointer.is_empty() { fault } else { fault.at(pointer) });
            None
        }
    }
}

fn checked_sample(field: &'static str, sample: Option<&str>, schema: Option<&Schema>, faults: &mut Faults) {
    let Some(sample) = sample else { return };
    faults.text(field, sample, SAMPLE_BYTES_MAX);
    if !(json::is_json(sample) && json::is_object(sample.as_bytes())) {
        faults.add(Fault::new(field, "object", "a sample is a JSON object"));
        return;
    }
    for misfit in schema.map(|schema| schema.misfits(sample.as_bytes())).unwrap_or_default() {
        let fault = Fault::new(field, "schema", misfit.why);
        faults.add(if misfit.pointer.is_empty() { fault } else { fault.at(misfit.pointer) });
    }
}
