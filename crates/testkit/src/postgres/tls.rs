//! A server that is reached over TCP, and only with TLS.

use std::{
    fs::{self, Permissions},
    net::TcpListener,
    os::unix::fs::{PermissionsExt as _, chown},
};

use anyhow::Result;

use super::{Postgres, owner};

/// Who comes over TCP without TLS is refused.
const RULES: &str = "local all all trust\nhostssl all all 127.0.0.1/32 trust\n";

impl Postgres {
    /// A server for one test alone, with this certificate and its key as PEM.
    pub fn with_tls(certificate: &str, key: &str) -> Result<Postgres> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let more = format!("-c listen_addresses=127.0.0.1 -c port={port} -c ssl=on");
        let server = Postgres::unmade(more, port)?;
        server.make()?;
        for (name, text) in [("server.crt", certificate), ("server.key", key), ("pg_hba.conf", RULES)] {
            let path = server.data().join(name);
            fs::write(&path, text)?;
            fs::set_permissions(&path, Permissions::from_mode(0o600))?;
            if let Some((owner, group)) = owner()? {
                chown(&path, Some(owner), Some(group))?;
            }
        }
        server.start()?;
        Ok(server)
    }

    /// The address of a fresh schema, over TCP to this host, with parameters besides.
    pub fn schema_at(&self, host: &str, parameters: &str) -> Result<String> {
        let url = self.schema()?;
        let schema = url.rsplit_once('?').map_or("", |(_, options)| options);
        Ok(format!("postgres://postgres@{host}:{}/postgres?{schema}&{parameters}", self.port))
    }
}
