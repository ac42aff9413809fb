//! The real `ringup` binary as a child process: started on a free port, waited for, killed, restarted.

mod output;
mod usage;

use std::{
    collections::BTreeMap,
    env,
    ffi::OsString,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process};

pub use self::{
    output::Output,
    usage::{Usage, cpu_with_children},
};
use crate::client::Client;
use crate::postgres::Postgres;

/// Names the binary to test; else it is looked for beside the running test.
pub const BINARY_VARIABLE: &str = "RINGUP_BIN";

/// The operator key that servers start with unless the setup says otherwise.
pub const OPERATOR_KEY: &str = "rk_testkitTestkitTestkitTestkitTestkit0";

/// Where servers keep what is not said otherwise: `postgres` gives each data folder a schema of its own in the database
/// that the tests share. So a test of the product is one of both homes.
pub const STORE_VARIABLE: &str = "RINGUP_TESTKIT_STORE";

/// The encryption key of servers on PostgreSQL.
const ENCRYPTION_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// How often a condition of a child process is looked at, where no signal exists.
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// Tries to start while others take the free port first.
const STARTS_MAX: usize = 5;

/// How to start a server.
#[derive(Clone, Debug)]
pub struct ServerSetup {
    pub binary: PathBuf,
    pub data_dir: PathBuf,
    /// The port to listen on; none takes a free one, and a restart keeps it.
    pub port: Option<u16>,
    /// Flags after `serve`.
    pub args: Vec<String>,
    /// `RINGUP__…` variables; no other `RINGUP` variable reaches the child.
    pub env: BTreeMap<String, String>,
    /// From spawn to the first 2xx of the health check.
    pub ready_within: Duration,
    /// The key of [`Server::client`], given to the server as its operator key.
    pub key: String,
}

impl ServerSetup {
    /// The built binary on this data folder; plain HTTP to loopback receivers is allowed.
    pub fn new(data_dir: impl Into<PathBuf>) -> Result<Self> {
        Ok(Self::with_binary(find_binary()?, data_dir))
    }

    /// The same with a known binary, such as `env!("CARGO_BIN_EXE_ringup")`.
    pub fn with_binary(binary: impl Into<PathBuf>, data_dir: impl Into<PathBuf>) -> Self {
        let env = [("RINGUP__EGRESS__ALLOW_NETWORKS", "127.0.0.0/8"), ("RINGUP__EGRESS__ALLOW_HTTP", "true")];
        Self {
            binary: binary.into(),
            data_dir: data_dir.into(),
            port: None,
            args: Vec::new(),
            env: env.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            ready_within: Duration::from_secs(30),
            key: OPERATOR_KEY.to_owned(),
        }
    }

