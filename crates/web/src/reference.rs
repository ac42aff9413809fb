//! The API reference: every operation, drawn from the document that the API describes itself with. Anybody may read it,
//! as they may read the document.

mod document;
mod shape;

pub use document::Document;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use crate::Shared;
use crate::error_page::{Answer, Failure};
use crate::markup::{Markup, prose};
use crate::menu::Menu;
use crate::ui::{Ui, html};
use crate::visit::Reader;

use document::{Entry, Operation};

#[derive(Template)]
#[template(path = "reference.html")]
struct ReferencePage<'a> {
    ui: Ui,
    about: Markup,
    version: &'a str,
    find: String,
    groups: Vec<Group<'a>>,
    /// Of all groups.
    count: u64,
}

struct Group<'a> {
    name: &'a str,
    anchor: &'a str,
    about: Markup,
    entries: Vec<&'a Entry>,
}

/// `GET /docs/api`
pub async fn list(State(web): Shared, reader: Reader) -> Response {
    let document = &web.document;
    let find = reader.query.one("find").unwrap_or_default().trim().to_owned();
    let wanted = |entry: &&Entry| find.split_whitespace().all(|word| entry.speaks_of(&word.to_lowercase()));
    let groups = document.groups.iter().map(|group| Group {
        name: &group.name,
        anchor: &group.anchor,
        about: prose(&group.about),
        entries: group.entries.iter().filter(wanted).collect(),
    });
    let groups: Vec<Group<'_>> = groups.filter(|group| !group.entries.is_empty()).collect();
    let count = groups.iter().map(|group| group.entries.len() as u64).sum();
    let ui = reader.ui(Menu::Reference, "reference-title");
    let (about, version) = (prose(&document.about), &*document.version);
    html(&ReferencePage { ui, about, version, find, groups, count })
}

#[derive(Template)]
#[template(path = "operation.html")]
struct OperationPage<'a> {
    ui: Ui,
    group: &'a str,
    entry: &'a Entry,
    operation: Operation,
}

/// `GET /docs/api/{operation}`
pub async fn one(State(web): Shared, reader: Reader, Path(id): Path<String>) -> Answer {
    let (group, entry) = web.document.find(&id).ok_or(Failure::NoSuchPage)?;
    let mut ui = reader.ui(Menu::Reference, "reference-title");
    ui.title.clone_from(&entry.summary);
    let operation = web.document.operation(entry);
    Ok(html(&OperationPage { ui, group, entry, operation }))
}
