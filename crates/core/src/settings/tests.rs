use super::*;

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn resolve(account: Settings, endpoint: Settings) -> EffectiveSettings {
    EffectiveSettings::resolve(&SystemDefaults::default(), &account, Some(&endpoint))
}

/// The schedule in force and where the number of repeats and the pauses come from.
#[track_caller]
fn scheduled(effective: &EffectiveSettings, schedule: Schedule, retry: Origin, cooldown: Origin) {
    assert_eq!(effective.schedule.value, schedule);
    assert_eq!((effective.retry_origin, effective.cooldown_origin), (retry, cooldown));
}

fn fixed(retry: u32, cooldown_secs: u64) -> Schedule {
    Schedule::Fixed { retry, cooldown: secs(cooldown_secs) }
}

#[test]
fn where_nobody_says_anything_the_guide_holds() {
    let effective = resolve(Settings::default(), Settings::default());
    scheduled(&effective, fixed(1, 7), Origin::System, Origin::System);
    assert_eq!(effective.retry_plan(), Policy::Guide.plan());
    assert_eq!(effective.time_limit, Effective { value: secs(30), origin: Origin::System });
    assert_eq!(effective.log_mode, Effective { value: LogMode::Full, origin: Origin::System });
    assert_eq!(effective.ordering, Effective { value: Ordering::None, origin: Origin::System });
    assert_eq!(effective.rate_limit, Effective { value: None, origin: Origin::System });
}

#[test]
fn retry_and_cooldown_come_from_different_layers() {
    let account = Settings { retry: Some(3), ..Settings::default() };
    let endpoint = Settings { cooldown: Some(secs(20)), ..Settings::default() };
    scheduled(&resolve(account.clone(), endpoint.clone()), fixed(3, 20), Origin::Account, Origin::Endpoint);
    scheduled(&resolve(endpoint, account), fixed(3, 20), Origin::Endpoint, Origin::Account);

    let system = SystemDefaults { retry: Some(0), cooldown: Some(secs(60)), ..SystemDefaults::default() };
    let account = Settings { retry: Some(2), ..Settings::default() };
    let effective = EffectiveSettings::resolve(&system, &account, None);
    scheduled(&effective, fixed(2, 60), Origin::Account, Origin::System);

    let account = Settings { cooldown: Some(secs(20)), ..Settings::default() };
    let endpoint = Settings { retry: Some(2), ..Settings::default() };
    let effective = EffectiveSettings::resolve(&system, &account, Some(&endpoint));
    scheduled(&effective, fixed(2, 20), Origin::Endpoint, Origin::Account);
}

#[test]
fn zero_means_zero() {
    let account = Settings { retry: Some(5), cooldown: Some(secs(9)), ..Settings::default() };
    let endpoint = Settings { retry: Some(0), cooldown: Some(secs(0)), ..Settings::default() };
    scheduled(&resolve(account, endpoint), fixed(0, 0), Origin::Endpoint, Origin::Endpoint);
}

#[test]
fn a_list_replaces_both_and_a_stronger_layer_replaces_the_list() {
    let pauses = vec![secs(1), secs(10), secs(100)];
    let list = Settings { schedule: Some(pauses.clone()), ..Settings::default() };
    let numbers = Settings { retry: Some(9), cooldown: Some(secs(9)), ..Settings::default() };
    let only_retry = Settings { retry: Some(9), ..Settings::default() };
    let only_cooldown = Settings { cooldown: Some(secs(9)), ..Settings::default() };

    let both = resolve(numbers.clone(), list.clone());
    scheduled(&both, Schedule::List(pauses), Origin::Endpoint, Origin::Endpoint);
    scheduled(&resolve(list.clone(), numbers), fixed(9, 9), Origin::Endpoint, Origin::Endpoint);
    scheduled(&resolve(list.clone(), only_retry.clone()), fixed(9, 7), Origin::Endpoint, Origin::System);
    scheduled(&resolve(list.clone(), only_cooldown), fixed(3, 9), Origin::Account, Origin::Endpoint);

    let system = SystemDefaults { cooldown: Some(secs(60)), ..SystemDefaults::default() };
    let effective = EffectiveSettings::resolve(&system, &list, Some(&only_retry));
    scheduled(&effective, fixed(9, 60), Origin::Endpoint, Origin::System);
}

