//! The real caller: one guarded path for every request, under one deadline.

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http::HeaderValue;
use ringup_core::outcome::{Answer, BlockedBy, BodyEnd, Cause, Outcome, Phase};
use ringup_core::timing::Timing;
use tokio::net::TcpStream;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::client_tls::ClientTls;
use crate::connection::{Connection, NoAnswer};
use crate::dial::{self, Tls};
use crate::fault::{self, Failure};
use crate::guard;
use crate::message;
use crate::plan::{EgressError, EgressPlan};
use crate::pool::{Key, Pool};
use crate::probe::{Probe, Sight, TlsFault, TlsSeen};
use crate::request::{Caller, Outgoing, Question, Reply, Request};
use crate::resolve::{ADDRESSES_MAX, NameServers, Names, Resolve};
use crate::url_policy::{self, Host, LOCALHOST, UrlProblem};
use crate::wire::{Meter, Transport};

/// How often idle connections are looked at.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// How long closing waits for calls that were cut off; each needs one turn of its own task.
const CLOSE_TIME_LIMIT: Duration = Duration::from_secs(1);

/// Calls receivers. Needs a running tokio runtime with time and network.
pub struct Egress {
    plan: EgressPlan,
    user_agent: HeaderValue,
    names: Names,
    tls: Tls,
    pool: Arc<Pool>,
    closing: CancellationToken,
    /// The calls in flight, and the task that sweeps the pool.
    running: TaskTracker,
}

impl Egress {
    /// Reads the system's name servers if the plan has none.
    pub fn new(plan: EgressPlan) -> Result<Egress, EgressError> {
        let resolver = NameServers::new(&plan)?;
        Egress::with_resolver(plan, Box::new(resolver))
    }

    /// With other means to resolve names. Whatever they answer is checked like any answer.
    pub fn with_resolver(plan: EgressPlan, resolver: Box<dyn Resolve>) -> Result<Egress, EgressError> {
        let user_agent =
            HeaderValue::from_str(&plan.user_agent).map_err(|_| EgressError::UserAgent(plan.user_agent.clone()))?;
        let pool = Pool::new(plan.connections_per_host_max, plan.idle_time_limit);
        let tls = Tls::new(&plan)?;
        let (closing, running) = (CancellationToken::new(), TaskTracker::new());
        running.spawn(closing.clone().run_until_cancelled_owned(sweep(pool.clone())));
        Ok(Egress { user_agent, names: Names::new(resolver), tls, pool, closing, running, plan })
    }

    pub fn plan(&self) -> &EgressPlan {
        &self.plan
    }

    /// Idle connections now, for metrics and tests.
    pub fn idle_connections(&self) -> usize {
        self.pool.idle_count()
    }

    /// Cuts off what is in flight, which ends as [`Outcome::Interrupted`], and closes every connection.
    ///
    /// Drain first: whoever calls knows how long that may take. Calls made later are interrupted at once. Returns when
    /// nothing is running any more, or after a second if someone holds a call without polling it.
    pub async fn close(&self) {
        self.stop();
        self.running.close();
        if timeout(CLOSE_TIME_LIMIT, self.running.wait()).await.is_err() {
            tracing::warn!(calls = self.running.len(), "calls still held at close");
        }
    }

    fn stop(&self) {
        self.closing.cancel();
        self.pool.close();
    }

    async fn reply(&self, request: Outgoing) -> Reply {
        self.reply_with(request, &mut Progress::default()).await
    }

    /// On a connection of its own, which nobody uses afterwards.
    async fn seen(&self, request: Outgoing) -> Probe {
        let mut progress = Progress { sight: Some(Box::default()), ..Progress::default() };
        let reply = self.reply_with(request, &mut progress).await;
        Probe { reply, sight: progress.sight.map(|sight| *sight).unwrap_or_default() }
    }

    async fn reply_with(&self, request: Outgoing, progress: &mut Progress) -> Reply {
        let _running = self.running.token();
        let started = Instant::now();
        let deadline = started + request.time_limit();
        let outcome = tokio::select! {
            biased;
            () = self.closing.cancelled() => Outcome::Interrupted,
            ended = timeout_at(deadline, self.exchange(&request, progress)) => match ended {
                Ok(Ok(answer)) => Outcome::answered(answer),
                Ok(Err(failure)) => failure.into(),
                Err(_) => Outcome::TimedOut(progress.phase()),
            },
        };
        let Progress { timing, remote, reused, .. } = *progress;
        Reply { outcome, duration: started.elapsed(), timing, remote, reused }
    }

