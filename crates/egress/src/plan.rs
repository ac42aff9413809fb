//! What the operator decides about calling out.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::mail::MailPlan;

/// How calls are made and where they may go. The default calls public HTTPS receivers and nothing else.
#[derive(Clone, Debug)]
pub struct EgressPlan {
    /// Exceptions to the guard: forbidden networks that may be called after all.
    pub allow_networks: Vec<IpNet>,
    /// Whether plain HTTP may be called.
    pub allow_http: bool,
    /// Certificate authorities trusted beside the public ones; see [`load_roots`].
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// Name servers to ask; empty asks the ones of the system, and honours its hosts file.
    pub dns_servers: Vec<SocketAddr>,
    /// Longest time for all TCP connects of one call, inside its time limit.
    pub connect_time_limit: Duration,
    /// Idle connections kept for one account and host. Those in use are bounded by who calls.
    pub connections_per_host_max: usize,
    /// How long an idle connection is kept. A receiver that announces less with `Keep-Alive: timeout=` is believed.
    ///
    /// A request on a connection that the receiver is just closing cannot be told from one it crashed on, so it is not
    /// sent twice; the default stays below the shortest idle limits in common use (5 s: Node.js, uvicorn, Apache).
    pub idle_time_limit: Duration,
    /// Source address of all connections; receivers of the other address family cannot be called then.
    pub bind_address: Option<IpAddr>,
    /// Where we listen ourselves: never called, so that no delivery loops. An unspecified address stands for all.
    pub own_addresses: Vec<SocketAddr>,
    /// Our own catchers: the only place of ours that is called.
    pub catcher: Option<OwnCatcher>,
    /// How letters are sent; none are without it.
    pub mail: Option<MailPlan>,
    /// `User-Agent` of every request.
    pub user_agent: String,
}

/// Where our own catchers are, for the one exception to all rules about addresses.
///
/// A URL that is `base`, `/c/` and a write token, and nothing else, is sent to `address`: plainly, without asking a
/// name server. Nothing can be reached by it but a catcher, which takes what anybody may send it and passes nothing on.
/// See `docs/decisions/0011-our-own-catcher.md`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OwnCatcher {
    /// Scheme, host and port as a URL parser writes them, such as `http://127.0.0.1:8080`.
    pub base: String,
    /// Our own listener.
    pub address: SocketAddr,
}

/// What follows `/c/`: letters and digits.
pub const WRITE_TOKEN_CHARS: usize = 22;

