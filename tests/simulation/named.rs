//! Which test stands for which invariant, which fault and which known bug of designs like this one; and
//! the proof that each of them is there under that name.
//!
//! Paths are from the root of the repository. `simulation` stands for the whole simulated run, in which
//! all of it happens together and every invariant is checked after every step.

use std::path::Path;

type Fact = (&'static str, &'static str);
type Row = (&'static str, &'static [Fact]);

const SIMULATION: Fact = (SIM, "whatever_fails_the_promises_are_kept");
const SIM: &str = "tests/simulation/main.rs";
const BITES: &str = "tests/simulation/bites.rs";
const STEPS: &str = "tests/simulation/steps.rs";
const OUTAGES: &str = "tests/stories/outages.rs";
const COPIES: &str = "tests/stories/copies.rs";
const LINEAGE: &str = "tests/stories/lineage.rs";
const FAULTS: &str = "tests/stories/faults.rs";
const LINES: &str = "tests/stories/lines.rs";
const BROKER: &str = "tests/stories/broker.rs";
const CUTS: &str = "tests/durability/cuts.rs";
const DISK: &str = "tests/durability/faults.rs";
const INGEST: &str = "cloud-sync/src/ingest/tests.rs";
const LOST: &str = "cloud-sync/src/ingest/tests/lineage.rs";
const FORKS: &str = "cloud-sync/src/ingest/tests/forks.rs";
const LINK: &str = "kiosk/src/uplink/link/tests.rs";
const UPLINK: &str = "kiosk/src/uplink/tests.rs";

/// What must hold, whatever happens.
const INVARIANTS: [Row; 22] = [
    (
        "no loss",
        &[
            SIMULATION,
            (
                OUTAGES,
                "three_hundred_orders_survive_kill_9_of_everything_in_mid_burst",
            ),
            (BITES, "a_hello_without_proof_is_found_out"),
        ],
    ),
    (
        "no premature clear",
        &[
            SIMULATION,
            (BITES, "release_on_the_brokers_word_is_found_out"),
        ],
    ),
    (
        "no premature ack",
        &[
            SIMULATION,
            (INGEST, "nothing_is_acked_when_the_commit_fails"),
            (BITES, "an_ack_before_its_commit_is_found_out"),
            (BITES, "a_watermark_that_is_the_maximum_is_found_out"),
        ],
    ),
    (
        "no phantom",
        &[SIMULATION, (BITES, "a_body_serialised_anew_is_found_out")],
    ),
    (
        "exactly-once effect",
        &[
            SIMULATION,
            (
                INGEST,
                "what_comes_again_is_acked_again_and_changes_nothing",
            ),
            (BITES, "an_effect_per_delivery_is_found_out"),
        ],
    ),
    (
        "money is conserved",
        &[
            SIMULATION,
            (
                INGEST,
                "any_order_of_arrival_gives_the_same_orders_sums_and_quarantine",
            ),
        ],
    ),
    (
        "gap-free",
        &[
            SIMULATION,
            (
                INGEST,
                "a_gap_is_told_as_a_range_and_never_under_the_watermark",
            ),
        ],
    ),
    (
        "order independence",
        &[
            SIMULATION,
            (
                INGEST,
                "any_order_of_arrival_gives_the_same_orders_sums_and_quarantine",
            ),
            (BITES, "a_fold_by_arrival_is_found_out"),
        ],
    ),
    (
        "order and event are one",
        &[
            (
                CUTS,
                "a_power_cut_at_any_operation_loses_nothing_that_was_answered",
            ),
            (
                "kiosk/src/journal/tests/sequences.rs",
                "what_is_told_is_what_the_file_holds",
            ),
        ],
    ),
    (
        "durable accept",
        &[
            SIMULATION,
            (
                CUTS,
                "a_power_cut_at_any_operation_loses_nothing_that_was_answered",
            ),
            (BITES, "a_journal_that_does_not_sync_is_found_out"),
        ],
    ),
    (
        "monotone",
        &[
            SIMULATION,
            (BITES, "a_restore_that_nobody_notices_is_found_out"),
        ],
    ),
    (
        "immutability",
        &[
            SIMULATION,
            (
                INGEST,
                "other_content_at_the_same_place_never_overwrites_and_is_kept",
            ),
            (BITES, "stored_bytes_written_anew_are_found_out"),
        ],
    ),
    (
        "isolation",
        &[
            SIMULATION,
            (INGEST, "a_frame_of_another_sender_moves_nothing"),
            (INGEST, "another_stores_kiosk_cannot_touch_an_order"),
            (BITES, "streams_under_another_name_are_found_out"),
        ],
    ),
    (
        "no silent drop",
        &[SIMULATION, (BITES, "an_event_dropped_quietly_is_found_out")],
    ),
    (
        "liveness",
        &[
            SIMULATION,
            (
                LINK,
                "whatever_fails_every_event_is_confirmed_once_it_stops",
            ),
            (BITES, "a_fork_that_is_passed_over_is_found_out"),
        ],
    ),
    (
        "nobody blocks the others",
        &[
            (
                INGEST,
                "a_poison_event_is_kept_and_its_neighbours_are_applied",
            ),
            (LINK, "a_new_event_is_not_behind_the_backlog"),
            (
                "cloud-sync/src/ingest/tests/turns.rs",
                "a_new_order_is_not_behind_other_kiosks_backlogs",
            ),
            (
                LINK,
                "a_frame_the_cloud_cannot_use_is_cut_smaller_and_its_neighbours_pass",
            ),
        ],
    ),
    (
        "availability",
        &[(
            "tests/stories/link.rs",
            "silence_is_seen_in_time_and_slows_no_order_and_its_end_is_seen_too",
        )],
    ),
    (
        "bounded",
        &[
            SIMULATION,
            (
                "tests/stories/pace.rs",
                "a_fleet_that_comes_back_at_once_is_taken_in_within_bounds",
            ),
            (BITES, "a_window_that_nobody_keeps_to_is_found_out"),
            (
                FORKS,
                "what_contradicts_beyond_the_room_there_is_is_refused_and_never_dropped",
            ),
            (
                "kiosk/src/journal/tests/groups.rs",
                "the_log_begins_anew_and_stays_small",
            ),
        ],
    ),
    (
        "fencing",
        &[
            SIMULATION,
            (
                FORKS,
                "a_fenced_journal_takes_nothing_more_and_its_events_count_once_in_the_one_that_carries_on",
            ),
            (BITES, "a_fence_that_is_forgotten_is_found_out"),
        ],
    ),
    (
        "forged acks change nothing",
        &[
            SIMULATION,
            (UPLINK, "a_forged_ack_releases_nothing"),
            (BITES, "trust_in_any_ack_is_found_out"),
        ],
    ),
    (
        "privacy",
        &[
            (
                "tests/stories/privacy.rs",
                "what_diners_write_and_what_opens_doors_is_in_no_log_and_no_metric",
            ),
            (
                "cloud-sync/wire/src/credential.rs",
                "the_secret_is_neither_shown_nor_derived_from_the_token",
            ),
        ],
    ),
    (
        "views converge",
        &[
            SIMULATION,
            ("tests/src/checker.rs", "only_equal_sets_pass"),
            (BITES, "views_that_differ_are_found_out"),
        ],
    ),
];

