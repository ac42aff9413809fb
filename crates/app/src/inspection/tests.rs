use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use ringup_core::outcome::{Answer, BlockedBy, Cause as Why};
use ringup_core::timing::Timing;
use ringup_egress::{Reply, Sight, TlsSeen};

use super::*;

const NOW: Timestamp = Timestamp::from_secs(1_795_422_600);
const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7));

fn probe(outcome: Outcome, remote: bool, tls: Option<Result<TlsSeen, TlsFault>>) -> Probe {
    let remote = remote.then(|| SocketAddr::new(ADDRESS, 443));
    let timing = Timing { resolve: Some(Duration::from_millis(3)), ..Timing::default() };
    let reply = Reply { outcome, duration: Duration::from_millis(90), timing, remote, reused: false };
    Probe { reply, sight: Sight { addresses: vec![ADDRESS], tls } }
}

fn tls(left: Duration) -> Option<Result<TlsSeen, TlsFault>> {
    Some(Ok(TlsSeen { version: "1.3", certificate_ends_at: Some(NOW.saturating_add(left)) }))
}

#[track_caller]
fn check(probe: &Probe, is_https: bool, expected: &[(&str, &str)]) {
    let found: Vec<(&str, &str)> = lines(probe, is_https, false, None, NOW)
        .iter()
        .map(|line| (line.verdict.word(), line.finding.word()))
        .collect();
    assert_eq!(found, expected);
}

const LONG: Duration = Duration::from_hours(61 * 24);

fn answered(status: u16) -> Outcome {
    Outcome::answered(Answer { status, ..Answer::default() })
}

#[test]
fn every_step_of_a_receiver_that_is_well_is_good() {
    let good =
        [("good", "resolved"), ("good", "permitted"), ("good", "connected"), ("good", "valid"), ("good", "answered")];
    check(&probe(answered(204), true, tls(LONG)), true, &good);
}

#[test]
fn a_call_ends_at_the_step_that_failed_and_the_rest_is_not_reached() {
    let not = ("not_reached", "not_reached");
    check(&probe(Outcome::Unreachable(Why::Dns), false, None), true, &[("bad", "dns"), not, not, not, not]);
    let blocked = probe(Outcome::Blocked(BlockedBy::Address), false, None);
    check(&blocked, true, &[("good", "resolved"), ("bad", "blocked_address"), not, not, not]);
    let (resolved, permitted, connected) = (("good", "resolved"), ("good", "permitted"), ("good", "connected"));
    let refused = probe(Outcome::Unreachable(Why::Refused), false, None);
    check(&refused, true, &[resolved, permitted, ("bad", "refused"), not, not]);
    for (fault, word) in [
        (TlsFault::Expired, "expired"),
        (TlsFault::NotYetValid, "not_yet_valid"),
        (TlsFault::OtherName, "other_name"),
        (TlsFault::UnknownIssuer, "unknown_issuer"),
        (TlsFault::Other, "handshake"),
    ] {
        let probe = probe(Outcome::Unreachable(Why::Tls), true, Some(Err(fault)));
        check(&probe, true, &[resolved, permitted, connected, ("bad", word), not]);
    }
    let silent = probe(Outcome::TimedOut(Phase::Wait), true, tls(LONG));
    check(&silent, true, &[resolved, permitted, connected, ("good", "valid"), ("bad", "timed_out")]);
}

#[test]
fn what_answers_but_refuses_is_doubtful_as_is_plain_http_and_a_certificate_that_ends_soon() {
    let (resolved, permitted, connected) = (("good", "resolved"), ("good", "permitted"), ("good", "connected"));
    let soon = probe(answered(401), true, tls(Duration::from_hours(24)));
    check(&soon, true, &[resolved, permitted, connected, ("doubtful", "ends_soon"), ("doubtful", "unauthorized")]);
    let plain = probe(answered(200), true, None);
    check(&plain, false, &[resolved, permitted, connected, ("doubtful", "plain_http"), ("good", "answered")]);
}

#[test]
fn a_token_that_cannot_be_had_is_a_line_of_its_own() {
    let refused = Err(NoToken::Refused { status: 401, error: None });
    let token = Some((&refused, Duration::from_millis(5)));
    let lines = lines(&probe(answered(401), true, tls(LONG)), true, false, token, NOW);
    let words: Vec<_> = lines.iter().map(|line| (line.step.word(), line.finding.word())).collect();
    assert_eq!(words[4..], [("token", "token_refused"), ("ping", "unauthorized")]);
}
