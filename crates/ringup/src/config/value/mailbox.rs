//! Who a letter is from.

use ringup_egress::mail::Sender;

use super::{Scalar, quoted};

/// Such as `Ringup <ringup@shop.example>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox(Sender);

impl Mailbox {
    pub fn sender(&self) -> &Sender {
        &self.0
    }
}

impl Scalar for Mailbox {
    const EXPECTED: &'static str = r#"a name and an e-mail address such as "Ringup <ringup@shop.example>""#;

    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|_| "has no e-mail address".to_owned())
    }

    fn show(&self) -> String {
        quoted(&self.0.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{accepts, refuses};
    use super::*;

    #[test]
    fn a_sender_has_an_address() {
        accepts::<Mailbox>("Ringup <ringup@shop.example>", r#""Ringup <ringup@shop.example>""#);
        accepts::<Mailbox>("ringup@shop.example", r#""ringup@shop.example""#);
        refuses::<Mailbox>("Ringup", r#""Ringup" has no e-mail address"#);
    }
}
