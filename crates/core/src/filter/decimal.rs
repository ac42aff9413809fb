//! Decimal numbers compared by value, as they are spelled.

use std::cmp::Ordering;

/// Digits of an exponent. No amount, measure or count has more; a spelling that does is not taken for a number.
const EXPONENT_DIGITS_MAX: usize = 18;

/// Significant digits of a divisor, so that nothing overflows on the way to a remainder.
pub const DIVISOR_DIGITS_MAX: usize = 18;

/// A number in JSON's spelling. Nothing is converted, so nothing is rounded: `19.99`, `9007199254740993` and `1e400` are
/// exactly themselves.
///
/// Source: RFC 8259 §6.
#[derive(Clone, Copy, Debug)]
pub struct Decimal<'a> {
    negative: bool,
    integer: &'a [u8],
    fraction: &'a [u8],
    exponent: i64,
}

impl<'a> Decimal<'a> {
    /// Reads a spelling; `None` for anything that JSON would not have as a number.
    pub fn parse(text: &'a [u8]) -> Option<Decimal<'a>> {
        let (negative, text) = match text.strip_prefix(b"-") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (integer, text) = digits(text)?;
        if integer.len() > 1 && integer.starts_with(b"0") {
            return None;
        }
        let (fraction, text) = match text.strip_prefix(b".") {
            Some(rest) => digits(rest)?,
            None => (&[][..], text),
        };
        let exponent = match text {
            [] => 0,
            [b'e' | b'E', rest @ ..] => exponent(rest)?,
            _ => return None,
        };
        Some(Decimal { negative, integer, fraction, exponent })
    }

    pub fn compare(&self, other: &Decimal<'_>) -> Ordering {
        match (self.magnitude(), other.magnitude()) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => {
                if other.negative {
                    Ordering::Greater
                } else {
                    Ordering::Less
                }
            }
            (Some(_), None) => {
                if self.negative {
                    Ordering::Less
                } else {
                    Ordering::Greater
                }
            }
            (Some(_), Some(_)) if self.negative != other.negative => other.negative.cmp(&self.negative),
            (Some(own), Some(others)) => {
                let absolute = own.cmp(&others).then_with(|| compare_digits(self.significant(), other.significant()));
                if self.negative { absolute.reverse() } else { absolute }
            }
        }
    }

    /// Whether it has no fraction, however it is spelled: `1.0` and `100e-2` have none.
    pub fn is_integer(&self) -> bool {
        let (_, zeros) = self.core();
        self.magnitude().is_none() || self.scale().saturating_add(zeros) >= 0
    }

    /// Whether it is a whole number of times the other one. `None` where that cannot be said exactly: the other one is
    /// zero, or has more than [`DIVISOR_DIGITS_MAX`] significant digits.
    pub fn is_multiple_of(&self, other: &Decimal<'_>) -> Option<bool> {
        let (divisor, divisor_zeros) = other.core();
        if other.magnitude().is_none() || divisor.len() > DIVISOR_DIGITS_MAX {
            return None;
        }
        let divisor = divisor.iter().fold(0_u128, |sum, digit| sum * 10 + u128::from(digit - b'0'));
        if self.magnitude().is_none() {
            return Some(true);
        }
        let (digits, zeros) = self.core();
        let own = self.scale().saturating_add(zeros);
        let shift = own.saturating_sub(other.scale().saturating_add(divisor_zeros));
        // Its last digit is not zero, so it is no multiple of ten times anything.
        let Ok(shift) = u64::try_from(shift) else { return Some(false) };
        let rest = digits.iter().fold(0_u128, |rest, digit| (rest * 10 + u128::from(digit - b'0')) % divisor);
        Some((rest * power_of_ten(shift, divisor)).is_multiple_of(divisor))
    }

    /// One spelling for each value: two numbers are equal if and only if theirs are.
    pub fn canonical(&self) -> String {
        if self.magnitude().is_none() {
            return "0".to_owned();
        }
        let (digits, zeros) = self.core();
        let sign = if self.negative { "-" } else { "" };
        format!("{sign}{}e{}", String::from_utf8_lossy(&digits), self.scale().saturating_add(zeros))
    }

    /// The digits from the first to the last that is not zero, and how many zeros follow.
    fn core(&self) -> (Vec<u8>, i64) {
        let mut digits: Vec<u8> = self.significant().collect();
        let all = digits.len();
        let last = digits.iter().rposition(|digit| *digit != b'0').map_or(0, |at| at + 1);
        digits.truncate(last);
        (digits, i64::try_from(all - last).unwrap_or(i64::MAX))
    }

    /// The power of ten that the last digit stands for.
    fn scale(&self) -> i64 {
        self.exponent.saturating_sub(i64::try_from(self.fraction.len()).unwrap_or(i64::MAX))
    }

    /// How many digits stand before the decimal point once the first one is not zero; negative for leading zeros behind
    /// it. `None` for zero.
    fn magnitude(&self) -> Option<i64> {
        let zeros = self.digits().take_while(|digit| *digit == b'0').count();
        if zeros == self.integer.len() + self.fraction.len() {
            return None;
        }
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        Some(self.exponent.saturating_add(count(self.integer.len())).saturating_sub(count(zeros)))
    }

