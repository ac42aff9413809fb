use proptest::prelude::*;
use ringup_core::id::EventId;
use ringup_core::signing::signed_prefix;
use ringup_core::time::Tick;
use secrecy::ExposeSecret;

use super::*;

fn key(text: &str) -> SigningKey {
    let (kind, key) = parse(text).expect("a secret");
    SigningKey::of(&SigningSecret { kind, key, expires_at: None }).expect("a key of its kind")
}

/// The published vectors that the Python, Java, Go, C#, PHP, Ruby (A) and Rust (B) libraries and Svix's server (C) test
/// with.
const VECTORS: [(&str, &str, i64, &str, &str); 3] = [
    (
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1_614_265_330,
        r#"{"test": 2432232314}"#,
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    ),
    (
        "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
        "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
        1_649_367_553,
        r#"{"email":"test@example.com","username":"test_user"}"#,
        "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
    ),
    (
        PRIVATE,
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1_614_265_330,
        r#"{"test": 2432232314}"#,
        "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==",
    ),
];

const PRIVATE: &str = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";
const PUBLIC: &str = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=";

#[test]
fn the_published_vectors_come_out() {
    for (secret, id, at, body, expected) in VECTORS {
        assert_eq!(sign_one(&key(secret), id, at, body.as_bytes()), expected);
        let now = Timestamp::from_secs(at);
        assert_eq!(verify(&key(secret), id, &at.to_string(), expected, body.as_bytes(), now), Ok(()));
    }
}

#[test]
fn secrets_have_24_to_64_bytes() {
    for (bytes, expected) in [
        (0, Err(SecretProblem::Length(0))),
        (23, Err(SecretProblem::Length(23))),
        (24, Ok(24)),
        (25, Ok(25)),
        (64, Ok(64)),
        (65, Err(SecretProblem::Length(65))),
    ] {
        let text = secret_text(&vec![7; bytes]);
        assert_eq!(parse_secret(text.expose_secret()).map(|key| key.len()), expected, "{bytes} bytes");
    }
}

#[test]
fn secrets_are_read_with_and_without_prefix_and_padding() {
    let key = new_secret([0xa5; 24]);
    let text = secret_text(&key);
    let text = text.expose_secret();
    assert!(text.starts_with("whsec_") && !text.ends_with('='), "{text}");
    assert_eq!(parse_secret(text), Ok(key.clone()));
    assert_eq!(parse_secret(text.trim_start_matches("whsec_")), Ok(key));
    let padded = secret_text(&[1; 25]);
    let padded = padded.expose_secret();
    assert_eq!(parse_secret(padded), parse_secret(padded.trim_end_matches('=')));
    for text in ["whsec_", "whsec_ä", "whsec_not base64 at all but long enough to be", "whsk_MfKQ9r8GKYqrTwjUPD8ILPZI"]
    {
        assert!(parse_secret(text).is_err(), "{text}");
    }
    // URL-safe base64 is another alphabet: accepted, it would sign with another key than the owner thinks.
    assert_eq!(parse_secret("whsec_C2FVsBQIhrscChlQIMV-b5sSYspob7oD"), Err(SecretProblem::NotBase64));
}

#[test]
fn asymmetric_secrets_are_read_and_show_their_public_half() {
    let (kind, key) = parse(PRIVATE).expect("a private key");
    assert_eq!((kind, key.len()), (SigningKind::Ed25519, SEED_BYTES));
    let secret = SigningSecret { kind, key: key.clone(), expires_at: None };
    assert_eq!(shown(&secret).expose_secret(), PUBLIC);
    let alone = format!("{PRIVATE_PREFIX}{}", STANDARD.encode(&key));
    assert_eq!(parse(&alone), Ok((kind, key.clone())));
    // The public key of another seed.
    let stranger = format!("{PRIVATE_PREFIX}{}", STANDARD.encode([&*key, &[7; 32]].concat()));
    let long = format!("{PRIVATE_PREFIX}{}", STANDARD.encode([7; 65]));
    for (text, expected) in [
        (stranger.as_str(), SecretProblem::NotAPrivateKey),
        (long.as_str(), SecretProblem::NotAPrivateKey),
        ("whsk_", SecretProblem::NotAPrivateKey),
        ("whsk_ä", SecretProblem::NotAPrivateKey),
        (PUBLIC, SecretProblem::PublicKey),
    ] {
        assert_eq!(parse(text), Err(expected), "{text}");
    }
    assert!(matches!(parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), Ok((SigningKind::Hmac, _))));
}

