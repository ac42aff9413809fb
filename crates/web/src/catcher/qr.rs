//! An address as a QR code, for a phone beside the till.

use std::fmt::Write as _;

use askama::filters::HtmlSafeOutput;
use qrcodegen::{QrCode, QrCodeEcc};

use crate::markup::Markup;

/// Empty modules around the code, as readers need them.
const QUIET: i32 = 4;

/// Dark on light in every theme: many readers know nothing else. `None` for a text too long for any code.
pub fn svg(text: &str) -> Option<Markup> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    let side = code.size() + 2 * QUIET;
    let mut path = String::new();
    for y in 0..code.size() {
        for x in (0..code.size()).filter(|x| code.get_module(*x, y)) {
            // Numbers of ours: nothing here needs escaping. Writing to a string does not fail.
            let _ = write!(path, "M{} {}h1v1h-1z", x + QUIET, y + QUIET);
        }
    }
    Some(HtmlSafeOutput(format!(
        r##"<svg class="qr" viewBox="0 0 {side} {side}" width="184" height="184" role="img" aria-label="QR" shape-rendering="crispEdges"><rect width="{side}" height="{side}" fill="#ffffff"/><path fill="#1d1b18" d="{path}"/></svg>"##
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_fits_and_a_novel_does_not() {
        let code = svg("http://127.0.0.1:8080/c/0123456789abcdefghijKL").expect("it fits").0;
        assert!(code.starts_with("<svg") && code.contains("h1v1h-1z"), "{code}");
        assert!(svg(&"x".repeat(5_000)).is_none());
    }
}
