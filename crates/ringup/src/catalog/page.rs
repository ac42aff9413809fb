//! A catalogue as one HTML file for those who write receivers: no script, nothing loaded from anywhere.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use super::read::{Catalog, Kind};

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1d1b18;\
background:#faf9f7;color-scheme:light dark}code,pre{font-family:ui-monospace,monospace;font-size:.9em;overflow-wrap:anywhere}\
pre{overflow:auto;padding:.75rem;border:1px solid #8884;border-radius:6px}table{border-collapse:collapse;width:100%}\
th,td{text-align:start;vertical-align:top;padding:.3rem .6rem .3rem 0;border-top:1px solid #8884}section{margin-block:3rem}\
.quiet{opacity:.75}@media(prefers-color-scheme:dark){body{color:#edebe7;background:#111213}a{color:#a9b1ff}}";

/// Levels of a payload that are listed.
const LEVELS_MAX: usize = 8;

pub fn html(catalog: &Catalog) -> String {
    let mut families: BTreeMap<&str, Vec<(&str, &Kind)>> = BTreeMap::new();
    for (name, kind) in catalog.0.iter().filter(|(_, kind)| !kind.archived) {
        families.entry(kind.family.as_str()).or_default().push((name, kind));
    }
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\"><title>Events</title><style>{STYLE}</style></head><body>\n\
         <h1>Events</h1>\n<p>Each is sent as a POST with a JSON body, signed as Standard Webhooks says \
         (<code>webhook-id</code>, <code>webhook-timestamp</code>, <code>webhook-signature</code>), at least once: one that \
         comes again has the same <code>webhook-id</code>. Answer 2xx to take it.</p>\n<nav><ul>\n"
    );
    for (family, kinds) in &families {
        let links: Vec<String> =
            kinds.iter().map(|(name, _)| format!("<a href=\"#{0}\">{0}</a>", escaped(name))).collect();
        put(&mut page, format_args!("<li>{}: {}</li>\n", escaped(title(family)), links.join(", ")));
    }
    page.push_str("</ul></nav>\n");
    for (family, kinds) in &families {
        put(&mut page, format_args!("<section><h2>{}</h2>\n", escaped(title(family))));
        for (name, kind) in kinds {
            event(&mut page, name, kind);
        }
        page.push_str("</section>\n");
    }
    page.push_str("</body></html>\n");
    page
}

fn title(family: &str) -> &str {
    if family.is_empty() { "Others" } else { family }
}

fn event(page: &mut String, name: &str, kind: &Kind) {
    let deprecated = if kind.deprecated { " <small>deprecated</small>" } else { "" };
    put(
        page,
        format_args!(
            "<h3 id=\"{0}\"><code>{0}</code>{deprecated}</h3>\n<p>{1}</p>\n",
            escaped(name),
            escaped(&kind.summary)
        ),
    );
    let mut rows = String::new();
    fields(&mut rows, &kind.schema, "", 0);
    if !rows.is_empty() {
        put(
            page,
            format_args!(
                "<table><thead><tr><th>Field</th><th>Type</th><th>What it is</th></tr></thead><tbody>\n{rows}</tbody></table>\n"
            ),
        );
    }
    if let Some(example) = &kind.example {
        let text = serde_json::to_string_pretty(example).unwrap_or_default();
        put(page, format_args!("<details><summary>Example</summary><pre>{}</pre></details>\n", escaped(&text)));
    }
}

/// A row for each field, with its place in the payload: `Lines[].Qty`.
fn fields(rows: &mut String, schema: &Value, place: &str, level: usize) {
    if level >= LEVELS_MAX {
        return;
    }
    if let Some(items) = schema.get("items") {
        fields(rows, items, &format!("{place}[]"), level + 1);
    }
    let required = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
    for (name, of) in schema["properties"].as_object().into_iter().flatten() {
        let place = if place.is_empty() { name.clone() } else { format!("{place}.{name}") };
        let needed =
            if required.iter().any(|word| word == name.as_str()) { " <small>always there</small>" } else { "" };
        let kind = match &of["type"] {
            Value::String(kind) => kind.clone(),
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
            _ => String::new(),
        };
        let what = of["description"].as_str().unwrap_or_default();
        put(
            rows,
            format_args!(
                "<tr><td><code>{}</code>{needed}</td><td class=\"quiet\">{}</td><td>{}</td></tr>\n",
                escaped(&place),
                escaped(&kind),
                escaped(what)
            ),
        );
        fields(rows, of, &place, level + 1);
    }
}

fn put(text: &mut String, what: std::fmt::Arguments<'_>) {
    // Memory takes what is written.
    let _ = text.write_fmt(what);
}

/// As text of a page, also within double quotes.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_page_tells_every_field_and_runs_nothing() {
        let catalog = Catalog::of(&json!({ "eventTypes": [
            { "name": "sale", "groupName": "sales", "description": "Sold <b> \"x\".", "schemas": { "1": {
                "type": "object", "required": ["Lines"], "examples": [{ "Lines": [] }],
                "properties": { "Lines": { "type": "array", "items": { "type": "object", "properties": {
                    "Qty": { "type": ["integer", "null"], "description": "<script>alert(1)</script>" } } } } } } } },
            { "name": "gone", "archived": true, "description": "" },
        ] }))
        .expect("a catalogue");
        let page = html(&catalog);
        for text in [
            "<h2>sales</h2>",
            "id=\"sale\"",
            "Sold &lt;b&gt; &quot;x&quot;.",
            "Lines[].Qty",
            "integer or null",
            "always there",
        ] {
            assert!(page.contains(text), "{text} is not in {page}");
        }
        assert!(!page.contains("<script") && !page.contains("gone") && !page.contains("http"), "{page}");
    }
}
