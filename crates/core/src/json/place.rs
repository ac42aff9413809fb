//! Values at a place that may be several: under a star, or in an array.

use super::{Container, after_space, value_end};
use crate::pointer::{Pointer, Segment};

/// Whether `test` holds for a value at the pointer. It is handed the value's bytes.
///
/// A segment `*` stands for every member and element, and where the pointer ends at an array, each element is a value:
/// one for which the test holds is enough. Of duplicate names the last counts, except under a star.
///
/// The time is the document's length times the pointer's, twice at most.
pub fn any_at(bytes: &[u8], pointer: &Pointer, test: &mut dyn FnMut(&[u8]) -> bool) -> bool {
    let segments = pointer.segments();
    // Containers whose children are all to be looked at. Never more than there are stars.
    let mut open: Vec<(Container<'_>, usize)> = Vec::new();
    let mut next = Some((after_space(bytes, 0), 0));
    loop {
        if let Some((start, depth)) = next.take() {
            match follow(bytes, start, segments, depth) {
                Some(Arrived::At(start)) if holds(bytes, start, test) => return true,
                Some(Arrived::UnderStar(container, depth)) => open.push((container, depth)),
                Some(Arrived::At(_)) | None => {}
            }
        }
        let Some((container, depth)) = open.last_mut() else { return false };
        match container.next_child() {
            Some(child) => {
                container.go_on_at(value_end(bytes, child.start));
                next = Some((child.start, *depth));
            }
            None => drop(open.pop()),
        }
    }
}

enum Arrived<'a> {
    At(usize),
    /// The container, and how many segments lead to its children.
    UnderStar(Container<'a>, usize),
}

/// Follows names from a value down, to the end of the pointer or to the next star.
fn follow<'a>(bytes: &'a [u8], mut start: usize, segments: &[Segment], mut depth: usize) -> Option<Arrived<'a>> {
    while let Some(segment) = segments.get(depth) {
        let mut container = Container::open(bytes, start)?;
        depth += 1;
        if segment.name == "*" {
            return Some(Arrived::UnderStar(container, depth));
        }
        let mut found = None;
        while let Some(child) = container.next_child() {
            if child.is(segment) {
                found = Some(child.start);
            }
            container.go_on_at(value_end(bytes, child.start));
        }
        start = found?;
    }
    Some(Arrived::At(start))
}

fn holds(bytes: &[u8], start: usize, test: &mut dyn FnMut(&[u8]) -> bool) -> bool {
    let value = |start| bytes.get(start..value_end(bytes, start)).filter(|value: &&[u8]| !value.is_empty());
    if bytes.get(start) != Some(&b'[') {
        return value(start).is_some_and(test);
    }
    let Some(mut array) = Container::open(bytes, start) else { return false };
    while let Some(child) = array.next_child() {
        if value(child.start).is_some_and(&mut *test) {
            return true;
        }
        array.go_on_at(value_end(bytes, child.start));
    }
    false
}
