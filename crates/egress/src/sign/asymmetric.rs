//! Asymmetric secrets: Standard Webhooks 1.0.0, `v1a` (Ed25519). The receiver holds the public key and can forge nothing.

use std::sync::Arc;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{ANY_PADDING, SecretProblem};

/// What the text of a private and of a public key begins with.
pub const PRIVATE_PREFIX: &str = "whsk_";
pub const PUBLIC_PREFIX: &str = "whpk_";

/// Bytes of a seed, from which the key pair follows, and of the public key behind it in a private key's text.
pub const SEED_BYTES: usize = 32;
const PUBLIC_BYTES: usize = 32;

/// Reads what stands behind `whsk_`: a seed, or a seed and the public key that belongs to it.
pub(super) fn parse(body: &str) -> Result<Arc<[u8]>, SecretProblem> {
    let bytes = ANY_PADDING.decode(body).map_err(|_| SecretProblem::NotAPrivateKey)?;
    let (seed, public) = bytes.split_at_checked(SEED_BYTES).ok_or(SecretProblem::NotAPrivateKey)?;
    let pair = match public.len() {
        0 => Ed25519KeyPair::from_seed_unchecked(seed),
        PUBLIC_BYTES => Ed25519KeyPair::from_seed_and_public_key(seed, public),
        _ => return Err(SecretProblem::NotAPrivateKey),
    };
    pair.map(|_| Arc::from(seed)).map_err(|_| SecretProblem::NotAPrivateKey)
}

/// A key pair made ready to sign.
#[derive(Clone)]
pub(super) struct Pair(Arc<Ed25519KeyPair>);

impl Pair {
    /// `None` for what is not a seed.
    pub fn of_seed(seed: &[u8]) -> Option<Pair> {
        Ed25519KeyPair::from_seed_unchecked(seed).ok().map(|pair| Pair(Arc::new(pair)))
    }

    /// `whpk_…`, which the endpoint's owner copies.
    pub fn public_text(&self) -> String {
        format!("{PUBLIC_PREFIX}{}", STANDARD.encode(self.0.public_key().as_ref()))
    }

    /// Base64 of the signature. Ed25519 reads its message twice, so it is put together once here.
    pub fn sign(&self, prefix: &[u8], body: &[u8]) -> String {
        STANDARD.encode(self.0.sign(&[prefix, body].concat()))
    }

    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0.public_key().as_ref()).verify(message, signature).is_ok()
    }
}
