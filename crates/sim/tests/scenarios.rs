//! Named cases: what a receiver, a crash or a full disk does to deliveries, one story each.

mod support;

use std::time::Duration;

use ringup_core::delivery::Ended;
use ringup_core::endpoint::StoppedBy;
use ringup_core::settings::{ClassSwitches, Ordering, Settings};
use ringup_sim::mix::{Departure, EndpointMix, Mix, StoreMix};
use ringup_sim::receiver::{Behaviour, Mood};
use tokio::time::sleep;

use crate::support::{HOUR, SEC, Show, always, finish, show};

#[test]
fn a_restart_in_the_middle_of_a_cooldown_keeps_it() {
    let mut show = show([always(Mood::status(500), Settings::default())]);
    show.stage.live(async |life| {
        life.publish(0, 1).await;
        sleep(3 * SEC).await;
        ((), Departure::Crash)
    });
    finish(&mut show, HOUR);
    let calls = show.calls(0);
    assert_eq!(calls.len(), 2, "the guide repeats once");
    let pause = calls[1].begun - calls[0].ended.expect("it was answered");
    assert!(pause >= 7 * SEC && pause < 7 * SEC + SEC / 10, "{pause:?}");
}

#[test]
fn gone_stops_the_endpoint_and_parks_the_rest_as_skipped() {
    let settings = Settings { in_flight_max: Some(1), ..Settings::default() };
    let mut show = show([always(Mood::status(410), settings)]);
    show.stage.live(async |life| {
        life.publish(0, 1_200).await;
        life.until_quiet(HOUR).await;
        life.publish(0, 5).await;
        ((), Departure::Crash)
    });
    finish(&mut show, HOUR);
    let calls = show.calls(0).len();
    // One more may have begun while the stop was being stored.
    assert!((1..=2).contains(&calls), "{calls} calls");
    assert_eq!(show.ended(0, Ended::Gone), calls);
    assert_eq!(show.ended(0, Ended::Skipped), 1_205 - calls);
    assert_eq!(show.stopped_by(0), Some(StoppedBy::Gone));
}

#[test]
fn an_endpoint_that_fails_for_pause_after_is_paused_even_across_a_restart() {
    let settings = Settings { pause_after: Some(10 * 60 * SEC), ..Settings::default() };
    let mut show = show([always(Mood::status(500), settings.clone()), always(Mood::WELL, settings)]);
    for minutes in [5, 10] {
        show.stage.live(async |life| {
            for _ in 0..minutes {
                life.publish(0, 1).await;
                sleep(60 * SEC).await;
            }
            ((), Departure::Crash)
        });
    }
    finish(&mut show, HOUR);
    assert_eq!(show.stopped_by(0), Some(StoppedBy::Failing));
    let stopped = show.stopped_at(0).expect("it was stopped");
    assert!(stopped >= 10 * 60 * SEC && stopped <= 12 * 60 * SEC, "paused after {stopped:?}");
    assert_eq!((show.stopped_by(1), show.calls(1).len()), (None, 15), "its neighbour goes on");
}

#[test]
fn a_dead_endpoint_with_100_000_waiting_costs_its_neighbour_nothing_and_little_memory() {
    let retried = Settings {
        classes: ClassSwitches { no_response: Some(true), ..ClassSwitches::default() },
        schedule: Some(vec![HOUR; 3]),
        ..Settings::default()
    };
    let dead = always(Mood::Unreachable(ringup_core::outcome::Cause::Refused), retried);
    let mut neighbour = always(Mood::WELL, Settings::default());
    neighbour.account = 1;
    let mut mix = Mix::still(vec![dead, neighbour]);
    mix.plan.held_bytes_max = 1 << 20;
    let mut show = Show::new(mix);
    show.stage.live(async |life| {
        for _ in 0..200 {
            life.publish(0, 500).await;
        }
        for _ in 0..60 {
            life.publish(1, 1).await;
            sleep(SEC).await;
        }
        ((), Departure::Crash)
    });
    show.stage.live(async |life| {
        for _ in 0..600 {
            life.publish(1, 1).await;
            sleep(SEC).await;
        }
        let held = life.world.facts().events_held();
        assert!(held <= 4_000, "{held} events held for a bound of 1 MiB");
        ((), Departure::Crash)
    });
    show.no_problems();
    assert_eq!(show.calls(1).len(), 660);
    let slowest = show.waits(1).into_iter().max().expect("it had calls");
    assert!(slowest < SEC / 10, "the neighbour waited {slowest:?}");
    let asked = show.calls(0).len();
    assert!((20..=40).contains(&asked), "a dead receiver was asked {asked} times in eleven minutes");
}