/// What is done to it, in the order of the protocol's list.
const FAULTS_DONE: [Row; 25] = [
    (
        "kill at every step",
        &[
            (STEPS, "a_kiosk_may_be_killed_between_any_two_steps"),
            (
                STEPS,
                "a_kiosk_may_lose_its_power_at_any_operation_of_its_disk",
            ),
            (
                CUTS,
                "a_kill_at_any_operation_loses_nothing_that_was_answered",
            ),
        ],
    ),
    (
        "power cut in a burst",
        &[
            (
                CUTS,
                "a_power_cut_at_any_operation_loses_nothing_that_was_answered",
            ),
            (
                CUTS,
                "control_with_synchronous_normal_answered_orders_are_lost",
            ),
        ],
    ),
    (
        "torn writes",
        &[(
            "tests/lossy-vfs/tests/facts/cuts.rs",
            "wal_full_loses_nothing_whatever_the_cut_scrambles",
        )],
    ),
    (
        "a sync fails once",
        &[
            (DISK, "any_sync_may_fail"),
            (STEPS, "any_sync_and_any_write_of_a_kiosk_may_fail"),
        ],
    ),
    (
        "no space",
        &[
            (DISK, "any_write_may_find_no_space"),
            (
                FAULTS,
                "a_full_disk_refuses_orders_and_takes_them_again_when_there_is_room",
            ),
        ],
    ),
    (
        "a slow disk",
        &[(
            "tests/stories/watchdog.rs",
            "a_journal_that_is_stuck_stops_the_pings_and_one_that_works_again_starts_them",
        )],
    ),
    (
        "a replica is killed around its commit",
        &[
            (STEPS, "every_replica_may_be_killed_between_any_two_steps"),
            (
                STEPS,
                "the_cloud_may_lose_its_power_at_any_operation_of_its_disk",
            ),
        ],
    ),
    (
        "one batch at two replicas",
        &[
            SIMULATION,
            (
                INGEST,
                "any_order_of_arrival_gives_the_same_orders_sums_and_quarantine",
            ),
        ],
    ),
    (
        "the broker is killed and forgets",
        &[(
            BROKER,
            "orders_arrive_through_a_broker_that_is_killed_and_forgets_everything",
        )],
    ),
    (
        "a broker without a cloud",
        &[
            SIMULATION,
            (BITES, "release_on_the_brokers_word_is_found_out"),
        ],
    ),
    (
        "a replica hangs",
        &[
            SIMULATION,
            (
                "cloud-sync/src/broker/tests.rs",
                "a_group_member_that_hangs_does_not_keep_messages_from_the_others",
            ),
        ],
    ),
    (
        "one way is cut",
        &[
            SIMULATION,
            (LINES, "whatever_the_lines_do_every_order_arrives_once"),
        ],
    ),
    (
        "flapping, loss, thin and slow lines",
        &[
            SIMULATION,
            (LINES, "whatever_the_lines_do_every_order_arrives_once"),
            (
                "tests/stories/remote.rs",
                "a_link_that_flaps_every_second_costs_one_step_down_and_one_up",
            ),
        ],
    ),
    (
        "black holes",
        &[
            SIMULATION,
            (LINES, "whatever_the_lines_do_every_order_arrives_once"),
        ],
    ),
    (
        "committed, timed out, and again by the other way",
        &[(
            OUTAGES,
            "what_was_committed_before_a_timeout_comes_again_by_mqtt_without_effect",
        )],
    ),
    (
        "odd answers over HTTP",
        &[
            (UPLINK, "an_overloaded_cloud_is_no_failed_cloud"),
            (
                UPLINK,
                "odd_answers_release_nothing_and_are_failures_and_what_waits_comes_later",
            ),
            (
                "tests/stories/remote.rs",
                "a_cloud_that_hangs_and_yet_answers_opens_the_breaker_by_slow_calls",
            ),
        ],
    ),
    (
        "clocks",
        &[
            SIMULATION,
            (
                "tests/stories/clocks.rs",
                "a_kiosk_that_starts_in_1970_takes_orders_and_is_told_when_its_clock_is_set",
            ),
        ],
    ),
    (
        "a cloud put back from a backup",
        &[
            SIMULATION,
            (
                LINEAGE,
                "a_cloud_put_back_from_a_backup_while_kiosks_sell_gets_everything_again",
            ),
            (
                LINEAGE,
                "a_window_lost_beyond_retention_is_named_and_an_export_brings_it_back",
            ),
        ],
    ),
    (
        "a database that lost its last seconds",
        &[
            SIMULATION,
            (
                LOST,
                "an_ack_ahead_of_the_ledger_begins_a_new_generation_and_what_was_lost_is_asked_for",
            ),
            (
                "cloud-sync/src/ledger/postgres/tests.rs",
                "kiosks_that_prove_a_loss_at_once_begin_one_new_generation",
            ),
            (
                "cloud-sync/src/ledger/postgres/tests/commits.rs",
                "a_commit_whose_end_nobody_knows_is_made_good_by_sending_again",
            ),
        ],
    ),
    (
        "re-imaged, rolled back, cloned",
        &[
            SIMULATION,
            (
                COPIES,
                "a_kiosk_whose_disk_was_rolled_back_carries_on_and_loses_nothing",
            ),
            (
                COPIES,
                "two_copies_of_one_disk_both_carry_on_and_headquarters_is_alarmed",
            ),
            (OUTAGES, "orders_that_die_with_a_destroyed_disk_are_missed"),
        ],
    ),
    (
        "poison",
        &[
            (
                INGEST,
                "a_poison_event_is_kept_and_its_neighbours_are_applied",
            ),
            (INGEST, "a_bad_signature_moves_nothing"),
            (
                INGEST,
                "other_content_at_the_same_place_never_overwrites_and_is_kept",
            ),
        ],
    ),
    (
        "forged, misdelivered, replayed",
        &[
            SIMULATION,
            (UPLINK, "a_forged_ack_releases_nothing"),
            (
                "kiosk/src/journal/tests/syncing.rs",
                "acks_add_up_and_old_ones_change_nothing",
            ),
        ],
    ),
    (
        "the herd",
        &[
            (
                "tests/stories/pace.rs",
                "a_fleet_that_comes_back_at_once_is_taken_in_within_bounds",
            ),
            (
                "cloud-sync/src/ingest/turns.rs",
                "turns_are_fair_and_nobody_is_left_out",
            ),
            (
                "cloud-sync/src/ingest/reception.rs",
                "a_full_room_sends_backlogs_away_for_longer_and_longer_and_lets_orders_in",
            ),
        ],
    ),
    (
        "created, paid, voided in any order",
        &[
            (
                INGEST,
                "any_order_of_arrival_gives_the_same_orders_sums_and_quarantine",
            ),
            (
                INGEST,
                "an_early_event_waits_and_is_applied_when_its_predecessor_comes",
            ),
        ],
    ),
    (
        "up- and downgrade",
        &[
            (
                "kiosk/src/journal/tests/files.rs",
                "the_file_of_tomorrows_software_takes_orders_unless_it_says_that_it_must_not",
            ),
            ("cloud-sync/wire/src/frame.rs", "version_one_is_still_read"),
            ("cloud-sync/wire/src/ack.rs", "version_one_is_still_read"),
            (
                STEPS,
                "a_kiosk_may_lose_its_power_at_any_operation_of_its_disk",
            ),
        ],
    ),
];

