//! One publisher: a connection, and one request in flight on it.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::{net::TcpStream, task::JoinHandle, time};

use super::{Draft, Keep, Pace, Report, Shape, Shared};
use crate::journal::{Sent, Sha256, is_success, now_ns};

/// Pause between attempts to connect while the server is down.
const RECONNECT_EVERY: Duration = Duration::from_millis(2);
/// Pause before an event that was refused is sent again.
const REPEAT_AFTER: Duration = Duration::from_millis(5);
/// How long after the plan's end an answer is still waited for.
const GRACE: Duration = Duration::from_secs(1);
/// Bytes of an answer that are read for its id; a publish answers far less.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// Requests one publisher remembers.
const SENT_MAX: usize = 4_000_000;

pub(super) struct Publisher {
    shared: Arc<Shared>,
    order_key: String,
    index: usize,
    started: Instant,
    /// The nodes of the cluster; most have one.
    nodes: Vec<SocketAddr>,
    /// The node in use.
    node: usize,
    /// Where to post, with the account it belongs to.
    targets: Vec<(String, Uri)>,
    headers: Vec<(HeaderName, HeaderValue)>,
    envelope: String,
    link: Option<Link>,
    in_flight: Option<Box<Event>>,
    report: Report,
}

struct Event {
    sent: Sent,
    body: Bytes,
    target: usize,
    since: Instant,
}

struct Answer {
    status: u16,
    /// Empty unless asked for.
    body: Vec<u8>,
}

/// What a publisher does after a request.
enum Next {
    Event,
    Repeat(Box<Event>),
    Over,
}

