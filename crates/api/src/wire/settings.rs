//! Settings of accounts and endpoints: our extension, in the manner of the rest.
//!
//! Times are milliseconds in answers; in requests also text such as `"7s"`. Null inherits.

use std::borrow::Cow;
use std::fmt;

use ringup_app::{AppError, Fault, SettingsView};
use ringup_core::log::LogMode;
use ringup_core::policy::{Class, Policy, Schedule};
use ringup_core::settings::{ClassSwitches, Effective, Ordering, Origin, Settings};
use ringup_core::signing::HeaderNames;
use ringup_core::time::Timestamp;
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Deserialize as FromJson, Serialize};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::describe;
use crate::wire::patch::Patch;
use crate::wire::span::{Span, millis};
use crate::wire::time;

#[derive(Debug, Default, FromJson, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SettingsIn {
    #[serde(default)]
    #[schema(value_type = Option<PolicyWord>)]
    policy: Patch<Word<Policy>>,
    #[serde(default)]
    #[schema(value_type = Option<u32>)]
    retry: Patch<u32>,
    #[serde(default)]
    #[schema(value_type = Option<Span>)]
    cooldown: Patch<Span>,
    #[serde(default)]
    #[schema(value_type = Option<Vec<Span>>)]
    schedule: Patch<Vec<Span>>,
    #[serde(default)]
    #[schema(value_type = Option<Span>)]
    time_limit: Patch<Span>,
    #[serde(default)]
    #[schema(value_type = Option<ClassesIn>)]
    classes: Patch<ClassesIn>,
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    honour_retry_after: Patch<bool>,
    #[serde(default)]
    #[schema(value_type = Option<LogModeWord>)]
    log_mode: Patch<Word<LogMode>>,
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    full_until: Patch<Moment>,
    /// From now on; stands in place of `fullUntil`.
    #[serde(default)]
    #[schema(value_type = Option<Span>)]
    full_for: Patch<Span>,
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    redact: Patch<Vec<String>>,
    #[serde(default)]
    #[schema(value_type = Option<OrderingChoice>)]
    ordering: Patch<Word<OrderingWord>>,
    /// The JSON pointer of ordering by key; alone, it chooses that ordering.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    order_key: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<u32>)]
    rate_limit: Patch<u32>,
    #[serde(default)]
    #[schema(value_type = Option<u32>)]
    throttle_rate: Patch<u32>,
    #[serde(default)]
    #[schema(value_type = Option<u32>)]
    in_flight_max: Patch<u32>,
    #[serde(default)]
    #[schema(value_type = Option<Span>)]
    pause_after: Patch<Span>,
    #[serde(default)]
    #[schema(value_type = Option<HeaderNamesWord>)]
    header_names: Patch<Word<HeaderNames>>,
}

#[derive(Debug, Default, FromJson, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ClassesIn {
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    server_error: Patch<bool>,
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    request_timeout: Patch<bool>,
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    too_many_requests: Patch<bool>,
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    timed_out: Patch<bool>,
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    no_response: Patch<bool>,
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    other: Patch<bool>,
}

/// A value in force, and who says so: `system`, `account` or `endpoint`.
#[derive(Serialize, ToSchema)]
struct Said<T> {
    value: T,
    origin: &'static str,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SettingsOut<'a> {
    #[schema(inline, value_type = Said<PolicyWord>)]
    policy: Said<&'static str>,
    #[schema(inline)]
    retry: Said<u32>,
    /// Null where a list of pauses stands in its place.
    #[schema(inline)]
    cooldown: Said<Option<u64>>,
    /// Null where retry and cooldown say it all.
    #[schema(inline)]
    schedule: Said<Option<Vec<u64>>>,
    #[schema(inline)]
    time_limit: Said<u64>,
    classes: SaidClassesOut,
    #[schema(inline)]
    honour_retry_after: Said<bool>,
    #[schema(inline, value_type = Said<LogModeWord>)]
    log_mode: Said<&'static str>,
    #[schema(inline)]
    full_until: Said<Option<String>>,
    #[schema(inline, value_type = Said<Vec<String>>)]
    redact: Said<&'a [String]>,
    #[schema(inline, value_type = Said<OrderingChoice>)]
    ordering: Said<&'static str>,
    #[schema(inline, value_type = Said<Option<String>>)]
    order_key: Said<Option<&'a str>>,
    #[schema(inline)]
    rate_limit: Said<Option<u32>>,
    #[schema(inline)]
    in_flight_max: Said<u32>,
    #[schema(inline)]
    pause_after: Said<u64>,
    #[schema(inline, value_type = Said<HeaderNamesWord>)]
    header_names: Said<&'static str>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SaidClassesOut {
    #[schema(inline)]
    server_error: Said<bool>,
    #[schema(inline)]
    request_timeout: Said<bool>,
    #[schema(inline)]
    too_many_requests: Said<bool>,
    #[schema(inline)]
    timed_out: Said<bool>,
    #[schema(inline)]
    no_response: Said<bool>,
    #[schema(inline)]
    other: Said<bool>,
}

impl SettingsIn {
    /// Sets what is there and leaves the rest.
    pub fn apply(self, settings: &mut Settings, now: Timestamp) -> Result<(), AppError> {
        self.policy.map(|Word(policy)| policy).onto(&mut settings.policy);
        self.retry.onto(&mut settings.retry);
        self.cooldown.map(|Span(span)| span).onto(&mut settings.cooldown);
        let pauses = self.schedule.map(|pauses| pauses.into_iter().map(|Span(span)| span).collect());
        pauses.onto(&mut settings.schedule);
        self.time_limit.map(|Span(span)| span).onto(&mut settings.time_limit);
        match self.classes {
            Patch::Absent => {}
            Patch::Null => settings.classes = ClassSwitches::default(),
            Patch::Value(classes) => classes.apply(&mut settings.classes),
        }
        self.honour_retry_after.onto(&mut settings.honour_retry_after);
        self.log_mode.map(|Word(mode)| mode).onto(&mut settings.log_mode);
        let full_for = self.full_for.map(|Span(span)| now.saturating_add(span));
        full_for.or(self.full_until.map(|Moment(until)| until)).onto(&mut settings.full_until);
        self.redact.onto(&mut settings.redact);
        settings.ordering = ordered(self.ordering, self.order_key, settings.ordering.take())?;
        self.rate_limit.or(self.throttle_rate).onto(&mut settings.rate_limit);
        self.in_flight_max.onto(&mut settings.in_flight_max);
        self.pause_after.map(|Span(span)| span).onto(&mut settings.pause_after);
        self.header_names.map(|Word(names)| names).onto(&mut settings.header_names);
        Ok(())
    }

