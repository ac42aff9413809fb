//! The OpenAPI document: made from the routes and the shapes of the wire, so that it says what the code does.
//!
//! A handler says what is its own: path, query, body, answers. What all operations share is added here once: who may
//! ask, the names in the path, and the problems that any request can meet.

mod need;
mod problem;
mod schema;
mod shared;
mod webhook;

use serde_json::{Map, Value, json};

use crate::PREFIX;
use crate::route;

pub use schema::{flag, moment, one_of, query, text, texts, whole};
pub use shared::INSTEAD;

/// The document as it is served: OpenAPI 3.1.
pub fn document() -> Value {
    let mut paths = Map::new();
    let mut schemas: Map<String, Value> = problem::schemas();
    for (described, item, _) in route::all() {
        schemas.extend(described.iter().map(|(name, schema)| (name.clone(), value(schema))));
        for (path, mut item) in object(value(&item)) {
            for (method, operation) in item.as_object_mut().into_iter().flatten() {
                shared::complete(&path, method, operation);
            }
            paths.insert(format!("{PREFIX}{path}"), item);
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": shared::info(),
        "servers": [{ "url": "/" }],
        "tags": shared::tags(),
        "paths": paths,
        "webhooks": webhook::webhooks(),
        "components": {
            "schemas": schemas,
            "responses": problem::responses(),
            "securitySchemes": shared::security_schemes(),
        },
    })
}

fn value(part: &impl serde::Serialize) -> Value {
    serde_json::to_value(part).expect("descriptions are made of texts, lists and maps by text")
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The second of one name would take the place of the first.
    #[test]
    fn no_two_shapes_share_a_name() {
        let mut known: Map<String, Value> = problem::schemas();
        for (described, _, _) in route::all() {
            for (name, schema) in &described {
                let schema = value(schema);
                if let Some(other) = known.insert(name.clone(), schema.clone()) {
                    assert_eq!(other, schema, "two shapes are called {name}");
                }
            }
        }
    }
}
