//! The valid name that somebody probably meant.

use super::table::{self, Key};

/// The key that `given` (`section.key`, or what was written instead of it) most resembles, if one is near enough.
pub fn nearest(given: &str) -> Option<&'static Key> {
    let given = given.to_lowercase();
    let last = given.rsplit('.').next().unwrap_or(&given);
    table::keys()
        .map(|key| {
            // The right key in a wrong section, or in none, is nearer than a similar key in the right one.
            let misplaced = if key.field() == last { 1 } else { usize::MAX };
            let misspelt = strsim::damerau_levenshtein(&given, key.name);
            let unplaced =
                if given.contains('.') { usize::MAX } else { strsim::damerau_levenshtein(last, key.field()) };
            (misplaced.min(misspelt).min(unplaced), key)
        })
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, key)| *distance <= tolerance(given.len().min(key.name.len())))
        .map(|(_, key)| key)
}

/// A third of the name may differ; very short names would resemble everything.
fn tolerance(chars: usize) -> usize {
    (chars / 3).max(1)
}
