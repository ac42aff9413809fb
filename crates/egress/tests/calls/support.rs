//! A caller that may call loopback, and requests to send with it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ringup_core::id::EventId;
use ringup_core::key::AccountKey;
use ringup_core::signing::HeaderNames;
use ringup_core::time::{Tick, Timestamp};
use ringup_egress::sign::SigningKey;
use ringup_egress::{Caller, Egress, EgressPlan, Fence, Reply, Request, Webhook, url_policy};

/// Long enough for anything that is expected to happen.
pub const SOON: Duration = Duration::from_secs(10);

pub const SECRET: [u8; 24] = *b"twenty-four bytes of key";
pub const BODY: &str = r#"{"type":"invoiceCreated","data":{"ID":17,"total":"12.30"}}"#;

/// Plain HTTP to all of IPv4 loopback, and no name server.
pub fn plan() -> EgressPlan {
    EgressPlan {
        allow_networks: vec!["127.0.0.0/8".parse().unwrap()],
        allow_http: true,
        dns_servers: vec!["127.0.0.1:9".parse().unwrap()],
        ..EgressPlan::default()
    }
}

pub fn egress() -> Egress {
    Egress::new(plan()).unwrap()
}

pub fn now() -> Timestamp {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap())
}

/// A signed request of account 1. The URL is checked under [`plan`], whatever plan sends it.
pub fn request(url: &str) -> Request {
    let now = now();
    Request {
        url: url_policy::check(url, &plan()).unwrap(),
        account: AccountKey(1),
        headers: Arc::new([]),
        body: Bytes::from_static(BODY.as_bytes()),
        webhook: Webhook {
            id: EventId::of_tick(Tick::at(now), [9; 12]),
            names: HeaderNames::Both,
            keys: Arc::new([SigningKey::new(&SECRET, None)]),
            event_type: Arc::from("invoiceCreated"),
            attempt: 1,
        },
        tls: None,
        time_limit: SOON,
        now,
        fence: Fence::default(),
    }
}

pub async fn call(egress: &Egress, url: &str) -> Reply {
    egress.call(request(url)).await
}
