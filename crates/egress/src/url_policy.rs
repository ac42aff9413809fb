//! Which URLs we call. Parsed once by the WHATWG rules, then decided on the parsed parts, never on the text.
//!
//! What the parser would silently repair is refused before it sees it: control characters, backslashes, missing or
//! extra slashes. Two programs that read such a URL differently are how guards are bypassed.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http::{HeaderValue, Uri};
use ringup_core::limits::URL_BYTES_MAX;
use ringup_core::outcome::BlockedBy;
use rustls::pki_types::ServerName;
use url::Url;

use crate::guard::{self, Rule};
use crate::mail::{self, Recipient};
use crate::plan::EgressPlan;

/// A URL that was parsed and found callable. A clone shares its parts.
#[derive(Clone)]
pub struct CheckedUrl(Arc<Parts>);

pub(crate) struct Parts {
    /// As the parser writes it.
    text: String,
    pub https: bool,
    pub host: Host,
    pub port: u16,
    /// Path and query as they stand on the request line.
    pub target: Uri,
    /// Value of the `Host` header: with the port unless it is the scheme's own.
    pub authority: HeaderValue,
    pub server_name: ServerName<'static>,
    /// Who gets a letter, where that is how the receiver is told.
    recipient: Option<Recipient>,
}

/// What is dialled: an address as it stands, or whatever a name resolves to.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Host {
    /// Lower case, ASCII, without a trailing dot.
    Name(Arc<str>),
    Address(IpAddr),
}

/// Why a URL is not called, in words for a 422. Each names the rule.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum UrlProblem {
    #[error("a URL has at most {URL_BYTES_MAX} bytes")]
    TooLong,
    #[error("a URL has no spaces or control characters; write %20 for a space")]
    ControlCharacter,
    #[error("a URL has no backslashes")]
    Backslash,
    #[error("expected a full URL such as https://example.com/webhook")]
    Shape,
    #[error("the scheme `{0}` is not called, only https (and http where the operator allows it)")]
    Scheme(String),
    #[error("plain http is not allowed here, use https")]
    PlainHttp,
    #[error("a URL carries no user name or password; use the endpoint's authorisation settings")]
    UserInfo,
    #[error("the part after # is never sent; remove it")]
    Fragment,
    #[error("write the host name without a dot at its end")]
    TrailingDot,
    #[error("`{0}` is not a host name")]
    Host(String),
    #[error("the port is not a number from 1 to 65535")]
    Port,
    #[error("no letters are sent here; the operator sets `smtp.url` to the mail relay")]
    NoRelay,
    #[error("expected one e-mail address after mailto:, such as mailto:ops@shop.example")]
    Recipient,
    #[error("this is our own address; deliveries to ourselves would loop")]
    Own,
    #[error("the address is not called: {0}")]
    Address(Rule),
}

impl UrlProblem {
    /// The rule's stable name, for logs, metrics and error codes.
    pub fn rule(&self) -> &'static str {
        match self {
            UrlProblem::TooLong => "url_too_long",
            UrlProblem::ControlCharacter => "url_control_character",
            UrlProblem::Backslash => "url_backslash",
            UrlProblem::Shape => "url_shape",
            UrlProblem::Scheme(_) => "url_scheme",
            UrlProblem::PlainHttp => "plain_http",
            UrlProblem::UserInfo => "url_userinfo",
            UrlProblem::Fragment => "url_fragment",
            UrlProblem::TrailingDot => "url_trailing_dot",
            UrlProblem::Host(_) => "url_host",
            UrlProblem::Port => "url_port",
            UrlProblem::NoRelay => "no_relay",
            UrlProblem::Recipient => "recipient",
            UrlProblem::Own => "own_address",
            UrlProblem::Address(_) => "forbidden_address",
        }
    }

    /// The same as an attempt's outcome, for an endpoint whose URL was accepted under other rules.
    pub fn blocked_by(&self) -> BlockedBy {
        match self {
            UrlProblem::PlainHttp | UrlProblem::NoRelay => BlockedBy::Scheme,
            UrlProblem::Own | UrlProblem::Address(_) => BlockedBy::Address,
            UrlProblem::TooLong
            | UrlProblem::ControlCharacter
            | UrlProblem::Backslash
            | UrlProblem::Shape
            | UrlProblem::Scheme(_)
            | UrlProblem::UserInfo
            | UrlProblem::Fragment
            | UrlProblem::TrailingDot
            | UrlProblem::Host(_)
            | UrlProblem::Recipient
            | UrlProblem::Port => BlockedBy::Url,
        }
    }
}

