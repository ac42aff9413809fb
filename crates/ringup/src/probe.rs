//! `ringup health`: asks a running server whether it is well.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use anyhow::{Context as _, bail};

/// For connecting and for the answer, each.
const PATIENCE: Duration = Duration::from_secs(5);

/// Bytes of the answer that are looked at.
const ANSWER_BYTES_MAX: u64 = 4_096;

/// The words of the answer, and whether they are good ones.
pub fn health(url: Option<&str>, listen: SocketAddr) -> anyhow::Result<(bool, String)> {
    let (authority, address) = address(url, listen)?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)
        .with_context(|| format!("nothing answers at {authority}; is `ringup serve` running there?"))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET /api/v1/health HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer).with_context(|| format!("no answer from {authority}"))?;
    let answer = String::from_utf8_lossy(&answer);
    let status = answer.split(' ').nth(1).unwrap_or_default();
    if status.starts_with('2') {
        return Ok((true, format!("{authority} is well")));
    }
    let detail = answer.split("\r\n\r\n").nth(1).unwrap_or_default().trim();
    Ok((false, format!("{authority} is not well: status {status} {detail}")))
}

/// Where a server is: at the address that is given, else where this machine's configuration has it listen.
pub fn address(url: Option<&str>, listen: SocketAddr) -> anyhow::Result<(String, SocketAddr)> {
    match url {
        Some(url) => resolve(url),
        None => Ok((listen.to_string(), reachable(listen))),
    }
}

fn resolve(url: &str) -> anyhow::Result<(String, SocketAddr)> {
    let Some(rest) = url.strip_prefix("http://") else {
        bail!("{url:?} is not an http:// address; ask the server itself, not the proxy in front of it");
    };
    let authority = rest.split('/').next().unwrap_or_default();
    let with_port = if authority.rsplit(']').next().is_some_and(|end| end.contains(':')) {
        authority.to_owned()
    } else {
        format!("{authority}:80")
    };
    let address = with_port
        .to_socket_addrs()
        .with_context(|| format!("{with_port:?} is not a host and port"))?
        .next()
        .with_context(|| format!("{with_port:?} has no address"))?;
    Ok((authority.to_owned(), address))
}

/// A server that listens everywhere is asked on the loopback address.
fn reachable(listen: SocketAddr) -> SocketAddr {
    match listen {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => SocketAddr::from(([127, 0, 0, 1], v4.port())),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], v6.port())),
        other => other,
    }
}
