//! How often each event was seen, within a bound.

use std::collections::{HashMap, VecDeque};

use super::{Per, Script};

/// Events that a catcher counts at once. Beyond it the one that was new first is forgotten: more are not kept either.
pub const EVENTS_MAX: usize = 4_096;

/// What was counted for one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Requests before this one that the script counts with it.
    pub seen: u64,
    /// Requests of the whole catcher before this one, for the draw.
    pub requests: u64,
    /// The number of the first request with the same event, if this is not the first.
    pub repeats: Option<u64>,
}

/// The counters of one catcher.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    events: HashMap<String, Count>,
    /// Oldest first.
    order: VecDeque<String>,
    requests: u64,
}

#[derive(Clone, Copy, Debug)]
struct Count {
    seen: u64,
    first: u64,
}

impl Seen {
    /// Counts the request of this number. One without an event is counted with all others that have none.
    pub fn count(&mut self, script: &Script, event: Option<&str>, number: u64) -> Sighting {
        let requests = self.requests;
        self.requests += 1;
        let name = event.unwrap_or_default();
        let (of_event, first) = match self.events.get_mut(name) {
            Some(count) => {
                let before = count.seen;
                count.seen += 1;
                (before, Some(count.first))
            }
            None => {
                self.add(name, Count { seen: 1, first: number });
                (0, None)
            }
        };
        let seen = match script.per {
            Per::Event => of_event,
            Per::Catcher => requests,
        };
        Sighting { seen, requests, repeats: event.and(first) }
    }

    /// What was stored of an earlier run, in the order in which it came.
    pub fn remember(&mut self, event: Option<&str>, number: u64) {
        self.count(&Script::default(), event, number);
    }

    /// Requests counted since the start of the script.
    pub fn requests(&self) -> u64 {
        self.requests
    }

    /// How often an event was seen.
    pub fn of_event(&self, event: &str) -> u64 {
        self.events.get(event).map_or(0, |count| count.seen)
    }

    /// The event that was new last.
    pub fn newest(&self) -> Option<&str> {
        self.order.back().map(String::as_str)
    }

    fn add(&mut self, name: &str, count: Count) {
        if self.order.len() == EVENTS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.events.remove(&oldest);
        }
        self.events.insert(name.to_owned(), count);
        self.order.push_back(name.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_counted_side_by_side() {
        let script = Script::default();
        let mut seen = Seen::default();
        let of = |event: &str, number: u64, seen: &mut Seen| seen.count(&script, Some(event), number);
        assert_eq!(of("a", 1, &mut seen), Sighting { seen: 0, requests: 0, repeats: None });
        assert_eq!(of("b", 2, &mut seen), Sighting { seen: 0, requests: 1, repeats: None });
        assert_eq!(of("a", 3, &mut seen), Sighting { seen: 1, requests: 2, repeats: Some(1) });
        assert_eq!(of("a", 4, &mut seen), Sighting { seen: 2, requests: 3, repeats: Some(1) });
    }

    #[test]
    fn requests_without_an_event_are_counted_together_and_repeat_nothing() {
        let script = Script::default();
        let mut seen = Seen::default();
        seen.count(&script, None, 1);
        assert_eq!(seen.count(&script, None, 2), Sighting { seen: 1, requests: 1, repeats: None });
    }

    #[test]
    fn a_script_may_count_all_requests_together() {
        let script: Script = "503 x2, 200; per:catcher".parse().expect("it is one");
        let mut seen = Seen::default();
        seen.count(&script, Some("a"), 1);
        assert_eq!(seen.count(&script, Some("b"), 2).seen, 1);
    }

    #[test]
    fn the_event_that_was_new_first_is_forgotten_first() {
        let script = Script::default();
        let mut seen = Seen::default();
        for number in 0..=EVENTS_MAX as u64 {
            seen.count(&script, Some(&format!("event {number}")), number);
        }
        assert_eq!((seen.of_event("event 0"), seen.of_event("event 1")), (0, 1));
        assert_eq!(seen.events.len(), EVENTS_MAX);
    }
}
