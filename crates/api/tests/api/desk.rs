//! A server without a socket: memory store, a clock that stands still, randomness that counts.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Method, Request};
use http_body_util::BodyExt as _;
use ringup_app::{App, KeyRequest, Plan, Principal};
use ringup_core::delivery::{After, DeliveryKey};
use ringup_core::key::{EndpointKey, EnvironmentKey};
use ringup_core::ports::{Clock, Random};
use ringup_core::settings::SystemDefaults;
use ringup_core::time::{Tick, Timestamp};
use ringup_egress::EgressPlan;
use ringup_store::Store;
use ringup_store::catalogue::Catalogue;
use ringup_store::directory::Directory;
use ringup_store::log_entry::{Attempt, AttemptResult};
use ringup_store::memory::{self, MemoryStore};
use ringup_store::seam::{Fresh, Listener, Loaded, Settlement};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tower::ServiceExt as _;

/// 2026-11-23T08:30:00Z
pub const NOON: Timestamp = Timestamp::from_secs(1_795_422_600);

pub const BODY_BYTES_MAX: usize = 64 * 1024;

pub const OPERATOR: &str = "operator-key-for-tests";

pub struct Desk {
    pub app: Arc<App>,
    pub store: MemoryStore,
    pub router: Router,
    pub clock: Arc<StillClock>,
    pub heard: Arc<Heard>,
    pub well: Arc<Mutex<Result<(), String>>>,
    pub key: String,
}

pub struct StillClock(AtomicI64);

impl StillClock {
    pub fn advance(&self, span: Duration) {
        self.0.store(self.now().saturating_add(span).as_micros(), SeqCst);
    }
}

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(SeqCst))
    }
}

struct Counting(AtomicU64);

impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            // Spread, so that ids of one second are not in the order in which they were made.
            let number = self.0.fetch_add(1, SeqCst).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
            chunk.copy_from_slice(&number[..chunk.len()]);
        }
    }
}

#[derive(Default)]
pub struct Heard(Mutex<Vec<Fresh>>);

impl Heard {
    pub fn accepted(&self) -> Vec<Fresh> {
        self.0.lock().expect("no test panics while holding it").clone()
    }
}

impl Listener for Heard {
    fn accepted(&self, fresh: Vec<Fresh>) {
        self.0.lock().expect("no test panics while holding it").extend(fresh);
    }
    fn settled(&self, _: Vec<DeliveryKey>) {}
    fn resent(&self, _: Loaded) {}
    fn recalled(&self, _: EndpointKey, _: Tick) {}
    fn discarded(&self, _: Vec<DeliveryKey>) {}
}

impl Desk {
    pub async fn open() -> Desk {
        Desk::with(MemoryStore::new(memory::Plan { linger: None, ..memory::Plan::default() }), false).await
    }

    pub async fn strict() -> Desk {
        Desk::with(MemoryStore::new(memory::Plan { linger: None, ..memory::Plan::default() }), true).await
    }

    pub async fn with(store: MemoryStore, strict: bool) -> Desk {
        let heard = Arc::new(Heard::default());
        store.listen(heard.clone());
        let configuration = store.load_configuration().await.expect("an empty store");
        let directory = Directory::new(SystemDefaults::default(), configuration);
        let catalogue = Arc::new(Catalogue::new(Arc::new(store.clone()), directory));
        let clock = Arc::new(StillClock(AtomicI64::new(NOON.as_micros())));
        let plan = Plan {
            idempotency_window: Duration::from_hours(24),
            payload_bytes_max: BODY_BYTES_MAX,
            egress: Arc::new(EgressPlan::default()),
        };
        let app = Arc::new(App::new(catalogue, clock.clone(), Arc::new(Counting(AtomicU64::new(1))), plan));
        app.first_start(Some(&SecretString::from(OPERATOR)), strict).await.expect("a first start");
        let operator = Principal::at_the_machine(EnvironmentKey(0));
        let key = app.create_key(&operator, KeyRequest::of_environment("live", "tests")).await.expect("a key");
        let well = Arc::new(Mutex::new(Ok(())));
        let wellness = {
            let well = well.clone();
            Arc::new(move || well.lock().expect("no test panics while holding it").clone())
        };
        let router = ringup_api::router(app.clone(), ringup_api::Plan::new(BODY_BYTES_MAX), wellness);
        Desk { app, store, router, clock, heard, well, key: key.token.expose_secret().to_owned() }
    }

