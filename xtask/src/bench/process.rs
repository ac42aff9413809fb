//! The other side of [`super::part`]: starts the processes and talks to them.

use std::{
    io::{BufRead, BufReader, Write},
    net::SocketAddr,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use ringup_testkit::{
    server::{OPERATOR_KEY, Server, ServerSetup},
    tempdir::TempDir,
};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::{
    Scale,
    part::{LoadOrder, LoadReport, Seen},
};
use crate::{child, smoke};

/// A part in a process of its own; it ends when dropped.
pub struct Process {
    child: Child,
    /// Closed to end the process.
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Process {
    pub fn start(arguments: &[&str]) -> Result<Self> {
        let program = std::env::current_exe()?;
        let mut command = child::command(&program.to_string_lossy(), &[&["part"], arguments].concat());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().context("its output is piped")?);
        Ok(Self { child, input, output })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn ask<T: DeserializeOwned>(&mut self, line: &str) -> Result<T> {
        let input = self.input.as_mut().context("the process takes commands")?;
        writeln!(input, "{line}")?;
        self.hear()
    }

    pub fn hear<T: DeserializeOwned>(&mut self) -> Result<T> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        serde_json::from_str(&line).with_context(|| format!("the process said {line:?}"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.input.take());
        if let Err(error) = self.child.wait() {
            eprintln!("cannot end a process: {error}");
        }
    }
}

/// A counting receiver.
pub struct Receiver {
    process: Process,
    pub address: SocketAddr,
}

impl Receiver {
    pub fn start() -> Result<Self> {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0)))
    }

    pub fn start_at(address: SocketAddr) -> Result<Self> {
        let mut process = Process::start(&["receiver", &address.to_string()])?;
        let address = process.hear()?;
        Ok(Self { process, address })
    }

    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// What arrived since it was last asked.
    pub fn take(&mut self) -> Result<Seen> {
        self.process.ask("take")
    }

    /// Waits until so many requests have arrived since the start.
    pub fn wait(&mut self, total: u64, seconds: u64) -> Result<Seen> {
        self.process.ask(&format!("wait {total} {seconds}"))
    }
}

/// Runs a load to its end.
pub fn load(order: &LoadOrder) -> Result<LoadReport> {
    let report: LoadReport = Process::start(&["load"])?.ask(&serde_json::to_string(order)?)?;
    ensure!(report.refused + report.unanswered == 0, "{report:?}");
    Ok(report)
}

/// A release server with a data folder of its own, and a runtime to talk to it.
pub struct Target {
    pub server: Server,
    pub runtime: tokio::runtime::Runtime,
    pub folder: TempDir,
}

impl Target {
    pub fn start(scale: Scale, settings: &[(&str, &str)]) -> Result<Self> {
        Self::start_in(TempDir::new("bench")?, scale, settings)
    }

    /// On a folder that may hold something; the store lies in `data`.
    pub fn start_in(folder: TempDir, scale: Scale, settings: &[(&str, &str)]) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let binary = child::tethered(&smoke::release_binary()?, &folder)?;
        let mut setup = ServerSetup::with_binary(binary, folder.join("data")).with("LOG__FILTER", "warn");
        if let Some(threads) = scale.threads {
            setup = setup.with("SERVER__THREADS", &threads.to_string());
        }
        for (name, value) in settings {
            setup = setup.with(name, value);
        }
        setup.ready_within = std::time::Duration::from_secs(120);
        let server = runtime.block_on(Server::start(setup))?;
        Ok(Self { server, runtime, folder })
    }

    /// An account with an endpoint at each of these URLs.
    pub fn account(&self, uid: &str, urls: &[String]) -> Result<()> {
        self.runtime.block_on(async {
            let client = self.server.client();
            client.create_app(uid).await?;
            for url in urls {
                client.create_endpoint(uid, &json!({"url": url})).await?;
            }
            Ok(())
        })
    }

    /// A load on one account in the manner of most measurements: 1 KiB, closed loop, 64 publishers.
    pub fn order(&self, app: &str) -> LoadOrder {
        order(self.server.address(), app)
    }

    pub fn usage(&self) -> Result<ringup_testkit::server::Usage> {
        self.server.usage()
    }
}

/// See [`Target::order`].
pub fn order(target: SocketAddr, app: &str) -> LoadOrder {
    LoadOrder {
        target,
        apps: vec![app.to_owned()],
        path: "/hook".to_owned(),
        key: OPERATOR_KEY.to_owned(),
        publishers: 64,
        per_second: None,
        events_max: u64::MAX,
        seconds: 10,
        payload_bytes: 1024,
        is_dense: false,
    }
}

/// Makes what was written reach the disk, so that one measurement does not pay for the one before it.
pub fn settle_disk() {
    if let Err(error) = Command::new("sync").status() {
        eprintln!("cannot sync: {error}");
    }
}
