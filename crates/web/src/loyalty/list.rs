//! The hooks of an account, a card each.

use askama::Template;
use axum::extract::{Path, State};

use super::{about, latencies, may_declare, title};
use crate::Shared;
use crate::error_page::Answer;
use crate::health::{Health, WINDOW};
use crate::menu::Menu;
use crate::ui::{Ui, html};
use crate::visit::{Visit, account_path};

#[derive(Template)]
#[template(path = "loyalty.html")]
struct LoyaltyPage {
    ui: Ui,
    base: String,
    cards: Vec<Card>,
    is_set: bool,
    may_declare: bool,
}

struct Card {
    title: String,
    about: String,
    path: String,
    set: Option<Standing>,
}

/// How a hook that is set is doing.
struct Standing {
    url: String,
    shape: &'static str,
    words: String,
    deadline: String,
    falls_back: bool,
    answered: u64,
    failed: u64,
    p95: String,
    is_late: bool,
}

/// `GET /a/{account}/loyalty`
pub async fn page(State(web): Shared, visit: Visit, Path(account): Path<String>) -> Answer {
    let view = web.app.account(&visit.who, &account)?;
    let ui = visit.ui_of(&view, Menu::Hooks, "loyalty-title");
    let base = account_path(&view);
    let from = visit.now.saturating_sub(WINDOW);
    let set_ones = web.app.hooks(&visit.who, &account)?;
    let mut cards = Vec::new();
    for hook in web.app.hook_types(&visit.who)? {
        let contract = &hook.contract;
        let asked = set_ones.iter().find_map(|found| {
            let plan = found.endpoint.subscription.hook.as_ref()?;
            (*plan.name == *contract.name).then_some((found, plan))
        });
        let set = match asked {
            None => None,
            Some((found, plan)) => {
                let id = found.endpoint.id.to_string();
                let traffic = web.app.traffic_of(&visit.who, &account, &id, from, visit.now).await?;
                let health = Health::of(found, &traffic.minutes);
                let spans = latencies(&web, &visit, &account, &id).await?;
                let p95 = ringup_app::nearest_rank(&spans);
                let left_alone = web.app.is_left_alone(found);
                Some(Standing {
                    url: found.endpoint.url.clone(),
                    shape: if left_alone { "fail" } else { health.shape() },
                    words: if left_alone { ui.t("loyalty-left-alone") } else { health.words(&ui) },
                    deadline: ui.span(&plan.deadline),
                    falls_back: plan.fallback.is_some(),
                    answered: health.sum.delivered,
                    failed: health.sum.failed,
                    p95: p95.map_or_else(|| "–".to_owned(), |p95| ui.span(&p95)),
                    is_late: p95.is_some_and(|p95| p95 * 2 > plan.deadline),
                })
            }
        };
        if hook.archived && set.is_none() {
            continue;
        }
        cards.push(Card {
            title: title(&hook, &ui),
            about: about(&hook, &ui),
            path: format!("{base}/loyalty/{}", contract.name),
            set,
        });
    }
    let is_set = cards.iter().any(|card| card.set.is_some());
    Ok(html(&LoyaltyPage { may_declare: may_declare(&visit), ui, base, cards, is_set }))
}
