//! Pieces of HTML that we write ourselves. Nothing that others wrote goes through here.

use askama::filters::HtmlSafeOutput;

use crate::json_view::escape;

/// HTML that is not escaped again.
pub type Markup = HtmlSafeOutput<String>;

/// An icon of 16 pixels, drawn in the colour of the text. A dot for a name without one.
pub fn icon(name: &str) -> Markup {
    let drawing = match name {
        "overview" => r#"<path d="M2.5 13.5v-5M6.2 13.5v-9M9.8 13.5v-6M13.5 13.5v-11"/>"#,
        "urls" => {
            r#"<path d="M6.8 9.2a2.6 2.6 0 0 0 3.7 0l2.3-2.3a2.6 2.6 0 0 0-3.7-3.7L8 4.3M9.2 6.8a2.6 2.6 0 0 0-3.7 0L3.2 9.1a2.6 2.6 0 0 0 3.7 3.7L8 11.7"/>"#
        }
        "logs" => r#"<path d="M3 4h.01M3 8h.01M3 12h.01M5.8 4H13M5.8 8H13M5.8 12H10"/>"#,
        "configuration" => {
            r#"<path d="M2.5 4.5h6M12 4.5h1.5M2.5 11.5H4M7.5 11.5h6"/><circle cx="10.3" cy="4.5" r="1.7"/><circle cx="5.7" cy="11.5" r="1.7"/>"#
        }
        "catalog" => {
            r#"<path d="M3 3.2h6.5A1.5 1.5 0 0 1 11 4.7V13H4.500A1.5 1.5 0 0 1 3 11.5zM11 5.5h2V13h-2M5.5 6h3M5.5 8.5h3"/>"#
        }
        "keys" => r#"<circle cx="5.200" cy="10.8" r="2.7"/><path d="M7.2 8.8 13 3M11 5l1.8 1.8M9.3 6.7l1.3 1.3"/>"#,
        "reference" => r#"<path d="M5.500 4.5 2.5 8l3 3.5M10.500 4.5l3 3.5-3 3.5"/>"#,
        "send" => r#"<path d="M13.5 2.5 7 9M13.5 2.5l-4 11L7 9 2.5 6.5z"/>"#,
        "catcher" => r#"<path d="m2.5 9.500 1.800-6h7.4l1.800 6v3h-11zM2.5 9.500h3.300l.8 1.5h2.800l.8-1.5h3.300"/>"#,
        "verify" => {
            r#"<path d="m8 2.2 4.800 1.7v3.600c0 3-2 5.300-4.800 6.300-2.800-1-4.800-3.300-4.800-6.300V3.900zM5.9 7.9l1.5 1.5 2.800-3"/>"#
        }
        "audit" => r#"<path d="M3.500 2.5h6l3 3v8h-9zM9.500 2.5v3h3M5.800 8.5h4.400M5.800 10.8h3"/>"#,
        "loyalty" => r#"<path d="M8 13.2 3.300 8.600a3 3 0 0 1 4.200-4.200l.5.5.5-.5a3 3 0 0 1 4.200 4.200z"/>"#,
        "accounts" => r#"<path d="M2.800 13.5v-7L8 3l5.200 3.5v7M6.300 13.5v-4h3.400v4"/>"#,
        "nodes" => {
            r#"<circle cx="8" cy="3.700" r="1.700"/><circle cx="3.700" cy="12" r="1.700"/><circle cx="12.300" cy="12" r="1.700"/><path d="M7.200 5.200 4.500 10.500M8.800 5.200l2.700 5.300M5.400 12h5.200"/>"#
        }
        "person" => r#"<circle cx="8" cy="5.3" r="2.5"/><path d="M3 13.5c.5-2.8 2.5-4.2 5-4.2s4.500 1.4 5 4.2"/>"#,
        "menu" => r#"<path d="M2.5 4.5h11M2.5 8h11M2.5 11.5h11"/>"#,
        "close" => r#"<path d="m4 4 8 8M12 4l-8 8"/>"#,
        "check" => r#"<path d="m3 8.500 3.300 3.300L13 4.800"/>"#,
        "plus" => r#"<path d="M8 3v10M3 8h10"/>"#,
        "again" => r#"<path d="M13 8a5 5 0 1 1-1.500-3.500M13 2.500v3h-3"/>"#,
        "alert" => r#"<path d="M8 2.5 14 13H2zM8 6.500v3M8 11.300v.01"/>"#,
        "right" => r#"<path d="m6 3.500 4.500 4.500L6 12.500"/>"#,
        "left" => r#"<path d="M10 3.500 5.500 8l4.500 4.500"/>"#,
        _ => r#"<circle cx="8" cy="8" r="2"/>"#,
    };
    HtmlSafeOutput(format!(
        r#"<svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true"><g fill="none" stroke="currentColor" stroke-width="1.4" stroke-linecap="round" stroke-linejoin="round">{drawing}</g></svg>"#
    ))
}

/// The state of something by its shape; words stand beside it.
pub fn shape(state: &str) -> Markup {
    let drawing = match state {
        "ok" => r#"<circle cx="6" cy="6" r="4.500"/>"#,
        "fail" => r#"<rect x="1.800" y="1.800" width="8.400" height="8.400" rx="1.200"/>"#,
        "warn" => r#"<circle class="ring" cx="6" cy="6" r="4"/><path d="M6 2a4 4 0 0 1 0 8z"/>"#,
        "wait" => r#"<circle class="ring" cx="6" cy="6" r="4"/>"#,
        _ => r#"<rect x="1.500" y="5" width="9" height="2" rx="1"/>"#,
    };
    // The name is one of ours: it becomes part of the markup.
    let state = ["ok", "fail", "warn", "wait"].into_iter().find(|known| *known == state).unwrap_or("skip");
    HtmlSafeOutput(format!(
        r#"<svg class="shape {state}" viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">{drawing}</svg>"#
    ))
}

/// A text of ours with `code` in it.
pub fn prose(text: &str) -> Markup {
    let mut html = String::with_capacity(text.len() + 16);
    let parts: Vec<&str> = text.split('`').collect();
    // A mark without its other half is only a character.
    let pairs = (parts.len() - 1) / 2 * 2;
    for (number, part) in parts.iter().enumerate() {
        match number {
            0 => {}
            number if number > pairs => html.push('`'),
            number => html.push_str(if number % 2 == 1 { "<code>" } else { "</code>" }),
        }
        escape(part, &mut html);
    }
    HtmlSafeOutput(html)
}

pub fn logo() -> Markup {
    HtmlSafeOutput(
        r#"<svg class="logo" viewBox="0 0 24 24" width="22" height="22" aria-hidden="true"><g fill="none" stroke="currentColor" stroke-width="2.2" stroke-linecap="round"><path d="M7.1 7.6a7 7 0 1 0 9.8 0"/><path d="M12 3.4v7"/></g><circle class="fill" cx="12" cy="13.6" r="1.9"/></svg>"#
            .to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_has_code_and_nothing_else() {
        for (text, html) in [
            ("plain <b>", "plain &lt;b&gt;"),
            ("`a<b` and `c`", "<code>a&lt;b</code> and <code>c</code>"),
            ("one ` alone", "one ` alone"),
            ("`a` and ` alone", "<code>a</code> and ` alone"),
            ("", ""),
        ] {
            assert_eq!(prose(text).0, html);
        }
    }
}
