//! `/app/{account}/attempt`

use axum::extract::State;
use ringup_app::view::{Page, PageRequest, StoredAttempt};
use ringup_core::id::AttemptId;
use ringup_core::key::AccountKey;

use super::{Answer, Shared, ok};
use crate::Api;
use crate::extract::{Caller, Names};
use crate::problem::Problem;
use crate::wire::attempt::{AttemptOut, filter};
use crate::wire::list::Listing;
use crate::wire::query::Query;

pub async fn of_message(
    State(api): Shared,
    Caller(who): Caller,
    Names([account, event]): Names<2>,
    query: Query,
) -> Answer {
    let (listing, request) = asked(&query)?;
    let key = api.app.account(&who, &account)?.account.key;
    let page = match filter(&query)? {
        Some(filter) => {
            let endpoint = query.one("endpoint_id");
            api.app.attempts_of_event(&who, &account, &event, endpoint, filter, request).await?
        }
        None => api.app.event(&who, &account, &event).await.map(|_| nothing())?,
    };
    Ok(answer(&api, key, &listing, page))
}

pub async fn of_endpoint(
    State(api): Shared,
    Caller(who): Caller,
    Names([account, endpoint]): Names<2>,
    query: Query,
) -> Answer {
    let (listing, request) = asked(&query)?;
    let key = api.app.account(&who, &account)?.account.key;
    let page = match filter(&query)? {
        Some(filter) => api.app.attempts_of_endpoint(&who, &account, &endpoint, filter, request).await?,
        None => api.app.endpoint(&who, &account, &endpoint).map(|_| nothing())?,
    };
    Ok(answer(&api, key, &listing, page))
}

pub async fn get(State(api): Shared, Caller(who): Caller, Names([account, event, attempt]): Names<3>) -> Answer {
    let key = api.app.account(&who, &account)?.account.key;
    let found = api.app.attempt(&who, &account, &event, &attempt).await?;
    Ok(ok(&AttemptOut::of(&found, api.app.endpoint_id(key, found.endpoint))))
}

fn asked(query: &Query) -> Result<(Listing, PageRequest), Problem> {
    let listing = Listing::of(query)?;
    let request = listing.request(|id| id.parse::<AttemptId>().ok().map(|id| id.tick()))?;
    Ok((listing, request))
}

fn nothing() -> Page<StoredAttempt> {
    Page { rows: Vec::new(), done: true }
}

fn answer(api: &Api, account: AccountKey, listing: &Listing, page: Page<StoredAttempt>) -> axum::response::Response {
    let page = listing.page(page, |attempt| attempt.id.to_string());
    ok(&page.out(|attempt| AttemptOut::of(attempt, api.app.endpoint_id(account, attempt.endpoint))))
}
