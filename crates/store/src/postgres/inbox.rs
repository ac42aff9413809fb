//! What waits for the writer: bounded for those who wait for an answer, kept for those who do not.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::{Notify, oneshot};

use super::fault::Outcome;
use super::notice::Notice;
use super::turn::Turn;
use crate::seam::{Acceptance, NewEvent, Settlement, StoreError};

/// Events that wait at most; beyond it publishers are told to come back.
const EVENTS_MAX: usize = 16_384;

/// One commit takes no more than this.
const GROUP_EVENTS_MAX: usize = 512;
const GROUP_SETTLEMENTS_MAX: usize = 1_024;
const GROUP_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Settlements alone wait so long for others: nobody waits for them. So do publishes under load, for those that come back with
/// the next event once they are answered: a group costs some fifteen statements, however little is in it.
const LINGER: Duration = Duration::from_millis(2);

/// The last group held so many publishes: this is load. Below it nobody is kept waiting.
const LOAD: usize = 8;

pub(super) type AcceptReply = oneshot::Sender<Result<Vec<Acceptance>, StoreError>>;

#[expect(clippy::large_enum_variant, reason = "settlements are the most common, and would each be allocated")]
pub(super) enum Item {
    Accept {
        events: Vec<NewEvent>,
        reply: AcceptReply,
    },
    Settle(Settlement),
    /// Anything else, which has a commit of its own.
    Errand(Box<dyn Errand>),
}

/// Work of any kind for one transaction, with somebody who waits for what comes of it.
pub(super) trait Errand: Send {
    fn run<'t>(&'t mut self, turn: &'t mut Turn) -> BoxFuture<'t, Outcome<()>>;
    fn stands(self: Box<Self>);
    fn failed(self: Box<Self>, error: StoreError);
}

pub(super) struct Work<W, T> {
    work: Option<W>,
    done: Option<T>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<W, T> Work<W, T> {
    pub(super) fn new(work: W) -> (Work<W, T>, oneshot::Receiver<Result<T, StoreError>>) {
        let (reply, answer) = oneshot::channel();
        (Work { work: Some(work), done: None, reply }, answer)
    }
}

impl<W, T> Errand for Work<W, T>
where
    W: for<'t> FnOnce(&'t mut Turn) -> BoxFuture<'t, Outcome<(T, Vec<Notice>)>> + Send,
    T: Send,
{
    fn run<'t>(&'t mut self, turn: &'t mut Turn) -> BoxFuture<'t, Outcome<()>> {
        let work = self.work.take();
        Box::pin(async move {
            if let Some(work) = work {
                let (answer, notices) = work(turn).await?;
                turn.tell(notices);
                self.done = Some(answer);
            }
            Ok(())
        })
    }

    fn stands(self: Box<Self>) {
        if let Some(answer) = self.done {
            // Whoever asked may have gone away.
            let _ = self.reply.send(Ok(answer));
        }
    }

    fn failed(self: Box<Self>, error: StoreError) {
        let _ = self.reply.send(Err(error));
    }
}

#[derive(Default)]
pub(super) struct Inbox {
    queue: Mutex<Queue>,
    bell: Notify,
}

#[derive(Default)]
struct Queue {
    items: VecDeque<Item>,
    events: usize,
    /// In the last group.
    last_publishes: usize,
    /// Why nothing can be taken now.
    down: Option<Arc<str>>,
    /// No more is taken; what is there is written.
    ending: bool,
}

impl Inbox {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A settlement is always kept, unless the store is closed; others are refused when they would wait in vain.
    pub(super) fn push(&self, item: Item) -> Result<(), StoreError> {
        let refused = |why: &str| Err(StoreError::Unavailable(Arc::from(why)));
        let mut queue = self.lock();
        if queue.ending {
            return refused("it is closed");
        }
        if !matches!(item, Item::Settle(_))
            && let Some(down) = &queue.down
        {
            return refused(down);
        }
        if let Item::Accept { events, .. } = &item {
            if queue.events.saturating_add(events.len()) > EVENTS_MAX {
                return refused("too many events wait to be stored");
            }
            queue.events += events.len();
        }
        queue.items.push_back(item);
        drop(queue);
        self.bell.notify_one();
        Ok(())
    }

