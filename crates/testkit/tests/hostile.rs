//! Hostile receivers, seen by a raw client.

use std::{io, time::Duration};

use anyhow::{Result, ensure};
use ringup_testkit::hostile::{Behaviour, End, HostileServer, POISON_BODIES, RETRY_AFTER_ODDITIES};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const DEADLINE: Duration = Duration::from_secs(20);
const REQUEST: &[u8] = b"POST /hook HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody";

async fn connect(server: &HostileServer) -> Result<TcpStream> {
    let mut socket = TcpStream::connect(server.address()).await?;
    socket.write_all(REQUEST).await?;
    Ok(socket)
}

/// Reads until the answer holds `words`; the rest is not read.
async fn read_to(socket: &mut TcpStream, words: &str) -> Result<Vec<u8>> {
    let mut answer = Vec::new();
    while !answer.windows(words.len()).any(|window| window == words.as_bytes()) {
        ensure!(socket.read_buf(&mut answer).await? > 0, "ended before {words:?}: {answer:?}");
    }
    Ok(answer)
}

/// The whole answer of a behaviour that closes by itself.
async fn whole(behaviour: Behaviour) -> Result<Vec<u8>> {
    let server = HostileServer::start(behaviour).await?;
    let mut answer = Vec::new();
    let mut socket = connect(&server).await?;
    socket.read_to_end(&mut answer).await?;
    drop(socket);
    let seen = server.wait_ended(1, DEADLINE).await?;
    assert_eq!((seen[0].end.map(|(_, end)| end), seen[0].written), (Some(End::PeerClosed), answer.len() as u64));
    Ok(answer)
}

#[tokio::test]
async fn silence_lasts_until_the_peer_leaves() -> Result<()> {
    let server = HostileServer::start(Behaviour::Silence).await?;
    let socket = connect(&server).await?;
    let seen = server.wait_until(DEADLINE, |seen| seen.first().is_some_and(|first| first.requests == 1)).await?;
    assert_eq!((seen[0].request.as_slice(), seen[0].written, seen[0].end), (REQUEST, 0, None));
    assert!(server.wait_ended(1, Duration::from_millis(1)).await.is_err());
    drop(socket);
    let seen = server.wait_ended(1, DEADLINE).await?;
    assert_eq!(seen[0].end.map(|(_, end)| end), Some(End::PeerClosed));
    assert!(seen[0].lasted() > Some(Duration::ZERO));
    Ok(())
}

#[tokio::test]
async fn resets_are_resets() -> Result<()> {
    for behaviour in [Behaviour::ResetAfterAccept, Behaviour::ResetAfterRequest, Behaviour::ResetInBody] {
        let server = HostileServer::start(behaviour).await?;
        // A reset right after accepting can hit the request as well as the answer.
        let reset = async {
            let mut socket = connect(&server).await?;
            socket.read_to_end(&mut Vec::new()).await?;
            anyhow::Ok(())
        };
        let error = reset.await.expect_err("the connection is reset").downcast::<io::Error>()?;
        assert!(matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe), "{error}");
        assert_eq!(server.wait_ended(1, DEADLINE).await?[0].end.map(|(_, end)| end), Some(End::WeReset));
    }
    Ok(())
}

#[tokio::test]
async fn closes_and_half_answers_end_where_they_say() -> Result<()> {
    assert_eq!(whole(Behaviour::CloseWithoutAnswer).await?, b"");
    assert_eq!(whole(Behaviour::Http09).await?, b"<html>1991</html>");
    assert_eq!(whole(Behaviour::Garbage).await?.len(), 256);
    let cases: [(Behaviour, &str); 6] = [
        (Behaviour::CloseAfterKeepAlive, "\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok"),
        (Behaviour::HalfHead, "HTTP/1.1 200 OK\r\ncontent-le"),
        (Behaviour::ShortBody, "content-length: 100\r\n\r\nten bytes."),
        (Behaviour::BadChunkSize, "\r\n\r\nzz\r\nab\r\n"),
        (Behaviour::StatusLine("HTTP/1.1 99999 Big"), "HTTP/1.1 99999 Big\r\ncontent-length: 0\r\n\r\n"),
        (Behaviour::Length("-1"), "content-length: -1\r\n\r\n"),
    ];
    for (behaviour, end) in cases {
        let answer = whole(behaviour.clone()).await?;
        assert!(answer.ends_with(end.as_bytes()), "{behaviour:?}: {}", String::from_utf8_lossy(&answer));
    }
    Ok(())
}

