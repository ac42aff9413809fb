//! A till can be tried before its app exists: a catcher plays one, and is asked in its place.

use axum::extract::{Path, State};
use ringup_app::{CatcherDraft, HookDraft};
use ringup_core::catcher::Script;

use super::named;
use crate::Shared;
use crate::error_page::{Answer, Failure};
use crate::menu::Menu;
use crate::visit::Posted;

/// What the catcher does.
const SCRIPT: &str = "loyalty";

/// `POST /a/{account}/loyalty/{hook}/mock`: only where nobody is asked yet. One catcher plays for all hooks.
pub async fn start(
    State(web): Shared,
    Path((account, hook)): Path<(String, String)>,
    Posted { visit, .. }: Posted,
) -> Answer {
    let hook = named(&web, &visit, &hook)?;
    if !hook.contract.is_published() {
        return Err(Failure::NoSuchPage);
    }
    let name = &*hook.contract.name;
    if web.app.hook(&visit.who, &account, name).is_ok() {
        // Another window was first; what is set there stays.
        return super::one::back(&web, &visit, &account, &format!("/{name}"));
    }
    let script: Script = SCRIPT.parse().expect("it is one");
    let playing =
        web.app.catchers(&visit.who, &account).await?.into_iter().find(|found| found.catcher.script == script);
    let (url, made) = match playing {
        Some(found) => (found.url, None),
        None => {
            let title = visit.ui(Menu::Hooks, "hook-mock").t("hook-mock");
            let draft = CatcherDraft { name: title, script: SCRIPT.to_owned(), ..CatcherDraft::default() };
            let view = web.app.create_catcher(&visit.who, &account, draft).await?.view;
            (view.url, Some(view.catcher.id))
        }
    };
    // Which hook is asked says the header `ringup-event`.
    let draft = HookDraft { url, ..HookDraft::default() };
    let set = web.app.set_hook(&visit.who, &account, name, draft).await;
    if let (Err(_), Some(made)) = (&set, made) {
        // Nobody asked for a catcher alone.
        web.app.delete_catcher(&visit.who, &account, &made.to_string()).await?;
    }
    set?;
    super::one::back(&web, &visit, &account, &format!("/{name}?done=hook"))
}
