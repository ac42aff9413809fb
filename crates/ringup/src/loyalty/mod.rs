//! `ringup loyalty`: an External Loyalty App to try against, a check of a real one, and a question as a till asks it.

mod call;
mod check;
mod mock;

use clap::Subcommand;
use ringup_egress::sign::{self, SigningKey};
use ringup_loyalty::Fault;

use crate::argument::{given, usage};

pub use call::{CallCommand, call};
pub use check::{CheckArguments, check};
pub use mock::{LISTEN as MOCK_LISTEN, MockArguments, mock};

#[derive(Subcommand, Clone, PartialEq, Eq, Debug)]
pub enum LoyaltyCommand {
    /// Play a loyalty app on a port of this machine, well or with any fault
    #[command(
        long_about = "Play a loyalty app on a port of this machine: it answers Fetch Member Point, Validate Coupon and \
            Order Complete in both published generations, from a small table of members and coupons, and rewards a \
            tenth of each sale once. It keeps nothing: each start begins with the table.\n\nWhich hook is asked says \
            the last part of the path, else the header ringup-event, else the question. With a secret it refuses what \
            is not signed with it.",
        after_help = "Examples:\n  \
            ringup loyalty mock\n  \
            ringup loyalty mock --listen 127.0.0.1:9100 --file members.json --secret @secret.txt\n  \
            ringup loyalty mock --fault slow --delay 3s\n  \
            ringup loyalty mock --print-table > members.json\n\n\
            A server asks it if plain HTTP to this machine is allowed there:\n  \
            ringup serve --set egress.allow_http=true --set egress.allow_networks=127.0.0.0/8"
    )]
    Mock(MockArguments),
    /// Check a loyalty app against the contract and name what is wrong; exits 1 if anything is
    #[command(
        long_about = "Check a loyalty app against the contract: every documented case, and what the world does to it: \
            nonsense, large questions, the same sale again and at once, signatures that are wrong, missing or old. \
            Each case is printed with what was expected and seen; what is wrong has a name, why it matters and what \
            to do. Exits 0 if nothing is wrong, 1 if something is, 2 if the command makes no sense.\n\nIt books \
            sales for the member it is given and asks for coupons without redeeming them: use test data. The member and \
            coupons are those of `ringup loyalty mock` unless others are named.",
        after_help = "Examples:\n  \
            ringup loyalty check https://points.example/hooks --secret @secret.txt\n  \
            ringup loyalty check --validate-coupon https://points.example/coupon --used-coupon U-1 --format json\n  \
            ringup loyalty check http://127.0.0.1:8099 --local --format junit --output report.xml"
    )]
    Check(Box<CheckArguments>),
    /// Ask a hook of a running server and print what the till would get; exits 1 if there is no answer
    #[command(subcommand)]
    Call(CallCommand),
}

fn fault(word: &str) -> Result<Fault, String> {
    Fault::from_word(word).filter(|fault| *fault != Fault::Unreachable).ok_or_else(|| {
        let names: Vec<&str> = Fault::playable().map(Fault::word).collect();
        format!("there is no such fault; there are: {}", names.join(", "))
    })
}

/// A signing secret, or `@` and the file that it is in.
fn signing_key(secret: Option<&str>) -> anyhow::Result<Option<SigningKey>> {
    let Some(secret) = secret else { return Ok(None) };
    match sign::parse_secret(given(secret)?.trim()) {
        Ok(key) => Ok(Some(SigningKey::new(&key, None))),
        Err(problem) => usage(format!("--secret: {problem}; write whsec_…, or @FILE with it")),
    }
}
