//! `ringup serve`: builds the parts from the configuration, joins them, and takes them down in order.
//!
//! The addresses are taken first, so that a start that waits for its database says so where it is asked.
//!
//! Down means: not ready, stop accepting, stop starting attempts, finish what is in flight until the deadline, give
//! back the rest, close the store, say what was left.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use ringup_api::{LimitPlan, ServePlan};
use ringup_app::{App, Catchers, Declarations, Founding};
use ringup_core::breaker::BreakerPlan;
use ringup_core::settings::SystemDefaults;
use ringup_dispatch::{Dispatch, Parts, Tasks, Upkeep, UpkeepPlan};
use ringup_egress::mail::MailPlan;
use ringup_egress::{Egress, EgressPlan};
use ringup_store::catalogue::Catalogue;
use ringup_store::directory::Directory;
use ringup_store::seam::Retention;
use ringup_store::{Store, StoreError};
use ringup_web::Console;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::catching::Catching;
use crate::config::table::{Config, Delivery};
use crate::config::value::choice::RequestLog;
use crate::config::{Loaded, Settings};
use crate::entrance::Entrance;
use crate::health::Health;
use crate::shell::{SystemClock, SystemRandom};
use crate::signal::StopSignal;
use crate::{data, greeting, house};

/// Between looks for history that has outlived its retention.
const RETAIN_EVERY: Duration = Duration::from_secs(60);

/// Between looks for keys and environments made by `ringup key` and `ringup environment`.
const REFRESH_EVERY: Duration = Duration::from_millis(250);

/// Payload bytes held in memory for lanes; beyond it they are read from the store.
const HELD_BYTES_MAX: usize = 32 * 1024 * 1024;

pub fn run(loaded: Loaded, failpoint: Option<String>) -> anyhow::Result<ExitCode> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = loaded.config.server.threads {
        runtime.worker_threads(usize::try_from(threads)?);
    }
    runtime.enable_all().build().context("cannot start the runtime")?.block_on(serve(loaded, failpoint))
}

