//! Flags of the command line, the strongest layer.

use super::{Layers, unknown};
use crate::config::mistake::Mistake;
use crate::config::origin::Origin;
use crate::config::table::{self, Key};
use crate::config::value::Raw;

/// A flag that sets a value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Flag {
    /// `--listen ADDRESS`
    Listen(String),
    /// `--data-dir FOLDER`
    DataDir(String),
    /// `--set section.key=value`
    Set(String),
}

pub fn read(flags: &[Flag], layers: &mut Layers) {
    for flag in flags {
        match flag {
            Flag::Listen(text) => {
                layers.offer("server.listen", Raw::Text(text.clone()), Origin::Flag { flag: "--listen" });
            }
            Flag::DataDir(text) => {
                layers.offer("store.data_dir", Raw::Text(text.clone()), Origin::Flag { flag: "--data-dir" });
            }
            Flag::Set(text) => set(text, layers),
        }
    }
}

fn set(text: &str, layers: &mut Layers) {
    let origin = Origin::Flag { flag: "--set" };
    let Some((name, value)) = text.split_once('=') else {
        // Only what looks like a name is repeated: the rest may be a secret.
        let name: String = text.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_')).collect();
        layers.refuse(
            Mistake::new(format!("{name}: --set has no value"))
                .origin(origin)
                .expected("--set section.key=value, such as --set delivery.cooldown=7s".to_owned()),
        );
        return;
    };
    match table::key(name.trim()) {
        Some(key) if key.secret() => layers.refuse(
            Mistake::new(format!(
                "{}: a secret is not taken from the command line, which every user can read",
                key.name
            ))
            .origin(origin)
            .next(format!("set {0} or {0}_FILE", key.variable())),
        ),
        Some(key) => layers.set(key, Raw::Text(value.trim().to_owned()), origin),
        None => layers.refuse(unknown(name.trim(), name.trim(), Key::name_text).origin(origin)),
    }
}
