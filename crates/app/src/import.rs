//! Event types taken over from a document.

use std::collections::BTreeSet;

use ringup_core::audit::{AuditVerb, FieldChange};
use ringup_core::scope::Scope;
use ringup_store::audit::Place;

use crate::app::App;
use crate::error::AppError;
use crate::event_type::EventTypeDraft;
use crate::principal::Principal;

impl App {
    /// Registers event types or changes them to what is said. All are checked before the first is stored; those that are
    /// so already are left alone. With `replace_all`, what is not among them is archived. Answers the names of what was
    /// changed, or would be if `dry_run`.
    pub async fn import_event_types(
        &self,
        principal: &Principal,
        drafts: Vec<(String, EventTypeDraft)>,
        replace_all: bool,
        dry_run: bool,
    ) -> Result<Vec<String>, AppError> {
        let environment = principal.whole(Scope::EventTypes)?;
        for (name, draft) in &drafts {
            draft.check(name)?;
        }
        let named: BTreeSet<String> = drafts.iter().map(|(name, _)| name.clone()).collect();
        let mut modified = Vec::new();
        for (name, draft) in drafts {
            let old = self.directory().event_type(environment, &name);
            if old.is_some_and(|old| EventTypeDraft::of(&old) == draft) {
                continue;
            }
            if !dry_run {
                self.put_event_type(principal, &name, draft).await?;
            }
            modified.push(name);
        }
        let others = self.directory().event_types(environment);
        for other in others.iter().filter(|other| replace_all && !other.archived && !named.contains(&other.name)) {
            if !dry_run {
                self.delete_event_type(principal, &other.name, false).await?;
            }
            modified.push(other.name.clone());
        }
        if !dry_run && !modified.is_empty() {
            let found = self.directory().environment(environment);
            let place = found.map_or_else(Place::default, |found| Place {
                environment: Some(environment),
                account: None,
                subject: found.id.to_string(),
                label: found.name.clone(),
            });
            let count = FieldChange::set("event_types", modified.len());
            self.record(principal, AuditVerb::EnvironmentImported, place, vec![count]).await?;
        }
        Ok(modified)
    }
}