    /// From the name to the last byte. A connection is kept only after a complete answer.
    async fn exchange(&self, request: &Outgoing, progress: &mut Progress) -> Result<Answer, Failure> {
        request.url().permitted(&self.plan).map_err(|problem| Failure::Blocked(problem.blocked_by()))?;
        if let Some(recipient) = request.url().recipient() {
            progress.phase = Phase::Send;
            if request.is_fenced_off() {
                return Err(Failure::FencedOff);
            }
            return match (&self.plan.mail, request) {
                (Some(mail), Outgoing::Event(event)) => mail.send(recipient, event).await,
                (None, _) | (_, Outgoing::Question(_)) => Err(Failure::Blocked(BlockedBy::Scheme)),
            };
        }
        let addresses = self.vetted(request, progress).await?;
        if let Some(sight) = &mut progress.sight
            && request.url().own_catcher(&self.plan).is_none()
        {
            sight.addresses = addresses.as_slice().iter().map(SocketAddr::ip).collect();
        }
        loop {
            let kept = if progress.sight.is_some() { None } else { self.pooled(request, &addresses).await };
            let mut connection = match kept {
                Some(connection) => {
                    progress.reused = true;
                    connection
                }
                None => {
                    progress.reused = false;
                    self.dialled(request, &addresses, progress).await?
                }
            };
            progress.sending(&connection);
            let sent = Instant::now();
            let message = message::build(request, &self.user_agent);
            let response = match connection.send(message, || !request.is_fenced_off()).await {
                Ok(response) => response,
                Err(NoAnswer::FencedOff) => return Err(Failure::FencedOff),
                // The receiver had closed a kept connection and nothing of the request left us: certainly not acted
                // on. Anything else might have been, and is left to the retry policy. Ends, as each turn uses one up.
                Err(NoAnswer::Failed { unsent: true, .. }) if progress.reused => continue,
                Err(NoAnswer::Failed { cause, .. }) => return Err(cause.into()),
            };
            progress.timing.first_byte = Some(sent.elapsed());
            progress.phase = Phase::Body;
            let answer = connection.read(response).await;
            let is_to_keep = answer.body_end == BodyEnd::Complete && progress.sight.is_none();
            if is_to_keep && poll_fn(|cx| Poll::Ready(connection.is_ready(cx))).await {
                self.pool.put(key(request, connection.remote), connection);
            }
            return Ok(answer);
        }
    }

    /// The addresses that may be dialled. One forbidden address refuses the whole name: a receiver whose name also
    /// leads inside is either misconfigured or means to.
    async fn vetted(&self, request: &Outgoing, progress: &mut Progress) -> Result<Vetted, Failure> {
        let url = request.url().parts();
        if let Some(own) = request.url().own_catcher(&self.plan) {
            return Ok(Vetted::One([own]));
        }
        let name = match &url.host {
            // Checked with the URL a moment ago.
            Host::Address(ip) => return Ok(Vetted::One([SocketAddr::new(*ip, url.port)])),
            Host::Name(name) => name,
        };
        if url_policy::is_localhost(name) {
            let local = LOCALHOST.map(|ip| SocketAddr::new(ip, url.port));
            let permitted = |address: &SocketAddr| url_policy::permitted_address(*address, &self.plan).is_ok();
            return Ok(Vetted::Several(local.into_iter().filter(permitted).collect()));
        }
        progress.phase = Phase::Resolve;
        let started = Instant::now();
        let found = self.names.addresses(name).await;
        progress.timing.resolve = Some(started.elapsed());
        let addresses: Vec<SocketAddr> =
            found?.iter().map(|ip| SocketAddr::new(guard::dialled(*ip), url.port)).collect();
        for address in &addresses {
            url_policy::permitted_address(*address, &self.plan)
                .map_err(|problem| forbidden(name, *address, &problem))?;
        }
        Ok(Vetted::Several(addresses.into_iter().take(ADDRESSES_MAX).collect()))
    }

    /// A kept connection to one of the addresses that answers us still.
    async fn pooled(&self, request: &Outgoing, addresses: &Vetted) -> Option<Connection> {
        for address in addresses.as_slice() {
            let key = key(request, *address);
            while let Some(mut connection) = self.pool.take(&key) {
                if poll_fn(|cx| Poll::Ready(connection.is_still_ready(cx))).await {
                    return Some(connection);
                }
            }
        }
        None
    }

