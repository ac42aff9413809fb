//! TLS as one endpoint wants it: with a certificate of ours, with authorities of its own.

use std::fmt;

use aws_lc_rs::digest;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::dial::Tls;
use crate::plan::EgressPlan;

/// Why a certificate or an authority cannot be used, in words for a 422. Never quotes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TlsProblem {
    #[error("no certificate is in the text; expected PEM, beginning with -----BEGIN CERTIFICATE-----")]
    NoCertificate,
    #[error("no private key is in the text; expected PEM, such as -----BEGIN PRIVATE KEY-----, not encrypted")]
    NoKey,
    #[error("the private key does not belong to the first certificate, or is of a kind that is not supported")]
    NotAPair,
    #[error("a certificate authority cannot be read")]
    Authority,
}

/// TLS made ready, once for each change of an endpoint. A clone shares it.
#[derive(Clone)]
pub struct ClientTls {
    /// Connections are shared only among calls that show the same and trust the same.
    id: u64,
    tls: Tls,
}

impl ClientTls {
    /// `certificate` is PEM with our certificate, its chain and its key; `authorities` is PEM with certificates.
    pub fn new(
        plan: &EgressPlan,
        certificate: Option<&str>,
        authorities: Option<&str>,
    ) -> Result<ClientTls, TlsProblem> {
        let pair = certificate.map(pair).transpose()?;
        let trusted = authorities.map(certificates).transpose()?;
        if trusted.as_ref().is_some_and(Vec::is_empty) {
            return Err(TlsProblem::NoCertificate);
        }
        let mut roots = Tls::roots(plan).map_err(|_| TlsProblem::Authority)?;
        for authority in trusted.into_iter().flatten() {
            roots.add(authority).map_err(|_| TlsProblem::Authority)?;
        }
        Ok(ClientTls {
            id: id(certificate, authorities),
            tls: Tls::with(roots, pair).map_err(|_| TlsProblem::NotAPair)?,
        })
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn tls(&self) -> &Tls {
        &self.tls
    }
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientTls").finish_non_exhaustive()
    }
}

/// A certificate with its chain, and its key.
pub(crate) type Pair = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn pair(pem: &str) -> Result<Pair, TlsProblem> {
    let chain = certificates(pem)?;
    if chain.is_empty() {
        return Err(TlsProblem::NoCertificate);
    }
    let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| TlsProblem::NoKey)?;
    Ok((chain, key))
}

fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, TlsProblem> {
    CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>().map_err(|_| TlsProblem::NoCertificate)
}

/// The first eight bytes of a digest of both texts; never zero, which stands for TLS as everybody has it.
fn id(certificate: Option<&str>, authorities: Option<&str>) -> u64 {
    let mut context = digest::Context::new(&digest::SHA256);
    for text in [certificate, authorities] {
        let text = text.unwrap_or_default();
        context.update(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_le_bytes());
        context.update(text.as_bytes());
    }
    let digest = context.finish();
    let (first, _) = digest.as_ref().split_first_chunk().expect("a digest has 32 bytes");
    u64::from_le_bytes(*first).max(1)
}
