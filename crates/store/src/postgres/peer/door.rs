//! Where other nodes bring events of this one's accounts. What is taken here is accepted as if it had been published here;
//! what is not this node's, or cannot wait here now, is declined, and stays with whoever brought it.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use futures_util::FutureExt;
use futures_util::future::Either;
use futures_util::stream::{FuturesUnordered, StreamExt};
use ringup_core::shard::Shard;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::frame::{self, Answer, Garbled, Hello};
use super::identity::Identity;
use crate::postgres::inbox::Item;
use crate::postgres::shared::{Life, Shared};
use crate::postgres::turn::Right;
use crate::seam::{Acceptance, NewEvent, StoreError};

/// Connections at once: each other node has one, and one more while it makes another.
const CONNECTIONS_MAX: usize = 256;

/// How long a node may take to say who it is.
const HELLO_WITHIN: Duration = Duration::from_secs(5);

/// Questions of one connection that are not answered; more stay unread.
const UNANSWERED_MAX: usize = 4_096;

/// Answers are sent together up to this many bytes.
const SENT_AT_ONCE: usize = 64 * 1024;

/// Room for what has arrived, so that it is read in one go. Payloads stay where they were read.
const READ_AT_ONCE: usize = 16 * 1024;
const ROOM_MIN: usize = 2 * 1024;

/// Pause after a connection that could not be taken, for want of descriptors or memory.
const REST: Duration = Duration::from_millis(100);

type Accepted = oneshot::Receiver<Result<Vec<Acceptance>, StoreError>>;

/// A question that was taken, or the answer of one that was not.
struct Taken(u64, Either<Accepted, Answer>);

