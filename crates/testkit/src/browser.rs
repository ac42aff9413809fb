//! A real Chromium, driven by its chromedriver over WebDriver, which is JSON over HTTP.
//!
//! Every page is listened to from its first moment to its last: see [`watch`]. What a page did that none may do fails the
//! test that opened the browser, without being asked for.

mod watch;

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    process::{Child, Command, Stdio},
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::Method;
use serde_json::{Value, json};

pub use self::watch::{CALL, Seen};
use crate::{client::Client, server::free_port};

/// Long enough for any page on a busy machine.
const SOON: Duration = Duration::from_secs(20);
/// How often a page is looked at: it has no signal for us.
const LOOK_EVERY: Duration = Duration::from_millis(25);

const DRIVER: &str = "chromedriver";

/// A browser with one window. Both processes end when it is dropped.
#[derive(Debug)]
pub struct Browser {
    driver: Child,
    /// Where the driver listens.
    address: SocketAddr,
    client: Client,
    session: String,
    base: String,
    seen: Mutex<Seen>,
}

/// What a browser does with scripts on pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scripts {
    Run,
    /// As a person who has switched them off, or whose network lost them.
    Off,
}

impl Browser {
    /// Opens a browser for pages under `base`, such as `http://127.0.0.1:8080`.
    pub async fn open(base: &str) -> Result<Self> {
        Self::open_with(base, Scripts::Run).await
    }

