//! Disks that are full, read-only or damaged, and folders that are taken: what the user sees, and that
//! nothing acknowledged is lost.

use std::{
    fs::{self, File, OpenOptions},
    io::{Seek, SeekFrom, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};
use ringup_testkit::{
    client::Client,
    receiver::Receiver,
    server::{Server, ServerSetup},
    tempdir::TempDir,
};
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::json;

use crate::stage::{ACCOUNT, SOON, Stage, eventually, setup};

/// A small file system of its own, unmounted on drop.
struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    /// Nothing if this user may not mount.
    fn mount(path: PathBuf, mebibytes: u32) -> Result<Option<Self>> {
        fs::create_dir_all(&path)?;
        let size = format!("size={mebibytes}m");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "none"]).arg(&path).output();
        Ok(mounted.is_ok_and(|output| output.status.success()).then_some(Self { path }))
    }

    fn remount(&self, options: &str) -> Result<()> {
        let options = format!("remount,{options}");
        let status = Command::new("mount").args(["-o", &options]).arg(&self.path).status()?;
        ensure!(status.success(), "mount -o {options}: {status}");
        Ok(())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("--lazy").arg(&self.path).status();
        if !unmounted.as_ref().is_ok_and(std::process::ExitStatus::success) {
            eprintln!("cannot unmount {}: {unmounted:?}", self.path.display());
        }
    }
}

/// Publishes until it is refused; the events that were acknowledged.
async fn publish_until_full(client: &Client) -> Result<Vec<String>> {
    let payload = json!({"filling": "x".repeat(100_000)}).to_string();
    let mut acknowledged = Vec::new();
    for _ in 0..2_000 {
        let reply = client.publish(ACCOUNT, "invoiceCreated", &payload, None).await?;
        if reply.status == 202 {
            acknowledged.push(reply.id()?);
            continue;
        }
        ensure!(reply.status == 503, "{}: {}", reply.status, reply.text());
        let seconds: u64 = reply.header("retry-after").context("no retry-after")?.parse()?;
        ensure!((1..=60).contains(&seconds), "retry-after: {seconds}");
        ensure!(reply.json()?["detail"].is_string(), "{}", reply.text());
        return Ok(acknowledged);
    }
    bail!("200 MB fit")
}

/// Every acknowledged event is stored, and reaches the receiver once there is room again.
async fn assert_recovers(client: &Client, receiver: &Receiver, mut acknowledged: Vec<String>) -> Result<()> {
    let id = eventually("a publish after space returned", async || {
        let reply = client.publish(ACCOUNT, "invoiceCreated", "{}", None).await?;
        Ok(if reply.status == 202 { Ok(reply.id()?) } else { Err(reply.text()) })
    })
    .await?;
    acknowledged.push(id);
    let arrived = |id: &String| receiver.requests().iter().any(|request| request.id() == id);
    eventually("every acknowledged event at the receiver", async || {
        let missing = acknowledged.iter().filter(|id| !arrived(id)).count();
        Ok(if missing == 0 { Ok(()) } else { Err(missing) })
    })
    .await?;
    for id in &acknowledged {
        client.get(&format!("/api/v1/app/{ACCOUNT}/msg/{id}?with_content=false")).await?.expect(200)?;
    }
    Ok(())
}

/// Fills a disk, lets something happen, makes room, and sees everything acknowledged arrive.
async fn fill_a_disk(label: &str, meanwhile: impl AsyncFnOnce(&mut Server) -> Result<()>) -> Result<()> {
    let dir = TempDir::new(label)?;
    let Some(disk) = SmallDisk::mount(dir.join("data"), 24)? else {
        eprintln!("skipped: this user may not mount; another test limits the length of files instead");
        return Ok(());
    };
    let ballast = disk.path.join("ballast");
    fs::write(&ballast, vec![0; 8 << 20])?;
    let mut server = Server::start(setup(&dir)).await?;
    let client = server.client();
    client.create_app(ACCOUNT).await?;
    let receiver = Receiver::start(200).await?;
    client.create_endpoint(ACCOUNT, &json!({"url": receiver.url("/")})).await?;

    let acknowledged = publish_until_full(&client).await?;
    ensure!(acknowledged.len() > 10, "{} were taken before the disk was full", acknowledged.len());
    client.get("/api/v1/app").await?.expect(200)?;
    meanwhile(&mut server).await?;
    fs::remove_file(&ballast)?;
    if server.pid().is_none() {
        server.restart().await?;
    }
    assert_recovers(&client, &receiver, acknowledged).await?;
    assert!(server.sigterm(SOON).await?.success());
    // Before its disk goes.
    drop(server);
    Ok(())
}

