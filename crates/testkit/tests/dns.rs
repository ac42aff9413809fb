//! The name server, asked by hickory's resolver.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use anyhow::Result;
use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig},
    net::runtime::TokioRuntimeProvider,
    proto::rr::RecordType,
};
use ringup_testkit::dns::{Answer, DnsServer, Question, Says};

const PUBLIC: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const PRIVATE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

/// Longer than any busy machine makes an answer on loopback wait.
const PATIENCE: Duration = Duration::from_secs(10);

fn resolver(server: &DnsServer, strategy: LookupIpStrategy, patience: Duration) -> Result<TokioResolver> {
    let port = server.address().port();
    let mut connections = vec![ConnectionConfig::udp(), ConnectionConfig::tcp()];
    connections.iter_mut().for_each(|connection| connection.port = port);
    let config = NameServerConfig::new(server.address().ip(), true, connections);
    let config = ResolverConfig::from_parts(None, Vec::new(), vec![config]);
    let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    let options = builder.options_mut();
    options.use_hosts_file = ResolveHosts::Never;
    options.timeout = patience;
    options.attempts = 0;
    options.ip_strategy = strategy;
    Ok(builder.build()?)
}

async fn lookup(resolver: &TokioResolver, name: &str) -> Result<Vec<IpAddr>> {
    let mut addresses: Vec<IpAddr> = resolver.lookup_ip(name).await?.iter().collect();
    addresses.sort_unstable();
    Ok(addresses)
}

async fn ask(strategy: LookupIpStrategy, answer: fn(&Question) -> Answer) -> Result<Vec<IpAddr>> {
    let server = DnsServer::start(answer).await?;
    lookup(&resolver(&server, strategy, PATIENCE)?, "Shop.Example.").await
}

#[tokio::test]
async fn a_name_changes_its_address_from_one_question_to_the_next() -> Result<()> {
    let flip = |question: &Question| Answer::addresses([if question.nth == 0 { PUBLIC } else { PRIVATE }]);
    let server = DnsServer::start(flip).await?;
    let resolver = resolver(&server, LookupIpStrategy::Ipv4Only, PATIENCE)?;
    assert_eq!(lookup(&resolver, "Shop.Example.").await?, [PUBLIC]);
    assert_eq!(lookup(&resolver, "shop.example.").await?, [PRIVATE], "a TTL of zero is not remembered");
    assert_eq!(lookup(&resolver, "other.example.").await?, [PUBLIC], "names are counted apart");
    let questions = server.wait_for(3, PATIENCE).await?;
    let asked: Vec<_> = questions.iter().map(|asked| (asked.name.as_str(), asked.kind, asked.nth)).collect();
    let kind = RecordType::A;
    assert_eq!(asked, [("shop.example", kind, 0), ("shop.example", kind, 1), ("other.example", kind, 0)]);
    Ok(())
}

#[tokio::test]
async fn an_answer_with_a_ttl_is_remembered_by_the_asker() -> Result<()> {
    let server = DnsServer::start(|_| Answer::addresses([PUBLIC]).ttl(60)).await?;
    let resolver = resolver(&server, LookupIpStrategy::Ipv4Only, PATIENCE)?;
    for _ in 0..3 {
        assert_eq!(lookup(&resolver, "shop.example.").await?, [PUBLIC]);
    }
    assert_eq!(server.questions().len(), 1);
    Ok(())
}

#[tokio::test]
async fn both_families_and_mixed_answers() -> Result<()> {
    let mixed = |_: &Question| Answer::addresses([IpAddr::from(PUBLIC), PRIVATE.into(), Ipv6Addr::LOCALHOST.into()]);
    let all = ask(LookupIpStrategy::Ipv4AndIpv6, mixed).await?;
    assert_eq!(all, [IpAddr::from(PRIVATE), PUBLIC.into(), Ipv6Addr::LOCALHOST.into()]);
    assert_eq!(ask(LookupIpStrategy::Ipv6Only, mixed).await?, [Ipv6Addr::LOCALHOST]);

    let alias = |_: &Question| Answer { says: Says::Alias("real.example".to_owned(), vec![PUBLIC.into()]), ttl_s: 5 };
    assert_eq!(ask(LookupIpStrategy::Ipv4Only, alias).await?, [PUBLIC]);
    Ok(())
}

#[tokio::test]
async fn refusals_say_what_they_are() -> Result<()> {
    type Say = fn(&Question) -> Answer;
    let cases: [(Say, &str); 3] = [
        (|_| Answer::no_such_name(), "no record"),
        (|_| Answer::addresses([Ipv6Addr::LOCALHOST]), "no record"),
        (|_| Answer::failure(), "Server Failure"),
    ];
    for (answer, words) in cases {
        let error = ask(LookupIpStrategy::Ipv4Only, answer).await.expect_err(words);
        assert!(error.to_string().contains(words), "{words} in {error}");
    }
    Ok(())
}

#[tokio::test]
async fn silence_and_garbage_leave_the_asker_waiting() -> Result<()> {
    for says in [Says::Nothing, Says::Garbage] {
        let answer = Answer { says, ttl_s: 0 };
        let server = DnsServer::start(move |_| answer.clone()).await?;
        let resolver = resolver(&server, LookupIpStrategy::Ipv4Only, Duration::from_millis(50))?;
        assert!(lookup(&resolver, "shop.example.").await.is_err());
        server.wait_for(1, PATIENCE).await?;
    }
    Ok(())
}

#[tokio::test]
async fn an_answer_too_long_for_udp_is_fetched_over_tcp() -> Result<()> {
    let many = (0..1000_u16).map(|number| Ipv4Addr::from_bits(0x0a00_0000 + u32::from(number)));
    let many: Vec<Ipv4Addr> = many.collect();
    let server = DnsServer::start(move |_| Answer::addresses(many.clone())).await?;
    let found = lookup(&resolver(&server, LookupIpStrategy::Ipv4Only, PATIENCE)?, "many.example.").await?;
    assert_eq!(found.len(), 1000);
    assert!(server.questions().iter().any(|question| question.over_tcp), "{:?}", server.questions());
    Ok(())
}
