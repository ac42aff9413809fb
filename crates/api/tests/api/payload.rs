//! Bytes are sacred: the payload is stored, shown and handed on exactly as it came.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::desk::Desk;

/// Texts of JSON values that programs like to rewrite: numbers beyond floats, escapes, duplicate keys, odd spaces.
fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        prop_oneof![
            Just("1e400"),
            Just("-0"),
            Just("-0.0"),
            Just("1E+2"),
            Just("0.1000"),
            Just("9007199254740993"),
            Just("19.90"),
            Just("123456789012345678901234567890"),
            Just("5e-324"),
            Just("1.7976931348623157e309"),
        ]
        .prop_map(str::to_owned),
        any::<i64>().prop_map(|number| number.to_string()),
        prop_oneof![
            Just(r#""\u0041\u00e9\ud83d\ude00""#),
            Just(r#""\/""#),
            Just(r#""\ud800""#),
            Just(r#""\u0000""#),
            Just(r#""\b\f\n\r\t""#),
        ]
        .prop_map(str::to_owned),
        ".{0,12}".prop_map(|text| serde_json::to_string(&text).unwrap()),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        let space = prop_oneof![Just(""), Just(" "), Just("\n\t"), Just("\r\n  ")];
        prop_oneof![
            (prop::collection::vec(inner.clone(), 0..6), space.clone())
                .prop_map(|(items, space)| format!("[{space}{}{space}]", items.join(&format!("{space},")))),
            (prop::collection::vec(("[ab\\PC]{0,3}", inner), 0..6), space)
                .prop_map(|(members, space)| object(&members, space)),
        ]
    })
}

fn object(members: &[(String, String)], space: &str) -> String {
    let members: Vec<String> = members
        .iter()
        .map(|(name, value)| format!("{}{space}:{space}{value}", serde_json::to_string(name).unwrap()))
        .collect();
    format!("{{{space}{}{space}}}", members.join(&format!("{space},{space}")))
}

fn payload() -> impl Strategy<Value = String> {
    // Few names, so that duplicates are common.
    prop::collection::vec(("[ab]", value()), 0..5).prop_map(|members| object(&members, " "))
}

#[test]
fn payloads_survive_untouched() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let desk = runtime.block_on(async {
        let desk = Desk::open().await;
        desk.account("shop").await;
        desk.endpoint("shop", "erp", "").await;
        desk
    });
    let envelope = prop_oneof![
        Just(("{\"eventType\":\"sale\",\"payload\":", "}")),
        Just(("{\"data\" : ", "  ,\"eventType\":\"sale\",\"tags\":[\"x\"]}")),
        Just(("\n{\"channels\":[\"c\"],\"payload\":\t", "\n,\"eventType\":\"s\\u0061le\"}\n")),
    ];
    let mut runner = TestRunner::new(Config { cases: 300, failure_persistence: None, ..Config::default() });
    let result = runner.run(&(payload(), envelope), |(payload, (before, after))| {
        runtime.block_on(async {
            let reply = desk.post("/app/shop/msg", format!("{before}{payload}{after}")).await;
            prop_assert_eq!(reply.status, 202, "{}: {}", payload, reply.text);
            let shown = format!("\"payload\":{payload},");
            prop_assert!(reply.text.contains(&shown), "{} in {}", shown, reply.text);
            let fresh = desk.heard.accepted();
            let sent = &fresh.last().expect("it goes to one endpoint").event.payload;
            prop_assert_eq!(sent.as_ref(), payload.as_bytes());
            let id = fresh.last().expect("it goes to one endpoint").event.id;
            let read = desk.get(&format!("/app/shop/msg/{id}")).await;
            prop_assert!(read.text.contains(&shown), "{} in {}", shown, read.text);
            Ok(())
        })
    });
    result.unwrap();
}
