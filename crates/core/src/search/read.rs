//! What keys mean, and what is said where one means nothing.

use std::ops::Range;

use super::value::{Code, Moment, Span};
use super::{Leaf, Status, StatusTest};
use crate::filter::{Kind, Named, Problem, Test, payload_place};

/// Keys that stand for themselves. Those of the payload begin with `data.`.
pub(super) const KEYS: [&str; 14] = [
    "status", "code", "event", "url", "endpoint", "try", "took", "after", "before", "id", "channel", "tag", "test",
    "data",
];

/// Words that `status` knows besides where a delivery stands.
pub(super) const OUTCOMES: [&str; 4] = ["refused", "timed_out", "unreachable", "blocked"];

pub(super) const ERROR: &str = "error";

/// Letters that may be wrong in a word for it still to be meant.
const SLIPS_MAX: usize = 2;

pub(super) fn leaf(text: &str, named: Named<String>, span: Range<usize>) -> Result<Kind<Leaf>, Problem> {
    let (key, tests) = match named {
        Named::Free(free) => {
            return Ok(Kind::Term { key: Leaf::Text(free.to_ascii_lowercase()), tests: Vec::new() });
        }
        Named::Term(key, tests) => (key, tests),
    };
    let at_key = |why: String| Problem::at(text, span.start, why);
    // Tests have no places of their own: the first value begins behind the colon.
    let value_at = text.get(span.clone()).and_then(|term| term.find(':')).map_or(span.start, |at| span.start + at + 1);
    let at_value = |why: String| Problem::at(text, value_at, why);
    let leaf = match key.as_str() {
        "status" => Leaf::Status(tests.iter().map(status).collect::<Result<_, _>>().map_err(at_value)?),
        "code" => Leaf::Code(tests.into_iter().map(code).collect::<Result<_, _>>().map_err(at_value)?),
        "event" => Leaf::Event(tests),
        "channel" => Leaf::Channel(tests),
        "tag" => Leaf::Tag(tests),
        "url" | "endpoint" => Leaf::Url(tests),
        "try" => Leaf::Try(numbers(tests).map_err(at_value)?),
        "took" => Leaf::Took(tests.iter().map(Span::of).collect::<Result<_, _>>().map_err(at_value)?),
        "after" => Leaf::After(moment(&tests, "after").map_err(at_value)?),
        "before" => Leaf::Before(moment(&tests, "before").map_err(at_value)?),
        "id" => Leaf::Id(tests),
        "test" => Leaf::Test(flag(&tests).map_err(at_value)?),
        other => match payload_place(other) {
            Some(Ok(pointer)) => Leaf::Payload(pointer, tests),
            Some(Err(problem)) => return Err(at_key(problem.to_string())),
            None => return Err(at_key(unknown(other))),
        },
    };
    Ok(Kind::Term { key: leaf, tests: Vec::new() })
}

fn unknown(key: &str) -> String {
    if key.eq_ignore_ascii_case("outlet") {
        return "events have no outlet of their own here; look into the payload, such as data.Outlet:Kemang, or use \
                channel:"
            .to_owned();
    }
    match nearest(key, KEYS.iter().copied()) {
        Some(meant) => format!("nothing is called {key:?} here; did you mean {meant}: ?"),
        None => format!(
            "nothing is called {key:?} here: there are status, code, event, url, try, took, after, before, id, \
             channel, tag, test, and fields of the payload such as data.{key}"
        ),
    }
}

fn status(test: &Test) -> Result<StatusTest, String> {
    let Test::Equals(operand) = test else { return Err("a status is a word, such as failed".to_owned()) };
    let word = operand.text();
    if word == ERROR {
        return Ok(StatusTest::Error);
    }
    let outcome = OUTCOMES.iter().find(|known| **known == word).map(|known| StatusTest::Outcome(known));
    if let Some(found) = Status::from_word(word).map(StatusTest::Is).or(outcome) {
        return Ok(found);
    }
    if word == "pending" {
        return Err("what is pending had no attempt yet, so the log has no line for it; write retrying for what was \
                    tried and waits"
            .to_owned());
    }
    let known = || Status::ALL.iter().map(|status| status.word()).chain([ERROR]).chain(OUTCOMES);
    Err(match nearest(word, known()) {
        Some(meant) => format!("{word:?} is no status; did you mean {meant}?"),
        None => format!("{word:?} is no status; there are {}", known().collect::<Vec<_>>().join(", ")),
    })
}

