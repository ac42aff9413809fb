//! A console without a socket: memory store, a clock that stands still, randomness that counts, and a browser that keeps
//! cookies and sends forms as browsers do, without script.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use http::{HeaderMap, Request};
use http_body_util::BodyExt as _;
use ringup_app::{App, Peer, Plan};
use ringup_core::delivery::{After, DeliveryKey};
use ringup_core::key::EndpointKey;
use ringup_core::ports::{Clock, Random};
use ringup_core::settings::SystemDefaults;
use ringup_core::time::{Tick, Timestamp};
use ringup_core::timing::Timing;
use ringup_egress::{Egress, EgressPlan, OwnCatcher};
use ringup_store::Store;
use ringup_store::catalogue::Catalogue;
use ringup_store::directory::Directory;
use ringup_store::log_entry::{Attempt, AttemptResult, Count};
use ringup_store::memory::{self, MemoryStore};
use ringup_store::seam::{Fresh, Listener, Loaded, Settlement};
use ringup_web::Console;
use secrecy::{ExposeSecret as _, SecretString};
use tower::ServiceExt as _;

/// 2026-11-23T08:30:00Z
pub const NOON: Timestamp = Timestamp::from_secs(1_795_422_600);

pub const OPERATOR: &str = "operator-key-for-tests";

const PAYLOAD_BYTES_MAX: usize = 64 * 1024;

pub struct Desk {
    pub app: Arc<App>,
    pub store: MemoryStore,
    pub heard: Arc<Heard>,
    pub clock: Arc<StillClock>,
    router: Router,
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
            let number = self.0.fetch_add(1, SeqCst).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
            chunk.copy_from_slice(&number[..chunk.len()]);
        }
    }
}

/// What was accepted.
#[derive(Default)]
pub struct Heard(Mutex<Vec<Fresh>>);

impl Heard {
    fn take(&self) -> Vec<Fresh> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl Listener for Heard {
    fn accepted(&self, fresh: Vec<Fresh>) {
        self.0.lock().unwrap().extend(fresh);
    }
    fn settled(&self, _: Vec<DeliveryKey>) {}
    fn resent(&self, _: Loaded) {}
    fn recalled(&self, _: EndpointKey, _: Tick) {}
    fn discarded(&self, _: Vec<DeliveryKey>) {}
}

impl Desk {
    pub async fn open() -> Desk {
        let store = MemoryStore::new(memory::Plan { linger: None, ..memory::Plan::default() });
        Desk::on(store, Arc::new(StillClock(AtomicI64::new(NOON.as_micros()))), &EgressPlan::default()).await
    }

    /// One that calls out, to this machine only.
    pub async fn calling() -> Desk {
        let store = MemoryStore::new(memory::Plan { linger: None, ..memory::Plan::default() });
        let plan = EgressPlan {
            allow_networks: vec!["127.0.0.0/8".parse().unwrap()],
            allow_http: true,
            dns_servers: vec!["127.0.0.1:9".parse().unwrap()],
            ..EgressPlan::default()
        };
        Desk::on(store, Arc::new(StillClock(AtomicI64::new(NOON.as_micros()))), &plan).await
    }

    /// What is found after a crash, at the same time.
    pub async fn restarted(&self) -> Desk {
        Desk::on(self.store.crash(), self.clock.clone(), &EgressPlan::default()).await
    }