    async fn dialled(
        &self,
        request: &Outgoing,
        addresses: &Vetted,
        progress: &mut Progress,
    ) -> Result<Connection, Failure> {
        progress.phase = Phase::Connect;
        let started = Instant::now();
        let socket = match request.url().own_catcher(&self.plan) {
            Some(own) => dial::connect_to_ourselves(own, &self.plan).await?,
            None => dial::connect(addresses.as_slice(), &self.plan).await?,
        };
        progress.timing.connect = Some(started.elapsed());
        let remote = socket.peer_addr().map_err(|_| Failure::Unreachable(Cause::Reset))?;
        progress.remote = Some(remote);
        let transport = self.transport(request, socket, progress).await?;
        Ok(Connection::over(transport, remote).await?)
    }

    async fn transport(
        &self,
        request: &Outgoing,
        socket: TcpStream,
        progress: &mut Progress,
    ) -> Result<Transport, Cause> {
        let url = request.url().parts();
        // Our own listener speaks plainly, whatever stands before it towards the world.
        if !url.https || request.url().own_catcher(&self.plan).is_some() {
            return Ok(Transport::Plain(socket));
        }
        progress.phase = Phase::Tls;
        let started = Instant::now();
        let tls = request.tls().map_or(&self.tls, ClientTls::tls);
        let shaken = tls.handshake(socket, url.server_name.clone()).await;
        if let Some(sight) = &mut progress.sight {
            sight.tls = Some(shaken.as_ref().map(TlsSeen::of).map_err(TlsFault::of));
        }
        let stream = shaken.map_err(|error| fault::of_handshake(&error))?;
        progress.timing.tls = Some(started.elapsed());
        Ok(Transport::Tls(Box::new(stream)))
    }
}

impl Caller for Egress {
    fn call(&self, request: Request) -> Pin<Box<dyn Future<Output = Reply> + Send + '_>> {
        Box::pin(self.reply(Outgoing::Event(request)))
    }

    fn ask(&self, question: Question) -> Pin<Box<dyn Future<Output = Reply> + Send + '_>> {
        Box::pin(self.reply(Outgoing::Question(question)))
    }

    fn probe(&self, request: Request) -> Pin<Box<dyn Future<Output = Probe> + Send + '_>> {
        Box::pin(self.seen(Outgoing::Event(request)))
    }
}

impl Drop for Egress {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Addresses that passed every check, without a list on the heap for the common single one.
enum Vetted {
    One([SocketAddr; 1]),
    Several(Vec<SocketAddr>),
}

impl Vetted {
    fn as_slice(&self) -> &[SocketAddr] {
        match self {
            Vetted::One(one) => one,
            Vetted::Several(several) => several,
        }
    }
}

/// Where the exchange stands, readable when its time runs out.
struct Progress {
    phase: Phase,
    meter: Option<Arc<Meter>>,
    timing: Timing,
    remote: Option<SocketAddr>,
    reused: bool,
    /// Where somebody looks on: `None` for deliveries.
    sight: Option<Box<Sight>>,
}

impl Default for Progress {
    fn default() -> Progress {
        Progress {
            phase: Phase::Connect,
            meter: None,
            timing: Timing::default(),
            remote: None,
            reused: false,
            sight: None,
        }
    }
}

impl Progress {
    fn sending(&mut self, connection: &Connection) {
        self.phase = Phase::Wait;
        self.meter = Some(connection.meter.clone());
        self.remote = Some(connection.remote);
    }

    /// Waiting with a write that does not fit is still sending.
    fn phase(&self) -> Phase {
        match (self.phase, &self.meter) {
            (Phase::Wait, Some(meter)) if meter.is_stalled() => Phase::Send,
            (phase, _) => phase,
        }
    }
}

fn key(request: &Outgoing, address: SocketAddr) -> Key {
    let url = request.url().parts();
    let tls = request.tls().map_or(0, ClientTls::id);
    Key { account: request.account(), https: url.https, tls, host: url.host.clone(), address }
}

fn forbidden(name: &str, address: SocketAddr, problem: &UrlProblem) -> Failure {
    // For the operator: the endpoint's owner is told no more than that the address is not called.
    tracing::info!(name, %address, rule = problem.rule(), "a name resolves to a forbidden address");
    Failure::Blocked(BlockedBy::Address)
}

async fn sweep(pool: Arc<Pool>) {
    let mut turns = interval(SWEEP_EVERY);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        turns.tick().await;
        pool.sweep();
    }
}
