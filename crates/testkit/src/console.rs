//! Which pages the console has, read from its source, so that a check of every page notices a new one.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};

/// Paths that can be asked for with GET, such as `/a/{a}/urls/{e}`, sorted.
pub fn routes() -> Result<Vec<String>> {
    let mut routes = Vec::new();
    walk(&sources(), &mut |source| routes.extend(read(source)))?;
    routes.sort();
    ensure!(routes.len() > 20, "the routes of the console are written in another way now: {routes:?}");
    Ok(routes)
}

/// Names that pages read from a query string or a form, such as `query`, sorted.
pub fn fields() -> Result<Vec<String>> {
    let mut names = Vec::new();
    walk(&sources(), &mut |source| {
        for call in [".one(", ".raw(", ".many(", ".has("] {
            let named = source.split(call).skip(1).filter_map(|rest| rest.strip_prefix('"')?.split_once('"'));
            names.extend(named.map(|(name, _)| name.to_owned()));
        }
    })?;
    names.sort();
    names.dedup();
    ensure!(names.len() > 20, "fields are read in another way now: {names:?}");
    Ok(names)
}

/// What is wrong with a list of addresses that should visit every route: one entry per fault.
///
/// `exempt` names routes that need no visit, each with the reason.
pub fn faults<'a>(
    routes: &[String],
    visited: impl IntoIterator<Item = &'a str>,
    exempt: &[(&str, &str)],
) -> Vec<String> {
    let visited: Vec<&str> = visited.into_iter().filter_map(|address| route_of(routes, address)).collect();
    let missing = routes
        .iter()
        .filter(|route| !visited.contains(&route.as_str()) && !exempt.iter().any(|(name, _)| name == &route.as_str()));
    let missing = missing.map(|route| format!("{route} is a page that is not looked at"));
    let gone = exempt.iter().filter(|(name, _)| !routes.iter().any(|route| route == name));
    missing.chain(gone.map(|(name, _)| format!("{name} is exempt, but there is no such page"))).collect()
}

/// The route that answers at this address, a path with or without a query.
pub fn route_of<'a>(routes: &'a [String], address: &str) -> Option<&'a str> {
    let path = address.split(['?', '#']).next().unwrap_or_default();
    let fitting = routes.iter().filter(|route| fits(route, path));
    // What is spelled out goes before what is left open.
    fitting.min_by_key(|route| (route.contains("{*"), route.matches('{').count())).map(String::as_str)
}

fn fits(route: &str, path: &str) -> bool {
    let (mut open, mut given) = (route.split('/'), path.split('/'));
    loop {
        match (open.next(), given.next()) {
            (None, None) => return true,
            (Some(part), Some(_)) if part.starts_with("{*") => return true,
            (Some(part), Some(word)) if part == word || (part.starts_with('{') && !word.is_empty()) => {}
            _ => return false,
        }
    }
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../web/src")
}

fn walk(folder: &Path, take: &mut impl FnMut(&str)) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path: PathBuf = entry?.path();
        if path.is_dir() {
            walk(&path, take)?;
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            take(&fs::read_to_string(&path)?);
        }
    }
    Ok(())
}

/// The routes in a source text: `.route("/path", get(..))`.
fn read(source: &str) -> Vec<String> {
    let routes = source.split(".route(").skip(1).filter_map(|rest| {
        let (path, handlers) = rest.trim_start().strip_prefix('"')?.split_once('"')?;
        // The next call begins a new piece, so what is left is this call and what follows the last one.
        let end = handlers.find("\n    }").unwrap_or(handlers.len());
        handlers.get(..end)?.split([' ', '.', ',']).any(|part| part.starts_with("get(")).then(|| path.to_owned())
    });
    routes.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_read_from_the_source() {
        let source = "Router::new()\n            .route(\"/a\", get(list).post(create))\n            .route(\"/out\", post(out))\n            \
                      .route(\n                \"/a/{a}/x\",\n                get(x),\n            )\n    }\n get(other)";
        assert_eq!(read(source), ["/a", "/a/{a}/x"]);
        let routes = routes().expect("the console is beside us");
        for known in ["/sign-in", "/a/{a}/logs/{m}/{e}", "/a/{a}/urls/{e}/configuration", "/a/{a}/test/verify"] {
            assert!(routes.iter().any(|route| route == known), "{known} is not in {routes:?}");
        }
        assert!(!routes.iter().any(|route| route == "/sign-out"), "it takes forms only");
    }

    #[test]
    fn what_is_spelled_out_goes_first_and_what_is_not_visited_is_told() {
        let routes = ["/a", "/a/{a}", "/a/{a}/urls/new", "/a/{a}/urls/{e}", "/a/{a}/{*rest}"].map(str::to_owned);
        assert_eq!(route_of(&routes, "/a/kopi/urls/new?x=1"), Some("/a/{a}/urls/new"));
        assert_eq!(route_of(&routes, "/a/kopi/urls/erp#top"), Some("/a/{a}/urls/{e}"));
        assert_eq!(route_of(&routes, "/a/kopi/nothing/at/all"), Some("/a/{a}/{*rest}"));
        assert_eq!(route_of(&routes, "/b"), None);
        let deep = ["/a/{a}/logs/{m}/{e}", "/a/{a}/{*rest}"].map(str::to_owned);
        assert_eq!(route_of(&deep, "/a/kopi/logs/msg_1/erp"), Some("/a/{a}/logs/{m}/{e}"));
        let told = faults(&routes, ["/a", "/a/kopi", "/a/kopi/urls/new"], &[("/a/{a}/{*rest}", "r"), ("/gone", "r")]);
        assert_eq!(
            told,
            ["/a/{a}/urls/{e} is a page that is not looked at", "/gone is exempt, but there is no such page"]
        );
    }
}
