//! The command line: what can be asked of the program, and its help.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use ringup_core::scope::Scope;
use ringup_core::time::Timestamp;

use crate::catalog::CatalogCommand;
use crate::config::value::Scalar;
use crate::config::{Environment, Flag, SYSTEM_FILE, Sources};
use crate::loyalty::LoyaltyCommand;
use crate::send::SendArguments;

/// The webhook system of a point of sale: keeps every event it accepts and delivers it to every receiver that asked.
#[derive(Parser, Debug)]
#[command(
    name = "ringup",
    version,
    subcommand_required = true,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    after_help = "Examples:\n  \
        ringup serve                                  start with a data folder in ./ringup-data\n  \
        ringup key create --environment live          print a key that may publish\n  \
        ringup config show --origin                   print every value in force and where it was set\n\n\
        Every command has its own examples: ringup COMMAND --help"
)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

/// A command line that was understood.
#[derive(Clone, Debug)]
pub struct Cli {
    pub command: Command,
    config_file: Option<PathBuf>,
    flags: Vec<Flag>,
}

impl Cli {
    /// # Errors
    /// What clap prints for a line it does not understand, or for `--help`.
    pub fn read(arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> Result<Self, clap::Error> {
        let matches = definition().try_get_matches_from(arguments)?;
        let mut cli = Self { command: Line::from_arg_matches(&matches)?.command, config_file: None, flags: Vec::new() };
        let mut level = Some(&matches);
        while let Some(matches) = level {
            cli.take(ConfigFlags::from_arg_matches(matches)?);
            level = matches.subcommand().map(|(_, inner)| inner);
        }
        Ok(cli)
    }

    /// The layers to read, with the variables of the process.
    pub fn sources(&self, environment: Environment) -> Sources {
        Sources {
            system_file: PathBuf::from(SYSTEM_FILE),
            config_file: self.config_file.clone(),
            environment,
            flags: self.flags.clone(),
        }
    }

    /// The last address given with `--listen`.
    pub fn listen(&self) -> Option<&str> {
        let listen = self.flags.iter().rev().find_map(|flag| match flag {
            Flag::Listen(address) => Some(address.as_str()),
            Flag::Set(_) | Flag::DataDir(_) => None,
        });
        listen.filter(|address| !address.is_empty())
    }

    fn take(&mut self, flags: ConfigFlags) {
        self.config_file = flags.config.or(self.config_file.take());
        self.flags.extend(flags.set.into_iter().map(Flag::Set));
        self.flags.extend(flags.data_dir.map(Flag::DataDir));
        self.flags.extend(flags.listen.map(Flag::Listen));
    }
}

/// Every command takes the configuration flags, before and after its name. Flags that are global in clap's sense would
/// do, but of a flag that is given on both sides they forget one.
fn definition() -> clap::Command {
    fn with_flags(command: clap::Command) -> clap::Command {
        let listens_elsewhere = command.get_name() == "mock";
        let command = ConfigFlags::augment_args(command.mut_subcommands(with_flags));
        if !listens_elsewhere {
            return command;
        }
        let help = format!("Listen on this address and port [otherwise: {}]", crate::loyalty::MOCK_LISTEN);
        command.mut_arg("listen", |listen| listen.help(help))
    }
    with_flags(Line::command())
}

// Where the configuration is read from; the same for every command. As a doc comment this would replace theirs.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Configuration")]
struct ConfigFlags {
    /// Read this TOML file [otherwise: the file named by RINGUP_CONFIG]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Keep the embedded store in this folder [otherwise: ./ringup-data]
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<String>,
    /// Listen on this address and port [otherwise: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Set any key that is not a secret, such as delivery.cooldown=30s; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

#[derive(Subcommand, Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// Start the server
    #[command(
        long_about = "Start the server. The first start creates the data folder and the environment `live`, and prints \
            an operator key once.\n\nSIGTERM or Ctrl-C stops it: what is in flight is finished within \
            server.shutdown_grace, the rest is kept and sent after the next start.",
        after_help = "Examples:\n  \
            ringup serve\n  \
            ringup serve --data-dir /var/lib/ringup --listen 0.0.0.0:8080\n  \
            ringup serve --set egress.allow_http=true --set egress.allow_networks=127.0.0.0/8"
    )]
    Serve,
    /// Look at the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Make, list and revoke keys, with the server running or stopped
    #[command(subcommand)]
    Key(KeyCommand),
    /// Make and list environments, with the server running or stopped
    #[command(subcommand)]
    Environment(EnvironmentCommand),
    /// Print what the API can do, as an OpenAPI document
    #[command(after_help = "Example:\n  ringup openapi > openapi.json")]
    Openapi,
    /// Print, draw and compare catalogues of event types
    #[command(subcommand)]
    Catalog(CatalogCommand),
    /// Try an External Loyalty App: play one, check one, ask one as a till does
    #[command(subcommand)]
    Loyalty(LoyaltyCommand),
    /// Seal the secrets in the data folder with another key
    #[command(subcommand)]
    Encryption(EncryptionCommand),
    /// Move the store of a data folder into a PostgreSQL database
    #[command(
        long_about = "Move the store of a data folder into a PostgreSQL database: configuration, events, deliveries that \
            wait, and the log. The server must be stopped. What was moved is counted and summed in both; only then may \
            nodes start there.\n\nIt may be broken off at any time: the same command goes on where it was. The folder is \
            not changed, but for the file moved.json, which keeps a server from starting in it.",
        after_help = "The database needs a key for its secrets: store.encryption_key.\n\nExamples:\n  \
            ringup migrate-store --from ringup-data --to postgres://ringup@db.example/ringup\n  \
            RINGUP__STORE__URL=postgres://ringup:password@db.example/ringup ringup migrate-store --from ringup-data"
    )]
    MigrateStore {
        /// The data folder [otherwise: the one of store.data_dir]
        #[arg(long, value_name = "FOLDER")]
        from: Option<PathBuf>,
        /// The database, which holds nothing of ringup yet [otherwise: the one of store.url]
        #[arg(long, value_name = "URL")]
        to: Option<String>,
    },
    /// Ask a running server whether it is well; exits 0 if it is, 1 if not
    #[command(after_help = "Examples:\n  \
        ringup health\n  \
        ringup health --url https://ringup.example")]
    Health {
        /// Address of the server [otherwise: the one of server.listen]
        #[arg(long, value_name = "URL")]
        url: Option<String>,
    },
    /// Send a sample of an event through the real path, and see what becomes of it
    #[command(
        long_about = "Send a sample of an event through the real path: it is stored, signed, delivered and logged like any \
            other, and marked as a test (ringup.test). The sample is the one of the catalogue, byte for byte but for the \
            fields that are given.\n\nExits 1 if it did not arrive everywhere while it was watched. What is still to be \
            repeated is repeated.",
        after_help = "The key is read from RINGUP_KEY, or from a file. It needs the scope publish, with --to recover.\n\nExamples:\n  \
        ringup send invoiceCreated --account kopi-kita\n  \
        ringup send invoiceCreated --account kopi-kita --field Total=148000 --to https://erp.example/hooks\n  \
        ringup send closeShift --account kopi-kita --payload @shift.json --wait 0s\n  \
        ringup send invoiceCreated --account kopi-kita --count 100 --rate 10"
    )]
    Send(SendArguments),
    /// Search the log of an account of a running server, newest first
    #[command(
        after_help = "The key is read from RINGUP_KEY, or from a file. What can be searched for: docs/logs.md\n\nExamples:\n  \
        ringup logs --account kopi-kita --query 'status:failed after:-1h'\n  \
        ringup logs --account kopi-kita --query 'data.Total:>100000' --json"
    )]
    Logs(LogsArguments),
    /// Follow the log of an account of a running server as it grows
    #[command(
        after_help = "The key is read from RINGUP_KEY, or from a file. A lost connection goes on where it was.\n\nExamples:\n  \
        ringup tail --account kopi-kita\n  \
        ringup tail --account kopi-kita --query 'status:error url:\"ERP sync\"'"
    )]
    Tail(TailArguments),
    /// Send again every delivery of an account whose newest attempt a search of the log finds
    #[command(
        after_help = "The key is read from RINGUP_KEY, or from a file. Ending the command leaves the work running on the server.\n\nExamples:\n  \
        ringup replay --account kopi-kita --query 'status:failed after:-1h' --dry-run\n  \
        ringup replay --account kopi-kita --query 'status:failed url:erp' --rate 20"
    )]
    Replay(ReplayArguments),
    /// Print the version
    #[command(after_help = "Example:\n  ringup version")]
    Version,
}

