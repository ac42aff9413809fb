//! Rules about lines and files of Rust.

use super::Finding;
use crate::workspace::File;

/// A longer file is asked for its second subject.
const LINES_LONG: usize = 400;
/// A longer file is a finding.
const LINES_MAX: usize = 500;

/// A text that code must not contain outside some places.
struct Ban {
    rule: &'static str,
    texts: &'static [&'static str],
    /// Starts of paths, or folders anywhere in them, where it is right.
    places: &'static [&'static str],
    instead: &'static str,
}

/// Development rooms; they play the outside world.
const TESTKIT: &str = "crates/testkit/";
const SIM: &str = "crates/sim/";
const XTASK: &str = "xtask/";
/// They, too, come from outside.
const TESTS: &str = "/tests/";
const EXAMPLES: &str = "/examples/";

const BANS: [Ban; 5] = [
    Ban {
        rule: "allow",
        texts: &["#[allow(", "#![allow("],
        places: &[],
        instead: "write `#[expect(.., reason = \"..\")]`",
    },
    Ban {
        rule: "environment",
        texts: &["env::var", "env::vars", "env::args", "env::set_var", "env::current_exe"],
        places: &["crates/ringup/src/main.rs", TESTS, EXAMPLES, TESTKIT, SIM, XTASK],
        instead: "only main.rs of the binary reads the process's environment; take what it hands down",
    },
    Ban {
        rule: "outbound",
        texts: &["TcpStream::connect", "TcpSocket", "UdpSocket", "client::conn", "hyper_util::client", "reqwest"],
        // Nodes of one database among themselves, known by a key that they share.
        places: &["crates/egress/", "crates/store/src/postgres/peer", TESTS, EXAMPLES, TESTKIT, XTASK],
        instead: "only ringup-egress opens connections: use its `Caller`",
    },
    Ban {
        rule: "sleep",
        texts: &["thread::sleep", "sleep_ms"],
        places: &[],
        instead: "wait for a signal or a condition with a deadline",
    },
    Ban {
        rule: "module",
        texts: &["mod utils;", "mod util;", "mod helpers;", "mod helper;", "mod common;", "mod misc;"],
        places: &[],
        instead: "a module says what it holds",
    },
];

/// Folders of one machine; a document or test that names one works nowhere else.
const MACHINE_PATHS: [&str; 4] = ["/work/", "/root/", "/home/", "/Users/"];

/// Lines that break a rule, and files that grew too long.
pub fn findings(file: &File) -> Vec<Finding> {
    let mut findings = machine_paths(file);
    // The bans themselves are texts in here.
    if !file.path.starts_with("xtask/src/tidy/") {
        for ban in BANS.iter().filter(|ban| !is_right(ban, &file.path)) {
            findings.extend(code_lines(file).filter(|(_, line)| ban.texts.iter().any(|text| line.contains(text))).map(
                |(line, _)| Finding { path: file.path.clone(), line, rule: ban.rule, what: ban.instead.to_owned() },
            ));
        }
    }
    let lines = file.text.lines().count();
    if lines > LINES_MAX {
        let what = format!("{lines} lines, more than {LINES_MAX}: it holds a second subject");
        findings.push(Finding { path: file.path.clone(), line: 0, rule: "length", what });
    }
    findings
}

fn is_right(ban: &Ban, path: &str) -> bool {
    ban.places.iter().any(|place| path.starts_with(place) || place.starts_with('/') && path.contains(place))
}

/// Paths of one machine, in any text file.
pub fn machine_paths(file: &File) -> Vec<Finding> {
    let numbered = file.text.lines().enumerate();
    let hits = numbered.filter(|(_, line)| MACHINE_PATHS.iter().any(|path| line.contains(path)));
    let hits = hits.filter(|_| !file.path.starts_with("xtask/src/tidy/"));
    hits.map(|(index, _)| Finding {
        path: file.path.clone(),
        line: index + 1,
        rule: "machine path",
        what: "a folder of one machine: make it relative, or take it from the configuration".to_owned(),
    })
    .collect()
}

/// Long enough to be asked for its second subject.
pub fn is_long(file: &File) -> bool {
    file.text.lines().count() > LINES_LONG
}

/// Lines that are not comments, numbered from 1.
fn code_lines(file: &File) -> impl Iterator<Item = (usize, &str)> {
    let numbered = file.text.lines().enumerate().map(|(index, line)| (index + 1, line));
    numbered.filter(|(_, line)| !line.trim_start().starts_with("//"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, text: &str, expected: &[&str]) {
        let file = File { path: path.to_owned(), text: text.to_owned() };
        let found: Vec<&str> = findings(&file).into_iter().map(|finding| finding.rule).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn bans_hold_outside_their_places() {
        check("crates/app/src/x.rs", "let x = std::env::var(\"X\");", &["environment"]);
        check("crates/ringup/src/main.rs", "let x = std::env::vars_os();", &[]);
        check("crates/app/src/x.rs", "#[allow(dead_code)]", &["allow"]);
        check("crates/app/src/x.rs", "// TcpStream::connect is not for us", &[]);
        check("crates/app/src/x.rs", "TcpStream::connect(x).await", &["outbound"]);
        check("crates/egress/src/x.rs", "TcpStream::connect(x).await", &[]);
        check("crates/app/tests/x.rs", "thread::sleep(x)", &["sleep"]);
        check("docs/x.rs", "see /home/someone/file", &["machine path"]);
        check("crates/app/src/x.rs", &"x\n".repeat(501), &["length"]);
        check("crates/app/src/x.rs", &"x\n".repeat(500), &[]);
    }
}
