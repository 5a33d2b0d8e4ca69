//! A small fleet comes back at once against a real cloud: a little `lab pace`.

use lab::pace::{Options, measure};

use crate::{Told, lab, serially};

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
    Ok(())
}
