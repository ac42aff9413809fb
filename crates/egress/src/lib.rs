//! The only way out to a receiver: resolve, check, pin, sign, send, read at most the cap.
//!
//! Nothing here is an error of the receiver's: whatever it does is an [`Outcome`](ringup_core::outcome::Outcome). What
//! this crate promises: no address is dialled that [`guard`] forbids, whatever a URL, a name server or a redirect says;
//! no call outlives its time limit; no answer takes more memory than its caps.
//!
//! One call is one request, with one exception that the receiver cannot notice: if a kept connection turns out to be
//! closed before a byte of the request left us, the request goes out on a fresh one. Once a byte has left, the receiver
//! may have acted on it, so a connection that then breaks is [`Cause::Reset`](ringup_core::outcome::Cause::Reset) and
//! the retry policy decides; [`Reply::reused`] tells it apart. To make that rare, the kernel is asked about a kept
//! connection right before it is used, idle ones are kept for less than the usual servers' limits, and a receiver that
//! announces a shorter one is believed.

pub mod client_tls;
pub mod guard;
pub mod header;
pub mod mail;
pub mod plan;
pub mod prepared;
pub mod request;
pub mod resolve;
pub mod sign;
pub mod token;
pub mod url_policy;

mod client;
mod connection;
mod dial;
mod fault;
mod message;
mod pool;
mod probe;
mod wire;

pub use client::Egress;
pub use plan::{EgressError, EgressPlan, OwnCatcher, load_roots};
pub use probe::{Probe, Sight, TlsFault, TlsSeen};
pub use request::{Caller, Fence, Question, Reply, Request, Right, Webhook};
pub use url_policy::{CheckedUrl, UrlProblem};