#[test]
fn both_kinds_sign_side_by_side() {
    let (secret, id, at, body, symmetric) = VECTORS[0];
    let (_, _, _, _, asymmetric) = VECTORS[2];
    let now = Timestamp::from_secs(at);
    let keys = [key(PRIVATE), key(secret)];
    let header = signature_header(&keys, format!("{id}.{at}.").as_bytes(), body.as_bytes(), now).expect("two sign");
    assert_eq!(header, format!("{asymmetric} {symmetric}"));
    let header = header.to_str().expect("ASCII");
    for key in &keys {
        assert_eq!(verify(key, id, &at.to_string(), header, body.as_bytes(), now), Ok(()));
        let other = verify(key, id, &at.to_string(), header, b"{}", now);
        assert_eq!(other, Err(SignatureProblem::Mismatch));
    }
    let secret = parse_secret(secret).expect("a secret");
    let other_signer = wall_clock();
    let prefix = format!("{id}.{}.", other_signer.as_secs());
    let header = signature_header(&keys, prefix.as_bytes(), body.as_bytes(), other_signer).expect("two sign");
    assert!(verified_by_others(&secret, id, other_signer.as_secs(), &header, body.as_bytes()));
}

#[test]
fn keys_do_not_print() {
    let secret = new_secret([0x41; 24]);
    let text = secret_text(&secret);
    let shown = format!("{:?} {text:?} {:?}", SigningKey::new(&secret, None), parse_secret("whsec_QUFB"));
    assert!(!format!("{:?} {:?}", key(PRIVATE), parse("whsk_QUFB")).contains("QUFB"));
    assert!(!shown.contains("QUFB") && !shown.contains("AAA") && !shown.contains("65, 65"), "{shown}");
}

#[test]
fn each_key_that_has_not_expired_signs_once_separated_by_one_space() {
    let at = |secs| Some(Timestamp::from_secs(secs));
    let keys: Vec<SigningKey> =
        (0..12u8).map(|n| SigningKey::new(&[n; 24], if n == 1 { at(100) } else { None })).collect();
    for (count, now, expected) in
        [(0, 50, 0), (1, 50, 1), (2, 50, 2), (2, 100, 1), (5, 99, 5), (10, 99, 10), (12, 99, 10)]
    {
        let header = signature_header(&keys[..count], b"id.50.", b"body", Timestamp::from_secs(now));
        let text = header.map(|value| value.to_str().expect("ASCII").to_owned()).unwrap_or_default();
        let tokens: Vec<&str> = if text.is_empty() { Vec::new() } else { text.split(' ').collect() };
        assert_eq!(tokens.len(), expected, "{count} keys at {now}: {text}");
        let signing = keys[..count].iter().filter(|key| key.signs_at(Timestamp::from_secs(now)));
        for (token, key) in tokens.iter().zip(signing) {
            assert_eq!(*token, sign_one(key, "id", 50, b"body"));
        }
    }
}

