//! An OpenAPI document, as far as its reader wants to know.

use ringup_app::example_of;
use serde_json::Value;

use super::shape::{Field, fields, kind, resolved};
use crate::json_view;
use crate::markup::{Markup, prose};

/// Methods of HTTP in the order in which a path's operations are listed.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// A whole document, with its operations in the order of its tags.
pub struct Document {
    pub version: String,
    pub about: String,
    pub groups: Vec<Group>,
    whole: Value,
}

/// What one tag holds.
pub struct Group {
    pub name: String,
    /// Its name as the place of a page.
    pub anchor: String,
    pub about: String,
    pub entries: Vec<Entry>,
}

/// One operation in the list.
pub struct Entry {
    pub id: String,
    pub method: String,
    /// The method in small letters, as the class of its mark.
    pub class: &'static str,
    pub path: String,
    pub summary: String,
    /// Ours: no operation of Svix.
    pub is_ours: bool,
    /// Svix's, and does more here.
    pub is_extended: bool,
    pub is_deprecated: bool,
    /// We call the reader; the path is the event type.
    pub is_event: bool,
    /// Where it stands in the document.
    pointer: String,
}

/// One operation on its own page.
pub struct Operation {
    pub about: Markup,
    /// What a key must have; `None` for an event.
    pub needs: Option<Needs>,
    /// The operation to use instead.
    pub instead: Option<String>,
    pub parameters: Vec<Parameter>,
    pub body: Option<Content>,
    pub is_body_required: bool,
    pub answers: Vec<Reply>,
    /// The call as a command; `None` for an event.
    pub curl: Option<String>,
}

/// What a key must have.
pub struct Needs {
    /// `None`: any key, or none, which the words say.
    pub scope: Option<String>,
    /// The key of the words for where it must reach.
    pub place: &'static str,
}

pub struct Parameter {
    pub name: String,
    /// `path`, `query` or `header`.
    pub place: String,
    pub kind: String,
    pub is_required: bool,
    pub about: Markup,
}

/// A body, by its fields and by an example.
pub struct Content {
    pub media: String,
    pub fields: Vec<Field>,
    pub example: Option<Markup>,
}

pub struct Reply {
    pub status: String,
    /// The place of its example.
    pub place: String,
    pub about: Markup,
    pub content: Option<Content>,
}

impl Group {
    fn new(name: &str, first: Entry) -> Group {
        let anchor = name.to_lowercase().replace(|character: char| !character.is_ascii_alphanumeric(), "-");
        Group { name: name.to_owned(), anchor, about: String::new(), entries: vec![first] }
    }
}

impl Entry {
    fn of(tag: &str, method: &'static str, path: &str, pointer: String, operation: &Value) -> Option<Entry> {
        if operation["tags"].get(0).and_then(Value::as_str) != Some(tag) {
            return None;
        }
        let id = text(&operation["operationId"]);
        Some(Entry {
            is_ours: id.starts_with("ringup."),
            is_extended: operation["x-ringup"] == "extended",
            is_deprecated: operation["deprecated"] == true,
            is_event: pointer.starts_with("/webhooks/"),
            method: method.to_uppercase(),
            class: method,
            path: path.to_owned(),
            summary: text(&operation["summary"]),
            pointer,
            id,
        })
    }

    /// Whether a word in small letters is in its names.
    pub fn speaks_of(&self, word: &str) -> bool {
        [&self.id, &self.method, &self.path, &self.summary].iter().any(|text| text.to_lowercase().contains(word))
    }
}

impl Needs {
    fn of(operation: &Value) -> Needs {
        let key = operation["security"].get(0).and_then(|one| one.get("key"));
        let place = match operation["x-ringup-place"].as_str() {
            _ if key.is_none() => "reference-needs-nothing",
            Some("account") => "reference-needs-account",
            Some("reached") => "reference-needs-reached",
            Some("environment") => "reference-needs-environment",
            Some("operator") => "reference-needs-operator",
            _ => "reference-needs-key",
        };
        Needs { scope: key.and_then(|scopes| scopes.get(0)?.as_str()).map(str::to_owned), place }
    }
}