/// Which server, which account there, and who asks.
#[derive(Args, Clone, PartialEq, Eq, Debug)]
pub struct Remote {
    /// The account's id or uid
    #[arg(long, value_name = "NAME")]
    pub account: String,
    /// Address of the server [otherwise: the one of server.listen]
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// The environment to act in, for an operator's key
    #[arg(long, value_name = "NAME")]
    pub environment: Option<String>,
    /// File with the key [otherwise: the variable RINGUP_KEY]
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
}

#[derive(Args, Clone, PartialEq, Eq, Debug)]
pub struct LogsArguments {
    #[command(flatten)]
    pub remote: Remote,
    /// What to search for [otherwise: everything]
    #[arg(long, value_name = "SEARCH", default_value = "", hide_default_value = true)]
    pub query: String,
    /// Lines at most
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    pub limit: usize,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Clone, PartialEq, Eq, Debug)]
pub struct TailArguments {
    #[command(flatten)]
    pub remote: Remote,
    /// What to search for [otherwise: everything]
    #[arg(long, value_name = "SEARCH", default_value = "", hide_default_value = true)]
    pub query: String,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Clone, PartialEq, Eq, Debug)]
pub struct ReplayArguments {
    #[command(flatten)]
    pub remote: Remote,
    /// What to send again
    #[arg(long, value_name = "SEARCH")]
    pub query: String,
    /// Deliveries a second, at most
    #[arg(long, value_name = "COUNT")]
    pub rate: Option<u32>,
    /// Only count
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Subcommand, Clone, PartialEq, Eq, Debug)]
pub enum ConfigCommand {
    /// Print every value in force; secrets are hidden
    #[command(after_help = "Examples:\n  \
        ringup config show\n  \
        ringup config show --origin --config ringup.toml")]
    Show {
        /// Say of each value where it was set
        #[arg(long)]
        origin: bool,
    },
    /// Print the reference of all keys, in Markdown
    #[command(after_help = "Example:\n  ringup config docs > configuration.md")]
    Docs,
}