    async fn on(store: MemoryStore, clock: Arc<StillClock>, egress: &EgressPlan) -> Desk {
        let heard = Arc::new(Heard::default());
        let configuration = store.load_configuration().await.unwrap();
        let directory = Directory::new(SystemDefaults::default(), configuration);
        let catalogue = Arc::new(Catalogue::new(Arc::new(store.clone()), directory));
        catalogue.listen(heard.clone());
        let own = OwnCatcher { base: "http://127.0.0.1:8080".to_owned(), address: ([127, 0, 0, 1], 8080).into() };
        let plan = Plan {
            idempotency_window: Duration::from_hours(24),
            payload_bytes_max: PAYLOAD_BYTES_MAX,
            egress: Arc::new(EgressPlan { catcher: Some(own), ..egress.clone() }),
        };
        let caller = Arc::new(Egress::new(plan.egress.as_ref().clone()).unwrap());
        let app = App::new(catalogue, clock.clone(), Arc::new(Counting(AtomicU64::new(1))), plan);
        let app = Arc::new(app.calling_with(caller));
        app.first_start(Some(&SecretString::from(OPERATOR)), false).await.unwrap();
        let plan = ringup_web::Plan { secure: false, payload_bytes_max: PAYLOAD_BYTES_MAX };
        let console = Console::new(app.clone(), plan, &crate::reference::document());
        let router = console.router();
        Desk { app, store, heard, clock, router }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Records that one attempt came to this for every delivery accepted since the last time.
    pub async fn attempt_all(&self, result: AttemptResult, after: After, body: &'static str) {
        self.attempt(&self.fresh(), 1, result, after, body).await;
    }

    /// Deliveries accepted since the last time.
    pub fn fresh(&self) -> Vec<Fresh> {
        self.heard.take()
    }

    /// Records one attempt for each of these.
    pub async fn attempt(&self, fresh: &[Fresh], number: u32, result: AttemptResult, after: After, body: &'static str) {
        for fresh in fresh {
            self.clock.advance(Duration::from_secs(1));
            let now = self.clock.now();
            let gave_up = matches!(after, After::Ended(_));
            let duration = Duration::from_millis(12);
            self.store.record(Settlement {
                key: DeliveryKey { endpoint: fresh.endpoint, event: fresh.event.tick() },
                event: fresh.event.clone(),
                then: None,
                after,
                ended_at: now,
                attempt: Some(Attempt {
                    number,
                    trigger: Default::default(),
                    started_at: now,
                    duration,
                    timing: Timing {
                        connect: Some(Duration::from_millis(2)),
                        first_byte: Some(Duration::from_millis(9)),
                        ..Timing::default()
                    },
                    url: "https://erp.example/hooks".into(),
                    result,
                    response_headers: "content-type: text/html\nx-evil: <script>alert(1)</script>\n".into(),
                    response_body: body.into(),
                    body_end: Default::default(),
                    random: [7; 12],
                }),
                count: Some(Count { minute: now.as_minutes(), outcome: result.outcome, duration, gave_up }),
            });
        }
        self.store.flush().await;
    }

    /// A browser that nobody signed in with.
    pub fn browser(&self) -> Browser {
        Browser { router: self.router.clone(), cookies: Mutex::default(), csrf: Mutex::default(), address: None }
    }

    /// The path of a link that signs in with the operator's key.
    pub async fn first_link(&self) -> String {
        let link = self.app.first_link(&SecretString::from(OPERATOR)).await.unwrap();
        format!("/link/{}", link.expose_secret())
    }

    /// A browser with an operator's session.
    pub async fn operator(&self) -> Browser {
        let browser = self.browser();
        let page = browser.post("/sign-in", &[("key", OPERATOR)]).await;
        assert_eq!(page.status, 303, "{}", page.text);
        browser
    }
}

pub struct Browser {
    router: Router,
    cookies: Mutex<BTreeMap<String, String>>,
    /// Of the page last seen.
    csrf: Mutex<String>,
    address: Option<IpAddr>,
}

/// A stream of events, read one by one.
pub struct Stream {
    body: Body,
    read: String,
}

impl Stream {
    /// The next event as it was written; `None` at the end of the stream.
    pub async fn next(&mut self) -> Option<String> {
        loop {
            if let Some((event, rest)) = self.read.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.read = rest;
                return Some(event);
            }
            let frame = tokio::time::timeout(Duration::from_secs(30), self.body.frame()).await;
            let frame = frame.expect("an event within its time")?.unwrap();
            self.read.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
        }
    }

    /// The next event that brings rows.
    pub async fn rows(&mut self) -> String {
        loop {
            let event = self.next().await.expect("the stream goes on");
            if event.contains("event: rows") {
                return event;
            }
        }
    }
}

pub struct Page {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Browser {
    /// The same, asking from this address.
    pub fn at(self, address: &str) -> Browser {
        Browser { address: Some(address.parse().unwrap()), ..self }
    }

