//! The blocks that no public receiver lives in, as a table.
//!
//! Source: IANA IPv4 and IPv6 Special-Purpose Address Registries as of 2026, plus multicast, the reserved rest and the
//! metadata addresses of the large clouds. Blocks that the registries call globally reachable but that hold services of
//! the network itself (AS112, AMT, anycast helpers) are refused too: they host no webhook receiver.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Rule;

/// First and last address of a block, both inclusive.
pub(super) struct Block<Bits> {
    pub first: Bits,
    pub last: Bits,
    pub rule: Rule,
}

impl Block<u128> {
    pub const fn contains(&self, bits: u128) -> bool {
        self.first <= bits && bits <= self.last
    }
}

const fn v4(octets: [u8; 4], prefix: u32, network: &'static str, name: &'static str) -> Block<u32> {
    let first = u32::from_be_bytes(octets);
    let last = if prefix == 32 { first } else { first | (u32::MAX >> prefix) };
    Block { first, last, rule: Rule { name, network } }
}

const fn v6(high: [u16; 4], prefix: u32, network: &'static str, name: &'static str) -> Block<u128> {
    let [a, b, c, d] = high;
    let first = Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).to_bits();
    let last = if prefix == 128 { first } else { first | (u128::MAX >> prefix) };
    Block { first, last, rule: Rule { name, network } }
}

pub(super) const V4: &[Block<u32>] = &[
    v4([0, 0, 0, 0], 8, "0.0.0.0/8", "this network"),
    v4([10, 0, 0, 0], 8, "10.0.0.0/8", "private"),
    v4([100, 64, 0, 0], 10, "100.64.0.0/10", "carrier-grade NAT"),
    v4([127, 0, 0, 0], 8, "127.0.0.0/8", "loopback"),
    v4([169, 254, 0, 0], 16, "169.254.0.0/16", "link-local"),
    v4([172, 16, 0, 0], 12, "172.16.0.0/12", "private"),
    v4([192, 0, 0, 0], 24, "192.0.0.0/24", "IETF protocol assignments"),
    v4([192, 0, 2, 0], 24, "192.0.2.0/24", "documentation"),
    v4([192, 31, 196, 0], 24, "192.31.196.0/24", "AS112"),
    v4([192, 52, 193, 0], 24, "192.52.193.0/24", "multicast tunnelling"),
    v4([192, 88, 99, 0], 24, "192.88.99.0/24", "6to4 relay"),
    v4([192, 168, 0, 0], 16, "192.168.0.0/16", "private"),
    v4([192, 175, 48, 0], 24, "192.175.48.0/24", "AS112"),
    v4([198, 18, 0, 0], 15, "198.18.0.0/15", "benchmarking"),
    v4([198, 51, 100, 0], 24, "198.51.100.0/24", "documentation"),
    v4([203, 0, 113, 0], 24, "203.0.113.0/24", "documentation"),
    v4([224, 0, 0, 0], 4, "224.0.0.0/4", "multicast"),
    v4([240, 0, 0, 0], 4, "240.0.0.0/4", "reserved"),
];

/// Everything outside is reserved, local or translated; this is where public receivers are (RFC 4291 §2.4).
pub(super) const V6_GLOBAL_UNICAST: Block<u128> = v6([0x2000, 0, 0, 0], 3, "outside 2000::/3", "reserved");

/// RFC 6052: the last 32 bits are a public IPv4 address.
pub(super) const NAT64_WELL_KNOWN: Block<u128> = v6([0x64, 0xff9b, 0, 0], 96, "64:ff9b::/96", "NAT64");

/// Narrow blocks stand before the wider ones that hold them, so that the most telling name is found first.
pub(super) const V6: &[Block<u128>] = &[
    v6([0, 0, 0, 0], 128, "::/128", "unspecified"),
    Block { first: 1, last: 1, rule: Rule { name: "loopback", network: "::1/128" } },
    v6([0, 0, 0, 0], 96, "::/96", "IPv4-compatible"),
    Block {
        first: 0xffff_0000_0000_0000,
        last: 0xffff_0000_ffff_ffff,
        rule: Rule { name: "IPv4-translated", network: "::ffff:0:0:0/96" },
    },
    v6([0x64, 0xff9b, 1, 0], 48, "64:ff9b:1::/48", "local NAT64"),
    v6([0, 0, 0, 0], 8, "::/8", "reserved"),
    v6([0x100, 0, 0, 0], 64, "100::/64", "discard-only"),
    v6([0x100, 0, 0, 1], 64, "100:0:0:1::/64", "dummy prefix"),
    v6([0x2001, 0, 0, 0], 32, "2001::/32", "Teredo"),
    v6([0x2001, 2, 0, 0], 48, "2001:2::/48", "benchmarking"),
    v6([0x2001, 3, 0, 0], 32, "2001:3::/32", "multicast tunnelling"),
    v6([0x2001, 4, 0x112, 0], 48, "2001:4:112::/48", "AS112"),
    v6([0x2001, 0x10, 0, 0], 28, "2001:10::/28", "ORCHID"),
    v6([0x2001, 0x20, 0, 0], 28, "2001:20::/28", "ORCHIDv2"),
    v6([0x2001, 0x30, 0, 0], 28, "2001:30::/28", "drone remote id"),
    v6([0x2001, 0, 0, 0], 23, "2001::/23", "IETF protocol assignments"),
    v6([0x2001, 0xdb8, 0, 0], 32, "2001:db8::/32", "documentation"),
    v6([0x2002, 0, 0, 0], 16, "2002::/16", "6to4"),
    v6([0x2620, 0x4f, 0x8000, 0], 48, "2620:4f:8000::/48", "AS112"),
    v6([0x3fff, 0, 0, 0], 20, "3fff::/20", "documentation"),
    v6([0x5f00, 0, 0, 0], 16, "5f00::/16", "segment routing"),
    v6([0xfc00, 0, 0, 0], 7, "fc00::/7", "unique local"),
    v6([0xfe80, 0, 0, 0], 10, "fe80::/10", "link-local"),
    v6([0xfec0, 0, 0, 0], 10, "fec0::/10", "site-local"),
    v6([0xff00, 0, 0, 0], 8, "ff00::/8", "multicast"),
];

const fn cloud(network: &'static str) -> Rule {
    Rule { name: "cloud metadata", network }
}

/// AWS, Azure and GCP instance metadata, AWS task credentials, Alibaba, Oracle, and their IPv6 forms. Azure's wire
/// server is a public address by the registries.
pub(super) const METADATA: &[(IpAddr, Rule)] = &[
    (IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)), cloud("169.254.169.254/32")),
    (IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)), cloud("169.254.170.2/32")),
    (IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)), cloud("169.254.170.23/32")),
    (IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)), cloud("100.100.100.200/32")),
    (IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)), cloud("192.0.0.192/32")),
    (IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)), cloud("168.63.129.16/32")),
    (IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)), cloud("fd00:ec2::254/128")),
    (IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)), cloud("fd00:ec2::23/128")),
    (IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)), cloud("fd20:ce::254/128")),
];
