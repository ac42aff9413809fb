//! Configuration from another process: `ringup key create` beside the nodes, or while there are none.

use super::link::Link;
use super::plan::Plan;
use super::upgrade;
use super::{catalog, incoming};
use crate::seam::{Change, Configuration, StoreError};

/// Reads and changes the configuration of a database without being one of its nodes: it has no lease and no share of the
/// work, and takes no step of an upgrade. Nodes see the change through `Store::outside_changes`.
pub struct Configurator {
    link: Link,
    plan: Plan,
}

impl Configurator {
    /// The plan's `node` is whose change it is said to be; no node's name. Does not wait for a database that is away, and
    /// refuses one in which no node has been yet.
    pub async fn open(plan: Plan) -> Result<Configurator, StoreError> {
        let link = Link::connect(&plan, plan.read_time_limit).await?;
        upgrade::check(&link, &plan.place()).await?;
        catalog::check_key(&link, &plan).await?;
        incoming::check(&link, &plan).await?;
        Ok(Configurator { link, plan })
    }

    pub async fn load(&self) -> Result<Configuration, StoreError> {
        Ok(catalog::load::configuration(&self.link, &self.plan.encryption_key).await?)
    }

    /// As `Store::change`.
    pub async fn change(&self, change: &Change) -> Result<i64, StoreError> {
        Ok(catalog::change(&self.link, change, &self.plan.encryption_key, &self.plan.node).await?)
    }
}