/// Parses `text` and decides whether it may be called under `plan`.
///
/// A name is not resolved here: what it resolves to is checked at every call, on the address that is dialled.
pub fn check(text: &str, plan: &EgressPlan) -> Result<CheckedUrl, UrlProblem> {
    let url = parse(text)?;
    let checked = CheckedUrl(Arc::new(parts(&url)?));
    checked.permitted(plan)?;
    Ok(checked)
}

/// As [`check`], and lets `mailto:` addresses pass where letters are sent.
pub fn check_receiver(text: &str, plan: &EgressPlan) -> Result<CheckedUrl, UrlProblem> {
    let Some(rest) = text.strip_prefix(mail::SCHEME) else { return check(text, plan) };
    let checked = CheckedUrl(Arc::new(mail_parts(text, rest)?));
    checked.permitted(plan)?;
    Ok(checked)
}

/// Whether a receiver is told by letters.
pub fn is_mail(text: &str) -> bool {
    text.starts_with(mail::SCHEME)
}

impl CheckedUrl {
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// The host and, unless it is the scheme's own, the port: what logs and metrics show.
    pub fn authority(&self) -> &str {
        self.0.authority.to_str().expect("made of ASCII")
    }

    /// Without the port; an IPv6 address in brackets.
    pub fn host(&self) -> &str {
        let authority = self.authority();
        match authority.rfind(':') {
            Some(colon) if !authority.ends_with(']') => &authority[..colon],
            _ => authority,
        }
    }

    pub fn is_https(&self) -> bool {
        self.0.https
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.0
    }

    pub(crate) fn recipient(&self) -> Option<&Recipient> {
        self.0.recipient.as_ref()
    }

    /// Our own listener, if this is the URL of one of our catchers.
    pub(crate) fn own_catcher(&self, plan: &EgressPlan) -> Option<SocketAddr> {
        plan.catcher.as_ref().filter(|own| own.is_at(self.as_str())).map(|own| own.address)
    }

    /// The rules that depend on the operator, which may have changed since the URL was parsed.
    pub(crate) fn permitted(&self, plan: &EgressPlan) -> Result<(), UrlProblem> {
        let parts = self.parts();
        if self.own_catcher(plan).is_some() {
            return Ok(());
        }
        if parts.recipient.is_some() {
            return if plan.mail.is_some() { Ok(()) } else { Err(UrlProblem::NoRelay) };
        }
        if !parts.https && !plan.allow_http {
            return Err(UrlProblem::PlainHttp);
        }
        match &parts.host {
            Host::Address(ip) => permitted_address(SocketAddr::new(*ip, parts.port), plan),
            Host::Name(name) if is_localhost(name) => permitted_localhost(parts.port, plan),
            Host::Name(_) => Ok(()),
        }
    }
}

impl fmt::Display for CheckedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for CheckedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CheckedUrl({})", self.as_str())
    }
}

