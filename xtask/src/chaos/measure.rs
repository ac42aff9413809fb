//! Times that the journals tell after a chapter.

use std::{collections::HashMap, time::Duration};

use ringup_testkit::{journal::Sent, oracle::History};

use super::fault::Done;

/// What publishers were told while something was broken.
#[derive(Debug, Default)]
pub struct Told {
    /// How long those waited that got a 503.
    pub after: Vec<Duration>,
    /// Requests without any answer.
    pub nothing: u64,
}

impl Told {
    pub fn add(&mut self, other: Told) {
        self.after.extend(other.after);
        self.nothing += other.nothing;
    }
}

/// For each round the longest time from an event's acknowledgement, or from the fault if that came later, to its first
/// arrival at one of these paths or to the next fault. An event counts for each round that it waited in.
pub fn waits(history: &History, paths: &[&str], rounds: &[Done]) -> Vec<Duration> {
    let mut first: HashMap<&str, u64> = HashMap::new();
    for receipt in history.received.iter().filter(|receipt| paths.contains(&receipt.path.as_str())) {
        let at = first.entry(&receipt.id).or_insert(receipt.at_ns);
        *at = receipt.at_ns.min(*at);
    }
    let spans: Vec<(u64, u64)> = history
        .sent
        .iter()
        .filter_map(|line| acknowledged(line).zip(first.get(line.event.as_deref()?).copied()))
        .collect();
    let end = |number: usize| rounds.get(number + 1).map_or(u64::MAX, |next| next.began_ns);
    let wait = |(number, round): (usize, &Done)| {
        let waited = spans.iter().filter(|(from, until)| *until >= round.began_ns && *from < end(number));
        let longest =
            waited.map(|(from, until)| (*until).min(end(number)).saturating_sub(round.began_ns.max(*from))).max();
        Duration::from_nanos(longest.unwrap_or_default())
    };
    rounds.iter().enumerate().map(wait).collect()
}

fn acknowledged(line: &Sent) -> Option<u64> {
    line.answered_at_ns.filter(|_| line.is_acknowledged())
}

/// What publishers were told in this round, from the fault until all was mended.
pub fn told(sent: &[Sent], round: &Done) -> Told {
    let mut told = Told::default();
    for line in sent.iter().filter(|line| (round.began_ns..round.mended_ns).contains(&line.sent_at_ns)) {
        match (line.status, line.answered_at_ns) {
            (Some(503), Some(at)) => told.after.push(Duration::from_nanos(at.saturating_sub(line.sent_at_ns))),
            (None, _) => told.nothing += 1,
            _ => {}
        }
    }
    told
}

/// From the end of the fault to the first publish that was taken.
pub fn resumed(sent: &[Sent], round: &Done) -> Option<Duration> {
    let first = sent.iter().filter_map(acknowledged).filter(|at| *at >= round.mended_ns).min()?;
    Some(Duration::from_nanos(first - round.mended_ns))
}

#[cfg(test)]
mod tests {
    use ringup_testkit::journal::Receipt;

    use super::*;
    use crate::chaos::fault::Fault;

    const S: u64 = 1_000_000_000;

    fn round(began_s: u64, mended_s: u64) -> Done {
        Done { fault: Fault::DatabaseStop, began_ns: began_s * S, mended_ns: mended_s * S, struck: 1 }
    }

    fn sent(event: &str, sent_s: u64, answered_s: Option<u64>, status: Option<u16>) -> Sent {
        let text = format!(
            r#"{{"uid":"{event}","app":"a","event_type":"t","body_sha256":"{}","sent_at_ns":{}}}"#,
            "0".repeat(64),
            sent_s * S
        );
        let line: Sent = serde_json::from_str(&text).expect("a line of a journal");
        Sent { answered_at_ns: answered_s.map(|at| at * S), status, event: Some(event.to_owned()), ..line }
    }

    fn receipt(id: &str, path: &str, at_s: u64) -> Receipt {
        let text = format!(
            r#"{{"id":"{id}","at_ns":{},"path":"{path}","timestamp":"","signature":"","body_sha256":"{}","body_len":0,"complete":true}}"#,
            at_s * S,
            "0".repeat(64)
        );
        serde_json::from_str(&text).expect("a line of a journal")
    }

    #[test]
    fn an_event_waits_from_its_acknowledgement_or_from_the_fault() {
        let history = History {
            sent: vec![
                sent("before", 1, Some(2), Some(202)),
                sent("during", 11, Some(12), Some(202)),
                sent("next", 19, Some(19), Some(202)),
            ],
            received: vec![
                receipt("before", "/slow", 11),
                receipt("before", "/plain", 17),
                receipt("before", "/plain", 90),
                receipt("during", "/plain", 18),
                receipt("next", "/plain", 24),
            ],
            ..History::default()
        };
        let waits = waits(&history, &["/plain"], &[round(10, 15), round(20, 25)]);
        assert_eq!(waits, [Duration::from_secs(7), Duration::from_secs(4)]);
    }

    #[test]
    fn only_what_was_sent_while_it_was_broken_was_told() {
        let lines = [
            sent("early", 1, Some(9), Some(503)),
            sent("told", 11, Some(12), Some(503)),
            sent("silence", 12, None, None),
            sent("late", 14, Some(18), Some(202)),
        ];
        let told = told(&lines, &round(10, 15));
        assert_eq!((told.after, told.nothing), (vec![Duration::from_secs(1)], 1));
        assert_eq!(resumed(&lines, &round(10, 15)), Some(Duration::from_secs(3)));
    }
}
