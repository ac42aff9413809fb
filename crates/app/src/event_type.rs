//! Event types of an environment: register, find, change, archive, remove.

use std::sync::Arc;
use std::time::Duration;

use ringup_core::account::EventType;
use ringup_core::id::EventTypeId;
use ringup_core::json;
use ringup_core::key::EnvironmentKey;
use ringup_core::limits::JSON_DEPTH_MAX;
use ringup_core::scope::Scope;
use ringup_store::directory::Directory;
use ringup_store::seam::Change;

use crate::app::App;
use crate::check::{DESCRIPTION_BYTES_MAX, Faults, TITLE_BYTES_MAX};
use crate::error::{AppError, Fault};
use crate::hook::not_in_use;
use crate::principal::Principal;
use crate::schema;
use crate::setting::check_pauses;

/// What a caller may say about an event type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventTypeDraft {
    pub description: String,
    /// The family it belongs to.
    pub group: Option<String>,
    pub archived: bool,
    pub deprecated: bool,
    pub feature_flag: Option<String>,
    /// JSON text of an object: schemas by version.
    pub schemas: Option<String>,
}

impl App {
    /// All event types of the caller's environment that the caller may see, by name.
    pub fn event_types(&self, principal: &Principal) -> Result<Vec<Arc<EventType>>, AppError> {
        let mut event_types = self.directory().event_types(principal.within(Scope::Read)?);
        let sees = self.sight(principal);
        event_types.retain(|event_type| sees(event_type));
        Ok(event_types)
    }

    pub fn event_type(&self, principal: &Principal, name: &str) -> Result<Arc<EventType>, AppError> {
        let found = self.directory().event_type(principal.within(Scope::Read)?, name);
        let sees = self.sight(principal);
        found.filter(|event_type| sees(event_type)).ok_or_else(|| AppError::not_found("event type", name))
    }

    /// Event types behind a flag are shown to people only where their session has the flag.
    fn sight(&self, principal: &Principal) -> impl Fn(&EventType) -> bool + use<> {
        let flags = principal.key().and_then(|id| self.directory().key_by_id(id)?.key.feature_flags.clone());
        move |event_type| match (&flags, &event_type.feature_flag) {
            (None, _) | (_, None) => true,
            (Some(flags), Some(flag)) => flags.contains(flag),
        }
    }

    /// `Conflict` if the name is taken by one that is not archived; an archived one comes back with what is said now.
    pub async fn create_event_type(
        &self,
        principal: &Principal,
        name: &str,
        draft: EventTypeDraft,
    ) -> Result<Arc<EventType>, AppError> {
        let environment = principal.whole(Scope::EventTypes)?;
        let decide = |directory: &Directory| match directory.event_type(environment, name) {
            Some(taken) if !taken.archived => {
                Err(AppError::Conflict(format!("the event type {name:?} is registered already")))
            }
            old => self.drafted(environment, name, old.as_deref(), draft),
        };
        self.change(principal, decide).await?;
        self.changed_event_type(environment, name)
    }

    /// Changes what `edit` changes.
    pub async fn edit_event_type(
        &self,
        principal: &Principal,
        name: &str,
        edit: impl FnOnce(&mut EventTypeDraft) + Send,
    ) -> Result<Arc<EventType>, AppError> {
        let environment = principal.whole(Scope::EventTypes)?;
        let decide = |directory: &Directory| {
            let old = directory.event_type(environment, name);
            let old = old.ok_or_else(|| AppError::not_found("event type", name))?;
            let mut draft = EventTypeDraft::of(&old);
            edit(&mut draft);
            self.drafted(environment, name, Some(&old), draft)
        };
        self.change(principal, decide).await?;
        self.changed_event_type(environment, name)
    }

    /// Replaces an event type or registers it. Answers whether it was registered.
    pub async fn put_event_type(
        &self,
        principal: &Principal,
        name: &str,
        draft: EventTypeDraft,
    ) -> Result<(Arc<EventType>, bool), AppError> {
        let environment = principal.whole(Scope::EventTypes)?;
        let mut made = false;
        let decide = |directory: &Directory| {
            let old = directory.event_type(environment, name);
            made = old.is_none();
            self.drafted(environment, name, old.as_deref(), draft)
        };
        self.change(principal, decide).await?;
        Ok((self.changed_event_type(environment, name)?, made))
    }

