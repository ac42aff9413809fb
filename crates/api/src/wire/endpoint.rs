//! `endpoint`: a receiver's URL, its secret and its headers.

use std::collections::{BTreeMap, BTreeSet};

use ringup_app::view::EndpointView;
use ringup_app::{EndpointDraft, NewEndpoint, SecretDraft};
use ringup_core::endpoint::Endpoint;
use ringup_core::filter::Filter;
use ringup_core::log::masked;
use ringup_core::signing::SigningKind;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::wire::patch::Patch;
use crate::wire::{subscription, time};

/// `EndpointIn` and `EndpointUpdate`. For a replacement, what is not there is emptied, except uid, secret and headers.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EndpointIn {
    url: String,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    uid: Patch<String>,
    description: Option<String>,
    metadata: Option<BTreeMap<String, String>>,
    event_types: Option<BTreeSet<String>>,
    /// The name that older SDKs know.
    filter_types: Option<BTreeSet<String>>,
    /// Ours: whole families, beside the event types.
    families: Option<BTreeSet<String>>,
    channels: Option<BTreeSet<String>>,
    /// Ours: only messages in which this holds.
    filter: Option<String>,
    disabled: Option<bool>,
    throttle_rate: Option<u32>,
    rate_limit: Option<u32>,
    secret: Option<String>,
    /// Ours: `hmac256` or `ed25519`; which kind of secret to make.
    secret_type: Option<SecretType>,
    headers: Option<BTreeMap<String, String>>,
}

/// How an endpoint's secret signs.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SecretType {
    Hmac256,
    Ed25519,
}

/// `EndpointPatch`.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EndpointPatch {
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    url: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    uid: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    description: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    metadata: Patch<BTreeMap<String, String>>,
    #[serde(default)]
    #[schema(value_type = Option<BTreeSet<String>>)]
    event_types: Patch<BTreeSet<String>>,
    #[serde(default)]
    #[schema(value_type = Option<BTreeSet<String>>)]
    filter_types: Patch<BTreeSet<String>>,
    #[serde(default)]
    #[schema(value_type = Option<BTreeSet<String>>)]
    families: Patch<BTreeSet<String>>,
    #[serde(default)]
    #[schema(value_type = Option<BTreeSet<String>>)]
    channels: Patch<BTreeSet<String>>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    filter: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    disabled: Patch<bool>,
    #[serde(default)]
    #[schema(value_type = Option<u32>)]
    throttle_rate: Patch<u32>,
    #[serde(default)]
    #[schema(value_type = Option<u32>)]
    rate_limit: Patch<u32>,
}

/// `EndpointOut`, with both generations of names. Ours: `families`, `filter`, and
/// `disabledBy`, which is `owner`, `gone` or `failing`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EndpointOut<'a> {
    id: String,
    uid: Option<&'a str>,
    url: &'a str,
    description: &'a str,
    metadata: &'a BTreeMap<String, String>,
    event_types: Option<Vec<String>>,
    filter_types: Option<Vec<String>>,
    families: &'a BTreeSet<String>,
    channels: Option<&'a BTreeSet<String>>,
    filter: Option<&'a str>,
    disabled: bool,
    disabled_by: Option<&'static str>,
    #[schema(format = DateTime)]
    disabled_at: Option<String>,
    throttle_rate: Option<u32>,
    rate_limit: Option<u32>,
    /// Always 1: we keep one version of an endpoint, and older SDKs insist on a number.
    version: u32,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

/// `EndpointSecretOut`.
#[derive(Serialize, ToSchema)]
pub struct SecretOut<'a> {
    pub key: &'a str,
}

/// `EndpointSecretRotateIn`.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RotateIn {
    key: Option<String>,
    /// Ours: the kind of secret to make, where none is given.
    secret_type: Option<SecretType>,
    pub grace_period_seconds: Option<u64>,
}

impl RotateIn {
    pub fn secret(&self) -> SecretDraft {
        SecretDraft { text: self.key.clone(), kind: self.secret_type.map(SigningKind::from) }
    }
}

impl From<SecretType> for SigningKind {
    fn from(kind: SecretType) -> SigningKind {
        match kind {
            SecretType::Hmac256 => SigningKind::Hmac,
            SecretType::Ed25519 => SigningKind::Ed25519,
        }
    }
}

/// `EndpointHeadersIn`.
#[derive(Deserialize, ToSchema)]
pub struct HeadersIn {
    headers: BTreeMap<String, String>,
}

