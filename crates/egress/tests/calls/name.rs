//! Names: what they resolve to is checked at every call, on the address that is dialled.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use ringup_core::outcome::{BlockedBy, Cause, Outcome};
use ringup_egress::resolve::{Resolve, Resolved, Resolving};
use ringup_egress::{Caller, Egress, EgressPlan};
use ringup_testkit::dns::{Answer, DnsServer, Question};
use ringup_testkit::receiver::{Receiver, Setup};

use crate::support::{SOON, plan, request};

const NAME: &str = "receiver.example";

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Only 127.0.0.2 is called; 127.0.0.1 stands for the inside.
fn only_second() -> EgressPlan {
    EgressPlan { allow_networks: vec!["127.0.0.2/32".parse().unwrap()], ..plan() }
}

/// The receiver at 127.0.0.2 and a canary on the same port of 127.0.0.1, which nobody may reach.
async fn outside_and_inside() -> (Receiver, Receiver) {
    // A port that is free on one address may be taken on the other.
    for _ in 0..50 {
        let outside = listening(([127, 0, 0, 2], 0).into()).await.unwrap();
        if let Ok(inside) = listening(([127, 0, 0, 1], outside.address().port()).into()).await {
            return (outside, inside);
        }
    }
    panic!("no port is free on both addresses");
}

async fn listening(address: SocketAddr) -> anyhow::Result<Receiver> {
    Receiver::start_with(Setup { address, ..Setup::default() }).await
}

fn url(receiver: &Receiver) -> String {
    format!("http://{NAME}:{}/hook", receiver.address().port())
}

/// Answers the n-th question by a function of n.
struct Scripted<F> {
    answer: F,
    asked: Arc<AtomicU64>,
    ttl: Duration,
}

impl<F: Fn(u64) -> Result<Vec<IpAddr>, Cause> + Send + Sync + 'static> Resolve for Scripted<F> {
    fn resolve<'a>(&'a self, _: &'a str) -> Resolving<'a> {
        let answer = (self.answer)(self.asked.fetch_add(1, Relaxed));
        let ttl = self.ttl;
        Box::pin(async move { answer.map(|addresses| Resolved { addresses, ttl }) })
    }
}

fn scripted<F>(plan: EgressPlan, ttl: Duration, answer: F) -> (Egress, Arc<AtomicU64>)
where
    F: Fn(u64) -> Result<Vec<IpAddr>, Cause> + Send + Sync + 'static,
{
    let asked = Arc::new(AtomicU64::new(0));
    let resolver = Scripted { answer, asked: asked.clone(), ttl };
    (Egress::with_resolver(plan, Box::new(resolver)).unwrap(), asked)
}

#[tokio::test]
async fn a_name_that_changes_to_a_forbidden_address_is_blocked_although_a_connection_is_kept() {
    let (outside, inside) = outside_and_inside().await;
    let flip = |nth: u64| Ok(vec![ip(if nth.is_multiple_of(2) { "127.0.0.2" } else { "127.0.0.1" })]);
    let (egress, asked) = scripted(only_second(), Duration::ZERO, flip);
    for nth in 0..2_000 {
        let reply = egress.call(request(&url(&outside))).await;
        if nth % 2 == 0 {
            assert!(matches!(reply.outcome, Outcome::Delivered(_)), "{nth}: {reply:?}");
        } else {
            assert_eq!(reply.outcome, Outcome::Blocked(BlockedBy::Address), "{nth}");
            assert_eq!(reply.remote, None);
        }
    }
    assert_eq!(asked.load(Relaxed), 2_000);
    assert_eq!((outside.count(), outside.connections()), (1_000, 1));
    assert_eq!((inside.count(), inside.connections()), (0, 0));
}

#[tokio::test]
async fn an_answer_with_one_forbidden_address_is_refused_whole() {
    let (outside, inside) = outside_and_inside().await;
    let many = |last: &str| (0..4_000).map(|_| ip("127.0.0.2")).chain([ip(last)]).collect::<Vec<_>>();
    for addresses in [
        vec![ip("127.0.0.2"), ip("127.0.0.1")],
        vec![ip("127.0.0.1"), ip("127.0.0.2")],
        vec![ip("127.0.0.2"), ip("::1")],
        vec![ip("127.0.0.2"), ip("::ffff:127.0.0.1")],
        vec![ip("127.0.0.2"), ip("64:ff9b::7f00:1")],
        vec![ip("127.0.0.2"), ip("169.254.169.254")],
        many("10.0.0.1"),
    ] {
        let shown = format!("{:?}", addresses.iter().rev().take(2).collect::<Vec<_>>());
        let (egress, _) = scripted(only_second(), Duration::ZERO, move |_| Ok(addresses.clone()));
        let reply = egress.call(request(&url(&outside))).await;
        assert_eq!(reply.outcome, Outcome::Blocked(BlockedBy::Address), "{shown}");
    }
    assert_eq!((outside.connections(), inside.connections()), (0, 0));
}

