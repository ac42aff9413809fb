//! What is under `deploy/`, held against other people's tools: Helm's own library, the schemas of Kubernetes, the Compose
//! Specification. None of them needs a cluster or a container.

use anyhow::{Context as _, Result, ensure};

use crate::{child, package, smoke, test::Outcome, workspace};

/// Helm's SDK of version 4 with its library in the wheel; the schemas of each Kubernetes; the Compose Specification as types.
const PACKAGES: [&str; 4] =
    ["helm-python-sdk==0.2.2", "kubernetes-validate==1.37.0", "compose-spec==0.2.1", "PyYAML==6.0.4"];

/// `cargo xtask test --only deploy`.
pub fn run() -> Result<Outcome> {
    let python = match package::python("deploy", &PACKAGES) {
        Ok(python) => python,
        Err(error) => return Ok(Outcome::Skipped(format!("Helm's library cannot be had here: {error:#}"))),
    };
    let root = workspace::root();
    let mut check = child::command(&python.to_string_lossy(), &["-B"]);
    check.arg(root.join("xtask/src/deploy/check.py")).arg(root.join("deploy")).arg(smoke::binary()?);
    let output = check.output().context("starting python")?;
    let said = String::from_utf8_lossy(&output.stdout);
    eprint!("{said}");
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
    let count = said.split_whitespace().next().and_then(|count| count.parse().ok());
    Ok(Outcome::Passed(count.context("it does not say how much was checked")?))
}
