//! Brings the journals together: which event each request belongs to, and to which endpoint it went.

use std::collections::{BTreeMap, HashMap};

use standardwebhooks::Webhook;

use super::{Endpoint, History, Report, Rule};
use crate::journal::{Receipt, Sent, Sha256, is_success};

/// Journals, cross-referenced.
pub(super) struct Evidence<'a> {
    pub history: &'a History,
    pub events: Vec<Event<'a>>,
    /// Requests by event and endpoint (indexes), in order of arrival.
    pub arrivals: BTreeMap<(usize, usize), Vec<&'a Receipt>>,
}

/// One event: all publish requests of one uid.
pub(super) struct Event<'a> {
    pub lines: Vec<&'a Sent>,
    pub verdict: Verdict,
}

/// How a publish ended for its publisher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Acknowledged,
    /// No answer, or one after which the publisher may not know.
    Unknown,
    /// Told for good that it was not accepted.
    Refused,
}

impl Event<'_> {
    pub fn sent(&self) -> &Sent {
        self.lines[0]
    }

    /// The id it was acknowledged with.
    pub fn id(&self) -> Option<&str> {
        self.lines.iter().find(|line| line.is_acknowledged()).and_then(|line| line.event.as_deref())
    }
}

impl<'a> Evidence<'a> {
    /// Places every request; what cannot be placed, or is not as published, is reported as invention (O2).
    pub fn collect(history: &'a History, report: &mut Report) -> Self {
        let events = events(&history.sent);
        let by_id: HashMap<&str, usize> =
            events.iter().enumerate().filter_map(|(index, event)| Some((event.id()?, index))).collect();
        let by_body: HashMap<Sha256, usize> =
            events.iter().enumerate().map(|(index, event)| (event.sent().body_sha256, index)).collect();
        let by_path: HashMap<&str, usize> =
            history.endpoints.iter().enumerate().map(|(index, endpoint)| (endpoint.path.as_str(), index)).collect();

        count_events(&history.sent, &events, report);
        let mut checker = Checker::new(&history.endpoints);
        let mut arrivals: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for receipt in &history.received {
            report.counts.received += 1;
            let Some(endpoint) = by_path.get(receipt.path.as_str()).copied() else {
                report.violated(Rule::NoInvention, || {
                    format!("{} at {}: no endpoint has this path", receipt.id, receipt.path)
                });
                continue;
            };
            let found = by_id.get(receipt.id.as_str()).or_else(|| by_body.get(&receipt.body_sha256));
            let Some(event) = found.copied() else {
                report.violated(Rule::NoInvention, || format!("{} at {}: never published", receipt.id, receipt.path));
                continue;
            };
            as_published(&events[event], &history.endpoints[endpoint], receipt, report);
            checker.check(endpoint, receipt, events[event].sent(), report);
            arrivals.entry((event, endpoint)).or_default().push(receipt);
        }
        arrivals.values_mut().for_each(|receipts| receipts.sort_by_key(|receipt| receipt.at_ns));
        Self { history, events, arrivals }
    }

    pub fn arrivals(&self, event: usize, endpoint: usize) -> &[&'a Receipt] {
        self.arrivals.get(&(event, endpoint)).map_or(&[], Vec::as_slice)
    }

    /// Indexes of the endpoints that matched at acceptance.
    pub fn matching(&self, event: usize) -> impl Iterator<Item = usize> {
        let sent = self.events[event].sent();
        let endpoints = self.history.endpoints.iter().enumerate();
        endpoints.filter(|(_, endpoint)| endpoint.matches(sent)).map(|(index, _)| index)
    }

    /// "uid (id) to endpoint", for messages.
    pub fn name(&self, event: usize, endpoint: usize) -> String {
        let event = &self.events[event];
        let id = event.id().unwrap_or("unacknowledged");
        format!("{} ({id}) to {}", event.sent().uid, self.history.endpoints[endpoint].path)
    }
}

