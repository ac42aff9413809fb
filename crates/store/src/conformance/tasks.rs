//! Tasks: begun, advanced, ended, listed.

use ringup_core::id::TaskId;
use ringup_core::key::EnvironmentKey;
use ringup_core::limits::TASKS_KEPT_MAX;
use ringup_core::task::{Standing, Task, TaskKind, TaskProgress, TaskScope, TaskStatus};
use ringup_core::time::Tick;

use super::scene::Scene;
use super::{Home, sample};
use crate::query::{Order, TaskFilter};
use crate::seam::{StoreError, TaskStep};

pub async fn every_field_of_a_task_comes_back(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let whole = Task {
        endpoint: Some(scene.endpoints[0]),
        kind: TaskKind::BulkReplay,
        scope: TaskScope {
            since: sample::noon(),
            until: sample::day(1),
            event_types: Some(vec!["invoiceCreated".to_owned()]),
            channel: Some("outlet-7".to_owned()),
            standing: Some(Standing::Failed),
            status_class: Some(5),
            search: Some("status:failed \"ü\"".to_owned()),
            expected: Some(u64::from(u32::MAX) + 1),
        },
        rate: Some(25),
        cursor: Tick(4_711),
        progress: TaskProgress { done: 3, passed_over: 4 },
        why: Some("for no reason".to_owned()),
        ..task(&scene, 1)
    };
    let bare = Task { kind: TaskKind::Expunge, ..task(&scene, 2) };
    begin(&scene, &whole).await;
    begin(&scene, &bare).await;
    assert_eq!(all(&scene, TaskFilter::default()).await, [whole.clone(), bare.clone()]);
    let scene = scene.reopen(home).await;
    assert_eq!(all(&scene, TaskFilter::default()).await, [whole, bare]);
}

pub async fn a_task_advances_until_it_has_ended(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let mut expected = task(&scene, 1);
    begin(&scene, &expected).await;
    let reached = (Tick(99), TaskProgress { done: 7, passed_over: 2 });
    let step = TaskStep { status: TaskStatus::Running, reached: Some(reached), why: None, now: sample::day(1) };
    assert!(scene.store.advance_task(expected.id, step.clone()).await.expect("the store takes it"));
    (expected.cursor, expected.progress) = reached;
    expected.updated_at = sample::day(1);
    assert_eq!(all(&scene, TaskFilter::default()).await, [expected.clone()]);
    // Ended from elsewhere: where it is stays.
    let why = Some("enough".to_owned());
    let end = TaskStep { status: TaskStatus::Cancelled, reached: None, why: why.clone(), now: sample::day(2) };
    assert!(scene.store.advance_task(expected.id, end).await.expect("the store takes it"));
    expected = Task { status: TaskStatus::Cancelled, why, updated_at: sample::day(2), ..expected };
    assert!(!scene.store.advance_task(expected.id, step.clone()).await.expect("the store answers"), "it has ended");
    assert_eq!(all(&scene, TaskFilter::default()).await, [expected]);
    let nobody = TaskId([9; 20]);
    assert!(!scene.store.advance_task(nobody, step).await.expect("the store answers"));
}

pub async fn so_many_run_at_once_and_no_more(home: &dyn Home) {
    let scene = Scene::open(home).await;
    begin(&scene, &task(&scene, 1)).await;
    begin(&scene, &task(&scene, 2)).await;
    let third = task(&scene, 3);
    let refused = scene.store.begin_task(third.clone(), 2).await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
    assert_eq!(all(&scene, TaskFilter::default()).await.len(), 2, "what is refused is not kept");
    let others = Task { account: scene.other, ..task(&scene, 4) };
    begin(&scene, &others).await;
    let step = TaskStep { status: TaskStatus::Finished, reached: None, why: None, now: sample::day(1) };
    scene.store.advance_task(id(1), step).await.expect("the store takes it");
    begin(&scene, &third).await;
}

