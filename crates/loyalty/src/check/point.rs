//! `fetchMemberPoint`.

use ringup_core::json;
use ringup_egress::CheckedUrl;
use serde_json::json;

use super::Checker;
use super::ask::{ABUSE, Signed, padding};
use crate::fault::Fault;

const HOOK: &str = "fetchMemberPoint";
const PLAIN: (&str, &str) = ("a member", "200 with Point, zero or more");
const UNKNOWN: (&str, &str) = ("somebody unknown", "404, or another 4xx status");
const NEW_FIELD: (&str, &str) = ("a question with one member more", "the same answer as without");

/// Nobody has these.
const STRANGER: [&str; 3] = ["+0000000000001", "nobody@ringup.invalid", "NOBODY-0"];

impl Checker<'_> {
    /// Whether balances can be read.
    pub(super) async fn points(&mut self, url: &CheckedUrl) -> bool {
        let question = self.member_question();
        let came = self.ask(url, HOOK, &question, Signed::Rightly).await;
        let fault = came.answered(Fault::RefusesKnownMember).err();
        self.add(HOOK, PLAIN.0, PLAIN.1, &came, fault);
        if fault.is_some() {
            self.leave_after_plain(HOOK, &[UNKNOWN, NEW_FIELD]);
            self.leave_after_plain(HOOK, &ABUSE);
            return false;
        }

        let [phone, email, code] = STRANGER;
        let outlet = &self.setup.data.outlet;
        let stranger = json!({"Outlet": outlet, "Phone": phone, "Email": email, "Code": code}).to_string();
        let came = self.ask(url, HOOK, &stranger, Signed::Rightly).await;
        let fault = match came.answered(Fault::RefusesKnownMember) {
            Ok(_) => Some(Fault::UnknownAsZero),
            // Refused is what is wanted, whatever the words.
            Err(Fault::RefusesKnownMember | Fault::RejectsGoodSignature) => None,
            Err(other) => Some(other),
        };
        self.add(HOOK, UNKNOWN.0, UNKNOWN.1, &came, fault);

        let more = with_more(&question, "RingupCheck", "\"a member that is not in the contract\"");
        let came = self.send(url, HOOK, more, Signed::Rightly).await;
        let fault = came.answered(Fault::RefusesNewFields).err();
        self.add(HOOK, NEW_FIELD.0, NEW_FIELD.1, &came, fault);

        let large = with_more(&question, "Note", &format!("\"{}\"", padding()));
        self.abuse(url, HOOK, &question, &large).await;
        true
    }

    /// The balance that the app tells, as a whole number.
    pub(super) async fn balance(&self, url: &CheckedUrl) -> Option<i128> {
        let came = self.ask(url, HOOK, &self.member_question(), Signed::Rightly).await;
        let reading = came.answered(Fault::RefusesKnownMember).ok()?;
        reading.get("Point").and_then(super::sale::hundredths)
    }

    fn member_question(&self) -> String {
        let data = &self.setup.data;
        json!({"Outlet": data.outlet, "Phone": data.phone, "Email": data.email, "Code": data.member_code}).to_string()
    }
}

/// The object with one member more at its end.
fn with_more(object: &str, name: &str, value: &str) -> String {
    debug_assert!(json::is_object(object.as_bytes()));
    format!("{},\"{name}\":{value}}}", object.strip_suffix('}').unwrap_or(object))
}