async fn serve(loaded: Loaded, failpoint: Option<String>) -> anyhow::Result<ExitCode> {
    let Loaded { config, settings } = loaded;
    let mut signal = StopSignal::listen().context("cannot listen for signals")?;
    let mut egress_plan = egress_plan(&config)?;
    let (health, stop) = (Health::starting(), CancellationToken::new());
    let grace = config.server.shutdown_grace;
    let serve_plan = ServePlan { grace, ..ServePlan::default() };
    let main = Entrance::take(config.server.listen, "server.listen", health.wellness(), serve_plan, &stop).await?;
    let of_catchers = match config.catcher.listen {
        Some(at) => Some(Entrance::take(at, "catcher.listen", health.wellness(), serve_plan, &stop).await?),
        None => None,
    };
    let address = main.address;
    // A node that waits for its turn can be stopped.
    let opened = tokio::select! {
        opened = data::open(&config, failpoint.as_deref(), &health) => opened?,
        name = signal.next() => {
            info!(signal = name, "stopped before it had anything to do");
            return Ok(ExitCode::SUCCESS);
        }
    };
    let store = opened.store.clone();
    health.goes_on();
    let catching = Catching::open(&config, &opened, address, of_catchers).await?;
    egress_plan.own_addresses = catching.own_addresses(address);
    egress_plan.catcher = Some(catching.own.clone());
    egress_plan.mail = mail_plan(&config, address, &egress_plan)?;
    let egress_plan = Arc::new(egress_plan);
    let egress = Arc::new(Egress::new(EgressPlan::clone(&egress_plan))?);

    let directory = Directory::new(system_defaults(&config.delivery, &settings), store.load_configuration().await?);
    let catalogue = Arc::new(Catalogue::new(store.clone(), directory));
    let dispatch = Dispatch::start(
        dispatch_plan(&config.delivery),
        Parts {
            catalogue: catalogue.clone(),
            caller: egress.clone(),
            egress: egress_plan.clone(),
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            words: ringup_api::operational_payload,
            contracts: Arc::new(Declarations::default()),
        },
    );
    let teller = health.clone();
    let tell = move |looked: Result<(), &StoreError>| teller.store_is(looked.err().map(ToString::to_string));
    let upkeep = Upkeep::start(upkeep_plan(&config), catalogue.clone(), Arc::new(SystemClock), tell);
    let tasks =
        Tasks::start(catalogue.clone(), Arc::new(SystemClock), Arc::new(SystemRandom), ringup_api::operational_payload);

    let catchers = Catchers::new(catching.store.clone(), catching.plan.clone());
    let app = App::new(catalogue, Arc::new(SystemClock), Arc::new(SystemRandom), app_plan(&config, &egress_plan));
    let app = app.calling_with(egress.clone()).with_catchers(catchers).founding(founding(&config));
    let app = Arc::new(app.in_house(house::house(&config.store, &settings, dispatch.watch())));
    let given = config.bootstrap.key.as_ref().map(|key| SecretString::from(key.expose().to_owned()));
    let first = app.first_start(given.as_ref(), config.events.strict).await?;
    let console = Console::new(app.clone(), console_plan(&config), &ringup_api::document());

    let sampling = tokio::spawn(house::sample(app.clone(), stop.clone()));
    let router =
        ringup_api::router(app.clone(), api_plan(&config, address)?, health.wellness()).merge(console.router());
    let catcher_router = ringup_api::catcher_router(app.clone());
    let router = if catching.entrance.is_some() { router } else { router.merge(catcher_router.clone()) };
    main.open(router);
    let catching = catching.start(app.clone(), catcher_router, &stop);
    health.started();
    greeting::say(&first, given.is_some(), &app, address, &config.store.data_dir).await?;

    let name = tokio::select! {
        name = signal.next() => name,
        // Nothing can be recorded any more, so nothing may be sent: the one who took over does both.
        why = opened.lost() => bail!("{why}"),
    };
    info!(signal = name, ?grace, "stopping: no new requests, finishing what is in flight");
    health.stopping();
    stop.cancel();
    app.end_waits();
    let served = async {
        main.ended().await;
        let _ = sampling.await;
        catching.stop().await;
        // Nobody asks any more; what was asked last is on its way into the log.
        app.end_hooks(HOOKS_GRACE).await;
    };
    tokio::select! {
        () = take_down(served, tasks, dispatch, upkeep, &egress, &store, grace) => Ok(ExitCode::SUCCESS),
        name = signal.next() => {
            warn!(signal = name, "stopping at once; what was accepted is kept and sent after the next start");
            Ok(ExitCode::FAILURE)
        }
    }
}

/// How long a stop waits for the log to have what hooks asked.
const HOOKS_GRACE: Duration = Duration::from_secs(5);

/// With what new environments begin.
pub fn founding(config: &Config) -> Founding {
    Founding { guide: config.events.catalogue, validation: config.events.validation }
}

async fn take_down(
    served: impl Future<Output = ()>,
    tasks: Tasks,
    dispatch: Dispatch,
    upkeep: Upkeep,
    egress: &Egress,
    store: &Arc<dyn Store>,
    grace: Duration,
) {
    // No attempt begins from now on, while requests that were taken are answered before anything they need goes away.
    // What they publish waits in the store.
    let ((), leftover) = tokio::join!(served, dispatch.stop(grace));
    tasks.stop().await;
    egress.close().await;
    upkeep.stop().await;
    let waiting = store.census().await.map(|census| census.deliveries_live).unwrap_or_default();
    if let Err(error) = store.close().await {
        warn!(%error, "the store did not close cleanly; the next start repairs it");
    }
    info!(interrupted = leftover.interrupted, waiting, "stopped; what waits is kept and sent after the next start");
}

