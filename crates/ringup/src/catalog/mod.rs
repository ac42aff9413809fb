//! `ringup catalog`: the event types of an environment as a file, as a page for receivers, and what changed between two.

mod diff;
mod page;
mod read;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::cli::Remote;
use crate::remote;
use diff::{Breaks, Difference};
use read::Catalog;

#[derive(Subcommand, Clone, PartialEq, Eq, Debug)]
pub enum CatalogCommand {
    /// Name what changed between two catalogues, and whom it breaks; exits 1 if it breaks anybody
    #[command(
        long_about = "Name what changed between two catalogues, and whom it breaks: receivers, when a payload is no \
            longer what the old schema promised; publishers, when a payload that the old schema allowed is no longer \
            allowed. Exits 0 if nobody is broken, 1 if somebody is.\n\nEach file is what `ringup catalog export` wrote, \
            an answer of POST /api/v1/environment/export, or an OpenAPI document with webhooks.",
        after_help = "Examples:\n  \
            ringup catalog diff released.json catalog.json\n  \
            ringup openapi > built-in.json && ringup catalog diff built-in.json catalog.json"
    )]
    Diff {
        /// The catalogue that receivers know
        old: PathBuf,
        /// The catalogue that is to replace it
        new: PathBuf,
    },
    /// Print the event types of an environment of a running server, with their schemas
    #[command(after_help = "The key is read from RINGUP_KEY, or from a file.\n\nExamples:\n  \
        ringup catalog export > catalog.json\n  \
        ringup catalog export --url https://ringup.example --environment sandbox --key-file key")]
    Export(ExportArguments),
    /// Print a page about a catalogue for those who write receivers: one file, without script
    #[command(after_help = "Examples:\n  \
        ringup catalog export > catalog.json && ringup catalog html catalog.json > events.html\n  \
        ringup openapi > built-in.json && ringup catalog html built-in.json > events.html")]
    Html {
        /// What `ringup catalog export` wrote, or an OpenAPI document with webhooks
        file: PathBuf,
    },
}

/// Which server, and who asks.
#[derive(Args, Clone, PartialEq, Eq, Debug)]
pub struct ExportArguments {
    /// Address of the server [otherwise: the one of server.listen]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The environment, for an operator's key
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
    /// File with the key [otherwise: the variable RINGUP_KEY]
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
}

/// What to print, and whether all is well.
pub fn run(command: CatalogCommand, key: Option<&str>, listen: SocketAddr) -> anyhow::Result<(String, bool)> {
    match command {
        CatalogCommand::Diff { old, new } => {
            let found = diff::compare(&Catalog::read(&old)?, &Catalog::read(&new)?);
            let breaking = found.iter().filter(|one| one.breaks != Breaks::Nobody).count();
            Ok((told(&found, breaking), breaking == 0))
        }
        CatalogCommand::Export(ExportArguments { url, environment, key_file }) => {
            let remote = Remote { account: String::new(), url, environment, key_file };
            Ok((format!("{:#}\n", remote::export(&remote, key, listen)?), true))
        }
        CatalogCommand::Html { file } => Ok((page::html(&Catalog::read(&file)?), true)),
    }
}

fn told(found: &[Difference], breaking: usize) -> String {
    let mut text: String = found.iter().map(|one| format!("{one}\n")).collect();
    text.push_str(&match (found.len(), breaking) {
        (0, _) => "nothing changed\n".to_owned(),
        (all, 0) => format!("{all} changed, nobody is broken\n"),
        (all, breaking) => format!("{all} changed, {breaking} of them breaking\n"),
    });
    text
}
