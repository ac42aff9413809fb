//! A backup of a running server, and a start from it; what a support bundle tells and what it never does.

use anyhow::{Context as _, Result, ensure};
use ringup_testkit::{receiver::Receiver, server::Server, tempdir::TempDir};
use serde_json::json;

use crate::stage::{ACCOUNT, SOON, setup};

#[tokio::test]
async fn a_server_starts_from_a_backup_and_has_every_event_acknowledged_before_it() -> Result<()> {
    let dir = TempDir::new("backup")?;
    let folder = dir.join("backups");
    let with_folder = setup(&dir).with("STORE__BACKUP_DIR", folder.to_str().context("a path")?);
    let server = Server::start(with_folder).await?;
    let client = server.client();
    client.create_app(ACCOUNT).await?;
    let receiver = Receiver::start(200).await?;
    let dead = Receiver::start(503).await?;
    let endpoint = client.create_endpoint(ACCOUNT, &json!({"url": receiver.url("/")})).await?;
    client.create_endpoint(ACCOUNT, &json!({"url": dead.url("/"), "uid": "dead"})).await?;
    let secret = client.secret(ACCOUNT, &endpoint).await?;

    // More keeps coming while it is made.
    let publishing = {
        let client = server.client();
        tokio::spawn(async move {
            let mut ids = Vec::new();
            for number in 0..400 {
                ids.push(client.publish_accepted(ACCOUNT, "invoiceCreated", &format!("{{\"n\":{number}}}")).await?);
            }
            anyhow::Ok(ids)
        })
    };
    let before = client.publish_accepted(ACCOUNT, "invoiceCreated", r#"{"total": 148000.00}"#).await?;
    receiver.wait_ended(20, SOON).await?;
    let acknowledged: Vec<String> = client
        .list::<serde_json::Value>(&format!("/api/v1/app/{ACCOUNT}/msg"))
        .await?
        .iter()
        .filter_map(|event| event["id"].as_str().map(str::to_owned))
        .collect();
    ensure!(acknowledged.contains(&before));
    let made = client.post("/api/v1/operator/backup", &json!({})).await?.expect(200)?.json()?;
    let all = publishing.await??;
    ensure!(all.len() == 400, "publishing went on");
    let copy = std::path::PathBuf::from(made["folder"].as_str().context("a folder")?);
    ensure!(copy.starts_with(&folder) && made["files"].as_u64() >= Some(4), "{made}");
    let shown = client.get("/api/v1/operator/system").await?.expect(200)?.json()?;
    ensure!(shown["lastBackup"]["folder"] == made["folder"], "{shown}");
    drop(server);

    // As the documents say: all files of the copy in an empty folder.
    let other = TempDir::new("backup-restored")?;
    let restored_setup = setup(&other);
    let data = other.join("data");
    std::fs::create_dir_all(&data)?;
    for file in std::fs::read_dir(&copy)? {
        let file = file?;
        std::fs::copy(file.path(), data.join(file.file_name()))?;
    }
    let restored = Server::start(restored_setup).await?;
    let client = restored.client();
    for event in &acknowledged {
        client.get(&format!("/api/v1/app/{ACCOUNT}/msg/{event}")).await?.expect(200)?;
    }
    let payload = client.get(&format!("/api/v1/app/{ACCOUNT}/msg/{before}")).await?.text();
    ensure!(payload.contains("148000.00"), "{payload}");
    ensure!(client.secret(ACCOUNT, &endpoint).await? == secret, "the key that seals secrets came along");
    let later = client.publish_accepted(ACCOUNT, "invoiceCreated", r#"{"after":true}"#).await?;
    ensure!(later > *acknowledged.iter().max().context("some")?, "ids go on");
    Ok(())
}

#[tokio::test]
async fn without_a_folder_no_backup_is_made_and_the_answer_says_what_to_set() -> Result<()> {
    let dir = TempDir::new("no-backup")?;
    let server = Server::start(setup(&dir)).await?;
    let refused = server.client().post("/api/v1/operator/backup", &json!({})).await?.expect(409)?.text();
    ensure!(refused.contains("store.backup_dir"), "{refused}");
    Ok(())
}

#[tokio::test]
async fn the_fleet_is_told_as_it_stands() -> Result<()> {
    let dir = TempDir::new("fleet")?;
    let server = Server::start(setup(&dir)).await?;
    let client = server.client();
    client.create_app(ACCOUNT).await?;
    let dead = Receiver::start(404).await?;
    client.create_endpoint(ACCOUNT, &json!({"url": dead.url("/path?token=canary-query")})).await?;
    for number in 0..5 {
        client.publish_accepted(ACCOUNT, "invoiceCreated", &format!("{{\"n\":{number}}}")).await?;
    }
    dead.wait_ended(5, SOON).await?;
    let until = tokio::time::Instant::now() + SOON;
    loop {
        let told = client.get("/api/v1/operator/problem").await?.expect(200)?.json()?;
        let problem = &told["data"][0];
        if problem["count"] == 5 {
            ensure!(problem["cause"] == "not_found" && problem["isWhole"] == true, "{told}");
            ensure!(problem["host"].as_str().is_some_and(|host| host.starts_with("127.0.0.1:")), "{told}");
            break;
        }
        ensure!(tokio::time::Instant::now() < until, "{told}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let fleet = client.get("/api/v1/operator/fleet").await?.expect(200)?.json()?;
    ensure!(fleet["events"] == 5 && fleet["waiting"] == 0 && fleet["drain"] == "empty", "{fleet}");
    ensure!(fleet["diskFreeBytes"].as_u64() > Some(0) && fleet["nodes"][0]["version"].is_string(), "{fleet}");
    let system = client.get("/api/v1/operator/system").await?.expect(200)?.text();
    ensure!(system.contains("\"name\":\"store.data_dir\"") && system.contains("flag"), "{system}");
    let bundle = client.get("/api/v1/operator/support-bundle").await?.expect(200)?.text();
    ensure!(bundle.contains("[configuration]") && bundle.contains(" not_found 5 1"), "{bundle}");
    ensure!(!bundle.contains("canary-query"), "{bundle}");
    Ok(())
}
