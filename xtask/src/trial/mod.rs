//! What the kill test and the chaos test have in common: choices that a seed repeats, receivers, and what the API says in
//! the end.

pub mod chance;
pub mod evidence;
pub mod newest;
pub mod place;
