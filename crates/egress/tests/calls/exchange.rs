//! What a receiver gets, and how its answers come back.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use ringup_core::limits::RESPONSE_BODY_BYTES_MAX;
use ringup_core::outcome::{BlockedBy, BodyEnd, Cause, Outcome};
use ringup_core::signing::HeaderNames;
use ringup_egress::{Caller, Egress, EgressPlan, header, url_policy};
use ringup_testkit::receiver::{Answer, Received, Receiver, Script, Setup};

use crate::support::{BODY, SECRET, SOON, call, egress, plan, request};

#[tokio::test]
async fn the_request_is_what_was_asked_for() {
    let receiver = Receiver::start(200).await.unwrap();
    let egress = egress();
    let mut request = request(&receiver.url("/hook?a=b%20c"));
    request.headers = header::check([("X-Shop", "17"), ("Authorization", "Bearer t0ken")]).unwrap().into();
    let id = request.webhook.id.to_string();
    let at = request.now.as_secs().to_string();
    let reply = egress.call(request).await;

    assert!(matches!(reply.outcome, Outcome::Delivered(_)), "{reply:?}");
    assert_eq!(reply.remote, Some(receiver.address()));
    let seen = receiver.wait_for(1, SOON).await.unwrap().remove(0);
    assert_eq!((seen.method.as_str(), seen.target.as_str(), seen.text().as_str()), ("POST", "/hook?a=b%20c", BODY));
    let host = receiver.address().to_string();
    let length = BODY.len().to_string();
    for (name, value) in [
        ("host", host.as_str()),
        ("user-agent", concat!("Ringup/", env!("CARGO_PKG_VERSION"))),
        ("content-type", "application/json"),
        ("content-length", length.as_str()),
        ("accept-encoding", "identity"),
        ("webhook-id", id.as_str()),
        ("webhook-timestamp", at.as_str()),
        ("ringup-event", "invoiceCreated"),
        ("ringup-attempt", "1"),
        ("svix-id", id.as_str()),
        ("svix-timestamp", at.as_str()),
        ("x-shop", "17"),
        ("authorization", "Bearer t0ken"),
    ] {
        assert_eq!(seen.header(name), Some(value), "{name}");
    }
    assert_eq!(seen.header("svix-signature"), seen.header("webhook-signature"));
    assert_eq!(seen.headers.len(), 15, "{:?}", seen.headers);
    verified_by_others(&seen);
}

/// Verifies with another implementation than ours.
fn verified_by_others(seen: &Received) {
    let mut headers = HeaderMap::new();
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        headers.insert(name, seen.header(name).unwrap().parse().unwrap());
    }
    let webhook = standardwebhooks::Webhook::from_bytes(SECRET.to_vec()).unwrap();
    webhook.verify(&seen.body, &headers).unwrap();
}

#[tokio::test]
async fn signing_headers_carry_the_names_asked_for() {
    let receiver = Receiver::start(200).await.unwrap();
    let egress = egress();
    for (names, webhook, svix) in
        [(HeaderNames::Webhook, true, false), (HeaderNames::Svix, false, true), (HeaderNames::Both, true, true)]
    {
        let mut request = request(&receiver.url("/"));
        request.webhook.names = names;
        egress.call(request).await;
        let seen = receiver.requests().pop().unwrap();
        assert_eq!(
            (seen.header("webhook-signature").is_some(), seen.header("svix-id").is_some()),
            (webhook, svix),
            "{names:?}"
        );
    }
}

#[tokio::test]
async fn every_status_is_sorted_and_kept() {
    let by_path = Script::by(|request| {
        let status = request.path()[1..].parse().unwrap();
        Answer::status(status).header("X-Status", request.path()).body(request.path().to_owned())
    });
    let receiver = Receiver::start(by_path).await.unwrap();
    let egress = egress();
    for status in 200..600_u16 {
        let reply = call(&egress, &receiver.url(&format!("/{status}"))).await;
        let answer = reply.outcome.answer().unwrap_or_else(|| panic!("{status}: {reply:?}"));
        assert_eq!(answer.status, status);
        assert_eq!(matches!(reply.outcome, Outcome::Delivered(_)), (200..300).contains(&status), "{status}");
        assert_eq!(answer.body_end, BodyEnd::Complete, "{status}");
        let expected = if matches!(status, 204 | 304) { String::new() } else { format!("/{status}") };
        assert_eq!(answer.body, expected, "{status}");
        let kept = answer.headers.iter().find(|(name, _)| name == "x-status").map(|(_, value)| value.clone());
        assert_eq!(kept, Some(Bytes::from(format!("/{status}"))));
    }
    assert_eq!(receiver.count(), 400, "a call is one request");
}

#[tokio::test]
async fn redirects_are_answers_and_nobody_goes_there() {
    let canary = Receiver::start(200).await.unwrap();
    let egress = egress();
    for status in [301, 302, 303, 307, 308] {
        for location in [canary.url("/"), "http://169.254.169.254/latest/meta-data/".to_owned(), "//[::1]/".to_owned()]
        {
            let receiver = Receiver::start(Answer::status(status).header("location", &location)).await.unwrap();
            let reply = call(&egress, &receiver.url("/")).await;
            let Outcome::Refused(answer) = reply.outcome else { panic!("{status}: {reply:?}") };
            assert_eq!(answer.status, status);
            assert!(answer.headers.contains(&("location".to_owned(), Bytes::from(location))));
            assert_eq!(receiver.count(), 1);
        }
    }
    assert_eq!((canary.count(), canary.connections()), (0, 0));
}

