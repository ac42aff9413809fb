//! A world in which months pass in a second: dispatch and the store in memory under seeded time, network and crashes.
//!
//! A seed decides everything: how many accounts and endpoints there are, how receivers behave, what the store refuses,
//! when the process dies. The same seed is the same run, line by line of its trace, so a run that breaks a promise can
//! be repeated and read. Left out: sockets, files and threads, which have tests of their own.

pub mod check;
pub mod dice;
pub mod facts;
pub mod mix;
pub mod observed;
pub mod operator;
pub mod ports;
pub mod publisher;
pub mod receiver;
pub mod run;
pub mod seeds;
pub mod stage;
pub mod trace;
pub mod vigil;
pub mod world;
