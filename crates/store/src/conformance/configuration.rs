//! Configuration: every field comes back, names are unique where they must be, keys are never given twice.

use std::collections::{BTreeMap, BTreeSet};
use std::slice;
use std::sync::Arc;
use std::time::Duration;

use ringup_core::account::{Account, ApiKey, Environment, EventType, Role, Validation};
use ringup_core::authorization::{Authorization, Certificate, CredentialsIn, OAuth, Scheme, Secret, TokenBody};
use ringup_core::endpoint::{Endpoint, SigningSecret, Stopped, StoppedBy};
use ringup_core::filter::Filter;
use ringup_core::hook::{Declaration, Generation, HookPlan, HookRule, Mode};
use ringup_core::key::{AccountKey, EndpointKey, EnvironmentKey};
use ringup_core::log::LogMode;
use ringup_core::policy::Policy;
use ringup_core::settings::{ClassSwitches, Ordering, Settings};
use ringup_core::signing::{HeaderNames, SigningKind};
use ringup_core::subscription::Subscription;
use ringup_core::time::Timestamp;

use super::scene::{Scene, put};
use super::{Home, sample};
use crate::query::Payload;
use crate::seam::{Change, Configuration, Store, StoreError};

const ODD: &str = "Warung “Kemang” 雑貨 🧾 'quoted' \"twice\"\n\ttabbed \\ %_";

pub async fn every_field_comes_back(home: &dyn Home) {
    let store = home.open().await;
    let validation = Validation::Strict;
    let environment = Environment { name: ODD.to_owned(), strict: true, validation, ..sample::environment("") };
    let environment = Environment {
        key: EnvironmentKey(put(&store, Change::PutEnvironment(environment.clone())).await),
        ..environment
    };
    let keys = [
        sample::api_key(Role::Operator),
        ApiKey { name: ODD.to_owned(), token_hash: [0xff; 32], ..sample::api_key(Role::Environment(environment.key)) },
        ApiKey { revoked_at: Some(micros()), ..sample::api_key(Role::Operator) },
    ];
    for key in &keys {
        put(&store, Change::PutKey(key.clone())).await;
    }
    let account = full_account(environment.key.0);
    let account = Account { key: AccountKey(put(&store, Change::PutAccount(account.clone())).await), ..account };
    let endpoint = full_endpoint(account.key);
    let endpoint = Endpoint { key: EndpointKey(put(&store, Change::PutEndpoint(endpoint.clone())).await), ..endpoint };
    let event_type = full_event_type(environment.key.0);
    put(&store, Change::PutEventType(event_type.clone())).await;

    let check = async |store: &Arc<dyn Store>| {
        let found = load(store).await;
        assert_eq!(found.environments, slice::from_ref(&environment));
        let mut sorted = keys.to_vec();
        sorted.sort_by_key(|key| key.id);
        assert_eq!(by_id(found.keys), sorted);
        assert_eq!(found.accounts, slice::from_ref(&account));
        assert_eq!(found.endpoints, slice::from_ref(&endpoint));
        assert_eq!(found.event_types, slice::from_ref(&event_type));
    };
    check(&store).await;
    check(&home.reopen(store).await).await;
}

pub async fn every_setting_comes_back(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let mut expected = Vec::new();
    for (number, settings) in (100..).zip(all_settings()) {
        let endpoint = Endpoint { settings, ..sample::endpoint(scene.account, number) };
        let key = EndpointKey(put(&scene.store, Change::PutEndpoint(endpoint.clone())).await);
        expected.push(Endpoint { key, ..endpoint });
    }
    let scene = scene.reopen(home).await;
    let found = load(&scene.store).await.endpoints;
    for endpoint in expected {
        assert_eq!(found.iter().find(|kept| kept.key == endpoint.key), Some(&endpoint));
    }
}

