//! `RINGUP__SECTION__KEY` variables, and `RINGUP__SECTION__KEY_FILE` for secrets.

use std::path::Path;

use super::{Layers, read_text, unknown};
use crate::config::Environment;
use crate::config::mistake::Mistake;
use crate::config::origin::Origin;
use crate::config::table::{self, Key};
use crate::config::value::Raw;

const PREFIX: &str = "RINGUP__";
const FILE_SUFFIX: &str = "_FILE";

/// Bytes of a file that holds a secret.
const SECRET_BYTES_MAX: u64 = 64 * 1024;

/// Takes every variable that begins with `RINGUP__`; others are somebody else's.
pub fn read(environment: &Environment, layers: &mut Layers) {
    for (variable, value) in environment.iter().filter(|(variable, _)| variable.starts_with(PREFIX)) {
        let Some(text) = value.to_str() else {
            layers.refuse(Mistake::new(format!("{variable}: the value is not UTF-8 text")));
            continue;
        };
        if let Some(key) = named(variable) {
            layers.set(key, Raw::Text(text.to_owned()), Origin::Environment { variable: variable.clone() });
        } else if let Some(key) = variable.strip_suffix(FILE_SUFFIX).and_then(named) {
            secret_file(key, variable, text, environment, layers);
        } else {
            let name = variable.trim_start_matches(PREFIX).to_lowercase().replace("__", ".");
            let origin = Origin::Environment { variable: variable.clone() };
            layers.refuse(unknown(variable, &name, Key::variable).origin(origin));
        }
    }
}

fn named(variable: &str) -> Option<&'static Key> {
    table::keys().find(|key| key.variable() == variable)
}

fn secret_file(key: &'static Key, variable: &str, path: &str, environment: &Environment, layers: &mut Layers) {
    let direct = key.variable();
    let mistake = |what: String, next: String| {
        Mistake::new(what).origin(Origin::Environment { variable: variable.to_owned() }).next(next)
    };
    if !key.secret() {
        layers.refuse(mistake(
            format!("{}: only a secret is read from a file of its own", key.name),
            format!("set {direct}"),
        ));
        return;
    }
    if environment.contains_key(&direct) {
        layers.refuse(mistake(
            format!("{}: both {direct} and {variable} are set", key.name),
            "unset one of them".to_owned(),
        ));
        return;
    }
    match read_text(Path::new(path), SECRET_BYTES_MAX) {
        Ok(text) => {
            // Editors and `echo` end a file with a line break that is no part of the secret.
            let secret = text.strip_suffix('\n').map_or(&*text, |text| text.strip_suffix('\r').unwrap_or(text));
            let origin = Origin::SecretFile { variable: variable.to_owned(), path: path.into() };
            layers.set(key, Raw::Text(secret.to_owned()), origin);
        }
        Err(error) => layers.refuse(mistake(
            format!("{}: the file {path:?} {error}", key.name),
            "correct the path, or make the file readable to the user that runs ringup".to_owned(),
        )),
    }
}
