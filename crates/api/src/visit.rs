//! One request on its way from the door to the answer: what is found out about it inside, for the answer's headers and
//! for the log.
//!
//! It goes with the task, because what finds something out, such as the reader of a body, is not handed the request.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use http::HeaderValue;
use ringup_app::{Origin, Principal};

use crate::limit::Place;

tokio::task_local! {
    static VISIT: Arc<Visit>;
}

#[derive(Default)]
pub struct Visit {
    origin: Origin,
    found: Mutex<Found>,
}

#[derive(Default)]
struct Found {
    who: Option<Principal>,
    /// Given back when the answer is there.
    place: Option<Place>,
    misspelt: Vec<(String, &'static str)>,
}

impl Visit {
    pub fn of(origin: Origin) -> Visit {
        Visit { origin, found: Mutex::default() }
    }

    /// Where the request comes from.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// Does some work as this visit.
    pub async fn go<T>(self: &Arc<Visit>, work: impl Future<Output = T>) -> T {
        VISIT.scope(self.clone(), work).await
    }

    /// The visit that is being worked on; a new one outside of any.
    pub fn current() -> Arc<Visit> {
        VISIT.try_with(Arc::clone).unwrap_or_default()
    }

    pub fn admit(&self, who: Principal, place: Place) {
        let mut found = self.found();
        found.who = Some(who);
        found.place = Some(place);
    }

    pub fn who(&self) -> Option<Principal> {
        self.found().who
    }

    pub fn misspelt(&self, fields: Vec<(String, &'static str)>) {
        self.found().misspelt.extend(fields);
    }

    /// `metdata (metadata?), Uid (uid?)`
    pub fn misspelt_text(&self) -> Option<HeaderValue> {
        let found = self.found();
        let texts: Vec<_> = found.misspelt.iter().map(|(written, meant)| format!("{written} ({meant}?)")).collect();
        (!texts.is_empty()).then(|| HeaderValue::try_from(texts.join(", ")).ok()).flatten()
    }

    fn found(&self) -> std::sync::MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
