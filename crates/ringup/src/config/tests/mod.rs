//! Layers, origins and complaints, seen from outside: what is written goes in, what is in force or said comes out.

#![expect(clippy::unwrap_used, reason = "tests")]

mod complaint;
mod layer;
mod property;
mod secret;
mod table;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Environment, Flag, Loaded, Sources, load};

/// A folder of this test, removed when dropped, and the layers that are laid in it.
struct Scene {
    folder: PathBuf,
    sources: Sources,
}

impl Scene {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let unique = format!("ringup-config-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(unique);
        std::fs::create_dir(&folder).unwrap();
        let sources = Sources {
            system_file: folder.join("system.toml"),
            config_file: None,
            environment: Environment::new(),
            flags: Vec::new(),
        };
        Self { folder, sources }
    }

    fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn config_file(mut self, text: impl AsRef<[u8]>) -> Self {
        self.sources.config_file = Some(self.file("ringup.toml", text));
        self
    }

    fn variable(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.sources.environment.insert(name.to_owned(), value.into());
        self
    }

    fn flag(mut self, flag: Flag) -> Self {
        self.sources.flags.push(flag);
        self
    }

    fn set(self, text: &str) -> Self {
        self.flag(Flag::Set(text.to_owned()))
    }

    #[track_caller]
    fn load(&self) -> Loaded {
        load(&self.sources).unwrap_or_else(|mistakes| panic!("{mistakes}"))
    }

    /// What is said about this configuration, with the test's folder written as `DIR`.
    #[track_caller]
    fn complaint(&self) -> String {
        let mistakes = load(&self.sources).map(|loaded| loaded.settings.show(true)).expect_err("it was accepted");
        mistakes.to_string().replace(&*self.folder.to_string_lossy(), "DIR")
    }

    /// The only mistake, line by line.
    #[track_caller]
    fn only_mistake(&self) -> String {
        let complaint = self.complaint();
        let body = complaint.strip_prefix("the configuration has a mistake; nothing was started\n\n");
        let body = body.unwrap_or_else(|| panic!("there is more than one mistake: {complaint}"));
        let (mistake, _) = body.split_once("\n\nEvery key").unwrap();
        mistake.lines().map(str::trim).collect::<Vec<_>>().join("\n")
    }

    /// The line of `config show --origin` about `key`, with single spaces before the comment.
    #[track_caller]
    fn shown(&self, key: &str) -> String {
        let shown = self.load().settings.show(true).replace(&*self.folder.to_string_lossy(), "DIR");
        let line = shown.lines().find(|line| line.starts_with(&format!("{key} = "))).unwrap();
        let (value, origin) = line.split_once("  # ").unwrap();
        format!("{} # {origin}", value.trim_end())
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
