//! `ringup loyalty call`: one question, as a till asks it.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::argument::{Format, duration, given, usage};
use crate::cli::Remote;
use crate::remote;

const KEY: &str = "The key is read from RINGUP_KEY, or from a file. It needs the scope publish.";

#[derive(Subcommand, Clone, PartialEq, Eq, Debug)]
pub enum CallCommand {
    /// Ask how many points somebody has
    #[command(after_help = format!("{KEY}\n\nExamples:\n  \
        ringup loyalty call fetch-member-point --account kopi-kita --outlet Kemang --phone +628110000222\n  \
        ringup loyalty call fetch-member-point --account kopi-kita --phone +628110000222 --deadline 800ms --format json"))]
    FetchMemberPoint {
        #[command(flatten)]
        call: CallArguments,
        /// Name of the outlet
        #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
        outlet: String,
        /// Mobile number
        #[arg(long, value_name = "NUMBER", default_value = "", hide_default_value = true, allow_hyphen_values = true)]
        phone: String,
        /// E-mail
        #[arg(long, value_name = "EMAIL", default_value = "", hide_default_value = true)]
        email: String,
        /// Customer code
        #[arg(long, value_name = "CODE", default_value = "", hide_default_value = true)]
        code: String,
    },
    /// Ask whether a coupon is good
    #[command(after_help = format!("{KEY}\n\nExamples:\n  \
        ringup loyalty call validate-coupon --account kopi-kita --code SPRING-7Q2 --amount 84000\n  \
        ringup loyalty call validate-coupon --account kopi-kita --json @question.json"))]
    ValidateCoupon {
        #[command(flatten)]
        call: CallArguments,
        /// The coupon
        #[arg(long, value_name = "CODE", required_unless_present = "json")]
        code: Option<String>,
        /// Name of the outlet
        #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
        outlet: String,
        /// The customer's mobile number
        #[arg(long, value_name = "NUMBER", default_value = "", hide_default_value = true, allow_hyphen_values = true)]
        phone: String,
        /// The customer's e-mail
        #[arg(long, value_name = "EMAIL", default_value = "", hide_default_value = true)]
        email: String,
        /// Amount of the shopping cart
        #[arg(long, value_name = "NUMBER", value_parser = number)]
        amount: Option<String>,
    },
    /// Ask what a sale earns; it is booked
    #[command(after_help = format!("{KEY}\n\nExamples:\n  \
        ringup loyalty call order-complete --account kopi-kita --id INV-1 --phone +628110000222 --amount 75600\n  \
        ringup loyalty call order-complete --account kopi-kita --json - < invoice.json"))]
    OrderComplete {
        #[command(flatten)]
        call: CallArguments,
        /// The invoice's id: the same again is the same sale
        #[arg(long, value_name = "ID", required_unless_present = "json")]
        id: Option<String>,
        /// Name of the outlet
        #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
        outlet: String,
        /// The customer's mobile number
        #[arg(long, value_name = "NUMBER", default_value = "", hide_default_value = true, allow_hyphen_values = true)]
        phone: String,
        /// What was sold, after discounts
        #[arg(long, value_name = "NUMBER", value_parser = number)]
        amount: Option<String>,
    },
}

/// What all questions have.
#[derive(Args, Clone, PartialEq, Eq, Debug)]
pub struct CallArguments {
    #[command(flatten)]
    pub remote: Remote,
    /// The whole question instead of its parts: JSON, @FILE, or - for standard input
    #[arg(long, value_name = "QUESTION")]
    pub json: Option<String>,
    /// What the till can wait, if that is less than the hook's own deadline: 1ms to 30s
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub deadline: Option<Duration>,
    /// How the answer is printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
}

