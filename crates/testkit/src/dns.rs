//! A name server that says what a test wants, differently each time if need be: UDP and TCP on one
//! loopback port.

use std::{
    collections::HashMap,
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use hickory_proto::{
    op::{Message, OpCode, Query, ResponseCode},
    rr::{Name, RData, Record, RecordType, rdata::CNAME},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UdpSocket},
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::timeout_at,
};

/// Questions one server remembers; it answers no more after that.
const QUESTIONS_MAX: usize = 1_000_000;
/// Ports that are tried until one is free for both UDP and TCP.
const PORTS_MAX: usize = 20;

/// One question, as the closure sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// In lower case, without the last dot.
    pub name: String,
    pub kind: RecordType,
    /// How often this name and kind were asked for before.
    pub nth: u64,
    pub over_tcp: bool,
    pub at: Instant,
}

/// What the server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub says: Says,
    /// Seconds that the answer may be remembered.
    pub ttl_s: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Says {
    /// Those of the asked kind; none of them is an empty answer (NODATA).
    Addresses(Vec<IpAddr>),
    /// The name is another name for this one, which has these addresses.
    Alias(String, Vec<IpAddr>),
    /// NXDOMAIN.
    NoSuchName,
    /// This response code, such as SERVFAIL.
    Code(ResponseCode),
    /// Nothing at all.
    Nothing,
    /// Bytes that are no DNS message.
    Garbage,
}

impl Answer {
    /// Addresses that must not be remembered.
    pub fn addresses(addresses: impl IntoIterator<Item = impl Into<IpAddr>>) -> Self {
        Self { says: Says::Addresses(addresses.into_iter().map(Into::into).collect()), ttl_s: 0 }
    }

    pub fn no_such_name() -> Self {
        Self { says: Says::NoSuchName, ttl_s: 0 }
    }

    pub fn failure() -> Self {
        Self { says: Says::Code(ResponseCode::ServFail), ttl_s: 0 }
    }

    pub fn nothing() -> Self {
        Self { says: Says::Nothing, ttl_s: 0 }
    }

    /// May be remembered for this long.
    pub fn ttl(self, ttl_s: u32) -> Self {
        Self { ttl_s, ..self }
    }
}

/// A running name server. It runs on the runtime that started it and ends when dropped.
#[derive(Debug)]
pub struct DnsServer {
    address: SocketAddr,
    log: Arc<Log>,
    tasks: [JoinHandle<()>; 2],
}

impl DnsServer {
    /// Answers every question by the closure: `|question| if question.nth == 0 { .. } else { .. }`.
    pub async fn start(answer: impl Fn(&Question) -> Answer + Send + Sync + 'static) -> Result<Self> {
        let (udp, tcp) = bind().await?;
        let address = udp.local_addr()?;
        let log = Arc::new(Log { state: Mutex::default(), changed: watch::Sender::new(()), answer: Box::new(answer) });
        let tasks = [tokio::spawn(serve_udp(udp, log.clone())), tokio::spawn(serve_tcp(tcp, log.clone()))];
        Ok(Self { address, log, tasks })
    }

    /// Where it listens, UDP and TCP alike.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every question so far.
    pub fn questions(&self) -> Vec<Question> {
        self.log.state().questions.clone()
    }

    /// Waits until at least `count` questions were asked.
    pub async fn wait_for(&self, count: usize, deadline: Duration) -> Result<Vec<Question>> {
        let until = tokio::time::Instant::now() + deadline;
        let mut changed = self.log.changed.subscribe();
        loop {
            let questions = self.questions();
            if questions.len() >= count {
                return Ok(questions);
            }
            if timeout_at(until, changed.changed()).await.is_err() {
                bail!("{} of {count} questions within {deadline:?}: {questions:?}", questions.len());
            }
        }
    }
}

