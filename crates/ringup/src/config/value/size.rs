//! Sizes in bytes: `"64KiB"`, `"256KB"`, `4096`.

use super::{Scalar, quoted};

/// A number of bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ByteSize(u64);

impl ByteSize {
    /// The size in bytes, for a buffer. Saturates where memory is addressed with fewer than 64 bits.
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// Largest first: a size is shown in the largest unit that divides it, in a binary one rather than its decimal sister.
const UNITS: &[(&str, u64)] = &[
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("KB", 1_000),
    ("B", 1),
];

impl Scalar for ByteSize {
    const EXPECTED: &'static str = r#"a size such as "64KiB", "1MiB", "256KB" or a number of bytes"#;

    fn parse(text: &str) -> Result<Self, String> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let unit = unit.trim_start();
        if number.is_empty() {
            return Err("is not a size".to_owned());
        }
        let factor = if unit.is_empty() {
            1
        } else {
            let known = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit));
            known.ok_or_else(|| "is not a size".to_owned())?.1
        };
        let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
        bytes.map(ByteSize).ok_or_else(|| "is too large to hold".to_owned())
    }

    fn show(&self) -> String {
        let (unit, factor) = UNITS
            .iter()
            .find(|(_, factor)| self.0 >= *factor && self.0.is_multiple_of(*factor))
            .copied()
            .unwrap_or(("B", 1));
        quoted(&format!("{}{unit}", self.0 / factor))
    }

    fn measure(&self) -> Option<u128> {
        Some(u128::from(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{accepts, refuses};
    use super::*;

    #[test]
    fn sizes_are_read_and_shown() {
        let cases = [
            ("64KiB", "64KiB"),
            ("64 kib", "64KiB"),
            ("1MiB", "1MiB"),
            ("1024KiB", "1MiB"),
            ("256KB", "250KiB"),
            ("300KB", "300KB"),
            ("2GB", "2GB"),
            ("1GiB", "1GiB"),
            ("262144", "256KiB"),
            ("12B", "12B"),
            ("0", "0B"),
        ];
        for (text, shown) in cases {
            accepts::<ByteSize>(text, &format!("{shown:?}"));
        }
    }

    #[test]
    fn what_is_no_size_is_refused_with_its_reason() {
        let cases = [
            ("", "is not a size"),
            ("big", "is not a size"),
            ("1.5MiB", "is not a size"),
            ("-1", "is not a size"),
            ("1MiBs", "is not a size"),
            ("18446744073709551616", "is too large to hold"),
            ("18446744073709551615KiB", "is too large to hold"),
        ];
        for (text, why) in cases {
            refuses::<ByteSize>(text, &format!("{text:?} {why}"));
        }
    }
}
