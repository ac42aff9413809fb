//! A certificate authority of our own, and servers with certificates that are good or wrong in one way.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};

use crate::{
    receiver::{Receiver, Script, Setup},
    tempdir::TempDir,
};

/// What is right or wrong with a server's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaf {
    /// Signed by the authority, valid now, for the asked names.
    Good,
    /// Its time was over in 2001.
    Expired,
    /// Its time begins in 4000.
    NotYetValid,
    /// For `wrong.invalid` instead of the asked names.
    WrongName,
    /// Signed by itself.
    SelfSigned,
    /// Signed by an authority of the same name that nobody trusts.
    OtherAuthority,
    /// For use by clients only.
    ClientOnly,
}

/// A certificate authority whose certificate lies as PEM in a temporary folder.
#[derive(Debug)]
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    path: PathBuf,
    /// Removed with the authority.
    _folder: TempDir,
}

impl Authority {
    /// A fresh key and certificate.
    pub fn new() -> Result<Self> {
        let issuer = issuer()?;
        let folder = TempDir::new("tls")?;
        let path = folder.join("authority.pem");
        fs::write(&path, issuer.pem()).with_context(|| format!("writing {}", path.display()))?;
        Ok(Self { issuer, path, _folder: folder })
    }

    /// The file with its certificate, for `egress.ca_files` and the like.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A server's side of TLS for these names or addresses.
    pub fn server(&self, names: &[&str], leaf: Leaf) -> Result<Arc<ServerConfig>> {
        let key = KeyPair::generate()?;
        let certificate = self.certificate(names, leaf, &key)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
        let config = config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key);
        Ok(Arc::new(config.with_context(|| format!("a {leaf:?} certificate for {names:?}"))?))
    }

    /// A server's certificate for these names or addresses and its key, as PEM.
    pub fn pem(&self, names: &[&str], leaf: Leaf) -> Result<(String, String)> {
        let key = KeyPair::generate()?;
        Ok((self.certificate(names, leaf, &key)?.pem(), key.serialize_pem()))
    }

    /// A client's side that trusts this authority alone.
    pub fn client(&self) -> Result<Arc<ClientConfig>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone())?;
        let config = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
        Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
    }

    /// A client's certificate and its private key, as PEM.
    pub fn identity(&self) -> Result<String> {
        let key = KeyPair::generate()?;
        Ok(self.certificate(&["till.invalid"], Leaf::ClientOnly, &key)?.pem() + &key.serialize_pem())
    }

    /// A recording receiver behind TLS on a loopback port, with a certificate for these names.
    pub async fn receiver(&self, names: &[&str], leaf: Leaf, script: impl Into<Script>) -> Result<Receiver> {
        let tls = Some(self.server(names, leaf)?);
        Receiver::start_with(Setup { tls, script: script.into(), ..Setup::default() }).await
    }

    fn certificate(&self, names: &[&str], leaf: Leaf, key: &KeyPair) -> Result<Certificate> {
        let names = if leaf == Leaf::WrongName { &["wrong.invalid"] } else { names };
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names)?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        match leaf {
            Leaf::Good | Leaf::WrongName => {}
            Leaf::Expired => params.not_after = date_time_ymd(2001, 1, 1),
            Leaf::NotYetValid => params.not_before = date_time_ymd(4000, 1, 1),
            Leaf::ClientOnly => params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth],
            Leaf::SelfSigned => return Ok(params.self_signed(key)?),
            Leaf::OtherAuthority => {
                let other = issuer()?;
                return Ok(params.signed_by(key, &other)?);
            }
        }
        Ok(params.signed_by(key, &self.issuer)?)
    }
}

fn issuer() -> Result<CertifiedIssuer<'static, KeyPair>> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Ringup test authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}
