//! Receivers that misbehave: each ends as the right outcome, soon, and within the caps.

use std::time::Duration;

use ringup_core::limits::RESPONSE_BODY_BYTES_MAX;
use ringup_core::outcome::{BodyEnd, Cause, Outcome};
use ringup_egress::Reply;
use ringup_testkit::hostile::{Behaviour, End, HostileServer, POISON_BODIES, RETRY_AFTER_ODDITIES};

use crate::support::{SOON, call, egress};

/// An outcome without its particulars.
#[derive(PartialEq, Eq, Debug)]
enum Expect {
    Answer(u16, BodyEnd, usize),
    None(Cause),
}

use BodyEnd::{Broken, Capped, Complete};
use Expect::{Answer, None};

fn seen(reply: &Reply) -> Expect {
    match &reply.outcome {
        Outcome::Delivered(answer) | Outcome::Refused(answer) => {
            Answer(answer.status, answer.body_end, answer.body.len())
        }
        Outcome::Unreachable(cause) => None(*cause),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn every_misbehaviour_has_its_outcome() {
    const CAP: usize = RESPONSE_BODY_BYTES_MAX;
    let redirect = Behaviour::Redirect { status: 302, location: "http://169.254.169.254/latest/meta-data/".to_owned() };
    let bomb = Behaviour::Encoded { encoding: "gzip", body: vec![0x1f; 500] };
    let table = [
        (Behaviour::ResetAfterAccept, None(Cause::Reset)),
        (Behaviour::ResetAfterRequest, None(Cause::Reset)),
        (Behaviour::ResetInBody, Answer(200, Broken, 10)),
        (Behaviour::CloseAfterAccept, None(Cause::Reset)),
        (Behaviour::CloseWithoutAnswer, None(Cause::Reset)),
        (Behaviour::CloseAfterKeepAlive, Answer(200, Complete, 2)),
        (Behaviour::EndlessHeaders, None(Cause::Protocol)),
        (Behaviour::EndlessBody, Answer(200, Capped, CAP)),
        (Behaviour::EndlessChunks, Answer(200, Capped, CAP)),
        (Behaviour::HugeBody { bytes: 2 << 30 }, Answer(200, Capped, CAP)),
        (Behaviour::GiantHeader { bytes: 60_000 }, Answer(200, Complete, 2)),
        (Behaviour::GiantHeader { bytes: 66_000 }, None(Cause::Protocol)),
        (Behaviour::ManyHeaders { count: 99 }, Answer(200, Complete, 2)),
        (Behaviour::ManyHeaders { count: 101 }, None(Cause::Protocol)),
        (Behaviour::InterimFlood { count: 500 }, Answer(200, Complete, 2)),
        (Behaviour::Garbage, None(Cause::Protocol)),
        (Behaviour::TlsAlert, None(Cause::Protocol)),
        (Behaviour::Http09, None(Cause::Protocol)),
        (Behaviour::HalfHead, None(Cause::Reset)),
        (Behaviour::StatusLine("HTTP/1.1 099 Low"), None(Cause::Protocol)),
        (Behaviour::StatusLine("HTTP/1.1 999 High"), Answer(999, Complete, 0)),
        (Behaviour::StatusLine("HTTP/1.1 2000 Long"), None(Cause::Protocol)),
        (Behaviour::StatusLine("HTTP/1.1 OK"), None(Cause::Protocol)),
        (Behaviour::StatusLine("HTTP/2.0 200 OK"), None(Cause::Protocol)),
        (Behaviour::StatusLine("HTTP/1.0 200 OK"), Answer(200, Complete, 0)),
        (Behaviour::StatusLine("HTTP/1.1 101 Switching Protocols"), Answer(101, Complete, 0)),
        (Behaviour::BadChunkSize, Answer(200, Broken, 0)),
        (Behaviour::HugeChunkSize, Answer(200, Broken, 0)),
        (Behaviour::ChunkCutOff, Answer(200, Broken, 2)),
        (Behaviour::ShortBody, Answer(200, Broken, 10)),
        (Behaviour::LongBody, Answer(200, Complete, 2)),
        (Behaviour::TwoLengths, None(Cause::Protocol)),
        (Behaviour::LengthAndChunks, Answer(200, Complete, 4)),
        (Behaviour::Length("-1"), None(Cause::Protocol)),
        (Behaviour::Length("99999999999999999999"), None(Cause::Protocol)),
        (Behaviour::Length("0x10"), None(Cause::Protocol)),
        (Behaviour::Length("18446744073709551615"), None(Cause::Protocol)),
        (Behaviour::UnaskedAnswer, Answer(200, Complete, 2)),
        (redirect, Answer(302, Complete, 4)),
        (bomb, Answer(200, Complete, 500)),
        (Behaviour::OddHeaders, None(Cause::Protocol)),
    ];
    let egress = egress();
    for (behaviour, expected) in table {
        let server = HostileServer::start(behaviour.clone()).await.unwrap();
        let reply = call(&egress, &server.url("/")).await;
        assert_eq!(seen(&reply), expected, "{behaviour:?}");
        assert!(reply.duration < SOON, "{behaviour:?}: {:?}", reply.duration);
        assert_eq!(server.sightings().len(), 1, "{behaviour:?}: called more than once");
    }
}

#[tokio::test]
async fn two_gigabytes_are_not_read() {
    let egress = egress();
    let server = HostileServer::start(Behaviour::HugeBody { bytes: 2 << 30 }).await.unwrap();
    let reply = call(&egress, &server.url("/")).await;
    let Outcome::Delivered(answer) = &reply.outcome else { panic!("{reply:?}") };
    assert_eq!((answer.body.len(), answer.body_end), (RESPONSE_BODY_BYTES_MAX, BodyEnd::Capped));
    let ended = server.wait_ended(1, SOON).await.unwrap().remove(0);
    assert!(matches!(ended.end, Some((_, End::PeerClosed | End::PeerReset))), "{:?}", ended.end);
    // Our reads and the kernel's buffers on the way.
    assert!(ended.written < 16 << 20, "{} bytes were taken", ended.written);
    assert_eq!(egress.idle_connections(), 0);
}

#[tokio::test]
async fn poison_comes_back_as_it_was_sent() {
    let egress = egress();
    for (name, body) in POISON_BODIES {
        let server = HostileServer::start(Behaviour::Body(body.to_vec())).await.unwrap();
        let reply = call(&egress, &server.url("/")).await;
        assert_eq!(reply.outcome.answer().unwrap().body, body, "{name}");
    }
}

#[tokio::test]
async fn odd_retry_after_values_come_back_as_text() {
    let egress = egress();
    for value in RETRY_AFTER_ODDITIES {
        let behaviour = Behaviour::RetryAfter { status: 503, value: value.to_owned() };
        let server = HostileServer::start(behaviour).await.unwrap();
        let reply = call(&egress, &server.url("/")).await;
        assert_eq!(reply.outcome.answer().unwrap().retry_after.as_deref(), Some(value.trim()), "{value:?}");
    }
}

#[tokio::test]
async fn an_unasked_answer_is_never_taken_for_the_next_one() {
    let egress = egress();
    let server = HostileServer::start(Behaviour::UnaskedAnswer).await.unwrap();
    for turn in 0..3 {
        let reply = call(&egress, &server.url("/")).await;
        let answer = reply.outcome.answer().unwrap();
        assert_eq!((answer.status, answer.body.as_ref()), (200, b"ok".as_slice()), "turn {turn}");
        assert!(!reply.reused, "turn {turn}");
    }
}

#[tokio::test]
async fn a_thousand_hostile_calls_at_once_all_end() {
    let egress = egress();
    let behaviours = [
        Behaviour::EndlessBody,
        Behaviour::EndlessHeaders,
        Behaviour::EndlessInterim,
        Behaviour::Silence,
        Behaviour::SlowBody { pause: Duration::from_millis(50) },
        Behaviour::ResetAfterRequest,
    ];
    let mut servers = Vec::new();
    for behaviour in behaviours {
        servers.push(HostileServer::start(behaviour).await.unwrap());
    }
    let calls = (0..1_000).map(|turn| {
        let mut request = crate::support::request(&servers[turn % servers.len()].url("/"));
        request.time_limit = Duration::from_secs(2);
        ringup_egress::Caller::call(&egress, request)
    });
    let replies = futures_util::future::join_all(calls).await;
    for reply in &replies {
        assert!(reply.duration < Duration::from_secs(3) + SOON, "{reply:?}");
    }
    let timed_out = replies.iter().filter(|reply| matches!(reply.outcome, Outcome::TimedOut(_))).count();
    assert!(timed_out >= 400, "{timed_out}");
    assert_eq!(egress.idle_connections(), 0);
}