    /// Sets what is there and empties the rest.
    pub fn replace(self, settings: &mut Settings, now: Timestamp) -> Result<(), AppError> {
        *settings = Settings::default();
        self.apply(settings, now)
    }
}

impl ClassesIn {
    fn apply(self, classes: &mut ClassSwitches) {
        self.server_error.onto(&mut classes.server_error);
        self.request_timeout.onto(&mut classes.request_timeout);
        self.too_many_requests.onto(&mut classes.too_many_requests);
        self.timed_out.onto(&mut classes.timed_out);
        self.no_response.onto(&mut classes.no_response);
        self.other.onto(&mut classes.other);
    }
}

/// Ordering and its key are one setting inside, and two words outside.
fn ordered(
    ordering: Patch<Word<OrderingWord>>,
    key: Patch<String>,
    old: Option<Ordering>,
) -> Result<Option<Ordering>, AppError> {
    let contradiction = |why: &str| Err(Fault::new("order_key", "contradiction", why).into());
    match (ordering, key) {
        (Patch::Absent, Patch::Absent) => Ok(old),
        (Patch::Null, Patch::Absent | Patch::Null) => Ok(None),
        (Patch::Absent, Patch::Null) => Ok(old.filter(|old| !matches!(old, Ordering::ByKey(_)))),
        (Patch::Value(Word(OrderingWord::Key)) | Patch::Absent, Patch::Value(key)) => Ok(Some(Ordering::ByKey(key))),
        (Patch::Value(Word(OrderingWord::Key)), Patch::Absent) if matches!(old, Some(Ordering::ByKey(_))) => Ok(old),
        (Patch::Value(Word(OrderingWord::Key)), Patch::Absent | Patch::Null) => {
            contradiction("ordering by key needs a JSON pointer, such as /ID")
        }
        (Patch::Value(Word(OrderingWord::None)), Patch::Absent | Patch::Null) => Ok(Some(Ordering::None)),
        (Patch::Value(Word(OrderingWord::Strict)), Patch::Absent | Patch::Null) => Ok(Some(Ordering::Strict)),
        (Patch::Value(_) | Patch::Null, Patch::Value(_)) => contradiction("only ordering by key has a key"),
    }
}

impl<'a> SettingsOut<'a> {
    pub fn of(view: &'a SettingsView) -> SettingsOut<'a> {
        let effective = &view.effective;
        let class = |class| said(&effective.classes.get(class), |on| *on);
        let (cooldown, pauses) = match &effective.schedule.value {
            Schedule::Fixed { cooldown, .. } => (Some(millis(*cooldown)), None),
            Schedule::List(pauses) => (None, Some(pauses.as_slice())),
            Schedule::Jittered(pauses) => (None, Some(*pauses)),
        };
        let schedule = pauses.map(|pauses| pauses.iter().map(|pause| millis(*pause)).collect());
        let by = |origin: Origin| origin.word();
        SettingsOut {
            policy: said(&effective.policy, |policy| policy.word()),
            retry: Said { value: effective.schedule.value.retries(), origin: by(effective.retry_origin) },
            cooldown: Said { value: cooldown, origin: by(effective.cooldown_origin) },
            schedule: Said { value: schedule, origin: by(effective.schedule.origin) },
            time_limit: said(&effective.time_limit, |span| millis(*span)),
            classes: SaidClassesOut {
                server_error: class(Class::ServerError),
                request_timeout: class(Class::RequestTimeout),
                too_many_requests: class(Class::TooManyRequests),
                timed_out: class(Class::TimedOut),
                no_response: class(Class::NoResponse),
                other: class(Class::Other),
            },
            honour_retry_after: said(&effective.honour_retry_after, |on| *on),
            log_mode: said(&effective.log_mode, |mode| mode.word()),
            full_until: said(&effective.full_until, |until| until.map(time::text)),
            redact: said(&effective.redact, Vec::as_slice),
            ordering: said(&effective.ordering, |ordering| OrderingWord::of(ordering).word()),
            order_key: said(&effective.ordering, |ordering| match ordering {
                Ordering::None | Ordering::Strict => None,
                Ordering::ByKey(pointer) => Some(pointer.as_str()),
            }),
            rate_limit: said(&effective.rate_limit, |rate| *rate),
            in_flight_max: said(&effective.in_flight_max, |most| *most),
            pause_after: said(&effective.pause_after, |span| millis(*span)),
            header_names: said(&effective.header_names, |names| names_word(*names)),
        }
    }
}

fn said<'a, T, U>(effective: &'a Effective<T>, value: impl FnOnce(&'a T) -> U) -> Said<U> {
    Said { value: value(&effective.value), origin: effective.origin.word() }
}

/// A value that is one of a few words.
#[derive(Clone, Copy, Debug)]
struct Word<T>(T);

type PolicyWord = Word<Policy>;
type LogModeWord = Word<LogMode>;
type OrderingChoice = Word<OrderingWord>;
type HeaderNamesWord = Word<HeaderNames>;

trait Words: Sized {
    /// In the OpenAPI document.
    const NAME: &'static str;
    const WORDS: &'static [&'static str];
    const EXPECTED: &'static str;
    fn read(word: &str) -> Option<Self>;
}

#[derive(Clone, Copy, Debug)]
enum OrderingWord {
    None,
    Strict,
    Key,
}

impl OrderingWord {
    fn of(ordering: &Ordering) -> OrderingWord {
        match ordering {
            Ordering::None => OrderingWord::None,
            Ordering::Strict => OrderingWord::Strict,
            Ordering::ByKey(_) => OrderingWord::Key,
        }
    }