fn code(test: Test) -> Result<Code, String> {
    let is_code = |text: &str| text.parse().is_ok_and(|code: u16| (100..=599).contains(&code));
    let refused = |text: &str| format!("{text:?} is no status code; write one such as 503, 5xx, >=500 or none");
    if let Test::Equals(operand) = &test {
        let text = operand.text();
        if text.eq_ignore_ascii_case("none") {
            return Ok(Code::None);
        }
        if let Some(class) = text.strip_suffix("xx").or_else(|| text.strip_suffix("XX")) {
            let class = class.parse().ok().filter(|class| (1..=5).contains(class));
            return class.map(Code::Class).ok_or_else(|| refused(text));
        }
    }
    let operands = match &test {
        Test::Equals(operand) | Test::Compares(_, operand) => [Some(operand), None],
        Test::Within(from, to) => [from.as_ref(), to.as_ref()],
        Test::There => return Err("write code:100..599 for any answer, or code:none for none".to_owned()),
        Test::Prefix(prefix) => {
            return Err(format!("write code:{}xx for all of that hundred", prefix.get(..1).unwrap_or("5")));
        }
    };
    if let Some(operand) = operands.into_iter().flatten().find(|operand| !is_code(operand.text())) {
        return Err(refused(operand.text()));
    }
    Ok(Code::Number(test))
}

fn numbers(tests: Vec<Test>) -> Result<Vec<Test>, String> {
    let is_number = |test: &Test| match test {
        Test::Equals(operand) | Test::Compares(_, operand) => operand.is_number(),
        Test::Within(from, to) => from.iter().chain(to).all(|operand| operand.is_number()),
        Test::There | Test::Prefix(_) => false,
    };
    if tests.iter().all(is_number) { Ok(tests) } else { Err("write a number, such as try:2 or try:>1".to_owned()) }
}

fn moment(tests: &[Test], key: &str) -> Result<Moment, String> {
    let example = format!("write a time such as {key}:-1h, {key}:2026-11-23 or {key}:2026-11-23T10:00Z");
    match tests {
        [Test::Equals(operand)] => Moment::parse(operand.text()).ok_or(example),
        [_] => Err(example),
        _ => Err(format!("{key} takes one time")),
    }
}

fn flag(tests: &[Test]) -> Result<bool, String> {
    match tests {
        [Test::Equals(operand)] if operand.text() == "true" => Ok(true),
        [Test::Equals(operand)] if operand.text() == "false" => Ok(false),
        _ => Err("write test:true or test:false".to_owned()),
    }
}

/// The word that was probably meant.
fn nearest<'a>(written: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let written = written.to_ascii_lowercase();
    let slips_max = SLIPS_MAX.min(written.chars().count() / 2);
    known.map(|word| (slips(&written, word), word)).filter(|(slips, _)| *slips <= slips_max).min().map(|(_, word)| word)
}

/// Letters to add, drop or change to come from one word to the other.
///
/// Source: V. Levenshtein, "Binary codes capable of correcting deletions, insertions and reversals" (1966).
fn slips(written: &str, word: &str) -> usize {
    if written.len() > word.len() + SLIPS_MAX {
        return usize::MAX;
    }
    let word: Vec<char> = word.chars().collect();
    let mut row: Vec<usize> = (0..=word.len()).collect();
    for (at, letter) in written.chars().enumerate() {
        let mut before = at;
        let mut left = at + 1;
        for (column, other) in word.iter().enumerate() {
            let above = row.get(column + 1).copied().unwrap_or(usize::MAX);
            let here = (left + 1).min(above + 1).min(before + usize::from(letter != *other));
            if let Some(cell) = row.get_mut(column) {
                *cell = left;
            }
            before = above;
            left = here;
        }
        if let Some(cell) = row.last_mut() {
            *cell = left;
        }
    }
    row.last().copied().unwrap_or(usize::MAX)
}
