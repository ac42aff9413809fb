//! Payloads held against the schema of their event type, as their environment wants it.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use ringup_core::account::{EventType, Validation};
use ringup_core::id::EventTypeId;
use ringup_core::key::EnvironmentKey;
use ringup_core::scope::Scope;
use ringup_store::directory::Directory;
use ringup_store::seam::Change;

use crate::app::App;
use crate::error::{AppError, Fault};
use crate::principal::Principal;
use crate::schema::{Misfit, Schema};

/// Schemas kept compiled. More than any catalogue has; beyond it they are compiled anew.
const COMPILED_MAX: usize = 10_000;

/// Compiled schemas of the event types that were asked for, each as of one version of its type.
#[derive(Default)]
pub(crate) struct Schemas(RwLock<HashMap<EventTypeId, Compiled>>);

#[derive(Clone)]
struct Compiled {
    of: Arc<EventType>,
    /// `None`: it has none, or one of an older version of ours that is none.
    schema: Option<Arc<Schema>>,
}

impl Schemas {
    fn of(&self, event_type: &Arc<EventType>) -> Option<Arc<Schema>> {
        let kept = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&event_type.id).cloned();
        if let Some(kept) = kept
            && Arc::ptr_eq(&kept.of, event_type)
        {
            return kept.schema;
        }
        let compiled = event_type.schemas.as_deref().map(Schema::of_versions);
        let schema = match compiled.transpose() {
            Ok(schema) => schema.flatten().map(Arc::new),
            Err(fault) => {
                tracing::warn!(event_type = event_type.name, pointer = fault.pointer, why = fault.why, "no schema");
                None
            }
        };
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= COMPILED_MAX {
            all.clear();
        }
        all.insert(event_type.id, Compiled { of: event_type.clone(), schema: schema.clone() });
        schema
    }
}

impl App {
    /// What is to be noted with an event; refused where its environment is strict about payloads.
    pub(crate) fn validated(
        &self,
        environment: EnvironmentKey,
        event_type: Option<&Arc<EventType>>,
        payload: &[u8],
    ) -> Result<Vec<String>, AppError> {
        let Some(event_type) = event_type.filter(|event_type| event_type.schemas.is_some()) else {
            return Ok(Vec::new());
        };
        let validation = self.directory().environment(environment).map(|found| found.validation).unwrap_or_default();
        if validation == Validation::Off {
            return Ok(Vec::new());
        }
        let misfits = self.schemas.of(event_type).map(|schema| schema.misfits(payload)).unwrap_or_default();
        if validation == Validation::Strict && !misfits.is_empty() {
            return Err(AppError::Invalid(misfits.into_iter().map(fault).collect()));
        }
        Ok(misfits.into_iter().map(|misfit| format!("{}: {}", misfit.pointer, misfit.why)).collect())
    }

    /// In which way a payload is not as the schema of a type says; nothing where the type has no schema.
    pub fn misfits(&self, principal: &Principal, event_type: &str, payload: &[u8]) -> Result<Vec<Misfit>, AppError> {
        let event_type = self.event_type(principal, event_type)?;
        Ok(self.schemas.of(&event_type).map(|schema| schema.misfits(payload)).unwrap_or_default())
    }

    pub fn validation(&self, principal: &Principal) -> Result<Validation, AppError> {
        let environment = principal.within(Scope::Read)?;
        Ok(self.directory().environment(environment).map(|found| found.validation).unwrap_or_default())
    }

    /// From the next publish on.
    pub async fn set_validation(&self, principal: &Principal, validation: Validation) -> Result<(), AppError> {
        let environment = principal.whole(Scope::EventTypes)?;
        let decide = |directory: &Directory| {
            let found = directory.environment(environment).ok_or_else(|| AppError::not_found("environment", ""))?;
            Ok(Change::PutEnvironment(ringup_core::account::Environment { validation, ..found.as_ref().clone() }))
        };
        self.change(principal, decide).await.map(drop)
    }
}

fn fault(misfit: Misfit) -> Fault {
    let fault = Fault::new("payload", "schema", misfit.why);
    if misfit.pointer.is_empty() { fault } else { fault.at(misfit.pointer) }
}
