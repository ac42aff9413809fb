//! `validateCoupon`.

use ringup_egress::CheckedUrl;
use serde_json::json;

use super::Checker;
use super::ask::{ABUSE, Signed, padding};
use crate::fault::Fault;

const HOOK: &str = "validateCoupon";
const PLAIN: (&str, &str) = ("a percentage coupon", "200 with Type and Amount");
const AGAIN: (&str, &str) = ("the same coupon again", "the same answer: asking does not redeem");
const VALUE: (&str, &str) = ("a coupon of money", "200 with Type and Amount");
const USED: (&str, &str) = ("a used coupon", "400 with Message or Notification");
const EXPIRED: (&str, &str) = ("a coupon that is over", "400 with Message or Notification");
const UNKNOWN: (&str, &str) = ("a coupon that there is not", "400 with Message or Notification");

/// Nobody has made it.
const NO_COUPON: &str = "RINGUP-CHECK-NO-SUCH-COUPON";

impl Checker<'_> {
    pub(super) async fn coupons(&mut self, url: &CheckedUrl) {
        let data = self.setup.data.clone();
        let plain = self.coupon_question(&data.percent_coupon, "");
        let came = self.ask(url, HOOK, &plain, Signed::Rightly).await;
        let fault = came.answered(Fault::RefusesValidCoupon).err();
        self.add(HOOK, PLAIN.0, PLAIN.1, &came, fault);
        if fault.is_some() {
            self.leave_after_plain(HOOK, &[AGAIN, VALUE, USED, EXPIRED, UNKNOWN]);
            return self.leave_after_plain(HOOK, &ABUSE);
        }
        for (case, coupon, refused) in [
            (AGAIN, &data.percent_coupon, Fault::RedeemsWhileValidating),
            (VALUE, &data.value_coupon, Fault::RefusesValidCoupon),
        ] {
            let came = self.ask(url, HOOK, &self.coupon_question(coupon, ""), Signed::Rightly).await;
            let fault = came.answered(refused).err();
            self.add(HOOK, case.0, case.1, &came, fault);
        }
        for (case, coupon, accepted) in [
            (USED, data.used_coupon.as_str(), Fault::AcceptsUsedCoupon),
            (EXPIRED, data.expired_coupon.as_str(), Fault::AcceptsExpiredCoupon),
            (UNKNOWN, NO_COUPON, Fault::AcceptsUnknownCoupon),
        ] {
            let came = self.ask(url, HOOK, &self.coupon_question(coupon, ""), Signed::Rightly).await;
            let fault = came.refused(accepted);
            self.add(HOOK, case.0, case.1, &came, fault);
        }
        let large = self.coupon_question(&data.percent_coupon, &padding());
        self.abuse(url, HOOK, &plain, &large).await;
    }

    /// `note` stands in the shopping cart, or in the customer where the older generation has no cart.
    fn coupon_question(&self, coupon: &str, note: &str) -> String {
        let data = &self.setup.data;
        let items = if note.is_empty() { json!([]) } else { json!([{"Name": note, "Quantity": 1, "Price": 84_000}]) };
        json!({
            "Code": coupon,
            "Outlet": data.outlet,
            "Customer": {"Email": data.email, "Phone": data.phone, "Name": note},
            "ShoppingCart": {"Amount": 84_000, "Items": items},
        })
        .to_string()
    }
}
