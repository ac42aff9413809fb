//! What a hook asks and what counts as an answer. The three published ones.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

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
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Contract {
    pub name: Cow<'static, str>,
    pub mode: Mode,
    pub question: Cow<'static, [Field]>,
    pub answer: Cow<'static, [Field]>,
    /// What a 400 may carry to be a valid "no". At least one of them must be there. Empty: a 400 is a failure.
    pub refusal: Cow<'static, [Field]>,
    /// Of a question that writes: the member whose value makes it the same question.
    pub key: Option<Cow<'static, str>>,
    /// Where the first of these answers with the second, the third is at most 100.
    pub percentage: Option<[Cow<'static, str>; 3]>,
    /// How long an answer may be told again, and how long after that it may stand in for one that fails. `None`: never.
    pub cache: Option<(Duration, Duration)>,
    /// Whether an account may declare what the till is told where nobody answers. Not where that would grant something.
    pub may_fall_back: bool,
}

/// The names of the published hooks.
pub const NAMES: &[&str] = &["fetchMemberPoint", "orderComplete", "validateCoupon"];

/// The published hook of this name.
pub fn contract(name: &str) -> Option<&'static Contract> {
    [&FETCH_MEMBER_POINT, &ORDER_COMPLETE, &VALIDATE_COUPON].into_iter().find(|contract| contract.name == name)
}

const fn field(name: &'static str, kind: Kind, required: bool) -> Field {
    Field { name: Cow::Borrowed(name), older: None, kind, required, newer_only: false }
}

static FETCH_MEMBER_POINT: Contract = Contract {
    name: Cow::Borrowed("fetchMemberPoint"),
    mode: Mode::Read,
    question: Cow::Borrowed(&[
        field("Outlet", Kind::Text, true),
        field("Phone", Kind::Text, true),
        field("Email", Kind::Text, true),
        field("Code", Kind::Text, true),
    ]),
    answer: Cow::Borrowed(&[field("Point", Kind::Number, true)]),
    refusal: Cow::Borrowed(&[]),
    key: None,
    percentage: None,
    cache: Some((Duration::from_secs(5), Duration::from_mins(10))),
    may_fall_back: true,
};

/// The question is the invoice, as the guide's sample has it; none of its fields is marked required but the id, which we
/// need to know it again.
static ORDER_COMPLETE: Contract = Contract {
    name: Cow::Borrowed("orderComplete"),
    mode: Mode::Write,
    question: Cow::Borrowed(&[field("ID", Kind::Text, true)]),
    answer: Cow::Borrowed(&[field("reward", Kind::Number, true)]),
    refusal: Cow::Borrowed(&[]),
    key: Some(Cow::Borrowed("ID")),
    percentage: None,
    cache: None,
    may_fall_back: false,
};

const COUPON_TYPES: &[(&str, &str)] =
    &[("Percentage", "Percentage"), ("Amount", "Amount"), ("percentageDiscount", "Percentage"), ("value", "Amount")];

static VALIDATE_COUPON: Contract = Contract {
    name: Cow::Borrowed("validateCoupon"),
    mode: Mode::Read,
    question: Cow::Borrowed(&[
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
    ]),
    answer: Cow::Borrowed(&[
        field("Type", Kind::Word(COUPON_TYPES), true),
        field("Amount", Kind::Number, true),
        field("Notification", Kind::Text, false),
        field("status", Kind::Text, false),
        field("expiredAt", Kind::Text, false),
        field("Message", Kind::Text, false),
    ]),
    refusal: Cow::Borrowed(&[
        field("Message", Kind::Text, false),
        field("Notification", Kind::Text, false),
        field("status", Kind::Text, false),
        field("expiredAt", Kind::Text, false),
    ]),
    key: None,
    percentage: Some([Cow::Borrowed("Type"), Cow::Borrowed("Percentage"), Cow::Borrowed("Amount")]),
    cache: None,
    may_fall_back: false,
};