    /// Puts back what did not come through, before all others.
    pub(super) fn give_back(&self, items: Vec<Item>) {
        let mut queue = self.lock();
        for item in items.into_iter().rev() {
            if let Item::Accept { events, .. } = &item {
                queue.events += events.len();
            }
            queue.items.push_front(item);
        }
    }

    /// The next group; `None` once nothing more will come.
    pub(super) async fn next(&self) -> Option<Vec<Item>> {
        let mut lingered = false;
        loop {
            let rung = self.bell.notified();
            {
                let mut queue = self.lock();
                let few = queue.items.len() < GROUP_SETTLEMENTS_MAX / 4;
                let idle = queue.items.iter().all(|item| matches!(item, Item::Settle(it) if it.then.is_none()));
                if queue.items.is_empty() {
                    if queue.ending {
                        return None;
                    }
                } else if queue.ending || lingered || !(few && idle || queue.is_load()) {
                    return Some(queue.group());
                } else {
                    lingered = true;
                }
            }
            match lingered {
                true => tokio::time::sleep(LINGER).await,
                false => rung.await,
            }
        }
    }

    /// Everybody who waits for an answer is told; settlements stay.
    pub(super) fn is_down(&self, why: &Arc<str>) {
        let waiting = {
            let mut queue = self.lock();
            queue.down = Some(why.clone());
            queue.events = 0;
            let (settlements, waiting): (VecDeque<Item>, Vec<Item>) = {
                let items = std::mem::take(&mut queue.items);
                let (mut stay, mut go) = (VecDeque::new(), Vec::new());
                for item in items {
                    if matches!(item, Item::Settle(_)) { stay.push_back(item) } else { go.push(item) }
                }
                (stay, go)
            };
            queue.items = settlements;
            waiting
        };
        waiting.into_iter().for_each(|item| item.failed(&StoreError::Unavailable(why.clone())));
    }

    pub(super) fn is_up(&self) {
        self.lock().down = None;
    }

    pub(super) fn end(&self) {
        self.lock().ending = true;
        self.bell.notify_one();
    }

    pub(super) fn is_ending(&self) -> bool {
        self.lock().ending
    }

    /// Forgets all that is there; answers how many settlements were among it.
    pub(super) fn abandon(&self, error: &StoreError) -> usize {
        let items = {
            let mut queue = self.lock();
            queue.ending = true;
            std::mem::take(&mut queue.items)
        };
        let settlements = items.iter().filter(|item| matches!(item, Item::Settle(_))).count();
        items.into_iter().for_each(|item| item.failed(error));
        self.bell.notify_one();
        settlements
    }
}

impl Queue {
    fn is_load(&self) -> bool {
        self.last_publishes >= LOAD && self.events < GROUP_EVENTS_MAX / 2
    }

    fn group(&mut self) -> Vec<Item> {
        let mut group = Vec::new();
        let (mut publishes, mut events_in, mut settlements, mut bytes) = (0, 0, 0, 0_usize);
        while let Some(item) = self.items.pop_front() {
            match &item {
                Item::Errand(_) if group.is_empty() => return vec![item],
                Item::Errand(_) => {
                    self.items.push_front(item);
                    break;
                }
                Item::Accept { events, .. } => {
                    self.events = self.events.saturating_sub(events.len());
                    publishes += 1;
                    events_in += events.len();
                    bytes += events.iter().map(|event| event.payload.len()).sum::<usize>();
                }
                Item::Settle(settlement) => {
                    settlements += 1;
                    bytes += settlement.attempt.as_ref().map_or(0, |attempt| attempt.response_body.len());
                }
            }
            group.push(item);
            if events_in >= GROUP_EVENTS_MAX || settlements >= GROUP_SETTLEMENTS_MAX || bytes >= GROUP_BYTES_MAX {
                break;
            }
        }
        self.last_publishes = publishes;
        group
    }
}

impl Item {
    pub(super) fn failed(self, error: &StoreError) {
        match self {
            Item::Accept { reply, .. } => drop(reply.send(Err(error.clone()))),
            Item::Errand(errand) => errand.failed(error.clone()),
            Item::Settle(_) => {}
        }
    }
}
