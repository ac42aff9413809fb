//! `app`: an account.

use std::collections::BTreeMap;

use ringup_app::AccountDraft;
use ringup_app::view::AccountView;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::wire::patch::Patch;
use crate::wire::time;

/// `ApplicationIn`. For a replacement, what is not there is emptied, except the uid, which would be lost by mistake.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationIn {
    #[schema(min_length = 1, example = "Harbor Street")]
    name: String,
    /// A name of your own for it, which works wherever the id does.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "harbor-street")]
    uid: Patch<String>,
    metadata: Option<BTreeMap<String, String>>,
    /// Attempts a second, over all its endpoints.
    throttle_rate: Option<u32>,
    /// The name that older SDKs know.
    rate_limit: Option<u32>,
}

/// `ApplicationPatch`.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationPatch {
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    name: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    uid: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    metadata: Patch<BTreeMap<String, String>>,
    #[serde(default)]
    #[schema(value_type = Option<u32>)]
    throttle_rate: Patch<u32>,
    #[serde(default)]
    #[schema(value_type = Option<u32>)]
    rate_limit: Patch<u32>,
}

/// `ApplicationOut`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationOut<'a> {
    id: String,
    uid: Option<&'a str>,
    name: &'a str,
    metadata: &'a BTreeMap<String, String>,
    throttle_rate: Option<u32>,
    rate_limit: Option<u32>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

impl ApplicationIn {
    pub fn draft(self) -> AccountDraft {
        let mut draft = AccountDraft::default();
        self.replace(&mut draft);
        draft
    }

    pub fn replace(self, draft: &mut AccountDraft) {
        draft.name = self.name;
        self.uid.onto(&mut draft.uid);
        draft.metadata = self.metadata.unwrap_or_default();
        draft.rate_limit = self.throttle_rate.or(self.rate_limit);
    }
}

impl ApplicationPatch {
    pub fn apply(self, draft: &mut AccountDraft) {
        self.name.over(&mut draft.name);
        self.uid.onto(&mut draft.uid);
        self.metadata.over(&mut draft.metadata);
        self.throttle_rate.or(self.rate_limit).onto(&mut draft.rate_limit);
    }
}

impl<'a> ApplicationOut<'a> {
    pub fn of(view: &'a AccountView) -> ApplicationOut<'a> {
        let account = &view.account;
        ApplicationOut {
            id: account.id.to_string(),
            uid: account.uid.as_deref(),
            name: &account.name,
            metadata: &account.metadata,
            throttle_rate: account.settings.rate_limit,
            rate_limit: account.settings.rate_limit,
            created_at: time::text(account.created_at),
            updated_at: time::text(account.updated_at),
        }
    }
}
