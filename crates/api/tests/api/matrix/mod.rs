//! Every operation of the OpenAPI document, asked by every kind of caller, for what is theirs, somebody else's, missing
//! and malformed. An operation without a row in [`row::ROWS`] fails.

mod row;
mod world;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use self::row::{BARE, Needs, ROWS, Row};
use self::world::{Caller, Ids, Place, World};
use crate::desk::Reply;

/// An operation of the document, with its row.
#[derive(Clone, Copy)]
struct Operation<'a> {
    method: &'a str,
    /// Below `/api/v1`.
    path: &'a str,
    row: &'a Row,
}

impl Operation<'_> {
    /// The names in the path, as the world knows them.
    fn names(&self) -> Vec<&str> {
        self.path.split('/').filter_map(|part| self.name(part)).collect()
    }

    fn name<'p>(&self, part: &'p str) -> Option<&'p str> {
        match part.strip_prefix('{')?.strip_suffix('}')? {
            "endpoint_id" if self.path.starts_with("/operational-webhook") => Some("operational_id"),
            "sink_id" => Some("endpoint_id"),
            name => Some(name),
        }
    }

    /// The path with these ids.
    fn path(&self, ids: &Ids) -> String {
        let part = |part| match self.name(part) {
            Some(name) => ids[name].clone(),
            None => part.to_owned(),
        };
        self.path.split('/').map(part).collect::<Vec<_>>().join("/")
    }

    async fn ask(&self, world: &World, caller: &Caller, ids: &Ids) -> Reply {
        let bearer = caller.token.as_ref().map(|token| format!("Bearer {token}"));
        let headers: Vec<_> = bearer.iter().map(|bearer| ("authorization", bearer.as_str())).collect();
        world.desk.send(&self.method.to_uppercase(), &self.path(ids), &headers, self.row.2).await
    }

    /// Removes what a replacement made.
    async fn undo(&self, world: &World, caller: &Caller, ids: &Ids) {
        let bearer = format!("Bearer {}", caller.token.as_deref().expect("who made something has one"));
        let path = format!("{}?expunge=true", self.path(ids));
        world.desk.send("DELETE", &path, &[("authorization", &bearer)], "").await.is(204);
    }
}

/// What a caller gets who asks for what the operation is for.
#[derive(PartialEq, Eq, Debug)]
enum Verdict {
    Unknown,
    Forbidden,
    /// As if it were not there.
    Hidden,
    Done,
}

fn verdict(needs: Needs, caller: &Caller, is_named: bool) -> Verdict {
    let (scope, in_whole) = match needs {
        Needs::Nothing => return Verdict::Done,
        Needs::Key if caller.place == Place::Nobody => return Verdict::Unknown,
        Needs::Key => return Verdict::Done,
        Needs::Account(scope) => (scope, false),
        Needs::Reads => (ringup_core::scope::Scope::Read, false),
        Needs::Environment(scope) => (scope, true),
        Needs::Operator(scope) => match caller.place {
            Place::Nobody => return Verdict::Unknown,
            Place::Operator => (scope, true),
            _ => return Verdict::Forbidden,
        },
    };
    match caller.place {
        Place::Nobody => Verdict::Unknown,
        _ if !caller.scopes.has(scope) => Verdict::Forbidden,
        Place::Account if in_whole => Verdict::Forbidden,
        Place::Elsewhere if is_named => Verdict::Hidden,
        _ => Verdict::Done,
    }
}

