//! What pages load: one style sheet, one script, two fonts, an icon. Compiled in, each under an address with its hash.

use std::path::Path;

use axum::extract::Path as Named;
use axum::response::{IntoResponse as _, Response};
use http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderValue, StatusCode};

/// A file that never changes under its address.
pub struct Asset {
    pub path: &'static str,
    kind: &'static str,
    /// What it is joined from, in `assets`.
    sources: &'static [&'static str],
    plain: &'static [u8],
    brotli: Option<&'static [u8]>,
    gzip: Option<&'static [u8]>,
}

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// `GET /assets/{file}`
pub async fn serve(Named(file): Named<String>, headers: HeaderMap) -> Response {
    let found = ALL.iter().find(|asset| asset.path.strip_prefix("/assets/") == Some(file.as_str()));
    let Some(asset) = found else { return StatusCode::NOT_FOUND.into_response() };
    // While developing, an edit shows at the next reload.
    if cfg!(debug_assertions)
        && let Some(content) = asset.on_disk()
    {
        return ([(CONTENT_TYPE, asset.kind), (CACHE_CONTROL, "no-store")], content).into_response();
    }
    let (encoding, content) = asset.encoded(&headers);
    let mut response = (
        [(CONTENT_TYPE, asset.kind), (CACHE_CONTROL, "public, max-age=31536000, immutable"), (VARY, "accept-encoding")],
        content,
    )
        .into_response();
    if let Some(encoding) = encoding {
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    response
}

impl Asset {
    /// The smallest form that the client takes.
    fn encoded(&self, headers: &HeaderMap) -> (Option<&'static str>, &'static [u8]) {
        let accepted = headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let takes = |encoding: &str| {
            accepted.split(',').any(|item| {
                let (name, weight) = item.split_once(';').unwrap_or((item, ""));
                name.trim().eq_ignore_ascii_case(encoding)
                    && !weight
                        .trim()
                        .strip_prefix("q=")
                        .is_some_and(|weight| weight.trim_matches(['0', '.']).is_empty())
            })
        };
        match (self.brotli, self.gzip) {
            (Some(packed), _) if takes("br") => (Some("br"), packed),
            (_, Some(packed)) if takes("gzip") => (Some("gzip"), packed),
            _ => (None, self.plain),
        }
    }

    /// As the files are now; `None` on a machine that has no source.
    fn on_disk(&self) -> Option<Vec<u8>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
        let mut content = Vec::new();
        for source in self.sources {
            content.extend(std::fs::read(folder.join(source)).ok()?);
            content.push(b'\n');
        }
        if self.brotli.is_none() {
            content.pop();
            return Some(content);
        }
        let mut text = String::from_utf8(content).ok()?;
        for (placeholder, font) in [("asset:inter", &FONT_UI), ("asset:jetbrains-mono", &FONT_MONO)] {
            text = text.replace(placeholder, font.path);
        }
        Some(text.into_bytes())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use aws_lc_rs::digest;

    use super::*;

    /// Bytes of all script and of all style, gzipped, that a page may cost.
    const SCRIPT_BYTES_MAX: usize = 25 * 1024;
    const STYLE_BYTES_MAX: usize = 12 * 1024;

    #[test]
    fn vendored_files_are_those_in_the_table() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/vendor");
        let table = std::fs::read_to_string(folder.join("README.md")).unwrap();
        let mut seen = 0;
        for row in table.lines().filter(|line| line.starts_with("| `")) {
            let cells: Vec<&str> = row.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
            let (file, hash) = (cells[1], cells[5]);
            let content = std::fs::read(folder.join(file)).unwrap();
            let digest = digest::digest(&digest::SHA256, &content);
            let found: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(found, hash, "{file}");
            seen += 1;
        }
        let others = ["README.md", "LICENSE"];
        let files = std::fs::read_dir(&folder).unwrap().filter(|entry| {
            let name = entry.as_ref().unwrap().file_name().into_string().unwrap();
            !others.iter().any(|other| name.ends_with(other))
        });
        assert_eq!(files.count(), seen, "each file stands in the table");
    }

    #[test]
    fn script_and_style_stay_within_their_budgets() {
        assert!(SCRIPT.gzip.unwrap().len() <= SCRIPT_BYTES_MAX, "{}", SCRIPT.gzip.unwrap().len());
        assert!(STYLE.gzip.unwrap().len() <= STYLE_BYTES_MAX, "{}", STYLE.gzip.unwrap().len());
    }

    #[test]
    fn the_style_sheet_names_fonts_that_exist() {
        let style = std::str::from_utf8(STYLE.plain).unwrap();
        assert!(style.contains(FONT_UI.path) && style.contains(FONT_MONO.path));
        assert!(!style.contains("asset:"), "no placeholder is left");
    }

    #[test]
    fn the_client_says_what_it_takes() {
        let asked = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(value));
            SCRIPT.encoded(&headers).0
        };
        assert_eq!(asked("gzip, deflate, br"), Some("br"));
        assert_eq!(asked("gzip"), Some("gzip"));
        assert_eq!(asked("br;q=0, gzip;q=0.5"), Some("gzip"));
        assert_eq!(asked("identity"), None);
        assert_eq!(FONT_UI.encoded(&HeaderMap::new()).0, None);
    }
}
