//! What the app knows and says: honest, except for the faults of what it does.

use std::collections::{BTreeSet, HashMap, VecDeque};

use serde_json::{Map, Value as Json};

use crate::fault::Fault;
use crate::table::{Coupon, CouponKind, CouponState, Table};

/// Sales that are remembered; the oldest go first.
const SALES_MAX: usize = 100_000;

/// An answer before it is written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Said {
    pub status: u16,
    pub members: Vec<(&'static str, Value)>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value {
    /// As it is written.
    Number(String),
    Text(String),
}

impl Value {
    pub fn raw(&self) -> String {
        match self {
            Value::Number(number) => number.clone(),
            Value::Text(text) => Json::from(text.as_str()).to_string(),
        }
    }
}

impl Said {
    /// A refusal with words.
    pub fn of(status: u16, message: &str) -> Said {
        Said { status, members: vec![("Message", Value::Text(message.to_owned()))] }
    }

    fn number(name: &'static str, number: impl ToString) -> Said {
        Said { status: 200, members: vec![(name, Value::Number(number.to_string()))] }
    }
}

/// A question that was understood.
#[derive(Clone, PartialEq, Debug)]
pub enum Asked {
    Points { phone: String, email: String, code: String },
    Coupon { code: String, is_older: bool },
    Sale { id: Option<String>, customer: [String; 3], amount: String },
}

