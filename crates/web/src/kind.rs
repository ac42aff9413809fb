//! The event types that a page offers, by family.

use std::collections::{BTreeMap, BTreeSet};

use ringup_app::{App, Principal, guide};

/// A family and its types.
pub struct Family {
    pub name: String,
    /// Somebody registered a type of it, so that the whole of it can be chosen.
    pub is_registered: bool,
    pub is_chosen: bool,
    pub kinds: Vec<Kind>,
}

pub struct Kind {
    pub name: String,
    pub summary: String,
    pub chosen: bool,
    /// Nobody registered it here: it is the guide's.
    pub unregistered: bool,
}

/// Types that are registered in the visitor's environment and those of the guide; `chosen` are among them in any case.
pub fn families(
    app: &App,
    who: &Principal,
    chosen: &BTreeSet<String>,
    chosen_families: &BTreeSet<String>,
) -> Vec<Family> {
    // Whoever may not see the catalogue is offered the guide's types alone.
    let registered = app.event_types(who).unwrap_or_default();
    let mut kinds: BTreeMap<String, (String, Kind)> = BTreeMap::new();
    for known in guide::all() {
        let kind = Kind {
            name: known.name.to_owned(),
            summary: known.summary.to_string(),
            chosen: chosen.contains(known.name),
            unregistered: true,
        };
        kinds.insert(known.name.to_owned(), (known.family(), kind));
    }
    for found in &registered {
        if found.archived && !chosen.contains(&found.name) {
            kinds.remove(&found.name);
            continue;
        }
        let known = kinds.get(&found.name).map(|(family, _)| family.clone());
        let family = found.group.clone().or(known).unwrap_or_default();
        let kind = Kind {
            name: found.name.clone(),
            summary: found.description.clone(),
            chosen: chosen.contains(&found.name),
            unregistered: false,
        };
        kinds.insert(found.name.clone(), (family, kind));
    }
    for name in chosen {
        kinds.entry(name.clone()).or_insert_with(|| {
            let kind = Kind { name: name.clone(), summary: String::new(), chosen: true, unregistered: true };
            (String::new(), kind)
        });
    }
    let mut families: BTreeMap<String, Vec<Kind>> = BTreeMap::new();
    for (family, kind) in kinds.into_values() {
        families.entry(family).or_default().push(kind);
    }
    let family = |(name, kinds)| Family {
        is_registered: registered.iter().any(|found| found.group.as_ref() == Some(&name)),
        is_chosen: chosen_families.contains(&name),
        name,
        kinds,
    };
    families.into_iter().map(family).collect()
}
