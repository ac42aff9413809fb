//! The one thread that writes: takes what waits, commits it as one group, and says so.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use ringup_core::delivery::DeliveryKey;
use ringup_core::time::{Day, Tick};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::Instant;

use super::catalog::LastTicks;
use super::day::DayFile;
use super::fault::{self, Fault, InFile, Outcome, Point};
use super::inbox::{Ending, Item, Next, Rhythm};
use super::notice::{Committed, Told};
use super::open_day::OpenDay;
use super::schema;
use super::shared::{Life, Shared};
use crate::seam::{Acceptance, Fresh, Loaded, Recalled, Resent, StoreError};

/// Day files the writer keeps open: today's, yesterday's around midnight, and those of far retries.
const OPEN_DAYS_MAX: usize = 4;

/// How long settlements rest after a commit that failed, at first and at most.
const REST_MIN: Duration = Duration::from_millis(20);
const REST_MAX: Duration = Duration::from_secs(1);

/// How soon a message is tried again that the runtime had no room for.
const TELL_AGAIN: Duration = Duration::from_millis(1);

pub(super) struct Writer {
    pub(super) shared: Arc<Shared>,
    pub(super) open: BTreeMap<Day, OpenDay>,
    pub(super) last: LastTicks,
    told: mpsc::Sender<Committed>,
    rhythm: Rhythm,
    last_sync: Instant,
    /// The group being committed waits for the disk.
    syncing: bool,
    groups: u64,
    /// Days whose last commit failed in the device: verified before they are written again.
    pub(super) suspect: BTreeSet<Day>,
    /// A group failed for a reason of its own: until one succeeds, items are tried one by one to find it.
    alone: bool,
}