fn events(sent: &[Sent]) -> Vec<Event<'_>> {
    let mut index: HashMap<&str, usize> = HashMap::new();
    let mut events: Vec<Event<'_>> = Vec::new();
    for line in sent {
        let place = *index.entry(&line.uid).or_insert(events.len());
        match events.get_mut(place) {
            Some(event) => event.lines.push(line),
            None => events.push(Event { lines: vec![line], verdict: Verdict::Unknown }),
        }
    }
    for event in &mut events {
        event.verdict = verdict(&event.lines);
    }
    events
}

fn verdict(lines: &[&Sent]) -> Verdict {
    let refused = |line: &&Sent| line.status.is_some_and(|status| status < 500 && status != 429);
    if lines.iter().any(|line| line.is_acknowledged()) {
        Verdict::Acknowledged
    } else if lines.iter().all(refused) {
        Verdict::Refused
    } else {
        Verdict::Unknown
    }
}

fn count_events(sent: &[Sent], events: &[Event<'_>], report: &mut Report) {
    report.counts.requests = sent.len() as u64;
    for event in events {
        match event.verdict {
            Verdict::Acknowledged => report.counts.acknowledged += 1,
            Verdict::Unknown => report.counts.unanswered += 1,
            Verdict::Refused => report.counts.refused += 1,
        }
    }
}

fn as_published(event: &Event<'_>, endpoint: &Endpoint, receipt: &Receipt, report: &mut Report) {
    let sent = event.sent();
    let mut wrong = |what: &str| {
        let text = || format!("{} ({}) at {}: {what}", sent.uid, receipt.id, receipt.path);
        report.violated(Rule::NoInvention, text);
    };
    if receipt.body_sha256 != sent.body_sha256 {
        wrong("other bytes than published");
    }
    if endpoint.app != sent.app {
        wrong("an endpoint of another account");
    } else if !endpoint.matches(sent) {
        wrong("the endpoint is not subscribed to its type");
    }
    if event.verdict == Verdict::Refused {
        wrong("the publish was refused");
    }
}

/// Verifies signatures with the secrets of each endpoint.
struct Checker {
    keys: Vec<Result<Vec<Webhook>, String>>,
}

impl Checker {
    fn new(endpoints: &[Endpoint]) -> Self {
        let keys = |endpoint: &Endpoint| {
            let keys = endpoint.secrets.iter().map(|secret| Webhook::new(secret));
            keys.collect::<Result<Vec<_>, _>>().map_err(|error| format!("secret of {}: {error}", endpoint.id))
        };
        Self { keys: endpoints.iter().map(keys).collect() }
    }

    fn check(&mut self, endpoint: usize, receipt: &Receipt, sent: &Sent, report: &mut Report) {
        let keys = match &self.keys[endpoint] {
            Ok(keys) => keys,
            Err(error) => return report.violated(Rule::NoInvention, || error.clone()),
        };
        // The body as received is better evidence; its digest equals the published one or is reported.
        let body = receipt.body.as_ref().or(sent.payload.as_ref());
        let Some(body) = body.filter(|_| !keys.is_empty()) else {
            report.counts.signatures_unchecked += 1;
            return;
        };
        if keys.iter().any(|key| is_signed(key, receipt, body)) {
            report.counts.signatures_valid += 1;
        } else {
            let text = || format!("{} at {}: signature {:?} is not valid", receipt.id, receipt.path, receipt.signature);
            report.violated(Rule::NoInvention, text);
        }
    }
}

/// Signs as the library does and compares: its own check also refuses timestamps more than five minutes
/// old, which a journal read later always has. That the timestamp is the attempt's is checked instead.
fn is_signed(key: &Webhook, receipt: &Receipt, body: &str) -> bool {
    const TOLERANCE_S: u64 = 5 * 60;
    let Ok(timestamp) = receipt.timestamp.parse::<u64>() else { return false };
    let fresh = (receipt.at_ns / 1_000_000_000).abs_diff(timestamp) <= TOLERANCE_S;
    let Ok(signed_at) = i64::try_from(timestamp) else { return false };
    let expected = key.sign(&receipt.id, signed_at, body.as_bytes());
    fresh && expected.is_ok_and(|expected| receipt.signature.split(' ').any(|signature| signature == expected))
}

/// The receiver said yes.
pub(super) fn is_taken(receipt: &Receipt) -> bool {
    receipt.status.is_some_and(is_success)
}
