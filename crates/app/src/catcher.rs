//! Catchers: who may make, change and read them, and what happens to a request that comes in.
//!
//! A request is judged by its write token alone; everything else takes the owner, or the catcher's own read token, which
//! opens this one catcher for reading and emptying. Promise: whoever knows a write URL can send, and see nothing.

mod capture;
mod export;
mod house;
mod line;
mod read;
mod verb;

pub use capture::{Caught, Incoming};
pub use export::{CaughtFormat, caught_as};
pub use house::{CatcherPlan, Catchers};
pub use line::CaughtRequest;
pub use read::{Listed, Reader, Waited};
pub use verb::{CatcherDraft, CatcherView, NewCatcher, Turn};
