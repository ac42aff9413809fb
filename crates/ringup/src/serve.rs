//! Hands the configuration to the parts of the server.

use std::process::ExitCode;

use crate::cli::Command;
use crate::config::Loaded;

pub fn run(command: Command, loaded: Loaded) -> anyhow::Result<ExitCode> {
    let (server, store, egress) = (&loaded.config.server, &loaded.config.store, &loaded.config.egress);
    let (delivery, log) = (&loaded.config.delivery, &loaded.config.log);
    anyhow::bail!(
        "{command:?} is not wired yet: {:?} {:?} {:?} {:?} {:?}",
        (server.listen, server.body_bytes_max.as_usize(), server.shutdown_grace, server.threads),
        (
            store.url.as_ref().map(|url| url.expose().len()),
            &store.data_dir,
            store.payload_retention,
            store.attempt_retention,
            store.idempotency_window
        ),
        (
            &egress.allow_networks,
            egress.allow_http,
            &egress.ca_files,
            &egress.dns_servers,
            egress.connect_time_limit,
            egress.connections_per_host_max,
            egress.bind_address
        ),
        (
            delivery.policy,
            delivery.retry,
            delivery.cooldown,
            delivery.time_limit,
            delivery.log_mode,
            delivery.in_flight_max,
            delivery.endpoint_in_flight_max,
            delivery.breaker_failures,
            delivery.pause_after,
            loaded.settings.is_set("delivery.retry"),
        ),
        (
            loaded.config.bootstrap.key.as_ref().map(|key| key.expose().len()),
            log.format,
            log.filter.to_env_filter(),
            loaded.config.events.strict
        )
    )
}