#[test]
fn a_receiver_that_comes_back_is_loaded_step_by_step() {
    let mood = Mood::Well { fast: SEC, slow: SEC };
    let behaviour = Behaviour::until(60 * SEC, Mood::status(503), mood);
    let settings = Settings { retry: Some(50), ..Settings::default() };
    let mut show = show([EndpointMix::new(0, settings, behaviour)]);
    show.stage.live(async |life| {
        life.publish(0, 300).await;
        ((), Departure::Crash)
    });
    finish(&mut show, HOUR);
    let calls: Vec<_> = show.calls(0).into_iter().skip_while(|call| !call.delivered).collect();
    assert!(calls.len() >= 300);
    for (first, most) in [(1, 1), (3, 2), (7, 4), (15, 8)] {
        let busiest = calls[..first].iter().map(|call| call.beside).max();
        assert!(busiest <= Some(most), "{busiest:?} in flight among the first {first}");
    }
    assert!(calls.iter().any(|call| call.beside > 4), "it never got back to speed");
}

#[test]
fn in_strict_order_a_failing_head_blocks_its_lane() {
    let behaviour = Behaviour::until(25 * SEC, Mood::status(500), Mood::WELL);
    let settings =
        Settings { retry: Some(5), cooldown: Some(10 * SEC), ordering: Some(Ordering::Strict), ..Settings::default() };
    let mut show = show([EndpointMix::new(0, settings, behaviour), always(Mood::WELL, Settings::default())]);
    show.stage.live(async |life| {
        life.publish(0, 4).await;
        sleep(15 * SEC).await;
        ((), Departure::Crash)
    });
    finish(&mut show, HOUR);
    let numbers: Vec<usize> = show.calls(0).iter().map(|call| call.number).collect();
    assert_eq!(numbers, [0, 0, 0, 0, 1, 2, 3]);
    assert!(show.calls(0).iter().all(|call| call.beside == 1));
}

#[test]
fn keyed_order_is_strict_within_a_key_and_parallel_across_keys() {
    let settings = Settings { ordering: Some(Ordering::ByKey("/ID".to_owned())), ..Settings::default() };
    let mut show = show([always(Mood::Well { fast: SEC, slow: SEC }, settings)]);
    show.stage.live(async |life| {
        life.publish_ordered(0, &[1, 1, 1, 2, 2, 2, 3, 3, 3]).await;
        life.until_quiet(HOUR).await;
        ((), Departure::Stop { grace: SEC })
    });
    let took = show.calls(0).iter().filter_map(|call| call.ended).max().expect("it had calls");
    assert!(took < 4 * SEC, "three keys of three took {took:?}");
    finish(&mut show, HOUR);
}

#[test]
fn what_the_hand_off_has_no_room_for_is_read_from_the_store() {
    let mut show = show((0..40).map(|_| always(Mood::WELL, Settings::default())));
    show.stage.live(async |life| {
        // 20,000 deliveries in one commit.
        life.publish(0, 500).await;
        life.until_quiet(HOUR).await;
        ((), Departure::Stop { grace: SEC })
    });
    finish(&mut show, HOUR);
    assert_eq!((0..40).map(|receiver| show.calls(receiver).len()).sum::<usize>(), 20_000);
}

