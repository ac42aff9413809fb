//! Certificates that are good, and those that are not.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType, date_time_ymd};
use ringup_core::outcome::{Cause, Outcome, Phase};
use ringup_egress::client_tls::{ClientTls, TlsProblem};
use ringup_egress::{Caller, Egress, EgressPlan, load_roots};
use ringup_testkit::hostile::{Behaviour, HostileServer};
use ringup_testkit::receiver::{Receiver, Setup};
use ringup_testkit::tempdir::TempDir;
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::support::{SOON, plan, request};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate for `127.0.0.1` and `localhost`, changed by `change`.
fn signed_by(authority: &Authority, change: impl FnOnce(&mut CertificateParams)) -> ServerConfig {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.subject_alt_names.push(SanType::IpAddress([127, 0, 0, 1].into()));
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
    server(certificate.der().clone(), &key)
}

fn server(certificate: CertificateDer<'static>, key: &KeyPair) -> ServerConfig {
    builder().with_no_client_auth().with_single_cert(vec![certificate], private(key)).unwrap()
}

fn builder() -> rustls::ConfigBuilder<ServerConfig, rustls::WantsVerifier> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap()
}

fn private(key: &KeyPair) -> PrivateKeyDer<'static> {
    PrivateKeyDer::try_from(key.serialize_der()).unwrap()
}

async fn receiver(config: ServerConfig) -> Receiver {
    Receiver::start_with(Setup { tls: Some(Arc::new(config)), ..Setup::default() }).await.unwrap()
}

/// HTTPS only, with this authority trusted.
fn trusting(authority: &Authority) -> Egress {
    let plan = EgressPlan { allow_http: false, extra_roots: vec![authority.der().clone()], ..plan() };
    Egress::new(plan).unwrap()
}

#[tokio::test]
async fn a_trusted_certificate_is_called_by_address_and_by_name() {
    let authority = authority();
    let receiver = receiver(signed_by(&authority, |_| {})).await;
    let egress = trusting(&authority);
    for (url, connections) in
        [(receiver.url("/"), 1), (receiver.url("/"), 1), (receiver.url("/").replace("127.0.0.1", "localhost"), 2)]
    {
        let reply = egress.call(request(&url)).await;
        assert!(matches!(reply.outcome, Outcome::Delivered(_)), "{url}: {reply:?}");
        assert_eq!(receiver.connections(), connections, "{url}");
        assert_eq!(reply.timing.tls.is_some(), !reply.reused);
    }
}

#[tokio::test]
async fn a_certificate_that_does_not_hold_is_refused() {
    let (known, unknown) = (authority(), authority());
    let self_signed = {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.subject_alt_names.push(SanType::IpAddress([127, 0, 0, 1].into()));
        server(params.self_signed(&key).unwrap().der().clone(), &key)
    };
    for (what, config) in [
        ("expired", signed_by(&known, |params| params.not_after = date_time_ymd(2020, 1, 1))),
        ("not yet valid", signed_by(&known, |params| params.not_before = date_time_ymd(2090, 1, 1))),
        (
            "another address",
            signed_by(&known, |params| {
                params.subject_alt_names = vec![SanType::IpAddress([127, 0, 0, 2].into())];
            }),
        ),
        (
            "another name",
            signed_by(&known, |params| {
                params.subject_alt_names = vec![SanType::DnsName("example.com".try_into().unwrap())];
            }),
        ),
        ("no name", signed_by(&known, |params| params.subject_alt_names.clear())),
        ("unknown authority", signed_by(&unknown, |_| {})),
        ("self-signed", self_signed),
    ] {
        let receiver = receiver(config).await;
        let reply = trusting(&known).call(request(&receiver.url("/"))).await;
        assert_eq!(reply.outcome, Outcome::Unreachable(Cause::Tls), "{what}");
        receiver.wait_tls_failure(SOON).await.unwrap();
        assert_eq!(receiver.count(), 0, "{what}");
    }
}

#[tokio::test]
async fn our_own_authority_is_not_trusted_unless_named() {
    let authority = authority();
    let receiver = receiver(signed_by(&authority, |_| {})).await;
    let reply = Egress::new(plan()).unwrap().call(request(&receiver.url("/"))).await;
    assert_eq!(reply.outcome, Outcome::Unreachable(Cause::Tls));
}

/// A receiver for `127.0.0.1` that lets in whom the authority has signed.
async fn particular(authority: &Authority) -> Receiver {
    let mut clients = rustls::RootCertStore::empty();
    clients.add(authority.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier =
        rustls::server::WebPkiClientVerifier::builder_with_provider(clients.into(), provider).build().unwrap();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.subject_alt_names.push(SanType::IpAddress([127, 0, 0, 1].into()));
    let certificate = params.signed_by(&key, authority).unwrap();
    let config = builder()
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![certificate.der().clone()], private(&key))
        .unwrap();
    receiver(config).await
}