impl PartialEq for CheckedUrl {
    fn eq(&self, other: &CheckedUrl) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for CheckedUrl {}

/// Whether one address and port may be dialled.
pub(crate) fn permitted_address(address: SocketAddr, plan: &EgressPlan) -> Result<(), UrlProblem> {
    if plan.is_own(address, None) {
        return Err(UrlProblem::Own);
    }
    guard::forbidden(address.ip(), &plan.allow_networks).map_or(Ok(()), |rule| Err(UrlProblem::Address(rule)))
}

/// `localhost` and everything below it are loopback and never asked of a name server (RFC 6761 §6.3).
pub(crate) fn is_localhost(name: &str) -> bool {
    name.strip_suffix("localhost").is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

fn permitted_localhost(port: u16, plan: &EgressPlan) -> Result<(), UrlProblem> {
    let [v4, v6] = LOCALHOST;
    permitted_address(SocketAddr::new(v4, port), plan)
        .or_else(|problem| permitted_address(SocketAddr::new(v6, port), plan).map_err(|_| problem))
}

/// What `localhost` stands for, in the order tried.
pub(crate) const LOCALHOST: [IpAddr; 2] =
    [IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), IpAddr::V6(std::net::Ipv6Addr::LOCALHOST)];

fn parse(text: &str) -> Result<Url, UrlProblem> {
    if text.len() > URL_BYTES_MAX {
        return Err(UrlProblem::TooLong);
    }
    if text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\u{feff}') {
        return Err(UrlProblem::ControlCharacter);
    }
    if text.contains('\\') {
        return Err(UrlProblem::Backslash);
    }
    let (scheme, rest) = text.split_once(':').ok_or(UrlProblem::Shape)?;
    if !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return Err(if is_scheme(scheme) { UrlProblem::Scheme(scheme.to_owned()) } else { UrlProblem::Shape });
    }
    // The parser accepts any number of slashes; exactly two is what everyone else reads the same way.
    match rest.strip_prefix("//") {
        Some(rest) if !rest.starts_with('/') => {}
        _ => return Err(UrlProblem::Shape),
    }
    // The parser forgets an empty user name; for us the sign alone is enough.
    if raw_authority(rest).contains('@') {
        return Err(UrlProblem::UserInfo);
    }
    Url::parse(text).map_err(|problem| match problem {
        url::ParseError::InvalidPort => UrlProblem::Port,
        url::ParseError::EmptyHost
        | url::ParseError::IdnaError
        | url::ParseError::InvalidIpv4Address
        | url::ParseError::InvalidIpv6Address
        | url::ParseError::InvalidDomainCharacter => UrlProblem::Host(raw_authority(rest).to_owned()),
        _ => UrlProblem::Shape,
    })
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

/// What stands between `//` and the path.
fn raw_authority(rest: &str) -> &str {
    rest.trim_start_matches('/').split(['/', '?', '#']).next().unwrap_or_default()
}

fn parts(url: &Url) -> Result<Parts, UrlProblem> {
    if url.fragment().is_some() {
        return Err(UrlProblem::Fragment);
    }
    let port = url.port_or_known_default().filter(|port| *port != 0).ok_or(UrlProblem::Port)?;
    let (host, server_name) = host(url)?;
    Ok(Parts {
        text: url.as_str().to_owned(),
        https: url.scheme() == "https",
        host,
        port,
        target: url[url::Position::BeforePath..].parse().map_err(|_| UrlProblem::Shape)?,
        authority: HeaderValue::from_str(url.authority()).map_err(|_| UrlProblem::Shape)?,
        server_name,
        recipient: None,
    })
}

/// The address stands for the host as well: that is what is shown of it.
fn mail_parts(text: &str, rest: &str) -> Result<Parts, UrlProblem> {
    let recipient = Recipient::parse(rest).ok_or(UrlProblem::Recipient)?;
    let domain = rest.rsplit('@').next().unwrap_or_default();
    Ok(Parts {
        text: text.to_owned(),
        https: true,
        host: Host::Name(domain.into()),
        port: 0,
        target: Uri::from_static("/"),
        authority: HeaderValue::from_str(domain).map_err(|_| UrlProblem::Recipient)?,
        server_name: ServerName::try_from(domain.to_owned()).map_err(|_| UrlProblem::Recipient)?,
        recipient: Some(recipient),
    })
}

fn host(url: &Url) -> Result<(Host, ServerName<'static>), UrlProblem> {
    let address = |ip: IpAddr| (Host::Address(guard::dialled(ip)), ServerName::from(ip));
    match url.host() {
        Some(url::Host::Ipv4(ip)) => Ok(address(ip.into())),
        Some(url::Host::Ipv6(ip)) => Ok(address(ip.into())),
        Some(url::Host::Domain(name)) if name.ends_with('.') => Err(UrlProblem::TrailingDot),
        Some(url::Host::Domain(name)) => {
            let server_name = ServerName::try_from(name.to_owned()).map_err(|_| UrlProblem::Host(name.to_owned()))?;
            Ok((Host::Name(name.into()), server_name))
        }
        None => Err(UrlProblem::Shape),
    }
}

#[cfg(test)]
mod tests;
