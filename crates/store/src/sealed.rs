//! Secrets as they lie in files: sealed with a key that is not among them.
//!
//! AES-256-GCM-SIV with a random nonce: should a nonce ever come twice, it tells no more than that two texts are equal.
//! The place of a secret is part of the seal, so that one row's secret cannot be put into another.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::digest;
use aws_lc_rs::hkdf;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};

const KEY_BYTES: usize = 32;

/// Marks what is sealed, and how. JSON never begins with it.
const VERSION: u8 = 1;

pub(crate) const KEY_ID_BYTES: usize = 8;

const HEAD_BYTES: usize = 1 + KEY_ID_BYTES + NONCE_LEN;

/// The secrets of an endpoint, each with its column.
pub(crate) const SECRETS: &str = "endpoint.secrets";
pub(crate) const HEADERS: &str = "endpoint.headers";
pub(crate) const AUTHORIZATION: &str = "endpoint.authorization";

/// Where a secret of an endpoint lies: it opens nowhere else.
pub(crate) fn place(column: &str, account: i64, id: &[u8; 20]) -> Vec<u8> {
    [column.as_bytes(), b"\0", &account.to_be_bytes(), id].concat()
}

/// Seals and opens. Does not print.
#[derive(Clone)]
pub struct SealingKey(Arc<Inner>);

struct Inner {
    key: RandomizedNonceKey,
    id: [u8; KEY_ID_BYTES],
    nodes: [u8; KEY_BYTES],
}

/// It was sealed with another key, for another place, or is damaged.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a secret cannot be opened: it was sealed with another key or for another place, or it is damaged")]
pub struct Unopened;

impl SealingKey {
    /// Reads the text of a key: 32 bytes in base64. The error never repeats it.
    pub fn parse(text: &str) -> Result<SealingKey, String> {
        let text = text.trim();
        let engines = [STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD];
        let bytes = engines.iter().find_map(|engine| engine.decode(text).ok());
        let bytes = bytes.ok_or("is not base64")?;
        let bytes: [u8; KEY_BYTES] = bytes
            .try_into()
            .map_err(|bytes: Vec<u8>| format!("has {} bytes where it needs {KEY_BYTES}", bytes.len()))?;
        Ok(SealingKey::of(bytes))
    }

    pub fn of(bytes: [u8; KEY_BYTES]) -> SealingKey {
        let key = RandomizedNonceKey::new(&AES_256_GCM_SIV, &bytes).expect("the key has the length that it must");
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(b"ringup sealing key\0");
        context.update(&bytes);
        let mut id = [0; KEY_ID_BYTES];
        let digest = context.finish();
        id.iter_mut().zip(digest.as_ref()).for_each(|(id, byte)| *id = *byte);
        let mut nodes = [0; KEY_BYTES];
        let derived = hkdf::Salt::new(hkdf::HKDF_SHA256, b"ringup").extract(&bytes);
        let derived = derived.expand(&[b"nodes"], hkdf::HKDF_SHA256).and_then(|derived| derived.fill(&mut nodes));
        derived.expect("a hash has the length of a key");
        SealingKey(Arc::new(Inner { key, id, nodes }))
    }

    /// The text of a new key.
    #[expect(clippy::disallowed_methods, reason = "a key that a replay could foretell would be none")]
    pub(crate) fn make() -> String {
        let mut bytes = [0; KEY_BYTES];
        aws_lc_rs::rand::fill(&mut bytes).expect("the system has randomness");
        STANDARD.encode(bytes)
    }

    /// Tells keys apart and nothing about them.
    pub(crate) fn id(&self) -> [u8; KEY_ID_BYTES] {
        self.0.id
    }

    /// A key that follows from this one and tells nothing about it: by it nodes of an installation know each other.
    pub(crate) fn nodes(&self) -> &[u8; KEY_BYTES] {
        &self.0.nodes
    }

    /// `place` says where it will lie; it opens nowhere else.
    pub fn seal(&self, place: &[u8], plain: &[u8]) -> Vec<u8> {
        let mut text = plain.to_vec();
        let nonce = self.0.key.seal_in_place_append_tag(Aad::from(place), &mut text);
        let nonce = nonce.expect("a secret is shorter than the gigabytes that can be sealed");
        let mut sealed = Vec::with_capacity(HEAD_BYTES + text.len());
        sealed.push(VERSION);
        sealed.extend_from_slice(&self.0.id);
        sealed.extend_from_slice(nonce.as_ref());
        sealed.append(&mut text);
        sealed
    }

    pub fn open(&self, place: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Unopened> {
        let (head, text) = sealed.split_at_checked(HEAD_BYTES).ok_or(Unopened)?;
        let (version, rest) = head.split_first().ok_or(Unopened)?;
        let (id, nonce) = rest.split_at_checked(KEY_ID_BYTES).ok_or(Unopened)?;
        if *version != VERSION || id != self.0.id {
            return Err(Unopened);
        }
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Unopened)?;
        let mut text = text.to_vec();
        let length = self.0.key.open_in_place(nonce, Aad::from(place), &mut text).map_err(|_| Unopened)?.len();
        text.truncate(length);
        Ok(text)
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey(hidden)")
    }
}

/// Whether these bytes were sealed, with whatever key.
pub fn is_sealed(bytes: &[u8]) -> bool {
    bytes.first() == Some(&VERSION)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u8) -> SealingKey {
        SealingKey::of([number; KEY_BYTES])
    }

    #[test]
    fn what_was_sealed_opens_in_its_place_with_its_key() {
        for plain in [&b""[..], b"hunter22", &[0; 70_000]] {
            let sealed = key(1).seal(b"a", plain);
            assert_eq!(key(1).open(b"a", &sealed), Ok(plain.to_vec()));
            assert_eq!(key(1).open(b"b", &sealed), Err(Unopened));
            assert_eq!(key(2).open(b"a", &sealed), Err(Unopened));
            assert!(is_sealed(&sealed) && sealed != key(1).seal(b"a", plain), "each seal is its own");
        }
    }

    #[test]
    fn one_bit_is_enough_to_be_refused() {
        let sealed = key(1).seal(b"a", b"hunter22");
        for bit in 0..sealed.len() * 8 {
            let mut turned = sealed.clone();
            turned[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(key(1).open(b"a", &turned), Err(Unopened), "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert_eq!(key(1).open(b"a", &sealed[..length]), Err(Unopened), "length {length}");
        }
    }

    #[test]
    fn keys_are_read_and_do_not_print() {
        let text = SealingKey::make();
        let read = SealingKey::parse(&format!("{text}\n")).expect("it was just made");
        assert_eq!(read.id(), SealingKey::parse(&text).expect("the same").id());
        assert_ne!(read.id(), key(1).id());
        assert_eq!(format!("{read:?}"), "SealingKey(hidden)");
        assert_eq!(SealingKey::parse("AAAA").err().as_deref(), Some("has 3 bytes where it needs 32"));
        assert_eq!(SealingKey::parse("not base64!").err().as_deref(), Some("is not base64"));
    }
}