    pub async fn open_with(base: &str, scripts: Scripts) -> Result<Self> {
        let port = free_port()?;
        let mut command = Command::new(DRIVER);
        command.arg(format!("--port={port}")).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let driver = command.spawn().context(
            "chromedriver does not start; `cargo xtask test --only tools` installs it, as does `apt-get install \
             chromium chromium-driver`",
        )?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let client = Client::anonymous(address).within(SOON);
        let mut browser =
            Self { driver, address, client, session: String::new(), base: base.to_owned(), seen: Mutex::default() };
        let until = Instant::now() + SOON;
        while browser.client.get("/status").await.is_err() {
            if Instant::now() > until {
                bail!("chromedriver does not answer");
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        let arguments = ["--headless=new", "--no-sandbox", "--hide-scrollbars", "--force-color-profile=srgb"];
        let options = json!({
            "capabilities": {"alwaysMatch": {
                "goog:chromeOptions": {"args": arguments},
                "goog:loggingPrefs": {"browser": "ALL"},
            }},
        });
        let reply = browser.client.post("/session", &options).await?.success()?.json()?;
        let session = reply.pointer("/value/sessionId").and_then(Value::as_str).context("a session's id")?;
        browser.session = format!("/session/{session}");
        browser.develop("Page.addScriptToEvaluateOnNewDocument", &json!({"source": watch::listener()})).await?;
        if scripts == Scripts::Off {
            browser.develop("Emulation.setScriptExecutionDisabled", &json!({"value": true})).await?;
        }
        browser.resize(1280, 800).await?;
        Ok(browser)
    }

    /// Goes to a path, or to a whole URL, and waits until the page is loaded.
    pub async fn go(&self, path: &str) -> Result<()> {
        let base = if path.starts_with('/') { self.base.as_str() } else { "" };
        self.ask(Method::POST, "/url", &json!({"url": format!("{base}{path}")})).await.map(drop)
    }

    /// The path of the page that is shown, with its query.
    pub async fn path(&self) -> Result<String> {
        let value = self.run("return location.pathname + location.search").await?;
        Ok(value.as_str().unwrap_or_default().to_owned())
    }

    /// Waits until this text is seen on the page.
    pub async fn sees(&self, text: &str) -> Result<()> {
        let script = format!("return document.body?.innerText.includes({}) ?? false", json!(text));
        let until = Instant::now() + SOON;
        // While a page is being left there is none to ask.
        while !self.run(&script).await.is_ok_and(|seen| seen == true) {
            if Instant::now() > until {
                let page = self.run("return document.body?.innerText").await?;
                bail!("{text:?} is not seen at {}:\n{}", self.path().await?, page.as_str().unwrap_or_default());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Types into the field that a CSS selector finds, in place of what stood there.
    pub async fn fill(&self, selector: &str, text: &str) -> Result<()> {
        let field = self.find(selector).await?;
        self.ask(Method::POST, &format!("/element/{field}/clear"), &json!({})).await?;
        self.ask(Method::POST, &format!("/element/{field}/value"), &json!({"text": text})).await.map(drop)
    }

    pub async fn click(&self, selector: &str) -> Result<()> {
        let found = self.find(selector).await?;
        self.ask(Method::POST, &format!("/element/{found}/click"), &json!({})).await.map(drop)
    }

    /// Runs a script on the page, as a console of the browser would: no policy holds for it.
    pub async fn run(&self, script: &str) -> Result<Value> {
        self.ask(Method::POST, "/execute/sync", &json!({"script": script, "args": []})).await
    }

    pub async fn set_cookie(&self, name: &str, value: &str) -> Result<()> {
        let cookie = json!({"cookie": {"name": name, "value": value, "path": "/"}});
        self.ask(Method::POST, "/cookie", &cookie).await.map(drop)
    }

    /// Makes the window as wide as a desk's or a hand's.
    pub async fn resize(&self, width: u32, height: u32) -> Result<()> {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        self.develop("Emulation.setDeviceMetricsOverride", &size).await.map(drop)
    }

    /// A picture of the page, as PNG: all of it, or as much as the window shows.
    pub async fn picture(&self, whole: bool) -> Result<Vec<u8>> {
        let taken = self.develop("Page.captureScreenshot", &json!({"captureBeyondViewport": whole})).await?;
        let data = taken.get("data").and_then(Value::as_str).context("a picture")?;
        Ok(STANDARD.decode(data)?)
    }

    async fn find(&self, selector: &str) -> Result<String> {
        let wanted = json!({"using": "css selector", "value": selector});
        let until = Instant::now() + SOON;
        loop {
            match self.ask(Method::POST, "/element", &wanted).await {
                Ok(found) => {
                    let id = found.as_object().and_then(|found| found.values().next()).and_then(Value::as_str);
                    return id.map(str::to_owned).context("an element's id");
                }
                Err(error) if Instant::now() > until => return Err(error.context(selector.to_owned())),
                Err(_) => tokio::time::sleep(LOOK_EVERY).await,
            }
        }
    }

    async fn develop(&self, command: &str, arguments: &Value) -> Result<Value> {
        self.ask(Method::POST, "/goog/cdp/execute", &json!({"cmd": command, "params": arguments})).await
    }

    async fn ask(&self, method: Method, path: &str, body: &Value) -> Result<Value> {
        let path = format!("{}{path}", self.session);
        let reply = self.client.call(method, &path, &[], body.to_string()).await?.success()?;
        Ok(reply.json()?.get_mut("value").map(Value::take).unwrap_or_default())
    }
}

/// Without the runtime, which may be ending itself.
impl Browser {
    /// Asks the driver to close the browser, answered once it is gone.
    fn end_session(&self) -> io::Result<()> {
        self.tell("DELETE", "", "").map(drop)
    }

    /// One call within the session; the body of its answer.
    fn tell(&self, method: &str, path: &str, body: &str) -> io::Result<String> {
        let mut socket = TcpStream::connect_timeout(&self.address, SOON)?;
        socket.set_read_timeout(Some(SOON))?;
        let (session, address, length) = (&self.session, self.address, body.len());
        let head = format!("{method} {session}{path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {length}\r\n\r\n");
        socket.write_all(head.as_bytes())?;
        socket.write_all(body.as_bytes())?;
        // The driver keeps the connection open, so its end says nothing.
        let mut answer = BufReader::new(socket);
        let mut length = 0;
        loop {
            let mut line = String::new();
            answer.read_line(&mut line)?;
            match line.trim_end().split_once(':') {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.trim().parse().map_err(io::Error::other)?;
                }
                None if line.trim_end().is_empty() => break,
                _ => {}
            }
        }
        let mut body = vec![0; length];
        answer.read_exact(&mut body)?;
        String::from_utf8(body).map_err(io::Error::other)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let seen = if self.session.is_empty() { Ok(Seen::default()) } else { self.seen_at_the_end() };
        // A driver that ends leaves its browser behind, so the browser goes first; and the driver whatever became of it.
        let ended = if self.session.is_empty() { Ok(()) } else { self.end_session() };
        let killed = self.driver.kill().and_then(|()| self.driver.wait().map(drop));
        if let Err(error) = ended.and(killed) {
            eprintln!("cannot end the browser: {error}");
        }
        match seen {
            Ok(seen) if seen.is_nothing() => {}
            // A test that fails already says why.
            found if thread::panicking() => eprintln!("the browser saw {found:?}"),
            found => panic!("pages did what none may do: {found:#?}"),
        }
    }
}