    fn significant(&self) -> impl Iterator<Item = u8> {
        self.digits().skip_while(|digit| *digit == b'0')
    }

    fn digits(&self) -> impl Iterator<Item = u8> {
        self.integer.iter().chain(self.fraction).copied()
    }
}

fn power_of_ten(mut exponent: u64, modulus: u128) -> u128 {
    let (mut power, mut base) = (1 % modulus, 10 % modulus);
    while exponent > 0 {
        if exponent & 1 == 1 {
            power = power * base % modulus;
        }
        base = base * base % modulus;
        exponent >>= 1;
    }
    power
}

/// As fractions: a spelling that ends goes on with zeros.
fn compare_digits(mut own: impl Iterator<Item = u8>, mut others: impl Iterator<Item = u8>) -> Ordering {
    loop {
        let (one, other) = match (own.next(), others.next()) {
            (None, None) => return Ordering::Equal,
            (one, other) => (one.unwrap_or(b'0'), other.unwrap_or(b'0')),
        };
        if one != other {
            return one.cmp(&other);
        }
    }
}

/// At least one digit, and what follows.
fn digits(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (count > 0).then(|| text.split_at(count))
}

fn exponent(text: &[u8]) -> Option<i64> {
    let (negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let (digits, []) = digits(text)? else { return None };
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    let digits = digits.get(zeros..)?;
    if digits.len() > EXPONENT_DIGITS_MAX {
        return None;
    }
    let exponent = digits.iter().fold(0_i64, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    Some(if negative { -exponent } else { exponent })
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    fn compare(one: &str, other: &str) -> Ordering {
        let parse = |text| Decimal::parse(str::as_bytes(text)).expect("a number");
        parse(one).compare(&parse(other))
    }

    #[test]
    fn values_are_compared_and_not_spellings() {
        for equal in [
            ["0", "-0.000e9"],
            ["19.99", "1999e-2"],
            ["19.99", "19.9900"],
            ["1e400", "10E+399"],
            ["0.001", "1e-3"],
            ["100", "1e2"],
            ["-7.0", "-7"],
        ] {
            assert_eq!(compare(equal[0], equal[1]), Ordering::Equal, "{equal:?}");
        }
        for [less, more] in [
            ["9007199254740992", "9007199254740993"],
            ["19.98999999999999999999999999", "19.99"],
            ["1e399", "1e400"],
            ["-1e400", "-1e399"],
            ["-1", "0"],
            ["-0.1", "1e-400"],
            ["0", "1e-999999999999999999"],
            ["99", "100"],
            ["0.09", "0.1"],
        ] {
            assert_eq!(compare(less, more), Ordering::Less, "{less} {more}");
            assert_eq!(compare(more, less), Ordering::Greater, "{more} {less}");
        }
    }

    #[test]
    fn other_spellings_are_not_numbers() {
        for text in ["", "-", "+1", "01", "-01", ".5", "5.", "1e", "1e+", "0x10", "1_000", " 1", "1 ", "NaN", "1e1.5"] {
            assert!(Decimal::parse(text.as_bytes()).is_none(), "{text:?}");
        }
        assert!(Decimal::parse(b"1e1000000000000000000").is_none());
        assert!(Decimal::parse(b"1e000000000000000000000012").is_some());
    }

    /// Every digit written out, to a common number of places.
    fn written_out(text: &str, places: usize) -> (bool, String) {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
        let (integer, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let shift: i64 = exponent.parse::<i64>().expect("small") - i64::try_from(fraction.len()).expect("small");
        let zeros = usize::try_from(shift + i64::try_from(places).expect("small")).expect("places are enough");
        let digits = format!("{integer}{fraction}{}", "0".repeat(zeros));
        let digits = digits.trim_start_matches('0').to_owned();
        (negative && !digits.is_empty(), digits)
    }

    pub(crate) fn naive(one: &str, other: &str) -> Ordering {
        let ((one_negative, one), (other_negative, other)) = (written_out(one, 80), written_out(other, 80));
        let absolute = one.len().cmp(&other.len()).then_with(|| one.cmp(&other));
        match (one_negative, other_negative) {
            (false, false) => absolute,
            (true, true) => absolute.reverse(),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }

    proptest! {
        #[test]
        fn comparing_agrees_with_writing_every_digit_out(
            one in "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?(e-?[0-9]{1,1})?(e0)?",
            other in "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?(e-?[1-5][0-9])?",
            nudge in 0..3_usize,
        ) {
            let Some(number) = Decimal::parse(one.as_bytes()) else { return Ok(()) };
            // Numbers that are nearly the same are the interesting ones.
            let other = match nudge {
                0 => other,
                1 if !one.contains('e') => format!("{one}{}", if one.contains('.') { "0001" } else { ".000" }),
                _ => one.clone(),
            };
            let other_number = Decimal::parse(other.as_bytes()).expect("a number");
            prop_assert_eq!(number.compare(&other_number), naive(&one, &other), "{} {}", one, other);
        }
    }
}
