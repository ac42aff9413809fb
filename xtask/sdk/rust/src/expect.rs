//! What answers are compared with.

use std::{fmt::Debug, future::Future, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use chrono::{DateTime, Utc};
use svix::Error;
use tokio::time::{Instant, sleep};

/// Time for what happens at once on an idle machine.
pub const SOON: Duration = Duration::from_secs(30);

#[track_caller]
pub fn same<T: PartialEq + Debug>(actual: T, expected: T) -> Result<()> {
    let place = std::panic::Location::caller();
    ensure!(actual == expected, "{place}\n  got      {actual:?}\n  expected {expected:?}");
    Ok(())
}

#[track_caller]
pub fn holds(names: &[String], name: &str, expected: bool) -> Result<()> {
    let place = std::panic::Location::caller();
    ensure!(names.iter().any(|found| found == name) == expected, "{place}: {name} in {names:?}");
    Ok(())
}

pub fn matches(id: &str, prefix: &str) -> Result<()> {
    let rest = id.strip_prefix(prefix).with_context(|| format!("{id} is no {prefix}…"))?;
    ensure!(rest.len() > 20 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte)), "{id}");
    Ok(())
}

/// A moment of the last minutes.
pub fn just_now(moment: DateTime<Utc>) -> Result<()> {
    ensure!((Utc::now() - moment).abs() < chrono::Duration::minutes(5), "{moment}");
    Ok(())
}

/// The call was refused with this status, a code and words.
#[track_caller]
pub fn refused<T: Debug>(result: svix::Result<T>, status: u16) -> Result<()> {
    let place = std::panic::Location::caller();
    match result {
        Err(Error::Http(error)) => {
            let said = error.payload.with_context(|| format!("{place}: no words"))?;
            ensure!(error.status == status, "{place}: {} instead of {status}", error.status);
            ensure!(!said.code.is_empty() && !said.detail.is_empty(), "{place}: {said:?}");
            Ok(())
        }
        other => bail!("{place}: not refused with {status}: {other:?}"),
    }
}

/// The call was refused with 422, and one fault lies in this place.
#[track_caller]
pub fn misfit<T: Debug>(result: svix::Result<T>, place_of_fault: &[&str]) -> Result<()> {
    let place = std::panic::Location::caller();
    match result {
        Err(Error::Validation(error)) => {
            let faults = error.payload.with_context(|| format!("{place}: no words"))?.detail;
            ensure!(faults.iter().any(|fault| fault.loc == place_of_fault), "{place}: {faults:?}");
            ensure!(
                faults.iter().all(|fault| !fault.msg.is_empty() && !fault.r#type.is_empty()),
                "{place}: {faults:?}"
            );
            Ok(())
        }
        other => bail!("{place}: not refused with 422: {other:?}"),
    }
}

/// What `look` finds as soon as it finds anything.
pub async fn eventually<T, F: Future<Output = Result<Vec<T>>>>(look: impl Fn() -> F) -> Result<Vec<T>> {
    let deadline = Instant::now() + SOON;
    loop {
        let found = look().await?;
        if !found.is_empty() {
            return Ok(found);
        }
        ensure!(Instant::now() < deadline, "nothing was found in time");
        sleep(Duration::from_millis(20)).await;
    }
}

/// A page of a listing: the names of its items, and where it leads.
pub struct Page {
    pub names: Vec<String>,
    pub iterator: Option<String>,
    pub back: Option<String>,
    pub done: bool,
}

/// Makes a [`Page`] of any list that the SDK returns.
#[macro_export]
macro_rules! page {
    ($list:expr, $name:expr) => {{
        let list = $list;
        Page {
            names: list.data.iter().map($name).collect(),
            iterator: list.iterator,
            back: list.prev_iterator,
            done: list.done,
        }
    }};
}

/// The names of all items in order, page by page; then back from the last page, where the same must be seen.
pub async fn both_ways<F: Future<Output = Result<Page>>>(listing: impl Fn(Option<String>) -> F) -> Result<Vec<String>> {
    let mut pages: Vec<Vec<String>> = Vec::new();
    let (mut iterator, mut back, mut done) = (None, None, false);
    while !done {
        let page = listing(iterator).await?;
        pages.push(page.names);
        (iterator, back, done) = (page.iterator, page.back, page.done);
        ensure!(pages.len() < 100, "the iterator goes in circles");
    }
    let ahead = pages[..pages.len() - 1].concat();
    let mut behind: Vec<String> = Vec::new();
    while behind.len() < ahead.len() {
        let page = listing(back).await?;
        behind = [page.names, behind].concat();
        back = page.back;
        same(page.done, behind.len() >= ahead.len())?;
    }
    same(&behind, &ahead)?;
    Ok(pages.concat())
}