#[derive(Subcommand, Clone, PartialEq, Eq, Debug)]
pub enum KeyCommand {
    /// Make a key for one environment and print it; nothing else goes to standard output
    #[command(
        long_about = "Make a key for one environment and print it. Nothing else goes to standard output. The key is \
            shown this once: only a digest of it is kept.",
        after_help = "Examples:\n  \
            ringup key create --environment live --name \"till software\"\n  \
            ringup key create --environment live --scope publish --scope read --expires 90d\n  \
            KEY=$(ringup key create --environment sandbox --read-only)"
    )]
    Create {
        /// Environment the key is for
        #[arg(long, value_name = "NAME")]
        environment: String,
        /// What the key is for, shown in the list
        #[arg(long, value_name = "TEXT")]
        name: Option<String>,
        /// What it may do; can be given several times [otherwise: everything in its environment]
        #[arg(long, value_name = "SCOPE", value_delimiter = ',', value_parser = scope, conflicts_with = "read_only")]
        scope: Vec<Scope>,
        /// May only look: the same as `--scope read`
        #[arg(long)]
        read_only: bool,
        /// When it ends: after a time such as 90d or 12h, or at a moment such as 2027-01-31T00:00:00Z
        #[arg(long, value_name = "WHEN", value_parser = Expiry::read)]
        expires: Option<Expiry>,
    },
    /// List the keys: id, environment, state, scopes, when made, name; never the key itself
    #[command(after_help = "Example:\n  ringup key list")]
    List,
    /// Revoke a key; requests that carry it are refused from then on
    #[command(after_help = "Example:\n  ringup key revoke ID      with an ID that `ringup key list` prints")]
    Revoke {
        /// Id of the key
        id: String,
    },
}

/// When a key ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expiry {
    After(Duration),
    At(Timestamp),
}

impl Expiry {
    fn read(text: &str) -> Result<Expiry, String> {
        if let Ok(at) = text.parse::<jiff::Timestamp>() {
            return Ok(Expiry::At(Timestamp::from_micros(at.as_microsecond())));
        }
        match <Duration as Scalar>::parse(text) {
            Ok(Duration::ZERO) => Err("such a key is already over when it is made".to_owned()),
            Ok(after) => Ok(Expiry::After(after)),
            Err(why) => {
                Err(format!("it {why}; expected a time such as 90d or 12h, or a moment such as 2027-01-31T00:00:00Z"))
            }
        }
    }

    pub fn from(self, now: Timestamp) -> Timestamp {
        match self {
            Expiry::After(after) => now.saturating_add(after),
            Expiry::At(at) => at,
        }
    }
}

fn scope(word: &str) -> Result<Scope, String> {
    Scope::from_word(word)
        .ok_or_else(|| format!("there is no such scope; there are: {}", Scope::ALL.map(Scope::word).join(", ")))
}

#[derive(Subcommand, Clone, PartialEq, Eq, Debug)]
pub enum EnvironmentCommand {
    /// Make an environment: a closed world with its own keys, event types and accounts
    #[command(after_help = "Examples:\n  \
        ringup environment create sandbox\n  \
        ringup environment create staging --strict")]
    Create {
        /// Name of the environment
        name: String,
        /// Refuse event types that nobody registered
        #[arg(long)]
        strict: bool,
    },
    /// List the environments
    #[command(after_help = "Example:\n  ringup environment list")]
    List,
}

#[derive(Subcommand, Clone, PartialEq, Eq, Debug)]
pub enum EncryptionCommand {
    /// Seal all secrets anew with a new key; the server must be stopped
    #[command(
        long_about = "Seal all secrets anew with a new key; the server must be stopped. Without a file the new key is \
            made by ringup and replaces encryption.key in the data folder. Older backups still need the old key.",
        after_help = "Examples:\n  \
            ringup encryption rotate\n  \
            ringup encryption rotate --new-key-file new.key"
    )]
    Rotate {
        /// File with the new key, 32 bytes in base64
        #[arg(long, value_name = "FILE")]
        new_key_file: Option<PathBuf>,
    },
}

#[cfg(test)]
mod tests;
