//! How the time of one call was spent.

use std::time::Duration;

/// How long each step took; `None` where it was not needed or not reached. What is left of the whole is the body of the
/// answer, or waiting for what did not come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Timing {
    pub resolve: Option<Duration>,
    pub connect: Option<Duration>,
    pub tls: Option<Duration>,
    /// From handing the request to the connection to the complete response head.
    pub first_byte: Option<Duration>,
}

impl Timing {
    /// The steps in their order, with the stable word of each.
    pub fn steps(&self) -> [(&'static str, Option<Duration>); 4] {
        [("resolve", self.resolve), ("connect", self.connect), ("tls", self.tls), ("first_byte", self.first_byte)]
    }

    /// Nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == Timing::default()
    }
}
