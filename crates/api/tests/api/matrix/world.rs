//! Two environments, three accounts, and everybody who may ask.

use std::collections::BTreeMap;

use axum::body::Body;
use bytes::Bytes;
use ringup_app::{Incoming, KeyPlace, KeyRequest, Principal};
use ringup_core::delivery::After;
use ringup_core::key::EnvironmentKey;
use ringup_core::scope::{Scope, Scopes};
use ringup_store::log_entry::{AttemptResult, OutcomeWord};
use secrecy::ExposeSecret as _;

use crate::desk::{Desk, OPERATOR};

/// In the names of what lies in another account of the same environment.
const SIBLING: &str = "sibling";
/// In the names of what lies in another environment.
const STRANGER: &str = "stranger";

/// Names of a path, and what stands for them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ids(BTreeMap<String, String>);

impl Ids {
    pub fn from<const N: usize>(ids: [(String, String); N]) -> Ids {
        Ids(ids.into())
    }

    /// These, and the others where there are none.
    pub fn over(&self, others: &Ids) -> Ids {
        let mut all = others.0.clone();
        all.extend(self.0.clone());
        Ids(all)
    }
}

impl std::ops::Index<&str> for Ids {
    type Output = String;

    fn index(&self, name: &str) -> &String {
        self.0.get(name).unwrap_or_else(|| panic!("the world has no {name}: add one in matrix/world.rs"))
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    Nobody,
    Operator,
    Environment,
    /// The account that is asked for, alone.
    Account,
    /// The other environment.
    Elsewhere,
}

pub struct Caller {
    pub name: String,
    pub token: Option<String>,
    pub place: Place,
    pub scopes: Scopes,
}

impl Caller {
    /// What no answer to this caller may contain.
    pub fn hidden(&self) -> &'static [&'static str] {
        match self.place {
            Place::Nobody => &[SIBLING, STRANGER],
            Place::Operator | Place::Environment => &[STRANGER],
            Place::Account => &[SIBLING, STRANGER],
            Place::Elsewhere => &[SIBLING],
        }
    }
}

pub struct World {
    pub desk: Desk,
    pub callers: Vec<Caller>,
    pub own: Ids,
    sibling: Ids,
    stranger: Ids,
    elsewhere: String,
}

impl World {
    pub async fn open() -> World {
        let mut desk = Desk::open().await;
        let operator = Principal::at_the_machine(EnvironmentKey(0));
        desk.app.create_environment(&operator, "sandbox", false).await.expect("an environment");
        let elsewhere = key(&desk, KeyPlace::Environment("sandbox".to_owned()), None).await;
        let own = things(&desk, "own").await;
        let sibling = things(&desk, SIBLING).await;
        let here = std::mem::replace(&mut desk.key, elsewhere.clone());
        let stranger = things(&desk, STRANGER).await;
        let refused = AttemptResult { outcome: OutcomeWord::Refused, status: Some(500), detail: None };
        desk.attempt_all(refused, After::Delivered, "no").await;
        let stranger = consequences(&desk, &stranger).await;
        desk.key = here.clone();
        let own = consequences(&desk, &own).await;
        let sibling = consequences(&desk, &sibling).await;
        let live = || KeyPlace::Environment("live".to_owned());
        let mut callers = vec![
            Caller { name: "nobody".to_owned(), token: None, place: Place::Nobody, scopes: Scopes::NONE },
            caller("an operator", OPERATOR.to_owned(), Place::Operator, Scopes::ALL),
            caller("the environment", here, Place::Environment, Scopes::ALL),
            caller("another environment", elsewhere.clone(), Place::Elsewhere, Scopes::ALL),
            caller(
                "a reader of the environment",
                key(&desk, live(), Some(Scopes::READ_ONLY)).await,
                Place::Environment,
                Scopes::READ_ONLY,
            ),
            caller(
                "the account",
                key(&desk, KeyPlace::Account("own".to_owned()), Some(Scopes::ACCOUNT)).await,
                Place::Account,
                Scopes::ACCOUNT,
            ),
            caller(
                "a reader of the account",
                key(&desk, KeyPlace::Account("own".to_owned()), Some(Scopes::READ_ONLY)).await,
                Place::Account,
                Scopes::READ_ONLY,
            ),
        ];
        let access = desk.post("/auth/app-portal-access/own", "{}").await.is(200).at("/token");
        let access = access.as_str().expect("a token").to_owned();
        callers.push(caller("a portal session of the account", access, Place::Account, Scopes::PORTAL));
        for scope in Scope::ALL {
            let scopes = Scopes::from_iter([scope]);
            let token = key(&desk, live(), Some(scopes)).await;
            callers.push(caller(&format!("the environment with {scope} alone"), token, Place::Environment, scopes));
        }
        World { desk, callers, own, sibling, stranger, elsewhere }
    }

