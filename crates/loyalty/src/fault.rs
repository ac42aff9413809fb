//! What can be wrong with a loyalty app: one name each, why it matters, and what to do.

use std::fmt;

/// A fault. The order is that of the help: transport, then the answer, then what the app does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Fault {
    Unreachable,
    Slow,
    Silent,
    Drip,
    Reset,
    EarlyClose,
    Unavailable,
    Redirect,
    Html,
    Empty,
    Gigabyte,
    WrongCharset,
    NotJson,
    NotObject,
    Nan,
    NumberAsText,
    Negative,
    OutOfRange,
    DuplicatedKeys,
    MissingNumber,
    ErrorInside,
    UnknownWord,
    RejectsGoodSignature,
    AcceptsBadSignature,
    AcceptsOldSignature,
    RefusesKnownMember,
    UnknownAsZero,
    RefusesNewFields,
    AcceptsNonsense,
    BreaksOnNonsense,
    BreaksOnLarge,
    RefusesValidCoupon,
    RedeemsWhileValidating,
    AcceptsUsedCoupon,
    AcceptsExpiredCoupon,
    AcceptsUnknownCoupon,
    MuteRefusal,
    RefusalStatus,
    RefusesSale,
    AcceptsSaleWithoutId,
    RefusesDuplicate,
    ForgetsReward,
    RewardsTwice,
}

/// What is said of a fault.
struct Words {
    name: &'static str,
    what: &'static str,
    why: &'static str,
    advice: &'static str,
}

const fn words(name: &'static str, what: &'static str, why: &'static str, advice: &'static str) -> Words {
    Words { name, what, why, advice }
}

impl Fault {
    pub const ALL: [Fault; 43] = [
        Fault::Unreachable,
        Fault::Slow,
        Fault::Silent,
        Fault::Drip,
        Fault::Reset,
        Fault::EarlyClose,
        Fault::Unavailable,
        Fault::Redirect,
        Fault::Html,
        Fault::Empty,
        Fault::Gigabyte,
        Fault::WrongCharset,
        Fault::NotJson,
        Fault::NotObject,
        Fault::Nan,
        Fault::NumberAsText,
        Fault::Negative,
        Fault::OutOfRange,
        Fault::DuplicatedKeys,
        Fault::MissingNumber,
        Fault::ErrorInside,
        Fault::UnknownWord,
        Fault::RejectsGoodSignature,
        Fault::AcceptsBadSignature,
        Fault::AcceptsOldSignature,
        Fault::RefusesKnownMember,
        Fault::UnknownAsZero,
        Fault::RefusesNewFields,
        Fault::AcceptsNonsense,
        Fault::BreaksOnNonsense,
        Fault::BreaksOnLarge,
        Fault::RefusesValidCoupon,
        Fault::RedeemsWhileValidating,
        Fault::AcceptsUsedCoupon,
        Fault::AcceptsExpiredCoupon,
        Fault::AcceptsUnknownCoupon,
        Fault::MuteRefusal,
        Fault::RefusalStatus,
        Fault::RefusesSale,
        Fault::AcceptsSaleWithoutId,
        Fault::RefusesDuplicate,
        Fault::ForgetsReward,
        Fault::RewardsTwice,
    ];

    /// Those that a running app can play: it cannot play that it is not there.
    pub fn playable() -> impl Iterator<Item = Fault> {
        Fault::ALL.into_iter().filter(|fault| *fault != Fault::Unreachable)
    }

