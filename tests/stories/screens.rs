//! Every screen as axe sees it, and what a screen that is loaded again and again does to its kiosk.

use lab::screens::{Options, Whose, look};
use lab::store::Folder;

use crate::screen::Browser;
use crate::{Told, lab, lone_kiosk, serially};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn axe_has_nothing_against_a_diners_screen() -> Told {
    let _alone = serially().await?;
    look(&lab(), &Options::default(), &[Whose::Diners]).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn axe_has_nothing_against_a_screen_of_the_staff() -> Told {
    let _alone = serially().await?;
    look(&lab(), &Options::default(), &[Whose::Staff]).await?;
    Ok(())
}

/// More loads than a browser opens connections to one server.
const LOADS: usize = 9;

async fn loads(browser: &Browser, base: &str) -> anyhow::Result<()> {
    for load in 0..LOADS {
        let language = ["en", "zh-Hans"][load % 2];
        for page in ["/", "/board"] {
            let url = format!("{base}{page}?lang={language}");
            browser.client.goto(&url).await?;
            // Of its own: it asks the kiosk on a line that the pages before it have not kept.
            let answers = "return fetch('/api/v1/status', { signal: AbortSignal.timeout(5000) }) \
                .then((answer) => answer.status === 200, () => false)";
            let what = format!("the kiosk answers {page} at load {load}");
            browser.holds(&what, answers).await?;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_screen_that_is_loaded_again_and_again_never_runs_out_of_lines_to_its_kiosk() -> Told {
    let _alone = serially().await?;
    let folder = Folder::temporary()?;
    let mut kiosk = lone_kiosk(folder.path()).await?;
    kiosk.start().await?;
    let base = kiosk.base().unwrap_or_default();
    let browser = Browser::open(folder.path()).await?;
    let told = loads(&browser, &base).await;
    browser.close_after(told).await?;
    Ok(())
}
