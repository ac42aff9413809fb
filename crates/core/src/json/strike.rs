//! Redaction: values struck out of a payload before anything is stored for the log.

use std::ops::Range;

use super::{Child, Container, after_space, value_end};
use crate::log::REDACTED;
use crate::pointer::Pointer;

/// The document with the values at the pointers replaced by `"[redacted]"`, every other byte as it was; `None` if no
/// pointer leads anywhere.
///
/// Of duplicate names all are struck, since nobody knows which one a reader would take. A segment `*` stands for every
/// member and element. A text that is not a pointer strikes nothing; settings refuse those.
pub fn strike(bytes: &[u8], pointers: &[String]) -> Option<Vec<u8>> {
    let pointers: Vec<Pointer> = pointers.iter().filter_map(|text| text.parse().ok()).collect();
    let mut struck: Vec<Range<usize>> = Vec::new();
    for group in pointers.chunks(Set::BITS) {
        find(bytes, group, &mut struck);
    }
    if struck.is_empty() {
        return None;
    }
    // Where one lies inside another, the outer one comes first and takes it along.
    struck.sort_unstable_by_key(|range| (range.start, std::cmp::Reverse(range.end)));

    let mut copy = Vec::with_capacity(bytes.len());
    let mut kept_to = 0;
    for range in struck {
        if range.start < kept_to {
            continue;
        }
        copy.extend_from_slice(&bytes[kept_to..range.start]);
        copy.push(b'"');
        copy.extend_from_slice(REDACTED.as_bytes());
        copy.push(b'"');
        kept_to = range.end;
    }
    copy.extend_from_slice(&bytes[kept_to..]);
    Some(copy)
}

/// Which pointers of a group a path still follows, one bit each.
#[derive(Clone, Copy)]
struct Set(u64);

impl Set {
    const BITS: usize = 64;
}

/// Adds the ranges of the values that at most `Set::BITS` pointers name, in one walk.
///
/// Descends only where a pointer leads, so the stack is no deeper than the longest pointer.
fn find(bytes: &[u8], pointers: &[Pointer], struck: &mut Vec<Range<usize>>) {
    let start = after_space(bytes, 0);
    if pointers.iter().any(|pointer| pointer.segments().is_empty()) {
        struck.extend(Some(start..value_end(bytes, start)).filter(|range| !range.is_empty()));
        return;
    }
    let Some(document) = Container::open(bytes, start) else { return };
    let all = Set(u64::MAX);
    let mut stack = vec![(document, all)];
    while let Some((container, followed)) = stack.last_mut() {
        let Some(child) = container.next_child() else {
            let end = container.at;
            stack.pop();
            if let Some((parent, _)) = stack.last_mut() {
                parent.go_on_at(end);
            }
            continue;
        };
        let (followed, depth) = (*followed, stack.len());
        let step = follow(pointers, followed, depth - 1, &child);
        match (step, Container::open(bytes, child.start)) {
            (Step::Into(followed), Some(inner)) => {
                stack.push((inner, followed));
                continue;
            }
            (Step::Strike, _) => {
                let range = child.start..value_end(bytes, child.start);
                struck.extend(Some(range).filter(|range| !range.is_empty()));
            }
            (Step::Into(_), None) | (Step::Past, _) => {}
        }
        if let Some((container, _)) = stack.last_mut() {
            container.go_on_at(value_end(bytes, child.start));
        }
    }
}

/// What to do with a child.
enum Step {
    /// A pointer ends here.
    Strike,
    /// These lead further.
    Into(Set),
    Past,
}

fn follow(pointers: &[Pointer], followed: Set, depth: usize, child: &Child<'_>) -> Step {
    let mut further = 0;
    for (number, pointer) in pointers.iter().enumerate() {
        let bit = 1_u64 << number;
        if followed.0 & bit == 0 {
            continue;
        }
        match pointer.segments().get(depth) {
            Some(segment) if segment.name == "*" || child.is(segment) => {}
            Some(_) | None => continue,
        }
        if depth + 1 == pointer.segments().len() {
            return Step::Strike;
        }
        further |= bit;
    }
    if further == 0 { Step::Past } else { Step::Into(Set(further)) }
}
