//! A PostgreSQL server of the tests' own: made in a temporary folder, ended with the tests.
//!
//! One server is shared by all tests that one runner starts, whether it gives each its own process or not: the first
//! test makes it, and a small watcher ends it when the runner is gone, however that ended. Each test has a schema to
//! itself. A test that ends or pauses its server has one of its own.

mod copy;
mod pair;
mod tls;

use std::{
    env,
    ffi::OsStr,
    fs::{self, File},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::{Path, PathBuf},
    process::{self, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::{Context, Result, bail, ensure};

pub use self::pair::Pair;
use crate::tempdir::TempDir;

/// The oldest server that the store takes.
const VERSION_MIN: u32 = 15;

/// Durable only as long as the machine stands: tests end processes, not machines.
const OPTIONS: &str = "-c listen_addresses='' -c fsync=off -c full_page_writes=off -c max_connections=500 \
                       -c shared_buffers=64MB -c max_wal_size=256MB -c max_locks_per_transaction=256 \
                       -c wal_retrieve_retry_interval=100ms";

/// Names the socket of a server that listens nowhere else.
const PORT: u16 = 5432;

/// A server, reached by a socket in its folder.
pub struct Postgres {
    folder: PathBuf,
    bin: PathBuf,
    /// Removed when its one owner goes; `None` for the shared one.
    own: Option<TempDir>,
    /// Options beside those of all servers.
    more: String,
    port: u16,
}

impl Postgres {
    /// The server that all tests of this runner share.
    pub fn shared() -> Result<Postgres> {
        let runner = std::os::unix::process::parent_id();
        let folder = env::temp_dir().join(format!("ringup-postgres-{runner}"));
        fs::create_dir_all(&folder)?;
        // Held while it is made: others that start meanwhile wait here and find it.
        let lock = File::create(folder.join("lock"))?;
        lock.lock()?;
        let server = Postgres { bin: bin()?, folder, own: None, more: String::new(), port: PORT };
        if !server.folder.join("ready").exists() {
            server.make()?;
            server.start()?;
            server.watch(runner)?;
            fs::write(server.folder.join("ready"), "")?;
        }
        Ok(server)
    }

    /// A server for one test alone, which may end it.
    pub fn own() -> Result<Postgres> {
        Postgres::own_with(String::new())
    }

    /// One that is measured: it syncs what it commits, and has the memory that a server has.
    pub fn durable() -> Result<Postgres> {
        Postgres::own_with(
            "-c fsync=on -c full_page_writes=on -c shared_buffers=512MB -c max_wal_size=4GB -c wal_compression=lz4"
                .to_owned(),
        )
    }

    fn own_with(more: String) -> Result<Postgres> {
        let server = Postgres::unmade(more, PORT)?;
        server.make()?;
        server.start()?;
        Ok(server)
    }

    fn unmade(more: String, port: u16) -> Result<Postgres> {
        let folder = TempDir::new("postgres")?;
        let path = folder.path().to_owned();
        Ok(Postgres { bin: bin()?, folder: path, own: Some(folder), more, port })
    }

    /// Why no server can be started here, if none can.
    pub fn missing() -> Option<String> {
        bin().err().map(|error| format!("{error:#}"))
    }

    /// The address of a fresh schema, as `store.url` takes it.
    pub fn schema(&self) -> Result<String> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("case_{}_{number}", process::id());
        self.run(&format!("CREATE SCHEMA {name}"))?;
        Ok(self.url_of(&name))
    }

    /// The address of the schema that goes with a data folder, fresh the first time.
    pub fn schema_of(&self, folder: &Path) -> Result<String> {
        let mut hasher = DefaultHasher::new();
        folder.hash(&mut hasher);
        let name = format!("folder_{:016x}", hasher.finish());
        self.run(&format!("CREATE SCHEMA IF NOT EXISTS {name}"))?;
        Ok(self.url_of(&name))
    }

    fn url_of(&self, schema: &str) -> String {
        let socket = self.folder.display().to_string().replace('/', "%2F");
        format!("postgres://postgres@{socket}/postgres?options=-csearch_path%3D{schema}")
    }

    /// Runs statements as the server's owner; answers what they print, without heads.
    pub fn run(&self, sql: &str) -> Result<String> {
        let mut psql = Command::new(self.bin.join("psql"));
        psql.args(["-qAtX", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", "postgres", "-c", sql, "-h"]);
        psql.arg(&self.folder).args(["-p", &self.port.to_string()]);
        let output = psql.output().context("psql")?;
        ensure!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    pub fn start(&self) -> Result<()> {
        let log = self.folder.join("log");
        let options = format!("{OPTIONS} {} -k {}", self.more, self.folder.display());
        self.as_owner(
            "pg_ctl",
            &[
                "start".as_ref(),
                "-w".as_ref(),
                "-s".as_ref(),
                "-t".as_ref(),
                "120".as_ref(),
                "-D".as_ref(),
                self.data().as_os_str(),
                "-l".as_ref(),
                log.as_os_str(),
                "-o".as_ref(),
                options.as_ref(),
            ],
        )
        .with_context(|| fs::read_to_string(&log).unwrap_or_default())
    }

    /// The process that all its others descend from.
    pub fn pid(&self) -> Result<u32> {
        let text = fs::read_to_string(self.data().join("postmaster.pid"))?;
        Ok(text.lines().next().unwrap_or_default().trim().parse()?)
    }

    /// Where it listens.
    pub fn socket(&self) -> PathBuf {
        self.folder.join(format!(".s.PGSQL.{}", self.port))
    }

    /// Ends it as a `kill -9` of all its processes would: nothing is written any more.
    pub fn stop_at_once(&self) -> Result<()> {
        self.as_owner(
            "pg_ctl",
            &[
                "stop".as_ref(),
                "-s".as_ref(),
                "-m".as_ref(),
                "immediate".as_ref(),
                "-D".as_ref(),
                self.data().as_os_str(),
            ],
        )
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn make(&self) -> Result<()> {
        let data = self.data();
        if data.exists() {
            // Left by a runner of the past that had this number.
            fs::remove_dir_all(&data)?;
        }
        self.hand_over()?;
        self.as_owner(
            "initdb",
            &[
                "-A".as_ref(),
                "trust".as_ref(),
                "-U".as_ref(),
                "postgres".as_ref(),
                "-N".as_ref(),
                "--no-locale".as_ref(),
                "-E".as_ref(),
                "UTF8".as_ref(),
                "-D".as_ref(),
                data.as_os_str(),
            ],
        )
    }

    /// Gives its folder to the user that it runs as.
    fn hand_over(&self) -> Result<()> {
        if let Some((owner, group)) = owner()? {
            std::os::unix::fs::chown(&self.folder, Some(owner), Some(group))?;
        }
        Ok(())
    }

    /// Ends the server once the process with this number is gone, and takes its folder away.
    fn watch(&self, runner: u32) -> Result<()> {
        let script =
            "while kill -0 \"$1\" 2>/dev/null; do sleep 1; done; kill -QUIT \"$(head -n 1 \"$2/data/postmaster.pid\")\"
                      sleep 2; rm -rf \"$2\"";
        let mut watcher = Command::new("sh");
        watcher.args(["-c", script, "sh", &runner.to_string()]).arg(&self.folder);
        watcher.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).current_dir("/");
        std::os::unix::process::CommandExt::process_group(&mut watcher, 0);
        watcher.spawn().context("the watcher of the database")?;
        Ok(())
    }

    /// Runs a program of PostgreSQL, which refuses to run for root: then as the user that Debian made for it.
    fn as_owner(&self, program: &str, arguments: &[&OsStr]) -> Result<()> {
        let path = self.bin.join(program);
        let mut command = match owner()? {
            Some(_) => {
                let mut command = Command::new("runuser");
                command.args(["-u", OWNER, "--"]).arg(path);
                command
            }
            None => Command::new(path),
        };
        let output = File::create(self.folder.join(format!("{program}.out")))?;
        let command = command.args(arguments).stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let status = command.current_dir("/").status().with_context(|| program.to_owned())?;
        let said = || fs::read_to_string(self.folder.join(format!("{program}.out"))).unwrap_or_default();
        ensure!(status.success(), "{program}: {}", said());
        Ok(())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if self.own.is_some() {
            // It may have been ended by its test.
            let _ = self.stop_at_once();
        }
    }
}

const OWNER: &str = "postgres";

/// User and group to run as, where this process is root.
fn owner() -> Result<Option<(u32, u32)>> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let passwd = fs::read_to_string("/etc/passwd")?;
    let line = passwd.lines().find_map(|line| line.strip_prefix("postgres:x:"));
    let mut numbers = line.context("no user postgres: apt-get install postgresql")?.split(':').map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(owner)), Some(Ok(group))) => Ok(Some((owner, group))),
        _ => bail!("the user postgres has no numbers in /etc/passwd"),
    }
}

/// Where the newest server's programs are.
fn bin() -> Result<PathBuf> {
    let debian = Path::new("/usr/lib/postgresql");
    let versions = fs::read_dir(debian).into_iter().flatten().flatten();
    let versions = versions.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    if let Some(newest) = versions.filter(|version| *version >= VERSION_MIN).max() {
        let bin = debian.join(newest.to_string()).join("bin");
        if bin.join("initdb").exists() {
            return Ok(bin);
        }
    }
    let paths = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&paths).find(|path| path.join("initdb").exists() && path.join("psql").exists());
    found.with_context(|| {
        format!("PostgreSQL {VERSION_MIN} or newer is needed by these tests: apt-get install postgresql, or put initdb in PATH")
    })
}
