//! A delivery as it arrived, and what becomes of it when one bit is turned.

use anyhow::{Context, Result};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use ringup_testkit::receiver::Received;
use serde::Serialize;

const PREFIX: &str = "whsec_";

/// What a verifier is given.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Signed {
    pub secret: String,
    pub id: String,
    pub timestamp: String,
    pub signature: String,
    pub body: String,
}

/// One delivery with one bit turned in each part that the signature covers.
#[derive(Debug, Serialize)]
pub struct Record {
    #[serde(flatten)]
    pub signed: Signed,
    pub changed: Vec<Changed>,
}

/// Stands in place of what the delivery has.
#[derive(Debug, Default, Serialize)]
pub struct Changed {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

impl Record {
    /// The delivery, signed with this secret among others. `number` chooses the bits.
    pub fn of(request: &Received, secret: &str, number: usize) -> Result<Record> {
        let header = |name| request.header(name).map(str::to_owned).with_context(|| format!("no {name}"));
        let signed = Signed {
            secret: secret.to_owned(),
            id: header("webhook-id")?,
            timestamp: header("webhook-timestamp")?,
            signature: header("webhook-signature")?,
            body: String::from_utf8(request.body.to_vec())?,
        };
        let key = signed.secret.strip_prefix(PREFIX).context("a secret that begins with whsec_")?;
        let signatures = signed.signature.split(' ').map(|one| {
            let text = one.strip_prefix("v1,").context("a signature that begins with v1,")?;
            Ok(format!("v1,{}", turned_bytes(text, number)?))
        });
        let changed = vec![
            Changed { body: Some(turned_text(&signed.body, number)), ..Changed::default() },
            Changed { id: Some(turned_text(&signed.id, number)), ..Changed::default() },
            // One second off, so that its age alone is no reason to refuse it.
            Changed { timestamp: Some(turned_at(&signed.timestamp, signed.timestamp.len() - 1)), ..Changed::default() },
            Changed { signature: Some(signatures.collect::<Result<Vec<_>>>()?.join(" ")), ..Changed::default() },
            Changed { secret: Some(format!("{PREFIX}{}", turned_bytes(key, number)?)), ..Changed::default() },
        ];
        Ok(Record { changed, signed })
    }
}

impl Signed {
    /// With what was changed.
    pub fn with(&self, changed: &Changed) -> Signed {
        let or = |changed: &Option<String>, own: &String| changed.as_ref().unwrap_or(own).clone();
        Signed {
            secret: or(&changed.secret, &self.secret),
            id: or(&changed.id, &self.id),
            timestamp: or(&changed.timestamp, &self.timestamp),
            signature: or(&changed.signature, &self.signature),
            body: or(&changed.body, &self.body),
        }
    }
}

/// Turns the lowest bit of one letter of ASCII, so that the text is still one that verifiers read; there is one.
fn turned_text(text: &str, number: usize) -> String {
    let letters: Vec<usize> = text.bytes().enumerate().filter(|(_, byte)| byte.is_ascii()).map(|(at, _)| at).collect();
    turned_at(text, letters[number * 7_919 % letters.len()])
}

fn turned_at(text: &str, at: usize) -> String {
    let mut bytes = text.as_bytes().to_vec();
    bytes[at] ^= 1;
    String::from_utf8(bytes).expect("another letter of ASCII is in its place")
}

/// Turns one bit of bytes in base64.
fn turned_bytes(text: &str, number: usize) -> Result<String> {
    let mut bytes = BASE64_STANDARD.decode(text).context("base64")?;
    let bit = number * 31 % (bytes.len() * 8);
    bytes[bit / 8] ^= 1 << (bit % 8);
    Ok(BASE64_STANDARD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bit_differs() {
        let bits = |a: &[u8], b: &[u8]| a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum::<u32>();
        for number in 0..200 {
            let text = "{\"\u{e9}\":\"\u{1F600}\"}";
            assert_eq!(bits(text.as_bytes(), turned_text(text, number).as_bytes()), 1);
            let turned = BASE64_STANDARD.decode(turned_bytes("AAECAwQ=", number).expect("base64")).expect("base64");
            assert_eq!(bits(&[0, 1, 2, 3, 4], &turned), 1);
        }
        assert_eq!(turned_at("1700000000", 9), "1700000001");
    }
}
