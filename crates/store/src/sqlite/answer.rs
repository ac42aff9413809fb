//! Verbs as futures: questions go to a blocking thread, orders to the writer.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::fault::{Fault, Outcome};
use super::inbox::{Item, Reply};
use super::shared::Shared;
use crate::seam::{Answer, StoreError};

impl Shared {
    /// Runs a question where it may block, a few at a time.
    pub(super) fn ask<T: Send + 'static>(
        self: &Arc<Self>,
        question: impl FnOnce(&Shared) -> Outcome<T> + Send + 'static,
    ) -> Answer<'static, T> {
        let shared = self.clone();
        Box::pin(async move {
            shared.check_open()?;
            let turn = shared.readers.turns.acquire().await;
            let asked = shared.clone();
            let answer = tokio::task::spawn_blocking(move || {
                let answer = question(&asked);
                if let Err(fault) = &answer {
                    asked.found(fault);
                }
                answer
            });
            let answer = finished(answer.await)?;
            drop(turn);
            answer.map_err(StoreError::from)
        })
    }

    /// Hands an order to the writer and waits until it stands.
    pub(super) fn order<'a, T: Send + 'a>(&'a self, item: impl FnOnce(Reply<T>) -> Item + Send + 'a) -> Answer<'a, T> {
        Box::pin(async move {
            self.check_open()?;
            let (reply, answer) = oneshot::channel();
            self.inbox.push(item(reply))?;
            // Without an answer the writer is gone.
            answer.await.unwrap_or_else(|_| Err(self.refusal()))
        })
    }
}

/// What a blocking task came to.
pub(super) fn finished<T>(joined: Result<T, tokio::task::JoinError>) -> Result<T, StoreError> {
    joined.map_err(|error| Fault::Other(format!("a task of the store ended early: {error}").into()).into())
}