    fn word(self) -> &'static str {
        match self {
            OrderingWord::None => "none",
            OrderingWord::Strict => "strict",
            OrderingWord::Key => "key",
        }
    }
}

impl Words for OrderingWord {
    const NAME: &'static str = "Ordering";
    const WORDS: &'static [&'static str] = &["none", "strict", "key"];
    const EXPECTED: &'static str = "none, strict or key";

    fn read(word: &str) -> Option<OrderingWord> {
        [OrderingWord::None, OrderingWord::Strict, OrderingWord::Key].into_iter().find(|known| known.word() == word)
    }
}

impl Words for Policy {
    const NAME: &'static str = "Policy";
    const WORDS: &'static [&'static str] = &["guide", "durable"];
    const EXPECTED: &'static str = "guide or durable";

    fn read(word: &str) -> Option<Policy> {
        Policy::from_word(word)
    }
}

impl Words for LogMode {
    const NAME: &'static str = "LogMode";
    const WORDS: &'static [&'static str] = &["full", "error", "none"];
    const EXPECTED: &'static str = "full, error or none";

    fn read(word: &str) -> Option<LogMode> {
        LogMode::from_word(word)
    }
}

impl Words for HeaderNames {
    const NAME: &'static str = "HeaderNames";
    const WORDS: &'static [&'static str] = &["webhook", "svix", "both"];
    const EXPECTED: &'static str = "webhook, svix or both";

    fn read(word: &str) -> Option<HeaderNames> {
        [HeaderNames::Webhook, HeaderNames::Svix, HeaderNames::Both]
            .into_iter()
            .find(|known| names_word(*known) == word)
    }
}

fn names_word(names: HeaderNames) -> &'static str {
    match names {
        HeaderNames::Webhook => "webhook",
        HeaderNames::Svix => "svix",
        HeaderNames::Both => "both",
    }
}

impl<T: Words> PartialSchema for Word<T> {
    fn schema() -> RefOr<Schema> {
        describe::one_of(T::WORDS)
    }
}

impl<T: Words> ToSchema for Word<T> {
    fn name() -> Cow<'static, str> {
        T::NAME.into()
    }
}

impl<'de, T: Words> Deserialize<'de> for Word<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Word<T>, D::Error> {
        deserializer.deserialize_str(TextVisitor { expected: T::EXPECTED, read: T::read }).map(Word)
    }
}

#[derive(Debug)]
pub struct Moment(pub Timestamp);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Moment, D::Error> {
        let expected = "a time such as 2026-11-23T08:30:00Z";
        deserializer.deserialize_str(TextVisitor { expected, read: time::parse }).map(Moment)
    }
}

struct TextVisitor<T> {
    expected: &'static str,
    read: fn(&str) -> Option<T>,
}

impl<T> Visitor<'_> for TextVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.read)(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}
