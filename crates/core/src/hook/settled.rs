//! What an app gave for a sale, as it is kept: in an event of its own, one for each sale, which is told like any other.

use super::cause::{FailCause, Failed};
use super::contract::Contract;
use super::judge::{Judgement, read};
use super::question::{quoted, text};
use crate::id::EventId;
use crate::json;
use crate::pointer::Pointer;

/// The type of that event for `orderComplete`.
pub const SETTLED: &str = "loyaltyRewardSettled";

/// The same for hooks that an operator declared.
pub const HOOK_SETTLED: &str = "hookSettled";

/// The uid of that event, and what makes it one: no publisher can choose it, since it has a character that names do not
/// have. `call` is the event by which the app was asked.
pub fn settled_uid(call: EventId) -> String {
    format!("~reward {call}")
}

/// Its payload: what the app said to a question that writes. `None` where the app may be asked again.
pub fn settled(contract: &Contract, call: EventId, question: &[u8], judgement: &Judgement) -> Option<String> {
    let (answer, failed) = match judgement {
        Judgement::Answered(reading) => (reading.to_json(), None),
        Judgement::Refused(_) => return None,
        Judgement::Failed(failed) => ("null".to_owned(), Some(failed)),
    };
    let (_, name) = contract.rule.settled?;
    let key = question.get(json::locate(question, &contract.rule.key.as_deref()?.parse::<Pointer>().ok()?)?)?;
    let key = std::str::from_utf8(key).ok()?;
    let cause = failed.map_or("null".to_owned(), |failed| quoted(failed.cause.word()));
    let about = failed.and_then(|failed| failed.about.as_deref()).map_or("null".to_owned(), quoted);
    Some(format!(
        "{{\"hook\":{},\"{name}\":{key},\"answer\":{answer},\"cause\":{cause},\"about\":{about},\"callId\":\"{call}\"}}",
        quoted(&contract.name)
    ))
}

/// Reads back what [`settled`] wrote.
pub fn read_settled(contract: &Contract, payload: &str) -> Option<Judgement> {
    let members = json::members(payload.as_bytes());
    let value = |name: &str| {
        let member = members.iter().find(|member| member.name == name)?;
        payload.get(member.value.clone()).filter(|value| *value != "null")
    };
    if let Some(answer) = value("answer") {
        return read(contract, answer).ok().map(Judgement::Answered);
    }
    let cause = FailCause::from_word(&text(value("cause")?))?;
    Some(Judgement::Failed(Failed { cause, about: value("about").map(text) }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hook::{contract, judge};
    use crate::outcome::{Answer, Outcome};
    use crate::time::{Tick, Timestamp};

    #[track_caller]
    fn check(body: &str, expected: &str) {
        let contract = contract("orderComplete").expect("it is published");
        let call = EventId::of_tick(Tick::at(Timestamp::default()), [7; 12]);
        let answer = Answer { status: 200, body: body.to_owned().into(), ..Answer::default() };
        let judgement = judge(&contract, &Outcome::Delivered(answer));
        let question = br#"{"Total": 1, "ID": "INV-\u0031"}"#;
        let payload = settled(&contract, call, question, &judgement).expect("it is kept");
        assert!(json::is_json(&payload), "{payload}");
        assert!(
            payload.starts_with(&format!(r#"{{"hook":"orderComplete","invoiceId":"INV-\u0031",{expected}"#)),
            "{payload}"
        );
        assert_eq!(read_settled(&contract, &payload), Some(judgement), "{payload}");
    }

    #[test]
    fn what_an_app_gave_comes_back_as_it_was() {
        check(r#"{"Reward": 12.50}"#, r#""answer":{"reward":12.50},"cause":null,"about":null,"#);
        check(r#"{}"#, r#""answer":null,"cause":"missing","about":"reward","#);
        check("<html>", r#""answer":null,"cause":"html","about":null,"#);
    }
}
