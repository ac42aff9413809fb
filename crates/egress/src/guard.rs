//! Which addresses a socket may never dial: everything that is not plain public unicast, unless the operator named it.
//!
//! The decision is on the address itself, after every spelling of it has been parsed, and before the socket exists.
//! Forms that carry an IPv4 address inside an IPv6 one are unwrapped where a router may deliver them to the inner
//! address, and refused outright where no public receiver can have them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

mod registry;

use registry::{METADATA, NAT64_WELL_KNOWN, V4, V6, V6_GLOBAL_UNICAST};

/// The rule that forbids an address, in words for a 422 and for the operator's log.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Rule {
    /// Short and stable, such as `loopback`.
    pub name: &'static str,
    /// The block it comes from, such as `127.0.0.0/8`.
    pub network: &'static str,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.network)
    }
}

/// The rule that forbids calling `ip`, or `None` if it may be called.
///
/// `allow` are the operator's exceptions. A cloud metadata address hands out credentials to whoever asks, so a wide
/// exception does not open it: only one that names exactly that address does.
///
/// Sources: IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890), RFC 5771, RFC 4291 §2.7, RFC 6052.
pub fn forbidden(ip: IpAddr, allow: &[IpNet]) -> Option<Rule> {
    let ip = dialled(ip);
    if let Some(rule) = metadata(ip) {
        let exactly = IpNet::from(ip);
        return (!allow.contains(&exactly)).then_some(rule);
    }
    if allow.iter().any(|network| network.contains(&ip)) {
        return None;
    }
    match ip {
        IpAddr::V4(v4) => rule_v4(v4),
        IpAddr::V6(v6) => rule_v6(v6, allow),
    }
}

/// The address the kernel would really connect to: an IPv4-mapped one is plain IPv4.
pub fn dialled(ip: IpAddr) -> IpAddr {
    ip.to_canonical()
}

fn metadata(ip: IpAddr) -> Option<Rule> {
    METADATA.iter().find(|(address, _)| *address == ip).map(|(_, rule)| *rule)
}

fn rule_v4(ip: Ipv4Addr) -> Option<Rule> {
    let bits = u32::from(ip);
    V4.iter().find(|block| block.first <= bits && bits <= block.last).map(|block| block.rule)
}

fn rule_v6(ip: Ipv6Addr, allow: &[IpNet]) -> Option<Rule> {
    let bits = u128::from(ip);
    if NAT64_WELL_KNOWN.contains(bits) {
        // DNS64 makes these for every public IPv4 host, so the inner address decides.
        return forbidden(IpAddr::V4(low_v4(bits)), allow);
    }
    if let Some(block) = V6.iter().find(|block| block.contains(bits)) {
        return Some(block.rule);
    }
    if !V6_GLOBAL_UNICAST.contains(bits) {
        return Some(V6_GLOBAL_UNICAST.rule);
    }
    // ISATAP (RFC 5214 §6.1): interface id 00-00-5E-FE or 02-00-5E-FE, then the IPv4 address, under any prefix.
    let interface = (bits >> 32) & 0xfdff_ffff;
    if interface == 0x0000_5efe {
        return forbidden(IpAddr::V4(low_v4(bits)), allow);
    }
    None
}

fn low_v4(bits: u128) -> Ipv4Addr {
    let [.., a, b, c, d] = bits.to_be_bytes();
    Ipv4Addr::new(a, b, c, d)
}

#[cfg(test)]
mod tests;
