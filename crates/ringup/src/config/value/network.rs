//! Addresses and networks. Names are not resolved: a configuration means the same on every machine.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use ringup_store::postgres::NodeAddress;

use super::{Scalar, quoted};

impl Scalar for SocketAddr {
    const EXPECTED: &'static str = r#"an address and a port such as "127.0.0.1:8080" or "[::1]:8080""#;

    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| "is not an address and a port".to_owned())
    }

    fn show(&self) -> String {
        quoted(&self.to_string())
    }
}

impl Scalar for NodeAddress {
    const EXPECTED: &'static str = r#""auto", "off", or an address and a port such as "10.0.0.5:8072""#;

    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(NodeAddress::Automatic),
            "off" => Ok(NodeAddress::Nowhere),
            // Whoever names an address wants it to stay the same.
            _ => match text.parse::<SocketAddr>() {
                Ok(address) if address.port() == 0 => Err("has port 0".to_owned()),
                Ok(address) => Ok(NodeAddress::At(address)),
                Err(_) => Err("is neither a word of these nor an address and a port".to_owned()),
            },
        }
    }

    fn show(&self) -> String {
        match self {
            NodeAddress::Automatic => quoted("auto"),
            NodeAddress::Nowhere => quoted("off"),
            NodeAddress::At(address) => quoted(&address.to_string()),
        }
    }
}

impl Scalar for IpAddr {
    const EXPECTED: &'static str = r#"an address such as "192.0.2.10" or "2001:db8::10""#;

    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| "is not an address".to_owned())
    }

    fn show(&self) -> String {
        quoted(&self.to_string())
    }
}

/// A single address is the network of itself.
impl Scalar for IpNet {
    const EXPECTED: &'static str = r#"a network such as "10.20.0.0/16" or "fd00::/8", or a single address"#;

    fn parse(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(IpNet::from(address));
        }
        let network: IpNet = text.parse().map_err(|_| "is not a network".to_owned())?;
        if network.trunc() != network {
            // Was one address meant, or all of the network? A guess would open too much or too little.
            return Err(format!(
                "is an address inside the network {}; write which of the two is meant",
                network.trunc()
            ));
        }
        Ok(network)
    }

    fn show(&self) -> String {
        quoted(&self.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{accepts, refuses};
    use super::*;

    #[test]
    fn addresses_and_networks_are_read_and_shown() {
        accepts::<NodeAddress>("auto", r#""auto""#);
        accepts::<NodeAddress>("off", r#""off""#);
        accepts::<NodeAddress>("[fd00::5]:8072", r#""[fd00::5]:8072""#);
        refuses::<NodeAddress>("10.0.0.5", r#""10.0.0.5" is neither a word of these nor an address and a port"#);
        refuses::<NodeAddress>("10.0.0.5:0", r#""10.0.0.5:0" has port 0"#);
        accepts::<SocketAddr>("127.0.0.1:8080", r#""127.0.0.1:8080""#);
        accepts::<SocketAddr>("[::1]:0", r#""[::1]:0""#);
        accepts::<IpAddr>("192.0.2.10", r#""192.0.2.10""#);
        accepts::<Option<IpAddr>>("none", r#""none""#);
        accepts::<IpNet>("10.0.0.7", r#""10.0.0.7/32""#);
        accepts::<Vec<IpNet>>("127.0.0.0/8, ::1/128", r#"["127.0.0.0/8", "::1/128"]"#);
        accepts::<Vec<IpNet>>("", "[]");
        accepts::<Vec<SocketAddr>>("10.0.0.53:53", r#"["10.0.0.53:53"]"#);
    }

    #[test]
    fn what_is_none_is_refused_with_its_reason() {
        for text in ["8080", ":8080", "localhost:8080", "127.0.0.1", "127.0.0.1:99999", "::1:8080", ""] {
            refuses::<SocketAddr>(text, &format!("{text:?} is not an address and a port"));
        }
        for text in ["", "localhost", "10.0.0", "10.0.0.1/8"] {
            refuses::<IpAddr>(text, &format!("{text:?} is not an address"));
        }
        for text in ["10.0.0.0/33", "10.0.0.0/", "all"] {
            refuses::<IpNet>(text, &format!("{text:?} is not a network"));
        }
        refuses::<IpNet>(
            "10.0.0.7/8",
            r#""10.0.0.7/8" is an address inside the network 10.0.0.0/8; write which of the two is meant"#,
        );
        refuses::<Vec<IpNet>>("127.0.0.0/8,,", r#""" is not a network"#);
    }
}
