//! What every page's frame shows, and the words that templates ask for.

use std::time::Duration;

use askama::Template;
use askama::filters::HtmlSafeOutput;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use jiff::tz::TimeZone;
use ringup_core::log::LogMode;
use ringup_core::time::Timestamp;
use tracing::error;

use crate::assets;
use crate::lang::Lang;
use crate::markup::{self, Markup};
use crate::menu::{GROUPS, Group, Menu, VIEWS};
use crate::prefs::{Prefs, Theme};
use crate::text;

/// The frame of a page, and the language it speaks.
pub struct Ui {
    pub lang: Lang,
    pub theme: Theme,
    pub zone: TimeZone,
    pub now: Timestamp,
    pub title: String,
    /// The place of the menu that is lit.
    pub menu: Menu,
    /// `None` outside of accounts.
    pub here: Option<Here>,
    /// `None` while nobody is signed in.
    pub person: Option<Person>,
    /// For forms of this session.
    pub csrf: String,
    /// What was done just now, as the name of a text.
    pub done: Option<String>,
}

/// The account whose pages these are.
pub struct Here {
    pub name: String,
    pub path: String,
    /// Own views of its log: names and searches.
    pub views: Vec<(String, String)>,
    pub recording: Recording,
}

/// What the log keeps now.
pub struct Recording {
    pub mode: LogMode,
    pub full_until: Option<Timestamp>,
}

pub struct Person {
    /// Sees more than one account, and may have keys.
    pub is_whole: bool,
    /// Sees to the whole server.
    pub is_operator: bool,
    pub environment: String,
}

impl Ui {
    pub fn guest(prefs: &Prefs, now: Timestamp, menu: Menu, title: &str) -> Ui {
        Ui {
            lang: prefs.lang,
            theme: prefs.theme,
            zone: prefs.zone.clone(),
            now,
            title: prefs.lang.text(title),
            menu,
            here: None,
            person: None,
            csrf: String::new(),
            done: None,
        }
    }

    /// A text.
    pub fn t(&self, key: impl AsRef<str>) -> String {
        self.lang.text(key.as_ref())
    }

    /// A text about a number: `{ $count }` chooses the form, `{ $n }` is the number as the language writes it.
    pub fn n(&self, key: &str, count: &u64) -> String {
        self.lang.text_with(key, &[("count", (*count).into()), ("n", self.lang.number(*count).into())])
    }

    /// A text with one value filled in.
    pub fn a(&self, key: &str, name: &'static str, value: impl AsRef<str>) -> String {
        self.lang.text_with(key, &[(name, value.as_ref().into())])
    }

    /// A text with two values filled in.
    pub fn b(
        &self,
        key: &str,
        name: &'static str,
        value: impl AsRef<str>,
        other: &'static str,
        second: impl AsRef<str>,
    ) -> String {
        self.lang.text_with(key, &[(name, value.as_ref().into()), (other, second.as_ref().into())])
    }

    pub fn num(&self, number: &u64) -> String {
        self.lang.number(*number)
    }

    pub fn span(&self, span: &Duration) -> String {
        text::span(*span, self.lang)
    }

    pub fn size(&self, bytes: &usize) -> String {
        text::size(*bytes, self.lang)
    }

    /// A size that may be large.
    pub fn bytes(&self, bytes: u64) -> String {
        text::size(usize::try_from(bytes).unwrap_or(usize::MAX), self.lang)
    }

    /// A moment: the time of day or the date, with all of it to point at.
    pub fn time(&self, at: &Timestamp) -> Markup {
        self.moment(*at, &self.short(at))
    }

    /// A moment as how long ago it was.
    pub fn ago(&self, at: &Timestamp) -> Markup {
        self.moment(*at, &text::ago(*at, self.now, self.lang))
    }

    /// Digits and words of our own, so nothing is to be escaped.
    fn moment(&self, at: Timestamp, shown: &str) -> Markup {
        let (machine, full) = (text::rfc3339(at), text::full_time(at, &self.zone));
        HtmlSafeOutput(format!(r#"<time datetime="{machine}" title="{full}">{shown}</time>"#))
    }

    pub fn icon(&self, name: &str) -> Markup {
        markup::icon(name)
    }

    pub fn shape(&self, state: &str) -> Markup {
        markup::shape(state)
    }

    pub fn logo(&self) -> Markup {
        markup::logo()
    }

    pub fn short(&self, at: &Timestamp) -> String {
        text::short_time(*at, self.now, &self.zone)
    }

    pub fn mode_key(&self, mode: &LogMode) -> &'static str {
        match mode {
            LogMode::Full => "mode-full",
            LogMode::Error => "mode-error",
            LogMode::None => "mode-none",
        }
    }

    pub fn span_key(&self, span: &str) -> String {
        format!("span-{span}")
    }

    /// A step of an attempt's time.
    pub fn step_key(&self, step: &str) -> String {
        format!("step-{step}")
    }

    pub fn theme_key(&self, theme: &Theme) -> &'static str {
        match theme {
            Theme::System => "theme-system",
            Theme::Light => "theme-light",
            Theme::Dark => "theme-dark",
        }
    }

    /// A moment to the minute.
    pub fn minute(&self, at: &Timestamp) -> String {
        // The date has no seconds; a time of day has them at its end.
        let text = self.short(at);
        if text.len() == "00:00:00".len() { text.chars().take("00:00".len()).collect() } else { text }
    }

    pub fn groups(&self) -> &'static [Group] {
        GROUPS
    }

    pub fn views(&self) -> &'static [(&'static str, &'static str)] {
        VIEWS
    }

    /// The words for what was done, if there are any: the name comes from the address.
    pub fn done_words(&self) -> Option<String> {
        let key = format!("done-{}", self.done.as_deref()?);
        self.lang.has(&key).then(|| self.lang.text(&key))
    }

    /// A search of the log as an address has it.
    pub fn search(&self, text: &str) -> String {
        crate::fields::Fields::default().with(&[("query", text)])
    }

    pub fn style(&self) -> &'static str {
        assets::STYLE.path
    }

    pub fn script(&self) -> &'static str {
        assets::SCRIPT.path
    }

    pub fn favicon(&self) -> &'static str {
        assets::ICON.path
    }

    pub fn font(&self) -> &'static str {
        assets::FONT_UI.path
    }
}

/// A page as an answer.
pub fn html(page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => ([(CONTENT_TYPE, "text/html; charset=utf-8")], text).into_response(),
        Err(error) => {
            error!(%error, "a page could not be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