impl Asked {
    pub fn hook(&self) -> &'static str {
        match self {
            Asked::Points { .. } => "fetchMemberPoint",
            Asked::Coupon { .. } => "validateCoupon",
            Asked::Sale { .. } => "orderComplete",
        }
    }

    /// Which hook it is says the path, else the header, else what is asked. An error is the answer.
    pub fn read(path: &str, event: Option<&str>, body: &[u8], faults: &BTreeSet<Fault>) -> Result<Asked, Said> {
        let question = match serde_json::from_slice::<Map<String, Json>>(body) {
            Ok(question) => question,
            Err(_) if faults.contains(&Fault::BreaksOnNonsense) => return Err(Said::of(500, "null reference")),
            Err(_) if faults.contains(&Fault::AcceptsNonsense) => {
                let hook = [path, event.unwrap_or_default()].into_iter().find_map(named).unwrap_or(Hook::Points);
                return Err(match hook {
                    Hook::Points => Said::number("Point", 0),
                    Hook::Sale => Said::number("reward", 0),
                    Hook::Coupon => {
                        let mut said = Said::number("Amount", 0);
                        said.members.push(("Type", Value::Text("Amount".to_owned())));
                        said
                    }
                });
            }
            Err(_) => return Err(Said::of(400, "a question is a JSON object")),
        };
        if faults.contains(&Fault::RefusesNewFields) && question.keys().any(|name| !KNOWN.contains(&name.as_str())) {
            return Err(Said::of(400, "there is a member that I do not know"));
        }
        let hook = [path, event.unwrap_or_default()].into_iter().find_map(named);
        match hook.unwrap_or_else(|| guessed(&question)) {
            Hook::Points => {
                let text = |name: &str| question.get(name).and_then(Json::as_str).map(str::to_owned);
                match (text("Outlet"), text("Phone"), text("Email"), text("Code")) {
                    (Some(_), Some(phone), Some(email), Some(code)) => Ok(Asked::Points { phone, email, code }),
                    _ => Err(Said::of(400, "Outlet, Phone, Email and Code are texts, and all must be there")),
                }
            }
            Hook::Coupon => {
                let (newer, older) = (question.get("Code"), question.get("Key"));
                match newer.or(older).and_then(Json::as_str) {
                    Some(code) => Ok(Asked::Coupon { code: code.to_owned(), is_older: newer.is_none() }),
                    None => Err(Said::of(400, "Code, or Key in the older contract, is the coupon")),
                }
            }
            Hook::Sale => {
                let text = |value: Option<&Json>| value.and_then(Json::as_str).unwrap_or_default().to_owned();
                let customer = question.get("Customer");
                let of = |name: &str| text(customer.and_then(|customer| customer.get(name)));
                let mobile = if of("Mobile").is_empty() { of("Phone") } else { of("Mobile") };
                let amount = ["Sales", "Gross"].into_iter().find_map(|name| question.get(name));
                Ok(Asked::Sale {
                    id: question.get("ID").and_then(Json::as_str).filter(|id| !id.is_empty()).map(str::to_owned),
                    customer: [mobile, of("Email"), of("Code")],
                    amount: amount.map(Json::to_string).unwrap_or_default(),
                })
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Hook {
    Points,
    Coupon,
    Sale,
}

fn named(text: &str) -> Option<Hook> {
    let last = text.rsplit('/').find(|part| !part.is_empty())?;
    let word: String = last.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    match word.as_str() {
        "fetchmemberpoint" => Some(Hook::Points),
        "validatecoupon" => Some(Hook::Coupon),
        "ordercomplete" => Some(Hook::Sale),
        _ => None,
    }
}

fn guessed(question: &Map<String, Json>) -> Hook {
    if question.contains_key("Phone") {
        Hook::Points
    } else if question.contains_key("Code") || question.contains_key("Key") {
        Hook::Coupon
    } else {
        Hook::Sale
    }
}

/// Members of the published questions.
const KNOWN: &[&str] = &[
    "Outlet",
    "Phone",
    "Email",
    "Code",
    "Key",
    "Customer",
    "ShoppingCart",
    "ID",
    "Number",
    "Date",
    "Payment",
    "DueDate",
    "Tag",
    "SalesType",
    "CreatorID",
    "Created",
    "Discount1",
    "Discount2",
    "DiscountAmount",
    "Gross",
    "TaxCalculation",
    "DiscountTotal",
    "TaxType",
    "Tax",
    "Sales",
    "Payments",
];

/// Members, coupons, and the sales that were rewarded.
#[derive(Debug)]
pub struct Book {
    table: Table,
    rewards: HashMap<String, u64>,
    /// The ids of `rewards`, oldest first.
    order: VecDeque<String>,
}

impl Book {
    pub fn new(table: Table) -> Book {
        Book { table, rewards: HashMap::new(), order: VecDeque::new() }
    }

    pub fn points_of(&self, phone: &str) -> Option<u64> {
        self.table.members.iter().find(|member| member.phone == phone).map(|member| member.point)
    }

    pub fn sales(&self) -> usize {
        self.rewards.len()
    }

    pub fn answer(&mut self, asked: &Asked, faults: &BTreeSet<Fault>) -> Said {
        match asked {
            Asked::Points { phone, email, code } => {
                let found = self.member(phone, email, code).filter(|_| !faults.contains(&Fault::RefusesKnownMember));
                match found {
                    Some(index) => Said::number("Point", self.table.members[index].point),
                    None if faults.contains(&Fault::UnknownAsZero) => Said::number("Point", 0),
                    None => Said::of(404, "no such member"),
                }
            }
            Asked::Coupon { code, is_older } => self.coupon(code, *is_older, faults),
            Asked::Sale { id, customer, amount } => self.sale(id.as_deref(), customer, amount, faults),
        }
    }

    fn member(&self, phone: &str, email: &str, code: &str) -> Option<usize> {
        let is = |own: &str, asked: &str| !own.is_empty() && own == asked;
        self.table
            .members
            .iter()
            .position(|member| is(&member.phone, phone) || is(&member.email, email) || is(&member.code, code))
    }

    fn coupon(&mut self, code: &str, is_older: bool, faults: &BTreeSet<Fault>) -> Said {
        let found = self.table.coupons.iter_mut().find(|coupon| coupon.code == code);
        let refusal = match found.as_ref().map(|coupon| coupon.state) {
            Some(CouponState::Good) => faults.contains(&Fault::RefusesValidCoupon).then_some(("invalid", "not today")),
            Some(CouponState::Used) if faults.contains(&Fault::AcceptsUsedCoupon) => None,
            Some(CouponState::Used) => Some(("used", "this coupon is used already")),
            Some(CouponState::Expired) if faults.contains(&Fault::AcceptsExpiredCoupon) => None,
            Some(CouponState::Expired) => Some(("expired", "this coupon is over")),
            None if faults.contains(&Fault::AcceptsUnknownCoupon) => None,
            None => Some(("unknown", "there is no such coupon")),
        };
        if let Some((state, message)) = refusal {
            return refused(found.as_deref(), is_older, state, message, faults);
        }
        let said = match &found {
            Some(coupon) => discount(coupon, is_older, faults),
            None => {
                let mut said = Said::number("Amount", 5);
                said.members.push(("Type", Value::Text("Percentage".to_owned())));
                said
            }
        };
        if faults.contains(&Fault::RedeemsWhileValidating)
            && let Some(coupon) = found
        {
            coupon.state = CouponState::Used;
        }
        said
    }

    fn sale(&mut self, id: Option<&str>, customer: &[String; 3], amount: &str, faults: &BTreeSet<Fault>) -> Said {
        let reward = a_tenth(amount);
        let Some(id) = id else {
            return match faults.contains(&Fault::AcceptsSaleWithoutId) {
                true => Said::number("reward", reward),
                false => Said::of(400, "a sale without ID could not be told from another"),
            };
        };
        if faults.contains(&Fault::RefusesSale) {
            return Said::of(400, "no");
        }
        let [mobile, email, code] = customer;
        let known = self.rewards.get(id).copied();
        match known {
            Some(_) if faults.contains(&Fault::RefusesDuplicate) => return Said::of(409, "this sale is known"),
            Some(_) if faults.contains(&Fault::ForgetsReward) => return Said::number("reward", 0),
            Some(reward) if !faults.contains(&Fault::RewardsTwice) => return Said::number("reward", reward),
            Some(_) | None => {}
        }
        // Who is no member earns nothing, and that is an answer.
        let Some(index) = self.member(mobile, email, code) else { return Said::number("reward", 0) };
        let member = &mut self.table.members[index];
        member.point = member.point.saturating_add(reward);
        if self.rewards.insert(id.to_owned(), reward).is_none() {
            self.order.push_back(id.to_owned());
        }
        if self.order.len() > SALES_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.rewards.remove(&oldest);
        }
        Said::number("reward", reward)
    }
}

fn refused(coupon: Option<&Coupon>, is_older: bool, state: &str, message: &str, faults: &BTreeSet<Fault>) -> Said {
    let status = if faults.contains(&Fault::RefusalStatus) { 422 } else { 400 };
    if faults.contains(&Fault::MuteRefusal) {
        return Said { status, members: Vec::new() };
    }
    let text = |text: &str| Value::Text(text.to_owned());
    let mut members = Vec::new();
    if is_older {
        members.push(("status", text(state)));
        members.extend(coupon.and_then(|coupon| coupon.expired_at.as_deref()).map(|at| ("expiredAt", text(at))));
        members.push(("Message", text(message)));
    } else {
        members.push(("Notification", text(message)));
    }
    Said { status, members }
}

fn discount(coupon: &Coupon, is_older: bool, faults: &BTreeSet<Fault>) -> Said {
    let kind = match (coupon.kind, is_older) {
        _ if faults.contains(&Fault::UnknownWord) => "gift",
        (CouponKind::Percentage, true) => "percentageDiscount",
        (CouponKind::Percentage, false) => "Percentage",
        (CouponKind::Amount, true) => "value",
        (CouponKind::Amount, false) => "Amount",
    };
    let text = |text: &str| Value::Text(text.to_owned());
    let mut members = vec![("Type", text(kind)), ("Amount", Value::Number(coupon.amount.to_string()))];
    if is_older {
        members.push(("status", text("activated")));
        members.extend(coupon.expired_at.as_deref().map(|at| ("expiredAt", text(at))));
    } else {
        let unit = if coupon.kind == CouponKind::Percentage { " percent" } else { "" };
        members.push(("Notification", text(&format!("{}{unit} off", coupon.amount))));
    }
    Said { status: 200, members }
}

/// A tenth of an amount in whole points: by its digits, since money is not a float. Zero for what is no amount.
fn a_tenth(amount: &str) -> u64 {
    let whole = amount.split('.').next().unwrap_or_default();
    if whole.len() < 2 || !whole.bytes().all(|byte| byte.is_ascii_digit()) {
        return 0;
    }
    whole[..whole.len() - 1].parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reward_is_a_tenth_of_the_sale_in_whole_points() {
        for (amount, reward) in
            [("75600", 7_560), ("75609.99", 7_560), ("9.99", 0), ("10", 1), ("-100", 0), ("", 0), ("1e9", 0)]
        {
            assert_eq!(a_tenth(amount), reward, "{amount}");
        }
    }

    #[test]
    fn a_question_is_known_by_its_path_else_its_header_else_its_words() {
        let none = BTreeSet::new();
        let hook = |path: &str, event: Option<&str>, body: &str| {
            Asked::read(path, event, body.as_bytes(), &none).map(|asked| asked.hook())
        };
        assert_eq!(hook("/v1/validate-coupon", Some("orderComplete"), r#"{"Code":"A"}"#), Ok("validateCoupon"));
        assert_eq!(hook("/", Some("orderComplete"), r#"{"Code":"A"}"#), Ok("orderComplete"));
        assert_eq!(hook("/", None, r#"{"Key":"A"}"#), Ok("validateCoupon"));
        assert_eq!(hook("/", None, r#"{"Phone":"","Outlet":"","Email":"","Code":""}"#), Ok("fetchMemberPoint"));
        assert_eq!(hook("/fetchMemberPoint/", None, "{}").map_err(|said| said.status), Err(400));
    }
}
