//! The rules O1 and O3 to O7; O2 is part of placing the evidence.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{
    Delivery, Ledger, Report, Rule, State,
    evidence::{Evidence, Verdict, is_taken},
};
use crate::journal::Receipt;

/// O1.
pub(super) fn no_loss(evidence: &Evidence<'_>, report: &mut Report) {
    let key = |delivery: &Delivery| (delivery.event.clone(), delivery.endpoint.clone());
    let listed: HashMap<_, _> =
        evidence.history.deliveries.iter().map(|delivery| (key(delivery), &delivery.state)).collect();
    for (index, event) in evidence.events.iter().enumerate() {
        if event.verdict != Verdict::Acknowledged {
            continue;
        }
        for endpoint in evidence.matching(index) {
            report.counts.owed += 1;
            let arrivals = evidence.arrivals(index, endpoint);
            let endpoint_id = evidence.history.endpoints[endpoint].id.clone();
            let state = event.id().and_then(|id| listed.get(&(id.to_owned(), endpoint_id)).copied());
            let lost = match state {
                Some(State::Pending) => "is still pending",
                _ if arrivals.iter().any(|receipt| is_taken(receipt)) => {
                    report.counts.delivered += 1;
                    continue;
                }
                Some(State::Terminal(_)) => {
                    report.counts.terminal += 1;
                    continue;
                }
                Some(State::Delivered) => "is listed as delivered, but no receiver took it",
                None if arrivals.is_empty() => "never arrived and is not listed",
                None => "arrived, was not taken, and is not listed",
            };
            report.violated(Rule::NoLoss, || format!("{} {lost}", evidence.name(index, endpoint)));
        }
    }
}

/// O3.
pub(super) fn bounded_duplicates(evidence: &Evidence<'_>, report: &mut Report) {
    let cut = evidence.history.received.iter().filter(|receipt| receipt.cut).count() as u64;
    let in_flight: u64 = evidence.history.in_flight_at_kills.iter().sum();
    let allowed = in_flight + cut + evidence.history.resends;
    report.counts.duplicates_allowed = allowed;
    for (&(event, endpoint), arrivals) in &evidence.arrivals {
        let taken = arrivals.iter().position(|receipt| is_taken(receipt));
        let extra = taken.map_or(0, |first| arrivals.len() - 1 - first) as u64;
        for number in 0..extra {
            report.counts.duplicates += 1;
            if report.counts.duplicates > allowed {
                let text = || {
                    let name = evidence.name(event, endpoint);
                    format!("{name} again ({} of {extra}), beyond {allowed} allowed in all", number + 1)
                };
                report.violated(Rule::BoundedDuplicates, text);
            }
        }
    }
}

/// One request of an ordered sequence.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Arrival {
    at_ns: u64,
    place: u64,
    event: usize,
}

/// O4.
pub(super) fn order(evidence: &Evidence<'_>, report: &mut Report) {
    // By endpoint and ordering key.
    let mut sequences: BTreeMap<(usize, &str), Vec<Arrival>> = BTreeMap::new();
    for (&(event, endpoint), arrivals) in &evidence.arrivals {
        let order = evidence.events[event].sent().order.as_ref();
        let Some((key, place)) = order.filter(|_| evidence.history.endpoints[endpoint].ordered) else { continue };
        let sequence = sequences.entry((endpoint, key)).or_default();
        sequence.extend(arrivals.iter().map(|receipt| Arrival { at_ns: receipt.at_ns, place: *place, event }));
    }
    for ((endpoint, key), mut sequence) in sequences {
        sequence.sort_unstable();
        let mut head = 0;
        for Arrival { place, event, .. } in sequence {
            if place < head {
                let name = evidence.name(event, endpoint);
                report.violated(Rule::Order, || format!("{name}: place {place} of {key} after place {head}"));
            }
            head = head.max(place);
        }
    }
}

