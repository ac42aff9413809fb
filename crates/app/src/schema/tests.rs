//! Verdicts, exact and total; what is refused at registration.

use proptest::prelude::*;

use super::*;

fn schema(text: &str) -> Schema {
    Schema::of_versions(&format!(r#"{{"1":{text}}}"#)).expect("a schema").expect("there is one")
}

#[track_caller]
fn check_payload(schema_text: &str, payload: &str, expected: &[(&str, &str)]) {
    let misfits = schema(schema_text).misfits(payload.as_bytes());
    assert_eq!(misfits.len(), expected.len(), "{schema_text} {payload} {misfits:?}");
    for (misfit, (pointer, words)) in misfits.iter().zip(expected) {
        assert_eq!(misfit.pointer, *pointer);
        assert!(misfit.why.contains(words), "{words:?} not in {:?}", misfit.why);
    }
}

#[test]
fn every_misfit_is_named_with_its_pointer_and_quotes_nothing() {
    let invoice = r#"{"type":"object","required":["ID","Lines"],"properties":{
        "ID":{"type":"string","pattern":"^INV-"},
        "Phone":{"type":"string","maxLength":3},
        "Lines":{"type":"array","items":{"type":"object","properties":{"Qty":{"type":"integer","minimum":1}}}}}}"#;
    check_payload(invoice, r#"{"ID":"INV-1","Lines":[{"Qty":1}]}"#, &[]);
    let bad = r#"{"ID":"secret-1","Phone":"+62 812 secret","Lines":[{"Qty":1},{"Qty":0.5},{"Qty":"x"}]}"#;
    let misfits = schema(invoice).misfits(bad.as_bytes());
    let mut pointers: Vec<&str> = misfits.iter().map(|misfit| misfit.pointer.as_str()).collect();
    pointers.sort_unstable();
    assert_eq!(pointers, ["/ID", "/Lines/1/Qty", "/Lines/1/Qty", "/Lines/2/Qty", "/Phone"]);
    assert!(misfits.iter().all(|misfit| !misfit.why.contains("secret")), "{misfits:?}");
    check_payload(invoice, "{}", &[("", "ID"), ("", "Lines")]);
}

#[test]
fn numbers_are_compared_as_they_are_spelled() {
    let of = |keyword: &str| format!(r#"{{"properties":{{"a":{{{keyword}}}}}}}"#);
    for (keyword, number, holds) in [
        (r#""multipleOf":0.01"#, "19.99", true),
        (r#""multipleOf":0.01"#, "0.07", true),
        (r#""multipleOf":0.01"#, "19.999", false),
        (r#""multipleOf":0.01"#, "1234567890123456789012345.67", true),
        (r#""multipleOf":0.01"#, "1234567890123456789012345.671", false),
        (r#""multipleOf":3"#, "3e400", true),
        (r#""multipleOf":7"#, "1e400", false),
        (r#""maximum":9007199254740992"#, "9007199254740992", true),
        (r#""maximum":9007199254740992"#, "9007199254740993", false),
        (r#""maximum":0.3"#, "0.3000000000000000000001", false),
        (r#""minimum":0.3"#, "0.2999999999999999999999", false),
        (r#""exclusiveMinimum":0"#, "1e-400", true),
        (r#""exclusiveMaximum":0"#, "-1e-400", true),
        (r#""type":"integer""#, "12345678901234567890123456789", true),
        (r#""type":"integer""#, "1.0", true),
        (r#""type":"integer""#, "12345678901234567890123456789.5", false),
        (r#""const":0.1"#, "0.10", true),
        (r#""const":0.1"#, "0.1000000000000000000001", false),
        (r#""enum":[1,2]"#, "2.0", true),
        (r#""enum":[1,2]"#, "3", false),
    ] {
        let found = schema(&of(keyword)).misfits(format!(r#"{{"a":{number}}}"#).as_bytes());
        assert_eq!(found.is_empty(), holds, "{keyword} {number} {found:?}");
    }
    let unique = r#"{"properties":{"a":{"uniqueItems":true}}}"#;
    check_payload(unique, r#"{"a":[1, 2, 9007199254740992, 9007199254740993]}"#, &[]);
    check_payload(unique, r#"{"a":[1, 1.0]}"#, &[("/a", "")]);
}

#[test]
fn schemas_refer_to_themselves_and_to_nothing_else() {
    let tree = r##"{"$ref":"#/$defs/node","$defs":{"node":{"type":"object",
        "properties":{"next":{"$ref":"#/$defs/node"}},"additionalProperties":false}}}"##;
    check_payload(tree, r#"{"next":{"next":{}}}"#, &[]);
    assert_eq!(schema(tree).misfits(br#"{"next":{"other":1}}"#).len(), 1);
    for away in ["https://example.com/a.json", "file:///etc/passwd", "other.json#/a", "http://127.0.0.1/x"] {
        let fault = check(&format!(r#"{{"1":{{"properties":{{"a":{{"$ref":"{away}"}}}}}}}}"#)).expect_err(away);
        assert!(fault.why.contains("out of the schema"), "{away}: {fault:?}");
    }
}

#[test]
fn what_is_no_schema_is_refused_with_its_place() {
    for (text, pointer) in [
        (r#"{"1":{"type":"text"}}"#, "/1/type"),
        (r#"{"1":{},"2":{"properties":{"a":{"minimum":"1"}}}}"#, "/2/properties/a/minimum"),
        (r#"{"1":7}"#, "/1"),
        (r#"{"1":{"required":["a","a"]}}"#, "/1/required"),
        (r#"{"1":{"multipleOf":0}}"#, "/1/multipleOf"),
        (r#"{"1":{"maximum":1.23456789012345678901}}"#, "/1/maximum"),
        (r#"{"1":{"pattern":"("}}"#, "/1/pattern"),
        ("[]", ""),
    ] {
        let fault = check(text).expect_err(text);
        assert_eq!(fault.pointer, pointer, "{text}: {fault:?}");
    }
    assert!(check(&format!(r#"{{"1":{{"title":"{}"}}}}"#, "x".repeat(SCHEMAS_BYTES_MAX))).is_err());
    for fine in ["{}", r#"{"1":true}"#, r#"{"1":{"x-own":1,"examples":[{"a":1.23456789012345678901}]}}"#] {
        assert_eq!(check(fine), Ok(()), "{fine}");
    }
}

#[test]
fn the_newest_version_counts() {
    let both = r#"{"9":{"required":["a"]},"10":{"required":["b"]},"draft":{"required":["c"]}}"#;
    let newest = Schema::of_versions(both).expect("schemas").expect("there is one");
    assert_eq!(newest.misfits(b"{\"b\":1}"), []);
}

#[test]
fn a_pattern_cannot_stall() {
    let slow = r#"{"properties":{"a":{"pattern":"^(a+)+$"}}}"#;
    let payload = format!(r#"{{"a":"{}b"}}"#, "a".repeat(50_000));
    assert_eq!(schema(slow).misfits(payload.as_bytes()).len(), 1);
}

/// Any JSON value with numbers in any spelling.
fn json() -> impl Strategy<Value = String> {
    let number = prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?",
    ];
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        number,
        any::<String>().prop_map(|text| Value::from(text).to_string()),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(|items| format!("[ {} ]", items.join(" ,"))),
            proptest::collection::vec((any::<String>(), inner), 0..5).prop_map(|members| {
                let member = |(name, value): &(String, String)| format!("{}:\n{value}", Value::from(name.as_str()));
                format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(","))
            }),
        ]
    })
}

proptest! {
    /// Whatever is JSON is taken apart, and each value equals itself.
    #[test]
    fn all_json_is_read(text in json()) {
        let parsed = parse::parse(text.as_bytes());
        prop_assert!(parsed.is_some(), "{text}");
        let same = format!(r#"{{"properties":{{"a":{{"const":{text}}}}}}}"#);
        if let Some(parsed) = parsed && vet(&parsed, "").is_ok() {
            prop_assert_eq!(schema(&same).misfits(format!(r#"{{"a":{text}}}"#).as_bytes()), vec![]);
        }
    }

    /// Steps and bounds agree with whole-number arithmetic.
    #[test]
    fn steps_and_bounds_are_exact(cents in -1_000_000_000_000_i64..1_000_000_000_000, step in 1_i64..100_000, limit in -1_000_000_i64..1_000_000) {
        let money = |cents: i64| format!("{}{}.{:02}", if cents < 0 { "-" } else { "" }, cents.abs() / 100, cents.abs() % 100);
        let text = format!(r#"{{"properties":{{"a":{{"multipleOf":{},"minimum":{}}}}}}}"#, money(step), money(limit));
        let misfits = schema(&text).misfits(format!(r#"{{"a":{}}}"#, money(cents)).as_bytes());
        let expected = usize::from(cents % step != 0) + usize::from(cents < limit);
        prop_assert_eq!(misfits.len(), expected, "{} {}: {:?}", text, money(cents), misfits);
    }
}