/// What an item came to, until its commit stands.
enum Applied {
    Accepted(Vec<Acceptance>),
    Settled,
    Ended(usize),
    Resent(Resent, Option<Loaded>),
    Recalled(Vec<Recalled>, Option<Tick>),
    /// Whether it was there, and what was cancelled for it.
    Expunged(Result<(), StoreError>, Vec<DeliveryKey>),
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, last: LastTicks, told: mpsc::Sender<Committed>) -> Writer {
        Writer {
            shared,
            open: BTreeMap::new(),
            last,
            told,
            rhythm: Rhythm::default(),
            last_sync: Instant::now(),
            syncing: true,
            groups: 0,
            suspect: BTreeSet::new(),
            alone: false,
        }
    }

    /// Until the store is closed, dropped or found damaged.
    pub(super) fn run(mut self) {
        loop {
            let shared = self.shared.clone();
            match shared.inbox.next(&mut self.rhythm) {
                Next::Group(items) if self.alone => items.into_iter().for_each(|item| self.group(vec![item])),
                Next::Group(items) => self.group(items),
                Next::Chore(chore) => self.chore(chore),
                Next::Idle => self.rest(),
                Next::End => break,
            }
            if self.shared.life() != Life::Open && self.shared.inbox.ending() != Some(Ending::Drain) {
                break;
            }
        }
        self.end();
    }

    /// One group: all of it in one commit per day file it touches, which normally is one.
    fn group(&mut self, items: Vec<Item>) {
        self.groups += 1;
        let only_settlements =
            items.iter().all(|item| matches!(item, Item::Settle(settlement) if settlement.then.is_none()));
        self.syncing = !only_settlements || self.last_sync.elapsed() >= self.shared.plan.sync_interval;
        let mut fresh = Vec::new();
        let mut applied = Vec::with_capacity(items.len());
        let done = items.iter().try_for_each(|item| {
            applied.push(self.apply(item, &mut fresh)?);
            Ok(())
        });
        let mut committed = BTreeSet::new();
        match done.and_then(|()| self.commit(&mut committed)) {
            Ok(()) => {
                if self.syncing {
                    self.last_sync = Instant::now();
                }
                self.rhythm.resting = None;
                self.alone = false;
                self.shared.advance_horizon(self.last.attempt);
                self.tell(items, applied, fresh);
            }
            Err(fault) => self.failed(items, fresh, &committed, fault),
        }
        self.tend_journals();
        self.close_least_used();
    }

    /// A journal that grows is folded beside the writer; nothing of it may fail a commit.
    fn tend_journals(&mut self) {
        let Writer { open, shared, .. } = self;
        for open in open.values_mut().filter(|open| !open.is_in_transaction()) {
            match open.look_at_journal(shared.plan.journal_bytes) {
                Ok(true) => shared.checkpointer.wants(&open.file),
                Ok(false) => {}
                Err(error) => {
                    let fault = Fault::of(&open.file.path, &error);
                    shared.found(&fault);
                    tracing::warn!(%fault, "a journal could not be folded");
                }
            }
        }
    }

    fn apply(&mut self, item: &Item, fresh: &mut Vec<Fresh>) -> Outcome<Applied> {
        Ok(match item {
            Item::Accept { events, .. } => Applied::Accepted(self.accept(events, fresh)?),
            Item::Settle(settlement) => {
                self.settle(settlement)?;
                if let Some(then) = &settlement.then {
                    self.accept(std::slice::from_ref(&**then), fresh)?;
                }
                Applied::Settled
            }
            Item::EndWaiting { wanted, .. } => Applied::Ended(self.end_waiting(wanted)?),
            Item::Resend { wanted, .. } => {
                let (resent, loaded) = self.resend(wanted)?;
                Applied::Resent(resent, loaded)
            }
            Item::Recall { wanted, .. } => {
                let (recalled, oldest) = self.recall(wanted)?;
                Applied::Recalled(recalled, oldest)
            }
            Item::Expunge { wanted, .. } => match self.expunge(wanted)? {
                Some(discarded) => Applied::Expunged(Ok(()), discarded),
                None => Applied::Expunged(Err(StoreError::NotFound), Vec::new()),
            },
            // Groups end before a chore.
            Item::Chore(_) => Applied::Settled,
        })
    }

    /// Newest day first: what a settlement of an older day tells is an event of today, and must not be missing when the
    /// settlement stands. Told twice it is one event. Notes which days stand, should a later one fail.
    fn commit(&mut self, committed: &mut BTreeSet<Day>) -> Outcome<()> {
        fault::pass(self.shared.plan.failpoint.as_ref(), Point::BeforeCommit);
        for (day, open) in self.open.iter_mut().rev() {
            if open.is_in_transaction() {
                if let Err(error) = open.commit() {
                    let fault = Fault::of(&open.file.path, &error);
                    if matches!(fault, Fault::Device(_)) {
                        self.suspect.insert(*day);
                    }
                    return Err(fault);
                }
                committed.insert(*day);
            }
        }
        fault::pass(self.shared.plan.failpoint.as_ref(), Point::AfterCommitBeforeAck);
        Ok(())
    }

    /// One message for the whole group, so that one thread is woken once.
    fn tell(&mut self, items: Vec<Item>, applied: Vec<Applied>, fresh: Vec<Fresh>) {
        let mut told = Committed { fresh, ..Committed::default() };
        for (item, applied) in items.into_iter().zip(applied) {
            match (item, applied) {
                (Item::Accept { reply, .. }, Applied::Accepted(acceptances)) => {
                    told.answers.push(Told::Accepted(reply, Ok(acceptances)));
                }
                (Item::Settle(settlement), _) => told.settled.push(settlement.key),
                (Item::EndWaiting { reply, .. }, Applied::Ended(ended)) => {
                    told.answers.push(Told::Ended(reply, Ok(ended)));
                }
                (Item::Resend { reply, .. }, Applied::Resent(resent, loaded)) => {
                    told.answers.push(Told::Resent(reply, Ok(resent)));
                    told.resent.extend(loaded);
                }
                (Item::Recall { wanted, reply }, Applied::Recalled(recalled, oldest)) => {
                    told.answers.push(Told::Recalled(reply, Ok(recalled)));
                    told.recalled.extend(oldest.map(|oldest| (wanted.endpoint, oldest)));
                }
                (Item::Expunge { reply, .. }, Applied::Expunged(answer, discarded)) => {
                    told.answers.push(Told::Expunged(reply, answer));
                    told.discarded.extend(discarded);
                }
                // An item and what it came to are of one kind.
                (
                    Item::Accept { .. }
                    | Item::EndWaiting { .. }
                    | Item::Resend { .. }
                    | Item::Recall { .. }
                    | Item::Expunge { .. }
                    | Item::Chore(_),
                    _,
                ) => {}
            }
        }
        self.send(told);
    }

    /// Nothing of the group stands, but for days committed before the one that failed. Settlements stay and are tried
    /// again; all others are told.
    fn failed(&mut self, items: Vec<Item>, fresh: Vec<Fresh>, committed: &BTreeSet<Day>, fault: Fault) {
        for open in self.open.values_mut().filter(|open| open.is_in_transaction()) {
            open.roll_back();
        }
        if let Fault::Device(_) = fault {
            // What these handles believe of their files cannot be trusted any more.
            self.suspect.extend(self.open.keys());
            self.open.clear();
            self.shared.readers.clear();
        }
        let rest = self.rhythm.resting.map_or(REST_MIN, |rest| (rest * 2).min(REST_MAX));
        if self.rhythm.resting.is_none() {
            tracing::error!(%fault, "the store could not commit, and keeps trying");
        }
        self.rhythm.resting = Some(rest);
        let own_fault = matches!(fault, Fault::Other(_)) && committed.is_empty();
        let hopeless = own_fault && self.alone;
        self.alone = own_fault;
        let error = StoreError::from(fault.clone());
        let mut told = Committed::default();
        let mut again = Vec::new();
        // A disk that stays full must not keep a shop from closing: their deliveries are live, and are done again.
        let closing = self.shared.inbox.ending() == Some(Ending::Drain);
        let mut dropped = 0;
        for item in items {
            match item {
                Item::Settle(settlement) if committed.contains(&settlement.key.event.day()) => {
                    told.settled.push(settlement.key);
                }
                // A bug in one settlement must not stop all others. Its delivery stays live and is tried again.
                Item::Settle(settlement) if hopeless => {
                    tracing::error!(key = ?settlement.key, %error, "a settlement cannot be stored and is dropped");
                    told.settled.push(settlement.key);
                }
                Item::Settle(_) if closing => dropped += 1,
                Item::Settle(_) => again.push(item),
                Item::Accept { reply, .. } => told.answers.push(Told::Accepted(reply, Err(error.clone()))),
                Item::EndWaiting { reply, .. } => told.answers.push(Told::Ended(reply, Err(error.clone()))),
                Item::Resend { reply, .. } => told.answers.push(Told::Resent(reply, Err(error.clone()))),
                Item::Recall { reply, .. } => told.answers.push(Told::Recalled(reply, Err(error.clone()))),
                Item::Expunge { reply, .. } => told.answers.push(Told::Expunged(reply, Err(error.clone()))),
                Item::Chore(_) => {}
            }
        }
        told.fresh = fresh.into_iter().filter(|fresh| committed.contains(&fresh.event.tick().day())).collect();
        if dropped > 0 {
            tracing::warn!(dropped, "settlements could not be stored before the end; their deliveries are done again");
        }
        self.shared.inbox.give_back(again);
        self.send(told);
        if let Fault::Damaged(text) = fault {
            self.shared.broken(text);
        }
    }

    /// Bounded: the runtime answers publishers faster than the disk takes events, or the writer waits for it here. But
    /// not when the store is given up: then the runtime's own thread may be waiting for this one.
    fn send(&self, mut told: Committed) {
        while let Err(TrySendError::Full(back)) = self.told.try_send(told) {
            if self.shared.inbox.ending() == Some(Ending::Abandon) {
                return;
            }
            told = back;
            std::thread::park_timeout(TELL_AGAIN);
        }
    }

    /// The day's file with its transaction begun. Makes the file if this is the day's first event.
    pub(super) fn writing(&mut self, day: Day) -> Outcome<&mut OpenDay> {
        let syncing = self.syncing;
        let open = self.reading(day)?;
        let begun = open.begin(syncing);
        begun.in_file(&open.file.path)?;
        Ok(open)
    }

    pub(super) fn is_writing(&self, day: Day) -> bool {
        self.open.get(&day).is_some_and(OpenDay::is_in_transaction)
    }

    /// The day's file, opened if it was not.
    pub(super) fn reading(&mut self, day: Day) -> Outcome<&mut OpenDay> {
        if !self.open.contains_key(&day) {
            let file = match self.shared.days.get(day) {
                Some(file) => file,
                None => self.create(day)?,
            };
            let open = OpenDay::open(file, &self.shared.plan)?;
            if self.suspect.contains(&day) {
                verify(&open)?;
                self.suspect.remove(&day);
            }
            self.open.insert(day, open);
        }
        let groups = self.groups;
        let open = self.open.get_mut(&day).ok_or_else(|| Fault::Other(Arc::from("a day was closed while in use")))?;
        open.used = groups;
        Ok(open)
    }

    fn create(&mut self, day: Day) -> Outcome<Arc<DayFile>> {
        let plan = &self.shared.plan;
        let file = Arc::new(DayFile::create(&plan.data_dir, day, plan.page_bytes)?);
        self.shared.catalog()?.add_day(day)?;
        self.shared.days.put(file.clone());
        // Yesterday's lists grow little from now on: write them out, a few rows with each commit that touches them.
        for open in self.open.values() {
            open.file.known().posting.seal();
        }
        Ok(file)
    }

    fn close_least_used(&mut self) {
        while self.open.len() > OPEN_DAYS_MAX {
            let idle = self.open.iter().filter(|(_, open)| !open.is_in_transaction());
            let Some(day) = idle.min_by_key(|(_, open)| open.used).map(|(day, _)| *day) else { return };
            if let Some(mut open) = self.open.remove(&day)
                && let Err(fault) = open.seal().and_then(|()| open.fold())
            {
                self.shared.found(&fault);
                tracing::warn!(%fault, "a day that is no longer written could not be put away");
            }
        }
    }

    /// Nothing came for a while: what only older days still have in memory goes into their files.
    fn rest(&mut self) {
        let newest = self.open.keys().next_back().copied();
        for (_, open) in self.open.iter_mut().filter(|(day, _)| Some(**day) != newest) {
            if let Err(fault) = open.seal() {
                self.shared.found(&fault);
                tracing::warn!(%fault, "a day's lists could not be written, and are tried again later");
            }
        }
        self.fold_all();
    }

    /// Everything of value goes into the files proper, and journals leave the disk.
    pub(super) fn fold_all(&mut self) {
        for open in self.open.values() {
            match open.fold() {
                Ok(_) => {}
                Err(fault) => {
                    self.shared.found(&fault);
                    tracing::warn!(%fault, "a journal could not be folded away, and is tried again later");
                }
            }
        }
    }

    fn end(mut self) {
        let error = self.shared.refusal();
        let mut told = Committed::default();
        for item in self.shared.inbox.take_all() {
            match item {
                Item::Accept { reply, .. } => told.answers.push(Told::Accepted(reply, Err(error.clone()))),
                Item::EndWaiting { reply, .. } => told.answers.push(Told::Ended(reply, Err(error.clone()))),
                Item::Resend { reply, .. } => told.answers.push(Told::Resent(reply, Err(error.clone()))),
                Item::Recall { reply, .. } => told.answers.push(Told::Recalled(reply, Err(error.clone()))),
                Item::Expunge { reply, .. } => told.answers.push(Told::Expunged(reply, Err(error.clone()))),
                Item::Settle(_) | Item::Chore(_) => {}
            }
        }
        self.send(told);
        if self.shared.inbox.ending() == Some(Ending::Drain) && !self.shared.is_broken() {
            self.shared.checkpointer.end();
            for file in self.shared.days.all() {
                // Whoever still reads or folds it is waited for: the last to let go must be us, or its journal stays.
                drop(file.gate.write().unwrap_or_else(PoisonError::into_inner));
            }
            self.shared.readers.clear();
            for file in self.shared.days.all() {
                let sealed = match self.open.get_mut(&file.day) {
                    Some(open) => open.seal(),
                    None if file.known().posting.is_empty() => Ok(()),
                    None => OpenDay::open(file, &self.shared.plan).and_then(|mut open| {
                        open.seal()?;
                        open.fold().map(drop)
                    }),
                };
                if let Err(fault) = sealed {
                    tracing::warn!(%fault, "a day's lists could not be written at the end; the next start reads more");
                }
            }
            self.fold_all();
            for open in self.open.values() {
                if let Err(error) = schema::fold_at_end(&open.connection) {
                    tracing::warn!(%error, "a journal stays beside its file");
                }
            }
        }
    }
}

/// After a failure of the device: reads what is really there, and writes it again where it belongs.
fn verify(open: &OpenDay) -> Outcome<()> {
    schema::check_header(&open.file.path)?;
    open.file.learn_from(&open.connection)?;
    open.fold().map(drop)
}
