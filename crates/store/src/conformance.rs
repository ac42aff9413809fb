//! The one suite that every home of the store must pass: the contract of the [`Store`] seam as named cases.
//!
//! Nothing here knows a home. A home lends itself through [`Home`] and runs the whole list with
//! [`conformance_tests!`](crate::conformance_tests); the random histories of [`random`] are driven by proptest, which
//! shortens the ones that fail.

pub mod accepting;
pub mod announcing;
pub mod auditing;
pub mod catching;
pub mod configuration;
pub mod consuming;
pub mod counters;
pub mod delivering;
pub mod durability;
pub mod ending;
pub mod expunging;
pub mod extra;
pub mod idempotency;
pub mod isolation;
pub mod keys;
pub mod logging;
pub mod model;
pub mod overview;
pub mod payload;
pub mod random;
pub mod reading;
pub mod reading_attempts;
pub mod recalling;
pub mod resending;
pub mod retention;
pub mod sample;
pub mod scanning;
pub mod scene;
pub mod taking;
pub mod tasks;
pub mod view;
pub mod waiting;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::catcher::{CatcherFile, CatcherStore, Limits};
use crate::seam::Store;

/// How long uids stay taken in the homes under test.
pub const IDEMPOTENCY_WINDOW: Duration = Duration::from_hours(24);

/// One case takes far less; a store that hangs fails by its name and not by the patience of whoever runs it.
const CASE_DEADLINE: Duration = Duration::from_secs(120);

/// One place where a store keeps things, empty at first. Each case gets its own.
pub trait Home: Send + Sync {
    /// Opens the store for the first time, with [`IDEMPOTENCY_WINDOW`]. Called once.
    fn open(&self) -> BoxFuture<'_, Arc<dyn Store>>;

    /// Closes it well and opens it again.
    fn reopen(&self, store: Arc<dyn Store>) -> BoxFuture<'_, Arc<dyn Store>>;

    /// What is found when the process died without closing it; `None` where this home cannot show that.
    fn crash(&self, store: Arc<dyn Store>) -> BoxFuture<'_, Option<Arc<dyn Store>>>;
}

/// One place where catchers are kept and counted, empty at first.
pub trait CatchersHome: Send + Sync {
    /// Opens it for the first time. Called once.
    fn open(&self, limits: Limits) -> BoxFuture<'_, Arc<dyn CatcherStore>>;

    /// Closes it well and opens it again.
    fn reopen(&self, store: Arc<dyn CatcherStore>) -> BoxFuture<'_, Arc<dyn CatcherStore>>;
}

/// One place where a file of catchers is, empty at first.
pub trait CatcherHome: Send + Sync {
    /// Opens it for the first time. Called once.
    fn open(&self, limits: Limits) -> BoxFuture<'_, Arc<dyn CatcherFile>>;

    /// Closes it well and opens it again.
    fn reopen(&self, store: Arc<dyn CatcherFile>) -> BoxFuture<'_, Arc<dyn CatcherFile>>;
}

/// Runs a case, but not for ever.
pub async fn within_deadline(case: impl Future<Output = ()>) {
    tokio::time::timeout(CASE_DEADLINE, case).await.expect("a case ends within its deadline");
}

