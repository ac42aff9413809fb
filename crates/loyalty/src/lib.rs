//! The vendor's side of the External Loyalty App: an app to try a till against, and a contract test for real ones.
//!
//! Both speak one vocabulary: whatever can be wrong with a loyalty app is a [`Fault`]. The [`mock`] plays it, the
//! [`check`] names it, and a test holds them together: of every fault played, exactly that one is named.
//!
//! Nothing here knows a store or an account: a vendor runs it without a server.

pub mod check;
pub mod fault;
pub mod mock;
pub mod table;

pub use fault::Fault;
pub use mock::honest;

/// The last part of a URL under which a hook is asked, where one prefix serves all.
pub const HOOKS: [&str; 3] = ["fetchMemberPoint", "validateCoupon", "orderComplete"];
