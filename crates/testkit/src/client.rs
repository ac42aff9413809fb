//! A client of the public API in Svix's dialect, over one keep-alive connection.
//!
//! It shares no code with the server and leaves payloads untouched: what a test writes is what travels.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use anyhow::{Context, Result, anyhow, bail, ensure};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::{net::TcpStream, sync::Mutex, task::JoinHandle, time::timeout};

/// Time for one call, connecting included, unless told otherwise.
const CALL_TIME: Duration = Duration::from_secs(30);
/// Bytes of one answer.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Pages one listing may have, against an iterator that goes in circles.
const PAGES_MAX: usize = 10_000;

/// A client; calls on one client take turns, a clone has a connection of its own.
#[derive(Debug)]
pub struct Client {
    address: SocketAddr,
    key: Option<String>,
    call_time: Duration,
    link: Mutex<Option<Link>>,
}

impl Client {
    /// Connects on the first call. The key goes out as a bearer token.
    pub fn new(address: SocketAddr, key: &str) -> Self {
        Self { address, key: Some(key.to_owned()), call_time: CALL_TIME, link: Mutex::default() }
    }

    /// Without a key.
    pub fn anonymous(address: SocketAddr) -> Self {
        Self { key: None, ..Self::new(address, "") }
    }

    /// Gives each call this much time.
    pub fn within(self, call_time: Duration) -> Self {
        Self { call_time, ..self }
    }