/// A certificate for clients, and its key, as PEM.
fn client(authority: &Authority) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["till-7".to_owned()]).unwrap();
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    (params.signed_by(&key, authority).unwrap().pem(), key.serialize_pem())
}

#[tokio::test]
async fn a_receiver_that_wants_our_certificate_is_a_tls_failure() {
    let authority = authority();
    let receiver = particular(&authority).await;
    let reply = trusting(&authority).call(request(&receiver.url("/"))).await;
    assert_eq!(reply.outcome, Outcome::Unreachable(Cause::Tls));
}

#[tokio::test]
async fn our_certificate_is_shown_where_an_endpoint_has_one() {
    let (authority, stranger) = (authority(), authority());
    let receiver = particular(&authority).await;
    let egress = trusting(&authority);
    let (certificate, key) = client(&authority);
    let with = |pem: &str| Some(ClientTls::new(egress.plan(), Some(pem), None).unwrap());
    for pem in [format!("{certificate}{key}"), format!("{key}\n# ours\n{certificate}")] {
        let mut request = request(&receiver.url("/"));
        request.tls = with(&pem);
        assert!(matches!(egress.call(request).await.outcome, Outcome::Delivered(_)));
    }
    let (certificate, key) = client(&stranger);
    let mut unknown = request(&receiver.url("/"));
    unknown.tls = with(&format!("{certificate}{key}"));
    assert_eq!(egress.call(unknown).await.outcome, Outcome::Unreachable(Cause::Tls));
    // The connection on which we were known is not for who shows nothing.
    assert_eq!(egress.call(request(&receiver.url("/"))).await.outcome, Outcome::Unreachable(Cause::Tls));
    assert_eq!(receiver.count(), 2);
}

#[tokio::test]
async fn an_endpoint_may_trust_an_authority_of_its_own() {
    let authority = authority();
    let receiver = receiver(signed_by(&authority, |_| {})).await;
    let egress = Egress::new(EgressPlan { allow_http: false, ..plan() }).unwrap();
    let mut trusting = request(&receiver.url("/"));
    trusting.tls = Some(ClientTls::new(egress.plan(), None, Some(&authority.pem())).unwrap());
    assert!(matches!(egress.call(trusting).await.outcome, Outcome::Delivered(_)));
    assert_eq!(egress.call(request(&receiver.url("/"))).await.outcome, Outcome::Unreachable(Cause::Tls));
}

#[test]
fn what_is_wrong_with_a_certificate_is_said() {
    let authority = authority();
    let ((certificate, key), (_, other_key)) = (client(&authority), client(&authority));
    let problem = |pem: &str| ClientTls::new(&plan(), Some(pem), None).unwrap_err();
    assert_eq!(problem("nothing"), TlsProblem::NoCertificate);
    assert_eq!(problem(&key), TlsProblem::NoCertificate);
    assert_eq!(problem(&certificate), TlsProblem::NoKey);
    assert_eq!(problem(&format!("{certificate}{other_key}")), TlsProblem::NotAPair);
    assert_eq!(ClientTls::new(&plan(), None, Some("nothing")).unwrap_err(), TlsProblem::NoCertificate);
}

#[tokio::test]
async fn a_receiver_without_tls_is_a_tls_failure_or_a_reset() {
    let authority = authority();
    for (behaviour, expected) in [
        (Behaviour::CloseAfterAccept, Outcome::Unreachable(Cause::Reset)),
        (Behaviour::ResetAfterAccept, Outcome::Unreachable(Cause::Reset)),
    ] {
        let server = HostileServer::start(behaviour.clone()).await.unwrap();
        let url = server.url("/").replace("http:", "https:");
        assert_eq!(trusting(&authority).call(request(&url)).await.outcome, expected, "{behaviour:?}");
    }
    let plain = Receiver::start(200).await.unwrap();
    let mut request = request(&plain.url("/").replace("http:", "https:"));
    request.time_limit = SOON / 10;
    let outcome = trusting(&authority).call(request).await.outcome;
    let expected =
        [Outcome::Unreachable(Cause::Tls), Outcome::Unreachable(Cause::Reset), Outcome::TimedOut(Phase::Tls)];
    assert!(expected.contains(&outcome), "{outcome:?}");
}

#[tokio::test]
async fn authorities_are_read_from_pem_files() {
    let authority = authority();
    let folder = TempDir::new("egress-roots").unwrap();
    let (good, empty) = (folder.path().join("ca.pem"), folder.path().join("empty.pem"));
    std::fs::write(&good, format!("# our own\n{}", authority.pem())).unwrap();
    std::fs::write(&empty, "nothing here").unwrap();
    assert_eq!(load_roots(&[&good, &good]).unwrap(), vec![authority.der().clone(); 2]);
    for (path, words) in [(&empty, "no certificate in"), (&folder.path().join("missing.pem"), "missing.pem")] {
        let problem = load_roots(&[path]).unwrap_err().to_string();
        assert!(problem.contains(words), "{problem}");
    }
}
