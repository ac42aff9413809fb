//! What waits for the writer: bounded for those who wait for an answer, kept for those who do not.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, timeout_at};

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

/// Settlements alone wait so long for others: nobody waits for them.
const LINGER: Duration = Duration::from_millis(2);

/// Groups held so many publishes lately: this is load. Then a group waits for as many, since it costs several statements and
/// a sync however little is in it: publishers that were answered come back with the next event, through another node later
/// than through this one. Below it nobody is kept waiting.
const LOAD: usize = 4;

/// A group waits for others this many times as long as the last one took to be written: where several nodes write,
/// publishers spread over them by chance, and to wait for them costs less than a commit of few.
const PATIENCE: u32 = 4;

/// What groups held before that is forgotten.
const LATELY: Duration = Duration::from_millis(100);

/// Nobody waits longer than this for others.
const LINGER_MAX: Duration = Duration::from_millis(24);

/// This part of what groups held is forgotten with each that holds less.
const FORGOTTEN: usize = 16;

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

/// What there is to write.
enum Hurry {
    Nothing,
    /// A few settlements that nobody waits for.
    Low,
    High,
}

#[derive(Default)]
struct Queue {
    items: VecDeque<Item>,
    events: usize,
    publishes: usize,
    /// Publishes that groups held lately: the most, forgotten little by little.
    expected: usize,
    /// When the last publishes were taken.
    taken_at: Option<Instant>,
    /// How many publishes are waited for, if so.
    waits_for: Option<usize>,
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
            queue.publishes += 1;
        }
        let is_errand = matches!(item, Item::Errand(_));
        queue.items.push_back(item);
        let is_waited_for = queue.waits_for.is_none_or(|wanted| is_errand || queue.publishes >= wanted);
        drop(queue);
        if is_waited_for {
            self.bell.notify_one();
        }
        Ok(())
    }

    /// Puts back what did not come through, before all others.
    pub(super) fn give_back(&self, items: Vec<Item>) {
        let mut queue = self.lock();
        for item in items.into_iter().rev() {
            if let Item::Accept { events, .. } = &item {
                queue.events += events.len();
                queue.publishes += 1;
            }
            queue.items.push_front(item);
        }
    }

    /// The next group; `None` once nothing more will come. `took` is how long the last one took to be written.
    pub(super) async fn next(&self, took: Duration) -> Option<Vec<Item>> {
        let mut until = None;
        loop {
            let rung = self.bell.notified();
            {
                let mut queue = self.lock();
                let is_over = until.is_some_and(|until| until <= Instant::now());
                match queue.hurry() {
                    Hurry::Nothing if queue.ending => return None,
                    Hurry::Nothing => {}
                    _ if queue.ending || is_over => return Some(queue.group()),
                    Hurry::Low => {
                        queue.waits_for = Some(1);
                        until = until.or(Some(Instant::now() + LINGER));
                    }
                    Hurry::High if queue.wants_more() => {
                        queue.waits_for = Some(queue.expected);
                        until = until.or(Some(Instant::now() + (took * PATIENCE).min(LINGER_MAX)));
                    }
                    Hurry::High => return Some(queue.group()),
                }
            }
            match until {
                Some(until) => drop(timeout_at(until, rung).await),
                None => rung.await,
            }
        }
    }

    /// Everybody who waits for an answer is told; settlements stay.
    pub(super) fn is_down(&self, why: &Arc<str>) {
        let waiting = {
            let mut queue = self.lock();
            queue.down = Some(why.clone());
            (queue.events, queue.publishes) = (0, 0);
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
    fn hurry(&self) -> Hurry {
        let is_unhurried = |item: &Item| matches!(item, Item::Settle(settlement) if settlement.then.is_none());
        match self.items.len() {
            0 => Hurry::Nothing,
            few if few < GROUP_SETTLEMENTS_MAX / 4 && self.items.iter().all(is_unhurried) => Hurry::Low,
            _ => Hurry::High,
        }
    }

    fn wants_more(&self) -> bool {
        let is_errand = |item: &Item| matches!(item, Item::Errand(_));
        self.taken_at.is_some_and(|at| at.elapsed() < LATELY)
            && self.expected >= LOAD
            && self.publishes < self.expected
            && self.events < GROUP_EVENTS_MAX / 2
            && !self.items.iter().any(is_errand)
    }

    fn group(&mut self) -> Vec<Item> {
        self.waits_for = None;
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
        if publishes > 0 {
            self.publishes = self.publishes.saturating_sub(publishes);
            self.expected = publishes.max(self.expected - self.expected.div_ceil(FORGOTTEN));
            self.taken_at = Some(Instant::now());
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    const TOOK: Duration = Duration::from_millis(5);

    fn publish(inbox: &Inbox, count: usize) {
        for _ in 0..count {
            let (reply, _) = oneshot::channel();
            inbox.push(Item::Accept { events: Vec::new(), reply }).expect("there is room");
        }
    }

    /// How many are in the next group, and how long it waited for them.
    async fn next(inbox: &Inbox, took: Duration) -> (usize, Duration) {
        let began = Instant::now();
        let group = inbox.next(took).await.expect("there is one");
        (group.len(), began.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn few_publishers_are_not_kept_waiting() {
        let inbox = Inbox::default();
        for _ in 0..10 {
            publish(&inbox, LOAD - 1);
            assert_eq!(next(&inbox, TOOK).await, (LOAD - 1, Duration::ZERO));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn under_load_a_group_waits_for_as_many_as_came_lately() {
        let inbox = Inbox::default();
        publish(&inbox, 16);
        assert_eq!(next(&inbox, TOOK).await, (16, Duration::ZERO));
        publish(&inbox, 16);
        assert_eq!(next(&inbox, TOOK).await, (16, Duration::ZERO), "they are there");
        publish(&inbox, 10);
        assert_eq!(next(&inbox, TOOK).await, (10, TOOK * PATIENCE), "four times as long as the last one took");
        publish(&inbox, 10);
        assert_eq!(next(&inbox, Duration::from_secs(1)).await, (10, LINGER_MAX), "and no longer than that");
        publish(&inbox, 10);
        let others = async {
            tokio::time::sleep(TOOK / 5).await;
            publish(&inbox, 6);
        };
        let (group, ()) = tokio::join!(next(&inbox, TOOK), others);
        assert_eq!(group, (16, TOOK / 5), "until they are there");
    }

    #[tokio::test(start_paused = true)]
    async fn a_load_that_is_over_is_forgotten() {
        let inbox = Inbox::default();
        publish(&inbox, 64);
        assert_eq!(next(&inbox, TOOK).await.0, 64);
        tokio::time::advance(LATELY).await;
        publish(&inbox, 1);
        assert_eq!(next(&inbox, TOOK).await, (1, Duration::ZERO));
    }
}
