//! How nodes know each other: who holds the key that secrets are sealed with is a node of the installation. A pair of keys
//! that follows from it signs a certificate for each process; both sides of a connection show theirs.

use std::sync::Arc;

use aws_lc_rs::signature::Ed25519KeyPair;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::sealed::SealingKey;

/// In every certificate, so that nothing else that is signed with the key is taken for a node.
const NAME: &str = "node.ringup.internal";

type Problem = Box<dyn std::error::Error + Send + Sync>;

pub(super) struct Identity {
    pub(super) acceptor: TlsAcceptor,
    pub(super) connector: TlsConnector,
}

impl Identity {
    pub(super) fn of(key: &SealingKey) -> Result<Identity, Problem> {
        let pair = Ed25519KeyPair::from_seed_unchecked(key.nodes())?.to_pkcs8()?;
        let pair = PrivatePkcs8KeyDer::from(pair.as_ref().to_vec());
        let pair = KeyPair::from_pkcs8_der_and_sign_algo(&pair, &rcgen::PKCS_ED25519)?;
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.distinguished_name.push(DnType::CommonName, "ringup nodes");
        let issuer = CertifiedIssuer::self_signed(params, pair)?;

        let own = KeyPair::generate()?;
        let certificate = CertificateParams::new(vec![NAME.to_owned()])?.signed_by(&own, &issuer)?;
        let own = || PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own.serialize_der()));
        let mut roots = RootCertStore::empty();
        roots.add(issuer.der().clone())?;
        let roots = Arc::new(roots);

        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider.clone()).build()?;
        let server = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![certificate.der().clone()], own())?;
        let client = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(roots)
            .with_client_auth_cert(vec![certificate.der().clone()], own())?;
        Ok(Identity { acceptor: Arc::new(server).into(), connector: Arc::new(client).into() })
    }

    pub(super) fn name() -> ServerName<'static> {
        ServerName::try_from(NAME).expect("it is a name")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn meet(server: &SealingKey, client: &SealingKey) -> bool {
        let (server, client) = (Identity::of(server).expect("a key"), Identity::of(client).expect("a key"));
        let (one, other) = tokio::io::duplex(16 * 1024);
        let (served, called) =
            tokio::join!(server.acceptor.accept(one), client.connector.connect(Identity::name(), other));
        // The client may not have read yet that it was refused.
        assert!(served.is_err() || called.is_ok());
        served.is_ok()
    }

    #[tokio::test]
    async fn nodes_with_one_key_know_each_other_and_nobody_else() {
        let (key, other) = (SealingKey::of([7; 32]), SealingKey::of([8; 32]));
        assert!(meet(&key, &key.clone()).await);
        assert!(!meet(&key, &other).await);
        assert!(!meet(&other, &key).await);
    }

    #[tokio::test]
    async fn who_shows_no_certificate_is_refused() {
        let server = Identity::of(&SealingKey::of([7; 32])).expect("a key");
        let mut roots = RootCertStore::empty();
        roots.roots = webpki_roots::TLS_SERVER_ROOTS.to_vec();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.expect("versions").with_root_certificates(roots).with_no_client_auth();
        let (one, other) = tokio::io::duplex(16 * 1024);
        let stranger = TlsConnector::from(Arc::new(config));
        let (served, called) = tokio::join!(server.acceptor.accept(one), stranger.connect(Identity::name(), other));
        assert!(served.is_err() && called.is_err());
    }
}
