//! What the listener is told of one commit besides what was accepted and settled.

use std::sync::Arc;

use ringup_core::delivery::DeliveryKey;
use ringup_core::key::EndpointKey;
use ringup_core::time::Tick;

use crate::seam::{Listener, Loaded};

pub(super) enum Notice {
    Resent(Loaded),
    Recalled(EndpointKey, Tick),
    Discarded(Vec<DeliveryKey>),
}

impl Notice {
    pub(super) fn give(self, listener: &Arc<dyn Listener>) {
        match self {
            Notice::Resent(loaded) => listener.resent(loaded),
            Notice::Recalled(endpoint, oldest) => listener.recalled(endpoint, oldest),
            Notice::Discarded(keys) => listener.discarded(keys),
        }
    }
}
