//! The request of an attempt, copied from its page as a program, and run: it arrives as the event did, signed anew.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use ringup_testkit::browser::Browser;
use ringup_testkit::receiver::Receiver;
use serde_json::json;
use standardwebhooks::Webhook;

use crate::{sign_in, start};

/// Everything that quotes of one language or another would trip over.
const PAYLOAD: &str = "{\"note\":\"it's \\\"$(id)\\\" `id` $HOME %s \\\\ \\n \\u0041 €\", \"total\": 148000.00}";

#[tokio::test(flavor = "multi_thread")]
async fn the_program_that_is_copied_makes_the_request_again_and_signs_it() -> Result<()> {
    let (server, _dir) = start("browser-command").await?;
    let receiver = Receiver::start(200).await?;
    let client = server.client();
    client.create_app("kopi").await?;
    let endpoint =
        client.create_endpoint("kopi", &json!({"uid": "erp", "url": receiver.url("/hooks?a=1&b=2")})).await?;
    let secret = client.secret("kopi", &endpoint).await?;
    let event = client.publish_accepted("kopi", "invoiceCreated", PAYLOAD).await?;
    let browser = Browser::open(&server.url()).await?;
    sign_in(&browser).await?;
    browser.go(&format!("/a/kopi/logs/{event}/erp")).await?;
    browser.sees("Your server took it and answered 200").await?;

    let webhook = Webhook::new(&secret)?;
    for (kind, shell) in [("curl", ["sh", "-c"]), ("python", ["python3", "-c"])] {
        browser.go(&format!("/a/kopi/logs/{event}/erp?as={kind}")).await?;
        let program = browser.run("return document.querySelector('#program').textContent").await?;
        let program = program.as_str().context("a program")?.to_owned();
        ensure!(!program.contains(&secret), "the secret is in the text: {program}");
        let before = receiver.count();
        let secret = secret.clone();
        let ran = tokio::task::spawn_blocking(move || {
            Command::new(shell[0]).args([shell[1], &program]).env("WEBHOOK_SECRET", secret).output()
        });
        let ran = ran.await??;
        ensure!(ran.status.success(), "{kind}: {}", String::from_utf8_lossy(&ran.stderr));
        ensure!(receiver.count() == before + 1, "{kind}: nothing arrived");
        let requests = receiver.requests();
        let request = requests.last().context("a request")?;
        ensure!(request.text() == PAYLOAD, "{kind} sent {}", request.text());
        ensure!(request.header("webhook-id") == Some(event.as_str()), "{kind}: another id");
        let mut headers = http::HeaderMap::new();
        for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
            headers.insert(name, request.header(name).context("a signing header")?.parse()?);
        }
        webhook.verify(PAYLOAD.as_bytes(), &headers).with_context(|| format!("the signature of {kind}"))?;
    }
    Ok(())
}
