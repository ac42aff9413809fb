//! Pooled connections: used again, never across accounts, and not when the receiver has closed them.

use std::io::{Read, Write};
use std::sync::mpsc;
use std::time::Duration;

use ringup_core::key::AccountKey;
use ringup_core::outcome::{Cause, Outcome};
use ringup_egress::{Caller, Egress, EgressPlan};
use ringup_testkit::hostile::{Behaviour, HostileServer};
use ringup_testkit::receiver::{Answer, Gate, Receiver, Script};

use crate::support::{SOON, call, egress, plan, request};

#[tokio::test]
async fn one_after_the_other_share_one_connection() {
    let receiver = Receiver::start(Answer::status(200).body("ok")).await.unwrap();
    let egress = egress();
    for turn in 0..20 {
        let reply = call(&egress, &receiver.url(&format!("/{turn}"))).await;
        assert!(matches!(reply.outcome, Outcome::Delivered(_)), "{reply:?}");
        assert_eq!(reply.reused, turn > 0);
        assert_eq!(reply.timing.connect.is_some(), turn == 0);
    }
    assert_eq!((receiver.count(), receiver.connections(), egress.idle_connections()), (20, 1, 1));
}

#[tokio::test]
async fn accounts_do_not_share() {
    let receiver = Receiver::start(200).await.unwrap();
    let egress = egress();
    for turn in 0..9 {
        let mut request = request(&receiver.url("/"));
        request.account = AccountKey(turn % 3);
        assert_eq!(egress.call(request).await.reused, turn >= 3);
    }
    assert_eq!(receiver.connections(), 3);
}

#[tokio::test]
async fn at_most_so_many_are_kept_for_a_host() {
    let gate = Gate::closed();
    let receiver = Receiver::start(Answer::status(200).gated(&gate)).await.unwrap();
    let egress = Egress::new(EgressPlan { connections_per_host_max: 3, ..plan() }).unwrap();
    let calls = futures_util::future::join_all((0..10).map(|_| egress.call(request(&receiver.url("/")))));
    let opened = async {
        receiver.wait_for(10, SOON).await.unwrap();
        gate.open();
    };
    tokio::join!(calls, opened);
    assert_eq!((receiver.connections(), egress.idle_connections()), (10, 3));
}

#[tokio::test]
async fn unfinished_answers_are_not_kept() {
    let egress = egress();
    for answer in [
        Answer::status(200).body("x".repeat(100_000)),
        Answer::status(200).body("x".repeat(100)).cut(50),
        Answer::status(200).header("connection", "close"),
        Answer::status(200).header("keep-alive", "timeout=1"),
        Answer::status(200).header("keep-alive", "max=5, timeout=0"),
    ] {
        let receiver = Receiver::start(answer.clone()).await.unwrap();
        for _ in 0..2 {
            let reply = call(&egress, &receiver.url("/")).await;
            assert!(matches!(reply.outcome, Outcome::Delivered(_)), "{answer:?}: {reply:?}");
        }
        assert_eq!((receiver.connections(), egress.idle_connections()), (2, 0), "{answer:?}");
    }
}

#[tokio::test]
async fn a_connection_the_receiver_closed_is_not_used() {
    let server = HostileServer::start(Behaviour::CloseAfterKeepAlive).await.unwrap();
    let egress = egress();
    for turn in 1..=20 {
        let reply = call(&egress, &server.url("/")).await;
        assert!(matches!(reply.outcome, Outcome::Delivered(_)), "turn {turn}: {reply:?}");
        // Its end has reached us once it has seen ours or was swept: then the next call cannot race it.
        server.wait_until(SOON, |seen| seen.len() == turn).await.unwrap();
        idle(&egress, 0).await;
    }
    assert_eq!(server.sightings().iter().map(|seen| seen.requests).sum::<u64>(), 20);
}

#[tokio::test]
async fn idle_connections_end_by_themselves() {
    let receiver = Receiver::start(200).await.unwrap();
    let egress = Egress::new(EgressPlan { idle_time_limit: Duration::from_millis(200), ..plan() }).unwrap();
    call(&egress, &receiver.url("/")).await;
    assert_eq!(egress.idle_connections(), 1);
    idle(&egress, 0).await;
    assert!(!call(&egress, &receiver.url("/")).await.reused);
}

/// A request that was written to a kept connection may have been acted on, so it is not sent a second time.
#[tokio::test]
async fn a_request_that_left_us_is_sent_once() {
    let script = Script::by(|request| if request.path() == "/ok" { Answer::status(200) } else { Answer::nothing() });
    let receiver = Receiver::start(script).await.unwrap();
    let egress = egress();
    call(&egress, &receiver.url("/ok")).await;
    let reply = call(&egress, &receiver.url("/nothing")).await;
    assert!(reply.reused);
    assert_eq!(reply.outcome, Outcome::Unreachable(Cause::Reset));
    assert_eq!(receiver.count(), 2);
}

/// The runtime is kept from hearing of the receiver's end until after the next call has begun.
#[tokio::test]
async fn an_end_that_only_the_kernel_knows_of_is_seen() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (close, asked_to_close) = mpsc::channel();
    let (closed, has_closed) = mpsc::channel();
    let server = std::thread::spawn(move || {
        for socket in listener.incoming().take(5) {
            let mut socket = socket.unwrap();
            assert!(socket.read(&mut [0; 4_096]).unwrap() > 0);
            socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
            asked_to_close.recv().unwrap();
            drop(socket);
            closed.send(()).unwrap();
        }
    });
    let egress = egress();
    for turn in 0..5 {
        let reply = call(&egress, &url).await;
        assert!(matches!(reply.outcome, Outcome::Delivered(_)), "turn {turn}: {reply:?}");
        assert_eq!((reply.reused, egress.idle_connections()), (false, 1), "turn {turn}");
        close.send(()).unwrap();
        has_closed.recv_timeout(SOON).unwrap();
    }
    server.join().unwrap();
}

async fn idle(egress: &Egress, count: usize) {
    let deadline = tokio::time::Instant::now() + SOON;
    while egress.idle_connections() != count {
        assert!(tokio::time::Instant::now() < deadline, "{} idle connections", egress.idle_connections());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