#[tokio::test]
async fn bodies_are_kept_to_the_cap() {
    let receiver = Receiver::start(Script::by(|request| {
        Answer::status(200).body("x".repeat(request.path()[1..].parse().unwrap()))
    }))
    .await
    .unwrap();
    let egress = egress();
    const CAP: usize = RESPONSE_BODY_BYTES_MAX;
    for (bytes, kept, end) in [
        (0, 0, BodyEnd::Complete),
        (1, 1, BodyEnd::Complete),
        (20_000, 20_000, BodyEnd::Complete),
        (CAP, CAP, BodyEnd::Complete),
        (CAP + 1, CAP, BodyEnd::Capped),
        (3 * CAP, CAP, BodyEnd::Capped),
    ] {
        let reply = call(&egress, &receiver.url(&format!("/{bytes}"))).await;
        let Outcome::Delivered(answer) = reply.outcome else { panic!("{bytes}: {reply:?}") };
        assert_eq!((answer.body.len(), answer.body_end), (kept, end), "{bytes}");
    }
}

#[tokio::test]
async fn a_large_payload_arrives_whole() {
    let receiver = Receiver::start(200).await.unwrap();
    let mut request = request(&receiver.url("/"));
    request.body = Bytes::from("é\n".repeat(1_500_000));
    let sent = request.body.clone();
    let reply = egress().call(request).await;
    assert!(matches!(reply.outcome, Outcome::Delivered(_)), "{reply:?}");
    let seen = receiver.wait_for(1, SOON).await.unwrap().remove(0);
    assert!(seen.body == sent, "{} of {} bytes", seen.body.len(), sent.len());
    verified_by_others(&seen);
}

#[tokio::test]
async fn retry_after_is_passed_on_unread_unless_ambiguous() {
    let twice = Answer::status(503).header("retry-after", "7").header("retry-after", "9");
    for (answer, expected) in [
        (Answer::status(503), None),
        (Answer::status(503).header("Retry-After", "120"), Some("120")),
        (Answer::status(429).header("retry-after", "soon"), Some("soon")),
        (twice, None),
    ] {
        let receiver = Receiver::start(answer).await.unwrap();
        let reply = call(&egress(), &receiver.url("/")).await;
        assert_eq!(reply.outcome.answer().unwrap().retry_after.as_deref(), expected);
    }
}

#[tokio::test]
async fn a_url_accepted_under_other_rules_is_blocked_at_the_call() {
    let receiver = Receiver::start(200).await.unwrap();
    let own = EgressPlan { own_addresses: vec![receiver.address()], ..plan() };
    let own_anywhere = EgressPlan { own_addresses: vec![([0, 0, 0, 0], receiver.address().port()).into()], ..plan() };
    for (plan, by) in [
        (EgressPlan { allow_http: false, ..plan() }, BlockedBy::Scheme),
        (EgressPlan { allow_networks: Vec::new(), ..plan() }, BlockedBy::Address),
        (own, BlockedBy::Address),
        (own_anywhere, BlockedBy::Address),
    ] {
        let reply = call(&Egress::new(plan).unwrap(), &receiver.url("/")).await;
        assert_eq!(reply.outcome, Outcome::Blocked(by));
    }
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn ipv6_is_called_with_brackets() {
    let receiver = Receiver::start_with(Setup { address: "[::1]:0".parse().unwrap(), ..Setup::default() });
    let receiver = receiver.await.unwrap();
    let plan = EgressPlan { allow_networks: vec!["::1/128".parse().unwrap()], ..plan() };
    let mut request = request("http://127.0.0.1/");
    request.url = url_policy::check(&receiver.url("/"), &plan).unwrap();
    let reply = Egress::new(plan).unwrap().call(request).await;
    assert!(matches!(reply.outcome, Outcome::Delivered(_)), "{reply:?}");
    let port = receiver.address().port();
    assert_eq!(receiver.requests()[0].header("host"), Some(format!("[::1]:{port}").as_str()));
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_refused() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let reply = call(&egress(), &format!("http://{free}/")).await;
    assert_eq!(reply.outcome, Outcome::Unreachable(Cause::Refused));
    assert!(reply.duration < Duration::from_secs(5));
}

#[tokio::test]
async fn the_source_address_is_the_one_chosen() {
    let bound = |ip: &str| Egress::new(EgressPlan { bind_address: Some(ip.parse().unwrap()), ..plan() }).unwrap();
    let receiver = Receiver::start(200).await.unwrap();
    let reply = call(&bound("127.0.0.9"), &receiver.url("/")).await;
    assert!(matches!(reply.outcome, Outcome::Delivered(_)), "{reply:?}");
    for ip in ["203.0.113.5", "::1"] {
        let reply = call(&bound(ip), &receiver.url("/")).await;
        assert_eq!(reply.outcome, Outcome::Unreachable(Cause::Local), "{ip}");
    }
}

#[tokio::test]
async fn closing_interrupts_what_is_in_flight() {
    let gate = ringup_testkit::receiver::Gate::closed();
    let receiver = Receiver::start(Answer::status(200).gated(&gate)).await.unwrap();
    let egress = Arc::new(egress());
    let in_flight = {
        let (egress, url) = (egress.clone(), receiver.url("/"));
        tokio::spawn(async move { call(&egress, &url).await })
    };
    receiver.wait_for(1, SOON).await.unwrap();
    egress.close().await;
    assert_eq!(in_flight.await.unwrap().outcome, Outcome::Interrupted);
    assert_eq!(call(&egress, &receiver.url("/")).await.outcome, Outcome::Interrupted);
    gate.open();
    assert_eq!(receiver.wait_ended(1, SOON).await.unwrap().len(), 1);
}
