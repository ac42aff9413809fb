//! Configuration: what can be set, where it was set, and what is wrong with it.
//!
//! One table ([`table`]) names every key with its type, default, bounds and meaning; parsing, `ringup config show` and
//! `docs/configuration.md` are all read from it. Layers, weakest first: built-in, the system file, the file named by
//! `--config` or `RINGUP_CONFIG`, `RINGUP__SECTION__KEY` variables, flags. Everything is checked before anything is
//! opened, and all mistakes are reported together. Nothing here reads the process environment: it is handed in.

mod layer;
mod mistake;
mod nearest;
mod origin;
mod reference;
mod rule;
mod setting;
pub mod table;
pub mod value;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

pub use layer::flag::Flag;
pub use mistake::Mistakes;
pub use origin::Origin;
pub use reference::reference;
pub use setting::Settings;
pub use table::Config;

/// The file that is read without being named, if it exists.
pub const SYSTEM_FILE: &str = "/etc/ringup/ringup.toml";

/// The variable that names a configuration file when `--config` does not.
pub const CONFIG_VARIABLE: &str = "RINGUP_CONFIG";

/// Variables by name, as the process was given them.
pub type Environment = BTreeMap<String, OsString>;

/// Everything the configuration is read from.
#[derive(Clone, Debug)]
pub struct Sources {
    /// Read if it exists; [`SYSTEM_FILE`] outside tests.
    pub system_file: PathBuf,
    /// The file named by `--config`; it must exist.
    pub config_file: Option<PathBuf>,
    pub environment: Environment,
    /// In the order given; a later one wins over an earlier one for the same key.
    pub flags: Vec<Flag>,
}

/// The effective configuration and where each value of it comes from.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub config: Config,
    pub settings: Settings,
}

/// Reads all layers and checks every value of each, also of those that a stronger layer overrides.
///
/// # Errors
/// All mistakes that were found, in the order of the layers.
pub fn load(sources: &Sources) -> Result<Loaded, Mistakes> {
    let mut layers = layer::Layers::built_in();
    layer::file::read_if_present(&sources.system_file, &mut layers);
    if let Some(path) = named_file(sources, &mut layers) {
        layer::file::read(&path, &mut layers);
    }
    layer::environment::read(&sources.environment, &mut layers);
    layer::flag::read(&sources.flags, &mut layers);

    let settings = layers.finish()?;
    let config = Config::from_settings(&settings);
    rule::check(&config, &settings)?;
    Ok(Loaded { config, settings })
}

fn named_file(sources: &Sources, layers: &mut layer::Layers) -> Option<PathBuf> {
    if let Some(path) = &sources.config_file {
        return Some(path.clone());
    }
    let path = sources.environment.get(CONFIG_VARIABLE)?;
    if path.is_empty() {
        layers.refuse(
            mistake::Mistake::new(format!("{CONFIG_VARIABLE} is empty"))
                .next("unset it, or let it name a TOML file".to_owned()),
        );
        return None;
    }
    Some(Path::new(path).to_path_buf())
}