/// O5. A request in flight at a kill may lack its row; one that was marked interrupted has it.
pub(super) fn honest_log(evidence: &Evidence<'_>, report: &mut Report) {
    let Some(attempts) = &evidence.history.attempts else { return };
    let mut rows: HashMap<(&str, &str), Vec<Option<u16>>> = HashMap::new();
    for attempt in attempts {
        rows.entry((&attempt.event, &attempt.endpoint)).or_default().push(attempt.status);
    }
    let mut receipts: BTreeMap<(&str, &str), Vec<&Receipt>> = BTreeMap::new();
    for (&(_, endpoint), arrivals) in &evidence.arrivals {
        for receipt in arrivals {
            let pair = (receipt.id.as_str(), evidence.history.endpoints[endpoint].id.as_str());
            receipts.entry(pair).or_default().push(receipt);
        }
    }
    let allowed: u64 = evidence.history.in_flight_at_kills.iter().sum();
    for (&(event, endpoint), requests) in &receipts {
        let known = rows.get(&(event, endpoint)).map_or(0, Vec::len);
        for _ in known..requests.len() {
            report.counts.rows_missing += 1;
            if report.counts.rows_missing > allowed {
                let text = || format!("{event} to {endpoint}: {} requests, {known} rows", requests.len());
                report.violated(Rule::HonestLog, text);
            }
        }
    }
    for (&(event, endpoint), statuses) in &rows {
        let requests = receipts.get(&(event, endpoint)).map_or(&[][..], Vec::as_slice);
        for status in statuses.iter().flatten().collect::<BTreeSet<_>>() {
            let claimed = statuses.iter().filter(|other| **other == Some(*status)).count();
            let given = requests.iter().filter(|receipt| receipt.status == Some(*status)).count();
            if claimed > given {
                let text = || format!("{event} to {endpoint}: {claimed} rows say {status}, {given} were answered");
                report.violated(Rule::HonestLog, text);
            }
        }
    }
}

/// O6.
pub(super) fn conservation(evidence: &Evidence<'_>, report: &mut Report) {
    let owed = |verdict: Verdict| {
        let events = evidence.events.iter().enumerate().filter(|(_, event)| event.verdict == verdict);
        events.map(|(index, _)| evidence.matching(index).count() as u64).sum::<u64>()
    };
    let (sure, possible) = (owed(Verdict::Acknowledged), owed(Verdict::Unknown));
    let taken = evidence.arrivals.values().filter(|arrivals| arrivals.iter().any(|receipt| is_taken(receipt)));
    let taken = taken.count() as u64;
    let ledgers = &evidence.history.ledgers;
    for ledger in ledgers {
        let Ledger { source, accepted, delivered, pending, terminal } = ledger;
        if *accepted != delivered + pending + terminal {
            let text = || format!("{source}: accepted {accepted}, but {delivered} + {pending} + {terminal}");
            report.violated(Rule::Conservation, text);
        }
        if !(sure..=sure + possible).contains(accepted) {
            let text = || format!("{source}: accepted {accepted}, owed {sure} and at most {possible} more");
            report.violated(Rule::Conservation, text);
        }
        if *delivered > taken {
            report.violated(Rule::Conservation, || format!("{source}: delivered {delivered}, receivers took {taken}"));
        }
    }
    for pair in ledgers.windows(2) {
        let sums = |ledger: &Ledger| (ledger.accepted, ledger.delivered, ledger.pending, ledger.terminal);
        if sums(&pair[0]) != sums(&pair[1]) {
            report.violated(Rule::Conservation, || format!("{:?} and {:?} differ", pair[0], pair[1]));
        }
    }
}

/// O7.
pub(super) fn once_under_its_key(evidence: &Evidence<'_>, report: &mut Report) {
    let mut ids: Vec<BTreeSet<&str>> = vec![BTreeSet::new(); evidence.events.len()];
    for (index, event) in evidence.events.iter().enumerate() {
        let acknowledged = event.lines.iter().filter(|line| line.is_acknowledged());
        ids[index].extend(acknowledged.filter_map(|line| line.event.as_deref()));
    }
    for (&(event, _), arrivals) in &evidence.arrivals {
        ids[event].extend(arrivals.iter().map(|receipt| receipt.id.as_str()));
    }
    for (index, ids) in ids.iter().enumerate().filter(|(_, ids)| ids.len() > 1) {
        let uid = &evidence.events[index].sent().uid;
        report.violated(Rule::OnceUnderItsKey, || format!("{uid} became {} events: {ids:?}", ids.len()));
    }
}
