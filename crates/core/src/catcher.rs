//! What a catcher answers: a script of one line, and which of its steps a request meets.
//!
//! ```text
//! script   = step *( "," step ) [ ";" option *( " " option ) ]
//! step     = [ "chance " number "%" ] action [ " x" count ] *( " " key "=" value )
//! action   = status code | "echo" | "loyalty" | "timeout" [ time ] | "slow" [ rate ] | "reset" | "drop" | "stall" [ time ]
//!          | "garbage" | "huge" [ size ] | "redirect" [ status code ]
//! key      = "delay" | "retry-after" | "body"
//! option   = "per:event" (default) | "per:catcher" | "then:hold" (default) | "then:loop" | "then:200" | "seed:" number
//! ```
//!
//! A script is read once and then asked: how often a request's event was seen decides the step, and a draw decides
//! what happens by chance. Nothing here waits or sends; whoever holds the socket does.

use std::time::Duration;

mod noun;
mod parse;
mod preset;
mod seen;
mod write;

pub use noun::{Capture, Catcher, FixedBody, Stamp, headers};
pub use parse::ScriptProblem;
pub use preset::{PRESETS, Preset};
pub use seen::{EVENTS_MAX, Seen, Sighting};

/// Characters of a script, and steps in it: one line that a person can read.
pub const SCRIPT_CHARS_MAX: usize = 500;
pub const STEPS_MAX: usize = 32;

/// How often one step repeats.
pub const COUNT_MAX: u32 = 1_000;

/// The longest that a step waits, with room above the longest time limit of an attempt.
pub const WAIT_MAX: Duration = Duration::from_secs(150);

/// Bytes of an answer's body: beyond what any caller reads.
pub const BODY_BYTES_MAX: u32 = 16 * 1024 * 1024;

/// Bytes a second of a trickled answer.
pub const RATE_MAX: u32 = 16 * 1024 * 1024;

/// What `timeout` and `stall` wait: longer than the time limit of an attempt by default.
pub const WAIT_DEFAULT: Duration = Duration::from_secs(35);

pub const RATE_DEFAULT: u32 = 1_000;
pub const SLOW_BODY_DEFAULT: u32 = 64 * 1024;
pub const HUGE_BODY_DEFAULT: u32 = 10 * 1024 * 1024;
pub const REDIRECT_DEFAULT: u16 = 302;

/// Answers for each event in turn, or for the catcher as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// At least one.
    steps: Vec<Step>,
    pub per: Per,
    pub then: Then,
    /// Where the draws begin, so that a run by chance can be repeated; the catcher's own seed if there is none.
    pub seed: Option<u64>,
}

/// Whose requests are counted together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Per {
    /// Those of one `webhook-id`, so that events sent side by side do not disturb each other.
    #[default]
    Event,
    /// All of them.
    Catcher,
}

/// What comes after the last step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Then {
    /// The last step again.
    #[default]
    Hold,
    /// The first step.
    Loop,
    /// 200.
    Ok,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub action: Action,
    /// How many requests in turn meet it.
    pub count: u32,
    /// Percent of them; the others get 200. `None` is all of them.
    pub chance: Option<u8>,
    /// Pause between the whole request and the first byte of the answer.
    pub delay: Duration,
}

/// What happens to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// This status, with the catcher's own body or this many bytes.
    Status { status: u16, retry_after: Option<u32>, body_bytes: Option<u32> },
    /// 200 with the body that came.
    Echo,
    /// What a loyalty app says that knows two members and four coupons, and rewards a tenth of a sale.
    Loyalty,
    /// Not one byte for this long, then the connection closes.
    Timeout { wait: Duration },
    /// 200 and a body that trickles.
    Slow { bytes_per_sec: u32, body_bytes: u32 },
    /// The connection is reset (TCP RST) after the request was read.
    Reset,
    /// The connection is closed after the request was read, without a byte of answer.
    Drop,
    /// A good head and half of the body it announced, then nothing for this long, then the connection closes.
    Stall { wait: Duration },
    /// Bytes that are not HTTP, then the connection closes.
    Garbage,
    /// 200 and a body of this many bytes.
    Huge { body_bytes: u32 },
    /// Sends the caller to another path below the same catcher.
    Redirect { status: u16 },
}

impl Action {
    pub const OK: Action = Action::Status { status: 200, retry_after: None, body_bytes: None };
}

/// What one request gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub action: Action,
    pub delay: Duration,
    /// Which step it is; `None` is the 200 after the last one.
    pub step: Option<usize>,
}

impl Default for Script {
    /// 200, always.
    fn default() -> Script {
        Script {
            steps: vec![Step { action: Action::OK, count: 1, chance: None, delay: Duration::ZERO }],
            per: Per::Event,
            then: Then::Hold,
            seed: None,
        }
    }
}

impl Script {
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Which step the request meets that was preceded by `seen` others of the same event; `None` after the last one
    /// where the script then answers 200.
    pub fn step_at(&self, seen: u64) -> Option<usize> {
        let total: u64 = self.steps.iter().map(|step| u64::from(step.count)).sum();
        let mut turn = match self.then {
            Then::Loop => seen.checked_rem(total).unwrap_or(0),
            Then::Hold | Then::Ok => seen,
        };
        for (index, step) in self.steps.iter().enumerate() {
            match turn.checked_sub(u64::from(step.count)) {
                Some(left) => turn = left,
                None => return Some(index),
            }
        }
        match self.then {
            Then::Hold | Then::Loop => self.steps.len().checked_sub(1),
            Then::Ok => None,
        }
    }
}

/// What the next request gets. `seen` others were counted before it; `draw` is uniform in `[0, 1)`.
pub fn next_answer(script: &Script, seen: u64, draw: f64) -> Answer {
    let index = script.step_at(seen);
    let Some(step) = index.and_then(|index| script.steps.get(index)) else {
        return Answer { action: Action::OK, delay: Duration::ZERO, step: None };
    };
    let happens = step.chance.is_none_or(|percent| draw < f64::from(percent) / 100.0);
    let action = if happens { step.action.clone() } else { Action::OK };
    Answer { action, delay: step.delay, step: index }
}

/// The draw for the n-th request under a seed: the same for the same two numbers, always.
///
/// Source: splitmix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators").
pub fn draw(seed: u64, number: u64) -> f64 {
    let mut mixed = seed.wrapping_add(number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    let high = u32::try_from(mixed >> 32).unwrap_or(u32::MAX);
    f64::from(high) / (f64::from(u32::MAX) + 1.0)
}
