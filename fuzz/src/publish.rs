//! A publish of any bytes, through the real router: answered sensibly, and what is accepted is kept as it came.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use http::Request;
use ringup_app::{AccountDraft, App, EndpointDraft, NewEndpoint, Plan, Principal};
use ringup_core::{
    delivery::DeliveryKey,
    key::EndpointKey,
    ports::{Clock, Random},
    settings::SystemDefaults,
    time::{Tick, Timestamp},
};
use ringup_egress::EgressPlan;
use ringup_store::{
    Store,
    catalogue::Catalogue,
    directory::Directory,
    memory::{self, MemoryStore},
    seam::{Fresh, Listener, Loaded},
};
use secrecy::SecretString;
use serde_json::value::RawValue;
use tower::ServiceExt as _;

const KEY: &str = "operator-key-for-the-fuzzer";
const BODY_BYTES_MAX: usize = 64 * 1024;

/// The claim.
pub fn publish(data: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let (status, accepted) = runtime.block_on(post(Bytes::copy_from_slice(data)));
    assert!(matches!(status, 202 | 400 | 413 | 422), "{status} for {:?}", String::from_utf8_lossy(data));
    if status != 202 {
        assert!(accepted.is_empty(), "refused with {status}, but handed on");
        return;
    }
    let envelope: HashMap<String, &RawValue> = serde_json::from_slice(data).expect("only JSON is accepted");
    let payload = envelope.get("payload").or_else(|| envelope.get("data")).expect("a payload");
    assert!(payload.get().starts_with('{'), "a payload is an object: {payload}");
    let [payload_kept] = accepted.as_slice() else { panic!("{} deliveries for one endpoint", accepted.len()) };
    assert_eq!(payload_kept, payload.get().as_bytes(), "the payload is kept as it came");
}

/// The status, and the payloads of deliveries that were handed on.
async fn post(body: Bytes) -> (u16, Vec<Bytes>) {
    let store = MemoryStore::new(memory::Plan { linger: None, ..memory::Plan::default() });
    let heard = Arc::new(Heard::default());
    store.listen(heard.clone());
    let configuration = store.load_configuration().await.expect("an empty store");
    let directory = Directory::new(SystemDefaults::default(), configuration);
    let catalogue = Arc::new(Catalogue::new(Arc::new(store), directory));
    let plan = Plan {
        idempotency_window: Duration::from_hours(24),
        payload_bytes_max: BODY_BYTES_MAX,
        egress: Arc::new(EgressPlan::default()),
    };
    let app = Arc::new(App::new(catalogue, Arc::new(Still), Arc::new(Counting(Mutex::new(1))), plan));
    app.first_start(Some(&SecretString::from(KEY)), false).await.expect("a first start");
    let who = app.authenticate(KEY, None).expect("the key was given");
    account(&app, &who).await;
    let router = ringup_api::router(app, ringup_api::Plan::new(BODY_BYTES_MAX), Arc::new(|| Ok(())));
    let request = Request::post("/api/v1/app/fuzz/msg").header("authorization", format!("Bearer {KEY}"));
    let request = request.body(Body::from(body)).expect("a request");
    let status = router.oneshot(request).await.expect("routers answer").status().as_u16();
    let heard = heard.0.lock().unwrap_or_else(PoisonError::into_inner);
    (status, heard.iter().map(|fresh| fresh.event.payload.clone()).collect())
}

async fn account(app: &App, who: &Principal) {
    let draft = AccountDraft { uid: Some("fuzz".to_owned()), name: "fuzz".to_owned(), ..AccountDraft::default() };
    app.create_account(who, draft).await.expect("an account");
    let url = "https://receiver.example/hook".to_owned();
    let endpoint = NewEndpoint { draft: EndpointDraft { url, ..EndpointDraft::default() }, ..NewEndpoint::default() };
    app.create_endpoint(who, "fuzz", endpoint).await.expect("an endpoint");
}

#[derive(Default)]
struct Heard(Mutex<Vec<Fresh>>);

impl Listener for Heard {
    fn accepted(&self, fresh: Vec<Fresh>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(fresh);
    }
    fn settled(&self, _: Vec<DeliveryKey>) {}
    fn resent(&self, _: Loaded) {}
    fn recalled(&self, _: EndpointKey, _: Tick) {}
    fn discarded(&self, _: Vec<DeliveryKey>) {}
}

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(1_795_471_200)
    }
}

struct Counting(Mutex<u64>);

impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        let mut next = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for byte in bytes {
            *next = next.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            *byte = next.to_be_bytes()[0];
        }
    }
}