    /// Archives it: events of the type are accepted as before, and it is not offered any more. `expunge` removes it.
    pub async fn delete_event_type(&self, principal: &Principal, name: &str, expunge: bool) -> Result<(), AppError> {
        if !expunge {
            return self.edit_event_type(principal, name, |draft| draft.archived = true).await.map(drop);
        }
        let environment = principal.whole(Scope::EventTypes)?;
        let decide = |directory: &Directory| {
            let old = directory.event_type(environment, name);
            let old = old.ok_or_else(|| AppError::not_found("event type", name))?;
            if old.hook.is_some() {
                not_in_use(directory, environment, name, "removed")?;
            }
            Ok(Change::DeleteEventType(old.id))
        };
        self.change(principal, decide).await.map(drop)
    }

    /// Sets the pauses between attempts of the type's events, or with `None` takes them away. They hold where neither the
    /// endpoint nor the account has a schedule of its own; whether a failure is repeated at all stays their policy's word.
    pub async fn set_retry_schedule(
        &self,
        principal: &Principal,
        name: &str,
        schedule: Option<Vec<Duration>>,
    ) -> Result<Arc<EventType>, AppError> {
        let environment = principal.whole(Scope::EventTypes)?;
        let mut faults = Faults::default();
        check_pauses("retry_schedule", schedule.iter().flatten(), &mut faults);
        faults.done()?;
        let decide = |directory: &Directory| {
            let old = directory.event_type(environment, name);
            let old = old.ok_or_else(|| AppError::not_found("event type", name))?;
            Ok(Change::PutEventType(EventType { schedule, updated_at: self.now(), ..EventType::clone(&old) }))
        };
        self.change(principal, decide).await?;
        self.changed_event_type(environment, name)
    }

    fn changed_event_type(&self, environment: EnvironmentKey, name: &str) -> Result<Arc<EventType>, AppError> {
        // It may have been removed again since.
        self.directory().event_type(environment, name).ok_or_else(|| AppError::not_found("event type", name))
    }

    fn drafted(
        &self,
        environment: EnvironmentKey,
        name: &str,
        old: Option<&EventType>,
        draft: EventTypeDraft,
    ) -> Result<Change, AppError> {
        draft.check(name)?;
        let now = self.now();
        Ok(Change::PutEventType(EventType {
            id: old.map_or_else(|| EventTypeId::new(now, self.random_128()), |old| old.id),
            environment,
            name: name.to_owned(),
            description: draft.description,
            group: draft.group,
            archived: draft.archived,
            deprecated: draft.deprecated,
            feature_flag: draft.feature_flag,
            schemas: draft.schemas,
            schedule: old.and_then(|old| old.schedule.clone()),
            hook: old.and_then(|old| old.hook.clone()),
            created_at: old.map_or(now, |old| old.created_at),
            updated_at: now,
        }))
    }
}

impl EventTypeDraft {
    pub(crate) fn of(event_type: &EventType) -> EventTypeDraft {
        EventTypeDraft {
            description: event_type.description.clone(),
            group: event_type.group.clone(),
            archived: event_type.archived,
            deprecated: event_type.deprecated,
            feature_flag: event_type.feature_flag.clone(),
            schemas: event_type.schemas.clone(),
        }
    }

    pub(crate) fn check(&self, name: &str) -> Result<(), AppError> {
        let mut faults = Faults::default();
        faults.name("name", name);
        // In lists, a hyphen in front of a name leads back.
        faults.check(!name.starts_with('-'), || Fault::new("name", "name", "a name does not begin with a hyphen"));
        faults.text("description", &self.description, DESCRIPTION_BYTES_MAX);
        faults.text("group_name", self.group.as_deref().unwrap_or_default(), TITLE_BYTES_MAX);
        if let Some(flag) = &self.feature_flag {
            faults.name("feature_flag", flag);
        }
        if let Some(schemas) = &self.schemas {
            let (bytes, rule) = (schemas.as_bytes(), "schemas");
            faults.check(json::is_object(bytes), || Fault::new("schemas", rule, "an object: schemas by version"));
            let is_deep = json::depth(bytes) > JSON_DEPTH_MAX;
            faults.check(!is_deep, || Fault::new("schemas", "too_deep", format!("at most {JSON_DEPTH_MAX} levels")));
            if !is_deep && let Err(wrong) = schema::check(schemas) {
                let fault = Fault::new("schemas", rule, wrong.why);
                faults.add(if wrong.pointer.is_empty() { fault } else { fault.at(wrong.pointer) });
            }
        }
        faults.done()
    }
}