#[test]
fn other_signatures_are_refused_by_name() {
    let (secret, id, at, body, good) = VECTORS[0];
    let (key, now) = (key(secret), Timestamp::from_secs(at));
    let check = |id: &str, timestamp: &str, signatures: &str, now| {
        verify(&key, id, timestamp, signatures, body.as_bytes(), now)
    };
    let at_text = at.to_string();
    let with_others = format!("v1a,AAAA v2,BBBB  v1,{} {good}", "A".repeat(44));
    assert_eq!(check(id, &at_text, &with_others, now), Ok(()));
    for (signatures, expected) in [
        ("", SignatureProblem::NoV1),
        ("v1a,g0hM9SsE", SignatureProblem::NoV1),
        ("v1,", SignatureProblem::Mismatch),
        (&good[..good.len() - 1], SignatureProblem::Mismatch),
        (&good[..10], SignatureProblem::Mismatch),
        (&good[3..], SignatureProblem::NoV1),
    ] {
        assert_eq!(check(id, &at_text, signatures, now), Err(expected), "{signatures}");
    }
    assert_eq!(check("msg_other", &at_text, good, now), Err(SignatureProblem::Mismatch));
    for timestamp in ["", "x", "+1614265330", "01614265330", "1614265330.0", " 1614265330", "99999999999999999999"] {
        assert_eq!(check(id, timestamp, good, now), Err(SignatureProblem::Timestamp), "{timestamp}");
    }
    let later = |secs: i64| Timestamp::from_secs(at + secs);
    assert_eq!(check(id, &at_text, good, later(300)), Ok(()));
    assert_eq!(check(id, &at_text, good, later(301)), Err(SignatureProblem::TooOld));
    assert_eq!(check(id, &at_text, good, later(-300)), Ok(()));
    assert_eq!(check(id, &at_text, good, later(-301)), Err(SignatureProblem::TooNew));
}

/// Another implementation's verdict, at the current time since it reads the clock itself.
fn verified_by_others(secret: &[u8], id: &str, at: i64, signatures: &HeaderValue, body: &[u8]) -> bool {
    let mut headers = http::HeaderMap::new();
    headers.insert("webhook-id", id.parse().expect("an id"));
    headers.insert("webhook-timestamp", at.into());
    headers.insert("webhook-signature", signatures.clone());
    let webhook = standardwebhooks::Webhook::from_bytes(secret.to_vec()).expect("a secret");
    webhook.verify(body, &headers).is_ok()
}

fn wall_clock() -> Timestamp {
    let since = std::time::UNIX_EPOCH.elapsed().expect("after 1970");
    Timestamp::from_secs(i64::try_from(since.as_secs()).expect("fits"))
}

proptest! {
    #[test]
    fn another_implementation_accepts_what_we_sign(
        secret in proptest::collection::vec(any::<u8>(), 24..=64),
        old in proptest::collection::vec(any::<u8>(), 24..=64),
        random in any::<[u8; 12]>(),
        body in ".*",
    ) {
        let now = wall_clock();
        let id = EventId::of_tick(Tick::at(now), random);
        let keys = [SigningKey::new(&secret, None), SigningKey::new(&old, None)];
        let header = signature_header(&keys, signed_prefix(&id, now).as_bytes(), body.as_bytes(), now);
        let header = header.expect("two keys sign");
        for secret in [&secret, &old] {
            prop_assert!(verified_by_others(secret, &id.to_string(), now.as_secs(), &header, body.as_bytes()));
        }
    }

    #[test]
    fn one_changed_bit_anywhere_is_refused(
        secret in proptest::collection::vec(any::<u8>(), 24..=64),
        body in proptest::collection::vec(any::<u8>(), 1..2_000),
        at in any::<prop::sample::Index>(),
        bit in 0..8u32,
        what in 0..3,
    ) {
        let now = wall_clock();
        let good = SigningKey::new(&secret, None);
        let mut signature = sign_one(&good, "msg_1", now.as_secs(), &body);
        let (mut secret, mut changed) = (secret, body);
        match what {
            0 => { let place = at.index(secret.len()); secret[place] ^= 1 << bit }
            1 => { let place = at.index(changed.len()); changed[place] ^= 1 << bit }
            _ => {
                let mut tag = STANDARD.decode(&signature[3..]).expect("base64");
                let place = at.index(tag.len());
                tag[place] ^= 1 << bit;
                signature = format!("v1,{}", STANDARD.encode(tag));
            }
        }
        let key = SigningKey::new(&secret, None);
        let verdict = verify(&key, "msg_1", &now.as_secs().to_string(), &signature, &changed, now);
        prop_assert_eq!(verdict, Err(SignatureProblem::Mismatch));
    }
}
