//! Developer → Event Catalog: what can be reported, by family, with a sample of each.

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect};
use ringup_app::{AppError, Fault, guide};
use ringup_core::account::{Role, Validation};
use ringup_core::scope::Scope;

use crate::Shared;
use crate::endpoint::{path, title};
use crate::error_page::Answer;
use crate::json_view::view as coloured;
use crate::kind::{Family, families};
use crate::markup::Markup;
use crate::menu::Menu;
use crate::ui::{Ui, html};
use crate::visit::{Posted, Visit, account_path};

/// The modes of validation, from the mildest.
const VALIDATIONS: [&str; 3] = ["off", "warn", "strict"];

#[derive(Template)]
#[template(path = "catalog.html")]
struct CatalogPage {
    ui: Ui,
    base: String,
    families: Vec<Family>,
    find: String,
    /// How payloads are held against schemas; `None` for whoever may not read it.
    validation: Option<&'static str>,
    can_validate: bool,
}

/// `GET /a/{account}/catalog`
pub async fn list(State(web): Shared, visit: Visit, Path(account): Path<String>) -> Answer {
    let view = web.app.account(&visit.who, &account)?;
    let find = visit.query.one("find").unwrap_or_default().to_owned();
    let mut families = families(&web.app, &visit.who, &BTreeSet::new(), &BTreeSet::new());
    let wanted = |text: &str| text.to_lowercase().contains(&find.to_lowercase());
    for family in &mut families {
        let whole = wanted(&family.name);
        family.kinds.retain(|kind| whole || wanted(&kind.name) || wanted(&kind.summary));
    }
    families.retain(|family| !family.kinds.is_empty());
    let ui = visit.ui_of(&view, Menu::Catalog, "catalog-title");
    Ok(html(&CatalogPage {
        validation: web.app.validation(&visit.who).ok().map(Validation::word),
        can_validate: visit.who.may(Scope::EventTypes) && !matches!(visit.who.role(), Role::Account(_)),
        base: account_path(&view),
        families,
        find,
        ui,
    }))
}

impl CatalogPage {
    /// The key of a mode's words.
    fn key(&self, mode: &str) -> String {
        format!("validation-{mode}")
    }

    fn is_set(&self, mode: &str) -> bool {
        self.validation == Some(mode)
    }
}

/// `POST /a/{account}/validation`: for all of the environment.
pub async fn set_validation(State(web): Shared, Path(account): Path<String>, Posted { visit, form }: Posted) -> Answer {
    let view = web.app.account(&visit.who, &account)?;
    let word = form.one("mode").unwrap_or_default();
    let validation = Validation::from_word(word)
        .ok_or_else(|| AppError::from(Fault::new("mode", "value", format!("off, warn or strict, not {word:?}"))))?;
    web.app.set_validation(&visit.who, validation).await?;
    Ok(Redirect::to(&format!("{}/catalog?done=saved", account_path(&view))).into_response())
}

#[derive(Template)]
#[template(path = "kind.html")]
struct KindPage {
    ui: Ui,
    base: String,
    name: String,
    family: String,
    summary: String,
    is_deprecated: bool,
    is_archived: bool,
    is_registered: bool,
    /// The page of the hook whose questions these are.
    hook: Option<String>,
    sample: Option<Markup>,
    schemas: Option<Markup>,
    subscribers: Vec<(String, String)>,
}

/// `GET /a/{account}/catalog/{type}`
pub async fn one(State(web): Shared, visit: Visit, Path((account, name)): Path<(String, String)>) -> Answer {
    let view = web.app.account(&visit.who, &account)?;
    let registered = web.app.event_type(&visit.who, &name).ok();
    let guide = guide::named(&name);
    if registered.is_none() && guide.is_none() {
        return Err(AppError::NotFound { what: "event type", name }.into());
    }
    let base = account_path(&view);
    let mut ui = visit.ui_of(&view, Menu::Catalog, "catalog-title");
    ui.title.clone_from(&name);
    let wants = view.endpoints.iter().filter(|found| {
        let family = registered.as_ref().and_then(|one| one.group.as_deref());
        found.endpoint.subscription.wants_type(&name, family)
    });
    let text = |own: Option<String>, guide: Option<String>| own.filter(|text| !text.is_empty()).or(guide);
    let page = KindPage {
        family: text(registered.as_ref().and_then(|one| one.group.clone()), guide.map(guide::Known::family))
            .unwrap_or_default(),
        summary: text(registered.as_ref().map(|one| one.description.clone()), guide.map(|one| one.summary.to_string()))
            .unwrap_or_default(),
        is_deprecated: registered.as_ref().is_some_and(|one| one.deprecated),
        is_archived: registered.as_ref().is_some_and(|one| one.archived),
        is_registered: registered.is_some(),
        hook: web.app.hook_type(&visit.who, &name).is_ok().then(|| format!("{base}/loyalty/{name}")),
        sample: web.app.sample(&visit.who, &name, 0).ok().map(|found| coloured(&found.payload)),
        schemas: registered.as_ref().and_then(|one| one.schemas.as_ref()).map(|text| coloured(text.as_bytes())),
        subscribers: wants.map(|found| (title(found), format!("{base}{}", path(found)))).collect(),
        name,
        base,
        ui,
    };
    Ok(html(&page))
}
