//! `orderComplete`.

use futures_util::future::join3;
use ringup_egress::CheckedUrl;
use serde_json::json;

use super::ask::{ABUSE, Came, Signed, padding};
use super::{Case, Checker, Verdict};
use crate::fault::Fault;

const HOOK: &str = "orderComplete";
const PLAIN: (&str, &str) = ("a sale", "200 with reward, zero or more");
const AGAIN: (&str, &str) = ("the same sale again", "the reward of the first time");
const AT_ONCE: (&str, &str) = ("a sale three times at once", "one reward, three times the same");
const BOOKED: (&str, &str) = ("what was booked for the two sales", "each reward once");
const NO_ID: (&str, &str) = ("a sale without ID", "a 4xx status");

/// The balance says nothing where somebody else books at the same time, or the app books later.
const NO_BALANCE: &str = "the balance cannot be read by fetchMemberPoint";
const BOOKS_LATER: &str = "the app does not book at once, so it cannot be seen";

impl Checker<'_> {
    /// `balance`: where the member's points can be read.
    pub(super) async fn sales(&mut self, url: &CheckedUrl, balance: Option<&CheckedUrl>) {
        let before = self.balance_at(balance).await;
        let first = self.sale(&self.sale_id());
        let came = self.ask(url, HOOK, &first, Signed::Rightly).await;
        let reward = came.reward(Fault::RefusesSale);
        self.add(HOOK, PLAIN.0, PLAIN.1, &came, reward.clone().err());
        let Ok(reward) = reward else {
            self.leave_after_plain(HOOK, &[AGAIN, AT_ONCE, BOOKED, NO_ID]);
            return self.leave_after_plain(HOOK, &ABUSE);
        };

        let came = self.ask(url, HOOK, &first, Signed::Rightly).await;
        let fault = same(&came, &reward);
        self.add(HOOK, AGAIN.0, AGAIN.1, &came, fault);

        let second = self.sale(&self.sale_id());
        let ask = || self.ask(url, HOOK, &second, Signed::Rightly);
        let (one, two, three) = join3(ask(), ask(), ask()).await;
        let at_once = one.reward(Fault::RefusesDuplicate);
        let fault = match &at_once {
            Err(fault) => Some(*fault),
            Ok(reward) => same(&two, reward).or_else(|| same(&three, reward)),
        };
        self.add(HOOK, AT_ONCE.0, AT_ONCE.1, &three, fault);

        let rewards = hundredths(&reward).zip(at_once.ok().as_deref().and_then(hundredths)).map(|(a, b)| a + b);
        let after = self.balance_at(balance).await;
        match (before, after, rewards) {
            (Some(before), Some(after), Some(rewards)) => self.booked(after - before, rewards),
            _ => self.leave(HOOK, &[BOOKED], NO_BALANCE),
        }

        let without = json!({"Outlet": self.setup.data.outlet, "Sales": 50_000, "Number": "CHECK"}).to_string();
        let came = self.send(url, HOOK, without, Signed::Rightly).await;
        let fault = match came.status() {
            Some(200..300) => Some(Fault::AcceptsSaleWithoutId),
            Some(400..500) => None,
            Some(_) | None => came.transport(),
        };
        self.add(HOOK, NO_ID.0, NO_ID.1, &came, fault);

        let plain = self.sale(&self.sale_id());
        let large = plain.replacen("\"Web Shop\"", &format!("\"{}\"", padding()), 1);
        self.abuse(url, HOOK, &plain, &large).await;
    }

    fn booked(&mut self, rose: i128, rewards: i128) {
        let verdict = match rose {
            _ if rose == rewards => Verdict::Passed,
            0 => Verdict::Left(BOOKS_LATER),
            _ if rose > rewards => Verdict::Failed(Fault::RewardsTwice),
            _ => Verdict::Left(BOOKS_LATER),
        };
        let seen = format!("rewards of {}, booked {}", shown(rewards), shown(rose));
        let (name, expected) = BOOKED;
        self.cases.push(Case { hook: HOOK, name, expected, seen, verdict, took: Default::default() });
    }

    async fn balance_at(&self, url: Option<&CheckedUrl>) -> Option<i128> {
        match url {
            Some(url) => self.balance(url).await,
            None => None,
        }
    }

    /// One that no sale had.
    fn sale_id(&self) -> String {
        let part: String = self.random.id_part().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("ringup-check-{part}")
    }

    /// As the guide's sample.
    fn sale(&self, id: &str) -> String {
        let data = &self.setup.data;
        json!({
            "ID": id,
            "Outlet": data.outlet,
            "Number": "RINGUP-CHECK",
            "Date": "2026-11-25T00:00:00+07:00",
            "Payment": "Paid",
            "Tag": "Web Shop",
            "SalesType": "Web Shop",
            "Customer": {"Name": "Check", "Mobile": data.phone, "Email": data.email, "Code": data.member_code},
            "Gross": 84_000,
            "DiscountTotal": 8_400,
            "Sales": 75_600,
            "Payments": [{"Amount": 75_600, "Method": "Card"}],
        })
        .to_string()
    }
}

impl Came {
    fn reward(&self, refused: Fault) -> Result<String, Fault> {
        self.answered(refused).map(|reading| reading.get("reward").unwrap_or_default().to_owned())
    }
}

fn same(came: &Came, reward: &str) -> Option<Fault> {
    match came.reward(Fault::RefusesDuplicate) {
        Ok(other) if hundredths(&other) == hundredths(reward) => None,
        Ok(_) => Some(Fault::ForgetsReward),
        Err(fault) => Some(fault),
    }
}

/// A number of the contract in hundredths, by its digits; further digits are cut off. `None` beyond what can be held.
pub(super) fn hundredths(number: &str) -> Option<i128> {
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let part: String = part.chars().chain("00".chars()).take(2).collect();
    format!("{whole}{part}").parse().ok()
}

fn shown(hundredths: i128) -> String {
    match hundredths % 100 {
        0 => (hundredths / 100).to_string(),
        part => format!("{}.{:02}", hundredths / 100, part.abs()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_counted_by_their_digits() {
        for (number, counted) in [("0", 0), ("12", 1_200), ("12.5", 1_250), ("12.509", 1_250), ("7560.00", 756_000)] {
            assert_eq!(hundredths(number), Some(counted), "{number}");
        }
        assert_eq!([1_200, 1_250, -5].map(shown), ["12", "12.50", "0.05"]);
    }
}
