//! The claims, apart from the fuzzer, so that an ordinary test can check them on a corpus.

use std::time::Duration;

use ringup_core::{
    filter::{Facts, Filter},
    json, limits,
    outcome::{Answer, Outcome},
    pointer::Pointer,
    policy::{Next, Policy, next_step},
    retry_after as header,
    settings::{ClassSwitches, EffectiveSettings, Settings, SystemDefaults},
    time::Timestamp,
};
use ringup_egress::{EgressPlan, guard, url_policy as policy};
use serde_json::Value;

/// Where a run of a target takes place in time.
const NOW: Timestamp = Timestamp::from_secs(1_795_471_200);

/// The payload scanner: total on any bytes, and on JSON of one mind with a parser that builds values.
///
/// The first line is a JSON pointer, the rest is the document.
pub fn payload(data: &[u8]) {
    let at = data.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let (text, document) = (String::from_utf8_lossy(&data[..at]).into_owned(), &data[data.len().min(at + 1)..]);
    let pointer = text.parse::<Pointer>();
    let found = pointer.as_ref().ok().and_then(|pointer| json::locate(document, pointer));
    let struck = json::strike(document, std::slice::from_ref(&text));
    let deepest = json::depth(document);
    let is_object = json::is_object(document);

    let Ok(value) = serde_json::from_slice::<Value>(document) else { return };
    assert_eq!(is_object, value.is_object(), "{value}");
    assert_eq!(deepest, depth(&value), "{value}");
    if let Some(struck) = &struck {
        serde_json::from_slice::<Value>(struck).expect("what is left after striking is JSON");
    }
    // A star is a name to one side and a wildcard to the other.
    if pointer.is_ok() && !text.contains('*') {
        let expected = value.pointer(&text);
        let range = found.map(|range| serde_json::from_slice::<Value>(&document[range]).expect("a whole value"));
        assert_eq!(range.as_ref(), expected, "{text} in {value}");
        assert!(expected.is_none() || struck.is_some(), "{text} names something that was not struck in {value}");
    }
}

/// Filters: total on any text and any payload.
///
/// The first line is the filter, the rest is the payload.
pub fn filter(data: &[u8]) {
    let at = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (text, payload) = (String::from_utf8_lossy(&data[..at]).into_owned(), &data[data.len().min(at + 1)..]);
    let filter = match Filter::parse(&text) {
        Ok(filter) => filter,
        Err(problem) => return assert!(text.is_char_boundary(problem.offset), "{text:?}: {problem:?}"),
    };
    let names = ["kemang".to_owned()];
    let facts = Facts { event_type: "invoiceCreated", channels: &names, tags: &names, payload };
    let accepts = filter.accepts(&facts);
    assert_eq!(filter.refusal(&facts).is_none(), accepts, "{text:?}");
    // It may be too long or too deep to be turned round.
    if let Ok(opposite) = Filter::parse(&format!("-({text})")) {
        assert_ne!(opposite.accepts(&facts), accepts, "{text:?}");
    }
}

/// `Retry-After`: never a panic, never beyond the cap.
pub fn retry_after(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Some(pause) = header::parse(&text, NOW) {
        assert!(pause <= limits::RETRY_DELAY_MAX, "{text:?} asks for {pause:?}");
    }
    let answer = Answer { status: 503, retry_after: Some(text.into_owned()), ..Answer::default() };
    let plan = Policy::Durable.plan();
    match next_step(&Outcome::Refused(answer), 1, &plan, 0.5, NOW) {
        Next::RetryAt(at) => assert!(at > NOW && at.saturating_since(NOW) <= limits::RETRY_DELAY_MAX, "{at:?}"),
        other => panic!("the durable policy repeats a 503, not {other:?}"),
    }
}

/// The URL policy: what it lets pass it lets pass again in its own spelling, and no forbidden address among it.
pub fn url_policy(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let strict = EgressPlan::default();
    let open = EgressPlan { allow_http: true, ..EgressPlan::default() };
    if policy::check(&text, &strict).is_ok() {
        policy::check(&text, &open).expect("a stricter plan allows less");
    }
    let Ok(url) = policy::check(&text, &open) else { return };
    let again = policy::check(url.as_str(), &open).expect("its own spelling is allowed");
    assert_eq!(again.as_str(), url.as_str(), "the spelling of {text:?} is settled");
    assert!(url.as_str().starts_with("https://") || url.as_str().starts_with("http://"), "{}", url.as_str());
    assert!(url.as_str().bytes().all(|byte| byte.is_ascii_graphic()), "{:?}", url.as_str());
    let authority = url.authority();
    assert!(!authority.contains('@'), "{authority}");
    if let Ok(address) = authority.parse::<std::net::SocketAddr>() {
        assert_eq!(guard::forbidden(address.ip(), &[]), None, "{authority}");
    }
    if let Ok(address) = authority.trim_matches(['[', ']']).parse::<std::net::IpAddr>() {
        assert_eq!(guard::forbidden(address, &[]), None, "{authority}");
    }
}

/// Settings of two layers: whatever they say, every failing delivery ends, within the bounds.
pub fn settings(data: &[u8]) {
    let mut bytes = data.iter().copied();
    let (account, endpoint) = (layer(&mut bytes), layer(&mut bytes));
    let plan = EffectiveSettings::resolve(&SystemDefaults::default(), &account, Some(&endpoint)).retry_plan();
    let draw = f64::from(bytes.next().unwrap_or(0)) / 256.0;
    let status = 300 + u16::from(bytes.next().unwrap_or(0));
    let mut attempts = 0;
    loop {
        attempts += 1;
        assert!(attempts <= limits::RETRIES_MAX + 1, "{attempts} attempts under {plan:?}");
        let answer = Answer { status, retry_after: Some(format!("{attempts}0000000")), ..Answer::default() };
        match next_step(&Outcome::Refused(answer), attempts, &plan, draw, NOW) {
            Next::RetryAt(at) => assert!(at.saturating_since(NOW) <= limits::RETRY_DELAY_MAX, "{at:?} under {plan:?}"),
            Next::Failed(_) => break,
            next => panic!("{status} leads to {next:?}"),
        }
    }
    assert!(attempts <= plan.schedule.retries().saturating_add(1), "{attempts} attempts under {plan:?}");
}

/// One layer: a byte for each choice, absent and present alike.
fn layer(bytes: &mut impl Iterator<Item = u8>) -> Settings {
    let mut next = || bytes.next().unwrap_or(0);
    let mut maybe = || match next() {
        byte if byte < 128 => None,
        byte => Some(byte % 128),
    };
    let switch = |byte: Option<u8>| byte.map(|byte| byte % 2 == 1);
    Settings {
        policy: maybe().map(|byte| if byte % 2 == 1 { Policy::Durable } else { Policy::Guide }),
        retry: maybe().map(u32::from),
        cooldown: maybe().map(|byte| Duration::from_secs(1 << (byte % 64))),
        schedule: maybe().map(|byte| (0..byte).map(|step| Duration::from_secs(u64::from(step) * 3_600)).collect()),
        honour_retry_after: switch(maybe()),
        classes: ClassSwitches {
            server_error: switch(maybe()),
            request_timeout: switch(maybe()),
            too_many_requests: switch(maybe()),
            other: switch(maybe()),
            ..ClassSwitches::default()
        },
        ..Settings::default()
    }
}

/// The nesting of a value that was built; the parser itself refuses more than 128 levels.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}
