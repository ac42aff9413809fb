//! Recognisable secrets in every field that takes one, and where they are found afterwards: in the one answer that is
//! there to show them, and nowhere else.
//!
//! Which fields there are, the OpenAPI document says: a new one that is neither planted nor called harmless fails here.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::Method;
use ringup_testkit::{
    client::{Client, Reply},
    console,
    garden::Garden,
    receiver::Receiver,
    server::{Server, ServerSetup},
    tempdir::TempDir,
    tls::Authority,
    token_server::TokenServer,
};
use serde_json::{Value, json};

use crate::stage::{ACCOUNT, SOON, eventually, setup};

/// Words in the names of fields that may hold a secret.
const SUSPICIOUS: [&str; 13] = [
    "secret",
    "passw",
    "token",
    "credential",
    "private",
    "key",
    "headers",
    "param",
    "cert",
    "auth",
    "value",
    "identity",
    "sign",
];

/// What has such a name and holds no secret.
const HARMLESS: [&str; 11] = [
    "AuthorizationIn.authorities",
    "AuthorizationIn.credentialsIn",
    "AuthorizationIn.tokenUrl",
    "EndpointIn.secretType",
    "HeadersPatchIn.deleteHeaders",
    // A JSON pointer into a question.
    "HookTypeIn.key",
    "OauthConfigIn.authMethod",
    "OauthConfigIn.tokenUrl",
    "RotateIn.secretType",
    "SettingsIn.orderKey",
    // What a stranger's request carried; it is answered about, and not kept.
    "VerifyIn.headers",
];

/// The answers that are there to show a secret, by the end of their path.
const SHOWING: [&str; 2] = ["/endpoint/{endpoint_id}/secret", "/operational-webhook/endpoint/{endpoint_id}/secret"];

#[tokio::test]
async fn planted_secrets_are_found_nowhere() -> Result<()> {
    let dir = TempDir::new("planted")?;
    let mut garden = Garden::default();
    let mut server = Server::start(configured(&dir, &mut garden)).await?;
    let client = server.client();
    client.create_app(ACCOUNT).await?;
    let document = client.get("/openapi.json").await?.expect(200)?.json()?;
    let grown = grow(&client, &mut garden).await?;
    let cookie = come_in(&server, &client, &mut garden).await?;

    let missing: Vec<String> = suspicious(&document)?.into_iter().filter(|field| garden.of(field).is_empty()).collect();
    ensure!(missing == HARMLESS, "plant a secret in each of these fields, or call it harmless: {missing:?}");

    grown.work(&client).await?;
    grown.look_at_answers(&client, &garden, &document).await?;
    look_at_pages(&server, &garden, &cookie, &grown).await?;

    let shown = client.secret(ACCOUNT, &grown.endpoints[0]).await?;
    let given = garden.of("RotateIn.key");
    ensure!(given.iter().any(|secret| shown.contains(secret)), "the one answer that is there to show it: {shown}");

    client.post("/api/v1/operator/backup", &json!({})).await?.success()?;
    let bytes = garden.assert_in_no_file(&dir.join("data"), "while it runs")?
        + garden.assert_in_no_file(&dir.join("backup"), "of the backup")?;
    let mut known = Garden::default();
    known.put("what is kept", "invoiceCreated".to_owned());
    ensure!(known.assert_in_no_file(&dir.join("data"), "").is_err(), "what is there is not found, either");
    server.kill9()?;
    garden.assert_in_no_file(&dir.join("data"), "after a kill")?;
    let lines = server.output().lines();
    for line in &lines {
        garden.assert_not_in(line.as_bytes(), &format!("the log: {line}"))?;
    }
    ensure!(bytes > 100_000 && lines.len() > 50, "{bytes} bytes and {} lines: too little was done", lines.len());
    println!("{} secrets, {bytes} bytes of files, {} lines", garden.len(), lines.len());
    Ok(())
}

fn configured(dir: &TempDir, garden: &mut Garden) -> ServerSetup {
    let encryption = format!("{:>^32}", garden.plant("store.encryption_key"));
    garden.put("store.encryption_key", encryption.clone());
    let key = garden.put("store.encryption_key", STANDARD.encode(encryption));
    let setup =
        setup(dir).with("LOG__FILTER", "debug").with("LOG__REQUESTS", "info").with("STORE__ENCRYPTION_KEY", &key);
    let mut setup = setup.with("STORE__BACKUP_DIR", &dir.join("backup").to_string_lossy());
    setup.key = garden.plant("auth.operator_key");
    setup
}

