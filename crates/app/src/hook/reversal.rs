//! Taking a sale back: an event that voids an invoice has one of its own follow, which goes to the loyalty app by the lane of
//! the hook's endpoint, once for each sale. Whether the app took the sale is looked at when it is to be sent.

use std::sync::Arc;

use bytes::Bytes;
use ringup_core::event::{Extras, KeepPayload};
use ringup_core::hook;
use ringup_core::json;
use ringup_core::pointer::Pointer;
use ringup_store::directory::{AccountView, EndpointView};
use ringup_store::seam::{EventName, Idempotency, NewEvent};

use super::{answering, plan_of};
use crate::app::App;
use crate::error::AppError;
use crate::publish::target;

/// The hook whose sales are taken back.
const HOOK: &str = "orderComplete";

/// An event that voids an invoice, of an account that wants its loyalty app to know.
pub(crate) struct Void {
    found: Arc<EndpointView>,
    event_type: Arc<str>,
    /// The raw value of the invoice's id.
    id: String,
}

impl Void {
    /// `None` for all other events.
    pub(crate) fn of(view: &AccountView, event: &NewEvent) -> Option<Void> {
        if !hook::is_void(&event.event_type) {
            return None;
        }
        let found = answering(view, HOOK).filter(|found| plan_of(found).is_some_and(|plan| plan.reversal.is_some()))?;
        let place = json::locate(&event.payload, &"/ID".parse::<Pointer>().ok()?)?;
        let id = std::str::from_utf8(event.payload.get(place)?).ok()?;
        let void = Void { found: found.clone(), event_type: event.event_type.clone(), id: id.to_owned() };
        id.starts_with('"').then_some(void)
    }
}

impl App {
    /// Keeps what takes the sale back, unless there is none or it was kept before. After the event that voids it was
    /// accepted and before its publisher hears so: who does not hear publishes again.
    pub(crate) async fn take_back(&self, view: &AccountView, void: Void) -> Result<(), AppError> {
        let Void { found, event_type, id } = void;
        let account = view.account.key;
        let sale = EventName::Uid(hook::sale_uid(HOOK, &hook::text(&id)));
        let Some(sale) = self.store().event(account, sale).await? else { return Ok(()) };
        let now = self.now();
        let settings = &found.settings;
        let uid = hook::reversal_uid(sale.id);
        let payload = Bytes::from(hook::reversal(&id, &event_type, sale.id));
        let event = NewEvent {
            account,
            event_type: Arc::from(hook::REVERSAL),
            idempotency: Some(Idempotency {
                key: uid.clone(),
                fingerprint: 0,
                // However long after the sale.
                not_before: sale.id.tick().time(),
            }),
            uid: Some(uid),
            channels: Vec::new(),
            extras: Extras::default(),
            keep_payload: KeepPayload::of(
                [settings.log_mode_at(now)],
                self.pointers([settings.redact.value.as_slice()]),
            ),
            targets: vec![target(&found, &payload)],
            payload,
            unregistered: false,
            asked: None,
            now,
            random: self.random.id_part(),
        };
        self.store().accept(vec![event]).await?;
        Ok(())
    }
}
