//! Tasks by id, which is the order in which they began.

use std::collections::BTreeMap;

use ringup_core::id::TaskId;
use ringup_core::key::AccountKey;
use ringup_core::limits::TASKS_KEPT_MAX;
use ringup_core::task::{Task, TaskStatus};

use crate::query::{Order, TaskFilter};
use crate::seam::{StoreError, TaskStep};

#[derive(Clone, Default)]
pub(super) struct TaskRows(BTreeMap<TaskId, Task>);

impl TaskRows {
    pub(super) fn begin(&mut self, task: Task, running_max: usize) -> Result<(), StoreError> {
        let running = |kept: &&Task| kept.account == task.account && kept.status == TaskStatus::Running;
        if task.status == TaskStatus::Running && self.0.values().filter(running).count() >= running_max {
            return Err(StoreError::Conflict("number of running tasks"));
        }
        let account = task.account;
        self.0.insert(task.id, task);
        self.let_go(account);
        Ok(())
    }

    fn let_go(&mut self, account: AccountKey) {
        let ended = |kept: &&Task| kept.account == account && kept.status != TaskStatus::Running;
        let over: Vec<TaskId> = self.0.values().rev().filter(ended).skip(TASKS_KEPT_MAX).map(|task| task.id).collect();
        for id in over {
            self.0.remove(&id);
        }
    }

    pub(super) fn advance(&mut self, id: TaskId, step: TaskStep) -> bool {
        let Some(task) = self.0.get_mut(&id).filter(|task| task.status == TaskStatus::Running) else { return false };
        task.status = step.status;
        if let Some((cursor, progress)) = step.reached {
            task.cursor = cursor;
            task.progress = progress;
        }
        task.why = step.why;
        task.updated_at = step.now;
        true
    }

    pub(super) fn list(&self, filter: &TaskFilter, after: Option<TaskId>, order: Order, rows_max: usize) -> Vec<Task> {
        let behind = |task: &&Task| match (after, order) {
            (None, _) => true,
            (Some(after), Order::NewestFirst) => task.id < after,
            (Some(after), Order::OldestFirst) => task.id > after,
        };
        let wanted = self.0.values().filter(behind).filter(|task| filter.wants(task));
        match order {
            Order::NewestFirst => wanted.rev().take(rows_max).cloned().collect(),
            Order::OldestFirst => wanted.take(rows_max).cloned().collect(),
        }
    }
}
