//! A connection to one other node, kept as long as that node is heard of. Nobody waits for it to be made: while it is not
//! there, or the node at its other end is slow to answer, events are accepted here and left for their owner in the database.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, yield_now};
use tokio::time::{Instant, sleep, timeout};

use super::door::next;
use super::frame::{self, Answer, Hello};
use super::identity::Identity;
use crate::seam::NewEvent;

/// Questions that wait to be sent.
const QUEUED_MAX: usize = 1_024;

/// Questions are sent together up to this many bytes.
const SENT_AT_ONCE: usize = 64 * 1024;

/// So many questions without an answer are load: then those of this time are sent together.
const CROWD: usize = 4;
const GATHER: Duration = Duration::from_millis(4);

/// How long a connection may take to be made.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);

/// Between tries to make one.
const REST: Duration = Duration::from_secs(1);

/// A node that is asked nothing is greeted this often: so that one that stands still is known before events go to it.
const GREET_EVERY: Duration = Duration::from_millis(100);

/// A node that has said nothing for so long, although it was asked, is asked nothing more until it answers.
const SLOW_AFTER: Duration = Duration::from_millis(300);

/// Another node, as the database tells of it: another process at the same name is another peer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::postgres) struct Peer {
    pub(in crate::postgres) node: String,
    pub(in crate::postgres) session: i64,
    pub(in crate::postgres) address: SocketAddr,
}

pub(super) struct Line {
    pub(super) peer: Peer,
    questions: mpsc::Sender<Question>,
    state: Arc<State>,
    carrier: AbortHandle,
}

struct Question {
    number: u64,
    frame: BytesMut,
    reply: oneshot::Sender<Answer>,
}

struct State {
    is_up: AtomicBool,
    numbers: AtomicU64,
    /// Asked and not answered.
    open: AtomicUsize,
    /// When it last answered, or was asked while nothing was open: nanoseconds from `start`.
    heard: AtomicU64,
    start: Instant,
    replies: Mutex<HashMap<u64, oneshot::Sender<Answer>>>,
}

/// What came of handing events over.
pub(super) enum Passed {
    Answered(Answer),
    /// They were sent, and nobody knows what became of them.
    Unknown,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.carrier.abort();
    }
}

impl Line {
    pub(super) fn to(peer: Peer, identity: Arc<Identity>) -> Line {
        let (questions, queue) = mpsc::channel(QUEUED_MAX);
        let state = Arc::new(State {
            is_up: AtomicBool::new(false),
            numbers: AtomicU64::new(1),
            open: AtomicUsize::new(0),
            heard: AtomicU64::new(0),
            start: Instant::now(),
            replies: Mutex::default(),
        });
        let carrier = tokio::spawn(carry(peer.clone(), identity, state.clone(), queue)).abort_handle();
        Line { peer, questions, state, carrier }
    }

    /// Hands events over and waits for what becomes of them, however long that takes.
    pub(super) async fn pass(&self, events: &[NewEvent]) -> Passed {
        const DECLINED: Passed = Passed::Answered(Answer::Declined);
        let state = &self.state;
        if !state.is_up.load(Ordering::Acquire) || state.is_slow() {
            return DECLINED;
        }
        let payloads: usize = events.iter().map(|event| event.payload.len()).sum();
        if payloads > frame::FRAME_BYTES_MAX {
            return DECLINED;
        }
        let mut frame = BytesMut::with_capacity(payloads + 256);
        let number = state.numbers.fetch_add(1, Ordering::Relaxed);
        if frame::put_events(&mut frame, number, events).is_none() {
            return DECLINED;
        }
        let (reply, answer) = oneshot::channel();
        // Before it can be answered.
        state.asks();
        if self.questions.try_send(Question { number, frame, reply }).is_err() {
            state.open.fetch_sub(1, Ordering::AcqRel);
            return DECLINED;
        }
        answer.await.map_or(Passed::Unknown, Passed::Answered)
    }
}

impl State {
    fn asks(&self) {
        if self.open.fetch_add(1, Ordering::AcqRel) == 0 {
            self.hears();
        }
    }

    fn hears(&self) {
        let now = u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.heard.store(now, Ordering::Release);
    }