#[tokio::test]
async fn a_full_disk_is_a_503_and_recovers_by_itself() -> Result<()> {
    fill_a_disk("full", async |_| Ok(())).await
}

#[tokio::test]
async fn a_crash_on_a_full_disk_loses_nothing() -> Result<()> {
    fill_a_disk("crash", async |server| server.kill9()).await
}

#[tokio::test]
async fn a_file_that_may_not_grow_is_a_503_and_recovers_by_itself() -> Result<()> {
    let dir = TempDir::new("limit")?;
    // The signal of an exceeded limit would end the process; ignored, the write fails instead.
    let script = format!("#!/bin/sh\ntrap '' XFSZ\nexec {} \"$@\"\n", env!("CARGO_BIN_EXE_ringup"));
    let wrapper = dir.join("ringup");
    fs::write(&wrapper, script)?;
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755))?;
    let server = Server::start(ServerSetup { binary: wrapper, ..setup(&dir) }).await?;
    let client = server.client();
    client.create_app(ACCOUNT).await?;
    let receiver = Receiver::start(200).await?;
    client.create_endpoint(ACCOUNT, &json!({"url": receiver.url("/")})).await?;

    let pid = server.pid().and_then(|pid| Pid::from_raw(pid.try_into().ok()?));
    let limit = |bytes| prlimit(pid, Resource::Fsize, Rlimit { current: bytes, maximum: None });
    limit(Some(4 << 20))?;
    let acknowledged = publish_until_full(&client).await?;
    limit(None)?;
    assert_recovers(&client, &receiver, acknowledged).await
}

/// A data folder with some events in it, closed in order.
async fn used_folder(label: &str) -> Result<TempDir> {
    let dir = TempDir::new(label)?;
    let mut server = Server::start(setup(&dir)).await?;
    let client = server.client();
    client.create_app(ACCOUNT).await?;
    let receiver = Receiver::start(200).await?;
    client.create_endpoint(ACCOUNT, &json!({"url": receiver.url("/")})).await?;
    let payload = json!({"text": "y".repeat(20_000)}).to_string();
    for _ in 0..20 {
        client.publish_accepted(ACCOUNT, "invoiceCreated", &payload).await?;
    }
    receiver.wait_ended(20, SOON).await?;
    ensure!(server.sigterm(SOON).await?.success(), "{}", server.output().tail(20));
    Ok(dir)
}

/// What the server says instead of starting on this folder.
async fn refusal(dir: &TempDir) -> Result<String> {
    match Server::start(setup(dir)).await {
        Ok(_) => bail!("it started"),
        Err(error) => Ok(format!("{error:#}")),
    }
}

fn find(dir: &TempDir, start: &str) -> Result<PathBuf> {
    let mut paths = fs::read_dir(dir.join("data"))?.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    let wanted = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(start) && name.ends_with(".db")
    };
    paths.find(wanted).with_context(|| format!("no {start} file"))
}

fn overwrite(path: &Path, at: u64, bytes: &[u8]) -> Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    file.seek(SeekFrom::Start(at))?;
    Ok(file.write_all(bytes)?)
}

