//! What a hook asks and what counts as an answer: a rule, and the words that questions and answers are read by. The three
//! published ones are built in; an operator declares others in the catalogue.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use super::settled::{HOOK_SETTLED, SETTLED};
use crate::account::EventType;
use crate::outcome::words;

/// Whether asking changes something at the other end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// It can be asked twice, and an answer that comes too late is of no use.
    Read,
    /// It must arrive, and must not count twice: kept, repeated by the retry policy, known by its key.
    Write,
}

words!(Mode { Read = "read", Write = "write" });

/// Which of the two published shapes of a question is sent. Answers of both are read, whichever was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Generation {
    Older,
    #[default]
    Newer,
}

words!(Generation { Older = "older", Newer = "newer" });

/// What a value may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Text,
    /// Not negative, and of a size that money and points have.
    Number,
    /// One of these words in any case; the till reads the second of each pair.
    Word(&'static [(&'static str, &'static str)]),
    /// An object or an array, or whatever else the app is to make sense of.
    Any,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Field {
    /// As it is written; read in any case.
    pub name: Cow<'static, str>,
    /// Another name that is read for it, and under [`Generation::Older`] written.
    pub older: Option<Cow<'static, str>>,
    pub kind: Kind,
    pub required: bool,
    /// Known to the newer generation alone: left out of an older question.
    pub newer_only: bool,
}

/// One kind of question, whole.
#[derive(Clone, Debug)]
pub struct Contract {
    pub name: Arc<str>,
    pub rule: HookRule,
    pub words: Words,
}

/// What holds of a hook whoever reads its words: built in for the three published ones, declared by an operator for others.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HookRule {
    pub mode: Mode,
    /// Of a question that writes: where in it stands what makes it the same question, as a JSON pointer.
    pub key: Option<Cow<'static, str>>,
    /// How long an answer may be told again, and how long after that it may stand in for one that fails. `None`: never.
    pub cache: Option<(Duration, Duration)>,
    /// Statuses by which an app says a valid "no".
    pub refusals: Cow<'static, [u16]>,
    /// Where in a "no" its reason stands, as a JSON pointer.
    pub reason: Option<Cow<'static, str>>,
    /// Whether an account may declare what the till is told where nobody answers. Not where that would grant something.
    pub may_fall_back: bool,
    /// Of a question that writes: the event that tells what the app gave, and what its key is called there.
    pub settled: Option<(&'static str, &'static str)>,
    /// Whether what the app wrote is taken back when the catalogue's events say so ([`super::is_void`]).
    pub reversible: bool,
}

/// How questions and answers are read.
#[derive(Clone, Debug)]
pub enum Words {
    /// Field by field, in both generations: the published contracts.
    Published(&'static Published),
    /// By schemas that an operator declared.
    Declared(Arc<dyn Shape>),
}

/// The fields of a published contract.
#[derive(Debug)]
pub struct Published {
    pub question: &'static [Field],
    pub answer: &'static [Field],
    /// What a "no" may carry. At least one of them must be there.
    pub refusal: &'static [Field],
    /// Where the first of these answers with the second, the third is at most 100.
    pub percentage: Option<[&'static str; 3]>,
}

/// Holds documents against what an operator declared. They are JSON objects.
pub trait Shape: Send + Sync + fmt::Debug {
    /// Every way in which a question is not as declared, up to a bound.
    fn question(&self, document: &str) -> Vec<Misfit>;

    /// The first way in which an answer is not as declared.
    fn answer(&self, document: &str) -> Option<Misfit>;
}

/// One way in which a document is not as its schema says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Misfit {
    /// Where, as a JSON pointer; empty for all of it.
    pub pointer: String,
    /// Never quotes the document.
    pub why: String,
}

/// Who knows the contracts that operators declared, as they stand in the catalogue.
pub trait Contracts: Send + Sync {
    /// The contract of an event type; `None` if it is no hook.
    fn declared(&self, event_type: &Arc<EventType>) -> Option<Arc<Contract>>;
}

/// For whoever has no catalogue: there are the published ones alone.
pub struct NoneDeclared;

impl Contracts for NoneDeclared {
    fn declared(&self, _: &Arc<EventType>) -> Option<Arc<Contract>> {
        None
    }
}

impl Contract {
    pub fn is_published(&self) -> bool {
        matches!(self.words, Words::Published(_))
    }

