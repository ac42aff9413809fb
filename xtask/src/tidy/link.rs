//! Links between documents lead somewhere.

use std::path::Path;

use super::Finding;
use crate::workspace::{self, File};

const RULE: &str = "link";

/// Relative links in Markdown whose file does not exist.
pub fn findings(file: &File) -> Vec<Finding> {
    let folder = Path::new(&file.path).parent().unwrap_or_else(|| Path::new(""));
    let mut findings = Vec::new();
    for (line, text) in prose_lines(&file.text) {
        for target in targets(text) {
            let path = target.split('#').next().unwrap_or_default();
            let outside = path.contains("://") || path.starts_with("mailto:");
            if !path.is_empty() && !outside && !workspace::root().join(folder).join(path).exists() {
                let what = format!("nothing lies at {path}");
                findings.push(Finding { path: file.path.clone(), line, rule: RULE, what });
            }
        }
    }
    findings
}

/// Lines outside fenced blocks, numbered from 1.
fn prose_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            return None;
        }
        (!fenced).then_some((index + 1, line))
    })
}

/// What stands in the round brackets of `[text](target)`.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split(')').next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_that_lead_nowhere_are_found() {
        let text = "[a](Cargo.toml) and [b](no-such-file.md#x)\n```\n[c](in-a-block)\n```\n[d](https://example.org/x) [e](#here)";
        let file = File { path: "README.md".to_owned(), text: text.to_owned() };
        let found: Vec<_> = findings(&file).into_iter().map(|finding| (finding.line, finding.what)).collect();
        assert_eq!(found, [(1, "nothing lies at no-such-file.md".to_owned())]);
    }
}