    /// One call; every status is an answer, no answer is an error.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Result<Reply> {
        let mut request = Request::builder().method(&method).uri(path).header(header::HOST, self.address.to_string());
        if let Some(key) = &self.key {
            request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
        }
        let body = body.into();
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body)).with_context(|| format!("building {method} {path}"))?;
        let reply = timeout(self.call_time, self.exchange(request)).await;
        reply.map_err(anyhow::Error::from).flatten().with_context(|| format!("{method} {path} at {}", self.address))
    }

    pub async fn get(&self, path: &str) -> Result<Reply> {
        self.call(Method::GET, path, &[], Bytes::new()).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Result<Reply> {
        self.call(Method::POST, path, &[], body.to_string()).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Result<Reply> {
        self.call(Method::PUT, path, &[], body.to_string()).await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Result<Reply> {
        self.call(Method::PATCH, path, &[], body.to_string()).await
    }

    pub async fn delete(&self, path: &str) -> Result<Reply> {
        self.call(Method::DELETE, path, &[], Bytes::new()).await
    }

    /// `GET /api/v1/health`.
    pub async fn health(&self) -> Result<Reply> {
        self.get("/api/v1/health").await
    }

    /// Creates an account of this uid and name; its id.
    pub async fn create_app(&self, uid: &str) -> Result<String> {
        self.post("/api/v1/app", &json!({"name": uid, "uid": uid})).await?.success()?.id()
    }

    /// Creates an endpoint from settings such as `{"url": ..}`; its id.
    pub async fn create_endpoint(&self, app: &str, settings: &Value) -> Result<String> {
        self.post(&format!("/api/v1/app/{app}/endpoint"), settings).await?.success()?.id()
    }

    /// The endpoint's signing secret, `whsec_…`.
    pub async fn secret(&self, app: &str, endpoint: &str) -> Result<String> {
        let reply = self.get(&format!("/api/v1/app/{app}/endpoint/{endpoint}/secret")).await?.success()?;
        reply.text_at("key")
    }

    /// Registers an event type.
    pub async fn create_event_type(&self, name: &str) -> Result<Reply> {
        self.post("/api/v1/event-type", &json!({"name": name, "description": name})).await?.success()
    }

    /// Publishes; the payload goes out as it is, valid or not.
    pub async fn publish(&self, app: &str, event_type: &str, payload: &str, event_id: Option<&str>) -> Result<Reply> {
        let event_id = event_id.map_or_else(String::new, |id| format!("\"eventId\":{},", json!(id)));
        let body = format!("{{\"eventType\":{},{event_id}\"payload\":{payload}}}", json!(event_type));
        self.call(Method::POST, &format!("/api/v1/app/{app}/msg"), &[], body).await
    }

    /// Publishes and expects 202; the event's id.
    pub async fn publish_accepted(&self, app: &str, event_type: &str, payload: &str) -> Result<String> {
        self.publish(app, event_type, payload, None).await?.expect(202)?.id()
    }

    /// Every attempt made for an event, all pages.
    pub async fn attempts_of_event(&self, app: &str, event: &str) -> Result<Vec<Attempt>> {
        self.list(&format!("/api/v1/app/{app}/attempt/msg/{event}")).await
    }

    /// Every attempt made to an endpoint, all pages.
    pub async fn attempts_of_endpoint(&self, app: &str, endpoint: &str) -> Result<Vec<Attempt>> {
        self.list(&format!("/api/v1/app/{app}/attempt/endpoint/{endpoint}")).await
    }

    /// Asks for one more attempt.
    pub async fn resend(&self, app: &str, event: &str, endpoint: &str) -> Result<Reply> {
        self.post(&format!("/api/v1/app/{app}/msg/{event}/endpoint/{endpoint}/resend"), &json!({})).await
    }

    /// All items of a listing, following its iterator to the end.
    pub async fn list<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>> {
        let mut items = Vec::new();
        let mut next = String::new();
        for _ in 0..PAGES_MAX {
            let joint = if path.contains('?') { '&' } else { '?' };
            let page = self.get(&format!("{path}{joint}limit=250{next}")).await?.success()?.parsed::<Page<T>>()?;
            items.extend(page.data);
            match page.iterator {
                Some(iterator) if !page.done => next = format!("&iterator={}", escaped(&iterator)),
                _ => return Ok(items),
            }
        }
        bail!("{path} has more than {PAGES_MAX} pages")
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Reply> {
        let mut slot = self.link.lock().await;
        // Taken out, so that a call that fails or is given up leaves no half-used connection behind.
        if let Some(mut link) = slot.take()
            && link.sender.ready().await.is_ok()
        {
            match link.exchange(request.clone()).await {
                Ok(reply) => {
                    *slot = Some(link);
                    return Ok(reply);
                }
                // The server closed the idle connection (it was restarted, say) before this call reached
                // it; only a call that is known not to have arrived, or that changes nothing, goes again.
                Err(Failed::Unsent) => {}
                Err(Failed::Unknown(_)) if request.method() == Method::GET => {}
                Err(Failed::Unknown(error)) => return Err(error),
            }
        }
        let mut link = Link::connect(self.address).await?;
        let reply = link.exchange(request).await.map_err(|failed| match failed {
            Failed::Unsent => anyhow!("the connection ended before the call was sent"),
            Failed::Unknown(error) => error,
        })?;
        *slot = Some(link);
        Ok(reply)
    }
}

impl Clone for Client {
    fn clone(&self) -> Self {
        Self { address: self.address, key: self.key.clone(), call_time: self.call_time, link: Mutex::default() }
    }
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Reply {
    /// Fails with the body in the message unless the status is this one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Result<Self> {
        ensure!(self.status == status, "expected {status}, got {}: {}", self.status, self.text());
        Ok(self)
    }

    /// Fails with the body in the message unless the status is 2xx.
    pub fn success(self) -> Result<Self> {
        ensure!((200..300).contains(&self.status), "expected 2xx, got {}: {}", self.status, self.text());
        Ok(self)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Result<Value> {
        self.parsed()
    }

    pub fn parsed<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body).with_context(|| format!("reading {}", self.text()))
    }

    /// The text under a top-level name.
    pub fn text_at(&self, name: &str) -> Result<String> {
        let value = self.json()?;
        let text = value.get(name).and_then(Value::as_str);
        Ok(text.with_context(|| format!("no text `{name}` in {value}"))?.to_owned())
    }

    /// The text under `id`.
    pub fn id(&self) -> Result<String> {
        self.text_at("id")
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// One attempt as the API lists it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    pub id: String,
    #[serde(rename = "msgId")]
    pub event: String,
    #[serde(rename = "endpointId")]
    pub endpoint: String,
    pub url: String,
    /// The receiver's answer, cut to what the log keeps.
    pub response: String,
    /// Zero where no response came.
    pub response_status_code: i32,
    /// 0 success, 1 pending, 2 fail, 3 sending.
    pub status: i32,
    /// 0 scheduled, 1 manual.
    pub trigger_type: i32,
    pub timestamp: String,
    /// Everything else, our extensions among it.
    #[serde(flatten)]
    pub rest: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct Page<T> {
    data: Vec<T>,
    iterator: Option<String>,
    done: bool,
}

#[derive(Debug)]
struct Link {
    sender: SendRequest<Full<Bytes>>,
    driver: JoinHandle<()>,
}

impl Link {
    async fn connect(address: SocketAddr) -> Result<Self> {
        let socket = TcpStream::connect(address).await.context("connecting")?;
        socket.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(socket)).await?;
        // Its failure reaches the sender's next call.
        let driver = tokio::spawn(async { connection.await.unwrap_or_default() });
        Ok(Self { sender, driver })
    }

    async fn exchange(&mut self, request: Request<Full<Bytes>>) -> Result<Reply, Failed> {
        let answer = self.sender.send_request(request).await;
        let (head, body) = answer.map_err(Failed::from)?.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| Failed::Unknown(anyhow!("reading the answer: {error}")))?.to_bytes();
        Ok(Reply { status: head.status.as_u16(), headers: head.headers, body })
    }
}

/// Why a call got no answer.
enum Failed {
    /// It never left.
    Unsent,
    /// It may have been carried out.
    Unknown(anyhow::Error),
}

impl From<hyper::Error> for Failed {
    fn from(error: hyper::Error) -> Self {
        if error.is_canceled() { Self::Unsent } else { Self::Unknown(error.into()) }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// Percent-encodes everything but the unreserved characters of RFC 3986.
fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}