    /// A question about no events, which is answered at once. Nobody waits for it.
    fn greeting(&self) -> Option<Question> {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let mut frame = BytesMut::new();
        frame::put_events(&mut frame, number, &[])?;
        self.asks();
        Some(Question { number, frame, reply: oneshot::channel().0 })
    }

    fn is_slow(&self) -> bool {
        let heard = self.start + Duration::from_nanos(self.heard.load(Ordering::Acquire));
        self.open.load(Ordering::Acquire) > 0 && heard.elapsed() > SLOW_AFTER
    }

    fn replies(&self) -> MutexGuard<'_, HashMap<u64, oneshot::Sender<Answer>>> {
        self.replies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answered(&self, reply: oneshot::Sender<Answer>, answer: Answer) {
        self.open.fetch_sub(1, Ordering::AcqRel);
        // Whoever asked may have gone away.
        let _ = reply.send(answer);
    }
}

/// Makes the connection, again and again, until the node is not heard of any more.
async fn carry(peer: Peer, identity: Arc<Identity>, state: Arc<State>, mut queue: mpsc::Receiver<Question>) {
    let (mut is_told, mut unsent) = (false, Vec::new());
    loop {
        let connected = tokio::select! {
            connected = connect(&peer, &identity) => connected,
            () = decline(&mut queue, &state) => return,
        };
        let why = match connected {
            Ok(stream) => {
                let (reader, writer) = tokio::io::split(stream);
                state.is_up.store(true, Ordering::Release);
                tracing::debug!(node = peer.node, address = %peer.address, "events of its accounts go to this node");
                is_told = false;
                let ended = tokio::select! {
                    ended = ask(writer, &mut queue, &mut unsent, &state) => ended,
                    ended = hear(reader, &state) => ended,
                };
                state.is_up.store(false, Ordering::Release);
                ended.err()
            }
            Err(error) => Some(error),
        };
        // Dropped unanswered: what was sent may stand.
        let unknown = std::mem::take(&mut *state.replies());
        state.open.fetch_sub(unknown.len(), Ordering::AcqRel);
        drop(unknown);
        unsent.drain(..).for_each(|Question { reply, .. }| state.answered(reply, Answer::Declined));
        if let Some(error) = why
            && !std::mem::replace(&mut is_told, true)
        {
            tracing::info!(
                node = peer.node,
                address = %peer.address,
                %error,
                "another node is not reached: events of its accounts are left for it in the database, which costs more"
            );
        }
        let _ = timeout(REST, decline(&mut queue, &state)).await;
    }
}

/// While there is no connection: nothing that was not sent waits for one.
async fn decline(queue: &mut mpsc::Receiver<Question>, state: &State) {
    while let Some(Question { reply, .. }) = queue.recv().await {
        state.answered(reply, Answer::Declined);
    }
}

type Stream = tokio_rustls::client::TlsStream<TcpStream>;

async fn connect(peer: &Peer, identity: &Identity) -> std::io::Result<Stream> {
    let connecting = async {
        let socket = TcpStream::connect(peer.address).await?;
        socket.set_nodelay(true)?;
        let mut stream = identity.connector.connect(Identity::name(), socket).await?;
        let (hello, mut text) = (Hello::to(&peer.node, peer.session), BytesMut::new());
        frame::put_hello(&mut text, &hello);
        stream.write_all(&text).await?;
        stream.flush().await?;
        let heard = next(&mut stream, &mut BytesMut::new()).await?;
        match heard.is_some_and(|(_, body)| frame::is_hello(&body, &hello)) {
            true => Ok(stream),
            false => Err(std::io::Error::other("another process is at its address, or one of another version")),
        }
    };
    timeout(CONNECT_WITHIN, connecting).await?
}