    /// The name on the command line and in reports.
    pub fn word(self) -> &'static str {
        self.words().name
    }

    pub fn from_word(word: &str) -> Option<Fault> {
        Fault::ALL.into_iter().find(|fault| fault.word() == word)
    }

    /// What the app does, after "the app".
    pub fn what(self) -> &'static str {
        self.words().what
    }

    /// Why it matters, a sentence.
    pub fn why(self) -> &'static str {
        self.words().why
    }

    /// What its author can do, a sentence.
    pub fn advice(self) -> &'static str {
        self.words().advice
    }

    /// Whether the app's secret has to be known for it to show.
    pub fn needs_secret(self) -> bool {
        matches!(self, Fault::AcceptsBadSignature | Fault::AcceptsOldSignature | Fault::RejectsGoodSignature)
    }

    fn words(self) -> Words {
        const NO_ANSWER: &str = "The till has no answer, and the cashier waits for nothing.";
        const NO_BALANCE: &str = "It is no number that can be shown as money or points, and none is guessed.";
        match self {
            Fault::Unreachable => words(
                "unreachable",
                "cannot be reached",
                NO_ANSWER,
                "See that the name resolves, the port is open and the certificate is valid.",
            ),
            Fault::Slow => words(
                "slow",
                "answers after the deadline",
                "The till has given up by then, and the answer is thrown away.",
                "Answer from what is at hand; do what takes long after the answer.",
            ),
            Fault::Silent => words(
                "silent",
                "takes the question and never answers",
                NO_ANSWER,
                "Answer within the deadline, with 503 if there is nothing to say.",
            ),
            Fault::Drip => words(
                "drip",
                "sends its answer byte by byte and does not end in time",
                "The deadline is for the last byte, not for the first.",
                "Write the answer whole, and let no proxy hold it back.",
            ),
            Fault::Reset => words(
                "reset",
                "ends the connection without an answer",
                NO_ANSWER,
                "Look for a crash or a proxy that closes; answer with a status whatever goes wrong.",
            ),
            Fault::EarlyClose => words(
                "early-close",
                "breaks off in the middle of its answer",
                "Half an answer is none.",
                "Send as many bytes as content-length says, and close afterwards.",
            ),
            Fault::Unavailable => words(
                "unavailable",
                "answers with a 5xx status",
                "That is a failure of the app; after some of them in a row it is left alone for a while.",
                "Look into the app's own log at the time of the call.",
            ),
            Fault::Redirect => words(
                "redirect",
                "answers with a redirect",
                "Redirects are never followed: they could lead anywhere.",
                "Give the final URL, with https and without a missing or extra slash.",
            ),
            Fault::Html => words(
                "html",
                "answers with a web page",
                "Nobody is at the till to read it; mostly it is a log-in or error page of a proxy.",
                "Answer with JSON on this path, errors too.",
            ),
            Fault::Empty => words("empty", "answers with nothing", NO_ANSWER, "Answer with a JSON object."),
            Fault::Gigabyte => words(
                "gigabyte",
                "answers with more than is read",
                "No answer of the contract takes more than a few hundred bytes; 64 KiB are read.",
                "Answer with the members of the contract alone.",
            ),
            Fault::WrongCharset => words(
                "wrong-charset",
                "answers in another charset than UTF-8",
                "JSON between systems is UTF-8 (RFC 8259, section 8.1); anything else is misread sooner or later.",
                "Write UTF-8, and declare no other charset in content-type.",
            ),
            Fault::NotJson => words(
                "not-json",
                "answers with what is not JSON",
                NO_ANSWER,
                "Use a JSON library rather than putting text together.",
            ),
            Fault::NotObject => words(
                "not-object",
                "answers with JSON that is not an object",
                "The contract's answers have names, and a list has none.",
                "Answer with an object, such as {\"Point\":1240}.",
            ),
            Fault::Nan => words(
                "nan",
                "answers with NaN or Infinity",
                "JSON has no such number, so the whole answer cannot be read.",
                "Decide what is said when a calculation has no result.",
            ),
            Fault::NumberAsText => words(
                "number-as-text",
                "answers with a text where a number belongs",
                "\"1.240\" is a thousand to some and one to others, so no text is taken for a number.",
                "Write the number without quotes.",
            ),
            Fault::Negative => words(
                "negative",
                "answers with a negative number",
                NO_BALANCE,
                "Answer with zero or more, or with a status that says what is wrong.",
            ),
            Fault::OutOfRange => words(
                "out-of-range",
                "answers with a number beyond what is possible",
                NO_BALANCE,
                "Percentages are at most 100; numbers have at most 24 characters and no exponent.",
            ),
            Fault::DuplicatedKeys => words(
                "duplicated-keys",
                "answers with a member that stands twice",
                "Names are read in any case, and of two that mean the same none is believed.",
                "Write each member once.",
            ),
            Fault::MissingNumber => words(
                "missing-number",
                "leaves out the number that was asked for",
                "What is missing is never taken for zero.",
                "Answer with Point, Amount or reward, as the contract of the hook says.",
            ),
            Fault::ErrorInside => words(
                "error-inside",
                "answers 200 with an error inside",
                "A status is what everybody on the way understands, logs and counts.",
                "Answer errors with 4xx or 5xx.",
            ),
            Fault::UnknownWord => words(
                "unknown-word",
                "answers with a coupon type that the contract does not have",
                "The till would not know what to take off.",
                "Use Percentage or Amount; percentageDiscount or value in the older contract.",
            ),
            Fault::RejectsGoodSignature => words(
                "rejects-good-signature",
                "answers 401 or 403 to a plain question",
                "No call of a till would come through.",
                "Name its --secret and --header; in the app, verify the bytes as they came, before any JSON is parsed.",
            ),
            Fault::AcceptsBadSignature => words(
                "accepts-bad-signature",
                "answers what is not signed with its secret",
                "Whoever knows the URL can read balances and book points.",
                "Verify webhook-signature with the secret and answer 401 if it does not match.",
            ),
            Fault::AcceptsOldSignature => words(
                "accepts-old-signature",
                "answers what was signed long ago",
                "A call that was overheard could be played again for ever.",
                "Refuse a webhook-timestamp that is more than five minutes away.",
            ),
            Fault::RefusesKnownMember => words(
                "refuses-known-member",
                "does not know a member that it should",
                "Without a balance nothing else can be tried.",
                "Name a member of the app's test data: --outlet, --phone, --email, --member-code.",
            ),
            Fault::UnknownAsZero => words(
                "unknown-as-zero",
                "answers for somebody it does not know as for a member",
                "The cashier cannot tell a stranger from a member without points, and sells on the wrong account.",
                "Answer 404 for who is unknown.",
            ),
            Fault::RefusesNewFields => words(
                "refuses-new-fields",
                "refuses a question with a member it does not know",
                "Tills send more as they learn more; the app would stop working on the day of an update.",
                "Pass over members that are not needed.",
            ),
            Fault::AcceptsNonsense => words(
                "accepts-nonsense",
                "answers a question that is not JSON as if it were one",
                "Whatever it answers belongs to nobody.",
                "Answer 400 to a body that cannot be read.",
            ),
            Fault::BreaksOnNonsense => words(
                "breaks-on-nonsense",
                "breaks on a question that is not JSON",
                "Whoever finds the URL can fill its log and trip its alarms.",
                "Answer 400 to a body that cannot be read.",
            ),
            Fault::BreaksOnLarge => words(
                "breaks-on-large",
                "breaks on a large question",
                "A long sale is a long body; 256 KiB were sent.",
                "Take bodies of some hundred KiB, and answer 413 beyond what is taken.",
            ),
            Fault::RefusesValidCoupon => words(
                "refuses-valid-coupon",
                "refuses a coupon that should be good",
                "Without a good coupon the rest cannot be tried.",
                "Name coupons of the app's test data: --percent-coupon, --value-coupon.",
            ),
            Fault::RedeemsWhileValidating => words(
                "redeems-while-validating",
                "has used up a coupon by validating it",
                "A cashier asks before the customer decides; the coupon would be gone without a sale.",
                "Redeem when the sale is complete, not when the coupon is asked for.",
            ),
            Fault::AcceptsUsedCoupon => words(
                "accepts-used-coupon",
                "accepts a coupon that is used",
                "The discount is given twice.",
                "Answer 400 with Message or Notification.",
            ),
            Fault::AcceptsExpiredCoupon => words(
                "accepts-expired-coupon",
                "accepts a coupon that is over",
                "A discount is given that was not meant.",
                "Answer 400 with Message or Notification.",
            ),
            Fault::AcceptsUnknownCoupon => words(
                "accepts-unknown-coupon",
                "accepts a coupon that there is not",
                "Any word typed at a till is a discount.",
                "Answer 400 with Message or Notification.",
            ),
            Fault::MuteRefusal => words(
                "mute-refusal",
                "refuses a coupon and does not say why",
                "A 400 without Message, Notification or status is taken for a failure of the app, not for its no.",
                "Put the reason into Message or Notification.",
            ),
            Fault::RefusalStatus => words(
                "refusal-status",
                "refuses a coupon with another status than 400",
                "The contract's no is 400; other statuses are failures of the app.",
                "Answer 400 with Message or Notification.",
            ),
            Fault::RefusesSale => words(
                "refuses-sale",
                "refuses a sale that is complete",
                "The sale has happened; refusing it only loses the points.",
                "Take every sale; answer {\"reward\":0} where it earns nothing.",
            ),
            Fault::AcceptsSaleWithoutId => words(
                "accepts-sale-without-id",
                "rewards a sale that has no id",
                "Without an id a repeated sale cannot be told from a second one.",
                "Answer 400 to a sale without ID.",
            ),
            Fault::RefusesDuplicate => words(
                "refuses-duplicate",
                "refuses a sale that it has had already",
                "A sale is repeated when its answer got lost; refused, the reward is never known.",
                "Answer the reward of the first time again.",
            ),
            Fault::ForgetsReward => words(
                "forgets-reward",
                "answers a repeated sale with another reward",
                "The till shows what the second answer says, and it is not what was booked.",
                "Keep the reward with the sale's ID, and answer it again.",
            ),
            Fault::RewardsTwice => words(
                "rewards-twice",
                "books the points of a repeated sale again",
                "Every lost answer gives points away.",
                "Book by the sale's ID, once, under a lock or a unique index.",
            ),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_fault_has_a_name_of_its_own_and_sentences() {
        let names: HashSet<&str> = Fault::ALL.map(Fault::word).into();
        assert_eq!(names.len(), Fault::ALL.len());
        for (index, fault) in Fault::ALL.into_iter().enumerate() {
            assert_eq!(fault as usize, index, "{fault} is listed where it stands");
            assert_eq!(Fault::from_word(fault.word()), Some(fault));
            assert!(fault.why().ends_with('.') && fault.advice().ends_with('.') && !fault.what().ends_with('.'));
        }
    }
}