/// What to print, and whether the till has an answer; a refusal is one.
pub fn call(command: &CallCommand, key: Option<&str>, listen: SocketAddr) -> anyhow::Result<(String, bool)> {
    let (call, name, parts) = match command {
        CallCommand::FetchMemberPoint { call, outlet, phone, email, code } => {
            let question = json!({"Outlet": outlet, "Phone": phone, "Email": email, "Code": code});
            (call, "fetchMemberPoint", question.to_string())
        }
        CallCommand::ValidateCoupon { call, code, outlet, phone, email, amount } => {
            let customer = json!({"Email": email, "Phone": phone});
            let cart = amount.as_ref().map(|amount| format!(",\"ShoppingCart\":{{\"Amount\":{amount},\"Items\":[]}}"));
            let (code, outlet) = (json!(code), json!(outlet));
            let cart = cart.unwrap_or_default();
            (call, "validateCoupon", format!("{{\"Code\":{code},\"Outlet\":{outlet},\"Customer\":{customer}{cart}}}"))
        }
        CallCommand::OrderComplete { call, id, outlet, phone, amount } => {
            let customer = json!({"Mobile": phone});
            let sales = amount.as_ref().map(|amount| format!(",\"Sales\":{amount}")).unwrap_or_default();
            let (id, outlet) = (json!(id), json!(outlet));
            (call, "orderComplete", format!("{{\"ID\":{id},\"Outlet\":{outlet},\"Customer\":{customer}{sales}}}"))
        }
    };
    let question = match &call.json {
        Some(text) => {
            let text = given(text)?;
            if let Err(error) = serde_json::from_str::<serde_json::Map<String, Value>>(&text) {
                return usage(format!("--json: the question is no JSON object: {error}"));
            }
            text.trim().to_owned()
        }
        None => parts,
    };
    let deadline_ms = call.deadline.map(|deadline| deadline.as_millis());
    let answer = remote::ask_hook(&call.remote, name, &question, deadline_ms, key, listen)?;
    let read: Told = serde_json::from_str(&answer).context("the server's answer is not that of a hook")?;
    let text = match call.format {
        Format::Text => told(&read),
        Format::Json => format!("{}\n", answer.trim()),
    };
    Ok((text, read.kind != "failed"))
}

/// A number as JSON writes it: it goes out by its digits.
fn number(text: &str) -> Result<String, String> {
    let is_number = text.bytes().next().is_some_and(|byte| byte.is_ascii_digit() || byte == b'-');
    match serde_json::from_str::<&RawValue>(text) {
        Ok(_) if is_number => Ok(text.to_owned()),
        Ok(_) | Err(_) => Err("it is no number; expected digits such as 75600 or 12.50".to_owned()),
    }
}

/// What the server says of a call, as far as it is shown.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    kind: String,
    /// Its numbers are the app's, digit by digit.
    answer: Option<Box<RawValue>>,
    cause: Option<String>,
    reason: Option<String>,
    age_ms: Option<u64>,
    took_ms: Option<u64>,
    call_id: Option<String>,
}

fn told(told: &Told) -> String {
    let who = match told.kind.as_str() {
        "live" => "the app answered, now",
        "cache" => "the app answered, a while ago",
        "fallback" => "nobody answered; this is what the account declared for that case",
        "refused" => "the app answered, and says no",
        "failed" => "nobody answered",
        // A newer server may know more kinds.
        _ => "",
    };
    let mut text = format!("kind    {}: {who}\n", told.kind);
    let mut line = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            let _ = writeln!(text, "{name:<8}{value}");
        }
    };
    line("answer", told.answer.as_ref().map(|answer| answer.get().to_owned()));
    let reason = told.reason.as_deref().unwrap_or_default();
    line("cause", told.cause.as_ref().map(|cause| format!("{cause}: {reason}")));
    line("age", told.age_ms.map(|millis| format!("{millis} ms")));
    line("took", told.took_ms.map(|millis| format!("{millis} ms")));
    line("call", told.call_id.clone());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_told_without_holes() {
        let read = |text: &str| told(&serde_json::from_str(text).expect(text));
        assert_eq!(
            read(r#"{"kind":"live","answer":{"Point":12.50},"cause":null,"ageMs":null,"tookMs":3,"callId":"msg_1"}"#),
            "kind    live: the app answered, now\nanswer  {\"Point\":12.50}\ntook    3 ms\ncall    msg_1\n"
        );
        let failed = r#"{"kind":"failed","answer":null,"cause":"late","reason":"no answer in time","tookMs":800}"#;
        assert_eq!(read(failed), "kind    failed: nobody answered\ncause   late: no answer in time\ntook    800 ms\n");
    }

    #[test]
    fn a_number_goes_out_by_its_digits() {
        for good in ["75600", "12.50", "0", "100000000000000000000.01"] {
            assert_eq!(number(good).as_deref(), Ok(good));
        }
        for bad in ["", "1,5", "\"1\"", "true", "{}", "1 2", "abc"] {
            assert!(number(bad).is_err(), "{bad}");
        }
    }
}
