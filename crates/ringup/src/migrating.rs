//! `ringup migrate-store`: moves a data folder's store into a database.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use ringup_core::ports::Random as _;
use ringup_store::migration::{self, Arrived, Progress, Stage};
use ringup_store::postgres;
use ringup_store::sqlite::Plan;

use crate::config::table::Config;
use crate::shell::SystemRandom;

/// Lines that say how far it is, where nobody looks at a bar: one for each of so many parts of the whole.
const LINES: u64 = 20;

/// Answers what goes to standard output.
pub fn run(from: Option<PathBuf>, to: Option<&str>, config: &Config) -> anyhow::Result<String> {
    let from = from.unwrap_or_else(|| config.store.data_dir.clone());
    let Some(to) = to.or(config.store.url.as_ref().map(|url| url.expose())) else {
        bail!(
            "where to? Name the database with --to postgres://USER:PASSWORD@HOST/DATABASE, or, so that no list of \
             processes shows its password, with the variable RINGUP__STORE__URL"
        );
    };
    let Some(key) = &config.store.encryption_key else {
        bail!(
            "the database's secrets need a key that every node will have: set store.encryption_key. The folder's own will \
             do: RINGUP__STORE__ENCRYPTION_KEY=\"$(cat {}/encryption.key)\"",
            from.display()
        );
    };
    let roots = ringup_egress::load_roots(&config.egress.ca_files).context("egress.ca_files")?;
    let mut source = Plan::new(from.clone());
    source.encryption_key = Some(key.sealing().clone());
    let target = postgres::Plan::new(to, &roots, key.sealing().clone(), "migrate-store".to_owned())?;
    let place = target.place();
    let mut random = [0; 8];
    SystemRandom.fill(&mut random);
    let id = format!("{:016x}", u64::from_be_bytes(random));
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("threads cannot be started")?;
    let shown = Shown::new();
    let moved = runtime.block_on(migration::migrate(source, target, &id, |progress| shown.show(progress)));
    shown.end();
    let arrived = moved.map_err(|error| {
        anyhow::anyhow!("{error}\nWhat has arrived stays there: the same command goes on where this one stopped.")
    });
    Ok(said(&arrived?, &from.display().to_string(), &place))
}

fn said(arrived: &Arrived, from: &str, place: &str) -> String {
    let Arrived { accounts, endpoints, events, live, attempts, before } = arrived;
    let head = match before {
        true => format!("The store of {from} had arrived at {place} before: nothing was to be done.\n"),
        false => format!("The store of {from} is at {place} now, counted and summed in both.\n"),
    };
    format!(
        "{head}\
         {accounts} accounts, {endpoints} endpoints, {events} events, {live} deliveries waiting, {attempts} attempts in the log.\n\
         Start the nodes with store.url and store.encryption_key set. The node that is started with \
         --data-dir {from} brings its request catchers along, with their URLs.\n"
    )
}

/// A bar for who looks on, and a line now and then for a file.
struct Shown {
    bar: ProgressBar,
    /// The last line that was written.
    line: Mutex<Option<(Stage, u64)>>,
}

impl Shown {
    fn new() -> Shown {
        let target = match std::io::stderr().is_terminal() {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        let style = ProgressStyle::with_template(
            "{msg:9} {wide_bar} {percent:>3} %  {human_pos} of {human_len} rows, {eta} left",
        );
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.enable_steady_tick(Duration::from_millis(200));
        Shown { bar, line: Mutex::new(None) }
    }

    fn show(&self, progress: Progress) {
        let Progress { stage, rows_done, rows_total } = progress;
        let word = match stage {
            Stage::Moving => "moving",
            Stage::Checking => "checking",
        };
        if self.bar.is_hidden() {
            let part = rows_done.saturating_mul(LINES) / rows_total.max(1);
            let mut last = self.line.lock().unwrap_or_else(PoisonError::into_inner);
            if *last != Some((stage, part)) {
                *last = Some((stage, part));
                eprintln!("{word}: {rows_done} of {rows_total} rows");
            }
            return;
        }
        self.bar.set_message(word);
        self.bar.set_length(rows_total);
        self.bar.set_position(rows_done);
    }

    fn end(&self) {
        self.bar.finish_and_clear();
    }
}
