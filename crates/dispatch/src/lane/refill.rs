//! How a lane reads on from the store, and how it lets go of what it has not begun.

use std::collections::VecDeque;

use ringup_core::delivery::DeliveryState;
use ringup_core::limits::{LANE_READY_MAX, LANE_REFILL_ROWS};
use ringup_core::time::Tick;

use super::{Entry, Lane, Refill, release, weight};

impl Lane {
    /// A delivery that another node accepted some time ago. Newer ones may have come here since, so it may lie behind the
    /// cursor; and older ones of this node's own may still be on their way here, so the cursor stays where it is.
    /// In an ordered lane all comes from the store, in the order of its commits: what lies behind the cursor was there.
    pub fn find(&mut self, entry: Entry, room: bool) {
        let tick = entry.tick();
        if self.is_ordered() {
            if tick > self.cursor {
                self.miss();
            }
        } else if tick > self.cursor && (self.more || self.refill.is_some() || !room) {
            // What is read next has it, as it has everything that was committed before.
            self.offer(entry, room);
        } else if !self.holds(tick) {
            if room && self.ready.len() < LANE_READY_MAX && entry.delivery.state == DeliveryState::Waiting {
                self.hold(entry);
            } else {
                self.read_again_from(tick);
            }
        }
    }

    /// Where to read on, if the lane has room and the store has more. The caller reads and then calls `refilled`.
    pub fn wants_refill(&mut self) -> Option<Tick> {
        if !self.more || self.refill.is_some() || self.ready.len() > LANE_REFILL_ROWS / 2 {
            return None;
        }
        self.refill = Some(Refill::default());
        self.more = false;
        Some(self.cursor)
    }

    /// What a read of up to `asked` rows above the cursor brought; `None` if it failed.
    pub fn refilled(&mut self, entries: Option<Vec<Entry>>, asked: usize) {
        let Refill { settled, late, missed, void } = self.refill.take().unwrap_or_default();
        self.held_bytes -= late.iter().map(weight).sum::<usize>();
        let Some(entries) = entries.filter(|_| !void) else {
            self.more = true;
            return;
        };
        // A full read may end before the late ones begin; then they are read, too.
        let reaches_late = entries.len() < asked;
        self.more |= missed || !reaches_late;
        for entry in entries.into_iter().chain(late.into_iter().filter(|_| reaches_late)) {
            let tick = entry.tick();
            if tick <= self.cursor {
                continue;
            }
            self.cursor = tick;
            if settled.contains(&tick) || self.holds(tick) {
                continue;
            }
            match entry.delivery.state {
                // Far ones would fill the memory: the sweep brings each when its time is near.
                DeliveryState::Scheduled(_) if entry.delivery.is_put_off() => {}
                DeliveryState::Scheduled(_) => self.park(entry),
                DeliveryState::Waiting | DeliveryState::Ended(_) => self.hold(entry),
            }
        }
    }

    /// Lets go of what has not begun, so that a lane that rests costs a timer and a cursor.
    pub fn put_back_ready(&mut self) {
        if let Some(first) = self.ready.front() {
            self.read_again_from(first.tick());
        }
    }

    /// Reads everything again from the oldest: what the store has left of it is not known.
    pub fn read_again(&mut self) {
        self.read_again_from(Tick(1));
    }

    /// Moves the cursor back in front of a delivery; everything after it is read from the store again.
    pub fn read_again_from(&mut self, tick: Tick) {
        self.cursor = self.cursor.min(Tick(tick.0.saturating_sub(1)));
        for entry in std::mem::take(&mut self.ready) {
            self.held_bytes -= weight(&entry);
            self.cursor = self.cursor.min(Tick(entry.tick().0 - 1));
        }
        self.miss();
        if let Some(refill) = &mut self.refill {
            refill.void = true;
        }
    }

    /// Forgets a delivery that the store has cancelled. An attempt under way goes on; no other follows it.
    pub fn discard(&mut self, tick: Tick) {
        if let Some(unsettled) = self.unsettled.get_mut(&tick) {
            unsettled.discarded = true;
        }
        if let Some(refill) = &mut self.refill {
            // Its row may still look live in what is being read.
            refill.settled.insert(tick);
            let before = refill.late.len();
            refill.late.retain(|entry| {
                let kept = entry.tick() != tick;
                self.held_bytes -= if kept { 0 } else { weight(entry) };
                kept
            });
            debug_assert!(before - refill.late.len() <= 1, "a delivery is late once");
        }
        if let Ok(at) = self.ready.binary_search_by_key(&tick, Entry::tick)
            && let Some(entry) = self.ready.remove(at)
        {
            self.held_bytes -= weight(&entry);
        }
        if let Some(entry) = self.later.take(tick) {
            self.held_bytes -= weight(&entry);
        }
        let parked = match self.parked.remove(&tick) {
            Some(Some(at)) => self.timers.remove(&(at, tick)),
            Some(None) => {
                let at = self.due.iter().position(|entry| entry.tick() == tick);
                at.and_then(|at| self.due.remove(at))
            }
            None => None,
        };
        if let Some(entry) = parked {
            self.held_bytes -= weight(&entry);
            release(&mut self.busy_keys, entry.delivery.order_key);
        }
    }

    /// Forgets everything that is not under way: the store has ended it.
    pub fn drop_held(&mut self) {
        if let Some(refill) = &mut self.refill {
            refill.late.clear();
            refill.missed = true;
            refill.void = true;
        }
        self.ready = VecDeque::new();
        for entry in self.due.drain(..).chain(std::mem::take(&mut self.timers).into_values()) {
            release(&mut self.busy_keys, entry.delivery.order_key);
        }
        self.parked.clear();
        self.later.clear();
        self.held_bytes = 0;
        self.more = false;
    }

    /// Forgets everything that is not under way, since another node may do it. Should it be this node's once more, what
    /// is under way may have a retry that was forgotten with the rest: once it is durable, the store knows.
    pub fn part(&mut self) {
        self.drop_held();
        self.unsettled.values_mut().for_each(|unsettled| unsettled.is_lost = true);
    }

    /// Nothing is under way, and nothing that was read is still to come.
    pub fn is_over(&self) -> bool {
        self.unsettled.is_empty() && self.refill.is_none()
    }
}
