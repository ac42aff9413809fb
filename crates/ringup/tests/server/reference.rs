//! The API reference of the console, drawn from the document that the server itself gives out.

use anyhow::{Context, Result, ensure};
use ringup_testkit::client::Client;

use crate::stage::Stage;

#[tokio::test]
async fn every_operation_of_the_document_has_its_page() -> Result<()> {
    let stage = Stage::open("reference").await?;
    let document = stage.client.get("/openapi.json").await?.expect(200)?.json()?;
    let stranger = Client::anonymous(stage.server.address());
    let list = stranger.get("/docs/api").await?.expect(200)?.text();
    let mut pages = 0;
    for section in ["paths", "webhooks"] {
        let paths = document[section].as_object().context("operations")?;
        for operation in paths.values().filter_map(|path| path.as_object()).flat_map(|path| path.values()) {
            let id = operation["operationId"].as_str().context("an id")?;
            let summary = operation["summary"].as_str().context("a summary")?.replace('\'', "&#39;");
            ensure!(list.contains(&format!("href=\"/docs/api/{id}\"")), "{id} is not in the list");
            let page = stranger.get(&format!("/docs/api/{id}")).await?.expect(200)?.text();
            ensure!(page.contains(&summary), "{id} without {summary:?}");
            pages += 1;
        }
    }
    ensure!(pages > 120, "{pages} operations only");
    Ok(())
}
