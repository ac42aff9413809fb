//! Taking a sale back at the app: which events say so, under what names sale and reversal are found again, and what the app
//! is told.

use crate::id::EventId;
use crate::json;

/// The type of the event that is brought to the app.
pub const REVERSAL: &str = "orderCompleteReversal";

/// Whether an event of this type says that a sale does not count any more: the guide's catalogue has a sale that goes to
/// the recycle bin, and one that is removed for good.
pub fn is_void(event_type: &str) -> bool {
    matches!(event_type, "invoiceDeleted" | "invoiceErased")
}

/// The uid of the event by which a sale was submitted. No publisher can choose it. `key` in any case.
pub fn sale_uid(hook: &str, key: &str) -> String {
    format!("~{hook} {}", key.to_lowercase())
}

/// The uid of a reversal, and what makes it one for each sale, whatever voids the sale and how often.
pub fn reversal_uid(call: EventId) -> String {
    format!("~reversal {call}")
}

/// What the app is told. `id` is the raw value of the invoice's id, `call` the `webhook-id` under which it took the sale.
pub fn reversal(id: &str, void: &str, call: EventId) -> String {
    format!("{{\"ID\":{id},\"event\":\"{void}\",\"callId\":\"{call}\"}}")
}

/// The sale that a reversal takes back.
pub fn reversed(payload: &[u8]) -> Option<EventId> {
    let call = json::members(payload).into_iter().find(|member| member.name == "callId")?;
    let value = std::str::from_utf8(payload.get(call.value)?).ok()?;
    value.trim_matches('"').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{Tick, Timestamp};

    #[test]
    fn a_reversal_names_the_sale_that_it_takes_back() {
        let call = EventId::of_tick(Tick::at(Timestamp::from_secs(1_795_471_200)), [7; 12]);
        let payload = reversal("\"INV-\\u0031\"", "invoiceErased", call);
        assert!(json::is_json(&payload), "{payload}");
        assert_eq!(reversed(payload.as_bytes()), Some(call));
        assert_eq!(reversed(b"{}"), None);
        assert_eq!(sale_uid("orderComplete", "INV-1"), sale_uid("orderComplete", "inv-1"));
    }
}
