//! Lists: a page, and iterators to the pages after and before it.
//!
//! An iterator is the id of a page's last row; one that begins with a hyphen is the id of a page's first row and leads
//! back. It stays good when the row it names is gone.

use ringup_app::view::{Order, Page, PageRequest};
use ringup_core::limits::PAGE_ROWS_MAX;
use ringup_core::time::Tick;
use serde::Serialize;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::{IntoParams, ToSchema};

use crate::describe;
use crate::problem::Problem;
use crate::wire::query::{Query, refused};

/// Rows of a page unless asked otherwise.
const ROWS_DEFAULT: usize = 50;

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ListResponse)]
pub struct ListOut<T> {
    pub data: Vec<T>,
    /// Leads to the page after this one.
    #[schema(required)]
    pub iterator: Option<String>,
    /// Leads to the page before this one.
    pub prev_iterator: Option<String>,
    /// Whether there is nothing after this page.
    pub done: bool,
}

/// Which page of a list is asked for.
#[derive(Debug)]
pub struct Listing {
    rows_max: usize,
    order: Option<Order>,
    iterator: Option<String>,
    back: bool,
}

impl IntoParams for Listing {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![
            describe::query(
                "limit",
                "Rows of a page, 50 unless said otherwise.",
                describe::whole(1, PAGE_ROWS_MAX as u64),
            ),
            describe::query("iterator", "`iterator` or `prevIterator` of an earlier page.", describe::text()),
            describe::query("order", "Which comes first.", describe::one_of(&["ascending", "descending"])),
        ]
    }
}

impl Listing {
    pub fn of(query: &Query) -> Result<Listing, Problem> {
        let rows_max = query.number("limit", 1, PAGE_ROWS_MAX as u64)?;
        let order = match query.last("order") {
            None => None,
            Some("ascending") => Some(Order::OldestFirst),
            Some("descending") => Some(Order::NewestFirst),
            Some(_) => return Err(refused("order", "type", "expected ascending or descending")),
        };
        let iterator = query.one("iterator");
        Ok(Listing {
            rows_max: rows_max.and_then(|rows| usize::try_from(rows).ok()).unwrap_or(ROWS_DEFAULT),
            order,
            iterator: iterator.map(|text| text.strip_prefix('-').unwrap_or(text).to_owned()),
            back: iterator.is_some_and(|text| text.starts_with('-')),
        })
    }

    /// What to ask of the store. `tick` reads the position out of an id; newest first unless asked otherwise.
    pub fn request(&self, tick: impl Fn(&str) -> Option<Tick>) -> Result<PageRequest, Problem> {
        let (after, order, rows_max) = self.search(tick)?;
        Ok(PageRequest { rows_max, after, order })
    }

    /// As [`Listing::request`], for lists whose positions are no ticks: position, order and rows.
    pub fn search<P>(&self, position: impl Fn(&str) -> Option<P>) -> Result<(Option<P>, Order, usize), Problem> {
        let order = self.order.unwrap_or(Order::NewestFirst);
        let order = match (order, self.back) {
            (order, false) => order,
            (Order::NewestFirst, true) => Order::OldestFirst,
            (Order::OldestFirst, true) => Order::NewestFirst,
        };
        let after = self.iterator.as_deref().map(|id| position(id).ok_or_else(not_an_iterator)).transpose()?;
        Ok((after, order, self.rows_max))
    }

    /// The answer, from what the store gave for [`Listing::request`].
    pub fn page<T>(&self, page: Page<T>, id: impl Fn(&T) -> String) -> Listed<T> {
        let mut rows = page.rows;
        if self.back {
            rows.reverse();
        }
        self.listed(rows, page.done, id)
    }

    /// A page out of rows that are all at hand, ascending by `key`, whose text is the iterator.
    pub fn cut<T, K: Ord + ToString>(
        &self,
        mut rows: Vec<T>,
        key: impl Fn(&T) -> K,
        parse: impl Fn(&str) -> Option<K>,
    ) -> Result<Listed<T>, Problem> {
        let from = self.iterator.as_deref().map(|id| parse(id).ok_or_else(not_an_iterator)).transpose()?;
        let descending = self.order == Some(Order::NewestFirst);
        if let Some(from) = from {
            let above = descending == self.back;
            rows.retain(|row| if above { key(row) > from } else { key(row) < from });
        }
        if descending {
            rows.reverse();
        }
        let done = rows.len() <= self.rows_max;
        if self.back {
            rows.drain(..rows.len().saturating_sub(self.rows_max));
        } else {
            rows.truncate(self.rows_max);
        }
        Ok(self.listed(rows, done, |row| key(row).to_string()))
    }

    fn listed<T>(&self, rows: Vec<T>, done: bool, id: impl Fn(&T) -> String) -> Listed<T> {
        // Behind the last row there is nothing yet: whoever asks again later goes on from where they were.
        let here = |back: bool| self.iterator.clone().filter(|_| rows.is_empty() && self.back == back);
        let next = rows.last().map(&id).or_else(|| here(false));
        let previous = rows.first().map(&id).or_else(|| here(true));
        Listed { rows, next, previous, done }
    }
}

/// A page of rows, not yet in the shapes of the wire.
pub struct Listed<T> {
    rows: Vec<T>,
    next: Option<String>,
    previous: Option<String>,
    done: bool,
}

impl<T> Listed<T> {
    pub fn out<'a, O>(&'a self, out: impl Fn(&'a T) -> O) -> ListOut<O> {
        ListOut {
            data: self.rows.iter().map(out).collect(),
            iterator: self.next.clone(),
            prev_iterator: self.previous.as_ref().map(|id| format!("-{id}")),
            done: self.done,
        }
    }
}

fn not_an_iterator() -> Problem {
    refused("iterator", "iterator", "expected the iterator or prevIterator of an earlier page")
}
