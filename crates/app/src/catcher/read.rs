//! Looking at what was caught: lists, one request with its diagnosis, waiting for more.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::constant_time;
use ringup_core::catcher::{Capture, Catcher};
use ringup_core::id::EventId;
use ringup_core::key::CatcherKey;
use ringup_core::limits::PAGE_ROWS_MAX;
use ringup_core::scope::Scope;
use ringup_store::catcher::Range;
use ringup_store::seam::EventName;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::verb::{CatcherView, READ_TOKEN_PREFIX};
use crate::app::App;
use crate::diagnosis::{Diagnosis, Signature, diagnose};
use crate::error::AppError;
use crate::principal::{Principal, token_hash};

/// The longest that somebody may wait for requests.
pub const WAIT_MAX: Duration = Duration::from_secs(50);

/// Who looks: the owner, or whoever has the catcher's read token.
#[derive(Clone, Copy)]
pub enum Reader<'a> {
    Owner(&'a Principal),
    Token(&'a str),
}

impl<'a> Reader<'a> {
    /// Whether a bearer token is a catcher's.
    pub fn is_token(text: &str) -> bool {
        text.starts_with(READ_TOKEN_PREFIX)
    }
}

impl<'a> From<&'a Principal> for Reader<'a> {
    fn from(principal: &'a Principal) -> Reader<'a> {
        Reader::Owner(principal)
    }
}

/// A request in a list.
#[derive(Clone, Debug)]
pub struct Listed {
    pub capture: Arc<Capture>,
    /// The type of the event, where it is one of the account's.
    pub event_type: Option<Arc<str>>,
}

/// What came while somebody waited.
#[derive(Clone, Debug)]
pub struct Waited {
    /// Oldest first.
    pub rows: Vec<Listed>,
    /// Whether as many came as were asked for.
    pub complete: bool,
}

impl App {
    /// The newest requests before a number; `u64::MAX` begins with the newest. Bodies are left out.
    pub async fn captures<'a>(
        &self,
        reader: impl Into<Reader<'a>>,
        account: &str,
        catcher: &str,
        before: u64,
        rows_max: usize,
    ) -> Result<Vec<Listed>, AppError> {
        let catcher = self.readable(reader.into(), account, catcher, Scope::Read).await?;
        let range = Range::Before { number: before, rows_max: rows_max.min(PAGE_ROWS_MAX) };
        let rows = self.catchers.store.requests(catcher.key, range, false).await?;
        Ok(self.listed(&catcher, rows).await)
    }

    /// Waits until `count` requests after a number are there, or the time is over: what there is by then, oldest first.
    pub async fn await_captures<'a>(
        &self,
        reader: impl Into<Reader<'a>>,
        account: &str,
        catcher: &str,
        after: u64,
        count: usize,
        wait: Duration,
    ) -> Result<Waited, AppError> {
        let catcher = self.readable(reader.into(), account, catcher, Scope::Read).await?;
        let until = Instant::now() + wait.min(WAIT_MAX);
        let count = count.clamp(1, PAGE_ROWS_MAX);
        // Before the first look, so that nothing can come in between.
        let mut news = self.news_of(catcher.key).await?;
        let rows = loop {
            news.mark_unchanged();
            let range = Range::After { number: after, rows_max: PAGE_ROWS_MAX };
            let rows = self.catchers.store.requests(catcher.key, range, true).await?;
            if rows.len() >= count || !matches!(timeout_at(until, news.changed()).await, Ok(Ok(()))) {
                break rows;
            }
        };
        let complete = rows.len() >= count;
        Ok(Waited { rows: self.listed(&catcher, rows).await, complete })
    }

    /// All that is kept, oldest first, with bodies: for an export.
    pub async fn all_captures<'a>(
        &self,
        reader: impl Into<Reader<'a>>,
        account: &str,
        catcher: &str,
    ) -> Result<(CatcherView, Vec<Listed>), AppError> {
        let catcher = self.readable(reader.into(), account, catcher, Scope::Read).await?;
        let range = Range::After { number: 0, rows_max: self.catchers.plan.limits.requests_max };
        let rows = self.catchers.store.requests(catcher.key, range, true).await?;
        let listed = self.listed(&catcher, rows).await;
        Ok((self.view_of(&catcher).await?, listed))
    }

    /// One request, and why its signature holds or does not. What would be right is shown only to whoever may see
    /// secrets: it is as good as having one.
    pub async fn one_capture<'a>(
        &self,
        reader: impl Into<Reader<'a>>,
        account: &str,
        catcher: &str,
        number: u64,
    ) -> Result<(Listed, Diagnosis), AppError> {
        let reader = reader.into();
        let catcher = self.readable(reader, account, catcher, Scope::Read).await?;
        let found = self.catchers.store.request(catcher.key, number).await?;
        let capture = found.ok_or_else(|| AppError::not_found("request", &number.to_string()))?;
        let (_, secrets) = self.secrets_for(&catcher);
        let signature = Signature::of(capture.headers().collect::<Vec<_>>().into_iter());
        let diagnosis = diagnose(&signature, &capture.body, &secrets, capture.at);
        let may_see = matches!(reader, Reader::Owner(principal) if principal.may(Scope::Secrets));
        let diagnosis = if may_see { diagnosis } else { diagnosis.without_expected() };
        let mut listed = self.listed(&catcher, vec![capture]).await;
        let listed = listed.pop().ok_or_else(|| AppError::not_found("request", &number.to_string()))?;
        Ok((listed, diagnosis))
    }

    /// Forgets one request, or all of them; answers how many.
    pub async fn clear_captures<'a>(
        &self,
        reader: impl Into<Reader<'a>>,
        account: &str,
        catcher: &str,
        number: Option<u64>,
    ) -> Result<usize, AppError> {
        let catcher = self.readable(reader.into(), account, catcher, Scope::Endpoints).await?;
        Ok(self.catchers.store.clear(catcher.key, number).await?)
    }

    /// Wakes whenever something comes in or changes; the value is the last number given.
    pub async fn catcher_news(
        &self,
        principal: &Principal,
        account: &str,
        catcher: &str,
    ) -> Result<watch::Receiver<u64>, AppError> {
        let catcher = self.owned_catcher(principal, account, catcher, Scope::Read).await?;
        self.news_of(catcher.key).await
    }

    /// Answers whoever waits for requests now: the server stops.
    pub fn end_waits(&self) {
        self.catchers.store.end_waits();
        self.end_following();
    }

    async fn news_of(&self, key: CatcherKey) -> Result<watch::Receiver<u64>, AppError> {
        self.catchers.store.news(key).await?.ok_or_else(|| AppError::not_found("catcher", ""))
    }

    async fn readable(
        &self,
        reader: Reader<'_>,
        account: &str,
        catcher: &str,
        scope: Scope,
    ) -> Result<Arc<Catcher>, AppError> {
        match reader {
            Reader::Owner(principal) => self.owned_catcher(principal, account, catcher, scope).await,
            Reader::Token(token) => {
                // Uniform: a token that is wrong says nothing about which catchers there are.
                let unknown = AppError::Unauthenticated("the read token does not open this catcher");
                let id = catcher.parse().map_err(|_| unknown.clone())?;
                let found = self.catchers.store.find(id).await?.ok_or(unknown.clone())?.catcher;
                let hash = found.read_token_hash.ok_or(unknown.clone())?;
                constant_time::verify_slices_are_equal(&hash, &token_hash(token)).map_err(|_| unknown.clone())?;
                let view = self.directory().account(found.account).ok_or(unknown.clone())?;
                let is_named = view.account.uid.as_deref() == Some(account) || view.account.id.to_string() == account;
                if is_named { Ok(found) } else { Err(unknown) }
            }
        }
    }

    /// Adds the types of events that are the account's own.
    async fn listed(&self, catcher: &Catcher, rows: Vec<Arc<Capture>>) -> Vec<Listed> {
        let mut types: HashMap<EventId, Option<Arc<str>>> = HashMap::new();
        let mut listed = Vec::with_capacity(rows.len());
        for capture in rows {
            let mut event_type = None;
            if let Some(id) = capture.event.as_deref().and_then(|id| id.parse::<EventId>().ok()) {
                event_type = match types.get(&id) {
                    Some(known) => known.clone(),
                    None => {
                        // A look that fails leaves the type out; the request is shown all the same.
                        let found = self.store().event(catcher.account, EventName::Id(id)).await.ok().flatten();
                        let found = found.map(|found| found.event_type.clone());
                        types.insert(id, found.clone());
                        found
                    }
                };
            }
            listed.push(Listed { capture, event_type });
        }
        listed
    }
}
