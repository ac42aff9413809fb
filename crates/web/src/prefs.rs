//! How somebody wants pages to be: language, theme, time zone. Kept in cookies, so that the first page is right already.

use http::HeaderMap;
use http::header::{ACCEPT_LANGUAGE, COOKIE};
use jiff::tz::TimeZone;
use ringup_core::id::AccountId;

use crate::lang::Lang;

pub const LANG_COOKIE: &str = "ringup_lang";
pub const THEME_COOKIE: &str = "ringup_theme";
pub const ZONE_COOKIE: &str = "ringup_zone";

/// One for each account, so that a view is offered only where it was saved.
const VIEWS_COOKIE: &str = "ringup_views_";

/// Views of one account: what fits into a cookie beside the others.
pub const VIEWS_MAX: usize = 8;
pub const VIEW_NAME_CHARS_MAX: usize = 40;
pub const VIEW_QUERY_CHARS_MAX: usize = 200;

/// Bytes of a cookie that browsers keep for certain.
pub const COOKIE_BYTES_MAX: usize = 3_800;

#[derive(Clone, Debug)]
pub struct Prefs {
    pub lang: Lang,
    pub theme: Theme,
    pub zone: TimeZone,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Theme {
    #[default]
    System,
    Light,
    Dark,
}

impl Theme {
    pub const ALL: [Theme; 3] = [Theme::System, Theme::Light, Theme::Dark];

    pub const fn word(self) -> &'static str {
        match self {
            Theme::System => "system",
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }

    pub fn from_word(word: &str) -> Option<Theme> {
        Theme::ALL.into_iter().find(|theme| theme.word() == word)
    }
}

impl Prefs {
    pub fn of(headers: &HeaderMap) -> Prefs {
        let accepted = || headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let chosen = cookie(headers, LANG_COOKIE).and_then(Lang::from_code);
        let zone = cookie(headers, ZONE_COOKIE).and_then(|name| zone(&name.replace("%2F", "/")));
        Prefs {
            lang: chosen.unwrap_or_else(|| Lang::preferred(accepted())),
            theme: cookie(headers, THEME_COOKIE).and_then(Theme::from_word).unwrap_or_default(),
            zone: zone.unwrap_or(TimeZone::UTC),
        }
    }
}

/// A time zone by its name, such as `Asia/Jakarta`.
pub fn zone(name: &str) -> Option<TimeZone> {
    if name == "UTC" { Some(TimeZone::UTC) } else { TimeZone::get(name).ok() }
}

/// The cookie of an account's own views of the log.
pub fn views_cookie(account: &AccountId) -> String {
    format!("{VIEWS_COOKIE}{account}")
}

/// Searches of the log that somebody saved in this browser, with their names. What a cookie says is anybody's: whatever
/// is too much or has no name is left out.
pub fn views(headers: &HeaderMap, account: &AccountId) -> Vec<(String, String)> {
    let text = cookie(headers, &views_cookie(account)).unwrap_or_default();
    let pairs = url::form_urlencoded::parse(text.as_bytes()).into_owned();
    let fits = |(name, query): &(String, String)| {
        (1..=VIEW_NAME_CHARS_MAX).contains(&name.chars().count()) && query.chars().count() <= VIEW_QUERY_CHARS_MAX
    };
    pairs.filter(fits).take(VIEWS_MAX).collect()
}

/// The value of a cookie, if it came.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(';')).find_map(|pair| {
        let (found, value) = pair.trim().split_once('=')?;
        (found == name).then_some(value)
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_choice_comes_before_what_the_browser_says() {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_static("id"));
        assert_eq!(Prefs::of(&headers).lang, Lang::Indonesian);
        headers.insert(
            COOKIE,
            HeaderValue::from_static("a=b; ringup_lang=en; ringup_theme=dark; ringup_zone=Asia/Jakarta"),
        );
        let prefs = Prefs::of(&headers);
        assert_eq!((prefs.lang, prefs.theme), (Lang::English, Theme::Dark));
        assert_eq!(prefs.zone.iana_name(), Some("Asia/Jakarta"));
    }

    #[test]
    fn nonsense_in_a_cookie_is_as_no_cookie() {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, HeaderValue::from_static("ringup_lang=xx; ringup_theme=; ringup_zone=Nowhere"));
        let prefs = Prefs::of(&headers);
        assert_eq!((prefs.lang, prefs.theme), (Lang::English, Theme::System));
        assert_eq!(prefs.zone, TimeZone::UTC);
    }
}