#[test]
fn a_named_policy_replaces_what_weaker_layers_said_about_it() {
    let account = Settings {
        retry: Some(9),
        classes: ClassSwitches { no_response: Some(true), ..ClassSwitches::default() },
        honour_retry_after: Some(true),
        time_limit: Some(secs(5)),
        ..Settings::default()
    };
    let endpoint = Settings { policy: Some(Policy::Guide), ..Settings::default() };
    let effective = resolve(account, endpoint);
    assert_eq!(effective.retry_plan(), Policy::Guide.plan());
    scheduled(&effective, fixed(1, 7), Origin::Endpoint, Origin::Endpoint);
    assert_eq!(effective.honour_retry_after, Effective { value: false, origin: Origin::Endpoint });
    assert_eq!(effective.time_limit, Effective { value: secs(5), origin: Origin::Account }, "not the policy's affair");
}

#[test]
fn in_one_layer_details_refine_the_policy() {
    let endpoint = Settings {
        policy: Some(Policy::Durable),
        schedule: Some(vec![secs(1)]),
        classes: ClassSwitches { other: Some(false), ..ClassSwitches::default() },
        honour_retry_after: Some(false),
        ..Settings::default()
    };
    let plan = resolve(Settings::default(), endpoint).retry_plan();
    assert_eq!(plan.schedule, Schedule::List(vec![secs(1)]));
    assert_eq!(plan.classes, Classes { other: false, ..Classes::ALL });
    assert!(!plan.honour_retry_after);
    assert_eq!(plan.final_statuses, Policy::Durable.final_statuses());
}

#[test]
fn each_class_knows_who_switched_it() {
    let account = Settings {
        classes: ClassSwitches { no_response: Some(true), server_error: Some(false), ..ClassSwitches::default() },
        ..Settings::default()
    };
    let endpoint = Settings {
        classes: ClassSwitches { server_error: Some(true), other: Some(false), ..ClassSwitches::default() },
        ..Settings::default()
    };
    let classes = resolve(account, endpoint).classes;
    let found: Vec<(&str, bool, Origin)> = Class::ALL
        .iter()
        .map(|class| (class.word(), classes.get(*class)))
        .map(|(word, effective)| (word, effective.value, effective.origin))
        .collect();
    assert_eq!(
        found,
        [
            ("server_error", true, Origin::Endpoint),
            ("request_timeout", true, Origin::System),
            ("too_many_requests", true, Origin::System),
            ("timed_out", true, Origin::System),
            ("no_response", true, Origin::Account),
            ("other", false, Origin::Endpoint),
        ]
    );
}

#[test]
fn every_other_setting_goes_by_the_strongest_layer() {
    let account = Settings {
        log_mode: Some(LogMode::Error),
        redact: Some(vec!["/customer".to_owned()]),
        in_flight_max: Some(4),
        pause_after: Some(secs(60)),
        header_names: Some(HeaderNames::Svix),
        ..Settings::default()
    };
    let endpoint = Settings {
        log_mode: Some(LogMode::None),
        redact: Some(Vec::new()),
        ordering: Some(Ordering::ByKey("/ID".to_owned())),
        rate_limit: Some(10),
        pause_after: Some(secs(0)),
        ..Settings::default()
    };
    let effective = resolve(account, endpoint);
    assert_eq!(effective.log_mode, Effective { value: LogMode::None, origin: Origin::Endpoint });
    assert_eq!(effective.redact, Effective { value: Vec::new(), origin: Origin::Endpoint });
    assert_eq!(effective.ordering, Effective { value: Ordering::ByKey("/ID".to_owned()), origin: Origin::Endpoint });
    assert_eq!(effective.rate_limit, Effective { value: Some(10), origin: Origin::Endpoint });
    assert_eq!(effective.in_flight_max, Effective { value: 4, origin: Origin::Account });
    assert_eq!(effective.pause_after, Effective { value: secs(0), origin: Origin::Endpoint });
    assert_eq!(effective.header_names, Effective { value: HeaderNames::Svix, origin: Origin::Account });
}

#[test]
fn full_for_one_hour_reverts_by_itself() {
    let now = Timestamp::from_secs(1_795_471_200);
    let until = now.saturating_add(secs(3_600));
    let account = Settings { full_until: Some(until), ..Settings::default() };
    let endpoint = Settings { log_mode: Some(LogMode::None), ..Settings::default() };
    let effective = resolve(account, endpoint);
    assert_eq!(effective.log_mode_at(now), LogMode::Full);
    assert_eq!(effective.log_mode_at(until.saturating_sub(Duration::from_micros(1))), LogMode::Full);
    assert_eq!(effective.log_mode_at(until), LogMode::None);
}
