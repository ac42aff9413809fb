//! What an operator hands to whoever helps: how the server stands, as text, without secrets, payloads or addresses.

use std::fmt::Write as _;

use ringup_core::scope::Scope;

use super::Drain;
use crate::app::App;
use crate::error::AppError;
use crate::principal::Principal;

impl App {
    /// Hosts, ids and figures; no payload, header, path or query of a URL, name or key is in it.
    pub async fn support_bundle(&self, principal: &Principal) -> Result<String, AppError> {
        principal.operator(Scope::Read)?;
        let (fleet, queues) = (self.fleet(principal).await?, self.queues(principal).await?);
        let (problems, system) = (self.problems(principal).await?, self.system(principal).await?);
        let (nodes, facts) = (self.nodes(principal).await?, &system.facts);
        let mut text = String::new();
        let mut line = |written: std::fmt::Arguments<'_>| {
            let _ = writeln!(text, "{written}");
        };
        line(format_args!("ringup support bundle\n\n[system]"));
        line(format_args!("version = {}", facts.version));
        line(format_args!("at = {} s since 1970", fleet.at.as_secs()));
        line(format_args!("started = {} s before", fleet.at.saturating_since(facts.started_at).as_secs()));
        line(format_args!("store = {} bytes, {} events", system.store_bytes, system.events));
        if let Some(disk) = system.disk {
            line(format_args!("disk = {} of {} bytes free", disk.free, disk.whole));
        }
        if let Some(backup) = &system.last_backup {
            line(format_args!("backup = {} bytes at {} s", backup.made.bytes, backup.at.as_secs()));
        }
        line(format_args!("\n[configuration]"));
        for setting in &facts.settings {
            line(format_args!("{} = {}  # {}", setting.name, setting.value, setting.origin));
        }
        line(format_args!("\n[fleet]"));
        line(format_args!(
            "accounts = {}, endpoints = {}, failing = {}",
            fleet.accounts, fleet.endpoints, fleet.failing
        ));
        if let Some(rate) = fleet.in_per_second {
            line(format_args!("in = {rate:.1}/s"));
        }
        line(format_args!("out = {:.1}/s, failed = {:.1}/s", fleet.out_per_second, fleet.failed_per_second));
        line(format_args!("waiting = {}, attempts under way = {}", fleet.waiting, queues.calling));
        if let Some(oldest) = fleet.oldest {
            line(format_args!("oldest = {} s", fleet.at.saturating_since(oldest).as_secs()));
        }
        match fleet.drain {
            Drain::In(span) => line(format_args!("drains in = {} s", span.as_secs())),
            other => line(format_args!("drains = {other:?}")),
        }
        if let Some(first) = fleet.first_attempt {
            line(format_args!("first attempt = p50 {:?}, p99 {:?} of {}", first.p50, first.p99, first.deliveries));
        }
        line(format_args!("\n[minutes] delivered refused timed_out unreachable blocked gave_up"));
        for minute in &fleet.minutes {
            let m = minute;
            line(format_args!(
                "{} {} {} {} {} {} {}",
                m.minute, m.delivered, m.refused, m.timed_out, m.unreachable, m.blocked, m.gave_up
            ));
        }
        line(format_args!("\n[nodes] name state unheard version schema shards commits"));
        for node in &nodes.nodes {
            let (name, state) = (node.name.as_deref().unwrap_or("this-process"), node.state.word());
            let (unheard, schema) =
                (nodes.at.saturating_since(node.heard_at).as_secs(), node.schema.unwrap_or_default());
            let (version, shards, commits) = (&node.version, node.shards, node.commits.unwrap_or_default());
            line(format_args!("{name} {state} {unheard}s {version} {schema} {shards} {commits}"));
        }
        line(format_args!("shards without a node = {}, moving = {}", nodes.waiting(), nodes.moving()));
        line(format_args!("\n[lanes] endpoint waiting under_way breaker"));
        for lane in &queues.lanes {
            let more = if lane.is_whole { "" } else { "+" };
            let id = lane.endpoint.endpoint.id;
            line(format_args!("{id} {}{more} {} {}", lane.waiting, lane.calling, lane.breaker));
        }
        line(format_args!("\n[problems] host cause attempts endpoints"));
        for problem in &problems.problems {
            let more = if problem.is_whole { "" } else { "+" };
            let cause = problem.cause.word();
            line(format_args!("{} {cause} {}{more} {}", problem.host, problem.count, problem.endpoints));
        }
        Ok(text)
    }
}
