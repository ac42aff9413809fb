//! Which events an endpoint asked for.

use std::collections::BTreeSet;

/// An endpoint's filter. `None` means all.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Subscription {
    pub event_types: Option<BTreeSet<String>>,
    pub channels: Option<BTreeSet<String>>,
}

impl Subscription {
    /// Whether an event of this type on these channels is wanted.
    ///
    /// An endpoint without channels gets everything; one with channels gets events that carry at least one of them.
    /// Source: Svix dialect, `EndpointIn.channels`.
    pub fn matches(&self, event_type: &str, channels: &[String]) -> bool {
        let type_wanted = self.event_types.as_ref().is_none_or(|types| types.contains(event_type));
        let channel_wanted =
            self.channels.as_ref().is_none_or(|wanted| channels.iter().any(|channel| wanted.contains(channel)));
        type_wanted && channel_wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> Option<BTreeSet<String>> {
        Some(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[track_caller]
    fn check(types: Option<BTreeSet<String>>, wanted: Option<BTreeSet<String>>, channels: &[&str], expected: bool) {
        let channels: Vec<String> = channels.iter().map(|name| (*name).to_owned()).collect();
        let subscription = Subscription { event_types: types, channels: wanted };
        assert_eq!(subscription.matches("invoiceCreated", &channels), expected);
    }

    #[test]
    fn types_and_channels_must_both_match() {
        check(None, None, &[], true);
        check(set(&["invoiceCreated"]), None, &["kemang"], true);
        check(set(&["productCreated"]), None, &[], false);
        check(set(&[]), None, &[], false);
        check(None, set(&["kemang"]), &[], false);
        check(None, set(&["kemang"]), &["senopati", "kemang"], true);
        check(set(&["productCreated"]), set(&["kemang"]), &["kemang"], false);
    }
}