/// Bugs that designs of this kind are known for.
const BUGS: [Row; 14] = [
    (
        "order of ids is not order of commits",
        &[
            (SIM, "whatever_fails_the_promises_are_kept"),
            (
                "kiosk/src/journal/tests/groups.rs",
                "sixty_four_who_ask_at_once_get_numbers_of_their_own",
            ),
        ],
    ),
    (
        "two relays send twice",
        &[
            SIMULATION,
            (
                COPIES,
                "two_copies_of_one_disk_both_carry_on_and_headquarters_is_alarmed",
            ),
        ],
    ),
    (
        "deleted before the ack",
        &[(BITES, "release_on_the_brokers_word_is_found_out")],
    ),
    (
        "ack before the commit",
        &[(BITES, "an_ack_before_its_commit_is_found_out")],
    ),
    (
        "the memory of duplicates is pruned too early",
        &[
            (
                INGEST,
                "what_was_acked_is_there_after_the_ledger_is_opened_again",
            ),
            (BITES, "an_effect_per_delivery_is_found_out"),
        ],
    ),
    (
        "another key by another way",
        &[(
            OUTAGES,
            "what_was_committed_before_a_timeout_comes_again_by_mqtt_without_effect",
        )],
    ),
    (
        "a retry is serialised anew",
        &[(BITES, "a_body_serialised_anew_is_found_out")],
    ),
    (
        "one poison row stops all",
        &[(
            INGEST,
            "a_poison_event_is_kept_and_its_neighbours_are_applied",
        )],
    ),
    (
        "a batch without bounds",
        &[
            (LINK, "catching_up_goes_by_mqtt_in_a_growing_window"),
            ("kiosk/src/uplink/clerk.rs", "a_frame_takes_only_what_fits"),
        ],
    ),
    (
        "side effects in what is retried",
        &[(
            "kiosk/src/journal/tests/printing.rs",
            "an_order_and_its_jobs_commit_together_and_a_retry_makes_none",
        )],
    ),
    (
        "cursors by the clock",
        &[
            SIMULATION,
            (
                "kiosk/src/journal/tests/pruning.rs",
                "confirmed_events_leave_after_retention_by_the_clouds_clock_alone",
            ),
        ],
    ),
    (
        "the table grows for ever",
        &[(
            "kiosk/src/journal/tests/pruning.rs",
            "beyond_its_bytes_everything_confirmed_leaves_and_nothing_else",
        )],
    ),
    (
        "order and event in two transactions",
        &[(
            CUTS,
            "a_power_cut_at_any_operation_loses_nothing_that_was_answered",
        )],
    ),
    (
        "a migration rewrites hashed bytes",
        &[
            (BITES, "stored_bytes_written_anew_are_found_out"),
            (
                "kiosk/src/journal/tests/files.rs",
                "whatever_was_tampered_with_is_found",
            ),
        ],
    ),
];

#[test]
fn every_test_that_is_named_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let rows = INVARIANTS.iter().chain(&FAULTS_DONE).chain(&BUGS);
    let facts = rows.flat_map(|(what, facts)| facts.iter().map(move |fact| (what, fact)));
    let missing = facts.filter(|(_, (file, name))| {
        let text = std::fs::read_to_string(root.join(file)).unwrap_or_default();
        // A function, or what a macro makes one of.
        !text.contains(&format!("fn {name}(")) && !text.contains(&format!("\n    {name}: "))
    });
    let missing: Vec<_> = missing.collect();
    assert!(missing.is_empty(), "{missing:#?}");
}