/// What was made with secrets in it.
struct Grown {
    receiver: Receiver,
    _door: Receiver,
    _tokens: TokenServer,
    /// The first has had every kind of header and secret; the others each have an authorisation.
    endpoints: Vec<String>,
    operational: String,
    catcher: String,
    key: String,
}

async fn grow(client: &Client, garden: &mut Garden) -> Result<Grown> {
    let (receiver, tokens) = (Receiver::start(200).await?, TokenServer::start("till", "canaryClientSecret").await?);
    let (door, authority) = (Receiver::start(tokens.door()).await?, Authority::new()?);
    tokens.prefix(&garden.plant("an OAuth 2.0 access token"));
    garden.put("AuthorizationIn.clientSecret", "canaryClientSecret".to_owned());
    garden.put("OauthConfigIn.clientSecret", "canaryClientSecret".to_owned());
    let mut endpoints = Vec::new();

    let secret = garden.plant_signing("EndpointIn.secret");
    let headers = json!({ "x-shop-token": garden.plant("EndpointIn.headers") });
    let settings = json!({ "url": receiver.url("/"), "secret": secret, "headers": headers });
    let first = client.create_endpoint(ACCOUNT, &settings).await?;
    let at = format!("/api/v1/app/{ACCOUNT}/endpoint/{first}");
    let headers = json!({ "x-shop-token": garden.plant("HeadersIn.headers") });
    client.put(&format!("{at}/headers"), &json!({ "headers": headers })).await?.success()?;
    let headers = json!({ "x-till-secret": garden.plant("HeadersPatchIn.headers") });
    client.patch(&format!("{at}/headers"), &json!({ "headers": headers })).await?.success()?;
    let rotated = json!({ "key": garden.plant_signing("RotateIn.key") });
    client.post(&format!("{at}/secret/rotate"), &rotated).await?.success()?;
    endpoints.push(first);

    let oauth = json!({
        "kind": "oauth2", "tokenUrl": tokens.url(), "clientId": "till", "clientSecret": "canaryClientSecret",
        "extraParams": { "audience": garden.plant("AuthorizationIn.extraParams") },
        "extraHeaders": { "x-shop-name": garden.plant("AuthorizationIn.extraHeaders") },
    });
    for (authorization, url) in [
        (
            json!({ "kind": "header", "name": "X-Api-Key", "value": garden.plant("AuthorizationIn.value") }),
            receiver.url("/"),
        ),
        (
            json!({ "kind": "basic", "username": "till", "password": garden.plant("AuthorizationIn.password") }),
            receiver.url("/"),
        ),
        (json!({ "kind": "bearer", "token": garden.plant("AuthorizationIn.token") }), receiver.url("/")),
        (
            json!({ "kind": "none", "certificate": identity(&authority, garden, "AuthorizationIn.certificate")? }),
            receiver.url("/"),
        ),
        (oauth, door.url("/")),
    ] {
        let endpoint = client.create_endpoint(ACCOUNT, &json!({ "url": url })).await?;
        client
            .put(&format!("/api/v1/app/{ACCOUNT}/endpoint/{endpoint}/authorization"), &authorization)
            .await?
            .success()?;
        endpoints.push(endpoint);
    }
    // Basic's are found as they travel, too.
    let password = garden.of("AuthorizationIn.password")[0].clone();
    garden.put("AuthorizationIn.password", STANDARD.encode(format!("till:{password}")));

    // The dialect's own ways.
    let endpoint = client.create_endpoint(ACCOUNT, &json!({ "url": door.url("/") })).await?;
    let oauth = json!({
        "grantType": "clientCredentials", "authMethod": "clientSecretPost", "tokenUrl": tokens.url(), "clientId": "till",
        "clientSecret": "canaryClientSecret",
        "extraParams": { "audience": garden.plant("OauthConfigIn.extraParams") },
        "extraHeaders": { "x-shop-name": garden.plant("OauthConfigIn.extraHeaders") },
    });
    client.put(&format!("/api/v1/app/{ACCOUNT}/endpoint/{endpoint}/oauth"), &oauth).await?.success()?;
    let mtls = json!({ "identity": identity(&authority, garden, "MtlsConfigIn.identity")? });
    client.put(&format!("/api/v1/app/{ACCOUNT}/endpoint/{endpoint}/mtls"), &mtls).await?.success()?;
    endpoints.push(endpoint);

    let secret = garden.plant_signing("EndpointIn.secret");
    let settings = json!({ "url": receiver.url("/"), "secret": secret, "headers": { "x-our-token": garden.plant("EndpointIn.headers") } });
    let operational = client.post("/api/v1/operational-webhook/endpoint", &settings).await?.success()?.id()?;
    let catcher = client.post(&format!("/api/v1/app/{ACCOUNT}/catcher"), &json!({})).await?.success()?;
    garden.put("a catcher's read token", catcher.text_at("readToken")?);
    let made = client.post("/api/v1/key", &json!({ "name": "planted" })).await?.expect(201)?;
    garden.put("a key", made.text_at("key")?);
    let wanted = json!({ "headers": {}, "body": "{}", "secret": garden.plant_signing("VerifyIn.secret") });
    client.post(&format!("/api/v1/app/{ACCOUNT}/verify"), &wanted).await?.success()?;
    Ok(Grown {
        receiver,
        _door: door,
        _tokens: tokens,
        endpoints,
        operational,
        catcher: catcher.id()?,
        key: made.id()?,
    })
}

