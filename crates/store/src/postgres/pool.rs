//! A small bounded set of connections for questions and for changes of the configuration.
//!
//! Its own, since it is less code than a crate's configuration: a connection is handed to one caller at a time, is made
//! when none is idle, and is let go of when anything about it is in doubt.

use std::sync::{Mutex, PoisonError};

use futures_util::future::BoxFuture;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::fault::{Fault, Outcome};
use super::link::Link;
use super::plan::Plan;

pub(super) struct Pool {
    idle: Mutex<Vec<Link>>,
    turns: Semaphore,
}

impl Pool {
    pub(super) fn new(connections_max: usize) -> Pool {
        Pool { idle: Mutex::default(), turns: Semaphore::new(connections_max) }
    }

    /// Asks on a connection. One that had gone stale while nobody used it is replaced, once.
    pub(super) async fn ask<T>(
        &self,
        plan: &Plan,
        question: impl for<'l> Fn(&'l Link) -> BoxFuture<'l, Outcome<T>>,
    ) -> Outcome<T> {
        let turn = timeout(plan.read_time_limit, self.turns.acquire()).await;
        let Ok(Ok(_turn)) = turn else { return Err(Fault::lost("too many questions wait for the database")) };
        if let Some(link) = self.take() {
            match question(&link).await {
                Err(Fault::Lost(_)) if link.is_lost() => {}
                answer => {
                    self.give_back(link, &answer);
                    return answer;
                }
            }
        }
        let link = Link::connect(plan, plan.read_time_limit).await?;
        let answer = question(&link).await;
        self.give_back(link, &answer);
        answer
    }

    /// Lets go of all that nobody uses.
    pub(super) fn clear(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn take(&self) -> Option<Link> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|link| !link.is_lost());
        idle.pop()
    }

    fn give_back<T>(&self, link: Link, answer: &Outcome<T>) {
        // Another failure may have left a transaction open.
        if matches!(answer, Ok(_) | Err(Fault::Refused(_))) && !link.is_lost() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(link);
        }
    }
}
