use std::sync::Arc;

use super::*;
use crate::authorization::{Certificate, Secret};
use crate::endpoint::{SigningSecret, Stopped, StoppedBy};
use crate::id::EndpointId;
use crate::key::{AccountKey, EndpointKey};
use crate::signing::SigningKind;

const PLANTED: &str = "pl4nted";

fn endpoint() -> Endpoint {
    Endpoint {
        key: EndpointKey(1),
        id: EndpointId([1; 20]),
        account: AccountKey(2),
        uid: None,
        url: "https://example.com/".to_owned(),
        description: String::new(),
        metadata: BTreeMap::new(),
        subscription: Subscription::default(),
        stopped: None,
        stopped_why: String::new(),
        secrets: vec![SigningSecret { kind: SigningKind::Hmac, key: Arc::from(*b"old"), expires_at: None }],
        headers: Vec::new(),
        authorization: Authorization::default(),
        settings: Settings::default(),
        created_at: Timestamp::default(),
        updated_at: Timestamp::default(),
    }
}

fn changed(edit: impl FnOnce(&mut Endpoint)) -> Vec<FieldChange> {
    let before = endpoint();
    let mut after = before.clone();
    edit(&mut after);
    changes(&of_endpoint(&before), &of_endpoint(&after))
}

fn shown(field: &str, before: Option<&str>, after: Option<&str>) -> FieldChange {
    let text = |text: Option<&str>| text.map(str::to_owned);
    FieldChange { field: field.to_owned(), before: text(before), after: text(after), hidden: false }
}

fn hidden(field: &str) -> FieldChange {
    FieldChange { field: field.to_owned(), before: None, after: None, hidden: true }
}

#[test]
fn nothing_changed_is_nothing_told() {
    assert_eq!(changed(|_| {}), []);
    let only_when = changed(|endpoint| endpoint.updated_at = Timestamp::from_secs(1));
    assert_eq!(only_when, [], "that it was touched is no change");
}

#[test]
fn what_was_and_what_is_are_told() {
    let told = changed(|endpoint| {
        endpoint.url = "https://example.com/new".to_owned();
        endpoint.metadata.insert("outlet".to_owned(), "7".to_owned());
        endpoint.stopped = Some(Stopped { by: StoppedBy::Owner, at: Timestamp::default() });
        endpoint.settings.retry = Some(0);
        endpoint.settings.cooldown = Some(std::time::Duration::from_secs(7));
    });
    assert_eq!(
        told,
        [
            shown("disabled", None, Some("owner")),
            shown("metadata.outlet", None, Some("7")),
            shown("settings.cooldown", None, Some("7s")),
            shown("settings.retry", None, Some("0")),
            shown("url", Some("https://example.com/"), Some("https://example.com/new")),
        ]
    );
}

#[test]
fn of_secrets_only_that_they_changed() {
    let secret = || Secret::new(PLANTED);
    let oauth = OAuth {
        client_secret: secret(),
        parameters: BTreeMap::from([("audience".to_owned(), secret())]),
        headers: BTreeMap::from([("x-key".to_owned(), secret())]),
        ..OAuth::default()
    };
    for scheme in [
        Scheme::Header { name: "x-key".to_owned(), value: secret() },
        Scheme::Basic { user: "till".to_owned(), password: secret() },
        Scheme::Bearer { token: secret() },
        Scheme::OAuth(Box::new(oauth)),
    ] {
        let told = changed(|endpoint| {
            endpoint.authorization = Authorization {
                scheme,
                certificate: Some(Certificate { pem: secret() }),
                authorities: Some(PLANTED.to_owned()),
                salt: [1; 16],
            };
            endpoint.headers = vec![("x-till".to_owned(), PLANTED.to_owned())];
            endpoint.secrets[0].key = Arc::from(PLANTED.as_bytes());
        });
        assert!(told.contains(&hidden("headers.x-till")) && told.contains(&hidden("secret")), "{told:?}");
        assert!(told.iter().filter(|change| change.hidden).count() >= 5, "{told:?}");
        assert!(!format!("{told:?}").contains(PLANTED), "{told:?}");
    }
}

#[test]
fn a_secret_that_will_expire_and_one_that_took_its_place_are_a_change() {
    let told = changed(|endpoint| endpoint.secrets[0].expires_at = Some(Timestamp::from_secs(1)));
    assert_eq!(told, [hidden("secret")]);
    assert_eq!(changed(|endpoint| endpoint.secrets.clear()), [hidden("secret")]);
}

#[test]
fn long_values_are_cut_between_characters() {
    let told = changed(|endpoint| endpoint.description = "é".repeat(VALUE_CHARS_MAX + 1));
    let after = told[0].after.as_deref().expect("it is set");
    assert_eq!(after.chars().count(), VALUE_CHARS_MAX + 1);
    assert!(after.ends_with("é…"));
    assert_eq!(cut(&"é".repeat(VALUE_CHARS_MAX)).chars().count(), VALUE_CHARS_MAX);
}

#[test]
fn moments_read_as_people_write_them() {
    assert_eq!(moment(Timestamp::from_secs(1_795_471_261)), "2026-11-23T22:01:01Z");
}