/// What waits to be sent is in `unsent`, however this ends.
async fn ask(
    mut writer: impl AsyncWrite + Unpin,
    queue: &mut mpsc::Receiver<Question>,
    unsent: &mut Vec<Question>,
    state: &State,
) -> std::io::Result<()> {
    let mut text = BytesMut::new();
    loop {
        match timeout(GREET_EVERY, queue.recv()).await {
            Ok(Some(question)) => unsent.push(question),
            Ok(None) => return Ok(()),
            Err(_) if state.open.load(Ordering::Acquire) > 0 => continue,
            Err(_) => unsent.extend(state.greeting()),
        }
        // The other node writes what it has in one group, so what comes a moment later is answered with it.
        match state.open.load(Ordering::Acquire) {
            CROWD.. => sleep(GATHER).await,
            _ => yield_now().await,
        }
        while let Some(Question { number, frame, reply }) = unsent.pop() {
            state.replies().insert(number, reply);
            text.extend_from_slice(&frame);
            if text.len() < SENT_AT_ONCE {
                unsent.extend(queue.try_recv().ok());
            }
        }
        writer.write_all(&text).await?;
        writer.flush().await?;
        text.clear();
    }
}

/// Until the connection ends, or the other node has said goodbye and answered everything.
async fn hear(mut reader: impl tokio::io::AsyncRead + Unpin, state: &State) -> std::io::Result<()> {
    let mut read = BytesMut::new();
    while let Some((number, body)) = next(&mut reader, &mut read).await? {
        let answer = frame::answer(&body).map_err(|_| std::io::ErrorKind::InvalidData)?;
        state.hears();
        if number == frame::GOODBYE {
            state.is_up.store(false, Ordering::Release);
        }
        let reply = state.replies().remove(&number);
        if let Some(reply) = reply {
            state.answered(reply, answer);
        }
        if !state.is_up.load(Ordering::Acquire) && state.replies().is_empty() {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use ringup_core::event::{Extras, KeepPayload};
    use ringup_core::id::EventId;
    use ringup_core::key::AccountKey;
    use ringup_core::time::{Tick, Timestamp};
    use tokio::net::TcpListener;

    use super::*;
    use crate::sealed::SealingKey;
    use crate::seam::Acceptance;

    /// Long enough for whatever is expected to happen.
    const SOON: Duration = Duration::from_secs(20);

    struct Stage {
        line: Line,
        /// Whether it reads and answers what it is brought.
        stands_still: Arc<AtomicBool>,
        /// What the other node says next; it is silent as long as there is nothing.
        says: mpsc::UnboundedSender<Answer>,
    }

    /// A node that answers what it is told to, in the order of the questions.
    async fn stage() -> Stage {
        let identity = Arc::new(Identity::of(&SealingKey::of([7; 32])).expect("a key"));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (says, mut said) = mpsc::unbounded_channel();
        let acceptor = identity.acceptor.clone();
        let stands_still = Arc::new(AtomicBool::new(false));
        let is_still = stands_still.clone();
        tokio::spawn(async move {
            let (socket, _) = listener.accept().await.expect("a connection");
            let mut stream = acceptor.accept(socket).await.expect("a node");
            let mut read = BytesMut::new();
            let hello = next(&mut stream, &mut read).await.expect("a frame").expect("a greeting");
            let own = Hello::to("other", 3);
            assert!(frame::is_hello(&hello.1, &own));
            let mut text = BytesMut::new();
            frame::put_hello(&mut text, &own);
            stream.write_all(&text).await.expect("it is sent");
            stream.flush().await.expect("it is sent");
            while let Ok(Some((number, body))) = next(&mut stream, &mut read).await {
                while is_still.load(Ordering::Acquire) {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                let answer = match frame::events(&body).expect("events").is_empty() {
                    true => Answer::Accepted(Vec::new()),
                    false => match said.recv().await {
                        Some(answer) => answer,
                        None => return,
                    },
                };
                let mut text = BytesMut::new();
                frame::put_answer(&mut text, number, &answer);
                stream.write_all(&text).await.expect("it is sent");
                stream.flush().await.expect("it is sent");
            }
        });
        let line = Line::to(Peer { node: "other".to_owned(), session: 3, address }, identity);
        let up = async {
            while !line.state.is_up.load(Ordering::Acquire) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(SOON, up).await.expect("it is there");
        Stage { line, stands_still, says }
    }

    fn accepted() -> Answer {
        Answer::Accepted(vec![Acceptance::New(EventId::of_tick(Tick(5), [1; 12]))])
    }

    fn event() -> NewEvent {
        NewEvent {
            account: AccountKey(1),
            event_type: "invoiceCreated".into(),
            uid: None,
            channels: Vec::new(),
            payload: "{}".into(),
            keep_payload: KeepPayload::Whole,
            extras: Extras::default(),
            targets: Vec::new(),
            idempotency: None,
            unregistered: false,
            asked: None,
            now: Timestamp::default(),
            random: [3; 12],
        }
    }

    async fn passed(line: &Line) -> Option<Answer> {
        match timeout(SOON, line.pass(&[event()])).await.expect("it comes back") {
            Passed::Answered(answer) => Some(answer),
            Passed::Unknown => None,
        }
    }

    #[tokio::test]
    async fn each_question_has_its_answer() {
        let Stage { line, says, .. } = stage().await;
        for answer in [accepted(), Answer::Declined, Answer::Failed("no room".to_owned())] {
            says.send(accepted()).expect("it listens");
            says.send(answer).expect("it listens");
            let (first, second) = tokio::join!(passed(&line), passed(&line));
            assert_eq!(first, Some(accepted()));
            assert!(second.is_some());
        }
        assert_eq!(line.state.open.load(Ordering::Acquire), 0);
    }

    #[tokio::test]
    async fn a_node_that_is_silent_is_asked_nothing_more_until_it_answers() {
        let Stage { line, says, .. } = stage().await;
        let first = passed(&line);
        tokio::pin!(first);
        assert!(timeout(SLOW_AFTER * 2, &mut first).await.is_err(), "it is waited for");
        assert_eq!(passed(&line).await, Some(Answer::Declined));
        says.send(accepted()).expect("it listens");
        assert_eq!(first.await, Some(accepted()));
        says.send(accepted()).expect("it listens");
        assert_eq!(passed(&line).await, Some(accepted()));
    }

    #[tokio::test]
    async fn a_node_that_stands_still_is_known_before_it_is_brought_anything() {
        let Stage { line, stands_still, says } = stage().await;
        says.send(accepted()).expect("it listens");
        assert_eq!(passed(&line).await, Some(accepted()));
        stands_still.store(true, Ordering::Release);
        let known = async {
            while !line.state.is_slow() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(SOON, known).await.expect("it is greeted");
        assert_eq!(passed(&line).await, Some(Answer::Declined), "at once");
        stands_still.store(false, Ordering::Release);
        let known = async {
            while line.state.is_slow() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(SOON, known).await.expect("it answers again");
        says.send(accepted()).expect("it listens");
        assert_eq!(passed(&line).await, Some(accepted()));
    }

    #[tokio::test]
    async fn what_waited_to_be_sent_when_the_connection_ended_is_declined() {
        let Stage { line, says, .. } = stage().await;
        let sent = futures_util::future::join_all((0..CROWD).map(|_| passed(&line)));
        let others = async {
            while line.state.replies().len() < CROWD {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            let waiting = futures_util::future::join_all((0..CROWD).map(|_| passed(&line)));
            let gone = async {
                tokio::task::yield_now().await;
                drop(says);
            };
            tokio::join!(waiting, gone).0
        };
        let (sent, waiting) = timeout(SOON, async { tokio::join!(sent, others) }).await.expect("all come back");
        assert!(sent.iter().all(Option::is_none), "they may stand: {sent:?}");
        // Or they were sent as well, on a machine that is busy with other things.
        assert!(waiting.iter().all(|answer| matches!(answer, None | Some(Answer::Declined))), "{waiting:?}");
        assert_eq!(line.state.open.load(Ordering::Acquire), 0, "it is asked again once it is there");
    }

    #[tokio::test]
    async fn what_was_sent_to_a_node_that_went_may_stand_and_the_next_is_not_sent() {
        let Stage { line, says, .. } = stage().await;
        let gone = async {
            tokio::task::yield_now().await;
            drop(says);
        };
        let (sent, ()) = tokio::join!(passed(&line), gone);
        assert_eq!(sent, None);
        assert_eq!(passed(&line).await, Some(Answer::Declined));
        assert_eq!(line.state.open.load(Ordering::Acquire), 0);
    }
}
