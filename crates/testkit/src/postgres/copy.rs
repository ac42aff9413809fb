//! Databases of a server, and copies of them by PostgreSQL's own tools, as an operator makes them.

use std::{path::Path, process::Command};

use anyhow::{Context as _, Result, ensure};

use super::Postgres;

impl Postgres {
    /// The address of a new, empty database.
    pub fn database(&self, name: &str) -> Result<String> {
        self.run(&format!("CREATE DATABASE {name}"))?;
        let socket = self.folder.display().to_string().replace('/', "%2F");
        Ok(format!("postgres://postgres@{socket}/{name}"))
    }

    /// Copies a database into a file. What commits meanwhile is in it as a whole or not at all.
    pub fn dump(&self, name: &str, into: &Path) -> Result<()> {
        self.tool("pg_dump", &["--format=custom", "--dbname", name, "--file"], into)
    }

    /// Fills an empty database from such a file: all of it, or none.
    pub fn restore(&self, name: &str, from: &Path) -> Result<()> {
        self.tool("pg_restore", &["--exit-on-error", "--single-transaction", "--dbname", name], from)
    }

    fn tool(&self, program: &str, arguments: &[&str], file: &Path) -> Result<()> {
        let mut command = Command::new(self.bin.join(program));
        command.args(["-U", "postgres", "-h"]).arg(&self.folder).args(arguments).arg(file);
        let output = command.output().with_context(|| program.to_owned())?;
        ensure!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }
}
