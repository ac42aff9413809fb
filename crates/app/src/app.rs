//! The house behind the verbs, and the one place that decides who owns what.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use ringup_core::ports::{Clock, Random};
use ringup_core::scope::Scope;
use ringup_core::time::Timestamp;
use ringup_egress::{Caller, EgressPlan};
use ringup_store::Store;
use ringup_store::catalogue::Catalogue;
use ringup_store::directory::{AccountView, Directory, EndpointView};

use crate::catcher::{CatcherPlan, Catchers};
use crate::error::AppError;
use crate::fleet::{Backups, House, Samples};
use crate::founding::Founding;
use crate::hook::{Declarations, Hooks};
use crate::inspection::Checks;
use crate::live::Followers;
use crate::principal::Principal;
use crate::validation::Schemas;

/// What the operator decides about asking.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How long a publish is recognised as a repetition.
    pub idempotency_window: Duration,
    /// Bytes of one payload.
    pub payload_bytes_max: usize,
    /// Which URLs may be registered: the same rules as at every call.
    pub egress: Arc<EgressPlan>,
}

/// Everything that may be asked.
pub struct App {
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) plan: Plan,
    /// To try out what deliveries will do.
    caller: Option<Arc<dyn Caller>>,
    pub(crate) checks: Checks,
    pub(crate) catchers: Catchers,
    pub(crate) followers: Followers,
    pub(crate) hooks: Hooks,
    pub(crate) declarations: Declarations,
    pub(crate) founding: Founding,
    pub(crate) schemas: Schemas,
    /// What the running process tells of itself.
    pub(crate) house: Option<House>,
    pub(crate) samples: Samples,
    pub(crate) backups: Backups,
    /// Shared by the events of all who redact nothing.
    pub(crate) no_pointers: Arc<[String]>,
    /// The time of the last entry of the audit log, in microseconds: its order is that of what was done.
    pub(crate) audited_at: AtomicI64,
}

impl App {
    pub fn new(catalogue: Arc<Catalogue>, clock: Arc<dyn Clock>, random: Arc<dyn Random>, plan: Plan) -> App {
        let catchers = Catchers::in_memory(CatcherPlan::default());
        App {
            catalogue,
            clock,
            random,
            plan,
            caller: None,
            checks: Checks::default(),
            catchers,
            founding: Founding::default(),
            schemas: Schemas::default(),
            followers: Followers::default(),
            hooks: Hooks::default(),
            declarations: Declarations::default(),
            house: None,
            samples: Samples::default(),
            backups: Backups::default(),
            no_pointers: Arc::from([]),
            audited_at: AtomicI64::new(0),
        }
    }

    /// One that can call out, always by the guarded caller that deliveries go by.
    #[must_use]
    pub fn calling_with(self, caller: Arc<dyn Caller>) -> App {
        App { caller: Some(caller), ..self }
    }

    /// With catchers that are kept somewhere; without, they are kept in memory.
    #[must_use]
    pub fn with_catchers(self, catchers: Catchers) -> App {
        App { catchers, ..self }
    }

    /// With what new environments begin with; without, they are empty.
    #[must_use]
    pub fn founding(self, founding: Founding) -> App {
        App { founding, ..self }
    }

    /// In a process that tells of itself.
    #[must_use]
    pub fn in_house(self, house: House) -> App {
        App { house: Some(house), ..self }
    }

    pub(crate) fn caller(&self) -> Result<&Arc<dyn Caller>, AppError> {
        self.caller.as_ref().ok_or_else(|| AppError::Unavailable("this server does not call out".into()))
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Random bytes for whatever needs a name of its own, such as a request.
    pub fn random_bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.random.fill(&mut bytes);
        bytes
    }

    pub(crate) fn random_128(&self) -> u128 {
        u128::from_le_bytes(self.random_bytes())
    }

    pub(crate) fn directory(&self) -> &Directory {
        self.catalogue.directory()
    }

    pub(crate) fn store(&self) -> &Arc<dyn Store> {
        self.catalogue.store()
    }

    /// The caller's account of this id or uid, for a use that takes this scope. Everything below an account is reached
    /// through here.
    pub(crate) fn owned(
        &self,
        principal: &Principal,
        account: &str,
        scope: Scope,
    ) -> Result<Arc<AccountView>, AppError> {
        owned(self.directory(), principal, account, scope)
    }
}

/// As [`App::owned`], on a directory that cannot change meanwhile.
///
/// The scope is asked for first: whoever does not have it learns nothing about which accounts there are.
pub(crate) fn owned(
    directory: &Directory,
    principal: &Principal,
    account: &str,
    scope: Scope,
) -> Result<Arc<AccountView>, AppError> {
    if principal.is_operational() {
        let found = directory.operational_account(principal.whole(scope)?);
        return found.ok_or_else(|| AppError::not_found("operational webhook endpoint", ""));
    }
    let found = directory.account_named(principal.within(scope)?, account);
    let found = found.filter(|view| principal.reaches(view.account.key));
    found.ok_or_else(|| AppError::not_found("application", account))
}

/// The account's endpoint of this id or uid.
pub(crate) fn endpoint_of<'a>(view: &'a AccountView, endpoint: &str) -> Result<&'a Arc<EndpointView>, AppError> {
    view.endpoint_named(endpoint).ok_or_else(|| AppError::not_found("endpoint", endpoint))
}