    /// Sets `RINGUP__…`: `setup.with("DELIVERY__COOLDOWN", "50ms")`.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.env.insert(format!("RINGUP__{name}"), value.to_owned());
        self
    }

    /// With the store that [`STORE_VARIABLE`] says, if the setup says nothing of it.
    fn at_home(self) -> Result<Self> {
        let wanted = env::var_os(STORE_VARIABLE).is_some_and(|store| store == "postgres");
        if !wanted || self.env.contains_key("RINGUP__STORE__URL") {
            return Ok(self);
        }
        let url = Postgres::shared()?.schema_of(&self.data_dir)?;
        Ok(self.with("STORE__URL", &url).with("STORE__ENCRYPTION_KEY", ENCRYPTION_KEY))
    }

    /// The binary with these arguments, the data folder and the environment of this setup, not started:
    /// for subcommands such as `key create`.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        for (name, _) in env::vars_os().filter(|(name, _)| is_ringup(name)) {
            command.env_remove(name);
        }
        command.args(args).arg("--data-dir").arg(&self.data_dir).envs(&self.env).stdin(Stdio::null());
        command
    }

    fn serve(&self, port: u16) -> Command {
        let mut command = self.command(&["serve"]);
        command.arg("--listen").arg(format!("127.0.0.1:{port}")).args(&self.args);
        if !self.key.is_empty() {
            command.env("RINGUP__BOOTSTRAP__KEY", &self.key);
        }
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

/// A running (or killed) server. Dropping it kills the process; in a panic its last lines are printed.
#[derive(Debug)]
pub struct Server {
    setup: ServerSetup,
    address: SocketAddr,
    child: Option<Child>,
    output: Output,
    ready_after: Duration,
}

impl Server {
    /// Starts and waits until the health check answers 2xx.
    pub async fn start(setup: ServerSetup) -> Result<Self> {
        let setup = setup.at_home()?;
        let mut starts = 0;
        loop {
            starts += 1;
            let port = setup.port.map_or_else(free_port, Ok)?;
            match Self::start_on(setup.clone(), port).await {
                Err(error) if starts < STARTS_MAX && setup.port.is_none() && is_port_taken(&error) => {}
                result => return result,
            }
        }
    }

    async fn start_on(setup: ServerSetup, port: u16) -> Result<Self> {
        let mut server = Self::down(setup, port);
        server.spawn().await?;
        Ok(server)
    }

    /// One that will listen on this port and was not started yet.
    pub fn down(setup: ServerSetup, port: u16) -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self { setup, address, child: None, output: Output::default(), ready_after: Duration::ZERO }
    }

    /// Where it listens, also while it is down.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A client with the operator key.
    pub fn client(&self) -> Client {
        Client::new(self.address, &self.setup.key)
    }

    pub fn setup(&self) -> &ServerSetup {
        &self.setup
    }

    /// Changes what the next start uses.
    pub fn setup_mut(&mut self) -> &mut ServerSetup {
        &mut self.setup
    }

    /// From spawn to the first 2xx of the health check, for the latest start.
    pub fn ready_after(&self) -> Duration {
        self.ready_after
    }

    /// The process id while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// What it printed to stdout and stderr over all its starts, as far as kept.
    pub fn output(&self) -> &Output {
        &self.output
    }

    /// `kill -9`; returns when the process is gone.
    pub fn kill9(&mut self) -> Result<()> {
        let mut child = self.child.take().context("the server is not running")?;
        child.kill().context("killing the server")?;
        child.wait().context("waiting for the killed server")?;
        Ok(())
    }

    /// Asks it to stop and waits for its end, which must come within `deadline`.
    pub async fn sigterm(&mut self, deadline: Duration) -> Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        self.wait_exit(deadline).await
    }

    /// Sends a signal: `STOP` and `CONT` for a pause.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let child = self.child.as_ref().context("the server is not running")?;
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).context("a process id")?;
        kill_process(pid, signal).context("signalling the server")
    }

    /// Waits for the process to end by itself (a failpoint, a refusal) and leaves it stopped.
    pub async fn wait_exit(&mut self, deadline: Duration) -> Result<ExitStatus> {
        let until = Instant::now() + deadline;
        let child = self.child.as_mut().context("the server is not running")?;
        loop {
            if let Some(status) = child.try_wait().context("looking for the server's end")? {
                self.child = None;
                return Ok(status);
            }
            if Instant::now() > until {
                bail!("the server still runs after {deadline:?}");
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Starts it again on the same data folder and port; how long until it was ready.
    pub async fn restart(&mut self) -> Result<Duration> {
        if self.child.is_some() {
            bail!("the server still runs");
        }
        self.spawn().await?;
        Ok(self.ready_after)
    }

    /// Starts it and does not wait: a node of a cluster may be ready much later.
    pub fn launch(&mut self) -> Result<()> {
        if self.child.is_some() {
            bail!("the server still runs");
        }
        let mut command = self.setup.serve(self.address.port());
        let child = command.spawn().with_context(|| format!("starting {}", self.setup.binary.display()))?;
        self.output.follow(self.child.insert(child))
    }

    /// How the process ended by itself, told once; none while it runs and when it was not started.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        let Some(child) = self.child.as_mut() else { return Ok(None) };
        let status = child.try_wait().context("looking for the server's end")?;
        if status.is_some() {
            self.child = None;
        }
        Ok(status)
    }

    /// Memory and CPU of the process so far.
    pub fn usage(&self) -> Result<Usage> {
        Usage::of(self.pid().context("the server is not running")?)
    }

    async fn spawn(&mut self) -> Result<()> {
        let started = Instant::now();
        self.launch()?;
        let child = self.child.as_mut().context("it was just started")?;
        let client = Client::anonymous(self.address).within(Duration::from_secs(1));
        loop {
            if client.health().await.is_ok_and(|reply| (200..300).contains(&reply.status)) {
                self.ready_after = started.elapsed();
                return Ok(());
            }
            if let Some(status) = child.try_wait()? {
                self.child = None;
                self.output.finish();
                return Err(anyhow!("the server ended with {status} before it was ready:\n{}", self.output.tail(100)));
            }
            if started.elapsed() > self.setup.ready_within {
                bail!("not ready after {:?}:\n{}", self.setup.ready_within, self.output.tail(100));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take()
            && let Err(error) = child.kill().and_then(|()| child.wait())
        {
            eprintln!("cannot end the server: {error}");
        }
        if thread::panicking() {
            self.output.finish();
            eprintln!("--- the server's last lines\n{}\n---", self.output.tail(200));
        }
    }
}

/// `RINGUP_BIN`, or `ringup` in the target folder of the running test: the same profile first.
pub fn find_binary() -> Result<PathBuf> {
    if let Some(path) = env::var_os(BINARY_VARIABLE) {
        return Ok(path.into());
    }
    let running = env::current_exe().context("finding the running test")?;
    let profile = running.ancestors().skip(1).find(|folder| !folder.ends_with("deps") && !folder.ends_with("examples"));
    let profile = profile.context("the running test lies in no folder")?;
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target");
    let folders = [profile.to_owned(), profile.join("../debug"), profile.join("../release")]
        .into_iter()
        .chain([manifest.join("debug"), manifest.join("release")]);
    let mut candidates = folders.map(|folder| folder.join("ringup"));
    candidates.find(|path| path.is_file()).with_context(|| {
        format!("no ringup binary beside {}: run `cargo build -p ringup` or set {BINARY_VARIABLE}", running.display())
    })
}

/// A loopback port that was free a moment ago.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("looking for a free port")?;
    Ok(listener.local_addr()?.port())
}

/// Somebody else took the port between our look and the server's start.
fn is_port_taken(error: &anyhow::Error) -> bool {
    let text = format!("{error:#}").to_lowercase();
    text.contains("address already in use") || text.contains("os error 98")
}

fn is_ringup(name: &OsString) -> bool {
    name.to_str().is_some_and(|name| name.starts_with("RINGUP"))
}
