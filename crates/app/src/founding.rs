//! What a new environment begins with.

use ringup_core::account::{Environment, EventType, Validation};
use ringup_core::id::EventTypeId;
use ringup_core::key::EnvironmentKey;
use ringup_core::ports::Random;
use ringup_core::scope::Scope;
use ringup_core::time::Timestamp;
use ringup_store::seam::Change;

use crate::app::App;
use crate::error::AppError;
use crate::event_type::EventTypeDraft;
use crate::guide;
use crate::principal::Principal;

/// What the operator wants of new environments. By default they are empty and look at no payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Founding {
    /// Registers the event types of the guide.
    pub guide: bool,
    pub validation: Validation,
}

impl Default for Founding {
    fn default() -> Founding {
        Founding { guide: false, validation: Validation::Off }
    }
}

impl Founding {
    /// The change that makes an environment, with all that it begins with.
    pub fn change(self, environment: Environment, random: &dyn Random) -> Change {
        let environment = Environment { validation: self.validation, ..environment };
        let event_types = if self.guide { guide_types(environment.created_at, random) } else { Vec::new() };
        Change::FoundEnvironment(environment, event_types)
    }
}

fn guide_types(now: Timestamp, random: &dyn Random) -> Vec<EventType> {
    let event_type = |known: &guide::Known| {
        let mut bytes = [0; 16];
        random.fill(&mut bytes);
        known.event_type(EnvironmentKey(0), EventTypeId::new(now, u128::from_le_bytes(bytes)), now)
    };
    guide::all().iter().map(event_type).collect()
}

impl App {
    /// Registers the guide's event types that the caller's environment does not have; those it has stay as they are.
    /// Answers the names of what was registered, or would be if `dry_run`.
    pub async fn load_guide(&self, principal: &Principal, dry_run: bool) -> Result<Vec<String>, AppError> {
        let environment = principal.whole(Scope::EventTypes)?;
        let missing = |known: &&guide::Known| self.directory().event_type(environment, known.name).is_none();
        let drafts = guide::all().iter().filter(missing).map(|known| {
            let draft = EventTypeDraft {
                description: known.summary.to_string(),
                group: Some(known.family()),
                schemas: Some(known.schemas()),
                ..EventTypeDraft::default()
            };
            (known.name.to_owned(), draft)
        });
        self.import_event_types(principal, drafts.collect(), false, dry_run).await
    }
}
