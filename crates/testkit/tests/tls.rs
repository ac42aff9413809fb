//! Receivers behind TLS, called by a tokio-rustls client.

use std::{fs, time::Duration};

use anyhow::{Result, ensure};
use ringup_testkit::{
    receiver::Receiver,
    tls::{Authority, Leaf},
};
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

const DEADLINE: Duration = Duration::from_secs(10);

async fn post(authority: &Authority, receiver: &Receiver, name: &'static str) -> Result<String> {
    let socket = TcpStream::connect(receiver.address()).await?;
    let name = ServerName::try_from(name)?;
    let mut socket = TlsConnector::from(authority.client()?).connect(name, socket).await?;
    socket.write_all(b"POST /hook HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}").await?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
async fn a_good_certificate_lets_the_request_through() -> Result<()> {
    let authority = Authority::new()?;
    let receiver = authority.receiver(&["shop.example", "127.0.0.1"], Leaf::Good, 202).await?;
    assert_eq!(receiver.url("/hook"), format!("https://{}/hook", receiver.address()));
    for name in ["shop.example", "127.0.0.1"] {
        let answer = post(&authority, &receiver, name).await?;
        ensure!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
    }
    let records = receiver.wait_ended(2, DEADLINE).await?;
    assert!(records.iter().all(|record| record.complete && record.text() == "{}"));
    Ok(())
}

#[tokio::test]
async fn each_bad_certificate_is_refused_for_its_own_reason() -> Result<()> {
    let authority = Authority::new()?;
    let cases = [
        (Leaf::Expired, "expired"),
        (Leaf::NotYetValid, "not valid yet"),
        (Leaf::WrongName, "not valid for name"),
        (Leaf::SelfSigned, "UnknownIssuer"),
        (Leaf::OtherAuthority, "BadSignature"),
        (Leaf::ClientOnly, "extended key usage"),
    ];
    for (leaf, words) in cases {
        let receiver = authority.receiver(&["shop.example"], leaf, 200).await?;
        let error = post(&authority, &receiver, "shop.example").await.expect_err(words);
        assert!(error.to_string().contains(words), "{leaf:?}: {error}");
        receiver.wait_tls_failure(DEADLINE).await?;
        assert_eq!(receiver.count(), 0);
    }
    Ok(())
}

#[test]
fn the_authority_is_a_pem_file_that_goes_with_it() -> Result<()> {
    let authority = Authority::new()?;
    let path = authority.path().to_owned();
    assert!(fs::read_to_string(&path)?.starts_with("-----BEGIN CERTIFICATE-----"));
    drop(authority);
    assert!(!path.exists());
    Ok(())
}
