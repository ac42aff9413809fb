//! Who did it, and what it changed.

use std::net::IpAddr;

use ringup_core::account::KeyKind;
use ringup_core::audit::{Actor, ActorRole, FieldChange};
use ringup_core::id::KeyId;
use serde::{Deserialize, Serialize};

use super::{Result, broken, known};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ActorShape {
    role: String,
    kind: String,
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    session: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request: Option<String>,
}

impl From<&Actor> for ActorShape {
    fn from(actor: &Actor) -> ActorShape {
        ActorShape {
            role: actor.role.word().to_owned(),
            kind: actor.kind.word().to_owned(),
            name: actor.name.clone(),
            session: actor.session.clone(),
            address: actor.address.map(|address| address.to_string()),
            request: actor.request.clone(),
        }
    }
}

impl ActorShape {
    pub(crate) fn into_actor(self, key: Option<KeyId>, parent: Option<KeyId>) -> Result<Actor> {
        Ok(Actor {
            role: known(ActorRole::from_word(&self.role), &self.role)?,
            key,
            parent,
            kind: known(KeyKind::from_word(&self.kind), &self.kind)?,
            name: self.name,
            session: self.session,
            address: self.address.map(|text| text.parse::<IpAddr>().map_err(broken)).transpose()?,
            request: self.request,
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeShape {
    field: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    hidden: bool,
}

impl From<&FieldChange> for ChangeShape {
    fn from(change: &FieldChange) -> ChangeShape {
        let FieldChange { field, before, after, hidden } = change.clone();
        ChangeShape { field, before, after, hidden }
    }
}

impl ChangeShape {
    pub(crate) fn into_change(self) -> FieldChange {
        let ChangeShape { field, before, after, hidden } = self;
        FieldChange { field, before, after, hidden }
    }
}