/// A certificate whose private key is found by its second line.
fn identity(authority: &Authority, garden: &mut Garden, field: &'static str) -> Result<String> {
    let pem = authority.identity()?;
    let key = pem.split("PRIVATE KEY-----").nth(1).context("a key")?;
    garden.put(field, key.lines().nth(2).context("its lines")?.to_owned());
    Ok(pem)
}

/// Signs in at the console by a link; the session's cookie.
async fn come_in(server: &Server, client: &Client, garden: &mut Garden) -> Result<String> {
    let access = client.post(&format!("/api/v1/auth/app-portal-access/{ACCOUNT}"), &json!({})).await?.expect(200)?;
    garden.put("a portal session", access.text_at("token")?);
    let origin = server.url();
    let url = access.text_at("url")?;
    let link = url.rsplit('/').next().context("a link")?.to_owned();
    garden.put("a link", link.clone());
    let headers = [
        ("origin", &*origin),
        ("sec-fetch-site", "same-origin"),
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    let path = format!("/link/{link}");
    client.get(&path).await?.expect(200)?;
    let reply = client.call(Method::POST, &path, &headers, "").await?.expect(303)?;
    let portal = cookie(&reply)?;
    garden.put("a console session", secret_of(&portal)?);
    // The operator's own session sees every page.
    let key = garden.of("auth.operator_key")[0].clone();
    let reply = client.call(Method::POST, "/sign-in", &headers, format!("key={key}")).await?.expect(303)?;
    let session = cookie(&reply)?;
    garden.put("a console session", secret_of(&session)?);
    Ok(session)
}

fn cookie(reply: &Reply) -> Result<String> {
    let value = reply.header("set-cookie").context("a cookie")?;
    Ok(value.split(';').next().unwrap_or_default().to_owned())
}

fn secret_of(cookie: &str) -> Result<String> {
    Ok(cookie.split_once('=').context("name=value")?.1.to_owned())
}

impl Grown {
    /// Deliveries, refusals and resends, so that everything that handles secrets has had some.
    async fn work(&self, client: &Client) -> Result<()> {
        let event = client.publish_accepted(ACCOUNT, "invoiceCreated", r#"{"total":"1.00"}"#).await?;
        let requests = self.receiver.wait_ended(5, SOON).await?;
        ensure!(requests.iter().any(|request| request.header("x-api-key").is_some()), "nothing was planted");
        // What is sent again before its first attempt is recorded is no attempt more.
        let standings = format!("/api/v1/app/{ACCOUNT}/msg/{event}/endpoint");
        eventually("the end of all deliveries", async || {
            let rows = client.list::<Value>(&standings).await?;
            let is_over = rows.iter().all(|row| row["outcome"] == "delivered");
            Ok(if is_over { Ok(()) } else { Err(rows.iter().map(|row| row["outcome"].clone()).collect::<Vec<_>>()) })
        })
        .await?;
        for endpoint in &self.endpoints {
            let path = format!("/api/v1/app/{ACCOUNT}/msg/{event}/endpoint/{endpoint}/resend");
            client.post(&path, &json!({})).await?.success()?;
        }
        self.receiver.wait_ended(10, SOON).await?;
        let path = format!("/api/v1/app/{ACCOUNT}/endpoint/{}/authorization", self.endpoints[1]);
        client.put(&path, &json!({"kind": "basic"})).await?.expect(422)?;
        Ok(())
    }

    /// Every GET of the document, with each endpoint.
    async fn look_at_answers(&self, client: &Client, garden: &Garden, document: &Value) -> Result<()> {
        let event = client.publish_accepted(ACCOUNT, "invoiceCreated", r#"{"total":"2.00"}"#).await?;
        let mut answered = BTreeSet::new();
        let paths = document["paths"].as_object().context("paths")?;
        let gets = paths.iter().filter(|(_, operations)| operations.get("get").is_some()).map(|(path, _)| path);
        for path in gets.clone().filter(|path| !SHOWING.iter().any(|end| path.ends_with(end))) {
            for endpoint in &self.endpoints {
                let of = if path.contains("operational-webhook") { &self.operational } else { endpoint };
                let names = [
                    ("app", ACCOUNT),
                    ("endpoint", of),
                    ("msg", &event),
                    ("catcher", &self.catcher),
                    ("key", &self.key),
                ];
                let filled = path.replace("{event_type_name}", "invoiceCreated");
                let filled = names.iter().fold(filled, |path, (name, id)| path.replace(&format!("{{{name}_id}}"), id));
                let reply = client.get(&filled).await?;
                if (200..300).contains(&reply.status) {
                    answered.insert(path.as_str());
                }
                garden.assert_not_in(&reply.body, &format!("GET {filled}: {}", reply.text()))?;
            }
        }
        ensure!(answered.len() > 45, "of {} paths only these were answered: {answered:?}", gets.count());
        Ok(())
    }
}

/// Every page of the console that is not a stream and needs no further id, with each endpoint.
async fn look_at_pages(server: &Server, garden: &Garden, cookie: &str, grown: &Grown) -> Result<()> {
    let client = Client::anonymous(server.address());
    let mut shown = BTreeSet::new();
    for route in console::routes()?.iter().filter(|route| !route.ends_with("/live")) {
        for endpoint in &grown.endpoints {
            let page = route.replace("{a}", ACCOUNT).replace("{e}", endpoint).replace("{c}", &grown.catcher);
            if page.contains('{') {
                continue;
            }
            let reply = client.call(Method::GET, &page, &[("cookie", cookie)], "").await?;
            garden.assert_not_in(&reply.body, &format!("GET {page}: {}", reply.text()))?;
            if reply.status == 200 {
                shown.insert(route.clone());
            }
        }
    }
    ensure!(shown.len() > 25, "only these pages were shown: {shown:?}");
    Ok(())
}

/// The fields of requests whose names speak of secrets, such as `EndpointIn.secret`.
fn suspicious(document: &Value) -> Result<BTreeSet<String>> {
    let mut fields = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let operations = document["paths"]
        .as_object()
        .context("paths")?
        .values()
        .filter_map(Value::as_object)
        .flat_map(|path| path.values());
    for operation in operations {
        walk(document, &operation["requestBody"], "a body", &mut seen, &mut fields);
    }
    ensure!(seen.len() > 15, "the document names its shapes in another way now: {seen:?}");
    Ok(fields)
}

fn walk(document: &Value, value: &Value, shape: &str, seen: &mut BTreeSet<String>, fields: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            if let Some(name) = value["$ref"].as_str().and_then(|place| place.rsplit('/').next())
                && seen.insert(name.to_owned())
            {
                walk(document, &document["components"]["schemas"][name], name, seen, fields);
            }
            for name in value["properties"].as_object().into_iter().flat_map(serde_json::Map::keys) {
                let lower = name.to_lowercase();
                if SUSPICIOUS.iter().any(|word| lower.contains(word)) {
                    fields.insert(format!("{shape}.{name}"));
                }
            }
            for member in members.values() {
                walk(document, member, shape, seen, fields);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| walk(document, item, shape, seen, fields)),
        _ => {}
    }
}