#[test]
fn a_crash_between_commit_and_hand_off_loses_nothing() {
    let mut show = show([always(Mood::WELL, Settings::default())]);
    show.stage.live(async |life| {
        // Acknowledged, and no other task has run since.
        life.publish(0, 3).await;
        ((), Departure::Crash)
    });
    assert_eq!(show.calls(0).len(), 0);
    finish(&mut show, HOUR);
    assert_eq!(show.calls(0).len(), 3);
}

#[test]
fn outcomes_outlast_a_full_disk() {
    let mut mix = Mix::still(vec![always(Mood::Well { fast: SEC, slow: SEC }, Settings::default())]);
    mix.store = StoreMix { linger_ms: 1, fails_before: 100, ..StoreMix::default() };
    let mut show = Show::new(mix);
    show.stage.live(async |life| {
        life.publish(0, 8).await;
        sleep(SEC / 2).await;
        life.world.set_troubled(true);
        sleep(60 * SEC).await;
        assert_eq!(life.store.unflushed(), 8, "eight outcomes are kept");
        life.world.set_troubled(false);
        life.until_quiet(HOUR).await;
        ((), Departure::Stop { grace: SEC })
    });
    finish(&mut show, HOUR);
    assert_eq!(show.calls(0).len(), 8, "nothing was sent twice");
}

#[test]
fn what_waits_for_a_deleted_endpoint_is_cancelled() {
    let mut mix = Mix::still(vec![always(Mood::status(500), Settings { retry: Some(9), ..Settings::default() })]);
    mix.store = StoreMix { linger_ms: 1, fails_before: 100, ..StoreMix::default() };
    let mut show = Show::new(mix);
    show.stage.live(async |life| {
        life.publish(0, 50).await;
        sleep(2 * SEC).await;
        life.delete(0).await.expect("it is there");
        // The first tries to end its deliveries fail.
        life.world.set_troubled(true);
        sleep(5 * SEC).await;
        life.world.set_troubled(false);
        life.until_quiet(HOUR).await;
        ((), Departure::Stop { grace: SEC })
    });
    finish(&mut show, HOUR);
    assert_eq!(show.ended(0, Ended::Cancelled), 50);
}

#[test]
fn a_resend_to_a_deleted_endpoint_ends_even_if_the_store_refuses_at_first() {
    let mut mix = Mix::still(vec![always(Mood::WELL, Settings::default())]);
    mix.store = StoreMix { linger_ms: 1, fails_before: 100, ..StoreMix::default() };
    let mut show = Show::new(mix);
    show.stage.live(async |life| {
        life.publish(0, 1).await;
        life.until_quiet(HOUR).await;
        life.delete(0).await.expect("it is there");
        ((), Departure::Crash)
    });
    show.stage.live(async |life| {
        sleep(SEC).await;
        let event = life.acknowledged(0)[0];
        life.resend(event, 0).await.expect("the event is there");
        life.world.set_troubled(true);
        sleep(5 * SEC).await;
        life.world.set_troubled(false);
        life.until_quiet(HOUR).await;
        ((), Departure::Stop { grace: SEC })
    });
    finish(&mut show, HOUR);
    assert_eq!(show.ended(0, Ended::Cancelled), 1);
}

#[test]
fn a_stop_whose_clean_up_failed_is_cleaned_up_later() {
    let mut mix =
        Mix::still(vec![always(Mood::status(410), Settings { in_flight_max: Some(1), ..Settings::default() })]);
    mix.store = StoreMix { linger_ms: 1, fails_before: 60, ..StoreMix::default() };
    let mut show = Show::new(mix);
    show.stage.live(async |life| {
        life.publish(0, 20).await;
        life.world.set_troubled(true);
        sleep(20 * SEC).await;
        life.world.set_troubled(false);
        life.until_quiet(HOUR).await;
        ((), Departure::Stop { grace: SEC })
    });
    finish(&mut show, HOUR);
    assert_eq!(show.ended(0, Ended::Skipped) + show.ended(0, Ended::Gone), 20);
}

