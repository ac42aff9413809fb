use super::*;

const AT: i64 = 1_795_521_600;
const BODY: &str =
    r#"{"ID":17,"name":"Kopi \u2615 & co","url":"https://a.example/x","total":12.30,"items":[],"more":[1,{"a":null}]}"#;

fn secret(byte: u8) -> SigningKey {
    SigningKey::new(&[byte; 24], None)
}

fn signed(body: &[u8], at: i64) -> Signature {
    let signature = sign::sign_one(&secret(1), "msg_1", at, body);
    Signature {
        id: Some("msg_1".to_owned()),
        timestamp: Some(at.to_string()),
        signatures: Some(format!("v1a,AAAA {signature}")),
    }
}

/// What is said of a body that came at `AT + late`, after `sent` was signed at `AT`.
#[track_caller]
fn check(sent: &[u8], came: &[u8], late: i64, expected: Verdict) -> Diagnosis {
    let found = diagnose(&signed(sent, AT), came, &[secret(1)], Timestamp::from_secs(AT + late));
    assert_eq!(found.verdict, expected, "{found:?}");
    assert_eq!(found.steps.iter().map(|step| step.name).collect::<Vec<_>>(), STEPS);
    assert_eq!(Verdict::from_text(&found.verdict.text()), found.verdict);
    found
}

#[test]
fn what_was_sent_is_valid() {
    let found = check(BODY.as_bytes(), BODY.as_bytes(), 3, Verdict::Valid);
    assert!(found.steps.iter().all(|step| step.mark == Mark::Passed));
    assert_eq!(found.signed_prefix.as_deref(), Some("msg_1.1795521600."));
    check(b"\0\xff not JSON", b"\0\xff not JSON", -299, Verdict::Valid);
}

#[test]
fn age_is_told_in_seconds_beyond_the_tolerance() {
    check(b"{}", b"{}", 300, Verdict::Valid);
    check(b"{}", b"{}", 712, Verdict::TooOld(412));
    check(b"{}", b"{}", -301, Verdict::TooNew(1));
}

#[test]
fn known_changes_are_named() {
    let changed = |came: &str, change| {
        check(BODY.as_bytes(), came.as_bytes(), 0, Verdict::BodyChanged(change));
    };
    changed(&format!("{BODY}\n"), BodyChange::LineEndAdded);
    changed(&format!("{BODY}\r\n"), BodyChange::LineEndAdded);
    changed(&format!("\u{feff}{BODY}"), BodyChange::ByteOrderMark);
    check(b"a\n", b"a", 0, Verdict::BodyChanged(BodyChange::LineEndRemoved));
    check(b"a\nb\n", b"a\r\nb\r\n", 0, Verdict::BodyChanged(BodyChange::LineEnds));
    check(b"a\r\nb", b"a\nb", 0, Verdict::BodyChanged(BodyChange::LineEnds));
}

#[test]
fn json_that_was_read_and_written_again_is_recognised() {
    // What was signed, and what a framework made of it.
    let compact = r#"{"a":1.10,"b":["x\/y","é"],"c":{}}"#;
    for sent in [
        r#"{"a":1.10,"b":["x/y","é"],"c":{}}"#,
        r#"{"a":1.10,"b":["x\/y","\u00e9"],"c":{}}"#,
        r#"{"a": 1.10, "b": ["x/y", "\u00e9"], "c": {}}"#,
        "{\n  \"a\": 1.10,\n  \"b\": [\n    \"x/y\",\n    \"é\"\n  ],\n  \"c\": {}\n}",
        "{\n\t\"a\": 1.10,\n\t\"b\": [\n\t\t\"x\\/y\",\n\t\t\"é\"\n\t],\n\t\"c\": {}\n}\n",
    ] {
        check(sent.as_bytes(), compact.as_bytes(), 0, Verdict::BodyChanged(BodyChange::Reserialised));
    }
    let pair = r#"{"a":"\ud83e\uddfe \ud83e"}"#;
    check(r#"{"a": "🧾 \ud83e"}"#.as_bytes(), pair.as_bytes(), 0, Verdict::BodyChanged(BodyChange::Reserialised));
}

#[test]
fn other_changes_are_another_secret_or_something_unknown() {
    check(BODY.as_bytes(), BODY.replace("12.30", "12.3").as_bytes(), 0, Verdict::WrongSecret);
    let found = diagnose(&signed(b"{}", AT), b"{}", &[secret(2)], Timestamp::from_secs(AT));
    assert_eq!(found.verdict, Verdict::WrongSecret);
    let both = diagnose(&signed(b"{}", AT), b"{}", &[secret(2), secret(1)], Timestamp::from_secs(AT));
    assert_eq!(both.verdict, Verdict::Valid, "each of several secrets counts");
}

#[test]
fn what_is_missing_or_malformed_is_said() {
    let whole = signed(b"{}", AT);
    let verdict = |signature: &Signature| diagnose(signature, b"{}", &[secret(1)], Timestamp::from_secs(AT));
    let found = verdict(&Signature { timestamp: None, signatures: None, ..whole.clone() });
    assert_eq!(found.verdict, Verdict::Missing);
    assert_eq!(found.steps[0].found, "missing: webhook-timestamp, webhook-signature");
    assert_eq!(verdict(&Signature { timestamp: Some("+1".to_owned()), ..whole.clone() }).verdict, Verdict::Malformed);
    assert_eq!(
        verdict(&Signature { signatures: Some("v2,AA".to_owned()), ..whole.clone() }).verdict,
        Verdict::Malformed
    );
    assert_eq!(diagnose(&whole, b"{}", &[], Timestamp::from_secs(AT)).verdict, Verdict::Unchecked);
}

#[test]
fn headers_are_found_in_either_spelling_and_any_case() {
    let headers: [(&[u8], &[u8]); 4] =
        [(b"Svix-Id", b"a"), (b"SVIX-TIMESTAMP", b"1"), (b"svix-signature", b"v1,x"), (b"Webhook-Id", b"b")];
    let found = Signature::of(headers.into_iter());
    assert_eq!(found, Signature { id: Some("b".into()), timestamp: Some("1".into()), signatures: Some("v1,x".into()) });
}
