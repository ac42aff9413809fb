//! Over real sockets: connections, limits, the end.

use std::net::SocketAddr;
use std::time::Duration;

use ringup_api::{Left, ServePlan, serve};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::desk::Desk;

const PATIENCE: Duration = Duration::from_secs(20);

struct Served {
    address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<Left>,
}

async fn served(desk: &Desk, plan: ServePlan) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let task = tokio::spawn(serve(listener, desk.router.clone(), plan, stop.clone().cancelled_owned()));
    Served { address, stop, task }
}

impl Served {
    async fn end(self) -> Left {
        self.stop.cancel();
        timeout(PATIENCE, self.task).await.expect("it stops").unwrap()
    }
}

async fn read_until(socket: &mut TcpStream, end: &str) -> String {
    let mut text = String::new();
    let mut buffer = [0; 4_096];
    while !text.contains(end) {
        let read = timeout(PATIENCE, socket.read(&mut buffer)).await.expect("an answer in time").unwrap();
        assert_ne!(read, 0, "closed after {text:?}");
        text.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    text
}

async fn read_to_end(socket: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset after the answer is as good as an end.
    let _ = timeout(PATIENCE, socket.read_to_end(&mut bytes)).await.expect("an end in time");
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn a_connection_is_kept_and_ends_with_the_server() {
    let desk = Desk::open().await;
    let served = served(&desk, ServePlan::default()).await;
    let mut socket = TcpStream::connect(served.address).await.unwrap();
    for _ in 0..3 {
        socket.write_all(b"GET /api/v1/health HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let answer = read_until(&mut socket, "\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 204") && answer.contains("x-request-id"), "{answer}");
    }
    let address = served.address;
    assert_eq!(served.end().await, Left { connections: 0 });
    assert_eq!(read_to_end(&mut socket).await, "", "an idle connection is closed");
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_request_that_is_being_served_is_finished() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    let served = served(&desk, ServePlan::default()).await;
    let body = r#"{"eventType":"sale","payload":{}}"#;
    let head = format!(
        "POST /api/v1/app/shop/msg HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: {}\r\nexpect: 100-continue\r\n\r\n",
        desk.key,
        body.len()
    );
    let mut socket = TcpStream::connect(served.address).await.unwrap();
    socket.write_all(head.as_bytes()).await.unwrap();
    read_until(&mut socket, "100 Continue\r\n\r\n").await;
    served.stop.cancel();
    socket.write_all(body.as_bytes()).await.unwrap();
    let answer = read_to_end(&mut socket).await;
    assert!(answer.starts_with("HTTP/1.1 202") && answer.contains("connection: close"), "{answer}");
    assert_eq!(served.end().await, Left { connections: 0 });
}

#[tokio::test]
async fn who_never_finishes_is_cut_off() {
    let desk = Desk::open().await;
    let plan = ServePlan { grace: Duration::from_millis(50), ..ServePlan::default() };
    let served = served(&desk, plan).await;
    let mut socket = TcpStream::connect(served.address).await.unwrap();
    let head = format!(
        "POST /api/v1/app HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: 9\r\nexpect: 100-continue\r\n\r\n",
        desk.key
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    read_until(&mut socket, "100 Continue\r\n\r\n").await;
    assert_eq!(served.end().await, Left { connections: 1 });
}

#[tokio::test]
async fn a_head_that_drips_is_cut_off() {
    let desk = Desk::open().await;
    let plan = ServePlan { head_time_max: Duration::from_millis(50), ..ServePlan::default() };
    let served = served(&desk, plan).await;
    let mut socket = TcpStream::connect(served.address).await.unwrap();
    socket.write_all(b"GET /api/v1/health HTTP/1.1\r\nhost:").await.unwrap();
    let answer = read_to_end(&mut socket).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
    served.end().await;
}

#[tokio::test]
async fn who_sends_too_much_gets_to_read_why() {
    let desk = Desk::open().await;
    let served = served(&desk, ServePlan::default()).await;
    let bytes = 2 * 1024 * 1024;
    let head = format!(
        "POST /api/v1/app HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: {bytes}\r\n\r\n",
        desk.key
    );
    let mut socket = TcpStream::connect(served.address).await.unwrap();
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(&vec![b' '; bytes]).await.unwrap();
    let answer = read_until(&mut socket, "}").await;
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("65536 bytes"), "{answer}");
    served.end().await;
}

#[tokio::test]
async fn connections_beyond_the_bound_wait_their_turn() {
    let desk = Desk::open().await;
    let served = served(&desk, ServePlan { connections_max: 1, ..ServePlan::default() }).await;
    let mut first = TcpStream::connect(served.address).await.unwrap();
    first.write_all(b"GET /api/v1/health HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    read_until(&mut first, "\r\n\r\n").await;
    let mut second = TcpStream::connect(served.address).await.unwrap();
    second.write_all(b"GET /api/v1/health HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    // The first is answered again while the second waits.
    first.write_all(b"GET /api/v1/health HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    read_until(&mut first, "\r\n\r\n").await;
    let mut byte = [0];
    assert!(second.try_read(&mut byte).is_err(), "nothing has come yet");
    drop(first);
    assert!(read_until(&mut second, "\r\n\r\n").await.starts_with("HTTP/1.1 204"));
    served.end().await;
}

#[tokio::test]
async fn whoever_takes_nothing_of_an_endless_answer_is_cut_off() {
    let chunk = || Ok::<_, std::io::Error>(bytes::Bytes::from_static(&[b'x'; 65_536]));
    let endless = move || async move { axum::body::Body::from_stream(futures_util::stream::repeat_with(chunk)) };
    let router = axum::Router::new().route("/", axum::routing::get(endless));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let plan = ServePlan { stall_max: Duration::from_millis(100), grace: PATIENCE, ..ServePlan::default() };
    let task = tokio::spawn(serve(listener, router, plan, stop.clone().cancelled_owned()));
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    read_until(&mut socket, "xxx").await;
    // It is there and reads no more: nothing else ends the answer within the grace.
    stop.cancel();
    assert_eq!(timeout(PATIENCE * 2, task).await.expect("it stops").unwrap(), Left { connections: 0 });
}