#[test]
fn a_resend_by_hand_is_exactly_one_attempt() {
    let mut show = show([always(Mood::status(500), Settings::default())]);
    show.stage.live(async |life| {
        life.publish(0, 1).await;
        life.until_quiet(HOUR).await;
        assert_eq!(life.world.facts().calls.len(), 2);
        let event = life.acknowledged(0)[0];
        life.resend(event, 0).await.expect("the store takes it");
        sleep(HOUR).await;
        ((), Departure::Stop { grace: SEC })
    });
    finish(&mut show, HOUR);
    assert_eq!(show.calls(0).len(), 3);
    assert_eq!(show.ended(0, Ended::Exhausted), 1);
}

#[test]
fn a_stop_finishes_what_is_under_way_and_sends_nothing_twice() {
    let settings = Settings { in_flight_max: Some(2), ..Settings::default() };
    let mut show = show([always(Mood::Well { fast: 5 * SEC, slow: 5 * SEC }, settings)]);
    show.stage.live(async |life| {
        life.publish(0, 10).await;
        sleep(7 * SEC).await;
        ((), Departure::Stop { grace: 20 * SEC })
    });
    assert_eq!(show.calls(0).len(), 4, "nothing begins once the stop has");
    finish(&mut show, HOUR);
    assert_eq!(show.calls(0).len(), 10);
}

#[test]
fn what_a_stop_cuts_off_does_not_count_against_the_endpoint() {
    let behaviour = Behaviour::until(10 * SEC, Mood::Silent, Mood::WELL);
    let settings = Settings { retry: Some(0), ..Settings::default() };
    let mut show = show([EndpointMix::new(0, settings, behaviour)]);
    show.stage.live(async |life| {
        life.publish(0, 1).await;
        sleep(SEC).await;
        ((), Departure::Stop { grace: 2 * SEC })
    });
    show.stage.live(async |_| {
        sleep(SEC).await;
        ((), Departure::Stop { grace: 30 * SEC })
    });
    finish(&mut show, HOUR);
    // Cut off once, then out of time by its own fault: without a retry that is the end.
    assert_eq!((show.calls(0).len(), show.ended(0, Ended::Exhausted)), (2, 1));
}

#[test]
fn what_is_published_while_the_store_is_read_does_not_hide_what_was_left() {
    let settings = Settings { ordering: Some(Ordering::Strict), ..Settings::default() };
    let mut mix = Mix::still(vec![always(Mood::WELL, settings)]);
    mix.store = StoreMix { linger_ms: 1, fails_before: 100, ..StoreMix::default() };
    let mut show = Show::new(mix);
    show.stage.live(async |life| {
        life.publish(0, 3).await;
        ((), Departure::Crash)
    });
    show.stage.live(async |life| {
        // The first look for work fails; the next is a second away.
        life.world.set_troubled(true);
        sleep(Duration::from_millis(5)).await;
        life.world.set_troubled(false);
        life.publish(0, 3).await;
        life.until_quiet(HOUR).await;
        ((), Departure::Stop { grace: SEC })
    });
    finish(&mut show, HOUR);
    let numbers: Vec<usize> = show.calls(0).iter().map(|call| call.number).collect();
    assert_eq!(numbers, [0, 1, 2, 3, 4, 5]);
}

#[test]
fn a_lane_without_room_is_read_on_when_there_is_some() {
    let later = Settings { retry: Some(1), cooldown: Some(50 * SEC), ..Settings::default() };
    let mut mix = Mix::still(vec![always(Mood::status(500), later.clone()), always(Mood::status(500), later)]);
    mix.plan.held_bytes_max = 2_000;
    mix.plan.breaker.troubles_to_open = 0;
    let mut show = Show::new(mix);
    show.stage.live(async |life| {
        life.publish(0, 400).await;
        life.until_quiet(HOUR).await;
        ((), Departure::Stop { grace: SEC })
    });
    finish(&mut show, HOUR);
    assert_eq!(show.ended(0, Ended::Exhausted), 400);
}