impl OwnCatcher {
    /// Whether a URL, as the parser writes it, is that of a catcher.
    pub fn is_at(&self, url: &str) -> bool {
        let token = url.strip_prefix(self.base.as_str()).and_then(|rest| rest.strip_prefix("/c/"));
        token.is_some_and(|token| {
            token.len() == WRITE_TOKEN_CHARS && token.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
    }
}

impl Default for EgressPlan {
    fn default() -> EgressPlan {
        EgressPlan {
            allow_networks: Vec::new(),
            allow_http: false,
            extra_roots: Vec::new(),
            dns_servers: Vec::new(),
            connect_time_limit: Duration::from_secs(5),
            connections_per_host_max: 64,
            idle_time_limit: Duration::from_secs(4),
            bind_address: None,
            own_addresses: Vec::new(),
            catcher: None,
            mail: None,
            user_agent: concat!("Ringup/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

impl EgressPlan {
    /// Whether `address` is one of our own. `here` is our end of the connection, once there is one.
    pub(crate) fn is_own(&self, address: SocketAddr, here: Option<IpAddr>) -> bool {
        let ip = address.ip().to_canonical();
        self.own_addresses.iter().any(|own| {
            own.port() == address.port()
                && (own.ip().to_canonical() == ip
                    || own.ip().is_unspecified() && (ip.is_loopback() || here == Some(ip))
                    || ip.is_unspecified())
        })
    }
}

/// A plan that cannot be carried out.
#[derive(Debug, thiserror::Error)]
pub enum EgressError {
    #[error("certificate authorities in {path}: {source}")]
    RootFile { path: PathBuf, source: rustls::pki_types::pem::Error },
    #[error("no certificate in {0}")]
    RootFileEmpty(PathBuf),
    #[error("a certificate authority cannot be used")]
    Root(#[source] rustls::Error),
    #[error("the system's name servers cannot be read; list them in the configuration")]
    SystemDns(#[source] hickory_resolver::net::NetError),
    #[error("the name resolver cannot start")]
    Dns(#[source] hickory_resolver::net::NetError),
    #[error("`{0}` cannot be sent as a user agent")]
    UserAgent(String),
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
}

/// Reads certificate authorities from PEM files; a file without a certificate is a mistake and refused.
pub fn load_roots<P: AsRef<Path>>(files: &[P]) -> Result<Vec<CertificateDer<'static>>, EgressError> {
    let mut roots = Vec::new();
    for path in files {
        let path = path.as_ref();
        let failed = |source| EgressError::RootFile { path: path.to_owned(), source };
        let before = roots.len();
        for certificate in CertificateDer::pem_file_iter(path).map_err(failed)? {
            roots.push(certificate.map_err(failed)?);
        }
        if roots.len() == before {
            return Err(EgressError::RootFileEmpty(path.to_owned()));
        }
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_url_of_a_catcher_is_one() {
        let own = OwnCatcher { base: "http://127.0.0.1:8080".to_owned(), address: ([127, 0, 0, 1], 8080).into() };
        assert!(own.is_at("http://127.0.0.1:8080/c/0123456789abcdefghijKL"));
        for url in [
            "http://127.0.0.1:8080/",
            "http://127.0.0.1:8080/api/v1/app",
            "http://127.0.0.1:8080/c/",
            "http://127.0.0.1:8080/c/0123456789abcdefghijK",
            "http://127.0.0.1:8080/c/0123456789abcdefghijKLM",
            "http://127.0.0.1:8080/c/0123456789abcdefghijKL/",
            "http://127.0.0.1:8080/c/0123456789abcdefghijKL?x",
            "http://127.0.0.1:8080/c/0123456789/../../api/v",
            "http://127.0.0.1:8080/c/%2e%2e%2f%2e%2e%2fapi0",
            "http://127.0.0.1:8080/C/0123456789abcdefghijKL",
            "http://127.0.0.1:8080//c/0123456789abcdefghijKL",
            "http://127.0.0.1:80800/c/0123456789abcdefghijKL",
            "http://127.0.0.1/c/0123456789abcdefghijKL",
            "https://127.0.0.1:8080/c/0123456789abcdefghijKL",
            "http://localhost:8080/c/0123456789abcdefghijKL",
            "http://127.0.0.2:8080/c/0123456789abcdefghijKL",
        ] {
            assert!(!own.is_at(url), "{url}");
        }
    }

    #[test]
    fn an_unspecified_own_address_is_every_address_of_this_machine() {
        let own_addresses = ["0.0.0.0:8080", "192.0.2.7:9090"].map(|text| text.parse().expect("an address")).to_vec();
        let plan = EgressPlan { own_addresses, ..EgressPlan::default() };
        for (address, here, own) in [
            ("127.0.0.1:8080", None, true),
            ("127.9.9.9:8080", None, true),
            ("[::1]:8080", None, true),
            ("[::ffff:127.0.0.1]:8080", None, true),
            ("127.0.0.1:8081", None, false),
            ("198.51.100.4:8080", None, false),
            ("198.51.100.4:8080", Some("198.51.100.4"), true),
            ("198.51.100.4:8080", Some("198.51.100.5"), false),
            ("198.51.100.4:9090", Some("198.51.100.4"), false),
            ("192.0.2.7:9090", None, true),
            ("192.0.2.8:9090", None, false),
        ] {
            let here = here.map(|text| text.parse().expect("an address"));
            assert_eq!(plan.is_own(address.parse().expect("an address"), here), own, "{address} from {here:?}");
        }
    }
}