/// Where calls may go, as the operator decided.
pub fn egress_plan(config: &Config) -> anyhow::Result<EgressPlan> {
    let egress = &config.egress;
    Ok(EgressPlan {
        allow_networks: egress.allow_networks.clone(),
        allow_http: egress.allow_http,
        extra_roots: ringup_egress::load_roots(&egress.ca_files).context("egress.ca_files")?,
        dns_servers: egress.dns_servers.clone(),
        connect_time_limit: egress.connect_time_limit,
        connections_per_host_max: usize::try_from(egress.connections_per_host_max)?,
        bind_address: egress.bind_address,
        ..EgressPlan::default()
    })
}

fn mail_plan(config: &Config, address: SocketAddr, egress: &EgressPlan) -> anyhow::Result<Option<MailPlan>> {
    let Some(url) = &config.smtp.url else { return Ok(None) };
    let console = public_url(config, address);
    let plan = MailPlan::new(url.relay(), config.smtp.from.sender(), console, &egress.extra_roots);
    plan.map(Some).context("smtp.url")
}

/// Where people reach the console.
fn public_url(config: &Config, address: SocketAddr) -> String {
    let url = config.server.public_url.as_ref();
    url.map_or_else(|| format!("http://{address}"), |url| url.as_str().to_owned())
}

fn system_defaults(delivery: &Delivery, settings: &Settings) -> SystemDefaults {
    // A policy brings its own schedule; retry and cooldown replace it only if somebody set them.
    let set = |name, value| settings.is_set(name).then_some(value);
    SystemDefaults {
        policy: delivery.policy,
        retry: settings.is_set("delivery.retry").then_some(delivery.retry),
        cooldown: set("delivery.cooldown", delivery.cooldown),
        time_limit: delivery.time_limit,
        log_mode: delivery.log_mode,
        in_flight_max: delivery.endpoint_in_flight_max,
        pause_after: delivery.pause_after.unwrap_or(Duration::ZERO),
    }
}

fn dispatch_plan(delivery: &Delivery) -> ringup_dispatch::Plan {
    ringup_dispatch::Plan {
        in_flight_max: delivery.in_flight_max,
        breaker: BreakerPlan { troubles_to_open: delivery.breaker_failures, ..BreakerPlan::default() },
        held_bytes_max: HELD_BYTES_MAX,
        alert_after: delivery.alert_after,
    }
}

fn upkeep_plan(config: &Config) -> UpkeepPlan {
    UpkeepPlan {
        retention: Retention { payloads: config.store.payload_retention, attempts: config.store.attempt_retention },
        audit_kept: config.store.audit_retention,
        retain_every: RETAIN_EVERY,
        refresh_every: REFRESH_EVERY,
    }
}

fn api_plan(config: &Config, address: SocketAddr) -> anyhow::Result<ringup_api::Plan> {
    let server = &config.server;
    let origins = server.cors_origins.iter().map(|site| site.as_str().parse());
    Ok(ringup_api::Plan {
        public_url: public_url(config, address),
        limits: LimitPlan {
            requests_max: usize::try_from(server.requests_in_flight_max)?,
            key_requests_per_second: server.key_requests_per_second.and_then(NonZeroU32::new),
            key_requests_max: server.key_requests_in_flight_max,
        },
        request_log: match config.log.requests {
            RequestLog::Off => ringup_api::RequestLog::Off,
            RequestLog::Debug => ringup_api::RequestLog::Debug,
            RequestLog::Info => ringup_api::RequestLog::Info,
        },
        cors_origins: origins.collect::<Result<_, _>>().context("server.cors_origins")?,
        ..ringup_api::Plan::new(server.body_bytes_max.as_usize())
    })
}

fn app_plan(config: &Config, egress: &Arc<EgressPlan>) -> ringup_app::Plan {
    ringup_app::Plan {
        idempotency_window: config.store.idempotency_window,
        payload_bytes_max: config.server.body_bytes_max.as_usize(),
        egress: egress.clone(),
    }
}

fn console_plan(config: &Config) -> ringup_web::Plan {
    ringup_web::Plan { secure: config.console.secure, payload_bytes_max: config.server.body_bytes_max.as_usize() }
}
