//! Everything that is done to the repository by a command: `cargo xtask test`, `tidy`, `kill`, `bench`.

mod tidy;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

/// The tasks of this repository.
#[derive(Parser, Debug)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Task {
    /// Check arrows between crates, words, file lengths and links
    Tidy,
}

fn main() -> ExitCode {
    let result = match Task::parse() {
        Task::Tidy => tidy::run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