pub async fn tasks_are_listed_by_each_filter_in_pages(home: &dyn Home) {
    let scene = Scene::open(home).await;
    for number in 1..=6 {
        let kind = if number % 2 == 0 { TaskKind::Recover } else { TaskKind::Expunge };
        let account = if number <= 4 { scene.account } else { scene.other };
        let environment = EnvironmentKey(if number == 6 { 2 } else { 1 });
        let status = if number == 3 { TaskStatus::Failed } else { TaskStatus::Running };
        let new = Task { kind, account, environment, status, ..task(&scene, number) };
        scene.store.begin_task(new, 10).await.expect("there is room");
    }
    let none = TaskFilter::default;
    for (filter, expected) in [
        (none(), vec![1, 2, 3, 4, 5, 6]),
        (TaskFilter { account: Some(scene.other), ..none() }, vec![5, 6]),
        (TaskFilter { environment: Some(EnvironmentKey(1)), ..none() }, vec![1, 2, 3, 4, 5]),
        (TaskFilter { kind: Some(TaskKind::Recover), ..none() }, vec![2, 4, 6]),
        (TaskFilter { status: Some(vec![TaskStatus::Failed]), ..none() }, vec![3]),
        (TaskFilter { status: Some(vec![TaskStatus::Failed, TaskStatus::Running]), ..none() }, vec![1, 2, 3, 4, 5, 6]),
        (TaskFilter { id: Some(id(4)), ..none() }, vec![4]),
        (TaskFilter { id: Some(id(4)), account: Some(scene.other), ..none() }, vec![]),
    ] {
        assert_eq!(numbers(&all(&scene, filter.clone()).await), expected, "{filter:?}");
    }
    let page = async |after, order| {
        let found = scene.store.tasks(none(), after, order, 4).await.expect("the store reads");
        numbers(&found)
    };
    assert_eq!(page(None, Order::OldestFirst).await, [1, 2, 3, 4]);
    assert_eq!(page(Some(id(4)), Order::OldestFirst).await, [5, 6]);
    assert_eq!(page(None, Order::NewestFirst).await, [6, 5, 4, 3]);
    assert_eq!(page(Some(id(3)), Order::NewestFirst).await, [2, 1]);
}

pub async fn the_oldest_ended_ones_go(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let running = task(&scene, 0);
    begin(&scene, &running).await;
    for number in 1..=TASKS_KEPT_MAX + 2 {
        let mut id = [0; 20];
        id[..8].copy_from_slice(&u64::try_from(number).expect("small").to_be_bytes());
        let ended = Task { id: TaskId(id), status: TaskStatus::Finished, ..task(&scene, 1) };
        scene.store.begin_task(ended, 1).await.expect("an ended one does not count as running");
    }
    let kept =
        scene.store.tasks(TaskFilter::default(), None, Order::OldestFirst, 2_000).await.expect("the store reads");
    assert_eq!(kept.len(), TASKS_KEPT_MAX + 1);
    assert_eq!(kept.first().map(|task| task.id), Some(running.id), "a running one stays, however old");
    assert_eq!(kept.get(1).map(|task| task.id.0[7]), Some(3));
}

pub async fn a_running_task_survives_a_crash(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let task = task(&scene, 1);
    begin(&scene, &task).await;
    let reached = (Tick(5), TaskProgress { done: 100, passed_over: 0 });
    let step = TaskStep { status: TaskStatus::Running, reached: Some(reached), why: None, now: sample::day(1) };
    scene.store.advance_task(task.id, step).await.expect("the store takes it");
    let Some(scene) = scene.crash(home).await else { return };
    let running = TaskFilter { status: Some(vec![TaskStatus::Running]), ..TaskFilter::default() };
    let found = all(&scene, running).await;
    assert_eq!(found.iter().map(|task| (task.id, task.cursor)).collect::<Vec<_>>(), [(task.id, Tick(5))]);
}

fn id(number: u8) -> TaskId {
    let mut id = [0; 20];
    id[19] = number;
    TaskId(id)
}

fn numbers(tasks: &[Task]) -> Vec<u8> {
    tasks.iter().map(|task| task.id.0[19]).collect()
}

fn task(scene: &Scene, number: u8) -> Task {
    Task {
        id: id(number),
        environment: EnvironmentKey(1),
        account: scene.account,
        endpoint: None,
        kind: TaskKind::Recover,
        scope: TaskScope { since: sample::noon(), until: sample::day(1), ..TaskScope::default() },
        rate: None,
        status: TaskStatus::Running,
        cursor: Tick(1),
        progress: TaskProgress::default(),
        why: None,
        created_at: sample::noon(),
        updated_at: sample::noon(),
    }
}

async fn begin(scene: &Scene, task: &Task) {
    scene.store.begin_task(task.clone(), 2).await.expect("there is room");
}

async fn all(scene: &Scene, filter: TaskFilter) -> Vec<Task> {
    scene.store.tasks(filter, None, Order::OldestFirst, 100).await.expect("the store reads")
}
