//! What the tests and benches of Ringup stand on: receivers, servers that misbehave, a name server,
//! certificates, a proxy that cuts connections, the real binary as a child process, a load generator and the oracle.
//!
//! It looks at Ringup from outside, over real sockets, and imports none of its crates, so what it finds
//! does not share Ringup's own mistakes. Development only: nothing here is part of the product.

pub mod browser;
pub mod client;
pub mod console;
pub mod dns;
pub mod garden;
pub mod histogram;
pub mod hostile;
pub mod journal;
pub mod load;
pub mod mail_server;
pub mod oracle;
#[cfg(unix)]
pub mod postgres;
pub mod proxy;
pub mod receiver;
pub mod server;
pub mod tempdir;
pub mod tls;
pub mod token_server;
