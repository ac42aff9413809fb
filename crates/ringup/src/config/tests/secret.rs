//! Where secrets may come from, and that they are never printed.

use super::Scene;

const SECRET: &str = "hunter22hunter22";

#[test]
fn a_secret_is_taken_from_a_variable_a_file_or_a_file_of_its_own() {
    let scene = Scene::new();
    for text in [format!("{SECRET}\n"), format!("{SECRET}\r\n"), SECRET.to_owned()] {
        let path = scene.file("key", text);
        let scene = Scene::new().variable("RINGUP__BOOTSTRAP__KEY_FILE", &path);
        assert_eq!(scene.load().config.bootstrap.key.unwrap().expose(), SECRET);
        assert_eq!(
            scene.shown("bootstrap.key"),
            format!(
                "bootstrap.key = \"(set, hidden)\" # environment RINGUP__BOOTSTRAP__KEY_FILE (file {})",
                path.display()
            )
        );
    }
    let scene = Scene::new().variable("RINGUP__BOOTSTRAP__KEY", SECRET);
    assert_eq!(scene.load().config.bootstrap.key.unwrap().expose(), SECRET);
    let scene = Scene::new().config_file(format!("store.url = 'postgres://u:{SECRET}@h/d'"));
    assert_eq!(scene.load().config.store.url.unwrap().expose(), format!("postgres://u:{SECRET}@h/d"));
}

#[test]
fn a_secret_file_that_cannot_serve_is_refused() {
    let scene = Scene::new().variable("RINGUP__BOOTSTRAP__KEY_FILE", "/nowhere/key");
    assert!(scene.only_mistake().starts_with("bootstrap.key: the file \"/nowhere/key\" cannot be read: No such file"));
    let scene = scene.variable("RINGUP__BOOTSTRAP__KEY", SECRET);
    assert!(
        scene
            .only_mistake()
            .starts_with("bootstrap.key: both RINGUP__BOOTSTRAP__KEY and RINGUP__BOOTSTRAP__KEY_FILE are set")
    );
    let scene = Scene::new();
    let empty = scene.file("empty", "\n");
    assert!(
        scene
            .variable("RINGUP__BOOTSTRAP__KEY_FILE", empty)
            .only_mistake()
            .starts_with("bootstrap.key: the value (hidden) is empty")
    );
    let scene = Scene::new().variable("RINGUP__DELIVERY__RETRY_FILE", "/x");
    assert!(scene.only_mistake().starts_with("delivery.retry: only a secret is read from a file of its own"));
}

#[test]
fn a_secret_is_never_printed() {
    let scene = Scene::new()
        .variable("RINGUP__BOOTSTRAP__KEY", SECRET)
        .variable("RINGUP__STORE__URL", format!("postgres://u:{SECRET}@h/d"));
    let loaded = scene.load();
    assert!(loaded.config.bootstrap.key.is_some() && loaded.config.store.url.is_some(), "nothing to hide");
    for printed in [loaded.settings.show(true), format!("{loaded:?}"), format!("{loaded:#?}")] {
        assert!(!printed.contains(SECRET), "{printed}");
    }
    for scene in [
        Scene::new().variable("RINGUP__BOOTSTRAP__KEY", format!("{SECRET} {SECRET}")),
        Scene::new().variable("RINGUP__STORE__URL", format!("mysql://u:{SECRET}@h")),
        Scene::new().config_file(format!("[bootstrap]\nkey = \"{SECRET}")),
        Scene::new().config_file(format!("[bootstrap]\nkey = ['{SECRET}']")),
        Scene::new().config_file(format!("[bootstrap]\nkeys = '{SECRET}'")),
        Scene::new().config_file(format!("key {SECRET}")),
        Scene::new().set(&format!("bootstrap.key={SECRET}")),
        Scene::new().set(&format!("bootstrap.key:{SECRET}")),
    ] {
        let complaint = scene.complaint();
        assert!(!complaint.contains(SECRET), "{complaint}");
    }
}

#[test]
fn a_secret_on_the_command_line_is_refused() {
    assert_eq!(
        Scene::new().set(&format!("store.url=postgres://u:{SECRET}@h/d")).only_mistake(),
        "store.url: a secret is not taken from the command line, which every user can read\nset in    flag --set\n\
         next      set RINGUP__STORE__URL or RINGUP__STORE__URL_FILE"
    );
}
