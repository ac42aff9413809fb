//! Which events an endpoint asked for.

use std::collections::BTreeSet;

use crate::filter::{Facts, Filter, Refusal};
use crate::hook::HookPlan;

/// What an endpoint wants. All of its parts must hold.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Subscription {
    /// `None` means all, unless there are families.
    pub event_types: Option<BTreeSet<String>>,
    /// Whole families, beside `event_types`: an event type that joins one later is wanted from then on.
    pub families: BTreeSet<String>,
    /// `None` means all.
    pub channels: Option<BTreeSet<String>>,
    /// What must stand in the event itself.
    pub filter: Option<Filter>,
    /// The endpoint answers this hook, and wants no event at all.
    pub hook: Option<HookPlan>,
}

/// The part of a subscription that an event does not meet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Unmet {
    /// Neither its type nor its family was asked for.
    EventType,
    /// It carries none of the channels.
    Channel,
    Filter(Refusal),
}

impl Subscription {
    /// Whether an event is wanted. `family` is that of its type, if it has one.
    pub fn matches(&self, facts: &Facts<'_>, family: Option<&str>) -> bool {
        self.wants_type(facts.event_type, family)
            && self.wants_channel(facts.channels)
            && self.filter.as_ref().is_none_or(|filter| filter.accepts(facts))
    }

    /// Why an event is not wanted; `None` for one that is.
    pub fn unmet(&self, facts: &Facts<'_>, family: Option<&str>) -> Option<Unmet> {
        if !self.wants_type(facts.event_type, family) {
            return Some(Unmet::EventType);
        }
        if !self.wants_channel(facts.channels) {
            return Some(Unmet::Channel);
        }
        self.filter.as_ref().and_then(|filter| filter.refusal(facts)).map(Unmet::Filter)
    }

    pub fn wants_type(&self, event_type: &str, family: Option<&str>) -> bool {
        if self.hook.is_some() {
            return false;
        }
        let by_family = family.is_some_and(|family| self.families.contains(family));
        let by_type = match &self.event_types {
            Some(types) => types.contains(event_type),
            None => self.families.is_empty(),
        };
        by_family || by_type
    }

    /// An endpoint without channels gets everything; one with channels gets events that carry at least one of them.
    ///
    /// Source: Svix dialect, `EndpointIn.channels`.
    pub fn wants_channel(&self, channels: &[String]) -> bool {
        self.channels.as_ref().is_none_or(|wanted| channels.iter().any(|channel| wanted.contains(channel)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> Option<BTreeSet<String>> {
        Some(names.iter().map(|name| (*name).to_owned()).collect())
    }

    /// An `invoiceCreated` of the family *customer invoice* over 100.
    #[track_caller]
    fn check(subscription: Subscription, channels: &[&str], expected: Option<Unmet>) {
        let channels: Vec<String> = channels.iter().map(|name| (*name).to_owned()).collect();
        let facts =
            Facts { event_type: "invoiceCreated", channels: &channels, tags: &[], payload: br#"{"Total":100.50}"# };
        let family = Some("customer invoice");
        assert_eq!(subscription.matches(&facts, family), expected.is_none(), "{subscription:?}");
        assert_eq!(subscription.unmet(&facts, family), expected, "{subscription:?}");
    }

    #[test]
    fn types_and_channels_must_both_match() {
        let on = |event_types, channels| Subscription { event_types, channels, ..Subscription::default() };
        check(on(None, None), &[], None);
        check(on(set(&["invoiceCreated"]), None), &["kemang"], None);
        check(on(set(&["productCreated"]), None), &[], Some(Unmet::EventType));
        check(on(set(&[]), None), &[], Some(Unmet::EventType));
        check(on(None, set(&["kemang"])), &[], Some(Unmet::Channel));
        check(on(None, set(&["kemang"])), &["senopati", "kemang"], None);
        check(on(set(&["productCreated"]), set(&["kemang"])), &["kemang"], Some(Unmet::EventType));
    }

    #[test]
    fn a_family_stands_beside_types_and_not_beside_all() {
        let of = |event_types, families: &[&str]| Subscription {
            event_types,
            families: set(families).unwrap_or_default(),
            ..Subscription::default()
        };
        check(of(None, &["customer invoice"]), &[], None);
        check(of(None, &["product"]), &[], Some(Unmet::EventType));
        check(of(set(&["productCreated"]), &["customer invoice"]), &[], None);
        check(of(set(&["invoiceCreated"]), &["product"]), &[], None);
        check(of(set(&["productCreated"]), &["product", "contact"]), &[], Some(Unmet::EventType));
        let unknown = of(None, &["customer invoice"]);
        assert!(!unknown.wants_type("invoiceCreated", None), "a type without a family is in none");
    }

    #[test]
    fn a_filter_is_asked_last() {
        let filtered = |text, channels| Subscription {
            filter: Some(Filter::parse(text).expect(text)),
            channels,
            ..Subscription::default()
        };
        check(filtered("data.Total:>100", None), &[], None);
        check(filtered("data.Total:>200", set(&["kemang"])), &[], Some(Unmet::Channel));
        let refusal = Refusal { clause: "data.Total:>200".to_owned(), found: Some("100.50".to_owned()) };
        check(filtered("data.Total:>200", None), &[], Some(Unmet::Filter(refusal)));
    }
}
