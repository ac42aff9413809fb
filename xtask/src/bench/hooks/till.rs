//! Tills: questions at a steady pace over kept connections, each with its own time.

use std::{
    collections::BTreeMap,
    io::{self, BufRead as _},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
    time::sleep_until,
};

use super::super::part;

/// What an answer may be late.
const SLACK: Duration = Duration::from_millis(5);

/// What tills are to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TillOrder {
    pub target: SocketAddr,
    /// Asked in turn.
    pub paths: Vec<String>,
    /// Empty sends none.
    pub key: String,
    /// What each question says it can wait.
    pub deadline_ms: Option<u64>,
    pub sockets: usize,
    pub per_second: u32,
    pub calls: u64,
    /// Number of the first question: no two with the same are ever asked.
    pub first: u64,
}

/// What tills were told. Times in microseconds, from sending to the last byte of the answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TillReport {
    pub calls: u64,
    /// Without any answer.
    pub broken: u64,
    /// Answers after the deadline and the slack.
    pub late: u64,
    pub p50_us: u64,
    pub p99_us: u64,
    pub max_us: u64,
    /// How many were told what: the kind and the cause, or the status.
    pub said: BTreeMap<String, u64>,
}

struct Tally {
    /// Exact, in microseconds: what is looked for is smaller than a hundredth of what is measured.
    times: Vec<u32>,
    broken: u64,
    late: u64,
    said: BTreeMap<String, u64>,
}

pub fn run() -> Result<()> {
    let line = io::stdin().lock().lines().next().context("an order")??;
    let order: TillOrder = serde_json::from_str(&line)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    part::tell(&runtime.block_on(ask(Arc::new(order)))?)
}

async fn ask(order: Arc<TillOrder>) -> Result<TillReport> {
    let mut sockets = Vec::new();
    for _ in 0..order.sockets {
        let socket = TcpStream::connect(order.target).await?;
        socket.set_nodelay(true)?;
        sockets.push(socket);
    }
    let (next, started) = (Arc::new(AtomicU64::new(0)), Instant::now());
    let mut tills = JoinSet::new();
    for socket in sockets {
        tills.spawn(till(socket, order.clone(), next.clone(), started));
    }
    let mut all = Tally { times: Vec::new(), broken: 0, late: 0, said: BTreeMap::new() };
    while let Some(tally) = tills.join_next().await {
        let tally = tally.context("a till panicked")??;
        all.times.extend(tally.times);
        all.broken += tally.broken;
        all.late += tally.late;
        for (said, count) in tally.said {
            *all.said.entry(said).or_default() += count;
        }
    }
    all.times.sort_unstable();
    let count = all.times.len();
    let quantile = |permille: usize| {
        let rank = (count * permille).div_ceil(1000).max(1);
        all.times.get(rank - 1).copied().map_or(0, u64::from)
    };
    Ok(TillReport {
        calls: count as u64,
        broken: all.broken,
        late: all.late,
        p50_us: quantile(500),
        p99_us: quantile(990),
        max_us: quantile(1000),
        said: all.said,
    })
}

async fn till(mut socket: TcpStream, order: Arc<TillOrder>, next: Arc<AtomicU64>, started: Instant) -> Result<Tally> {
    let mut tally = Tally { times: Vec::new(), broken: 0, late: 0, said: BTreeMap::new() };
    let allowed = order.deadline_ms.map(|millis| Duration::from_millis(millis) + SLACK);
    let mut answer = Vec::with_capacity(1024);
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= order.calls {
            return Ok(tally);
        }
        sleep_until((started + Duration::from_secs_f64(number as f64 / f64::from(order.per_second))).into()).await;
        let request = request(&order, number);
        let since = Instant::now();
        socket.write_all(request.as_bytes()).await?;
        match read(&mut socket, &mut answer).await {
            Ok(()) => {}
            Err(_) => {
                tally.broken += 1;
                socket = TcpStream::connect(order.target).await?;
                socket.set_nodelay(true)?;
                continue;
            }
        }
        let took = since.elapsed();
        tally.times.push(u32::try_from(took.as_micros())?);
        tally.late += u64::from(allowed.is_some_and(|allowed| took > allowed));
        *tally.said.entry(said(&answer)).or_default() += 1;
    }
}

fn request(order: &TillOrder, number: u64) -> String {
    let number = order.first + number;
    let path = &order.paths[usize::try_from(number).unwrap_or(0) % order.paths.len()];
    let body = format!("{{\"Outlet\":\"Kemang\",\"Phone\":\"+62{number:012}\",\"Email\":\"\",\"Code\":\"\"}}");
    let key = if order.key.is_empty() { String::new() } else { format!("authorization: Bearer {}\r\n", order.key) };
    let deadline = order.deadline_ms.map(|millis| format!("ringup-deadline-ms: {millis}\r\n")).unwrap_or_default();
    format!(
        "POST {path} HTTP/1.1\r\nhost: {}\r\n{key}{deadline}content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        order.target,
        body.len()
    )
}

/// One answer with a length, whole.
async fn read(socket: &mut TcpStream, answer: &mut Vec<u8>) -> Result<()> {
    answer.clear();
    loop {
        ensure!(socket.read_buf(answer).await? > 0, "the connection ended");
        let Some(head) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let text = String::from_utf8_lossy(&answer[..head]).to_ascii_lowercase();
        let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length: usize = length.context("an answer without a length")?.trim().parse()?;
        while answer.len() < head + 4 + length {
            ensure!(socket.read_buf(answer).await? > 0, "the connection ended");
        }
        return Ok(());
    }
}

fn said(answer: &[u8]) -> String {
    let text = String::from_utf8_lossy(answer);
    let word = |name: &str| Some(text.split_once(&format!("\"{name}\":\""))?.1.split('"').next()?.to_owned());
    match (word("kind"), word("cause")) {
        (Some(kind), Some(cause)) => format!("{kind} {cause}"),
        (Some(kind), None) => kind,
        (None, _) => text.split(' ').nth(1).unwrap_or("no status").to_owned(),
    }
}
