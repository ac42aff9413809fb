//! Commands that end with the process that started them, even when that one is killed.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
    thread,
};

use anyhow::{Context, Result, bail};
use ringup_testkit::tempdir::TempDir;

use crate::workspace;

/// Bytes of output that are remembered of one command; the rest is only shown.
const KEPT_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A command in the root of the repository that gets SIGTERM when the thread that starts it is gone.
///
/// That is done by `setpriv` of util-linux; where it is missing the command is a plain one.
pub fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = if exists("setpriv") {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "TERM", "--", program]);
        command
    } else {
        Command::new(program)
    };
    command.args(arguments).current_dir(workspace::root()).stdin(Stdio::null());
    command
}

/// The cargo that runs this task.
pub fn cargo(arguments: &[&str]) -> Command {
    static CARGO: OnceLock<String> = OnceLock::new();
    let program = CARGO.get_or_init(|| std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()));
    command(program, arguments)
}

/// A stand-in for a server's binary, in this folder, that ends with the thread that starts it. It becomes the binary, so
/// its process id is the server's.
pub fn tethered(binary: &Path, folder: &TempDir) -> Result<PathBuf> {
    let binary = std::path::absolute(binary)?;
    if !exists("setpriv") {
        return Ok(binary);
    }
    let path = folder.join("ringup");
    fs::write(&path, format!("#!/bin/sh\nexec setpriv --pdeathsig KILL -- '{}' \"$@\"\n", binary.display()))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    Ok(path)
}

/// Whether a program of this name can be found.
pub fn exists(program: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).any(|folder| folder.join(program).is_file())
}

/// Runs to the end with our own stdout and stderr; any status but success is an error.
pub fn run(mut command: Command) -> Result<()> {
    let name = name(&command);
    let status = command.status().with_context(|| format!("starting {name}"))?;
    if !status.success() {
        bail!("{name}: {status}");
    }
    Ok(())
}

/// What a command printed, and how it ended.
#[derive(Debug)]
pub struct Said {
    pub text: String,
    pub success: bool,
    pub name: String,
}

/// Runs to the end, shows stdout and stderr as they come and remembers them.
pub fn run_and_listen(mut command: Command) -> Result<Said> {
    let name = name(&command);
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().with_context(|| format!("starting {name}"))?;
    let stdout = child.stdout.take().context("stdout is piped")?;
    let stderr = child.stderr.take().context("stderr is piped")?;
    let reader = thread::Builder::new().name("stdout".to_owned()).spawn(move || show(stdout))?;
    let mut text = show(stderr);
    text.push_str(&reader.join().expect("showing lines does not panic"));
    let status = child.wait()?;
    Ok(Said { text, success: status.success(), name })
}

fn show(stream: impl Read) -> String {
    let mut stream = BufReader::new(stream);
    let (mut kept, mut line) = (String::new(), Vec::new());
    while stream.read_until(b'\n', &mut line).is_ok_and(|bytes| bytes > 0) {
        // Nobody may be looking any more; what is remembered counts.
        let _unseen = std::io::stderr().write_all(&line);
        if kept.len() < KEPT_BYTES_MAX {
            kept.push_str(&String::from_utf8_lossy(&line));
        }
        line.clear();
    }
    kept
}

/// The command as one would type it.
fn name(command: &Command) -> String {
    let words: Vec<_> = std::iter::once(command.get_program()).chain(command.get_args()).collect();
    let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
    let typed = words.iter().skip_while(|word| !word.ends_with("cargo")).cloned().collect::<Vec<_>>();
    let typed = if typed.is_empty() { words } else { typed };
    let short = typed[0].rsplit('/').next().unwrap_or_default().to_owned();
    std::iter::once(short.into()).chain(typed[1..].iter().cloned()).collect::<Vec<_>>().join(" ")
}