/// `EndpointHeadersPatchIn`: null removes a header, as does its name in `deleteHeaders`.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HeadersPatchIn {
    #[serde(default)]
    headers: BTreeMap<String, Option<String>>,
    #[serde(default)]
    delete_headers: Vec<String>,
}

/// `EndpointHeadersOut`: values that open a door are never shown, only their names.
#[derive(Debug, Serialize, ToSchema)]
pub struct HeadersOut<'a> {
    headers: BTreeMap<&'a str, &'a str>,
    sensitive: Vec<&'a str>,
}

impl EndpointIn {
    pub fn new_endpoint(mut self) -> NewEndpoint {
        let secret = SecretDraft { text: self.secret.take(), kind: self.secret_type.map(SigningKind::from) };
        let headers = self.headers.take().unwrap_or_default().into_iter().collect();
        let mut draft = EndpointDraft::default();
        self.replace(&mut draft);
        NewEndpoint { draft, secret, headers }
    }

    pub fn replace(self, draft: &mut EndpointDraft) {
        draft.url = self.url;
        self.uid.onto(&mut draft.uid);
        draft.description = self.description.unwrap_or_default();
        draft.metadata = self.metadata.unwrap_or_default();
        subscription::replace(self.event_types.or(self.filter_types), self.families, draft);
        draft.channels = self.channels;
        draft.filter = self.filter;
        draft.disabled = self.disabled.unwrap_or_default();
        draft.rate_limit = self.throttle_rate.or(self.rate_limit);
    }
}

impl EndpointPatch {
    pub fn apply(self, draft: &mut EndpointDraft) {
        self.url.over(&mut draft.url);
        self.uid.onto(&mut draft.uid);
        self.description.over(&mut draft.description);
        self.metadata.over(&mut draft.metadata);
        subscription::apply(self.event_types.or(self.filter_types), self.families, draft);
        self.channels.onto(&mut draft.channels);
        self.filter.onto(&mut draft.filter);
        self.disabled.over(&mut draft.disabled);
        self.throttle_rate.or(self.rate_limit).onto(&mut draft.rate_limit);
    }
}

impl<'a> EndpointOut<'a> {
    pub fn of(view: &'a EndpointView) -> EndpointOut<'a> {
        let endpoint = &view.endpoint;
        let event_types = subscription::names(&endpoint.subscription);
        EndpointOut {
            id: endpoint.id.to_string(),
            uid: endpoint.uid.as_deref(),
            url: &endpoint.url,
            description: &endpoint.description,
            metadata: &endpoint.metadata,
            event_types: event_types.clone(),
            filter_types: event_types,
            families: &endpoint.subscription.families,
            channels: endpoint.subscription.channels.as_ref(),
            filter: endpoint.subscription.filter.as_ref().map(Filter::text),
            disabled: endpoint.stopped.is_some(),
            disabled_by: endpoint.stopped.map(|stopped| stopped.by.word()),
            disabled_at: endpoint.stopped.map(|stopped| time::text(stopped.at)),
            throttle_rate: endpoint.settings.rate_limit,
            rate_limit: endpoint.settings.rate_limit,
            version: 1,
            created_at: time::text(endpoint.created_at),
            updated_at: time::text(endpoint.updated_at),
        }
    }
}

impl HeadersIn {
    pub fn replace(self, headers: &mut Vec<(String, String)>) {
        *headers = self.headers.into_iter().collect();
    }
}

impl HeadersPatchIn {
    pub fn apply(self, headers: &mut Vec<(String, String)>) {
        let mut remove = |gone: &str| headers.retain(|(name, _)| !name.eq_ignore_ascii_case(gone));
        self.delete_headers.iter().for_each(|name| remove(name));
        self.headers.keys().for_each(|name| remove(name));
        headers.extend(self.headers.into_iter().filter_map(|(name, value)| Some((name, value?))));
    }
}

impl<'a> HeadersOut<'a> {
    pub fn of(endpoint: &'a Endpoint) -> HeadersOut<'a> {
        let (sensitive, plain): (Vec<_>, Vec<_>) = endpoint.headers.iter().partition(|(name, _)| masked(name));
        HeadersOut {
            headers: plain.into_iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
            sensitive: sensitive.into_iter().map(|(name, _)| name.as_str()).collect(),
        }
    }
}
