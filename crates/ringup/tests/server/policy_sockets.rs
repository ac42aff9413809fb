//! The policy as receivers feel it: every status and every way of failing, under both named policies, over
//! real sockets. What is expected stands in this file and is taken from nowhere else.

use std::{collections::BTreeMap, ops::RangeInclusive, time::Duration};

use anyhow::{Context, Result};
use ringup_testkit::{
    dns::{Answer as Says, DnsServer},
    hostile::{Behaviour, HostileServer},
    receiver::{Answer, Receiver, Script},
    server::free_port,
    tls::{Authority, Leaf},
};
use serde_json::json;

use crate::stage::{Entry, Stage};

const GUIDE: &str = "guide";
const DURABLE: &str = "durable";

/// Repeats that `durable` makes, here one soon after the other.
const DURABLE_REPEATS: usize = 9;

/// What becomes of a delivery whose every attempt goes the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// The first attempt delivers it.
    Arrives,
    /// One attempt, and never another one.
    NotRepeated,
    /// One attempt, after which the endpoint is disabled.
    Gone,
    /// We do not call there.
    Blocked,
    /// Every attempt that the policy has, in vain: two under `guide`, ten under `durable`.
    Exhausted,
}

use Fate::{Arrives, Blocked, Exhausted, Gone, NotRepeated};

/// Statuses, their fate under `guide` and their fate under `durable`.
const STATUSES: [(RangeInclusive<u16>, Fate, Fate); 25] = [
    (200..=299, Arrives, Arrives),
    (300..=399, NotRepeated, Exhausted),
    (400..=404, NotRepeated, Exhausted),
    (405..=405, NotRepeated, NotRepeated),
    (406..=407, NotRepeated, Exhausted),
    (408..=408, Exhausted, Exhausted),
    (409..=409, NotRepeated, Exhausted),
    (410..=410, Gone, Gone),
    (411..=412, NotRepeated, Exhausted),
    (413..=415, NotRepeated, NotRepeated),
    (416..=428, NotRepeated, Exhausted),
    (429..=429, Exhausted, Exhausted),
    (430..=430, NotRepeated, Exhausted),
    (431..=431, NotRepeated, NotRepeated),
    (432..=450, NotRepeated, Exhausted),
    (451..=451, NotRepeated, NotRepeated),
    (452..=499, NotRepeated, Exhausted),
    (500..=500, Exhausted, Exhausted),
    (501..=501, Exhausted, NotRepeated),
    (502..=504, Exhausted, Exhausted),
    (505..=505, Exhausted, NotRepeated),
    (506..=510, Exhausted, Exhausted),
    (511..=511, Exhausted, Exhausted),
    (512..=598, Exhausted, Exhausted),
    (599..=599, Exhausted, Exhausted),
];

impl Fate {
    /// How many attempts the receiver sees.
    fn attempts(self, policy: &str) -> usize {
        match self {
            Arrives | NotRepeated | Gone | Blocked => 1,
            Exhausted if policy == GUIDE => 2,
            Exhausted => 1 + DURABLE_REPEATS,
        }
    }

    /// How the delivery stands in the end.
    fn state(self) -> &'static str {
        match self {
            Arrives => "delivered",
            NotRepeated => "not_repeated",
            Gone => "gone",
            Blocked => "blocked",
            Exhausted => "exhausted",
        }
    }
}

/// One account for each policy, with pauses that a test can wait for.
async fn accounts(stage: &Stage) -> Result<()> {
    let pauses = vec!["20ms"; DURABLE_REPEATS];
    for (account, settings) in [
        (GUIDE, json!({"policy": GUIDE, "cooldown": "20ms"})),
        (DURABLE, json!({"policy": DURABLE, "schedule": pauses})),
    ] {
        stage.client.create_app(account).await?;
        stage.set_account(account, &settings).await?;
    }
    Ok(())
}