/// What is absent, what is empty and what is zero stay three things.
pub async fn nothing_is_not_empty(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let empty = Endpoint {
        uid: Some(String::new()),
        subscription: Subscription {
            event_types: Some(BTreeSet::new()),
            channels: Some(BTreeSet::new()),
            hook: Some(HookPlan {
                name: "fetchMemberPoint".to_owned(),
                deadline: HookPlan::DEADLINE_MIN,
                generation: Generation::Older,
                fallback: Some(String::new()),
                reversal: Some("https://empfänger.example/päth".to_owned()),
                hedge: Some(Duration::from_micros(10_001)),
            }),
            ..Subscription::default()
        },
        secrets: Vec::new(),
        settings: Settings {
            retry: Some(0),
            cooldown: Some(Duration::ZERO),
            schedule: Some(Vec::new()),
            redact: Some(Vec::new()),
            pause_after: Some(Duration::ZERO),
            rate_limit: Some(0),
            ..Settings::default()
        },
        ..sample::endpoint(scene.account, 100)
    };
    let absent = sample::endpoint(scene.account, 101);
    let mut expected = Vec::new();
    for endpoint in [empty, absent] {
        let key = EndpointKey(put(&scene.store, Change::PutEndpoint(endpoint.clone())).await);
        expected.push(Endpoint { key, ..endpoint });
    }
    let scene = scene.reopen(home).await;
    let found = load(&scene.store).await.endpoints;
    for endpoint in expected {
        assert_eq!(found.iter().find(|kept| kept.key == endpoint.key), Some(&endpoint));
    }
}

pub async fn keys_are_given_and_never_given_again(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let create = async |scene: &Scene| put(&scene.store, Change::PutEndpoint(sample::endpoint(scene.account, 5))).await;
    let first = create(&scene).await;
    assert!(first > 0, "keys are positive");
    put(&scene.store, Change::DeleteEndpoint(EndpointKey(first))).await;
    let second = create(&scene).await;
    put(&scene.store, Change::DeleteEndpoint(EndpointKey(second))).await;
    let scene = scene.reopen(home).await;
    let third = create(&scene).await;
    assert!(first < second && second < third, "{first} {second} {third}");
}

pub async fn a_put_with_its_key_replaces(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let before = load(&scene.store).await;
    let environment = Environment { strict: true, ..before.environments[0].clone() };
    assert_eq!(put(&scene.store, Change::PutEnvironment(environment.clone())).await, environment.key.0);
    let account = Account {
        key: scene.account,
        name: "Renamed".to_owned(),
        uid: Some("kemang".to_owned()),
        ..sample::account(environment.key.0, 1)
    };
    assert_eq!(put(&scene.store, Change::PutAccount(account.clone())).await, scene.account.0);
    let endpoint = Endpoint {
        key: scene.endpoints[1],
        stopped: Some(Stopped { by: StoppedBy::Owner, at: sample::noon() }),
        ..full_endpoint(scene.account)
    };
    assert_eq!(put(&scene.store, Change::PutEndpoint(endpoint.clone())).await, endpoint.key.0);
    // Again with the same names: one's own are not taken.
    put(&scene.store, Change::PutAccount(account.clone())).await;
    put(&scene.store, Change::PutEndpoint(endpoint.clone())).await;

    let after = load(&scene.store).await;
    assert_eq!(after.environments, [environment]);
    assert_eq!(after.accounts.len(), before.accounts.len());
    assert!(after.accounts.contains(&account));
    assert_eq!(after.endpoints.len(), before.endpoints.len());
    assert!(after.endpoints.contains(&endpoint));
}

pub async fn unknown_owners_and_keys_are_not_found(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let environment = load(&scene.store).await.environments[0].key.0;
    let unknown = 9_999;
    let revoked = sample::api_key(Role::Operator).id;
    let missing = [
        Change::PutEnvironment(Environment { key: EnvironmentKey(unknown), ..sample::environment("other") }),
        Change::PutAccount(sample::account(unknown, 1)),
        Change::PutAccount(Account { key: AccountKey(unknown), ..sample::account(environment, 1) }),
        Change::PutEndpoint(sample::endpoint(AccountKey(unknown), 1)),
        Change::PutEndpoint(Endpoint { key: EndpointKey(unknown), ..sample::endpoint(scene.account, 1) }),
        Change::PutEventType(sample::event_type(unknown, "invoiceCreated")),
        Change::RevokeKeys(vec![revoked], sample::noon()),
        Change::DeleteAccount(AccountKey(unknown)),
        Change::DeleteEndpoint(EndpointKey(unknown)),
        Change::DeleteEventType(sample::event_type(environment, "invoiceCreated").id),
    ];
    for change in missing {
        let answer = scene.store.change(change.clone()).await;
        assert!(matches!(answer, Err(StoreError::NotFound)), "{change:?} answered {answer:?}");
    }
}

