//! What differs between the answers to two attempts of one delivery.

use std::time::Duration;

use ringup_app::view::StoredAttempt;
use ringup_core::outcome::BodyEnd;
use similar::{ChangeTag, TextDiff};

use super::response;
use crate::json_view::{looks_like_json, spread};
use crate::ui::Ui;

/// Lines of one answer that are compared.
const LINES_MAX: usize = 2_000;

/// Lines around a difference that are shown with it.
const AROUND: usize = 2;

/// After this long the differences are no longer the smallest, but there are some.
const TIME_LIMIT: Duration = Duration::from_millis(100);

pub struct Compared {
    pub rows: Vec<Row>,
    pub is_alike: bool,
    /// Some lines were left out of the comparison.
    pub is_cut: bool,
}

/// One line.
#[derive(PartialEq, Eq, Debug)]
pub struct Row {
    /// `same`, `old`, `new` or `gap`.
    pub kind: &'static str,
    pub text: String,
    /// Lines that a gap stands for.
    pub left_out: u64,
}

/// Both answers line by line; `only` leaves out what is alike.
pub fn compare(old: &StoredAttempt, new: &StoredAttempt, only: bool, ui: &Ui) -> Compared {
    let ((old, old_cut), (new, new_cut)) = (lines(old, ui), lines(new, ui));
    let (rows, is_alike) = rows(&old, &new, only);
    Compared { rows, is_alike, is_cut: old_cut || new_cut }
}

/// Two texts line by line, and whether they are the same.
pub fn rows(old: &str, new: &str, only: bool) -> (Vec<Row>, bool) {
    let diff = TextDiff::configure().timeout(TIME_LIMIT).diff_lines(old, new);
    let row = |tag: ChangeTag, text: &str| Row {
        kind: match tag {
            ChangeTag::Equal => "same",
            ChangeTag::Delete => "old",
            ChangeTag::Insert => "new",
        },
        text: text.trim_end_matches(['\n', '\r']).to_owned(),
        left_out: 0,
    };
    let all: Vec<Row> = diff.iter_all_changes().map(|change| row(change.tag(), change.value())).collect();
    let is_alike = all.iter().all(|row| row.kind == "same");
    if !only || is_alike {
        return (all, is_alike);
    }
    let differs: Vec<usize> = all.iter().enumerate().filter(|(_, row)| row.kind != "same").map(|(at, _)| at).collect();
    let is_near = |at: usize| {
        let next = differs.partition_point(|other| *other < at);
        let near = |other: Option<&usize>| other.is_some_and(|other| other.abs_diff(at) <= AROUND);
        near(differs.get(next)) || near(next.checked_sub(1).and_then(|before| differs.get(before)))
    };
    let mut shown: Vec<Row> = Vec::new();
    for (at, row) in all.into_iter().enumerate() {
        if is_near(at) {
            shown.push(row);
            continue;
        }
        match shown.last_mut() {
            Some(gap) if gap.kind == "gap" => gap.left_out += 1,
            _ => shown.push(Row { kind: "gap", text: String::new(), left_out: 1 }),
        }
    }
    (shown, is_alike)
}

/// An answer as text: what was said, the headers, the body with each member of JSON on a line of its own. And whether
/// that is not all.
fn lines(one: &StoredAttempt, ui: &Ui) -> (String, bool) {
    let body = String::from_utf8_lossy(&one.response_body);
    let body = if looks_like_json(&one.response_body) { spread(&body) } else { body.into_owned() };
    let text = format!("{}\n{}\n{body}\n", response(one, ui), String::from_utf8_lossy(&one.response_headers));
    let (text, is_cut) = within_bound(text);
    (text, is_cut || one.body_end != BodyEnd::Complete)
}

/// As many lines as are compared, and whether that is not all.
pub fn within_bound(text: String) -> (String, bool) {
    let cut: String = text.split_inclusive('\n').take(LINES_MAX).collect();
    let is_cut = cut.len() < text.len();
    (cut, is_cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(rows: &[Row]) -> Vec<&'static str> {
        rows.iter().map(|row| row.kind).collect()
    }

    #[test]
    fn only_differences_keep_a_little_around_them() {
        let old: String = (0..20).map(|number| format!("{number}\n")).collect();
        let new = old.replace("10\n", "ten\n");
        let (all, alike) = rows(&old, &new, false);
        assert_eq!((all.len(), alike), (21, false));
        let (some, _) = rows(&old, &new, true);
        assert_eq!(kinds(&some), ["gap", "same", "same", "old", "new", "same", "same", "gap"]);
        assert_eq!((some[0].left_out, some[7].left_out), (8, 7));
        assert_eq!((some[3].text.as_str(), some[4].text.as_str()), ("10", "ten"));
    }

    #[test]
    fn what_is_alike_is_shown_whole() {
        let (rows, alike) = rows("a\nb\n", "a\nb\n", true);
        assert!(alike);
        assert_eq!(kinds(&rows), ["same", "same"]);
    }

    #[test]
    fn large_and_different_answers_end_in_time() {
        let text = |step: usize| (0..LINES_MAX).map(|number| format!("{}\n", number * step % 97)).collect::<String>();
        let (rows, alike) = rows(&text(3), &text(7), true);
        assert!(!alike && rows.len() <= 2 * LINES_MAX);
    }
}
