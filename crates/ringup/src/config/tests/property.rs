//! Whatever is written, it is either understood or refused, and what is understood is shown so that it can be read again.

use proptest::prelude::*;

use super::super::table;
use super::super::value::Raw;
use super::Scene;

proptest! {
    #[test]
    fn any_text_is_understood_or_refused(text in any::<String>().boxed().prop_union(near_a_value().boxed())) {
        for key in table::keys() {
            let Ok(shown) = key.check(&Raw::Text(text.clone())) else { continue };
            if key.secret() {
                continue;
            }
            let file = format!("{} = {shown}", key.name);
            // A payload may be kept shorter than the window that is the default: together they would be refused.
            let together = match key.name {
                "store.payload_retention" => format!("{file}\nstore.idempotency_window = \"1m\""),
                _ => file.clone(),
            };
            let again = Scene::new().config_file(together).load().settings.show(false);
            prop_assert!(again.lines().any(|line| line == file), "{file} is not in {again}");
        }
    }

    #[test]
    fn any_file_is_understood_or_refused(text in any::<Vec<u8>>().boxed().prop_union(near_a_file().boxed())) {
        let scene = Scene::new().config_file(text);
        let shown = super::load(&scene.sources).map(|loaded| loaded.settings.show(true).lines().count());
        prop_assert!(shown.is_err() || shown == Ok(table::keys().count()));
    }
}

fn near_a_value() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec![
        "0",
        "1",
        "7",
        "64",
        "256",
        "99999999999999999999",
        "-",
        ".",
        ":",
        "/",
        ",",
        " ",
        "s",
        "ms",
        "h",
        "d",
        "KiB",
        "MB",
        "::1",
        "10.0.0.0",
        "127.0.0.1",
        "[",
        "]",
        "true",
        "none",
        "full",
        "info",
        "=debug",
        "\"",
        "'",
        "\\",
        "\n",
        "µ",
    ]);
    prop::collection::vec(part, 0..8).prop_map(|parts| parts.concat())
}

fn near_a_file() -> impl Strategy<Value = Vec<u8>> {
    let part = prop::sample::select(vec![
        "[",
        "]",
        "[[",
        "]]",
        "=",
        ".",
        ",",
        "{",
        "}",
        "#",
        "\n",
        " ",
        "\"",
        "'''",
        "server",
        "listen",
        "delivery",
        "retry",
        "cooldown",
        "bootstrap",
        "key",
        "1",
        "0x",
        "1e9",
        "true",
        "1979-05-27",
        "\"7s\"",
        "\u{0}",
        "é",
    ]);
    prop::collection::vec(part, 0..24).prop_map(|parts| parts.concat().into_bytes())
}