async fn of_document(check: impl AsyncFn(Operation<'_>)) {
    let document = ringup_api::document();
    let mut asked = BTreeSet::new();
    let paths = document["paths"].as_object().expect("paths");
    for (path, item) in paths {
        for (method, operation) in item.as_object().expect("operations") {
            let id = operation["operationId"].as_str().expect("an id");
            let row = ROWS.iter().find(|row| row.0 == id);
            let row = row.unwrap_or_else(|| panic!("{id} has no row in matrix/row.rs: who may do it?"));
            let path = path.strip_prefix("/api/v1").expect("every path begins with it");
            check(Operation { method, path, row }).await;
            asked.insert(id);
        }
    }
    let stale: Vec<_> = ROWS.iter().map(|row| row.0).filter(|id| !asked.contains(id)).collect();
    assert!(stale.is_empty(), "not in the document: {stale:?}");
}

/// What the document says of it: the scope's word, and where the key must reach.
fn said(needs: Needs) -> Value {
    let (scope, place) = match needs {
        Needs::Nothing => return json!([[{}], null]),
        Needs::Key => return json!([[{ "key": [] }], null]),
        Needs::Account(scope) => (scope, "account"),
        Needs::Reads => (ringup_core::scope::Scope::Read, "reached"),
        Needs::Environment(scope) => (scope, "environment"),
        Needs::Operator(scope) => (scope, "operator"),
    };
    json!([[{ "key": [scope.word()] }], place])
}

#[tokio::test]
async fn the_document_says_who_may() {
    let document = ringup_api::document();
    of_document(async |operation| {
        let path = format!("/api/v1{}", operation.path);
        let found = &document["paths"][path][operation.method];
        let told = json!([found["security"], found["x-ringup-place"]]);
        assert_eq!(told, said(operation.row.1), "{}: see describe/need.rs", operation.row.0);
    })
    .await;
}

#[track_caller]
fn is_refused(reply: &Reply, status: u16, what: &str) {
    assert_eq!(reply.status, status, "{what}: {}", reply.text);
    assert!(reply.at("/code").is_string() && reply.at("/detail").is_string(), "{what}: {}", reply.text);
}

#[tokio::test]
async fn who_lacks_a_key_a_scope_or_a_place_is_refused() {
    let world = World::open().await;
    of_document(async |operation| {
        for caller in &world.callers {
            let what = format!("{} by {}", operation.row.0, caller.name);
            match verdict(operation.row.1, caller, !operation.names().is_empty()) {
                Verdict::Unknown => is_refused(&operation.ask(&world, caller, &world.own).await, 401, &what),
                Verdict::Forbidden => is_refused(&operation.ask(&world, caller, &world.own).await, 403, &what),
                Verdict::Hidden | Verdict::Done => {}
            }
        }
    })
    .await;
}

#[tokio::test]
async fn who_has_all_of_it_is_served_and_sees_nobody_elses() {
    let shared = World::open().await;
    of_document(async |operation| {
        for (index, caller) in shared.callers.iter().enumerate() {
            if verdict(operation.row.1, caller, !operation.names().is_empty()) != Verdict::Done {
                continue;
            }
            // What is asked for may change everything, so each asks in a world of its own.
            let fresh = if operation.method == "get" { None } else { Some(World::open().await) };
            let world = fresh.as_ref().unwrap_or(&shared);
            let caller = &world.callers[index];
            let what = format!("{} by {}", operation.row.0, caller.name);
            let reply = operation.ask(world, caller, &world.own).await;
            // A task may have ended before it is cancelled; without OAuth 2.0 there is no token to try.
            let is_done = (200..300).contains(&reply.status) || reply.status == 409;
            let is_bare = BARE.contains(&(operation.row.0, reply.status));
            assert!(is_done || is_bare, "{what}: {} {}", reply.status, reply.text);
            for hidden in caller.hidden() {
                // An operator keeps the keys of all environments and the log of who changed what there, and sees to all of them.
                let is_of_all = ["ringup.key.", "ringup.audit."].iter().any(|kind| operation.row.0.starts_with(kind))
                    || matches!(operation.row.1, Needs::Operator(_));
                let of_all = caller.place == Place::Operator && is_of_all;
                let is_shown = operation.row.1 == Needs::Nothing || of_all;
                assert!(is_shown || !reply.text.contains(hidden), "{what} shows {hidden}: {}", reply.text);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_somebody_elses_is_answered_as_if_it_were_not_there() {
    let world = World::open().await;
    let before = world.of_others().await;
    of_document(async |operation| {
        for caller in &world.callers {
            if operation.row.1 == Needs::Nothing {
                continue;
            }
            for name in operation.names() {
                for foreign in world.foreign(name, caller) {
                    let ids = foreign.over(&world.own);
                    let missing = Ids::from([(name.to_owned(), world.missing(name))]);
                    let missing = missing.over(&ids);
                    let what = format!("{} {} by {}", operation.row.0, operation.path(&ids), caller.name);
                    let (theirs, nobodys) =
                        (operation.ask(&world, caller, &ids).await, operation.ask(&world, caller, &missing).await);
                    assert_eq!(theirs.status, nobodys.status, "{what}: {} / {}", theirs.text, nobodys.text);
                    // Only a replacement makes what is not there.
                    let makes = operation.method == "put" && theirs.status < 300 && caller.place != Place::Nobody;
                    assert!(makes || matches!(theirs.status, 401 | 403 | 404), "{what}: {}", theirs.text);
                    if makes {
                        // What stands below it is not there for what comes next.
                        for ids in [&ids, &missing] {
                            operation.undo(&world, caller, ids).await;
                        }
                    }
                }
            }
        }
    })
    .await;
    assert_eq!(world.of_others().await, before, "somebody else's things were changed");
}

#[tokio::test]
async fn what_is_no_name_is_refused() {
    let world = World::open().await;
    of_document(async |operation| {
        for caller in &world.callers {
            for name in operation.names() {
                let odd = Ids::from([(name.to_owned(), "no%20name%C3%A9".to_owned())]);
                let reply = operation.ask(&world, caller, &odd.over(&world.own)).await;
                let what = format!("{} with an odd {name} by {}", operation.row.0, caller.name);
                assert!(matches!(reply.status, 401 | 403 | 404 | 422), "{what}: {} {}", reply.status, reply.text);
                let code: Value = reply.json();
                assert!(code["detail"].is_string() || code["detail"].is_array(), "{what}: {}", reply.text);
            }
        }
    })
    .await;
}