    /// What stands for a name but is not the caller's.
    pub fn foreign(&self, name: &str, caller: &Caller) -> Vec<Ids> {
        let all_of = |ids: &Ids| ids.clone();
        let only = |ids: &Ids| Ids::from([(name.to_owned(), ids[name].clone())]);
        let mut foreign = match name {
            // Everything below it is theirs, too.
            "app_id" => vec![all_of(&self.stranger)],
            // Whatever it is called, it is below the endpoint.
            "consumer_id" => return Vec::new(),
            // Counted anew in each catcher.
            "number" => return Vec::new(),
            // The same for everybody.
            "hook_name" => return Vec::new(),
            // An operator keeps the keys of all environments.
            "key_id" if caller.place == Place::Operator => return Vec::new(),
            _ => vec![only(&self.stranger)],
        };
        match (name, caller.place) {
            ("app_id", Place::Account) => foreign.push(all_of(&self.sibling)),
            // Types are common to the environment, tasks are seen by whoever sees the account.
            ("event_type_name" | "hook_type_name" | "operational_id" | "key_id" | "app_id", _) => {}
            ("task_id", place) if place != Place::Account => {}
            _ => foreign.push(only(&self.sibling)),
        }
        if caller.place == Place::Elsewhere {
            foreign = vec![only(&self.own)];
        }
        foreign
    }

    /// Well-formed, and nobody's.
    pub fn missing(&self, name: &str) -> String {
        match name {
            "event_type_name" | "hook_type_name" | "consumer_id" | "hook_name" => "nothing".to_owned(),
            // Of the same kind, with other digits.
            name => {
                let id = &self.own[name];
                let at = id.len() - 8;
                format!("{}00000000", &id[..at])
            }
        }
    }

    /// What others have, as they see it.
    pub async fn of_others(&self) -> Vec<String> {
        let mut seen = Vec::new();
        let (here, there) = (self.desk.key.clone(), self.elsewhere.clone());
        for (ids, token) in [(&self.sibling, here), (&self.stranger, there)] {
            let app = &ids["app_id"];
            let bearer = format!("Bearer {token}");
            for path in [
                format!("/app/{app}"),
                format!("/app/{app}/settings"),
                format!("/app/{app}/endpoint"),
                format!("/app/{app}/endpoint/{}/secret", ids["endpoint_id"]),
                format!("/app/{app}/endpoint/{}/headers", ids["endpoint_id"]),
                format!("/app/{app}/msg"),
                format!("/app/{app}/attempt/msg/{}", ids["msg_id"]),
            ] {
                let reply = self.desk.send("GET", &path, &[("authorization", &bearer)], Body::empty()).await;
                seen.push(format!("{path} {} {}", reply.status, reply.text));
            }
        }
        seen
    }
}

fn caller(name: &str, token: String, place: Place, scopes: Scopes) -> Caller {
    Caller { name: name.to_owned(), token: Some(token), place, scopes }
}