impl Document {
    pub fn new(whole: &Value) -> Document {
        let mut groups: Vec<Group> = Vec::new();
        for (section, path, method, operation) in operations(whole) {
            for tag in operation["tags"].as_array().into_iter().flatten().filter_map(Value::as_str).take(1) {
                let pointer = format!("/{section}/{}/{method}", path.replace('~', "~0").replace('/', "~1"));
                let Some(entry) = Entry::of(tag, method, path, pointer, operation) else { continue };
                match groups.iter_mut().find(|group| group.name == tag) {
                    Some(group) => group.entries.push(entry),
                    None => groups.push(Group::new(tag, entry)),
                }
            }
        }
        let tags: Vec<&Value> = whole["tags"].as_array().into_iter().flatten().collect();
        for group in &mut groups {
            let tag = tags.iter().find(|tag| tag["name"] == *group.name);
            group.about = tag.map(|tag| text(&tag["description"])).unwrap_or_default();
        }
        // As the document orders its tags; event families have none and stay last.
        groups.sort_by_key(|group| tags.iter().position(|tag| tag["name"] == *group.name).unwrap_or(usize::MAX));
        let (version, about) = (text(&whole["info"]["version"]), text(&whole["info"]["description"]));
        Document { version, about, groups, whole: whole.clone() }
    }

    /// An operation by its id, with the name of its group.
    pub fn find(&self, id: &str) -> Option<(&str, &Entry)> {
        let entries = self.groups.iter().flat_map(|group| group.entries.iter().map(|entry| (&*group.name, entry)));
        entries.into_iter().find(|(_, entry)| entry.id == id)
    }

    pub fn operation(&self, entry: &Entry) -> Operation {
        let operation = self.whole.pointer(&entry.pointer).unwrap_or(&Value::Null);
        let body = self.at(&operation["requestBody"]);
        let answers = operation["responses"].as_object().into_iter().flatten();
        let content = self.content(body);
        Operation {
            about: prose(&text(&operation["description"])),
            needs: (!entry.is_event).then(|| Needs::of(operation)),
            instead: operation["x-ringup-instead"].as_str().map(str::to_owned),
            parameters: operation["parameters"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|one| self.parameter(one))
                .collect(),
            is_body_required: body["required"] == true,
            curl: (!entry.is_event).then(|| self.curl(entry, body)),
            body: content,
            answers: answers.map(|(status, answer)| self.reply(status, self.at(answer))).collect(),
        }
    }

    fn parameter(&self, parameter: &Value) -> Parameter {
        let parameter = self.at(parameter);
        Parameter {
            name: text(&parameter["name"]),
            place: text(&parameter["in"]),
            kind: kind(&self.whole, &parameter["schema"]),
            is_required: parameter["required"] == true,
            about: prose(&text(&parameter["description"])),
        }
    }

    fn reply(&self, status: &str, answer: &Value) -> Reply {
        let about = prose(&text(&answer["description"]));
        Reply {
            status: status.to_owned(),
            place: format!("answer-{}", status.to_lowercase()),
            about,
            content: self.content(answer),
        }
    }

    fn content(&self, holder: &Value) -> Option<Content> {
        let (media, content) = holder["content"].as_object()?.iter().next()?;
        let example = self.example(content);
        let example = example.map(|example| json_view::view(pretty(&example).as_bytes()));
        Some(Content { media: media.clone(), fields: fields(&self.whole, &content["schema"]), example })
    }

    fn example(&self, content: &Value) -> Option<Value> {
        let given = content.get("example").cloned();
        given.or_else(|| content.get("schema").map(|schema| example_of(&self.whole, schema)))
    }

    /// The call as a command for a shell, with placeholders as the path has them.
    fn curl(&self, entry: &Entry, body: &Value) -> String {
        let mut command = String::from("curl");
        if entry.method != "GET" {
            command.push_str(&format!(" -X {}", entry.method));
        }
        command.push_str(&format!(" \"$RINGUP_URL{}\" \\\n  -H \"Authorization: Bearer $RINGUP_KEY\"", entry.path));
        let json = &body["content"]["application/json"];
        if let Some(mut example) = self.example(json).filter(|_| json.is_object()) {
            let required = &self.at(&json["schema"])["required"];
            if let (Some(fields), Some(required)) = (example.as_object_mut(), required.as_array()) {
                fields.retain(|name, _| required.iter().any(|needed| needed == name));
            }
            // Within single quotes a shell takes everything as it is but the quote itself.
            let text = pretty(&example).replace('\'', r"'\''");
            command.push_str(&format!(" \\\n  -H 'Content-Type: application/json' \\\n  -d '{text}'"));
        }
        command
    }

    fn at<'a>(&'a self, value: &'a Value) -> &'a Value {
        resolved(&self.whole, value)
    }
}

/// Section, path, method and the operation itself.
fn operations(whole: &Value) -> impl Iterator<Item = (&'static str, &str, &'static str, &Value)> {
    let paths = ["paths", "webhooks"].into_iter().flat_map(|section| {
        whole[section].as_object().into_iter().flatten().map(move |(path, operations)| (section, path, operations))
    });
    paths.flat_map(|(section, path, operations)| {
        let found = METHODS.iter().filter_map(|method| Some((*method, operations.get(*method)?)));
        found.map(move |(method, operation)| (section, path.as_str(), method, operation))
    })
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
