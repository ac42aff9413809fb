//! How a receiver knows us besides the signature: a header, a password, a token; and further headers. What is secret is
//! never shown again, and an empty field keeps it.

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect};
use http::StatusCode;
use ringup_app::{AppError, AuthorizationView, Cause, Fault, TokenTried};
use ringup_core::authorization::{Authorization, CredentialsIn, OAuth, Scheme, Secret, TokenBody};
use ringup_core::log::masked;

use super::path;
use super::security::{Extra, shown};
use crate::Shared;
use crate::error_page::Answer;
use crate::fields::Fields;
use crate::ui::Ui;
use crate::visit::{Posted, account_path, faults};

/// Rows for further headers besides those that are there.
const BLANK_HEADERS: usize = 2;

/// What the form shows. Nothing secret is in it.
#[derive(Default)]
pub struct AuthorizationForm {
    pub scheme: String,
    pub name: String,
    pub user: String,
    pub token_url: String,
    pub client_id: String,
    pub scope: String,
    pub in_body: bool,
    pub is_json: bool,
    /// Of what is kept, if anything is.
    pub fingerprint: Option<String>,
    /// The scheme whose secret is kept.
    pub kept: &'static str,
}

/// A header as the form shows it.
pub struct HeaderRow {
    pub name: String,
    pub value: String,
    /// There is a value that is not shown.
    pub is_kept: bool,
}

impl AuthorizationForm {
    pub fn of(view: &AuthorizationView) -> AuthorizationForm {
        let scheme = &view.endpoint.endpoint.authorization.scheme;
        let form = AuthorizationForm {
            scheme: scheme.word().to_owned(),
            kept: scheme.word(),
            fingerprint: view.fingerprint.clone(),
            ..AuthorizationForm::default()
        };
        match scheme {
            Scheme::None | Scheme::Bearer { .. } => form,
            Scheme::Header { name, .. } => AuthorizationForm { name: name.clone(), ..form },
            Scheme::Basic { user, .. } => AuthorizationForm { user: user.clone(), ..form },
            Scheme::OAuth(oauth) => AuthorizationForm {
                token_url: oauth.token_url.clone(),
                client_id: oauth.client_id.clone(),
                scope: oauth.scope.clone().unwrap_or_default(),
                in_body: oauth.credentials == CredentialsIn::Body,
                is_json: oauth.body == TokenBody::Json,
                ..form
            },
        }
    }

    /// What was sent, to be put right.
    fn again(form: &Fields, view: &AuthorizationView) -> AuthorizationForm {
        let text = |name: &str| form.one(name).unwrap_or_default().to_owned();
        AuthorizationForm {
            scheme: text("scheme"),
            name: text("auth_name"),
            user: text("auth_user"),
            token_url: text("token_url"),
            client_id: text("client_id"),
            scope: text("scope"),
            in_body: form.one("credentials") == Some("body"),
            is_json: form.one("body") == Some("json"),
            ..AuthorizationForm::of(view)
        }
    }

    pub fn is(&self, scheme: &str) -> bool {
        self.scheme == scheme
    }

    /// What an empty secret field of this scheme means.
    pub fn held(&self, scheme: &str, ui: &Ui) -> String {
        if self.kept == scheme { ui.t("auth-kept") } else { String::new() }
    }
}

/// `POST /a/{account}/urls/{endpoint}/security/authorization`; with `try`, what came of asking for a token.
pub async fn authorize(
    State(web): Shared,
    Path((account, endpoint)): Path<(String, String)>,
    Posted { visit, form }: Posted,
) -> Answer {
    let view = web.app.account(&visit.who, &account)?;
    let edited = web.app.edit_authorization(&visit.who, &account, &endpoint, |old| apply(old, &form)).await;
    match edited {
        Ok(_) if form.has("try") => {
            let tried = web.app.try_authorization(&visit.who, &account, &endpoint).await?;
            let extra = Extra { tried: Some(tried), ..Extra::default() };
            shown(&web, &visit, &view, &endpoint, extra)
        }
        Ok(changed) => {
            let to = format!("{}{}/security?done=authorization", account_path(&view), path(&changed.endpoint));
            Ok(Redirect::to(&to).into_response())
        }
        Err(error) => {
            let old = web.app.authorization(&visit.who, &account, &endpoint)?;
            let again = AuthorizationForm::again(&form, &old);
            let extra = Extra { faults: faults(error)?, authorization: Some(again), ..Extra::default() };
            Ok((StatusCode::UNPROCESSABLE_ENTITY, shown(&web, &visit, &view, &endpoint, extra)?).into_response())
        }
    }
}

