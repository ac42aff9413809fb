//! `/app`

use axum::extract::State;
use ringup_core::id::AccountId;

use super::{Answer, Shared, done, made, ok};
use crate::extract::{Body, Caller, Names};
use crate::wire::account::{ApplicationIn, ApplicationOut, ApplicationPatch};
use crate::wire::json;
use crate::wire::list::Listing;
use crate::wire::query::Query;

pub async fn list(State(api): Shared, Caller(who): Caller, query: Query) -> Answer {
    let listing = Listing::of(&query)?;
    let accounts = api.app.accounts(&who);
    let page = listing.cut(accounts, |view| view.account.id, |id| id.parse::<AccountId>().ok())?;
    Ok(ok(&page.out(|view| ApplicationOut::of(view))))
}

pub async fn create(State(api): Shared, Caller(who): Caller, query: Query, Body(body): Body) -> Answer {
    let get_if_exists = query.flag("get_if_exists", false)?;
    let draft = json::read::<ApplicationIn>(&body)?.draft();
    let (view, was_made) = if get_if_exists {
        api.app.get_or_create_account(&who, draft).await?
    } else {
        (api.app.create_account(&who, draft).await?, true)
    };
    Ok(made(was_made, &ApplicationOut::of(&view)))
}

pub async fn get(State(api): Shared, Caller(who): Caller, Names([account]): Names<1>) -> Answer {
    let view = api.app.account(&who, &account)?;
    Ok(ok(&ApplicationOut::of(&view)))
}

pub async fn put(State(api): Shared, Caller(who): Caller, Names([account]): Names<1>, Body(body): Body) -> Answer {
    let new = json::read::<ApplicationIn>(&body)?;
    let (view, was_made) = api.app.put_account(&who, &account, |draft| new.replace(draft)).await?;
    Ok(made(was_made, &ApplicationOut::of(&view)))
}

pub async fn patch(State(api): Shared, Caller(who): Caller, Names([account]): Names<1>, Body(body): Body) -> Answer {
    let patch = json::read::<ApplicationPatch>(&body)?;
    let view = api.app.edit_account(&who, &account, |draft| patch.apply(draft)).await?;
    Ok(ok(&ApplicationOut::of(&view)))
}

pub async fn delete(State(api): Shared, Caller(who): Caller, Names([account]): Names<1>) -> Answer {
    api.app.delete_account(&who, &account).await?;
    Ok(done())
}
