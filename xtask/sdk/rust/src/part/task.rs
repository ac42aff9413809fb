//! Background tasks.

use anyhow::{Context, Result};
use svix::models::{BackgroundTaskOut, BackgroundTaskStatus, BackgroundTaskType};

use crate::{
    call,
    calls::Calls,
    expect::{eventually, just_now, matches, same},
};

/// The task when it is over, which must be well.
pub async fn finished(svix: &Calls, id: &str, kind: BackgroundTaskType) -> Result<BackgroundTaskOut> {
    matches(id, "qtask_")?;
    let look = async || {
        let found = call!(svix, background_task.get(id.to_owned()))?;
        Ok(Some(found).filter(|found| found.status != BackgroundTaskStatus::Running).into_iter().collect())
    };
    let found: BackgroundTaskOut = eventually(look).await?.pop().context("a task")?;
    same((found.id.as_str(), found.task, found.status), (id, kind, BackgroundTaskStatus::Finished))?;
    just_now(found.updated_at)?;
    Ok(found)
}