    /// The same, with a server that was started anew.
    pub fn on(self, desk: &Desk) -> Browser {
        Browser { router: desk.router.clone(), ..self }
    }

    pub async fn get(&self, path: &str) -> Page {
        self.send("GET", path, &[("sec-fetch-site", "none")], Body::empty()).await
    }

    /// Sends a form of the page last seen.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        let csrf = self.csrf.lock().unwrap().clone();
        let fields = fields.iter().copied().chain([("csrf", csrf.as_str())]);
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let headers = [("sec-fetch-site", "same-origin"), (CONTENT_TYPE.as_str(), "application/x-www-form-urlencoded")];
        self.send("POST", path, &headers, Body::from(body)).await
    }

    /// Sends a form and looks at the page it leads to.
    pub async fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        let page = self.post(path, fields).await;
        assert_eq!(page.status, 303, "{path}: {}", page.text);
        let page = self.get(&page.location()).await;
        assert_eq!(page.status, 200, "{}", page.text);
        page
    }

    /// A page that goes on as it grows.
    pub async fn stream(&self, path: &str, headers: &[(&str, &str)]) -> Stream {
        let response = self.ask("GET", path, headers, Body::empty()).await;
        assert_eq!(response.status().as_u16(), 200);
        assert_eq!(response.headers()[CONTENT_TYPE], "text/event-stream");
        Stream { body: response.into_body(), read: String::new() }
    }

    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Body) -> Page {
        let response = self.ask(method, path, headers, body).await;
        let (head, body) = response.into_parts();
        for cookie in head.headers.get_all(SET_COOKIE) {
            self.keep(cookie.to_str().unwrap());
        }
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        if let Some((_, rest)) = text.split_once("name=\"csrf\" value=\"") {
            *self.csrf.lock().unwrap() = rest.split('"').next().unwrap().to_owned();
        }
        // A key without words shows itself in brackets.
        let lost = text.split('[').skip(1).find(|rest| {
            let key = rest.split(']').next().unwrap_or_default();
            key.len() > 2 && rest.len() > key.len() && key.chars().all(|c| c.is_ascii_lowercase() || "-_".contains(c))
        });
        assert!(lost.is_none_or(|_| !text.starts_with("<!doctype")), "a text is missing on {path}: {lost:?}");
        Page { status: head.status.as_u16(), headers: head.headers, text }
    }

    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Body) -> axum::response::Response {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let cookies: Vec<String> =
            self.cookies.lock().unwrap().iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            request = request.header(COOKIE, cookies.join("; "));
        }
        let mut request = request.body(body).unwrap();
        if let Some(address) = self.address {
            request.extensions_mut().insert(Peer(address));
        }
        self.router.clone().oneshot(request).await.unwrap()
    }

    fn keep(&self, cookie: &str) {
        let (pair, attributes) = cookie.split_once(';').unwrap();
        let (name, value) = pair.split_once('=').unwrap();
        let mut cookies = self.cookies.lock().unwrap();
        if attributes.contains("Max-Age=0") {
            cookies.remove(name);
        } else {
            cookies.insert(name.to_owned(), value.to_owned());
        }
    }

    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.lock().unwrap().get(name).cloned()
    }

    /// Carries another browser's cookie.
    pub fn set_cookie(&self, name: &str, value: &str) {
        self.cookies.lock().unwrap().insert(name.to_owned(), value.to_owned());
    }
}

impl Page {
    pub fn location(&self) -> String {
        self.headers.get(LOCATION).expect("a redirect").to_str().unwrap().to_owned()
    }

    #[track_caller]
    pub fn shows(&self, what: &str) -> &Page {
        assert!(self.text.contains(what), "{what:?} is not on the page:\n{}", self.text);
        self
    }

    #[track_caller]
    pub fn lacks(&self, what: &str) -> &Page {
        assert!(!self.text.contains(what), "{what:?} is on the page:\n{}", self.text);
        self
    }
}
