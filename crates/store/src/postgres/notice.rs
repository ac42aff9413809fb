//! What the listener is told of one commit besides what was accepted and settled.

use std::sync::Arc;

use ringup_core::delivery::DeliveryKey;
use ringup_core::key::{AccountKey, EndpointKey};
use ringup_core::time::Tick;

use crate::seam::{Listener, Loaded};

pub(super) enum Notice {
    Resent(Loaded),
    Recalled(AccountKey, EndpointKey, Tick),
    Discarded(AccountKey, Vec<DeliveryKey>),
}

impl Notice {
    pub(super) fn account(&self) -> AccountKey {
        match self {
            Notice::Resent(loaded) => loaded.event.account,
            Notice::Recalled(account, ..) | Notice::Discarded(account, _) => *account,
        }
    }

    pub(super) fn give(self, listener: &Arc<dyn Listener>) {
        match self {
            Notice::Resent(loaded) => listener.resent(loaded),
            Notice::Recalled(_, endpoint, oldest) => listener.recalled(endpoint, oldest),
            Notice::Discarded(_, keys) => listener.discarded(keys),
        }
    }
}
