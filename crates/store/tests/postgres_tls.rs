//! The way to the database: with TLS, and only to a server that proves who it is.

use std::sync::Arc;
use std::time::Duration;

use ringup_core::time::Timestamp;
use ringup_store::postgres::{Plan, PostgresStore};
use ringup_store::sealed::SealingKey;
use ringup_store::seam::Store as _;
use ringup_testkit::postgres::Postgres;
use ringup_testkit::tls::{Authority, Leaf};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

const NAMES: &[&str] = &["localhost", "127.0.0.1"];

fn server(authority: &Authority, leaf: Leaf) -> Postgres {
    let (certificate, key) = authority.pem(NAMES, leaf).expect("a certificate");
    Postgres::with_tls(&certificate, &key).expect("a server with TLS")
}

fn plan(url: &str, trusted: Option<&Authority>) -> Plan {
    let roots: Vec<CertificateDer<'static>> =
        trusted.iter().map(|authority| CertificateDer::from_pem_file(authority.path()).expect("a root")).collect();
    let mut plan = Plan::new(url, &roots, SealingKey::of([7; 32]), "one".to_owned()).expect("an address");
    plan.answer_within = Duration::from_secs(60);
    plan.time_limit = Duration::from_secs(30);
    plan
}

/// Every one of its connections that the server knows, and whether it is encrypted.
fn connections(server: &Postgres) -> Vec<String> {
    let sql = "SELECT s.ssl || ' ' || s.version FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid)
               WHERE a.application_name = 'ringup'";
    server.run(sql).expect("it says so").lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn all_connections_are_encrypted_where_the_server_offers_it() {
    let authority = Authority::new().expect("an authority");
    let server = server(&authority, Leaf::Good);
    // Taken where it is offered, unless it is asked for more strictly.
    for (host, parameters) in [("localhost", "sslmode=require"), ("127.0.0.1", "sslmode=prefer")] {
        let url = server.schema_at(host, parameters).expect("a schema");
        let store = PostgresStore::open(plan(&url, Some(&authority))).await.expect("it opens");
        store.backlog(Timestamp::default(), 1).await.expect("it is read");
        let connections = connections(&server);
        assert!(connections.len() > 1, "the writer and readers: {connections:?}");
        assert!(connections.iter().all(|connection| connection == "true TLSv1.3"), "{connections:?}");
        store.close().await.expect("it closes");
    }
}

#[tokio::test]
async fn a_server_that_cannot_prove_who_it_is_gets_nothing() {
    let authority = Authority::new().expect("an authority");
    let wrong = [
        (Leaf::WrongName, Some(&authority), "not valid for name"),
        (Leaf::Expired, Some(&authority), "expired"),
        (Leaf::OtherAuthority, Some(&authority), "BadSignature"),
        (Leaf::Good, None, "UnknownIssuer"),
    ];
    for (leaf, trusted, says) in wrong {
        let server = server(&authority, leaf);
        // Not without TLS either.
        let url = server.schema_at("localhost", "sslmode=prefer").expect("a schema");
        let mut plan = plan(&url, trusted);
        let (say, mut said) = tokio::sync::mpsc::unbounded_channel();
        plan.tell = Arc::new(move |why| drop(say.send(why.to_owned())));
        // It is tried again and again, and said why.
        let refused = tokio::select! {
            opened = PostgresStore::open(plan) => panic!("{leaf:?}: {:?}", opened.err()),
            said = said.recv() => said.expect("it says so"),
        };
        assert!(refused.contains(says), "{leaf:?}: {refused}");
        assert!(connections(&server).is_empty(), "{leaf:?}");
    }
}
