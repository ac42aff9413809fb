//! Every text that templates and code ask for is there in both languages.

use std::collections::BTreeSet;
use std::path::Path;

use ringup_app::Cause;

fn keys(language: &str) -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("locale").join(language);
    let mut keys = BTreeSet::new();
    for file in std::fs::read_dir(folder).unwrap() {
        for line in std::fs::read_to_string(file.unwrap().path()).unwrap().lines() {
            if let Some((key, _)) = line.split_once(" =")
                && !key.starts_with([' ', '#'])
            {
                assert!(keys.insert(key.to_owned()), "{language}: {key} stands twice");
            }
        }
    }
    keys
}

#[test]
fn both_languages_have_the_same_texts() {
    assert_eq!(keys("en"), keys("id"));
}

#[test]
fn every_cause_has_advice_and_a_short_word() {
    let keys = keys("en");
    for cause in Cause::ALL {
        for kind in ["cause", "short"] {
            let key = format!("{kind}-{}", cause.word());
            assert!(keys.contains(&key), "{key}");
        }
    }
}

#[test]
fn every_text_that_a_template_names_exists() {
    let keys = keys("en");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
    let mut named = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        for start in ["ui.t(\"", "ui.n(\"", "ui.a(\"", "ui.b(\""] {
            for rest in text.split(start).skip(1) {
                let key = rest.split('"').next().unwrap();
                assert!(keys.contains(key), "{}: {key}", path.display());
                named += 1;
            }
        }
    }
    assert!(named > 100, "the templates were read");
}

#[test]
fn templates_hold_to_the_content_policy() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        for banned in ["style=", "onclick", "onload", "hx-on", "js:", "|safe", "<style", "javascript:"] {
            assert!(!text.contains(banned), "{}: {banned}", path.display());
        }
    }
}
