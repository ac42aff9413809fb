//! The languages of the console. Texts are in `locale`, one folder for each language, in Fluent.

use std::borrow::Cow;
use std::collections::HashMap;

use fluent_templates::fluent_bundle::FluentValue;
use fluent_templates::{Loader as _, static_loader};
use unic_langid::{LanguageIdentifier, langid};

static_loader! {
    static TEXTS = {
        locales: "./locale",
        fallback_language: "en",
        // Marks around what is filled in would be copied along with it.
        customise: |bundle| bundle.set_use_isolating(false),
    };
}

static ENGLISH: LanguageIdentifier = langid!("en");
static INDONESIAN: LanguageIdentifier = langid!("id");

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Lang {
    #[default]
    English,
    Indonesian,
}

impl Lang {
    pub const ALL: [Lang; 2] = [Lang::English, Lang::Indonesian];

    pub const fn code(self) -> &'static str {
        match self {
            Lang::English => "en",
            Lang::Indonesian => "id",
        }
    }

    /// Its own name for itself.
    pub const fn name(self) -> &'static str {
        match self {
            Lang::English => "English",
            Lang::Indonesian => "Bahasa Indonesia",
        }
    }

    pub fn from_code(code: &str) -> Option<Lang> {
        Lang::ALL.into_iter().find(|lang| lang.code() == code)
    }

    /// The first of ours that an `Accept-Language` header prefers. Browsers list them in the order of preference.
    pub fn preferred(accept: &str) -> Lang {
        let wanted = accept.split(',').filter_map(|item| {
            let tag = item.split(';').next()?.trim().to_ascii_lowercase();
            Lang::from_code(tag.split('-').next()?)
        });
        wanted.into_iter().next().unwrap_or_default()
    }

    /// A text without anything to fill in. A key that nobody wrote shows itself, which a test keeps from happening.
    pub fn text(self, key: &str) -> String {
        TEXTS.try_lookup(self.id(), key).unwrap_or_else(|| format!("[{key}]"))
    }

    pub fn has(self, key: &str) -> bool {
        TEXTS.lookup_no_default_fallback::<&str>(self.id(), key, None).is_some()
    }

    /// A text with values filled in.
    pub fn text_with(self, key: &str, values: &[(&'static str, FluentValue<'_>)]) -> String {
        self.try_text_with(key, values).unwrap_or_else(|| format!("[{key}]"))
    }

    /// As [`Lang::text_with`]; `None` where nobody wrote it. [`Lang::has`] cannot tell of a text that wants values.
    pub fn try_text_with(self, key: &str, values: &[(&'static str, FluentValue<'_>)]) -> Option<String> {
        let values: HashMap<Cow<'static, str>, FluentValue<'_>> =
            values.iter().map(|(name, value)| (Cow::Borrowed(*name), value.clone())).collect();
        TEXTS.try_lookup_with_args(self.id(), key, &values)
    }

    /// A whole number, its thousands set apart as the language does.
    pub fn number(self, number: u64) -> String {
        let digits = number.to_string();
        let mark = match self {
            Lang::English => ',',
            Lang::Indonesian => '.',
        };
        let mut text = String::with_capacity(digits.len() + digits.len() / 3);
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                text.push(mark);
            }
            text.push(digit);
        }
        text
    }

    /// A number of tenths, such as 991 for 99.1.
    pub fn tenths(self, tenths: u64) -> String {
        let mark = match self {
            Lang::English => '.',
            Lang::Indonesian => ',',
        };
        format!("{}{mark}{}", self.number(tenths / 10), tenths % 10)
    }

    fn id(self) -> &'static LanguageIdentifier {
        match self {
            Lang::English => &ENGLISH,
            Lang::Indonesian => &INDONESIAN,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_language_we_have_is_taken() {
        assert_eq!(Lang::preferred("de-DE,id;q=0.8,en;q=0.5"), Lang::Indonesian);
        assert_eq!(Lang::preferred("en-GB,id"), Lang::English);
        assert_eq!(Lang::preferred(""), Lang::English);
    }

    #[test]
    fn numbers_are_set_apart_by_language() {
        assert_eq!(Lang::English.number(48_210), "48,210");
        assert_eq!(Lang::Indonesian.number(1_048_210), "1.048.210");
        assert_eq!(Lang::English.number(999), "999");
        assert_eq!(Lang::Indonesian.tenths(991), "99,1");
    }
}
