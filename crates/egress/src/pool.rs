//! Idle connections, kept by account, origin, TLS and the address that was checked.
//!
//! Two accounts never share a connection, and one that leads to an address the name no longer resolves to is not found.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};
use std::time::Duration;

use ringup_core::key::AccountKey;
use tokio::time::Instant;

use crate::connection::Connection;
use crate::url_policy::Host;

/// Idle connections of all hosts together, so that a million quiet endpoints do not take every socket.
const CONNECTIONS_MAX: usize = 4_096;

/// What a connection may be used again for.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Key {
    pub account: AccountKey,
    pub https: bool,
    /// Which certificate was shown and who is trusted: `ClientTls::id`, zero for what everybody has.
    pub tls: u64,
    pub host: Host,
    pub address: SocketAddr,
}

pub(crate) struct Pool {
    per_host_max: usize,
    idle_time_limit: Duration,
    shelves: Mutex<Shelves>,
}

#[derive(Default)]
struct Shelves {
    /// Oldest first.
    idle: HashMap<Key, Vec<Idle>>,
    count: usize,
    closed: bool,
}

struct Idle {
    connection: Connection,
    until: Instant,
}

impl Pool {
    pub fn new(per_host_max: usize, idle_time_limit: Duration) -> Arc<Pool> {
        Arc::new(Pool { per_host_max, idle_time_limit, shelves: Mutex::default() })
    }

    /// The connection used last, since it is the likeliest to be alive. Look at it before use.
    pub fn take(&self, key: &Key) -> Option<Connection> {
        let now = Instant::now();
        let mut shelves = self.shelves();
        let shelf = shelves.idle.get_mut(key)?;
        let found = shelf.pop()?;
        shelves.count -= 1;
        (now < found.until).then_some(found.connection)
    }

    /// Keeps a connection that is ready, within the bounds; otherwise it is closed.
    pub fn put(&self, key: Key, connection: Connection) {
        let keep = connection.keep_alive.map_or(self.idle_time_limit, |limit| limit.min(self.idle_time_limit));
        if keep.is_zero() || self.per_host_max == 0 {
            return;
        }
        let idle = Idle { connection, until: Instant::now() + keep };
        let mut shelves = self.shelves();
        if shelves.closed || shelves.count >= CONNECTIONS_MAX {
            return;
        }
        let shelf = shelves.idle.entry(key).or_default();
        if shelf.len() < self.per_host_max {
            shelf.push(idle);
            shelves.count += 1;
        }
    }

    /// Closes what is past its time or was closed by the receiver.
    pub fn sweep(&self) {
        let now = Instant::now();
        let mut cx = Context::from_waker(Waker::noop());
        let mut shelves = self.shelves();
        let mut closing = Vec::new();
        for shelf in shelves.idle.values_mut() {
            closing.extend(shelf.extract_if(.., |idle| idle.until <= now || !idle.connection.is_ready(&mut cx)));
        }
        shelves.idle.retain(|_, shelf| !shelf.is_empty());
        shelves.count -= closing.len();
        drop(shelves);
        drop(closing);
    }

    /// Closes everything and keeps nothing from now on.
    pub fn close(&self) {
        let mut shelves = self.shelves();
        let closing = std::mem::take(&mut shelves.idle);
        shelves.count = 0;
        shelves.closed = true;
        drop(shelves);
        drop(closing);
    }

    pub fn idle_count(&self) -> usize {
        self.shelves().count
    }

    fn shelves(&self) -> MutexGuard<'_, Shelves> {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
