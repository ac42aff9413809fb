//! What an app says to a question that writes: kept with the attempt, told by an event, heard by the till that waits.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use ringup_core::breaker::Verdict;
use ringup_core::delivery::{After, DeliveryKey};
use ringup_core::event::{Event, KeepPayload, Target};
use ringup_core::filter::Facts;
use ringup_core::hook::{self, Contract, Contracts, Judgement, Mode};
use ringup_core::id::EventId;
use ringup_core::order::order_key;
use ringup_core::outcome::Outcome;
use ringup_core::settings::Ordering;
use ringup_core::time::Timestamp;
use ringup_store::catalogue::Catalogue;
use ringup_store::directory::{Directory, EndpointView};
use ringup_store::seam::{Idempotency, NewEvent};
use ringup_store::waits::Came;

/// What tills are to hear of attempts once they are durable.
pub type Heard = BTreeMap<DeliveryKey, (EventId, Came)>;

/// Tells it: the attempt is durable.
pub fn tell(heard: &mut Heard, key: DeliveryKey, catalogue: &Catalogue) {
    if let Some((event, came)) = heard.remove(&key) {
        catalogue.waits().tell(event.random(), came);
    }
}

/// The contract by which an endpoint answers an event; `None` for all ordinary deliveries.
pub fn contract(
    view: &EndpointView,
    event: &Event,
    directory: &Directory,
    contracts: &dyn Contracts,
) -> Option<Arc<Contract>> {
    let plan = view.endpoint.subscription.hook.as_ref().filter(|plan| *plan.name == *event.event_type)?;
    let contract = hook::contract(&plan.name).or_else(|| {
        let environment = directory.account(event.account)?.account.environment;
        contracts.declared(&directory.event_type(environment, &plan.name)?)
    })?;
    (contract.rule.mode == Mode::Write).then_some(contract)
}

/// What the till is to hear of an attempt.
pub fn came(contract: &Contract, outcome: &Outcome, after: After) -> Came {
    let queued = matches!(after, After::Retry { .. } | After::Unchanged);
    Came { judgement: hook::judge(contract, outcome), verdict: Verdict::of(outcome), queued }
}

/// The event that keeps what the app gave. Its key makes it one for each sale, however often the app is asked. Its payload
/// is kept whatever the log mode: whoever submits the sale again is answered from it.
pub fn settled(
    catalogue: &Catalogue,
    event: &Event,
    contract: &Contract,
    judgement: &Judgement,
    now: Timestamp,
    random: [u8; 12],
) -> Option<Box<NewEvent>> {
    let (event_type, _) = contract.rule.settled?;
    let payload = Bytes::from(hook::settled(contract, event.id, &event.payload, judgement)?);
    let directory = catalogue.directory();
    let account = directory.account(event.account)?;
    let registered = directory.event_type(account.account.environment, event_type);
    let family = registered.as_deref().and_then(|registered| registered.group.as_deref());
    let facts = Facts { event_type, channels: &[], tags: &[], payload: &payload };
    let wanting = account.endpoints.iter().filter(|view| view.endpoint.subscription.matches(&facts, family));
    let targets = wanting.map(|view| target(view, &payload)).collect();
    let uid = hook::settled_uid(event.id);
    Some(Box::new(NewEvent {
        account: event.account,
        event_type: Arc::from(event_type),
        idempotency: Some(Idempotency { key: uid.clone(), fingerprint: 0, not_before: event.accepted_at() }),
        uid: Some(uid),
        channels: Vec::new(),
        extras: Default::default(),
        payload,
        keep_payload: KeepPayload::Whole,
        targets,
        unregistered: registered.is_none(),
        asked: None,
        now,
        random,
    }))
}

fn target(view: &EndpointView, payload: &[u8]) -> Target {
    let order_key = match &view.settings.ordering.value {
        Ordering::None | Ordering::Strict => None,
        Ordering::ByKey(pointer) => Some(order_key(payload, pointer)),
    };
    Target { endpoint: view.endpoint.key, order_key, skipped: view.endpoint.stopped.is_some() }
}
