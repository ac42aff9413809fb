use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap_or_else(|_| panic!("{text} is an address"))
}

fn nets(list: &[&str]) -> Vec<IpNet> {
    list.iter().map(|text| text.parse().expect("a network")).collect()
}

/// The rules once more, in another form and order: what a reader of the registries would write down as networks.
const FORBIDDEN: &[&str] = &[
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.31.196.0/24",
    "192.52.193.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "192.175.48.0/24",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/3",
    "168.63.129.16/32",
    "::/3",
    "2001::/23",
    "2001:db8::/32",
    "2002::/16",
    "2620:4f:8000::/48",
    "3fff::/20",
    "4000::/2",
    "8000::/1",
];

/// The verdict of the table above, with the wrappings undone by hand.
fn expected(address: IpAddr, forbidden: &[IpNet]) -> bool {
    let octets = match address {
        IpAddr::V4(_) => return forbidden.iter().any(|network| network.contains(&address)),
        IpAddr::V6(v6) => v6.octets(),
    };
    let inner = IpAddr::from([octets[12], octets[13], octets[14], octets[15]]);
    let nat64 = [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0];
    let mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
    if octets[..12] == nat64 || octets[..12] == mapped {
        return expected(inner, forbidden);
    }
    let isatap = matches!(octets[8..12], [0 | 2, 0, 0x5e, 0xfe]);
    forbidden.iter().any(|network| network.contains(&address)) || isatap && expected(inner, forbidden)
}

#[test]
fn every_block_ends_where_the_registry_says() {
    let forbidden_blocks = nets(FORBIDDEN);
    let blocks = V4.iter().map(|block| block.rule.network).chain(V6.iter().map(|block| block.rule.network));
    for text in blocks {
        let network: IpNet = text.parse().unwrap_or_else(|_| panic!("{text} is a network"));
        for inside in [network.network(), network.broadcast()] {
            let rule = forbidden(inside, &[]);
            assert!(rule.is_some(), "{inside} of {text} is let through");
        }
        for outside in neighbours(network) {
            assert_eq!(
                forbidden(outside, &[]).is_some(),
                expected(outside, &forbidden_blocks),
                "{outside} beside {text}"
            );
        }
    }
}

/// The address before the block and the one after it, where there is one.
fn neighbours(network: IpNet) -> Vec<IpAddr> {
    match (network.network(), network.broadcast()) {
        (IpAddr::V4(first), IpAddr::V4(last)) => {
            let before = u32::from(first).checked_sub(1);
            let after = u32::from(last).checked_add(1);
            before.into_iter().chain(after).map(|bits| Ipv4Addr::from(bits).into()).collect()
        }
        (IpAddr::V6(first), IpAddr::V6(last)) => {
            let before = u128::from(first).checked_sub(1);
            let after = u128::from(last).checked_add(1);
            before.into_iter().chain(after).map(|bits| Ipv6Addr::from(bits).into()).collect()
        }
        _ => unreachable!("a network has one family"),
    }
}

