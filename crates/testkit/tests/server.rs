//! Process handling, on a stand-in for the real binary.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context, Result};
use ringup_testkit::{
    server::{Server, ServerSetup},
    tempdir::TempDir,
};
use rustix::process::Signal;

const DEADLINE: Duration = Duration::from_secs(10);

fn setup(data_dir: &TempDir) -> ServerSetup {
    ServerSetup::with_binary(env!("CARGO_BIN_EXE_testkit-stand-in"), data_dir.path())
}

#[tokio::test]
async fn a_server_comes_up_is_killed_and_comes_back_on_the_same_folder_and_port() -> Result<()> {
    let dir = TempDir::new("server")?;
    let mut server = Server::start(setup(&dir)).await?;
    let (address, pid) = (server.address(), server.pid());
    assert_eq!(server.client().health().await?.status, 204);
    assert!(server.ready_after() > Duration::ZERO);
    assert!(server.usage()?.rss_bytes > 100_000);
    server.output().wait_line(DEADLINE, |line| line == format!("start 1 at {address} with true")).await?;

    let kept = server.client();
    kept.health().await?;
    server.kill9()?;
    assert_eq!(server.pid(), None);
    assert!(kept.health().await.is_err());
    server.restart().await?;
    assert_ne!(server.pid(), pid);
    assert_eq!(kept.health().await?.status, 204, "a client outlives the restart");
    server.output().wait_line(DEADLINE, |line| line == format!("start 2 at {address} with true")).await?;
    Ok(())
}

#[tokio::test]
async fn sigterm_ends_it_in_order_and_a_paused_one_misses_the_deadline() -> Result<()> {
    let dir = TempDir::new("server")?;
    let mut server = Server::start(setup(&dir)).await?;
    server.signal(Signal::STOP)?;
    let late = server.sigterm(Duration::from_millis(20)).await.expect_err("a stopped process cannot end");
    assert_eq!(late.to_string(), "the server still runs after 20ms");
    server.signal(Signal::CONT)?;
    assert!(server.wait_exit(DEADLINE).await?.success());
    server.output().wait_line(DEADLINE, |line| line == "stopping").await?;
    Ok(())
}

#[tokio::test]
async fn a_server_that_refuses_to_start_shows_what_it_said() -> Result<()> {
    let dir = TempDir::new("server")?;
    let error = Server::start(setup(&dir).with("STAND_IN__REFUSE", "1")).await.expect_err("it refuses");
    assert!(format!("{error:#}").contains("refused as asked"), "{error:#}");
    Ok(())
}

#[tokio::test]
async fn dropping_a_server_ends_the_process() -> Result<()> {
    let dir = TempDir::new("server")?;
    let server = Server::start(setup(&dir)).await?;
    let process = format!("/proc/{}", server.pid().context("it runs")?);
    assert!(Path::new(&process).exists());
    drop(server);
    assert!(!Path::new(&process).exists());
    assert_eq!(fs::read_to_string(dir.join("starts"))?, "x");
    Ok(())
}