#[tokio::test]
async fn drips_come_byte_by_byte_and_stop_when_the_peer_leaves() -> Result<()> {
    let pause = Duration::from_millis(5);
    for behaviour in [Behaviour::SlowHeaders { pause }, Behaviour::SlowBody { pause }] {
        let server = HostileServer::start(behaviour).await?;
        let mut socket = connect(&server).await?;
        read_to(&mut socket, "zzz").await?;
        drop(socket);
        let seen = server.wait_ended(1, DEADLINE).await?;
        assert!(seen[0].written < 1000 && seen[0].lasted() >= Some(2 * pause), "{seen:?}");
    }
    Ok(())
}

#[tokio::test]
async fn endless_answers_report_how_much_was_taken() -> Result<()> {
    let two_gb = Behaviour::HugeBody { bytes: 2_000_000_000 };
    let chunks = Behaviour::EndlessChunks;
    for behaviour in [two_gb, Behaviour::EndlessBody, chunks, Behaviour::EndlessHeaders, Behaviour::EndlessInterim] {
        let server = HostileServer::start(behaviour.clone()).await?;
        let mut socket = connect(&server).await?;
        let mut taken = vec![0; 300_000];
        socket.read_exact(&mut taken).await?;
        drop(socket);
        let seen = server.wait_ended(1, DEADLINE).await?;
        assert_eq!(seen[0].end.map(|(_, end)| end), Some(End::PeerReset), "{behaviour:?}");
        assert!((300_000..50_000_000).contains(&seen[0].written), "{behaviour:?}: {}", seen[0].written);
    }
    Ok(())
}

#[tokio::test]
async fn well_formed_oddities_are_answered_again_and_again_on_one_connection() -> Result<()> {
    let redirect = Behaviour::Redirect { status: 307, location: "http://169.254.169.254/latest".to_owned() };
    let encoded = Behaviour::Encoded { encoding: "gzip", body: b"\x1f\x8bnot gzip".to_vec() };
    let mut cases = vec![
        (redirect, "location: http://169.254.169.254/latest\r\ncontent-length: 4\r\n\r\nover".to_owned()),
        (encoded, "not gzip".to_owned()),
        (Behaviour::GiantHeader { bytes: 70_000 }, "zz\r\ncontent-length: 2\r\n\r\nok".to_owned()),
        (Behaviour::ManyHeaders { count: 200 }, "x-199: 199\r\ncontent-length: 2\r\n\r\nok".to_owned()),
        (Behaviour::InterimFlood { count: 50 }, "\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok".to_owned()),
        (Behaviour::LengthAndChunks, "okok\r\n0\r\n\r\n".to_owned()),
    ];
    for value in RETRY_AFTER_ODDITIES {
        let behaviour = Behaviour::RetryAfter { status: 503, value: value.to_owned() };
        cases.push((behaviour, format!("retry-after: {value}\r\ncontent-length: 0\r\n\r\n")));
    }
    for (behaviour, end) in cases {
        let server = HostileServer::start(behaviour.clone()).await?;
        let mut socket = connect(&server).await?;
        read_to(&mut socket, &end).await?;
        socket.write_all(REQUEST).await?;
        read_to(&mut socket, &end).await?;
        assert_eq!((server.sightings().len(), server.sightings()[0].requests), (1, 2), "{behaviour:?}");
    }
    Ok(())
}

#[tokio::test]
async fn poison_bodies_go_out_byte_for_byte() -> Result<()> {
    for (name, body) in POISON_BODIES {
        let server = HostileServer::start(Behaviour::Body(body.to_vec())).await?;
        let mut socket = connect(&server).await?;
        read_to(&mut socket, &format!("content-length: {}\r\n\r\n", body.len())).await?;
        drop(socket);
        let seen = server.wait_ended(1, DEADLINE).await?;
        assert!(seen[0].written > body.len() as u64, "{name}");
    }
    let answer = whole(Behaviour::OddHeaders).await?;
    assert!(answer.windows(12).any(|window| window == b"x-bytes: \x80\xff\r"), "{answer:?}");
    Ok(())
}
