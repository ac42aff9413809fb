//! Values that are one of a few words, and the filter of the process log.

use std::fmt;

use ringup_core::account::Validation;
use ringup_core::log::LogMode;
use ringup_core::policy::Policy;
use tracing_subscriber::EnvFilter;

use super::{Scalar, quoted};

/// How the lines of the process log are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, for machines.
    Json,
}

impl LogFormat {
    const ALL: &'static [Self] = &[Self::Text, Self::Json];

    fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|format| format.word() == word)
    }
}

/// Whether each request has a line in the log of the process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RequestLog {
    Off,
    Debug,
    Info,
}

impl RequestLog {
    const ALL: &'static [Self] = &[Self::Off, Self::Debug, Self::Info];

    fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Debug => "debug",
            Self::Info => "info",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|log| log.word() == word)
    }
}

macro_rules! choices {
    ($($name:ident: $expected:literal),* $(,)?) => {$(
        impl Scalar for $name {
            const EXPECTED: &'static str = $expected;

            fn parse(text: &str) -> Result<Self, String> {
                Self::from_word(text).ok_or_else(|| {
                    let words: Vec<&str> = Self::ALL.iter().map(|choice| choice.word()).collect();
                    format!("is none of {}", words.join(", "))
                })
            }

            fn show(&self) -> String {
                quoted(self.word())
            }
        }
    )*};
}

choices! {
    LogFormat: r#""text" or "json""#,
    RequestLog: r#""off", "debug" or "info""#,
    LogMode: r#""full", "error" or "none""#,
    Policy: r#""guide" or "durable""#,
    Validation: r#""off", "warn" or "strict""#,
}

/// Which lines the process log has: a level, or levels by part of the program. Always a valid [`EnvFilter`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogFilter(String);

impl LogFilter {
    pub fn to_env_filter(&self) -> EnvFilter {
        EnvFilter::builder().parse(&self.0).expect("the text was parsed when it was read")
    }
}

impl fmt::Display for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Scalar for LogFilter {
    const EXPECTED: &'static str = r#"a level such as "info", or levels by part such as "info,ringup_egress=debug""#;

    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            // To the filter it means errors only, which nobody who writes nothing can know.
            return Err("is not a log filter".to_owned());
        }
        if !text.is_ascii() {
            // No part of the program has such a name, and the filter's reader panics in the middle of a character.
            return Err("is not a log filter: letters beyond ASCII name no part of the program".to_owned());
        }
        match EnvFilter::builder().parse(text) {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(error) => Err(format!("is not a log filter: {error}")),
        }
    }

    fn show(&self) -> String {
        quoted(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{accepts, refuses};
    use super::*;

    #[test]
    fn words_are_read_and_shown() {
        for format in LogFormat::ALL {
            accepts::<LogFormat>(format.word(), &format!("{:?}", format.word()));
        }
        for log in RequestLog::ALL {
            accepts::<RequestLog>(log.word(), &format!("{:?}", log.word()));
            assert!(RequestLog::EXPECTED.contains(log.word()), "{} is not described", log.word());
        }
        for mode in LogMode::ALL {
            accepts::<LogMode>(mode.word(), &format!("{:?}", mode.word()));
            assert!(LogMode::EXPECTED.contains(mode.word()), "{mode} is not described");
        }
        for policy in Policy::ALL {
            accepts::<Policy>(policy.word(), &format!("{:?}", policy.word()));
            assert!(Policy::EXPECTED.contains(policy.word()), "{policy} is not described");
        }
        accepts::<LogFilter>("info,ringup_egress=debug", r#""info,ringup_egress=debug""#);
    }

    #[test]
    fn other_words_are_refused_with_those_that_exist() {
        refuses::<LogFormat>("xml", r#""xml" is none of text, json"#);
        refuses::<LogMode>("", r#""" is none of none, error, full"#);
        refuses::<LogMode>("Full", r#""Full" is none of none, error, full"#);
        refuses::<Policy>("guid", r#""guid" is none of guide, durable"#);
        refuses::<LogFilter>("", r#""" is not a log filter"#);
        // The rest is the filter's own explanation.
        let said = LogFilter::parse("ringup=loud").expect_err("no such level");
        assert!(said.starts_with("is not a log filter: ") && said.contains("\"debug\""), "{said}");
    }
}