/// The damage is named with its file and what to do, and the file is left as it is.
async fn check_damage(label: &str, file: &str, damage: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let dir = used_folder(label).await?;
    let path = find(&dir, file)?;
    damage(&path)?;
    let damaged = fs::read(&path)?;
    let said = refusal(&dir).await?;
    let name = path.file_name().and_then(|name| name.to_str()).context("a file name")?;
    assert!(said.contains(name), "{label}: the file is not named in {said}");
    assert!(said.contains("damaged") || said.contains("not a database"), "{label}: {said}");
    assert!(said.contains("backup") || said.contains("restore"), "{label}: what to do is not said: {said}");
    assert!(fs::read(&path)? == damaged, "{label}: the damaged file was changed");
    Ok(())
}

#[tokio::test]
async fn a_damaged_header_is_named() -> Result<()> {
    check_damage("header", "day-", |path| overwrite(path, 0, &[0x5a; 100])).await?;
    check_damage("header", "catalog", |path| overwrite(path, 0, &[0x5a; 100])).await
}

#[tokio::test]
async fn a_damaged_page_is_named() -> Result<()> {
    let second_page = |path: &Path| {
        let size = page_size(path)?;
        overwrite(path, size, &vec![0xa5; usize::try_from(size)?])
    };
    check_damage("page", "day-", second_page).await?;
    check_damage("page", "catalog", second_page).await
}

#[tokio::test]
async fn a_truncated_file_is_named() -> Result<()> {
    let half = |path: &Path| {
        let file = OpenOptions::new().write(true).open(path)?;
        Ok(file.set_len(file.metadata()?.len() / 2)?)
    };
    check_damage("truncated", "day-", half).await?;
    check_damage("truncated", "catalog", half).await?;
    check_damage("emptied", "day-", |path| Ok(File::create(path).map(drop)?)).await?;
    check_damage("emptied", "catalog", |path| Ok(File::create(path).map(drop)?)).await
}

/// From the file's own header.
fn page_size(path: &Path) -> Result<u64> {
    let bytes = fs::read(path)?;
    let field = bytes.get(16..18).context("a header")?;
    Ok(match u16::from_be_bytes([field[0], field[1]]) {
        1 => 65_536,
        size => size.into(),
    })
}

#[tokio::test]
async fn events_without_their_catalog_are_not_started_upon() -> Result<()> {
    let dir = used_folder("catalog").await?;
    let catalog = find(&dir, "catalog")?;
    fs::remove_file(&catalog)?;
    let said = refusal(&dir).await?;
    assert!(said.contains("catalog.db") && said.contains(&dir.join("data").display().to_string()), "{said}");
    assert!(!catalog.exists(), "never starts empty in its place");
    Ok(())
}

#[tokio::test]
async fn a_second_process_on_the_same_folder_is_refused() -> Result<()> {
    let stage = Stage::open("second").await?;
    let event = stage.publish("invoiceCreated", 1).await?;
    let setup = stage.server.setup();
    let second = Server::start(ServerSetup { port: None, ..setup.clone() }).await;
    let said = format!("{:#}", second.err().context("it started")?);
    let pid = stage.server.pid().context("it runs")?.to_string();
    assert!(said.contains(&setup.data_dir.display().to_string()), "the folder is named: {said}");
    assert!(said.contains(&pid), "the other process is named: {said}");
    stage.client.get(&format!("/api/v1/app/{ACCOUNT}/msg/{event}")).await?.expect(200)?;
    stage.publish("invoiceCreated", 2).await?;
    Ok(())
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_named() -> Result<()> {
    let dir = TempDir::new("readonly")?;
    let data = dir.join("data");
    let disk = SmallDisk::mount(data.clone(), 1)?;
    match &disk {
        Some(disk) => disk.remount("ro")?,
        None => fs::set_permissions(&data, fs::Permissions::from_mode(0o555))?,
    }
    let said = refusal(&dir).await?;
    assert!(said.contains(&data.display().to_string()), "{said}");
    assert!(said.to_lowercase().contains("read-only") || said.to_lowercase().contains("permission"), "{said}");

    let file = dir.join("file");
    fs::write(&file, "not a folder")?;
    let said = Server::start(ServerSetup { data_dir: file.join("data"), ..setup(&dir) }).await;
    let said = format!("{:#}", said.err().context("it started")?);
    assert!(said.contains(&file.display().to_string()), "{said}");
    Ok(())
}
