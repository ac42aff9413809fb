//! One time limit over everything, and the phase in which it ran out.

use std::time::Duration;

use bytes::Bytes;
use ringup_core::outcome::{Outcome, Phase};
use ringup_egress::resolve::{Resolve, Resolving};
use ringup_egress::{Caller, Egress, EgressPlan, Reply, Request};
use ringup_testkit::hostile::{Behaviour, End, HostileServer};
use tokio::net::{TcpListener, TcpSocket};

use crate::support::{SOON, egress, plan, request};

const LIMIT: Duration = Duration::from_millis(400);

async fn limited(egress: &Egress, mut request: Request) -> Reply {
    request.time_limit = LIMIT;
    let reply = egress.call(request).await;
    assert!(reply.duration >= LIMIT - Duration::from_millis(2), "{reply:?}");
    assert!(reply.duration < LIMIT + Duration::from_secs(1), "{reply:?}");
    assert_eq!(reply.outcome.status(), Some(408));
    reply
}

struct Never;

impl Resolve for Never {
    fn resolve<'a>(&'a self, _: &'a str) -> Resolving<'a> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn resolving() {
    let egress = Egress::with_resolver(plan(), Box::new(Never)).unwrap();
    let reply = limited(&egress, request("http://receiver.example/")).await;
    assert_eq!(reply.outcome, Outcome::TimedOut(Phase::Resolve));
}

/// A listener whose queue is full leaves further connects unanswered.
async fn full_listener() -> (TcpListener, Vec<tokio::net::TcpStream>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(connected) =
        tokio::time::timeout(Duration::from_millis(300), tokio::net::TcpStream::connect(address)).await
    {
        waiting.push(connected.unwrap());
        assert!(waiting.len() < 100, "the queue does not fill");
    }
    (listener, waiting)
}

#[tokio::test]
async fn connecting() {
    let (listener, _waiting) = full_listener().await;
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let reply = limited(&egress(), request(&url)).await;
    assert_eq!(reply.outcome, Outcome::TimedOut(Phase::Connect));

    let hasty = Egress::new(EgressPlan { connect_time_limit: Duration::from_millis(100), ..plan() }).unwrap();
    let reply = hasty.call(request(&url)).await;
    assert_eq!(reply.outcome, Outcome::TimedOut(Phase::Connect));
    assert!(reply.duration < SOON / 2, "{reply:?}");
}

#[tokio::test]
async fn shaking_hands() {
    let server = HostileServer::start(Behaviour::Silence).await.unwrap();
    let reply = limited(&egress(), request(&server.url("/").replace("http:", "https:"))).await;
    assert_eq!(reply.outcome, Outcome::TimedOut(Phase::Tls));
}

#[tokio::test]
async fn sending() {
    // Accepts and never reads, so that a large body gets stuck.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut large = request(&format!("http://{}/", listener.local_addr().unwrap()));
    large.body = Bytes::from(vec![b'x'; 32 << 20]);
    let reply = limited(&egress(), large).await;
    assert_eq!(reply.outcome, Outcome::TimedOut(Phase::Send));
}

#[tokio::test]
async fn waiting_and_reading() {
    let pause = Duration::from_millis(20);
    for (behaviour, phase) in [
        (Behaviour::Silence, Phase::Wait),
        (Behaviour::SlowHeaders { pause }, Phase::Wait),
        (Behaviour::EndlessInterim, Phase::Wait),
        (Behaviour::SlowBody { pause }, Phase::Body),
    ] {
        let server = HostileServer::start(behaviour.clone()).await.unwrap();
        let egress = egress();
        let reply = limited(&egress, request(&server.url("/"))).await;
        assert_eq!(reply.outcome, Outcome::TimedOut(phase), "{behaviour:?}");
        // The connection is closed, not left to drip.
        let ended = server.wait_ended(1, SOON).await.unwrap().remove(0);
        assert!(matches!(ended.end, Some((_, End::PeerClosed | End::PeerReset))), "{behaviour:?}: {:?}", ended.end);
        assert_eq!(egress.idle_connections(), 0);
    }
}
