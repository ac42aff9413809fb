//! Ringup, the program: reads the command line, the environment and the configuration, and hands over.

mod argument;
mod catalog;
mod catching;
mod cli;
mod config;
mod configurator;
mod data;
mod entrance;
mod greeting;
mod health;
mod house;
mod keys;
mod loyalty;
mod migrating;
mod probe;
mod remote;
mod send;
mod serve;
mod shell;
mod signal;
mod telemetry;

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;

use crate::cli::{Cli, Command, ConfigCommand, EncryptionCommand};
use crate::config::Environment;
use crate::loyalty::LoyaltyCommand;

/// Serves SQLite, too. Many threads free what others allocated: the system's allocator spends a tenth of the time on it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Exit code for a command line or a configuration that cannot be understood; clap uses the same.
const EXIT_USAGE: u8 = 2;

fn main() -> ExitCode {
    let cli = Cli::read(std::env::args_os()).unwrap_or_else(|error| error.exit());
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            // Standard error may be closed; there is nowhere left to say so.
            let _ = writeln!(std::io::stderr(), "ringup: {error:#}");
            let is_usage = error.is::<config::Mistakes>() || error.is::<argument::Usage>();
            if is_usage { ExitCode::from(EXIT_USAGE) } else { ExitCode::FAILURE }
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match &cli.command {
        Command::Version => return print(&format!("ringup {}\n", env!("CARGO_PKG_VERSION"))),
        Command::Openapi => return print(&format!("{:#}\n", ringup_api::document())),
        Command::Config(ConfigCommand::Docs) => return print(&config::reference()),
        // It reads no configuration: whoever writes a loyalty app has none.
        Command::Loyalty(LoyaltyCommand::Mock(arguments)) => return loyalty::mock(arguments, cli.listen()),
        _ => {}
    }
    let environment = environment();
    let failpoint = data::failpoint(&environment);
    let key = environment.get(remote::KEY_VARIABLE).and_then(|key| key.to_str()).map(str::to_owned);
    let loaded = config::load(&cli.sources(environment))?;
    match cli.command {
        Command::Config(ConfigCommand::Show { origin }) => print(&loaded.settings.show(origin)),
        Command::Serve => {
            telemetry::start(&loaded.config.log);
            serve::run(loaded, failpoint)
        }
        Command::Key(command) => print(&keys::key(command, &loaded.config)?),
        Command::Encryption(EncryptionCommand::Rotate { new_key_file }) => {
            print(&keys::rotate(new_key_file.as_deref(), &loaded.config)?)
        }
        Command::Catalog(command) => {
            let (text, is_well) = catalog::run(command, key.as_deref(), loaded.config.server.listen)?;
            print(&text)?;
            Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Command::Loyalty(LoyaltyCommand::Check(arguments)) => {
            let (text, is_well) = loyalty::check(&arguments, serve::egress_plan(&loaded.config)?)?;
            print(&text)?;
            Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Command::Loyalty(LoyaltyCommand::Call(command)) => {
            let (text, is_answered) = loyalty::call(&command, key.as_deref(), loaded.config.server.listen)?;
            print(&text)?;
            Ok(if is_answered { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Command::MigrateStore { from, to } => print(&migrating::run(from, to.as_deref(), &loaded.config)?),
        Command::Environment(command) => print(&keys::environment(command, &loaded.config)?),
        Command::Health { url } => {
            let (well, words) = probe::health(url.as_deref(), loaded.config.server.listen)?;
            print(&format!("{words}\n"))?;
            Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Command::Logs(arguments) => ended(remote::logs(&arguments, key.as_deref(), loaded.config.server.listen)),
        Command::Send(arguments) => {
            let arrived = send::send(&arguments, key.as_deref(), loaded.config.server.listen);
            let failed = matches!(arrived, Ok(false));
            let code = ended(arrived.map(|_| ()))?;
            Ok(if failed { ExitCode::FAILURE } else { code })
        }
        Command::Tail(arguments) => ended(remote::tail(&arguments, key.as_deref(), loaded.config.server.listen)),
        Command::Replay(arguments) => ended(remote::replay(&arguments, key.as_deref(), loaded.config.server.listen)),
        Command::Version
        | Command::Openapi
        | Command::Config(ConfigCommand::Docs)
        | Command::Loyalty(LoyaltyCommand::Mock(_)) => Ok(ExitCode::SUCCESS),
    }
}

/// Whoever reads may have seen enough, such as `head`.
fn ended(done: anyhow::Result<()>) -> anyhow::Result<ExitCode> {
    match done {
        Err(error) if error.downcast_ref::<std::io::Error>().is_some_and(is_closed) => Ok(ExitCode::SUCCESS),
        done => done.map(|()| ExitCode::SUCCESS),
    }
}

fn is_closed(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::BrokenPipe
}

/// The only place that reads the environment.
fn environment() -> Environment {
    // A name that is not UTF-8 is none of ours.
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect()
}

fn print(text: &str) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // Whoever reads has seen enough, such as `head`.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        result => result.context("cannot write to standard output").map(|()| ExitCode::SUCCESS),
    }
}
