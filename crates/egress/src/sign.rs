//! Signing secrets and signatures: Standard Webhooks 1.0.0, `v1` (HMAC-SHA256).
//!
//! The text that is signed is `id.timestamp.body` over the exact bytes sent. Keys do not print and are compared in
//! constant time.

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
use ringup_core::time::Timestamp;
use secrecy::SecretString;

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
    hmac: hmac::Key,
    expires_at: Option<Timestamp>,
}

impl SigningKey {
    /// `key` is the secret's bytes; it signs until `expires_at`.
    pub fn new(key: &[u8], expires_at: Option<Timestamp>) -> SigningKey {
        SigningKey { hmac: hmac::Key::new(hmac::HMAC_SHA256, key), expires_at }
    }

    pub fn signs_at(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|at| now < at)
    }

    fn tag(&self, prefix: &[u8], body: &[u8]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.hmac);
        context.update(prefix);
        context.update(body);
        context.sign()
    }
}

impl From<&SigningSecret> for SigningKey {
    fn from(secret: &SigningSecret) -> SigningKey {
        SigningKey::new(&secret.key, secret.expires_at)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// `v1,` and the base64 of HMAC-SHA256 over `id.at.body`; `at` in Unix seconds.
pub fn sign_v1(key: &SigningKey, id: &str, at: i64, body: &[u8]) -> String {
    let tag = key.tag(format!("{id}.{at}.").as_bytes(), body);
    format!("v1,{}", STANDARD.encode(tag))
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
        let mut base64 = [0; BASE64_CHARS];
        STANDARD.encode_slice(key.tag(prefix, body), &mut base64).expect("32 bytes are 44 characters of base64");
        text.put_slice(b"v1,");
        text.put_slice(&base64);
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
    #[error("there is no `v1` signature")]
    NoV1,
    #[error("no `v1` signature matches: another secret, or the body was changed")]
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
    let expected = key.tag(format!("{id}.{timestamp}.").as_bytes(), body);
    let mut problem = SignatureProblem::NoV1;
    for signature in signatures.split(' ').filter_map(|token| token.strip_prefix("v1,")) {
        problem = SignatureProblem::Mismatch;
        if let Ok(bytes) = STANDARD.decode(signature)
            && constant_time::verify_slices_are_equal(expected.as_ref(), &bytes).is_ok()
        {
            return Ok(());
        }
    }
    Err(problem)
}

#[cfg(test)]
mod tests;
