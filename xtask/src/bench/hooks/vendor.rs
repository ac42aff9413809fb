//! Vendors: one that takes its time, one that is silent, one that does whatever can be done.

use std::{
    fmt,
    io::{self, BufRead as _},
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    time::Duration,
};

use anyhow::{Context, Result, bail};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::sleep,
};

use super::super::part;

/// How a vendor behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Habit {
    /// Answers well after so long.
    Good {
        millis: u64,
    },
    Silent,
    /// By turns whatever can be done.
    Hostile,
}

impl fmt::Display for Habit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Habit::Good { millis } => write!(f, "{millis}"),
            Habit::Silent => f.write_str("silent"),
            Habit::Hostile => f.write_str("hostile"),
        }
    }
}

impl FromStr for Habit {
    type Err = String;

    fn from_str(text: &str) -> Result<Habit, String> {
        match text {
            "silent" => Ok(Habit::Silent),
            "hostile" => Ok(Habit::Hostile),
            millis => match millis.parse() {
                Ok(millis) => Ok(Habit::Good { millis }),
                Err(_) => Err("expected milliseconds, silent or hostile".to_owned()),
            },
        }
    }
}

pub fn run(habit: Habit) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let count = Arc::new(AtomicU64::new(0));
    runtime.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        part::tell(&listener.local_addr()?)?;
        let teller = count.clone();
        let ended = tokio::task::spawn_blocking(move || {
            for line in io::stdin().lock().lines() {
                match line?.as_str() {
                    "count" => part::tell(&teller.load(Ordering::Relaxed))?,
                    other => bail!("no such command: {other}"),
                }
            }
            Ok(())
        });
        tokio::select! {
            result = accept(listener, habit, count) => result,
            result = ended => result?,
        }
    })
}

async fn accept(listener: TcpListener, habit: Habit, count: Arc<AtomicU64>) -> Result<()> {
    loop {
        let (socket, _) = listener.accept().await.context("taking a connection")?;
        socket.set_nodelay(true)?;
        // Whoever asked has gone, or was sent away: both are the point.
        tokio::spawn(serve(socket, habit, count.clone()));
    }
}

async fn serve(mut socket: TcpStream, habit: Habit, count: Arc<AtomicU64>) -> Result<()> {
    let mut request = Vec::with_capacity(1024);
    while read(&mut socket, &mut request).await? {
        let number = count.fetch_add(1, Ordering::Relaxed);
        match habit {
            Habit::Good { millis } => {
                hold(Duration::from_millis(millis)).await?;
                good(&mut socket).await?;
            }
            Habit::Silent => return silent(&mut socket).await,
            Habit::Hostile => hostile(&mut socket, number).await?,
        }
    }
    Ok(())
}

/// Waits on a thread for what never comes. The runtime's timer goes by whole milliseconds, which would hide or double a
/// part of one.
async fn hold(time: Duration) -> Result<()> {
    let wait = move || {
        let (_open, never) = mpsc::channel::<()>();
        never.recv_timeout(time)
    };
    // Always an error: nobody sends.
    let _ = tokio::task::spawn_blocking(wait).await?;
    Ok(())
}

/// One request, whole; false when there is none any more.
async fn read(socket: &mut TcpStream, request: &mut Vec<u8>) -> Result<bool> {
    request.clear();
    loop {
        if socket.read_buf(request).await? == 0 {
            return Ok(false);
        }
        let Some(head) = request.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let text = String::from_utf8_lossy(&request[..head]).to_ascii_lowercase();
        let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length: usize = length.and_then(|length| length.trim().parse().ok()).unwrap_or(0);
        if request.len() >= head + 4 + length {
            return Ok(true);
        }
    }
}

async fn good(socket: &mut TcpStream) -> Result<()> {
    answer(socket, "200 OK", "application/json", "{\"Point\":1240}").await
}

async fn answer(socket: &mut TcpStream, status: &str, kind: &str, body: &str) -> Result<()> {
    let length = body.len();
    let text = format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}");
    Ok(socket.write_all(text.as_bytes()).await?)
}

/// Until whoever asked gives up.
async fn silent(socket: &mut TcpStream) -> Result<()> {
    let mut unread = [0; 256];
    while socket.read(&mut unread).await? > 0 {}
    bail!("they are gone")
}

/// Byte by byte, until whoever asked gives up.
async fn drip(socket: &mut TcpStream, text: &str) -> Result<()> {
    for byte in text.as_bytes().chunks(1) {
        socket.write_all(byte).await?;
        sleep(Duration::from_millis(20)).await;
    }
    bail!("enough")
}

/// Of twenty: three silent, two that drip, two that are down, eight that are nonsense, five that are good. Those that are
/// down are few, so that the breaker seldom spares the vendor.
async fn hostile(socket: &mut TcpStream, number: u64) -> Result<()> {
    let json = "application/json";
    match number % 20 {
        0 | 7 | 13 => silent(socket).await,
        2 => drip(socket, &format!("HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{}", " ".repeat(900))).await,
        9 => drip(socket, &format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(900))).await,
        4 => {
            socket.set_zero_linger()?;
            bail!("reset")
        }
        15 => answer(socket, "503 Service Unavailable", json, "{}").await,
        1 => {
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", 1_u64 << 30);
            socket.write_all(head.as_bytes()).await?;
            let part = vec![b' '; 64 * 1024];
            loop {
                socket.write_all(&part).await?;
            }
        }
        3 => {
            socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 14\r\n\r\n{\"Poi").await?;
            bail!("broken off")
        }
        5 => answer(socket, "200 OK", "text/html", "<html>Welcome</html>").await,
        6 => answer(socket, "200 OK", json, "{\"Point\":NaN}").await,
        8 => answer(socket, "302 Found", json, "").await,
        10 => answer(socket, "200 OK", json, "").await,
        11 => answer(socket, "200 OK", json, "{\"Point\":1,\"point\":2}").await,
        12 => answer(socket, "404 Not Found", json, "{}").await,
        14 => {
            // Right at the edge of what the till waits.
            sleep(Duration::from_millis(149)).await;
            good(socket).await
        }
        16 => {
            sleep(Duration::from_millis(100)).await;
            good(socket).await
        }
        _ => {
            sleep(Duration::from_millis(number % 7 * 5)).await;
            good(socket).await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_habit_is_read_as_it_is_written() {
        for habit in [Habit::Good { millis: 50 }, Habit::Silent, Habit::Hostile] {
            assert_eq!(habit.to_string().parse(), Ok(habit));
        }
        assert!("often".parse::<Habit>().is_err());
    }
}
