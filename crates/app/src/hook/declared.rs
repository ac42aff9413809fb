//! Contracts that operators declared, compiled: each kept as long as its event type stays as it is.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use ringup_core::account::EventType;
use ringup_core::hook::{Contract, Contracts, Misfit, Shape, Words};
use ringup_core::id::EventTypeId;

use crate::schema::Schema;

/// Contracts kept compiled. More than any catalogue has; beyond it they are compiled anew.
const COMPILED_MAX: usize = 10_000;

/// The contracts that were asked for.
#[derive(Default)]
pub struct Declarations(RwLock<HashMap<EventTypeId, Compiled>>);

struct Compiled {
    of: Arc<EventType>,
    contract: Arc<Contract>,
}

impl Contracts for Declarations {
    fn declared(&self, event_type: &Arc<EventType>) -> Option<Arc<Contract>> {
        let declaration = event_type.hook.as_ref()?;
        let kept = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = kept.get(&event_type.id).filter(|kept| Arc::ptr_eq(&kept.of, event_type)) {
            return Some(kept.contract.clone());
        }
        drop(kept);
        let question = event_type.schemas.as_deref().and_then(|schemas| compiled(&event_type.name, schemas));
        let answer = compiled(&event_type.name, &one_version(&declaration.answer_schema));
        let words = Words::Declared(Arc::new(Schemas { question, answer }));
        let contract = Contract { name: event_type.name.as_str().into(), rule: declaration.rule.clone(), words };
        let contract = Arc::new(contract);
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= COMPILED_MAX {
            all.clear();
        }
        // Two who compile it at a time agree on the first: whoever compares contracts sees one.
        let kept = Compiled { of: event_type.clone(), contract };
        match all.get(&event_type.id) {
            Some(first) if Arc::ptr_eq(&first.of, event_type) => Some(first.contract.clone()),
            _ => {
                let contract = kept.contract.clone();
                all.insert(event_type.id, kept);
                Some(contract)
            }
        }
    }
}

/// Schemas by version, with this one alone.
pub(super) fn one_version(schema: &str) -> String {
    format!("{{\"1\":{schema}}}")
}

/// `None`: there is none, or one of another version of ours that is none here. Then every object passes.
fn compiled(name: &str, schemas: &str) -> Option<Schema> {
    Schema::of_versions(schemas).unwrap_or_else(|fault| {
        tracing::warn!(hook = name, pointer = fault.pointer, why = fault.why, "no schema");
        None
    })
}

struct Schemas {
    question: Option<Schema>,
    answer: Option<Schema>,
}

impl fmt::Debug for Schemas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Schemas")
    }
}

impl Shape for Schemas {
    fn question(&self, document: &str) -> Vec<Misfit> {
        misfits(self.question.as_ref(), document).collect()
    }

    fn answer(&self, document: &str) -> Option<Misfit> {
        misfits(self.answer.as_ref(), document).next()
    }
}

fn misfits(schema: Option<&Schema>, document: &str) -> impl Iterator<Item = Misfit> {
    let misfits = schema.map(|schema| schema.misfits(document.as_bytes())).unwrap_or_default();
    misfits.into_iter().map(|misfit| Misfit { pointer: misfit.pointer, why: misfit.why })
}