impl Publisher {
    pub fn new(shared: Arc<Shared>, index: usize, started: Instant) -> Result<Self> {
        let plan = &shared.plan;
        let mut headers = vec![
            (header::HOST, HeaderValue::from_str(&plan.target.to_string())?),
            (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        ];
        let mut envelope = String::new();
        let targets = match &plan.shape {
            Shape::Bare { path } => {
                let signature = HeaderValue::from_static("v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=");
                headers.push((HeaderName::from_static("webhook-timestamp"), HeaderValue::from_static("1614265330")));
                headers.push((HeaderName::from_static("webhook-signature"), signature));
                vec![(String::new(), path.parse()?)]
            }
            Shape::Publish { key, apps, event_type } => {
                headers.push((header::AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {key}"))?));
                envelope = format!("{{\"eventType\":{},\"eventId\":\"", serde_json::to_string(event_type)?);
                let uri = |app: &String| Ok((app.clone(), format!("/api/v1/app/{app}/msg").parse()?));
                apps.iter().map(uri).collect::<Result<_>>()?
            }
        };
        let order_key = format!("{}-p{index}", plan.uid_prefix);
        let nodes: Vec<_> = [plan.target].into_iter().chain(plan.others.iter().copied()).collect();
        Ok(Self {
            order_key,
            index,
            started,
            node: index % nodes.len(),
            nodes,
            targets,
            headers,
            envelope,
            link: None,
            in_flight: None,
            report: Report::default(),
            shared,
        })
    }

    pub async fn run(mut self) -> Result<Report> {
        let mut stop = self.shared.stop.subscribe();
        let over = self.started + self.shared.plan.time_max;
        // Cut off in the middle of an answer only when the server is slow to give one.
        let end = async {
            let limit = time::sleep_until((over + GRACE).into());
            tokio::select! {
                () = async { drop(stop.wait_for(|stop| *stop).await) } => time::sleep(GRACE).await,
                () = limit => {}
            }
        };
        tokio::select! {
            result = self.publish(over) => result?,
            () = end => {}
        }
        if let Some(event) = self.in_flight.take() {
            self.record(&event, None)?;
        }
        Ok(self.report)
    }

    async fn publish(&mut self, over: Instant) -> Result<()> {
        let mut place = 0;
        while let Some(since) = self.turn(place, over).await {
            let Some(number) = self.shared.take_number() else { break };
            let mut event = self.draft(number, place, since)?;
            place += 1;
            loop {
                match self.send(event, over).await? {
                    Next::Event => break,
                    Next::Over => return Ok(()),
                    Next::Repeat(_) if !self.shared.plan.repeat || self.is_over(over) => break,
                    Next::Repeat(again) => event = again,
                }
                time::sleep(REPEAT_AFTER).await;
            }
        }
        Ok(())
    }

    /// Waits for the time of the next event; none when the plan is over.
    async fn turn(&self, place: u64, over: Instant) -> Option<Instant> {
        if let Pace::PerSecond(rate) = self.shared.plan.pace {
            let number = place as f64 * self.shared.plan.publishers as f64 + self.index as f64;
            let due = self.started + Duration::from_secs_f64(number / f64::from(rate));
            if due >= over {
                return None;
            }
            // Late because of the last answer: that wait is the server's. Otherwise the timer's
            // coarseness (1 ms) is nobody's latency.
            if due > Instant::now() {
                time::sleep_until(due.into()).await;
                return (!self.is_over(over)).then(Instant::now);
            }
            return (!self.is_over(over)).then_some(due);
        }
        (!self.is_over(over)).then(Instant::now)
    }

    fn is_over(&self, over: Instant) -> bool {
        *self.shared.stop.borrow() || Instant::now() >= over
    }

    fn draft(&self, number: u64, place: u64, since: Instant) -> Result<Box<Event>> {
        let plan = &self.shared.plan;
        let uid = format!("{}-{number}", plan.uid_prefix);
        let target = usize::try_from(number)? % self.targets.len();
        let now_ns = now_ns();
        let app = &self.targets[target].0;
        let draft = Draft { uid: &uid, app, number, order_key: &self.order_key, order_place: place, now_ns };
        let mut body = Vec::with_capacity(2048);
        let from = if self.envelope.is_empty() {
            0
        } else {
            body.extend_from_slice(self.envelope.as_bytes());
            body.extend_from_slice(uid.as_bytes());
            body.extend_from_slice(b"\",\"payload\":");
            body.len()
        };
        plan.payload.write(&draft, &mut body);
        let payload = &body[from..];
        let kept = plan.journal != Keep::Nothing;
        let text = (kept && plan.keep_payloads).then(|| String::from_utf8(payload.to_vec())).transpose();
        let event_type = match &plan.shape {
            Shape::Publish { event_type, .. } if kept => event_type.clone(),
            _ => String::new(),
        };
        let sent = Sent {
            app: app.clone(),
            event_type,
            body_sha256: if kept { Sha256::of(payload) } else { Sha256::default() },
            payload: text.context("a payload is UTF-8")?,
            order: plan.ordered.then(|| (self.order_key.clone(), place)),
            sent_at_ns: now_ns,
            answered_at_ns: None,
            status: None,
            event: None,
            uid,
        };
        if !self.envelope.is_empty() {
            body.push(b'}');
        }
        Ok(Box::new(Event { sent, body: body.into(), target, since }))
    }

    /// Sends an event and records what came back.
    async fn send(&mut self, mut event: Box<Event>, over: Instant) -> Result<Next> {
        let Some(mut link) = self.connect(over).await? else { return Ok(Next::Over) };
        event.sent.sent_at_ns = now_ns();
        let request = self.request(&event)?;
        self.report.requests += 1;
        // Left here when the wait is cut off, so that the journal has it.
        let event = self.in_flight.insert(event);
        event.sent.status = None;
        let answer = link.exchange(request, self.shared.plan.journal != Keep::Nothing);
        let answer = time::timeout(self.shared.plan.answer_within, answer).await.ok().flatten();
        match &answer {
            Some(answer) if !asks_for_a_repeat(answer.status) || self.nodes.len() == 1 => self.link = Some(link),
            _ => self.turn_to_next(),
        }
        let event = self.in_flight.take().context("nobody else takes it")?;
        let status = answer.as_ref().map(|answer| answer.status);
        self.record(&event, answer)?;
        Ok(match status {
            Some(status) if !asks_for_a_repeat(status) => Next::Event,
            _ => Next::Repeat(event),
        })
    }

    fn turn_to_next(&mut self) {
        self.node = (self.node + 1) % self.nodes.len();
    }

    /// The connection, or a new one as soon as the server takes it; none when the plan is over first.
    async fn connect(&mut self, over: Instant) -> Result<Option<Link>> {
        if let Some(mut link) = self.link.take()
            && link.sender.ready().await.is_ok()
        {
            return Ok(Some(link));
        }
        while !self.is_over(over) {
            let connecting = Link::connect(self.nodes[self.node]);
            if let Ok(Ok(link)) = time::timeout(self.shared.plan.answer_within, connecting).await {
                return Ok(Some(link));
            }
            self.turn_to_next();
            time::sleep(RECONNECT_EVERY).await;
        }
        Ok(None)
    }

    fn request(&self, event: &Event) -> Result<Request<Full<Bytes>>> {
        let mut request = Request::new(Full::new(event.body.clone()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.targets[event.target].1.clone();
        let headers = request.headers_mut();
        headers.reserve(self.headers.len() + 1);
        for (name, value) in &self.headers {
            headers.append(name.clone(), value.clone());
        }
        if self.envelope.is_empty() {
            headers.append(HeaderName::from_static("webhook-id"), HeaderValue::from_str(&event.sent.uid)?);
        }
        Ok(request)
    }

    fn record(&mut self, event: &Event, answer: Option<Answer>) -> Result<()> {
        match answer.as_ref().map(|answer| answer.status) {
            Some(status) if is_success(status) => {
                self.report.acknowledged += 1;
                self.report.latency.record(u64::try_from(event.since.elapsed().as_nanos())?);
                self.shared.acknowledged.send_modify(|count| *count += 1);
            }
            Some(status) => *self.report.refused.entry(status).or_default() += 1,
            None => self.report.unanswered += 1,
        }
        if self.shared.plan.journal == Keep::Nothing {
            return Ok(());
        }
        let mut sent = event.sent.clone();
        if let Some(answer) = answer {
            sent.status = Some(answer.status);
            sent.answered_at_ns = Some(now_ns());
            sent.event = serde_json::from_slice::<Accepted>(&answer.body).ok().map(|accepted| accepted.id);
        }
        if let Some(journal) = &self.shared.journal {
            return journal.append(&sent);
        }
        ensure!(self.report.sent.len() < SENT_MAX, "a publisher remembers {SENT_MAX} requests at most");
        self.report.sent.push(sent);
        Ok(())
    }
}

fn asks_for_a_repeat(status: u16) -> bool {
    status >= 500 || status == 429
}

/// The part of a publish's answer that the journal needs.
#[derive(Deserialize)]
struct Accepted {
    id: String,
}

struct Link {
    sender: SendRequest<Full<Bytes>>,
    driver: JoinHandle<()>,
}

impl Link {
    async fn connect(target: SocketAddr) -> Result<Self> {
        let socket = TcpStream::connect(target).await?;
        socket.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(socket)).await?;
        // Its failure reaches the sender's next call.
        let driver = tokio::spawn(async { connection.await.unwrap_or_default() });
        Ok(Self { sender, driver })
    }

    /// None when the connection ended before the answer did.
    async fn exchange(&mut self, request: Request<Full<Bytes>>, with_body: bool) -> Option<Answer> {
        let (head, mut incoming) = self.sender.send_request(request).await.ok()?.into_parts();
        let mut body = Vec::new();
        while let Some(frame) = incoming.frame().await {
            let data = frame.ok()?.into_data();
            if let (true, Ok(data)) = (with_body && body.len() < ANSWER_BYTES_MAX, data) {
                body.extend_from_slice(&data);
            }
        }
        Some(Answer { status: head.status.as_u16(), body })
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.driver.abort();
    }
}
