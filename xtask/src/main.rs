//! Everything that is done to the repository by a command: `cargo xtask test`, `tidy`, `kill`, `chaos`, `bench`.

mod api_table;
mod bench;
mod chaos;
mod child;
mod deploy;
mod interop;
mod kill;
mod package;
mod receiver;
mod schemathesis;
mod screenshots;
mod sdk;
mod smoke;
mod test;
mod tidy;
mod trial;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

/// The tasks of this repository.
#[derive(Parser, Debug)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Task {
    /// Run every check: what continuous integration runs
    Test(test::Options),
    /// Kill the release binary under load again and again, and compare what is left with what was promised
    Kill(kill::Options),
    /// Break three nodes on PostgreSQL and their database again and again, and compare what is left with what was promised
    Chaos(chaos::Options),
    /// Measure the release binary and compare with the numbers to hold
    Bench(bench::Options),
    /// A process of a measurement
    #[command(subcommand, hide = true)]
    Part(bench::part::Part),
    /// Show what a receiver on this machine gets, and whether its signature holds
    Receiver(receiver::Options),
    /// Write docs/api-compatibility.md from the program's OpenAPI document
    ApiTable,
    /// Take pictures of every page of the console, light and dark, for a desk and for a hand
    Screenshots(screenshots::Options),
    /// Check arrows between crates, words, file lengths and links
    Tidy,
}

fn main() -> ExitCode {
    let result = match Task::parse() {
        Task::Test(options) => test::run(&options),
        Task::Kill(options) => kill::run(&options),
        Task::Chaos(options) => chaos::run(&options),
        Task::Bench(options) => bench::run(&options),
        Task::Part(part) => bench::part::run(&part),
        Task::Receiver(options) => receiver::run(&options),
        Task::ApiTable => api_table::write(),
        Task::Screenshots(options) => screenshots::run(&options),
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