pub async fn names_are_taken_where_they_must_be_unique(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let store = &scene.store;
    let live = load(store).await.environments[0].key.0;
    let sandbox = put(store, Change::PutEnvironment(sample::environment("sandbox"))).await;
    let uid = || Some("kemang".to_owned());
    let account = |environment| Account { uid: uid(), ..sample::account(environment, 7) };
    let endpoint = |account| Endpoint { uid: uid(), ..sample::endpoint(account, 7) };
    let key = sample::api_key(Role::Operator);
    put(store, Change::PutAccount(account(live))).await;
    put(store, Change::PutEndpoint(endpoint(scene.account))).await;
    put(store, Change::PutEventType(sample::event_type(live, "invoiceCreated"))).await;
    put(store, Change::PutKey(key.clone())).await;

    taken(store, Change::PutEnvironment(sample::environment("sandbox"))).await;
    taken(store, Change::PutAccount(account(live))).await;
    taken(store, Change::PutAccount(Account { key: scene.other, ..account(live) })).await;
    taken(store, Change::PutEndpoint(endpoint(scene.account))).await;
    taken(store, Change::PutEndpoint(Endpoint { key: scene.endpoints[0], ..endpoint(scene.account) })).await;
    taken(store, Change::PutEventType(sample::event_type(live, "invoiceCreated"))).await;
    let same_token = ApiKey { token_hash: key.token_hash, ..sample::api_key(Role::Operator) };
    taken(store, Change::PutKey(same_token)).await;

    // The same names elsewhere are free, and so is a name whose owner went.
    put(store, Change::PutAccount(account(sandbox))).await;
    put(store, Change::PutEndpoint(endpoint(scene.other))).await;
    put(store, Change::PutEventType(sample::event_type(sandbox, "invoiceCreated"))).await;
    let kept = load(store).await.endpoints;
    let owner = kept.iter().find(|kept| kept.account == scene.account && kept.uid == uid());
    put(store, Change::DeleteEndpoint(owner.expect("it was put").key)).await;
    put(store, Change::PutEndpoint(endpoint(scene.account))).await;
}

pub async fn a_refused_change_changes_nothing(home: &dyn Home) {
    let scene = Scene::open(home).await;
    put(&scene.store, Change::PutEnvironment(sample::environment("sandbox"))).await;
    let before = load(&scene.store).await;
    let renamed = Environment { name: "sandbox".to_owned(), strict: true, ..before.environments[0].clone() };
    taken(&scene.store, Change::PutEnvironment(renamed)).await;
    let after = load(&scene.store).await;
    assert_eq!(after.environments, before.environments);
    let scene = scene.reopen(home).await;
    assert_eq!(load(&scene.store).await.environments, before.environments);
}

pub async fn an_environment_and_what_it_begins_with_are_one(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let environment = Environment { validation: Validation::Strict, ..sample::environment("founded") };
    // Whatever they say, they are of the environment that is made.
    let types = [sample::event_type(0, "a"), sample::event_type(1, "b")];
    let key = put(&scene.store, Change::FoundEnvironment(environment.clone(), types.to_vec())).await;
    // A name that is taken twice takes the environment with it.
    let twice = vec![sample::event_type(0, "c"), sample::event_type(0, "c")];
    taken(&scene.store, Change::FoundEnvironment(sample::environment("another"), twice)).await;
    taken(&scene.store, Change::FoundEnvironment(environment.clone(), Vec::new())).await;
    let scene = scene.reopen(home).await;
    let found = load(&scene.store).await;
    let environment = Environment { key: EnvironmentKey(key), ..environment };
    assert!(found.environments.contains(&environment), "{:?}", found.environments);
    assert!(found.environments.iter().all(|other| other.name != "another"));
    let mut own: Vec<&str> =
        found.event_types.iter().filter(|one| one.environment.0 == key).map(|one| one.name.as_str()).collect();
    own.sort_unstable();
    assert_eq!(own, ["a", "b"]);
}

pub async fn a_revoked_key_stays_listed(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let key = sample::api_key(Role::Operator);
    put(&scene.store, Change::PutKey(key.clone())).await;
    put(&scene.store, Change::RevokeKeys(vec![key.id], micros())).await;
    let revoked = ApiKey { revoked_at: Some(micros()), ..key };
    assert_eq!(load(&scene.store).await.keys, slice::from_ref(&revoked));
    let scene = scene.reopen(home).await;
    assert_eq!(load(&scene.store).await.keys, [revoked]);
}