impl Drop for DnsServer {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

struct Log {
    state: Mutex<State>,
    changed: watch::Sender<()>,
    answer: Box<dyn Fn(&Question) -> Answer + Send + Sync>,
}

#[derive(Debug, Default)]
struct State {
    questions: Vec<Question>,
    asked: HashMap<(String, RecordType), u64>,
}

impl Log {
    /// The bytes to send back; none means silence.
    fn respond(&self, bytes: &[u8], over_tcp: bool) -> Result<Option<Vec<u8>>> {
        let request = Message::from_vec(bytes).context("reading a question")?;
        let query = request.queries.first().context("a message without a question")?;
        let answer = (self.answer)(&self.note(query, over_tcp)?);
        let response = match answer.says {
            Says::Nothing => return Ok(None),
            Says::Garbage => return Ok(Some(b"this is not a DNS message".to_vec())),
            says => message(&request, query, says, answer.ttl_s)?,
        };
        let bytes = response.to_vec()?;
        let fits = over_tcp || bytes.len() <= usize::from(request.max_payload());
        Ok(Some(if fits { bytes } else { response.truncate().to_vec()? }))
    }

    fn note(&self, query: &Query, over_tcp: bool) -> Result<Question> {
        let name = query.name().to_ascii().to_ascii_lowercase().trim_end_matches('.').to_owned();
        let kind = query.query_type();
        let mut state = self.state();
        ensure!(state.questions.len() < QUESTIONS_MAX, "more than {QUESTIONS_MAX} questions");
        let asked = state.asked.entry((name.clone(), kind)).or_default();
        let question = Question { name, kind, nth: *asked, over_tcp, at: Instant::now() };
        *asked += 1;
        state.questions.push(question.clone());
        drop(state);
        self.changed.send_replace(());
        Ok(question)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").field("state", &self.state).finish_non_exhaustive()
    }
}

fn message(request: &Message, query: &Query, says: Says, ttl_s: u32) -> Result<Message> {
    let mut response = Message::response(request.metadata.id, OpCode::Query);
    response.metadata.recursion_desired = request.metadata.recursion_desired;
    response.metadata.recursion_available = true;
    response.add_query(query.clone());
    let mut owner = query.name().clone();
    let addresses = match says {
        Says::Addresses(addresses) => addresses,
        Says::Alias(other, addresses) => {
            let other = Name::from_ascii(format!("{}.", other.trim_end_matches('.')))?;
            response.add_answer(Record::from_rdata(owner, ttl_s, RData::CNAME(CNAME(other.clone()))));
            owner = other;
            addresses
        }
        Says::NoSuchName => {
            response.metadata.response_code = ResponseCode::NXDomain;
            Vec::new()
        }
        Says::Code(code) => {
            response.metadata.response_code = code;
            Vec::new()
        }
        Says::Nothing | Says::Garbage => bail!("these are no messages"),
    };
    for address in addresses {
        let data = RData::from(address);
        if data.record_type() == query.query_type() {
            response.add_answer(Record::from_rdata(owner.clone(), ttl_s, data));
        }
    }
    Ok(response)
}

async fn bind() -> Result<(UdpSocket, TcpListener)> {
    for _ in 0..PORTS_MAX {
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        if let Ok(udp) = UdpSocket::bind(tcp.local_addr()?).await {
            return Ok((udp, tcp));
        }
    }
    bail!("no port is free for UDP and TCP")
}

async fn serve_udp(socket: UdpSocket, log: Arc<Log>) {
    let mut datagram = [0; 65_535];
    loop {
        // An error here is an earlier answer that its asker no longer waits for.
        let Ok((length, asker)) = socket.recv_from(&mut datagram).await else { continue };
        match log.respond(&datagram[..length], false) {
            Ok(Some(answer)) => drop(socket.send_to(&answer, asker).await),
            Ok(None) => {}
            Err(error) => eprintln!("name server: {error:#}"),
        }
    }
}

async fn serve_tcp(listener: TcpListener, log: Arc<Log>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // Out of descriptors: the test fails on its own deadline.
                let Ok((socket, _)) = accepted else { return };
                connections.spawn(converse(socket, log.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Messages with their length in front (RFC 1035, 4.2.2), until the asker goes.
async fn converse(mut socket: TcpStream, log: Arc<Log>) -> Result<()> {
    loop {
        let mut message = vec![0; usize::from(socket.read_u16().await?)];
        socket.read_exact(&mut message).await?;
        if let Some(answer) = log.respond(&message, true)? {
            socket.write_u16(u16::try_from(answer.len())?).await?;
            socket.write_all(&answer).await?;
        }
    }
}