#[test]
fn edges_of_blocks_are_as_written_here() {
    for (text, name) in [
        ("0.255.255.255", Some("this network")),
        ("1.0.0.0", None),
        ("9.255.255.255", None),
        ("10.0.0.0", Some("private")),
        ("100.63.255.255", None),
        ("100.64.0.0", Some("carrier-grade NAT")),
        ("100.127.255.255", Some("carrier-grade NAT")),
        ("100.128.0.0", None),
        ("126.255.255.255", None),
        ("127.0.0.0", Some("loopback")),
        ("128.0.0.0", None),
        ("169.253.255.255", None),
        ("169.254.0.0", Some("link-local")),
        ("172.15.255.255", None),
        ("172.31.255.255", Some("private")),
        ("172.32.0.0", None),
        ("198.17.255.255", None),
        ("198.19.255.255", Some("benchmarking")),
        ("198.20.0.0", None),
        ("223.255.255.255", None),
        ("239.255.255.255", Some("multicast")),
        ("255.255.255.255", Some("reserved")),
        ("::", Some("unspecified")),
        ("::1", Some("loopback")),
        ("::7f00:1", Some("IPv4-compatible")),
        ("::ffff:0:8.8.8.8", Some("IPv4-translated")),
        ("::ffff:127.0.0.1", Some("loopback")),
        ("::ffff:8.8.8.8", None),
        ("64:ff9b::10.0.0.1", Some("private")),
        ("64:ff9b::8.8.8.8", None),
        ("64:ff9b:1::8.8.8.8", Some("local NAT64")),
        ("64:ff9b:0:0:0:1::", Some("reserved")),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", Some("Teredo")),
        ("2001:200::", None),
        ("2002:7f00:1::", Some("6to4")),
        ("2002:808:808::1", Some("6to4")),
        ("2606:4700::1", None),
        ("2a00:1450::5efe:10.0.0.1", Some("private")),
        ("2a00:1450::200:5efe:192.168.1.1", Some("private")),
        ("2a00:1450::5efe:8.8.8.8", None),
        ("3fff:1000::", None),
        ("4000::", Some("reserved")),
        ("fbff::", Some("reserved")),
        ("fd12:3456::1", Some("unique local")),
        ("fe80::1", Some("link-local")),
        ("fec0::1", Some("site-local")),
        ("ff02::1", Some("multicast")),
    ] {
        assert_eq!(forbidden(ip(text), &[]).map(|rule| rule.name), name, "{text}");
    }
}

#[test]
fn metadata_needs_an_exception_that_names_it() {
    for (address, rule) in METADATA {
        assert_eq!(forbidden(*address, &[]), Some(*rule));
        assert_eq!(forbidden(*address, &nets(&["0.0.0.0/0", "::/0", "169.254.0.0/16"])), Some(*rule));
        assert_eq!(forbidden(*address, &[IpNet::from(*address)]), None);
    }
    assert_eq!(forbidden(ip("::ffff:169.254.169.254"), &nets(&["0.0.0.0/0"])).map(|r| r.name), Some("cloud metadata"));
    assert_eq!(forbidden(ip("64:ff9b::169.254.169.254"), &[]).map(|r| r.name), Some("cloud metadata"));
}

#[test]
fn exceptions_open_what_they_name_and_no_more() {
    let allow = nets(&["127.0.0.2/32", "10.1.0.0/16", "fd00:1::/32"]);
    for text in ["127.0.0.2", "::ffff:127.0.0.2", "10.1.255.255", "64:ff9b::10.1.0.1", "fd00:1::5"] {
        assert_eq!(forbidden(ip(text), &allow), None, "{text}");
    }
    for text in ["127.0.0.1", "127.0.0.3", "10.2.0.0", "10.0.255.255", "fd00:2::5", "::127.0.0.2", "::1"] {
        assert!(forbidden(ip(text), &allow).is_some(), "{text}");
    }
}

#[test]
fn random_addresses_agree_with_an_independent_table() {
    let forbidden_blocks = nets(FORBIDDEN);
    let mut random = ChaCha8Rng::seed_from_u64(0x5eed);
    let (mut refused, mut passed) = (0, 0);
    for turn in 0..200_000 {
        let low: u32 = random.random();
        let address: IpAddr = match turn % 8 {
            0..4 => Ipv4Addr::from(low).into(),
            4 => Ipv6Addr::from(random.random::<u128>()).into(),
            // Most random IPv6 addresses lie outside 2000::/3; these do not.
            5 => Ipv6Addr::from((1 << 125) | (random.random::<u128>() >> 3)).into(),
            6 => Ipv6Addr::from((0x0064_ff9b << 96) | u128::from(low)).into(),
            _ => Ipv6Addr::from((0x2a00 << 112) | (0x5efe << 32) | u128::from(low)).into(),
        };
        let verdict = forbidden(address, &[]).is_some();
        assert_eq!(verdict, expected(address, &forbidden_blocks), "{address}");
        if verdict { refused += 1 } else { passed += 1 }
    }
    assert!(refused > 40_000 && passed > 40_000, "one-sided sample: {refused} refused, {passed} passed");
}