/// Until the store closes, and then until all that was taken is answered and the other nodes have hung up.
pub(super) async fn serve(listener: TcpListener, identity: Arc<Identity>, shared: Arc<Shared>, right: Right) {
    let mut connections = JoinSet::new();
    let mut life = shared.life();
    loop {
        let accepted = tokio::select! {
            biased;
            () = ended(&mut life) => break,
            _ = connections.join_next(), if !connections.is_empty() => continue,
            accepted = listener.accept(), if connections.len() < CONNECTIONS_MAX => accepted,
        };
        match accepted {
            Ok((socket, _)) => {
                connections.spawn(greet(socket, identity.clone(), shared.clone(), right.clone()));
            }
            Err(error) => {
                tracing::debug!(%error, "another node could not be let in");
                tokio::time::sleep(REST).await;
            }
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn ended(life: &mut watch::Receiver<Life>) {
    let _ = life.wait_for(|life| !matches!(life, Life::Open)).await;
}

async fn greet(socket: TcpStream, identity: Arc<Identity>, shared: Arc<Shared>, right: Right) {
    let greeting = async {
        socket.set_nodelay(true)?;
        let mut stream = identity.acceptor.accept(socket).await?;
        let mut read = BytesMut::new();
        let own = Hello::to(&right.node, right.session);
        let hello = next(&mut stream, &mut read).await?;
        if !hello.is_some_and(|(_, body)| frame::is_hello(&body, &own)) {
            return std::io::Result::Ok(None);
        }
        // Before it hears this, the other node brings nothing.
        let mut text = BytesMut::new();
        frame::put_hello(&mut text, &own);
        stream.write_all(&text).await?;
        stream.flush().await?;
        Ok(Some((stream, read)))
    };
    let mut life = shared.life();
    let greeted = tokio::select! {
        greeted = timeout(HELLO_WITHIN, greeting) => greeted,
        () = ended(&mut life) => return,
    };
    let (stream, read) = match greeted {
        Ok(Ok(Some(greeted))) => greeted,
        Ok(Ok(None)) => return tracing::debug!("whoever came meant another node"),
        Ok(Err(error)) => return tracing::debug!(%error, "whoever came is no node of this installation"),
        Err(_) => return,
    };
    let (reader, writer) = tokio::io::split(stream);
    let (taken, answering) = mpsc::channel(UNANSWERED_MAX);
    let ((), ()) = tokio::join!(listen(reader, read, taken, &shared), reply(writer, answering));
}

/// Takes questions until there are no more. When the store closes it says so, and declines what is still on its way.
async fn listen(mut reader: impl AsyncRead + Unpin, mut read: BytesMut, taken: mpsc::Sender<Taken>, shared: &Shared) {
    let mut life = shared.life();
    let mut is_open = true;
    loop {
        let question = tokio::select! {
            biased;
            () = ended(&mut life), if is_open => {
                is_open = false;
                if taken.send(Taken(frame::GOODBYE, Either::Right(Answer::Declined))).await.is_err() {
                    return;
                }
                continue;
            }
            question = next(&mut reader, &mut read) => question,
        };
        let Ok(Some((number, body))) = question else { return };
        let Ok(events) = frame::events(&body) else { return tracing::warn!("a node wrote what no node writes") };
        if taken.send(Taken(number, take(events, shared))).await.is_err() {
            return;
        }
    }
}

fn take(events: Vec<NewEvent>, shared: &Shared) -> Either<Accepted, Answer> {
    if events.is_empty() {
        // A greeting.
        return Either::Right(Answer::Accepted(Vec::new()));
    }
    let is_mine = events.iter().all(|event| shared.holding.owns(Shard::of(event.account)));
    if !is_mine {
        return Either::Right(Answer::Declined);
    }
    let (reply, answer) = oneshot::channel();
    match shared.inbox.push(Item::Accept { events, reply }) {
        Ok(()) => Either::Left(answer),
        Err(_) => Either::Right(Answer::Declined),
    }
}

/// Answers what was taken, in the order in which it stands.
async fn reply(mut writer: impl AsyncWrite + Unpin, mut taken: mpsc::Receiver<Taken>) {
    let mut waiting = FuturesUnordered::new();
    let mut text = BytesMut::new();
    let mut is_open = true;
    while is_open || !waiting.is_empty() {
        let (number, answer) = tokio::select! {
            answered = waiting.next(), if !waiting.is_empty() => match answered {
                Some(answered) => answered,
                None => continue,
            },
            taken = taken.recv(), if is_open && waiting.len() < UNANSWERED_MAX => match taken {
                Some(Taken(number, Either::Left(accepted))) => {
                    waiting.push(accepted.map(move |accepted| (number, of(accepted))));
                    continue;
                }
                Some(Taken(number, Either::Right(answer))) => (number, answer),
                None => {
                    is_open = false;
                    continue;
                }
            },
        };
        frame::put_answer(&mut text, number, &answer);
        // A commit answers many at once.
        while text.len() < SENT_AT_ONCE
            && let Some(Some((number, answer))) = waiting.next().now_or_never()
        {
            frame::put_answer(&mut text, number, &answer);
        }
        if writer.write_all(&text).await.is_err() || writer.flush().await.is_err() {
            return;
        }
        text.clear();
    }
    let _ = writer.shutdown().await;
}

fn of(accepted: Result<Result<Vec<Acceptance>, StoreError>, oneshot::error::RecvError>) -> Answer {
    match accepted {
        Ok(Ok(acceptances)) => Answer::Accepted(acceptances),
        // Nothing of it stands, whoever tries: whoever asked finds out why.
        Ok(Err(StoreError::Unfit(_) | StoreError::NotFound | StoreError::Conflict(_))) => Answer::Declined,
        Ok(Err(error @ (StoreError::Unavailable(_) | StoreError::Corrupt(_)))) => Answer::Failed(error.to_string()),
        Err(_) => Answer::Failed("the node that has the account ended".to_owned()),
    }
}

/// The next frame; `None` at the end.
pub(super) async fn next(
    from: &mut (impl AsyncRead + Unpin),
    read: &mut BytesMut,
) -> std::io::Result<Option<(u64, bytes::Bytes)>> {
    loop {
        if let Some(frame) = frame::take(read).map_err(|Garbled| std::io::ErrorKind::InvalidData)? {
            return Ok(Some(frame));
        }
        if read.capacity() - read.len() < ROOM_MIN {
            read.reserve(READ_AT_ONCE);
        }
        if from.read_buf(read).await? == 0 {
            return Ok(None);
        }
    }
}