pub async fn deleting_an_account_takes_its_endpoints_and_leaves_its_history(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let event = scene.publish_at(sample::noon()).await;
    scene.attempt(&event, ringup_core::delivery::After::Delivered).await;
    put(&scene.store, Change::DeleteAccount(scene.account)).await;
    let scene = scene.reopen(home).await;
    let left = load(&scene.store).await;
    assert_eq!(left.accounts.iter().map(|account| account.key).collect::<Vec<_>>(), [scene.other]);
    assert_eq!(left.endpoints.iter().map(|endpoint| endpoint.key).collect::<Vec<_>>(), [scene.other_endpoint]);
    assert_eq!(scene.payload(event.id).await, Payload::Kept(event.payload.clone()));
    assert_eq!(scene.attempts_of_event(event.id).await.len(), 1);
}

pub async fn event_types_are_known_by_their_id(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let live = load(&scene.store).await.environments[0].key.0;
    let created = sample::event_type(live, "invoiceCreated");
    put(&scene.store, Change::PutEventType(created.clone())).await;
    let renamed = EventType { name: "invoiceMade".to_owned(), archived: true, ..created.clone() };
    put(&scene.store, Change::PutEventType(renamed.clone())).await;
    assert_eq!(load(&scene.store).await.event_types, [renamed]);
    put(&scene.store, Change::DeleteEventType(created.id)).await;
    assert_eq!(load(&scene.store).await.event_types, []);
    put(&scene.store, Change::PutEventType(created.clone())).await;
    assert_eq!(load(&scene.store).await.event_types, [created]);
}

async fn load(store: &Arc<dyn Store>) -> Configuration {
    store.load_configuration().await.expect("the store reads")
}

async fn taken(store: &Arc<dyn Store>, change: Change) {
    let answer = store.change(change.clone()).await;
    assert!(matches!(answer, Err(StoreError::Conflict(_))), "{change:?} answered {answer:?}");
}

fn by_id(mut keys: Vec<ApiKey>) -> Vec<ApiKey> {
    keys.sort_by_key(|key| key.id);
    keys
}

fn micros() -> Timestamp {
    Timestamp::from_micros(1_795_435_200_123_457)
}

