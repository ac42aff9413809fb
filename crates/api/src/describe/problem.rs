//! The problems that any request can meet.

use serde_json::{Map, Value, json};

/// Name in the document, status, what it means, its shape, and headers that come with it.
struct Kind {
    name: &'static str,
    status: u16,
    what: &'static str,
    shape: &'static str,
    headers: &'static [(&'static str, &'static str)],
}

const ERROR: &str = "HttpErrorOut";
const MISFIT: &str = "HTTPValidationError";
const AGAIN: &[(&str, &str)] = &[("Retry-After", "Seconds after which to ask again.")];

const fn kind(name: &'static str, status: u16, what: &'static str) -> Kind {
    Kind { name, status, what, shape: ERROR, headers: &[] }
}

const KINDS: [Kind; 12] = [
    kind("Malformed", 400, "The body is not JSON; its position is given."),
    Kind {
        headers: &[("WWW-Authenticate", "`Bearer`")],
        ..kind("Unauthenticated", 401, "No key, or one that is unknown, expired or revoked.")
    },
    kind("Forbidden", 403, "The key may not do this."),
    kind("NotFound", 404, "Not there, by the name that was asked for; also what belongs to somebody else."),
    kind("TooSlow", 408, "The body took too long to arrive."),
    kind("Conflict", 409, "A name or an idempotency key is taken, or the state does not allow it."),
    kind("TooLarge", 413, "The body is larger than what is taken here, which is said."),
    Kind {
        shape: MISFIT,
        ..kind("Misfit", 422, "Readable, but it makes no sense: each part with its place and reason.")
    },
    Kind { headers: AGAIN, ..kind("TooMany", 429, "More requests than this key may make.") },
    kind("Defect", 500, "A mistake of ours; the log knows more."),
    kind("NotImplemented", 501, "Not here; the detail says what to use instead."),
    Kind { headers: AGAIN, ..kind("Unavailable", 503, "Cannot be done now, and was not done.") },
];

/// The response of a status, as an operation refers to it.
pub fn response(status: u16) -> Value {
    let kind = KINDS.iter().find(|kind| kind.status == status);
    let name = kind.map_or("Defect", |kind| kind.name);
    json!({ "$ref": format!("#/components/responses/{name}") })
}

pub fn responses() -> Map<String, Value> {
    KINDS.iter().map(|kind| (kind.name.to_owned(), kind.response())).collect()
}

impl Kind {
    fn response(&self) -> Value {
        let schema = json!({ "$ref": format!("#/components/schemas/{}", self.shape) });
        let mut response = json!({ "description": self.what, "content": { "application/json": { "schema": schema } } });
        if !self.headers.is_empty() {
            let header = |(name, what): &(&str, &str)| {
                ((*name).to_owned(), json!({ "description": what, "schema": { "type": "string" } }))
            };
            response["headers"] = Value::Object(self.headers.iter().map(header).collect());
        }
        response
    }
}

pub fn schemas() -> Map<String, Value> {
    let error = json!({
        "type": "object",
        "description": "A refusal.",
        "required": ["code", "detail"],
        "properties": {
            "code": { "type": "string", "description": "For programs.", "example": "not_found" },
            "detail": { "type": "string", "description": "For people: what, why, and what to do." },
        },
    });
    let item = json!({
        "type": "object",
        "required": ["loc", "msg", "type"],
        "properties": {
            "loc": {
                "type": "array",
                "items": { "type": "string" },
                "description": "From the outside in: `body`, `channels`, `0`.",
            },
            "msg": { "type": "string" },
            "type": { "type": "string", "description": "The rule that is broken." },
        },
    });
    let misfit = json!({
        "type": "object",
        "description": "What makes no sense in a request.",
        "required": ["detail"],
        "properties": {
            "detail": { "type": "array", "items": { "$ref": "#/components/schemas/ValidationError" } },
        },
    });
    let all = [(ERROR, error), ("ValidationError", item), (MISFIT, misfit)];
    all.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect()
}
