//! Nothing goes out that another node may send by now, wherever this one was stopped.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use ringup_core::key::AccountKey;
use ringup_core::outcome::Outcome;
use ringup_core::shard::Epoch;
use ringup_egress::{Caller, Fence, Request, Right};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

use crate::support::{egress, request};

#[derive(Default)]
struct Lease(AtomicBool);

impl Right for Lease {
    fn holds(&self, account: AccountKey, epoch: Epoch) -> bool {
        assert_eq!((account, epoch), (AccountKey(1), Epoch(7)));
        self.0.load(Ordering::Relaxed)
    }
}

fn fenced(url: &str, lease: Arc<Lease>) -> Request {
    Request { fence: Fence::new(lease, AccountKey(1), Epoch(7)), ..request(url) }
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    (listener, url)
}

async fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A connection that is dropped with something unsent may end with a reset.
    let _ = stream.read_to_end(&mut bytes).await;
    bytes
}

#[tokio::test]
async fn a_lease_that_ended_before_the_first_byte() {
    let (listener, url) = listen().await;
    let lease = Arc::new(Lease::default());
    let receiver = tokio::spawn(async move { rest(&mut listener.accept().await.unwrap().0).await });
    let reply = egress().call(fenced(&url, lease)).await;
    assert_eq!(reply.outcome, Outcome::Interrupted);
    assert_eq!(receiver.await.unwrap(), b"");
}

#[tokio::test]
async fn a_lease_that_ends_in_the_middle_of_the_request() {
    let (listener, url) = listen().await;
    let lease = Arc::new(Lease(AtomicBool::new(true)));
    // More than the buffers of both sides hold, so that most of it waits for the receiver to read.
    let body = Bytes::from(vec![b'x'; 64 << 20]);
    let call = tokio::spawn({
        let request = Request { body: body.clone(), ..fenced(&url, lease.clone()) };
        async move { egress().call(request).await }
    });
    let (mut stream, _) = listener.accept().await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), b'P', "it has begun");
    lease.0.store(false, Ordering::Relaxed);
    let received = rest(&mut stream).await;
    assert_eq!(call.await.unwrap().outcome, Outcome::Interrupted);
    assert!(received.len() < body.len(), "the receiver must not have the whole request");
}
