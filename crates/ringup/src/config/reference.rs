//! The reference of all keys, `docs/configuration.md`.

use std::fmt::Write as _;

use super::table::{self, Key};

const INTRODUCTION: &str = r#"# Configuration

<!-- Made by `ringup config docs` from crates/ringup/src/config/table.rs; a test compares the two. -->

Ringup runs without any configuration. What is set comes from these layers; a later one wins over an earlier one:

1. the defaults below;
2. `/etc/ringup/ringup.toml`, if it exists;
3. the TOML file named by `--config FILE`, or else by the variable `RINGUP_CONFIG`;
4. variables called `RINGUP__SECTION__KEY`, such as `RINGUP__DELIVERY__COOLDOWN=7s`; lists are separated by commas;
5. flags: `--listen`, `--data-dir`, and `--set section.key=value` for every key that is not a secret.

In a file each section is a table:

```toml
[egress]
allow_networks = ["10.20.0.0/16"]

[delivery]
retry = 3
cooldown = "30s"
```

`ringup config show --origin` prints every value in force and where it was set. An unknown key, an unknown variable that
begins with `RINGUP__` and a bad value are refused, all at once, before a port is opened. Absent means the default and
zero means zero; `"none"` unsets an optional value that a weaker layer sets. Relative paths start at the folder in which
the process was started.

A secret can also be read from a file that a variable with `_FILE` at its end names, such as
`RINGUP__BOOTSTRAP__KEY_FILE=/run/secrets/ringup-key`. Secrets are never printed.
"#;

/// The whole document, in Markdown.
pub fn reference() -> String {
    let mut text = INTRODUCTION.to_owned();
    for section in table::SECTIONS {
        writeln!(text, "\n## {}\n\n{}\n", section.name, section.doc.trim()).expect(STRING);
        text.push_str("| key | default | accepts | meaning |\n|---|---|---|---|\n");
        for key in section.keys {
            let default = match key.default {
                "" => "empty".to_owned(),
                default => format!("`{default}`"),
            };
            writeln!(text, "| `{}` | {default} | {} | {} |", key.name, accepts(key), key.doc.trim()).expect(STRING);
        }
    }
    text
}

const STRING: &str = "writing to a string cannot fail";

fn accepts(key: &Key) -> String {
    let expected = key.expected();
    if key.secret() { format!("secret: {expected}") } else { expected }
}
