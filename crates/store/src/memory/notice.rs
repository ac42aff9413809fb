//! What the listener is still to be told, in the order of commits.

use std::sync::Arc;

use ringup_core::delivery::DeliveryKey;
use ringup_core::key::EndpointKey;
use ringup_core::time::Tick;

use super::shared::Shared;
use crate::seam::{Fresh, Listener, Loaded};

pub(super) enum Notice {
    Accepted(Vec<Fresh>),
    Settled(Vec<DeliveryKey>),
    Resent(Loaded),
    Recalled(EndpointKey, Tick),
    Discarded(Vec<DeliveryKey>),
}

impl Notice {
    fn give(self, listener: &Arc<dyn Listener>) {
        match self {
            Notice::Accepted(fresh) => listener.accepted(fresh),
            Notice::Settled(keys) => listener.settled(keys),
            Notice::Resent(loaded) => listener.resent(loaded),
            Notice::Recalled(endpoint, oldest) => listener.recalled(endpoint, oldest),
            Notice::Discarded(keys) => listener.discarded(keys),
        }
    }
}

/// Tells everything that is to be told, without the lock, one caller at a time so that the order holds.
///
/// Whoever finds another at it leaves: that one takes the rest along.
pub(super) fn tell_all(shared: &Shared) {
    {
        let mut state = shared.lock();
        if state.telling {
            return;
        }
        state.telling = true;
    }
    let _over = Over(shared);
    loop {
        let (notice, listener) = {
            let mut state = shared.lock();
            let Some(notice) = state.notices.pop_front() else {
                // Under the same lock as the look, or a notice that comes in between would wait for the next commit.
                state.telling = false;
                return;
            };
            (notice, state.listener.clone())
        };
        if let Some(listener) = listener {
            notice.give(&listener);
        }
    }
}

/// Lets others tell again, also when a listener panics.
struct Over<'a>(&'a Shared);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.lock().telling = false;
        }
    }
}