    pub fn clock_now(&self) -> Timestamp {
        self.clock.now()
    }

    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Reply {
        let method: Method = method.parse().expect("a method");
        let mut request = Request::builder().method(method).uri(format!("/api/v1{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.into()).expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("routers answer");
        let (head, body) = response.into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes();
        Reply {
            status: head.status.as_u16(),
            headers: head.headers,
            text: String::from_utf8(body.to_vec()).expect("UTF-8"),
        }
    }

    /// With the key of `live`.
    pub async fn call(&self, method: &str, path: &str, body: impl Into<Body>) -> Reply {
        self.send(method, path, &[("authorization", &format!("Bearer {}", self.key))], body).await
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.call("GET", path, Body::empty()).await
    }

    pub async fn post(&self, path: &str, body: impl Into<Body>) -> Reply {
        self.call("POST", path, body).await
    }

    /// An account of this uid; its id.
    pub async fn account(&self, uid: &str) -> String {
        self.post("/app", format!(r#"{{"name":"{uid}","uid":"{uid}"}}"#)).await.made().id()
    }

    /// An endpoint that gets everything, or what `more` says; its id.
    pub async fn endpoint(&self, account: &str, uid: &str, more: &str) -> String {
        let body = format!(r#"{{"url":"https://example.com/{uid}","uid":"{uid}"{more}}}"#);
        self.post(&format!("/app/{account}/endpoint"), body).await.made().id()
    }

    /// Publishes; the event's id.
    pub async fn publish(&self, account: &str, event_type: &str, payload: &str) -> String {
        let body = format!(r#"{{"eventType":"{event_type}","payload":{payload}}}"#);
        self.post(&format!("/app/{account}/msg"), body).await.is(202).id()
    }

    /// Records that one attempt came to this for every delivery accepted so far; the clock moves on by a second.
    pub async fn attempt_all(&self, result: AttemptResult, after: After, body: &'static str) {
        self.attempt_last(usize::MAX, result, after, body).await;
    }

    /// The same for the newest so many.
    pub async fn attempt_last(&self, count: usize, result: AttemptResult, after: After, body: &'static str) {
        let accepted = self.heard.accepted();
        let passed_over = accepted.len().saturating_sub(count);
        for fresh in accepted.into_iter().skip(passed_over) {
            self.clock.advance(Duration::from_secs(1));
            let now = self.clock.now();
            self.store.record(Settlement {
                key: DeliveryKey { endpoint: fresh.endpoint, event: fresh.event.tick() },
                event: fresh.event.clone(),
                then: None,
                after,
                ended_at: now,
                attempt: Some(Attempt {
                    number: 1,
                    trigger: Default::default(),
                    started_at: now,
                    duration: Duration::from_millis(12),
                    timing: Default::default(),
                    url: "https://example.com/hook".into(),
                    result,
                    response_headers: "content-type: text/plain\n".into(),
                    response_body: body.into(),
                    body_end: Default::default(),
                    random: [7; 12],
                }),
                count: None,
            });
        }
        self.store.flush().await;
    }
}

#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Reply {
    #[track_caller]
    pub fn is(self, status: u16) -> Reply {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    #[track_caller]
    pub fn made(self) -> Reply {
        self.is(201)
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The value at a JSON pointer.
    #[track_caller]
    pub fn at(&self, pointer: &str) -> Value {
        let value = self.json();
        value.pointer(pointer).unwrap_or_else(|| panic!("nothing at {pointer} in {value}")).clone()
    }

    #[track_caller]
    pub fn id(&self) -> String {
        self.at("/id").as_str().expect("a text").to_owned()
    }

    /// A refusal with a code whose detail has these words.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str, words: &str) {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.at("/code"), code);
        let detail = self.at("/detail");
        assert!(detail.as_str().is_some_and(|detail| detail.contains(words)), "{words:?} not in {detail}");
    }

    /// A 422 with an item of this place (`body.url`), type, and words.
    #[track_caller]
    pub fn misfit(&self, place: &str, rule: &str, words: &str) {
        assert_eq!(self.status, 422, "{}", self.text);
        let detail = self.at("/detail");
        let found = detail.as_array().expect("a list").iter().any(|item| {
            let loc: Vec<&str> = item["loc"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
            loc.join(".") == place && item["type"] == rule && item["msg"].as_str().expect("a text").contains(words)
        });
        assert!(found, "no {place} {rule} {words:?} in {detail}");
    }
}
