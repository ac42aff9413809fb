//! Developer → URL.

mod authorization;
mod check;
mod form;
mod list;
mod one;
mod security;
mod snippet;

use ringup_app::view::EndpointView;

use crate::fields::escaped;

pub use authorization::{authorize, set_headers};
pub use check::{check, page as check_page};
pub use form::{create, edit, edit_page, new_page};
pub use list::page as list;
pub use one::{delete, page as one, pause, resume};
pub use security::{page as security, reveal, rotate};

/// What people call an endpoint: its description, else where it is.
pub fn title(view: &EndpointView) -> String {
    let endpoint = &view.endpoint;
    if endpoint.description.trim().is_empty() { host(&endpoint.url) } else { endpoint.description.clone() }
}

/// Behind the account's path.
pub fn path(view: &EndpointView) -> String {
    format!("/urls/{}", name(view))
}

/// How addresses name it: as its owner does, else by id. `new` is the page that makes one.
pub fn name(view: &EndpointView) -> String {
    let endpoint = &view.endpoint;
    endpoint.uid.as_deref().filter(|uid| *uid != "new").map_or_else(|| endpoint.id.to_string(), escaped)
}

fn host(text: &str) -> String {
    let parsed = url::Url::parse(text).ok();
    parsed.and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_else(|| text.to_owned())
}
