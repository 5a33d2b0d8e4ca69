//! Each way to break the product is found out by the check that is there for it, within a few seeds.

use lab::simulation::{Sabotage, Setup, run};

/// Seeds until it has to be found out.
const WITHIN: u64 = 24;

fn is_found_out(sabotage: Sabotage) {
    for seed in 1..=WITHIN {
        let setup = Setup {
            kiosks: 4,
            seconds: 150,
            ..Setup::of_seed(seed).sabotaged(sabotage)
        };
        if let Err(failure) = run(setup) {
            let found = failure.violation.invariant;
            assert!(sabotage.breaks().contains(&found), "{failure}");
            println!("{sabotage:?}: seed {seed}: {}", failure.violation);
            return;
        }
    }
    panic!("{sabotage:?} went unnoticed in {WITHIN} seeds");
}

macro_rules! found_out {
    ($($fact:ident: $sabotage:ident,)*) => {
        $(#[test]
        fn $fact() {
            is_found_out(Sabotage::$sabotage);
        })*

        #[test]
        fn every_sabotage_has_its_control() {
            assert_eq!(Sabotage::ALL, [$(Sabotage::$sabotage),*]);
        }
    };
}

found_out! {
    an_ack_before_its_commit_is_found_out: AckBeforeCommit,
    release_on_the_brokers_word_is_found_out: ReleaseOnPuback,
    a_body_serialised_anew_is_found_out: Reserialise,
    an_effect_per_delivery_is_found_out: EffectPerDelivery,
    a_watermark_that_is_the_maximum_is_found_out: WatermarkIsMaximum,
    a_journal_that_does_not_sync_is_found_out: NormalSync,
    a_hello_without_proof_is_found_out: NoProof,
    trust_in_any_ack_is_found_out: TrustAnyAck,
    a_fork_that_is_passed_over_is_found_out: NoFence,
    a_restore_that_nobody_notices_is_found_out: RestoreUnnoticed,
    a_fold_by_arrival_is_found_out: LastEventWins,
    stored_bytes_written_anew_are_found_out: RewriteStored,
    streams_under_another_name_are_found_out: MixStreams,
    an_event_dropped_quietly_is_found_out: DropQuietly,
    a_window_that_nobody_keeps_to_is_found_out: NoWindow,
    a_fence_that_is_forgotten_is_found_out: FenceForgotten,
    views_that_differ_are_found_out: ViewsApart,
}
