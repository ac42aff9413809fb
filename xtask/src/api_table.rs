//! `cargo xtask api-table`: what of Svix's API works here, operation by operation, in `docs/api-compatibility.md`.
//!
//! Decided by the program's own OpenAPI document, which is made from its routes: an operation that is in it works,
//! one that is not is answered 501.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::{child, workspace};

const OPERATIONS: &str = "assets/svix/operations.txt";
const TABLE: &str = "docs/api-compatibility.md";

/// Writes the table.
pub fn write() -> Result<()> {
    let path = workspace::root().join(TABLE);
    fs::write(&path, fresh()?).with_context(|| path.display().to_string())
}

/// An error unless the table that is committed is the one that would be written.
pub fn check() -> Result<()> {
    let path = workspace::root().join(TABLE);
    let committed = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    ensure!(committed == fresh()?, "{TABLE} is stale: cargo xtask api-table");
    Ok(())
}

fn fresh() -> Result<String> {
    let output = child::cargo(&["run", "--quiet", "--release", "-p", "ringup", "--", "openapi"]).output()?;
    ensure!(output.status.success(), "ringup openapi: {}", String::from_utf8_lossy(&output.stderr));
    let document = serde_json::from_slice(&output.stdout).context("ringup openapi")?;
    let theirs = fs::read_to_string(workspace::root().join(OPERATIONS)).context(OPERATIONS)?;
    Ok(table(&theirs, &document))
}

/// An operation of theirs, and what becomes of it here.
struct Row<'a> {
    method: &'a str,
    path: &'a str,
    name: &'a str,
    here: Here,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Here {
    Works,
    Extended,
    Refused,
}

impl Here {
    fn word(self) -> &'static str {
        match self {
            Here::Works => "works",
            Here::Extended => "extended",
            Here::Refused => "501",
        }
    }
}

fn table(theirs: &str, document: &Value) -> String {
    let ours = ours(document);
    let rows: Vec<Row<'_>> = theirs.lines().filter_map(|line| row(line, &ours)).collect();
    let count = |here| rows.iter().filter(|row| row.here == here).count();
    let mut text = format!(
        "# Svix's API here\n\n\
        Made by `cargo xtask api-table` from the program's own OpenAPI document and the list of operations from which\n\
        Svix's SDKs are generated ([assets/svix/operations.txt](../assets/svix/operations.txt)); not written by hand.\n\n\
        Of {} operations {} work, {} work and do more, {} are answered 501 `not_implemented`, whose detail says what to\n\
        use instead.\n",
        rows.len(),
        count(Here::Works),
        count(Here::Extended),
        count(Here::Refused),
    );
    let mut groups: BTreeMap<(bool, &str), Vec<&Row<'_>>> = BTreeMap::new();
    for row in &rows {
        groups.entry((is_whole_refusal(&rows, row.group()), row.group())).or_default().push(row);
    }
    for ((_, group), rows) in &groups {
        let _ = writeln!(text, "\n## {group}\n\n| operation | | here |\n|---|---|---|");
        for row in rows {
            let method = row.method.to_uppercase();
            let _ = writeln!(text, "| `{}` | {method} `{}` | {} |", row.name, row.path, row.here.word());
        }
    }
    text.push_str("\n## Ours besides\n\n| operation | | |\n|---|---|---|\n");
    for ((method, path), operation) in members(document) {
        let name = operation["operationId"].as_str().unwrap_or_default();
        if name.starts_with("ringup.") {
            let summary = operation["summary"].as_str().unwrap_or_default();
            let _ = writeln!(text, "| `{name}` | {} `{path}` | {summary} |", method.to_uppercase());
        }
    }
    text
}

/// Groups of which nothing is here come last.
fn is_whole_refusal(rows: &[Row<'_>], group: &str) -> bool {
    rows.iter().filter(|row| row.group() == group).all(|row| row.here == Here::Refused)
}

impl Row<'_> {
    /// `endpoint` of `v1.endpoint.get-secret`.
    fn group(&self) -> &str {
        self.name.split('.').nth(1).unwrap_or(self.name)
    }
}

fn row<'a>(line: &'a str, ours: &BTreeMap<(String, String), Here>) -> Option<Row<'a>> {
    let mut words = line.split(' ').take_while(|_| !line.starts_with('#'));
    let (method, path, name) = (words.next()?, words.next()?, words.next()?);
    let here = ours.get(&(method.to_owned(), shape(path))).copied().unwrap_or(Here::Refused);
    Some(Row { method, path, name, here })
}

/// What the document has, by method and shape of the path.
fn ours(document: &Value) -> BTreeMap<(String, String), Here> {
    let here = |operation: &Value| if operation["x-ringup"] == "extended" { Here::Extended } else { Here::Works };
    members(document).map(|((method, path), operation)| ((method.to_owned(), shape(path)), here(operation))).collect()
}

fn members(document: &Value) -> impl Iterator<Item = ((&str, &str), &Value)> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths.flat_map(|(path, item)| {
        let operations = item.as_object().into_iter().flatten();
        operations.map(move |(method, operation)| ((method.as_str(), path.as_str()), operation))
    })
}

/// A path without the names of its names: `/app/{}/msg`.
fn shape(path: &str) -> String {
    let parts = path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_document_has_works() {
        let theirs = "# list\nget /app/{app_id} v1.application.get\npost /app v1.application.create\nget /x v1.x.get\n";
        let document = json!({ "paths": {
            "/app/{a}": { "get": { "operationId": "v1.application.get", "x-ringup": "extended" } },
            "/app": {
                "post": { "operationId": "v1.application.create" },
                "get": { "operationId": "ringup.things", "summary": "List things" },
            },
        } });
        let table = table(theirs, &document);
        for line in [
            "Of 3 operations 1 work, 1 work and do more, 1 are answered 501",
            "| `v1.application.get` | GET `/app/{app_id}` | extended |",
            "| `v1.application.create` | POST `/app` | works |",
            "| `v1.x.get` | GET `/x` | 501 |",
            "| `ringup.things` | GET `/app` | List things |",
        ] {
            assert!(table.contains(line), "{line:?} is not in {table}");
        }
        assert!(table.find("## application") < table.find("## x"), "what is wholly missing comes last");
    }
}