async fn key(desk: &Desk, place: KeyPlace, scopes: Option<Scopes>) -> String {
    let operator = desk.app.authenticate(OPERATOR, None).expect("the operator");
    let request = KeyRequest { name: "matrix".to_owned(), place, scopes, expires_at: None };
    let made = desk.app.create_key(&operator, request).await.expect("a key");
    made.token.expose_secret().to_owned()
}

/// An account with one of everything, all of it named after its owner.
async fn things(desk: &Desk, owner: &str) -> Ids {
    let app = desk.account(owner).await;
    let endpoint = desk.endpoint(&app, &format!("{owner}-endpoint"), "").await;
    let event_type = if owner == SIBLING { "own-type".to_owned() } else { format!("{owner}-type") };
    if owner != SIBLING {
        let schemas = r#"{"1":{"type":"object"}}"#;
        let body = format!(r#"{{"name":"{event_type}","description":"{owner}","schemas":{schemas}}}"#);
        desk.post("/event-type", body).await.made();
    }
    let hook_type = if owner == SIBLING { "own-hook".to_owned() } else { format!("{owner}-hook") };
    if owner != SIBLING {
        desk.call("PUT", &format!("/hook-type/{hook_type}"), super::row::HOOK_TYPE).await.is(201);
    }
    let event = desk.publish(&app, &event_type, &format!(r#"{{"of":"{owner}"}}"#)).await;
    let operational = format!(r#"{{"url":"https://example.com/{owner}","uid":"{owner}-operational"}}"#);
    let operational = desk.post("/operational-webhook/endpoint", operational).await.made().id();
    let catcher = desk.post(&format!("/app/{app}/catcher"), format!(r#"{{"name":"{owner}-catcher"}}"#)).await.made();
    let url = catcher.at("/url");
    caught(desk, url.as_str().and_then(|url| url.rsplit('/').next()).expect("a write token"), owner).await;
    let hook = format!("/app/{app}/hook/fetchMemberPoint/settings");
    desk.call("PUT", &hook, r#"{"url":"https://example.com/hook"}"#).await.is(200);
    let key = desk.post("/key", format!(r#"{{"name":"{owner}-key"}}"#)).await.made().id();
    Ids::from([
        ("operational_id".to_owned(), operational),
        ("key_id".to_owned(), key),
        ("consumer_id".to_owned(), "till".to_owned()),
        ("catcher_id".to_owned(), catcher.id()),
        ("number".to_owned(), "1".to_owned()),
        ("hook_name".to_owned(), "fetchMemberPoint".to_owned()),
        ("app_id".to_owned(), app),
        ("endpoint_id".to_owned(), endpoint),
        ("event_type_name".to_owned(), event_type),
        ("hook_type_name".to_owned(), hook_type),
        ("msg_id".to_owned(), event),
    ])
}

/// A catcher's first request.
async fn caught(desk: &Desk, token: &str, owner: &str) {
    let incoming = Incoming {
        method: "POST".to_owned(),
        target: format!("/c/{token}"),
        version: "HTTP/1.1".to_owned(),
        head: Bytes::from(format!("x-of: {owner}\r\n")),
        body: Bytes::from_static(b"{}"),
        body_bytes: 2,
        peer: None,
    };
    let caught = desk.app.catch(token, incoming).await.expect("a catcher");
    desk.app.caught(&caught, std::time::Duration::ZERO, false);
}

/// What came of an account's event: an attempt, and a task.
async fn consequences(desk: &Desk, ids: &Ids) -> Ids {
    let app = &ids["app_id"];
    let attempt = desk.get(&format!("/app/{app}/attempt/msg/{}", ids["msg_id"])).await.is(200).at("/data/0/id");
    let path = format!("/app/{app}/endpoint/{}/recover", ids["endpoint_id"]);
    let task = desk.post(&path, r#"{"since":"2026-11-23T08:00:00Z"}"#).await.is(202).id();
    Ids::from([("attempt_id".to_owned(), attempt.as_str().expect("a text").to_owned()), ("task_id".to_owned(), task)])
        .over(ids)
}
