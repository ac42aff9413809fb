//! What is seen on the way to a receiver, over real sockets.

use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair, SanType, date_time_ymd};
use ringup_core::outcome::{BlockedBy, Cause, Outcome};
use ringup_core::time::Timestamp;
use ringup_egress::{Caller, Egress, EgressPlan, TlsFault, TlsSeen};
use ringup_testkit::receiver::{Answer, Receiver, Setup};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::support::{egress, plan, request};

/// A receiver with a certificate that vouches for itself, and a caller that trusts it.
async fn with_tls(change: impl FnOnce(&mut CertificateParams)) -> (Receiver, Egress) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.subject_alt_names.push(SanType::IpAddress([127, 0, 0, 1].into()));
    change(&mut params);
    let certificate: CertificateDer<'static> = params.self_signed(&key).unwrap().der().clone();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = builder.with_no_client_auth().with_single_cert(vec![certificate.clone()], private).unwrap();
    let receiver = Receiver::start_with(Setup { tls: Some(Arc::new(config)), ..Setup::default() }).await.unwrap();
    let plan = EgressPlan { allow_http: false, extra_roots: vec![certificate], ..plan() };
    (receiver, Egress::new(plan).unwrap())
}

#[tokio::test]
async fn a_probe_sees_the_version_and_how_long_the_certificate_is_valid() {
    let (receiver, egress) = with_tls(|params| params.not_after = date_time_ymd(2099, 1, 2)).await;
    for connections in [1, 2] {
        let probe = egress.probe(request(&receiver.url("/"))).await;
        assert!(matches!(probe.reply.outcome, Outcome::Delivered(_)), "{probe:?}");
        assert_eq!(probe.sight.addresses, ["127.0.0.1".parse::<std::net::IpAddr>().unwrap()]);
        // 2099-01-02T00:00:00Z
        let until = Timestamp::from_secs(4_070_995_200);
        assert_eq!(probe.sight.tls, Some(Ok(TlsSeen { version: "1.3", certificate_ends_at: Some(until) })));
        assert_eq!(receiver.connections(), connections, "each on a connection of its own");
    }
}

#[tokio::test]
async fn a_probe_says_what_is_wrong_with_a_certificate() {
    let (receiver, egress) = with_tls(|params| params.not_after = date_time_ymd(2001, 1, 1)).await;
    let probe = egress.probe(request(&receiver.url("/"))).await;
    assert_eq!(
        (probe.reply.outcome, probe.sight.tls),
        (Outcome::Unreachable(Cause::Tls), Some(Err(TlsFault::Expired)))
    );
    let (receiver, egress) = with_tls(|params| {
        params.subject_alt_names = vec![SanType::DnsName("elsewhere.example".try_into().unwrap())];
    })
    .await;
    let probe = egress.probe(request(&receiver.url("/"))).await;
    assert_eq!(probe.sight.tls, Some(Err(TlsFault::OtherName)));
    let (receiver, _) = with_tls(|_| {}).await;
    let probe = egress.probe(request(&receiver.url("/"))).await;
    assert_eq!(probe.sight.tls, Some(Err(TlsFault::UnknownIssuer)));
}

#[tokio::test]
async fn a_probe_goes_by_the_guard_and_tells_no_address_that_it_forbids() {
    let receiver = Receiver::start(Answer::status(200)).await.unwrap();
    let closed = Egress::new(EgressPlan { allow_networks: Vec::new(), ..plan() }).unwrap();
    let probe = closed.probe(request(&receiver.url("/"))).await;
    assert_eq!(probe.reply.outcome, Outcome::Blocked(BlockedBy::Address));
    assert_eq!((probe.sight.addresses.len(), receiver.count()), (0, 0));
    let probe = egress().probe(request(&receiver.url("/"))).await;
    assert!(matches!(probe.reply.outcome, Outcome::Delivered(_)), "{probe:?}");
    assert_eq!((probe.sight.addresses.len(), probe.sight.tls), (1, None));
}
