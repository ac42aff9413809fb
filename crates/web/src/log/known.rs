//! What completions of a search are taken from: the catalogue, the account's URLs, and what came lately.

use std::collections::BTreeSet;

use ringup_app::AppError;
use ringup_app::view::{AccountView, EventFilter, Order, PageRequest, Payload};
use ringup_core::search::{Known, complete};
use serde_json::Value;

use crate::Web;
use crate::endpoint::title;
use crate::kind;
use crate::visit::Visit;

/// Events that are looked into for names of fields.
const EVENTS: usize = 20;

/// Names of fields that are offered, and how deep they lie.
const PATHS_MAX: usize = 200;
const DEPTH_MAX: usize = 3;

pub struct Terms(Known);

/// What is known without looking into the history.
pub fn known(web: &Web, visit: &Visit, view: &AccountView) -> Terms {
    let families = kind::families(&web.app, &visit.who, &BTreeSet::new(), &BTreeSet::new());
    Terms(Known {
        event_types: families.into_iter().flat_map(|family| family.kinds).map(|kind| kind.name).collect(),
        urls: view.endpoints.iter().map(|found| title(found)).collect(),
        ..Known::default()
    })
}

impl Terms {
    /// With names of fields and channels from recent events, where the text asks for some.
    pub async fn with_payloads(
        mut self,
        web: &Web,
        visit: &Visit,
        account: &str,
        text: &str,
    ) -> Result<Terms, AppError> {
        let last = text.rsplit(char::is_whitespace).next().unwrap_or_default().trim_start_matches(['-', '(']);
        if !last.starts_with("data.") && !last.starts_with("channel:") {
            return Ok(self);
        }
        let page = PageRequest { rows_max: EVENTS, after: None, order: Order::NewestFirst };
        let recent = web.app.events(&visit.who, account, EventFilter::default(), page).await?;
        let (mut paths, mut channels) = (BTreeSet::new(), BTreeSet::new());
        for event in recent.rows {
            channels.extend(event.channels);
            if let Payload::Kept(payload) | Payload::Redacted(payload) = event.payload
                && let Ok(value) = serde_json::from_slice::<Value>(&payload)
            {
                collect(&value, "", DEPTH_MAX, &mut paths);
            }
        }
        self.0.paths = paths.into_iter().collect();
        self.0.channels = channels.into_iter().collect();
        Ok(self)
    }

    pub fn complete(&self, text: &str) -> Vec<String> {
        complete(text, &self.0).into_iter().map(|completion| completion.text).collect()
    }
}

/// Names that lead to values, as the search writes them. Names that it would have to quote are left out.
fn collect(value: &Value, path: &str, depth: usize, paths: &mut BTreeSet<String>) {
    let Value::Object(members) = value else { return };
    for (name, value) in members {
        let is_plain = name.chars().all(|character| character.is_alphanumeric() || matches!(character, '_' | '-'));
        if !is_plain || name.is_empty() || paths.len() >= PATHS_MAX {
            continue;
        }
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match value {
            Value::Object(_) if depth > 1 => collect(value, &path, depth - 1, paths),
            Value::Object(_) => {}
            _ => drop(paths.insert(path)),
        }
    }
}
