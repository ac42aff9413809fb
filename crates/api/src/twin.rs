//! Names that are words of a path, too: an event may be called `search`, although `…/msg/search` is a path of its own.
//!
//! A router takes the path that spells the word, and would refuse the methods that only the path with the name has. So
//! these answer there as well, with the word as the name.

use std::sync::Arc;

use axum::{Extension, Router};

use crate::extract::Words;
use crate::{Api, PREFIX, route, svix};

/// What paths with names can do, where other paths spell such a name. To be merged with all other routes, which must not
/// have the same methods there.
pub fn router() -> Router<Arc<Api>> {
    let spelled = spelled();
    route::all().fold(Router::new(), |router, (_, paths, methods)| {
        let named: Vec<String> = paths.paths.keys().map(|path| format!("{PREFIX}{path}")).collect();
        let twins = named.iter().flat_map(|named| spelled.iter().map(move |spelled| (spelled, words(spelled, named))));
        twins.filter_map(|(spelled, words)| Some((spelled, words?))).fold(router, |router, (spelled, words)| {
            let methods = methods.clone().layer(Extension(words));
            router.route(spelled, methods.clone()).route(&format!("{spelled}/"), methods)
        })
    })
}

/// All paths, ours and those that are refused.
fn spelled() -> Vec<String> {
    let ours = route::all().flat_map(|(_, paths, _)| paths.paths.into_keys());
    let mut paths: Vec<String> = ours.map(|path| format!("{PREFIX}{path}")).chain(svix::paths()).collect();
    paths.sort_unstable();
    paths.dedup();
    paths
}

/// The words of one path where the other has names; `None` if they differ in anything else, or not at all.
fn words(spelled: &str, named: &str) -> Option<Words> {
    let (parts, names): (Vec<&str>, Vec<&str>) = (spelled.split('/').collect(), named.split('/').collect());
    let mut words = Vec::new();
    let mut place = 0;
    for (part, name) in parts.iter().zip(&names) {
        match (is_name(part), is_name(name)) {
            (true, true) => place += 1,
            (false, true) => {
                words.push((place, (*part).to_owned()));
                place += 1;
            }
            (false, false) if part == name => {}
            (_, false) => return None,
        }
    }
    (parts.len() == names.len() && !words.is_empty()).then(|| Words(words.into()))
}

fn is_name(part: &str) -> bool {
    part.starts_with('{')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether some path of a request is both.
    fn meet(one: &str, other: &str) -> bool {
        one.split('/').count() == other.split('/').count()
            && one.split('/').zip(other.split('/')).all(|(a, b)| a == b || is_name(a) || is_name(b))
    }

    #[test]
    fn every_path_that_spells_a_name_of_ours_is_known() {
        let ours: Vec<String> = route::all()
            .flat_map(|(_, paths, _)| paths.paths.into_keys())
            .map(|path| format!("{PREFIX}{path}"))
            .collect();
        let (spelled, mut found) = (spelled(), Vec::new());
        for spelled in &spelled {
            for named in ours.iter().filter(|named| *named != spelled && meet(spelled, named)) {
                // The other way around it is found when the two change places, if both are ours.
                let is_twin = words(spelled, named).is_some();
                let is_other_way = words(named, spelled).is_some();
                assert!(is_twin || is_other_way, "{spelled} and {named} each spell a name of the other");
                if is_twin {
                    found.push((spelled.strip_prefix(PREFIX).expect("it begins so"), named.strip_prefix(PREFIX)));
                }
            }
        }
        let named = Some("/app/{app_id}/msg/{msg_id}");
        let expected = ["batch", "bulk-expunge", "expunge-all-contents", "search"]
            .map(|word| format!("/app/{{app_id}}/msg/{word}"));
        let expected: Vec<_> = expected.iter().map(|spelled| (spelled.as_str(), named)).collect();
        assert_eq!(found, expected, "one that is new needs nothing but a line here, if their methods differ");
    }

    #[test]
    fn words_stand_where_the_names_are() {
        let told = |spelled, named| words(spelled, named).map(|Words(words)| words.to_vec());
        assert_eq!(told("/a/{x}/b/c", "/a/{x}/b/{y}"), Some(vec![(1, "c".to_owned())]));
        assert_eq!(told("/a/b/c", "/a/{x}/{y}"), Some(vec![(0, "b".to_owned()), (1, "c".to_owned())]));
        assert_eq!(told("/a/{x}", "/a/{y}"), None);
        assert_eq!(told("/a/{x}/c", "/a/b/{y}"), None);
        assert_eq!(told("/a/b/c", "/a/{x}"), None);
    }
}
