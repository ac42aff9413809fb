//! The members and coupons of a mock: a small table that its user may write.

use serde::{Deserialize, Serialize};
use serde_json::Number;

/// Members or coupons in a file, each.
const ROWS_MAX: usize = 10_000;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    #[serde(default)]
    pub members: Vec<Member>,
    #[serde(default)]
    pub coupons: Vec<Coupon>,
}

/// Somebody with points; known by any of the three that is not empty.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    #[serde(default)]
    pub phone: String,
    #[serde(default)]
    pub email: String,
    #[serde(default)]
    pub code: String,
    pub point: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Coupon {
    pub code: String,
    #[serde(rename = "type")]
    pub kind: CouponKind,
    /// Percent or money.
    pub amount: Number,
    #[serde(default)]
    pub state: CouponState,
    #[serde(rename = "expiredAt", default, skip_serializing_if = "Option::is_none")]
    pub expired_at: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CouponKind {
    Percentage,
    Amount,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CouponState {
    #[default]
    Good,
    Used,
    Expired,
}

/// What the mock has where no file is given, and what a check asks for where nothing else is named.
pub mod sample {
    pub const OUTLET: &str = "Harbor Street";
    pub const PHONE: &str = "+628110000222";
    pub const EMAIL: &str = "mira@example.org";
    pub const MEMBER_CODE: &str = "M-0093";
    pub const POINT: u64 = 1_240;
    pub const PERCENT_COUPON: &str = "SPRING-7Q2";
    pub const VALUE_COUPON: &str = "MINUS-25K";
    pub const USED_COUPON: &str = "USED-1AX";
    pub const EXPIRED_COUPON: &str = "WINTER-3T9";
}

impl Default for Table {
    fn default() -> Table {
        let coupon = |code: &str, kind, amount: u64, state, expired_at: &str| Coupon {
            code: code.to_owned(),
            kind,
            amount: amount.into(),
            state,
            expired_at: Some(expired_at.to_owned()),
        };
        let member = |phone: &str, email: &str, code: &str, point| Member {
            phone: phone.to_owned(),
            email: email.to_owned(),
            code: code.to_owned(),
            point,
        };
        let (good, over) = ("2030-12-31T23:59:59Z", "2025-02-28T23:59:59Z");
        Table {
            members: vec![
                member(sample::PHONE, sample::EMAIL, sample::MEMBER_CODE, sample::POINT),
                member("+628110000333", "budi@example.org", "M-0094", 0),
            ],
            coupons: vec![
                coupon(sample::PERCENT_COUPON, CouponKind::Percentage, 15, CouponState::Good, good),
                coupon(sample::VALUE_COUPON, CouponKind::Amount, 25_000, CouponState::Good, good),
                coupon(sample::USED_COUPON, CouponKind::Percentage, 10, CouponState::Used, good),
                coupon(sample::EXPIRED_COUPON, CouponKind::Percentage, 20, CouponState::Expired, over),
            ],
        }
    }
}

impl Table {
    /// Reads a file. An error says what is wrong, and where.
    pub fn read(text: &str) -> Result<Table, String> {
        let table: Table = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if table.members.len() > ROWS_MAX || table.coupons.len() > ROWS_MAX {
            return Err(format!("at most {ROWS_MAX} members and {ROWS_MAX} coupons are kept"));
        }
        for (index, member) in table.members.iter().enumerate() {
            if [&member.phone, &member.email, &member.code].iter().all(|text| text.is_empty()) {
                return Err(format!("members[{index}] has neither phone nor email nor code, so nobody finds it"));
            }
        }
        for (index, coupon) in table.coupons.iter().enumerate() {
            let amount = coupon.amount.as_f64().unwrap_or(-1.0);
            if coupon.code.is_empty() || amount < 0.0 || coupon.kind == CouponKind::Percentage && amount > 100.0 {
                return Err(format!("coupons[{index}]: a code, and an amount from 0 (to 100 for a percentage)"));
            }
            if table.coupons.iter().take(index).any(|other| other.code == coupon.code) {
                return Err(format!("coupons[{index}]: {} stands twice", coupon.code));
            }
        }
        Ok(table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_what_makes_no_sense_is_told() {
        let text = serde_json::to_string(&Table::default()).expect("it is one");
        assert_eq!(Table::read(&text).expect("it is one").members.len(), 2);
        for (text, told) in [
            ("", "EOF"),
            (r#"{"members":[{"phone":"1","points":3}]}"#, "points"),
            (r#"{"members":[{"phone":"1","point":-3}]}"#, "-3"),
            (r#"{"members":[{"point":3}]}"#, "members[0]"),
            (r#"{"coupons":[{"code":"A","type":"percentage","amount":101}]}"#, "coupons[0]"),
            (r#"{"coupons":[{"code":"A","type":"gift","amount":1}]}"#, "gift"),
            (
                r#"{"coupons":[{"code":"A","type":"amount","amount":1},{"code":"A","type":"amount","amount":1}]}"#,
                "twice",
            ),
        ] {
            let error = Table::read(text).expect_err(text);
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
