//! Signing secrets and signatures: Standard Webhooks 1.0.0, `v1` (HMAC-SHA256) and `v1a` (Ed25519).
//!
//! The text that is signed is `id.timestamp.body` over the exact bytes sent. Keys do not print and are compared in
//! constant time.

mod asymmetric;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::{constant_time, hmac};
use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use bytes::{BufMut, BytesMut};
use http::HeaderValue;
use ringup_core::endpoint::SigningSecret;
use ringup_core::limits;
use ringup_core::signing::SigningKind;
use ringup_core::time::Timestamp;
use secrecy::SecretString;

pub use asymmetric::{PRIVATE_PREFIX, PUBLIC_PREFIX, SEED_BYTES};

use asymmetric::Pair;

/// What every symmetric secret's text begins with.
pub const SECRET_PREFIX: &str = "whsec_";

/// Bytes of a symmetric secret (Standard Webhooks, "Signature scheme").
pub const SECRET_BYTES_MIN: usize = 24;
pub const SECRET_BYTES_MAX: usize = 64;

/// Bytes of a secret we make: 24 need no base64 padding, which some verifiers insist on or choke on.
pub const SECRET_BYTES_NEW: usize = 24;

/// How far a timestamp may be from the verifier's clock (Standard Webhooks, "Verifying webhook authenticity").
pub const TOLERANCE: Duration = Duration::from_secs(300);

/// Characters of `v1,` and 32 bytes in base64.
const SIGNATURE_CHARS: usize = 3 + BASE64_CHARS;
const BASE64_CHARS: usize = 44;

const ANY_PADDING: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why a text is not a signing secret. Never quotes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SecretProblem {
    #[error("a signing secret is `whsec_` and base64 of {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} random bytes")]
    NotBase64,
    #[error("a signing secret has {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} bytes, this one has {0}")]
    Length(usize),
    #[error("a private key is `whsk_` and base64 of an Ed25519 seed, alone or with the public key that belongs to it")]
    NotAPrivateKey,
    #[error("this is a public key; signing takes the private one, `whsk_…`")]
    PublicKey,
}

/// Reads a secret of either kind: `whsk_…` is an asymmetric one, anything else is read by [`parse_secret`].
pub fn parse(text: &str) -> Result<(SigningKind, Arc<[u8]>), SecretProblem> {
    if text.starts_with(PUBLIC_PREFIX) {
        return Err(SecretProblem::PublicKey);
    }
    match text.strip_prefix(PRIVATE_PREFIX) {
        Some(body) => asymmetric::parse(body).map(|key| (SigningKind::Ed25519, key)),
        None => parse_secret(text).map(|key| (SigningKind::Hmac, key)),
    }
}

/// What the endpoint's owner copies to verify with: the secret itself, or the public key of an asymmetric one.
pub fn shown(secret: &SigningSecret) -> SecretString {
    match secret.kind {
        SigningKind::Hmac => secret_text(&secret.key),
        SigningKind::Ed25519 => Pair::of_seed(&secret.key).map(|pair| pair.public_text()).unwrap_or_default().into(),
    }
}

/// Reads `whsec_…`; the prefix may be missing, as other systems export secrets without it.
pub fn parse_secret(text: &str) -> Result<Arc<[u8]>, SecretProblem> {
    let body = text.strip_prefix(SECRET_PREFIX).unwrap_or(text);
    let key = ANY_PADDING.decode(body).map_err(|_| SecretProblem::NotBase64)?;
    match key.len() {
        SECRET_BYTES_MIN..=SECRET_BYTES_MAX => Ok(key.into()),
        other => Err(SecretProblem::Length(other)),
    }
}

/// A fresh secret from the caller's randomness.
pub fn new_secret(random: [u8; SECRET_BYTES_NEW]) -> Arc<[u8]> {
    Arc::new(random)
}

/// The text that the endpoint's owner copies: `whsec_…`.
pub fn secret_text(key: &[u8]) -> SecretString {
    SecretString::from(format!("{SECRET_PREFIX}{}", STANDARD.encode(key)))
}

/// A secret made ready: keying the hash costs as much as hashing a small payload, so it is done once and kept.
#[derive(Clone)]
pub struct SigningKey {
    cipher: Cipher,
    expires_at: Option<Timestamp>,
}

#[derive(Clone)]
enum Cipher {
    Hmac(Box<hmac::Key>),
    Ed25519(Pair),
}

impl SigningKey {
    /// `key` is the bytes of a symmetric secret; it signs until `expires_at`.
    pub fn new(key: &[u8], expires_at: Option<Timestamp>) -> SigningKey {
        SigningKey { cipher: Cipher::Hmac(Box::new(hmac::Key::new(hmac::HMAC_SHA256, key))), expires_at }
    }