/// Makes one test of each case. Takes the path of a function that gives a fresh [`Home`].
#[macro_export]
macro_rules! conformance_tests {
    ($home:path) => {
        $crate::conformance_tests! { @each $home;
            accepting: an_event_comes_back_as_it_was,
            accepting: a_group_is_answered_in_its_order,
            accepting: an_empty_group_is_nothing,
            accepting: what_was_asked_already_is_recorded_and_not_delivered,
            accepting: what_a_settlement_tells_is_accepted_with_it,
            accepting: ids_carry_the_clock_and_the_random_part,
            accepting: ids_grow_when_the_clock_stands_still_or_goes_back,
            accepting: ids_grow_across_a_restart_with_the_clock_behind,
            accepting: fresh_deliveries_are_heard_exactly_once,
            accepting: what_is_refused_is_not_heard,
            accepting: skipped_targets_end_at_once_and_are_listed,
            accepting: many_at_the_same_time_are_all_kept,
            configuration: every_field_comes_back,
            configuration: every_setting_comes_back,
            configuration: nothing_is_not_empty,
            configuration: keys_are_given_and_never_given_again,
            configuration: a_put_with_its_key_replaces,
            configuration: unknown_owners_and_keys_are_not_found,
            configuration: names_are_taken_where_they_must_be_unique,
            configuration: a_refused_change_changes_nothing,
            configuration: an_environment_and_what_it_begins_with_are_one,
            configuration: a_revoked_key_stays_listed,
            configuration: deleting_an_account_takes_its_endpoints_and_leaves_its_history,
            configuration: event_types_are_known_by_their_id,
            consuming: a_consumer_is_where_it_was_put,
            announcing: a_change_and_what_is_told_of_it_are_one,
            announcing: what_was_not_told_survives_a_crash,
            auditing: every_field_of_an_entry_comes_back,
            auditing: a_change_and_its_entry_are_one,
            auditing: entries_are_listed_by_each_filter_in_pages,
            auditing: the_oldest_are_forgotten,
            auditing: entries_survive_a_crash_and_their_account,
            counters: every_outcome_has_its_counter,
            counters: counters_need_no_log,
            counters: counters_add_up_across_the_days_of_their_events,
            counters: an_attempt_that_does_not_count_is_not_counted,
            delivering: every_way_an_attempt_can_end_is_remembered,
            delivering: a_retry_keeps_its_time_and_count_exactly,
            delivering: settlements_are_told_exactly_once,
            delivering: settlements_of_one_delivery_apply_in_their_order,
            delivering: a_delivery_that_is_over_keeps_its_state,
            delivering: accepted_is_delivered_and_live_and_ended,
            durability: what_was_handed_over_is_there_after_closing,
            durability: everything_is_there_after_a_restart,
            durability: acknowledged_is_there_after_a_crash,
            durability: a_settlement_and_its_log_survive_a_crash_together,
            durability: a_closed_store_refuses_every_verb,
            ending: oldest_first_in_slices_and_all_but_the_excepted,
            ending: scheduled_and_resent_ones_end_too,
            ending: other_endpoints_go_on,
            idempotency: a_repeat_answers_with_the_first_event,
            idempotency: the_same_key_with_another_request_is_a_mistake,
            idempotency: keys_and_uids_belong_to_their_account,
            idempotency: a_key_is_forgotten_after_its_window,
            idempotency: a_uid_is_free_again_after_the_window,
            idempotency: the_same_key_or_uid_twice_in_one_group,
            idempotency: of_two_at_the_same_time_one_is_new,
            idempotency: the_key_is_looked_up_before_the_uid,
            idempotency: a_key_is_not_a_uid,
            idempotency: keys_and_uids_survive_midnight_and_a_restart,
            isolation: another_accounts_history_does_not_exist,
            isolation: an_id_with_another_random_part_does_not_exist,
            keys: every_field_of_a_key_comes_back,
            keys: a_key_of_nobody_is_refused,
            keys: keys_are_revoked_together_or_not_at_all,
            keys: the_last_use_only_grows,
            keys: sessions_that_are_over_are_forgotten_and_keys_are_not,
            keys: keys_go_with_their_account,
            logging: attempts_of_all_endpoints_are_one_list,
            logging: the_log_is_searched,
            logging: only_the_newest_attempt_of_a_delivery,
            logging: whoever_goes_on_from_the_horizon_misses_nothing,
            logging: counters_of_many_are_those_of_each,
            overview: each_shard_is_told_where_there_are_several,
            overview: counters_of_all_endpoints_are_summed,
            overview: a_backlog_is_counted_by_endpoint_and_time,
            payload: bytes_are_sacred,
            payload: the_fate_of_a_delivered_payload,
            payload: the_fate_of_an_event_that_nobody_gets,
            payload: a_failed_delivery_keeps_the_payload_for_resending,
            payload: redacted_values_are_never_shown_and_still_sent,
            payload: pointers_that_match_nothing_strike_nothing,
            payload: an_error_log_keeps_payloads_of_logged_events_only,
            payload: fates_last_across_a_restart,
            reading: events_by_type_channel_and_time,
            reading: times_compare_with_what_is_shown,
            reading: payloads_are_left_out_when_not_asked_for,
            reading: pages_go_on_where_the_last_one_ended,
            reading: events_of_several_days_are_one_list,
            reading: ended_deliveries_are_paged,
            reading: destinations_tell_every_state,
            reading_attempts: every_field_of_an_attempt_comes_back,
            reading_attempts: attempts_by_each_filter,
            reading_attempts: attempts_in_the_order_recorded_across_days,
            reading_attempts: responses_are_left_out_when_not_asked_for,
            resending: a_live_delivery_becomes_due_and_keeps_its_policy,
            resending: an_ended_delivery_comes_back_for_one_attempt,
            resending: a_delivered_one_comes_back_for_one_attempt,
            resending: a_skipped_one_comes_back,
            resending: what_cannot_be_sent_again_is_refused,
            resending: a_resent_delivery_survives_a_restart,
            recalling: ended_and_delivered_ones_come_back_in_one_commit,
            recalling: live_ones_are_left_as_they_are,
            recalling: what_cannot_be_brought_back_is_answered_for_itself,
            recalling: an_event_can_go_to_an_endpoint_it_did_not_go_to,
            recalling: what_was_brought_back_survives_a_crash,
            expunging: a_payload_is_gone_and_cannot_be_sent_again,
            expunging: live_deliveries_are_cancelled_and_told,
            expunging: an_attempt_keeps_everything_but_its_response,
            expunging: others_content_is_not_found,
            extra: events_are_found_by_tag,
            extra: tags_are_found_after_a_crash,
            extra: what_is_put_off_is_due_at_its_time,
            extra: a_payload_goes_at_its_own_time,
            extra: many_payloads_go_at_once,
            scanning: events_by_whether_they_went_there,
            scanning: events_by_where_they_stand,
            scanning: events_by_the_newest_status,
            scanning: a_scan_goes_on_where_it_stopped,
            scanning: standings_are_counted_in_their_time,
            tasks: every_field_of_a_task_comes_back,
            tasks: a_task_advances_until_it_has_ended,
            tasks: so_many_run_at_once_and_no_more,
            tasks: tasks_are_listed_by_each_filter_in_pages,
            tasks: the_oldest_ended_ones_go,
            tasks: a_running_task_survives_a_crash,
            retention: days_go_when_all_in_them_is_over,
            retention: payloads_and_attempts_go_separately,
            retention: a_day_with_live_deliveries_stays,
            retention: zero_keeps_the_day_itself,
            retention: ids_grow_after_everything_was_removed,
            waiting: deliveries_come_by_cursor_oldest_first,
            waiting: scheduled_ones_come_only_when_asked_for,
            waiting: due_ones_come_earliest_first_at_their_time,
            waiting: endpoints_with_work_are_named_once,
            waiting: events_are_read_back_whole,
        }
    };
    (taking $home:path) => {
        $crate::conformance_tests! { @each $home;
            taking: a_catcher_is_found_by_each_of_its_names,
            taking: what_cannot_be_is_refused,
            taking: each_event_is_counted_for_itself,
            taking: a_script_begins_anew_when_it_changes_or_is_told_to,
            taking: many_at_once_are_each_counted_once,
            taking: a_taken_request_comes_back_byte_for_byte,
            taking: everything_together_stays_within_its_bytes,
            taking: requests_go_when_they_are_old_or_cleared,
            taking: who_watches_hears_of_everything,
            taking: catchers_go_on_where_they_stood,
            taking: a_stamp_of_what_is_gone_is_nothing,
        }
    };
    (catchers $home:path) => {
        $crate::conformance_tests! { @each $home;
            catching: a_catcher_comes_back_as_it_was,
            catching: a_put_with_its_key_replaces_and_an_unknown_one_is_not_found,
            catching: a_write_token_is_taken_once,
            catching: a_request_comes_back_byte_for_byte,
            catching: requests_come_in_stretches,
            catching: a_full_catcher_loses_its_oldest,
            catching: all_together_stay_within_their_bytes,
            catching: old_requests_expire,
            catching: cleared_requests_are_gone_and_their_numbers_stay_given,
            catching: a_removed_catcher_takes_its_requests,
            catching: a_stamp_says_how_an_answer_ended,
            catching: everything_is_there_after_a_restart,
            catching: a_closed_store_refuses,
        }
    };
    (@each $home:path; $($group:ident: $case:ident),* $(,)?) => {$(
        #[tokio::test]
        async fn $case() {
            let home = $home();
            $crate::conformance::within_deadline($crate::conformance::$group::$case(&home)).await;
        }
    )*};
}
