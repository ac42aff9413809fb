//! The promises, named once. Asserts, tests, the oracle and the documents speak of them by these names.
//!
//! All of them hold once nothing is under way any more: no request in flight, nothing due.

/// One promise.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Promise {
    /// `O1` to `O7`.
    pub id: &'static str,
    pub name: &'static str,
    /// What must hold, in a sentence.
    pub text: &'static str,
}

/// Acknowledged means kept.
pub const NO_LOSS: Promise = Promise {
    id: "O1",
    name: "no loss",
    text: "every acknowledged event was received at every endpoint it matched when it was accepted, or its delivery is \
           in an ended state that is listed and can be resent",
};

/// Bytes are sacred.
pub const NO_INVENTION: Promise = Promise {
    id: "O2",
    name: "no invention",
    text: "everything received was published, with equal bytes and a valid signature, to an endpoint of its own account",
};

/// At least once, same id.
pub const BOUNDED_DUPLICATES: Promise = Promise {
    id: "O3",
    name: "bounded duplicates",
    text: "an event is received again after a success only if its request was in flight when the process died or the \
           receiver itself cut the answer; never without a fault",
};

/// Strict order, by endpoint or by key.
pub const ORDER: Promise = Promise {
    id: "O4",
    name: "order",
    text: "where order is asked for, the sequence never goes back except to repeat its head",
};

/// The log tells the truth.
pub const HONEST_LOG: Promise = Promise {
    id: "O5",
    name: "honest log",
    text: "each request received has an attempt in the log or was cut off when the process died, and no attempt claims \
           an answer that nobody sent",
};

/// Nothing is in two states or in none.
pub const CONSERVATION: Promise = Promise {
    id: "O6",
    name: "conservation",
    text: "accepted deliveries = delivered + pending + ended, in the API, the counters and the store alike",
};

/// Idempotency.
pub const UNACKNOWLEDGED_ONCE: Promise = Promise {
    id: "O7",
    name: "unacknowledged at most once",
    text: "a publish that got no answer and is repeated with its idempotency key is one event or none, never two",
};

pub const ALL: [Promise; 7] =
    [NO_LOSS, NO_INVENTION, BOUNDED_DUPLICATES, ORDER, HONEST_LOG, CONSERVATION, UNACKNOWLEDGED_ONCE];

impl std::fmt::Display for Promise {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.id, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_numbered_in_order() {
        let ids: Vec<&str> = ALL.iter().map(|promise| promise.id).collect();
        assert_eq!(ids, ["O1", "O2", "O3", "O4", "O5", "O6", "O7"]);
        assert_eq!(NO_LOSS.to_string(), "O1 no loss");
        assert!(ALL.iter().all(|promise| !promise.text.contains("  ")), "one space between words");
    }
}
