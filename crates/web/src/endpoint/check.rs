//! Whether a URL can be reached, step by step: what was seen at each, and what to do about it.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use ringup_app::view::{AccountView, EndpointView};
use ringup_app::{CHECK_TIME_LIMIT, CheckLine, Checked, Finding, Seen, Step, Verdict};

use super::one::Head;
use crate::Shared;
use crate::error_page::Answer;
use crate::menu::Menu;
use crate::ui::{Ui, html};
use crate::visit::{Posted, Visit, account_path};

/// What came of a check, in words.
pub struct CheckShown {
    pub shape: &'static str,
    pub words: String,
    pub took: String,
    pub rows: Vec<CheckRow>,
}

pub struct CheckRow {
    pub shape: &'static str,
    pub step: String,
    pub verdict: String,
    pub words: String,
    pub took: Option<String>,
}

#[derive(Template)]
#[template(path = "url_check.html")]
struct CheckPage {
    ui: Ui,
    head: Head,
    checked: Option<CheckShown>,
}

/// `GET /a/{account}/urls/{endpoint}/check`
pub async fn page(State(web): Shared, visit: Visit, Path((account, endpoint)): Path<(String, String)>) -> Answer {
    let view = web.app.account(&visit.who, &account)?;
    let found = web.app.endpoint(&visit.who, &account, &endpoint)?;
    Ok(shown(&visit, &view, &found, None))
}

/// `POST /a/{account}/urls/{endpoint}/check`
pub async fn check(
    State(web): Shared,
    Path((account, endpoint)): Path<(String, String)>,
    Posted { visit, .. }: Posted,
) -> Answer {
    let view = web.app.account(&visit.who, &account)?;
    let found = web.app.endpoint(&visit.who, &account, &endpoint)?;
    let checked = web.app.check_endpoint(&visit.who, &account, &endpoint).await?;
    Ok(shown(&visit, &view, &found, Some(&checked)))
}

fn shown(visit: &Visit, view: &AccountView, found: &EndpointView, checked: Option<&Checked>) -> Response {
    let mut ui = visit.ui_of(view, Menu::Urls, "url-check");
    ui.title = super::title(found);
    let head = Head::of(&account_path(view), found, "check");
    html(&CheckPage { head, checked: checked.map(|checked| CheckShown::of(checked, &ui)), ui })
}

impl CheckShown {
    pub fn of(checked: &Checked, ui: &Ui) -> CheckShown {
        let verdict = checked.verdict();
        CheckShown {
            shape: shape(verdict),
            words: ui.t(format!("check-all-{}", verdict.word())),
            took: ui.span(&checked.took),
            rows: checked.lines.iter().map(|line| row(line, checked, ui)).collect(),
        }
    }
}

fn row(line: &CheckLine, checked: &Checked, ui: &Ui) -> CheckRow {
    CheckRow {
        shape: shape(line.verdict),
        step: ui.t(format!("check-{}", line.step.word())),
        verdict: ui.t(format!("check-{}", line.verdict.word())),
        words: words(line, checked, ui),
        took: line.took.map(|took| ui.span(&took)),
    }
}

fn shape(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Good => "ok",
        Verdict::Doubtful => "warn",
        Verdict::Bad => "fail",
        Verdict::NotReached => "skip",
    }
}

fn words(line: &CheckLine, checked: &Checked, ui: &Ui) -> String {
    let ends_at = checked.certificate_ends_at;
    let days = ends_at.map_or(0, |at| at.saturating_since(ui.now).as_secs() / 86_400);
    let addresses: Vec<String> = checked.addresses.iter().map(ToString::to_string).collect();
    let values = [
        ("host", checked.host.as_str().into()),
        ("addresses", addresses.join(", ").into()),
        ("version", checked.tls_version.unwrap_or_default().into()),
        ("count", days.into()),
        ("n", ui.num(&days).into()),
        ("date", ends_at.map(|at| ui.short(&at)).unwrap_or_default().into()),
        ("status", checked.status.map(|status| status.to_string()).unwrap_or_default().into()),
        ("limit", ui.span(&CHECK_TIME_LIMIT).into()),
        ("life", checked.token_life.map(|life| ui.span(&life)).unwrap_or_default().into()),
    ];
    let found = keys(line, checked).into_iter().find_map(|key| ui.lang.try_text_with(&key, &values));
    found.unwrap_or_default()
}

/// Names of the text, the most fitting first. Where a check means something else by a cause than the log does, it has a
/// text of its own.
fn keys(line: &CheckLine, checked: &Checked) -> Vec<String> {
    match line.finding {
        Finding::Seen(Seen::Resolved) if checked.addresses.is_empty() => vec!["seen-resolved-untold".to_owned()],
        Finding::Seen(Seen::Valid) if checked.certificate_ends_at.is_none() => vec!["seen-valid-untold".to_owned()],
        Finding::Seen(Seen::Token) if checked.token_life.is_none() => vec!["seen-token-untold".to_owned()],
        Finding::Seen(seen) => vec![format!("seen-{}", seen.word())],
        Finding::Cause(cause) => {
            let of_draft =
                (line.step == Step::Ping && checked.is_draft).then(|| format!("check-draft-{}", cause.word()));
            let others = [format!("check-cause-{}", cause.word()), format!("cause-{}", cause.word())];
            of_draft.into_iter().chain(others).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::Lang;

    #[test]
    fn every_step_verdict_and_finding_has_words() {
        let names = ["host", "addresses", "version", "count", "n", "date", "status", "limit", "life"];
        let values = names.map(|name| (name, "1".into()));
        for lang in Lang::ALL {
            let steps = Step::ALL.iter().map(|step| format!("check-{}", step.word()));
            let verdicts = Verdict::ALL.iter().map(|verdict| format!("check-{}", verdict.word()));
            let seen = Seen::ALL.iter().map(|seen| format!("seen-{}", seen.word()));
            for key in steps.chain(verdicts).chain(seen) {
                assert!(lang.try_text_with(&key, &values).is_some(), "{key} in {}", lang.code());
            }
        }
    }
}