    /// The fields of a question, an answer; none of a hook that is declared by schemas.
    pub fn fields(&self) -> Option<&'static Published> {
        match &self.words {
            Words::Published(published) => Some(published),
            Words::Declared(_) => None,
        }
    }
}

/// The names of the published hooks.
pub const NAMES: &[&str] = &["fetchMemberPoint", "orderComplete", "validateCoupon"];

/// The published hook of this name.
pub fn contract(name: &str) -> Option<Arc<Contract>> {
    PUBLISHED.iter().find(|contract| *contract.name == *name).cloned()
}

/// Whether a hook of this name is built in.
pub fn is_published(name: &str) -> bool {
    NAMES.contains(&name)
}

static PUBLISHED: LazyLock<[Arc<Contract>; 3]> = LazyLock::new(|| {
    let of = |name: &str, rule: HookRule, words| {
        Arc::new(Contract { name: name.into(), rule, words: Words::Published(words) })
    };
    [
        of(
            "fetchMemberPoint",
            HookRule {
                cache: Some((Duration::from_secs(5), Duration::from_mins(10))),
                may_fall_back: true,
                ..HookRule::reading()
            },
            &FETCH_MEMBER_POINT,
        ),
        of(
            "orderComplete",
            HookRule {
                mode: Mode::Write,
                key: Some(Cow::Borrowed("/ID")),
                settled: Some((SETTLED, "invoiceId")),
                reversible: true,
                ..HookRule::reading()
            },
            &ORDER_COMPLETE,
        ),
        of("validateCoupon", HookRule { refusals: Cow::Borrowed(&[400]), ..HookRule::reading() }, &VALIDATE_COUPON),
    ]
});

impl HookRule {
    /// Of a question that reads, is never kept, and has neither a "no" nor a fallback.
    pub const fn reading() -> HookRule {
        HookRule {
            mode: Mode::Read,
            key: None,
            cache: None,
            refusals: Cow::Borrowed(&[]),
            reason: None,
            may_fall_back: false,
            settled: None,
            reversible: false,
        }
    }

    /// What is told afterwards of a hook that an operator declared.
    pub fn settled_of(mode: Mode) -> Option<(&'static str, &'static str)> {
        match mode {
            Mode::Read => None,
            Mode::Write => Some((HOOK_SETTLED, "key")),
        }
    }
}

const fn field(name: &'static str, kind: Kind, required: bool) -> Field {
    Field { name: Cow::Borrowed(name), older: None, kind, required, newer_only: false }
}

static FETCH_MEMBER_POINT: Published = Published {
    question: &[
        field("Outlet", Kind::Text, true),
        field("Phone", Kind::Text, true),
        field("Email", Kind::Text, true),
        field("Code", Kind::Text, true),
    ],
    answer: &[field("Point", Kind::Number, true)],
    refusal: &[],
    percentage: None,
};

/// The question is the invoice, as the guide's sample has it; none of its fields is marked required but the id, which we
/// need to know it again.
static ORDER_COMPLETE: Published = Published {
    question: &[field("ID", Kind::Text, true)],
    answer: &[field("reward", Kind::Number, true)],
    refusal: &[],
    percentage: None,
};

const COUPON_TYPES: &[(&str, &str)] =
    &[("Percentage", "Percentage"), ("Amount", "Amount"), ("percentageDiscount", "Percentage"), ("value", "Amount")];

static VALIDATE_COUPON: Published = Published {
    question: &[
        Field {
            name: Cow::Borrowed("Code"),
            older: Some(Cow::Borrowed("Key")),
            kind: Kind::Text,
            required: true,
            newer_only: false,
        },
        field("Outlet", Kind::Text, true),
        field("Customer", Kind::Any, false),
        Field { name: Cow::Borrowed("ShoppingCart"), older: None, kind: Kind::Any, required: false, newer_only: true },
    ],
    answer: &[
        field("Type", Kind::Word(COUPON_TYPES), true),
        field("Amount", Kind::Number, true),
        field("Notification", Kind::Text, false),
        field("status", Kind::Text, false),
        field("expiredAt", Kind::Text, false),
        field("Message", Kind::Text, false),
    ],
    refusal: &[
        field("Message", Kind::Text, false),
        field("Notification", Kind::Text, false),
        field("status", Kind::Text, false),
        field("expiredAt", Kind::Text, false),
    ],
    percentage: Some(["Type", "Percentage", "Amount"]),
};
