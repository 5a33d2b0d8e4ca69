//! A small fleet comes back at once against a real cloud: a little `lab pace`.

use lab::pace::{Options, measure};

use crate::{Told, lab, serially};

/// Events of backlogs that may be acked while a live order waits, half of the time: as many as have
/// their turn at once.
const AHEAD: u64 = 8 * 64;

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_that_comes_back_at_once_is_taken_in_within_bounds() -> Told {
    let _alone = serially().await?;
    let options = Options {
        kiosks: 200,
        events: 50,
        within: 1,
        live: 2,
        most_mib: 256,
    };
    let outcome = measure(&options, &lab()).await?;
    println!("{outcome:?}");
    assert!(outcome.memory_mib <= options.most_mib, "{outcome:?}");
    // Not a time: how much of what waited was taken in before what was sold.
    assert!(outcome.ahead.0 <= AHEAD, "{outcome:?}");
    Ok(())
}