    /// `None` for a secret that is not what its kind says; none such passes [`parse`].
    pub fn of(secret: &SigningSecret) -> Option<SigningKey> {
        match secret.kind {
            SigningKind::Hmac => Some(SigningKey::new(&secret.key, secret.expires_at)),
            SigningKind::Ed25519 => {
                let cipher = Cipher::Ed25519(Pair::of_seed(&secret.key)?);
                Some(SigningKey { cipher, expires_at: secret.expires_at })
            }
        }
    }

    pub fn signs_at(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|at| now < at)
    }

    /// Adds the version and the signature.
    fn sign(&self, prefix: &[u8], body: &[u8], text: &mut BytesMut) {
        match &self.cipher {
            Cipher::Hmac(key) => {
                let mut base64 = [0; BASE64_CHARS];
                let tag = tag(key, prefix, body);
                STANDARD.encode_slice(tag, &mut base64).expect("32 bytes are 44 characters of base64");
                text.put_slice(b"v1,");
                text.put_slice(&base64);
            }
            Cipher::Ed25519(pair) => {
                text.put_slice(b"v1a,");
                text.put_slice(pair.sign(prefix, body).as_bytes());
            }
        }
    }

    /// Whether a signature is this key's, compared in constant time.
    fn made(&self, signature: &[u8], prefix: &[u8], body: &[u8]) -> bool {
        match &self.cipher {
            Cipher::Hmac(key) => {
                constant_time::verify_slices_are_equal(tag(key, prefix, body).as_ref(), signature).is_ok()
            }
            Cipher::Ed25519(pair) => pair.verifies(&[prefix, body].concat(), signature),
        }
    }

    /// What a signature of this key begins with.
    fn version(&self) -> &'static str {
        match self.cipher {
            Cipher::Hmac(_) => "v1,",
            Cipher::Ed25519(_) => "v1a,",
        }
    }
}

fn tag(key: &hmac::Key, prefix: &[u8], body: &[u8]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(key);
    context.update(prefix);
    context.update(body);
    context.sign()
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// The version and the base64 of the signature over `id.at.body`; `at` in Unix seconds.
pub fn sign_one(key: &SigningKey, id: &str, at: i64, body: &[u8]) -> String {
    let mut text = BytesMut::new();
    key.sign(format!("{id}.{at}.").as_bytes(), body, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// The signature header's value: one signature for each key that signs at `now`, separated by single spaces.
///
/// `prefix` is `id.timestamp.` (`core::signing::signed_prefix`). `None` if no key signs any more.
pub fn signature_header(keys: &[SigningKey], prefix: &[u8], body: &[u8], now: Timestamp) -> Option<HeaderValue> {
    let mut text = BytesMut::with_capacity(keys.len() * (SIGNATURE_CHARS + 1));
    for key in keys.iter().take(limits::SIGNING_SECRETS_MAX).filter(|key| key.signs_at(now)) {
        if !text.is_empty() {
            text.put_u8(b' ');
        }
        key.sign(prefix, body, &mut text);
    }
    if text.is_empty() {
        return None;
    }
    Some(HeaderValue::from_maybe_shared(text.freeze()).expect("base64, commas and spaces are header text"))
}

/// Why a signature was not accepted, for a receiver that wants to know.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SignatureProblem {
    #[error("the timestamp is not a plain number of seconds")]
    Timestamp,
    #[error("the timestamp is more than {} minutes in the past", TOLERANCE.as_secs() / 60)]
    TooOld,
    #[error("the timestamp is more than {} minutes in the future", TOLERANCE.as_secs() / 60)]
    TooNew,
    #[error("there is no signature of the key's kind: `v1`, or `v1a` for an asymmetric one")]
    NoV1,
    #[error("no signature matches: another secret, or the body was changed")]
    Mismatch,
}

/// Checks the three headers of a received webhook against `key`, in constant time; unknown versions are skipped.
pub fn verify(
    key: &SigningKey,
    id: &str,
    timestamp: &str,
    signatures: &str,
    body: &[u8],
    now: Timestamp,
) -> Result<(), SignatureProblem> {
    let at: i64 = timestamp.parse().map_err(|_| SignatureProblem::Timestamp)?;
    if at.to_string() != timestamp {
        return Err(SignatureProblem::Timestamp);
    }
    let tolerance = i64::try_from(TOLERANCE.as_secs()).expect("minutes fit");
    match now.as_secs().saturating_sub(at) {
        age if age > tolerance => return Err(SignatureProblem::TooOld),
        age if age < -tolerance => return Err(SignatureProblem::TooNew),
        _ => {}
    }
    let prefix = format!("{id}.{timestamp}.");
    let mut problem = SignatureProblem::NoV1;
    for signature in signatures.split(' ').filter_map(|token| token.strip_prefix(key.version())) {
        problem = SignatureProblem::Mismatch;
        if let Ok(bytes) = STANDARD.decode(signature)
            && key.made(&bytes, prefix.as_bytes(), body)
        {
            return Ok(());
        }
    }
    Err(problem)
}

#[cfg(test)]
mod tests;
