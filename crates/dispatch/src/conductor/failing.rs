//! Endpoints that fail for a long time: since when, and when that is long enough to tell it and to pause them.

use std::sync::Arc;
use std::time::Duration;

use ringup_core::endpoint::StoppedBy;
use ringup_core::key::EndpointKey;
use ringup_core::time::Timestamp;
use ringup_store::directory::EndpointView;
use ringup_store::seam::StoreError;
use tracing::warn;

use super::Conductor;
use crate::intake::Message;
use crate::patience::{self, News, Step};

impl Conductor {
    pub(super) fn on_looked_back(&mut self, endpoint: EndpointKey, since: Result<Option<Timestamp>, StoreError>) {
        if let Err(error) = &since {
            warn!(%error, "cannot read since when an endpoint fails, trying again when it fails next");
        }
        let now = self.shell.steady.now();
        let Some(view) = self.shell.catalogue.directory().endpoint(endpoint) else { return };
        let Some(slot) = self.lanes.get_mut(&endpoint) else { return };
        let step = slot.patience.on_past(since, &view, now);
        let news = slot.patience.news(&view, self.plan.alert_after, now);
        self.tell(news, &view);
        self.follow(step, &view, now);
    }

    /// Tells it to whoever wants to hear of such things.
    pub(super) fn tell(&self, news: Option<News>, view: &Arc<EndpointView>) {
        let Some(news) = news else { return };
        let (announcer, view) = (self.shell.announcer.clone(), view.clone());
        self.shell.tasks.spawn(async move { announcer.tell_health(news, &view).await });
    }

    pub(super) fn follow(&self, step: Step, view: &EndpointView, now: Timestamp) {
        let endpoint = view.endpoint.key;
        match step {
            Step::GoOn => {}
            Step::LookBack => {
                let minutes = patience::minutes(view, now);
                self.read_later(Duration::ZERO, move |store, messages| async move {
                    let counts = store.counts(endpoint, minutes.start, minutes.end).await;
                    let since = counts.map(|counts| patience::problem_since(&counts));
                    let _ = messages.send(Message::LookedBack { endpoint, since });
                });
            }
            Step::Pause => self.stop_endpoint(endpoint, StoppedBy::Failing),
        }
    }
}
