//! The one exception: our own catchers are called, and nothing else of ours.

use ringup_core::outcome::{BlockedBy, Outcome};
use ringup_egress::{Caller as _, Egress, EgressPlan, OwnCatcher, url_policy};
use ringup_testkit::receiver::Receiver;

use crate::support::{plan, request};

const TOKEN: &str = "0123456789abcdefghijKL";

/// As a fresh server has it: neither loopback nor plain HTTP is allowed, and the receiver plays our own listener.
fn strict(own: &Receiver, base: String) -> EgressPlan {
    EgressPlan {
        allow_networks: Vec::new(),
        allow_http: false,
        own_addresses: vec![own.address()],
        catcher: Some(OwnCatcher { base, address: own.address() }),
        ..plan()
    }
}

#[tokio::test]
async fn a_delivery_to_our_own_catcher_arrives() {
    let own = Receiver::start(200).await.unwrap();
    let base = format!("http://{}", own.address());
    let plan = strict(&own, base.clone());
    let url = format!("{base}/c/{TOKEN}");
    assert!(url_policy::check(&url, &plan).is_ok());
    let egress = Egress::new(plan).unwrap();
    for _ in 0..2 {
        let reply = egress.call(request(&url)).await;
        assert!(matches!(reply.outcome, Outcome::Delivered(_)), "{reply:?}");
    }
}

#[tokio::test]
async fn a_name_before_the_catcher_is_never_asked_for() {
    // No name server answers, and nobody listens with TLS: only the exception can make this arrive.
    let own = Receiver::start(200).await.unwrap();
    let plan = strict(&own, "https://hooks.example".to_owned());
    let egress = Egress::new(plan).unwrap();
    let reply = egress.call(request(&format!("https://hooks.example/c/{TOKEN}"))).await;
    assert!(matches!(reply.outcome, Outcome::Delivered(_)), "{reply:?}");
}

#[tokio::test]
async fn nothing_else_of_ours_is_called() {
    let own = Receiver::start(200).await.unwrap();
    let base = format!("http://{}", own.address());
    let plan = strict(&own, base.clone());
    let egress = Egress::new(plan.clone()).unwrap();
    for path in [
        "/",
        "/api/v1/app",
        "/c/",
        "/c/short",
        &format!("/c/{TOKEN}/x"),
        &format!("/c/{TOKEN}?x"),
        &format!("/c/{TOKEN}0"),
    ] {
        let url = format!("{base}{path}");
        assert!(url_policy::check(&url, &plan).is_err(), "{url}");
        let reply = egress.call(request(&url)).await;
        assert!(matches!(reply.outcome, Outcome::Blocked(BlockedBy::Scheme | BlockedBy::Address)), "{url}: {reply:?}");
    }
    assert_eq!(own.count(), 0);
}