fn apply(authorization: &mut Authorization, form: &Fields) -> Result<(), AppError> {
    let old = authorization.scheme.clone();
    let text = |name: &str| form.one(name).unwrap_or_default().to_owned();
    // An empty field keeps what is there.
    let secret = |name: &str, kept: Option<&Secret>| match (form.one(name), kept) {
        (None, Some(kept)) => kept.clone(),
        (given, _) => Secret::new(given.unwrap_or_default()),
    };
    authorization.scheme = match form.one("scheme").unwrap_or("none") {
        "none" => Scheme::None,
        "header" => {
            let kept = if let Scheme::Header { value, .. } = &old { Some(value) } else { None };
            Scheme::Header { name: text("auth_name"), value: secret("auth_value", kept) }
        }
        "basic" => {
            let kept = if let Scheme::Basic { password, .. } = &old { Some(password) } else { None };
            Scheme::Basic { user: text("auth_user"), password: secret("auth_password", kept) }
        }
        "bearer" => {
            let kept = if let Scheme::Bearer { token } = &old { Some(token) } else { None };
            Scheme::Bearer { token: secret("auth_token", kept) }
        }
        "oauth2" => {
            let kept = if let Scheme::OAuth(oauth) = &old { (**oauth).clone() } else { OAuth::default() };
            Scheme::OAuth(Box::new(OAuth {
                token_url: text("token_url"),
                client_id: text("client_id"),
                client_secret: secret("client_secret", Some(&kept.client_secret)),
                credentials: form.one("credentials").and_then(CredentialsIn::from_word).unwrap_or_default(),
                body: form.one("body").and_then(TokenBody::from_word).unwrap_or_default(),
                scope: form.one("scope").map(str::to_owned),
                // Only the API knows these; the form leaves them as they are.
                parameters: kept.parameters,
                headers: kept.headers,
            }))
        }
        other => return Err(Fault::new("scheme", "unknown", format!("there is no authorisation {other:?}")).into()),
    };
    Ok(())
}

/// `POST /a/{account}/urls/{endpoint}/security/headers`
pub async fn set_headers(
    State(web): Shared,
    Path((account, endpoint)): Path<(String, String)>,
    Posted { visit, form }: Posted,
) -> Answer {
    let view = web.app.account(&visit.who, &account)?;
    let found = web.app.endpoint(&visit.who, &account, &endpoint)?;
    let edit = |headers: &mut Vec<(String, String)>| *headers = of_form(&form, headers);
    match web.app.edit_headers(&visit.who, &account, &endpoint, edit).await {
        Ok(()) => {
            let to = format!("{}{}/security?done=headers", account_path(&view), path(&found));
            Ok(Redirect::to(&to).into_response())
        }
        Err(error) => {
            let rows = rows(&of_form(&form, &[]));
            let extra = Extra { faults: faults(error)?, headers: Some(rows), ..Extra::default() };
            Ok((StatusCode::UNPROCESSABLE_ENTITY, shown(&web, &visit, &view, &endpoint, extra)?).into_response())
        }
    }
}

/// The headers that a form says; a masked one without a value keeps what it has.
pub fn of_form(form: &Fields, old: &[(String, String)]) -> Vec<(String, String)> {
    let named = form.many("header").zip(form.many("value")).map(|(name, value)| (name.trim(), value.trim()));
    let named = named.filter(|(name, _)| !name.is_empty());
    let kept = |name: &str| old.iter().find(|(other, _)| other.eq_ignore_ascii_case(name) && masked(other));
    named
        .map(|(name, value)| {
            let value = if value.is_empty() { kept(name).map_or("", |(_, value)| value.as_str()) } else { value };
            (name.to_owned(), value.to_owned())
        })
        .collect()
}

/// The headers as the form shows them, and room for more.
pub fn rows(headers: &[(String, String)]) -> Vec<HeaderRow> {
    let row = |(name, value): &(String, String)| {
        let is_kept = masked(name) && !value.is_empty();
        HeaderRow { name: name.clone(), value: if is_kept { String::new() } else { value.clone() }, is_kept }
    };
    let blank = || HeaderRow { name: String::new(), value: String::new(), is_kept: false };
    headers.iter().map(row).chain(std::iter::repeat_with(blank).take(BLANK_HEADERS)).collect()
}

/// What came of asking for a token: a shape and words.
pub fn tried_words(tried: &TokenTried, ui: &Ui) -> (&'static str, String) {
    let took = ui.span(&tried.took);
    match &tried.result {
        Ok(fetched) => match fetched.expires_in {
            Some(life) => ("ok", ui.b("auth-tried-life", "took", took, "life", ui.span(&life))),
            None => ("ok", ui.a("auth-tried", "took", took)),
        },
        Err(why) => {
            let known = Cause::ALL.iter().find(|cause| cause.word() == why.word());
            let advice = known.map(|cause| ui.t(format!("cause-{}", cause.word()))).unwrap_or_default();
            ("fail", ui.b("auth-tried-not", "took", took, "why", format!("{advice} ({why})")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_masked_header_without_a_value_keeps_it_and_a_row_without_a_name_is_gone() {
        let old = pairs(&[("Authorization", "Bearer 1"), ("X-Shop", "7")]);
        let form =
            Fields::parse(b"header=authorization&value=&header=X-Shop&value=&header=&value=lost&header=X-New&value=n");
        assert_eq!(of_form(&form, &old), pairs(&[("authorization", "Bearer 1"), ("X-Shop", ""), ("X-New", "n")]));
        let shown = rows(&old);
        assert_eq!(shown.iter().map(|row| row.value.as_str()).collect::<Vec<_>>(), ["", "7", "", ""]);
    }
}