#[tokio::test]
async fn every_status_has_the_fate_its_policy_gives_it() -> Result<()> {
    let covered: Vec<u16> = STATUSES.iter().flat_map(|(statuses, ..)| statuses.clone()).collect();
    assert_eq!(covered, (200..=599).collect::<Vec<u16>>(), "the table names every status once");

    let stage = Stage::open("statuses").await?;
    accounts(&stage).await?;
    let status_of = |path: &str| path.rsplit('/').next().and_then(|status| status.parse().ok());
    let script = Script::by(move |request| Answer::status(status_of(request.path()).unwrap_or(599)));
    let receiver = Receiver::start(script).await?;
    for policy in [GUIDE, DURABLE] {
        let mut endpoints = BTreeMap::new();
        for status in 200..=599 {
            let url = receiver.url(&format!("/{policy}/{status}"));
            endpoints.insert(stage.endpoint_of(policy, &json!({"url": url})).await?, status);
        }
        let event = stage.client.publish_accepted(policy, "invoiceCreated", r#"{"ID":1}"#).await?;
        let standings = stage.ended(policy, &event).await?;
        assert_eq!(standings.len(), 400);
        let mut entries: BTreeMap<u16, Vec<Entry>> = BTreeMap::new();
        for attempt in stage.client.attempts_of_event(policy, &event).await? {
            let status = endpoints.get(&attempt.endpoint).context("an attempt of another endpoint")?;
            entries.entry(*status).or_default().push(Entry::of(&attempt));
        }
        let mut requests: BTreeMap<String, usize> = BTreeMap::new();
        for request in receiver.requests() {
            *requests.entry(request.path().to_owned()).or_default() += 1;
        }
        let mut wrong = Vec::new();
        for standing in &standings {
            let status = endpoints.get(&standing.endpoint).context("a delivery to another endpoint")?;
            let (_, guide, durable) = STATUSES.iter().find(|row| row.0.contains(status)).context("a row")?;
            let fate = if policy == GUIDE { guide } else { durable };
            let outcome = if *fate == Arrives { "delivered" } else { "refused" };
            let entry = Entry::of_answer(*status, outcome);
            let expected = (fate.state(), fate.attempts(policy), vec![entry; fate.attempts(policy)]);
            let sent = requests.get(&format!("/{policy}/{status}")).copied().unwrap_or_default();
            let found = (standing.state.as_str(), sent, entries.remove(status).unwrap_or_default());
            if found != expected {
                wrong.push(format!("{policy} {status}: {found:?} instead of {expected:?}"));
            }
        }
        assert!(wrong.is_empty(), "{} of 400:\n{}", wrong.len(), wrong[..wrong.len().min(10)].join("\n"));
    }
    Ok(())
}

#[tokio::test]
async fn an_answer_below_200_is_no_answer() -> Result<()> {
    // 101 ends HTTP on a connection, so it is final and a refusal; the others announce an answer that never comes.
    let stage = Stage::open("interim").await?;
    let mut servers = Vec::new();
    for status in 100..=199_u16 {
        let line: &'static str = format!("HTTP/1.1 {status} Interim").leak();
        let server = HostileServer::start(Behaviour::StatusLine(line)).await?;
        let endpoint = stage.endpoint(&server.url("/")).await?;
        servers.push((status, server, endpoint));
    }
    let event = stage.publish("invoiceCreated", 1).await?;
    let standings = stage.ended("shop", &event).await?;
    assert!(standings.iter().all(|standing| standing.state == "not_repeated"), "{standings:?}");
    let attempts = stage.attempts(&event).await?;
    assert_eq!(attempts.len(), 100);
    for (status, server, endpoint) in servers {
        assert_eq!(server.sightings().len(), 1, "{status}");
        let attempt = attempts.iter().find(|attempt| attempt.endpoint == endpoint).context("an attempt")?;
        let expected = match status {
            101 => Entry::of_answer(101, "refused"),
            _ => Entry::of_failure("unreachable", "reset"),
        };
        assert_eq!(Entry::of(attempt), expected, "{status}");
    }
    Ok(())
}

/// A way to fail, its URL, its fate under both policies, and what the log says of each attempt.
struct Cause {
    name: &'static str,
    url: String,
    guide: Fate,
    durable: Fate,
    entry: Entry,
}

// With threads of their own the receivers are never late themselves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_cause_has_the_fate_its_policy_gives_it() -> Result<()> {
    let names = DnsServer::start(|question| match question.name.as_str() {
        "inside.example" => Says::addresses([std::net::Ipv4Addr::new(10, 0, 0, 1)]),
        "metadata.example" => Says::addresses([std::net::Ipv4Addr::new(169, 254, 169, 254)]),
        "broken.example" => Says::failure(),
        "mute.example" => Says::nothing(),
        _ => Says::no_such_name(),
    })
    .await?;
    let authority = Authority::new()?;
    let stage = Stage::open_with("causes", |setup| {
        setup
            .with("EGRESS__DNS_SERVERS", &names.address().to_string())
            .with("EGRESS__CA_FILES", &authority.path().display().to_string())
    })
    .await?;
    accounts(&stage).await?;

    let hostile = async |behaviour| HostileServer::start(behaviour).await;
    let pause = Duration::from_millis(50);
    let (reset, closed) = (hostile(Behaviour::ResetAfterRequest).await?, hostile(Behaviour::CloseWithoutAnswer).await?);
    let (silent, slow_head) = (hostile(Behaviour::Silence).await?, hostile(Behaviour::SlowHeaders { pause }).await?);
    let (slow_body, garbage) = (hostile(Behaviour::SlowBody { pause }).await?, hostile(Behaviour::Garbage).await?);
    let (endless, head) = (hostile(Behaviour::EndlessBody).await?, hostile(Behaviour::EndlessHeaders).await?);
    let expired = authority.receiver(&["127.0.0.1"], Leaf::Expired, 200).await?;
    let stranger = authority.receiver(&["127.0.0.1"], Leaf::OtherAuthority, 200).await?;
    let wrong_name = authority.receiver(&["127.0.0.1"], Leaf::WrongName, 200).await?;
    let good = authority.receiver(&["127.0.0.1"], Leaf::Good, 200).await?;
    let plain = Receiver::start(200).await?;
    let long = Receiver::start(Answer::status(500).body(vec![b'z'; 300_000])).await?;

    let named = |name: &str| format!("http://{name}/");
    let no_answer = |error: &str| Entry::of_failure("unreachable", error);
    let late = |phase: &str| Entry { timed_out: true, status: 408, ..Entry::of_failure("timed_out", phase) };
    let tls = |receiver: &Receiver| receiver.url("/");
    #[rustfmt::skip]
    let causes = [
        ("name unknown",         named("nowhere.example"),                        NotRepeated, Exhausted, no_answer("dns")),
        ("name server failing",  named("broken.example"),                         NotRepeated, Exhausted, no_answer("dns")),
        ("name server silent",   named("mute.example"),                           Exhausted,   Exhausted, late("resolve")),
        ("refused",              format!("http://127.0.0.1:{}/", free_port()?),   NotRepeated, Exhausted, no_answer("refused")),
        ("reset",                reset.url("/"),                                  NotRepeated, Exhausted, no_answer("reset")),
        ("closed",               closed.url("/"),                                 NotRepeated, Exhausted, no_answer("reset")),
        ("certificate expired",  tls(&expired),                                   NotRepeated, Exhausted, no_answer("tls")),
        ("certificate untrusted", tls(&stranger),                                 NotRepeated, Exhausted, no_answer("tls")),
        ("certificate of another", tls(&wrong_name),                              NotRepeated, Exhausted, no_answer("tls")),
        ("no TLS there",         plain.url("/").replace("http:", "https:"),       NotRepeated, Exhausted, no_answer("tls")),
        ("certificate good",     tls(&good),                                      Arrives,     Arrives,   Entry::of_answer(200, "delivered")),
        ("no HTTP",              garbage.url("/"),                                NotRepeated, Exhausted, no_answer("protocol")),
        ("head without end",     head.url("/"),                                   NotRepeated, Exhausted, no_answer("protocol")),
        ("time limit, silence",  silent.url("/"),                                 Exhausted,   Exhausted, late("wait")),
        ("time limit, slow head", slow_head.url("/"),                             Exhausted,   Exhausted, late("wait")),
        ("time limit, slow body", slow_body.url("/"),                             Exhausted,   Exhausted, late("body")),
        ("body too long, 200",   endless.url("/"),                                Arrives,     Arrives,   Entry::of_answer(200, "delivered")),
        ("body too long, 500",   long.url("/"),                                   Exhausted,   Exhausted, Entry::of_answer(500, "refused")),
        ("private address",      named("inside.example"),                         Blocked,     Blocked,   Entry::of_failure("blocked", "address")),
        ("metadata address",     named("metadata.example"),                       Blocked,     Blocked,   Entry::of_failure("blocked", "address")),
    ];
    let causes = causes.map(|(name, url, guide, durable, entry)| Cause { name, url, guide, durable, entry });

    for policy in [GUIDE, DURABLE] {
        let mut endpoints = BTreeMap::new();
        for cause in &causes {
            let endpoint = stage.endpoint_of(policy, &json!({"url": cause.url})).await?;
            if cause.entry.timed_out {
                // The others may take their time on a busy machine.
                let path = format!("/api/v1/app/{policy}/endpoint/{endpoint}/settings");
                stage.client.patch(&path, &json!({"timeLimit": "700ms"})).await?.success()?;
            }
            endpoints.insert(endpoint, cause);
        }
        let event = stage.client.publish_accepted(policy, "invoiceCreated", r#"{"ID":1}"#).await?;
        let standings = stage.ended(policy, &event).await?;
        let attempts = stage.client.attempts_of_event(policy, &event).await?;
        for standing in standings {
            let cause = endpoints.remove(&standing.endpoint).context("a delivery to another endpoint")?;
            let fate = if policy == GUIDE { cause.guide } else { cause.durable };
            let of_cause = attempts.iter().filter(|attempt| attempt.endpoint == standing.endpoint);
            let found: Vec<Entry> = of_cause.map(Entry::of).collect();
            assert_eq!(standing.state, fate.state(), "{policy}, {}: {found:?}", cause.name);
            assert_eq!(found, vec![cause.entry.clone(); fate.attempts(policy)], "{policy}, {}", cause.name);
        }
        assert!(endpoints.is_empty(), "every endpoint has its delivery");
    }
    assert_eq!(good.count(), 2);
    assert_eq!(expired.count() + stranger.count() + wrong_name.count() + plain.count(), 0, "nothing was sent to them");
    Ok(())
}

impl Entry {
    /// The receiver answered this.
    fn of_answer(status: u16, outcome: &str) -> Self {
        Self { status: status.into(), outcome: outcome.to_owned(), timed_out: false, error: None }
    }

    /// There was no answer, for this reason.
    fn of_failure(outcome: &str, error: &str) -> Self {
        Self { status: 0, outcome: outcome.to_owned(), timed_out: false, error: Some(error.to_owned()) }
    }
}
