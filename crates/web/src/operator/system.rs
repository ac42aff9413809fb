//! `/op/system`: the process and its data; a backup, a support bundle.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use ringup_app::fleet::SettingLine;
use ringup_core::scope::Scope;
use ringup_core::time::Timestamp;

use super::age;
use crate::Shared;
use crate::error_page::Answer;
use crate::menu::Menu;
use crate::ui::{Ui, html};
use crate::visit::{Posted, Visit};

#[derive(Template)]
#[template(path = "op_system.html")]
struct SystemPage {
    ui: Ui,
    version: String,
    started_at: Timestamp,
    uptime: String,
    data_dir: String,
    store: String,
    events: u64,
    /// Free, and all of it.
    disk: Option<(String, String)>,
    backup_dir: Option<String>,
    /// When, where to, how large.
    last_backup: Option<(Timestamp, String, String)>,
    can_back_up: bool,
    settings: Vec<SettingLine>,
    /// How many were set by somebody.
    set: u64,
}

/// `GET /op/system`
pub async fn page(State(web): Shared, visit: Visit) -> Answer {
    let system = web.app.system(&visit.who).await?;
    let ui = visit.ui(Menu::System, "op-system");
    let facts = system.facts;
    let mut settings = facts.settings;
    // What somebody decided first.
    settings.sort_by_key(|setting| setting.is_default);
    Ok(html(&SystemPage {
        uptime: age(&ui, facts.started_at),
        started_at: facts.started_at,
        version: facts.version,
        data_dir: facts.data_dir.display().to_string(),
        store: ui.bytes(system.store_bytes),
        events: system.events,
        disk: system.disk.map(|disk| (ui.bytes(disk.free), ui.bytes(disk.whole))),
        can_back_up: facts.backup_dir.is_some() && visit.who.may(Scope::Settings),
        backup_dir: facts.backup_dir.map(|folder| folder.display().to_string()),
        last_backup: system
            .last_backup
            .map(|backup| (backup.at, backup.made.folder.display().to_string(), ui.bytes(backup.made.bytes))),
        set: settings.iter().filter(|setting| !setting.is_default).count() as u64,
        settings,
        ui,
    }))
}

/// `POST /op/backup`
pub async fn back_up(State(web): Shared, Posted { visit, .. }: Posted) -> Answer {
    web.app.back_up(&visit.who).await?;
    Ok(Redirect::to("/op/system?done=backup").into_response())
}

/// `GET /op/support-bundle`
pub async fn support_bundle(State(web): Shared, visit: Visit) -> Answer {
    let text = web.app.support_bundle(&visit.who).await?;
    let headers = [
        (CONTENT_TYPE, "text/plain; charset=utf-8"),
        (CONTENT_DISPOSITION, "attachment; filename=\"ringup-support.txt\""),
    ];
    Ok((headers, text).into_response())
}