#[tokio::test]
async fn an_address_that_refuses_gives_way_to_the_next() {
    let (outside, inside) = outside_and_inside().await;
    drop(inside);
    // 127.0.0.3 and ::1 listen nowhere; the last one does.
    let addresses = ["127.0.0.3", "::1", "127.0.0.2"].map(ip).to_vec();
    let (egress, _) = scripted(
        EgressPlan { allow_networks: vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()], ..plan() },
        Duration::ZERO,
        move |_| Ok(addresses.clone()),
    );
    for reused in [false, true] {
        let reply = egress.call(request(&url(&outside))).await;
        assert!(matches!(reply.outcome, Outcome::Delivered(_)), "{reply:?}");
        assert_eq!((reply.remote, reply.reused), (Some(outside.address()), reused));
    }
}

#[tokio::test]
async fn an_answer_is_remembered_as_long_as_it_says() {
    let (outside, _inside) = outside_and_inside().await;
    for (ttl, questions) in [(Duration::from_secs(60), 1), (Duration::ZERO, 5)] {
        let (egress, asked) = scripted(only_second(), ttl, |_| Ok(vec![ip("127.0.0.2")]));
        for _ in 0..5 {
            let reply = egress.call(request(&url(&outside))).await;
            assert!(matches!(reply.outcome, Outcome::Delivered(_)), "{reply:?}");
        }
        assert_eq!(asked.load(Relaxed), questions, "{ttl:?}");
    }
}

#[tokio::test]
async fn localhost_is_never_asked_for() {
    let receiver = Receiver::start(200).await.unwrap();
    let (egress, asked) = scripted(plan(), Duration::ZERO, |_| Err(Cause::Dns));
    for host in ["localhost", "shop.localhost"] {
        let reply = egress.call(request(&receiver.url("/").replace("127.0.0.1", host))).await;
        assert!(matches!(reply.outcome, Outcome::Delivered(_)), "{reply:?}");
        let seen = receiver.requests().pop().unwrap();
        assert_eq!(seen.header("host"), Some(format!("{host}:{}", receiver.address().port()).as_str()));
    }
    assert_eq!(asked.load(Relaxed), 0);
}

/// As above through real packets: the name server, its answers and our resolver's cache.
#[tokio::test]
async fn rebinding_through_a_real_name_server_reaches_nothing() {
    let (outside, inside) = outside_and_inside().await;
    let dns = DnsServer::start(|question: &Question| match question.kind {
        kind if kind.to_string() == "A" => {
            let turn = ["127.0.0.2", "127.0.0.1", "127.0.0.2", "10.0.0.1"][(question.nth % 4) as usize];
            Answer::addresses([ip(turn)])
        }
        _ => Answer::addresses(Vec::<IpAddr>::new()),
    })
    .await
    .unwrap();
    let egress = Egress::new(EgressPlan { dns_servers: vec![dns.address()], ..only_second() }).unwrap();
    let (mut delivered, mut blocked) = (0, 0);
    for turn in 0..400 {
        match egress.call(request(&url(&outside))).await.outcome {
            Outcome::Delivered(_) => delivered += 1,
            Outcome::Blocked(BlockedBy::Address) => blocked += 1,
            other => panic!("{turn}: {other:?}"),
        }
    }
    assert!(delivered >= 100 && blocked >= 100, "{delivered} delivered, {blocked} blocked");
    assert_eq!(outside.count(), delivered);
    assert_eq!((inside.count(), inside.connections()), (0, 0));
    let seen = outside.requests().pop().unwrap();
    assert_eq!(seen.header("host"), Some(format!("{NAME}:{}", outside.address().port()).as_str()));
}

#[tokio::test]
async fn what_a_name_server_says_has_its_outcome() {
    let (outside, inside) = outside_and_inside().await;
    let none = || Vec::<IpAddr>::new();
    for (what, answer, ok) in [
        ("no such name", Answer::no_such_name(), false),
        ("no address", Answer::addresses(none()), false),
        ("failure", Answer::failure(), false),
        ("good", Answer::addresses([ip("127.0.0.2")]).ttl(60), true),
    ] {
        let dns = DnsServer::start(move |_: &Question| answer.clone()).await.unwrap();
        let egress = Egress::new(EgressPlan { dns_servers: vec![dns.address()], ..only_second() }).unwrap();
        for _ in 0..3 {
            let reply = egress.call(request(&url(&outside))).await;
            match ok {
                true => assert!(matches!(reply.outcome, Outcome::Delivered(_)), "{what}: {reply:?}"),
                false => assert_eq!(reply.outcome, Outcome::Unreachable(Cause::Dns), "{what}"),
            }
        }
        // Search domains of this machine are not appended, and the good answer is asked for once.
        assert!(dns.questions().iter().all(|question| question.name == NAME), "{what}: {:?}", dns.questions());
        assert!(!ok || dns.questions().len() <= 2, "{what}: {:?}", dns.questions());
    }
    assert_eq!(inside.connections(), 0);
}

#[tokio::test]
async fn a_silent_name_server_costs_no_more_than_the_time_limit() {
    let dns = DnsServer::start(|_: &Question| Answer::nothing()).await.unwrap();
    let egress = Egress::new(EgressPlan { dns_servers: vec![dns.address()], ..only_second() }).unwrap();
    let mut request = request(&format!("http://{NAME}/"));
    request.time_limit = Duration::from_millis(500);
    let reply = egress.call(request).await;
    assert_eq!(reply.outcome, Outcome::TimedOut(ringup_core::outcome::Phase::Resolve));
    assert!(reply.duration < SOON / 5, "{reply:?}");
}