fn metadata() -> BTreeMap<String, String> {
    [("région", "Île"), ("", ""), ("nested \"quotes\"", "{\"json\": [1, 2]}")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

fn full_account(environment: i64) -> Account {
    Account {
        uid: Some("müller-🏪".to_owned()),
        name: ODD.to_owned(),
        metadata: metadata(),
        settings: full_settings(),
        created_at: micros(),
        updated_at: micros().saturating_add(Duration::from_micros(1)),
        ..sample::account(environment, 1)
    }
}

fn full_endpoint(account: AccountKey) -> Endpoint {
    let names = |names: [&str; 2]| Some(names.map(str::to_owned).into());
    Endpoint {
        uid: Some("primary".to_owned()),
        url: "https://empfänger.example:8443/päth?q=%20a&b=ü".to_owned(),
        description: ODD.to_owned(),
        metadata: metadata(),
        subscription: Subscription {
            event_types: names(["invoiceCreated", "stock.changed_v2"]),
            families: names(["customer invoice", "ünïque"]).unwrap_or_default(),
            channels: names(["kemang", "快"]),
            filter: Filter::parse("data.Total:>19.99 data.Outlet:\"Kota \\\"快\\\"\"").ok(),
            hook: None,
        },
        stopped: Some(Stopped { by: StoppedBy::Failing, at: micros() }),
        stopped_why: ODD.to_owned(),
        secrets: vec![
            SigningSecret { kind: SigningKind::Hmac, key: (0..=255).collect(), expires_at: None },
            SigningSecret { kind: SigningKind::Ed25519, key: Arc::from([0; 24]), expires_at: Some(micros()) },
        ],
        // Repeats and order are kept.
        headers: [("x-b", "1"), ("x-a", "ü, \"2\""), ("x-b", "3")].map(|(n, v)| (n.to_owned(), v.to_owned())).into(),
        authorization: full_authorization(),
        settings: full_settings(),
        created_at: micros(),
        updated_at: micros().saturating_add(Duration::from_hours(1)),
        ..sample::endpoint(account, 1)
    }
}

fn full_authorization() -> Authorization {
    let secrets =
        || [("audience", "pössword"), ("x", "")].map(|(name, text)| (name.to_owned(), Secret::new(text))).into();
    Authorization {
        scheme: Scheme::OAuth(Box::new(OAuth {
            token_url: "https://id.example/token?x=1".to_owned(),
            client_id: ODD.to_owned(),
            client_secret: Secret::new(ODD),
            credentials: CredentialsIn::Body,
            body: TokenBody::Json,
            scope: Some("events:write sales".to_owned()),
            parameters: secrets(),
            headers: secrets(),
        })),
        certificate: Some(Certificate { pem: Secret::new("-----BEGIN CERTIFICATE-----\n") }),
        authorities: Some("-----BEGIN CERTIFICATE-----\n".to_owned()),
        salt: [0xa5; 16],
    }
}

fn full_event_type(environment: i64) -> EventType {
    EventType {
        description: ODD.to_owned(),
        group: Some("customer invoice".to_owned()),
        archived: true,
        deprecated: true,
        feature_flag: Some("beta".to_owned()),
        schemas: Some("{ \"1\" :  {\"type\":\"object\", \"x\": 1.0} }".to_owned()),
        schedule: Some(vec![Duration::ZERO, Duration::from_micros(1_500_001), Duration::from_hours(24)]),
        hook: Some(Declaration {
            title: ODD.to_owned(),
            rule: HookRule {
                mode: Mode::Write,
                key: Some("/a~1b/~0/ü".into()),
                cache: Some((Duration::ZERO, Duration::from_micros(1_500_001))),
                refusals: vec![404, 409].into(),
                reason: Some("".into()),
                may_fall_back: true,
                settled: HookRule::settled_of(Mode::Write),
                reversible: false,
            },
            answer_schema: "{ \"type\":  \"object\", \"x\": 1.0 }".to_owned(),
            question_sample: Some("{ \"Sku\" : 1.00 }".to_owned()),
            answer_sample: Some(String::new()),
        }),
        created_at: micros(),
        updated_at: micros().saturating_add(Duration::from_secs(1)),
        ..sample::event_type(environment, "invoice.created-v1")
    }
}

fn full_settings() -> Settings {
    Settings {
        policy: Some(Policy::Durable),
        retry: Some(u32::MAX),
        cooldown: Some(Duration::from_millis(1_500)),
        schedule: Some(vec![Duration::from_millis(1), Duration::from_hours(24), Duration::ZERO]),
        time_limit: Some(Duration::from_millis(29_999)),
        classes: ClassSwitches {
            server_error: Some(true),
            request_timeout: Some(false),
            too_many_requests: None,
            timed_out: Some(false),
            no_response: Some(true),
            other: None,
        },
        honour_retry_after: Some(true),
        log_mode: Some(LogMode::Error),
        full_until: Some(micros()),
        redact: Some(vec!["/member/phone".to_owned(), "/a~1b/~0/ü".to_owned()]),
        ordering: Some(Ordering::ByKey("/ID".to_owned())),
        rate_limit: Some(u32::MAX),
        in_flight_max: Some(1),
        pause_after: Some(Duration::from_hours(5 * 24)),
        header_names: Some(HeaderNames::Svix),
    }
}

/// Every value of every enum and both positions of every switch.
fn all_settings() -> Vec<Settings> {
    let mut all = vec![Settings::default(), full_settings()];
    let with = |change: &dyn Fn(&mut Settings)| {
        let mut settings = Settings::default();
        change(&mut settings);
        settings
    };
    for policy in Policy::ALL {
        all.push(with(&|settings| settings.policy = Some(*policy)));
    }
    for mode in LogMode::ALL {
        all.push(with(&|settings| settings.log_mode = Some(*mode)));
    }
    for ordering in [Ordering::None, Ordering::Strict, Ordering::ByKey(String::new())] {
        all.push(with(&|settings| settings.ordering = Some(ordering.clone())));
    }
    for names in [HeaderNames::Webhook, HeaderNames::Svix, HeaderNames::Both] {
        all.push(with(&|settings| settings.header_names = Some(names)));
    }
    for on in [true, false] {
        all.push(with(&|settings| settings.honour_retry_after = Some(on)));
        for class in 0..6 {
            all.push(with(&|settings| *switches(&mut settings.classes)[class] = Some(on)));
        }
    }
    all
}

fn switches(classes: &mut ClassSwitches) -> [&mut Option<bool>; 6] {
    let ClassSwitches { server_error, request_timeout, too_many_requests, timed_out, no_response, other } = classes;
    [server_error, request_timeout, too_many_requests, timed_out, no_response, other]
}
