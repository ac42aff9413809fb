//! What a call saw on its way, for whoever wants to know whether a receiver can be reached.

use std::io;
use std::net::IpAddr;

use ringup_core::time::Timestamp;
use rustls::{CertificateError, ProtocolVersion};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::request::Reply;

/// One call on a connection of its own, and what was seen of the other side.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Probe {
    pub reply: Reply,
    pub sight: Sight,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Sight {
    /// Where the name leads, in the order in which it is dialled. Empty until all of them passed the guard: whoever asks
    /// is not told what a name of somebody else's network leads to.
    pub addresses: Vec<IpAddr>,
    /// `None` without TLS, and where the call did not come that far.
    pub tls: Option<Result<TlsSeen, TlsFault>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TlsSeen {
    /// Such as `1.3`.
    pub version: &'static str,
    /// Until when the receiver's own certificate is valid; `None` if its form is not understood.
    pub certificate_ends_at: Option<Timestamp>,
}

/// Why a handshake failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TlsFault {
    Expired,
    NotYetValid,
    /// The certificate is for another name.
    OtherName,
    /// Signed by an authority that is not trusted here, or by itself.
    UnknownIssuer,
    /// Any other fault of the handshake, such as a protocol that neither side shares.
    Other,
}

impl Probe {
    /// Of a caller without a network to look at.
    pub(crate) fn blind(reply: Reply) -> Probe {
        let addresses = reply.remote.iter().map(|remote| remote.ip()).collect();
        Probe { reply, sight: Sight { addresses, tls: None } }
    }
}

impl TlsSeen {
    pub(crate) fn of(stream: &TlsStream<TcpStream>) -> TlsSeen {
        let (_, session) = stream.get_ref();
        let version = match session.protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => "1.3",
            _ => "1.2",
        };
        let certificate = session.peer_certificates().and_then(<[_]>::first);
        TlsSeen { version, certificate_ends_at: certificate.and_then(|certificate| ends_at(certificate)) }
    }
}

/// Source: RFC 5280 §4.1.2.5.
fn ends_at(der: &[u8]) -> Option<Timestamp> {
    let (_, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
    Some(Timestamp::from_secs(certificate.validity().not_after.timestamp()))
}

impl TlsFault {
    pub(crate) fn of(error: &io::Error) -> TlsFault {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        let Some(rustls::Error::InvalidCertificate(problem)) = inner else { return TlsFault::Other };
        match problem {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => TlsFault::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => TlsFault::NotYetValid,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => TlsFault::OtherName,
            // An issuer that bears a known one's name but not its key is told by the signature only.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => TlsFault::UnknownIssuer,
            _ => TlsFault::Other,
        }
    }
}
