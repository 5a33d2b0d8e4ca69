//! Bad input and faults: one clear line that says what to do, and nothing accepted is lost.

use std::time::Duration;

use anyhow::Context;
use lab::checker::Shown;
use lab::dice::Dice;
use lab::disk::SmallDisk;
use lab::store::{Folder, Store};
use lab::wait::{Look, until};
use serde_json::{Value, json};

use crate::{Told, lab, last_line, lone_kiosk, refused_start};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_process_on_a_data_folder_says_who_holds_it() -> Told {
    let folder = Folder::temporary()?;
    let mut first = lone_kiosk(folder.path()).await?;
    first.start().await?;
    let second = lone_kiosk(folder.path()).await?;
    let refused = refused_start(&second).await?;
    assert!(refused.code == Some(1), "{refused:?}");
    let pid = first.process_id().context("it runs")?.to_string();
    assert!(
        refused.err.contains(&pid),
        "names process {pid}: {}",
        refused.err
    );
    assert!(
        last_line(&refused.err).starts_with("kiosk: "),
        "{}",
        refused.err
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_menu_file_is_told_with_all_its_faults_before_anything_is_made() -> Told {
    let folder = Folder::temporary()?;
    let menu = folder.path().join("menu.json");
    std::fs::write(&menu, faulty_menu().to_string())?;
    let mut kiosk = lone_kiosk(folder.path()).await?;
    kiosk.more = vec!["--menu".to_owned(), menu.to_string_lossy().into_owned()];
    let refused = refused_start(&kiosk).await?;
    assert!(refused.code == Some(64), "{refused:?}");
    for pointer in FAULTS {
        assert!(
            refused.err.contains(pointer),
            "{pointer} in {}",
            refused.err
        );
    }
    assert!(
        !kiosk.data().exists(),
        "a refused start makes no data folder"
    );
    Ok(())
}

/// Three faults in three different places.
pub(crate) const FAULTS: [&str; 3] = ["/currency", "/items/0/price", "/categories/0/items/1"];

/// A menu with [`FAULTS`].
pub(crate) fn faulty_menu() -> Value {
    json!({
        "name": {"en": "Faulty"}, "currency": "NOPE", "languages": ["en"], "time_zone": "America/New_York",
        "taxes": [{"id": "food", "rate": "0.08", "inclusive": true}],
        "categories": [{"id": "c", "name": {"en": "C"}, "items": ["a", "unknown"]}],
        "items": [{"id": "a", "name": {"en": "A"}, "price": -1, "tax": "food"}],
        "option_groups": [],
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_no_credential_is_told_with_the_way_to_a_new_one() -> Told {
    let folder = Folder::temporary()?;
    let credential = folder.path().join("credential.json");
    std::fs::write(&credential, "{\"stillopen_credential\": 1}")?;
    let mut kiosk = lone_kiosk(folder.path()).await?;
    kiosk.more = vec![
        "--credential".to_owned(),
        credential.to_string_lossy().into_owned(),
    ];
    let refused = refused_start(&kiosk).await?;
    assert!(refused.code == Some(64), "{refused:?}");
    let line = last_line(&refused.err);
    assert!(line.contains("credential.json"), "{line}");
    assert!(line.contains("cloud-sync enroll"), "{line}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_credential_of_another_cloud_is_told_and_orders_are_kept() -> Told {
    let (here, there) = (Folder::temporary()?, Folder::temporary()?);
    let kiosks = ["front-left"];
    let mut stranger = Store::enrolled(&lab(), there, "canal-street", &kiosks).await?;
    let mut store = Store::enrolled(&lab(), here, "canal-street", &kiosks).await?;
    store.start_cloud().await?;
    let kiosk = stranger.kiosks.first_mut().context("a kiosk")?;
    store.cloud.connect(kiosk);
    kiosk.start().await?;
    let mut shown = Shown::default();
    shown.add(kiosk.diner(Dice::printed("another cloud"))?.order().await?);
    let soon = Duration::from_secs(20);
    until("the status says why", soon, async || {
        let status = kiosk.status().await?;
        let reason = status["link_reason"].as_str().unwrap_or_default();
        let told = status["link"] == "offline" && reason.contains("credential");
        Ok(match told {
            true => Look::Done(()),
            false => Look::NotYet(format!("{} {}", status["link"], status["link_reason"])),
        })
    })
    .await?;
    let status = kiosk.status().await?;
    assert!(status["journal"]["watermark"] == 0, "{status}");
    shown.strand("its cloud is another one");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_taken_port_is_told_with_the_way_out() -> Told {
    let folder = Folder::temporary()?;
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = taken.local_addr()?.to_string();
    let mut kiosk = lone_kiosk(folder.path()).await?;
    kiosk.more = vec!["--log".to_owned(), "warn".to_owned()];
    let mut args = kiosk.arguments();
    for argument in &mut args {
        if argument == "127.0.0.1:0" {
            argument.clone_from(&address);
        }
    }
    let refused = lab().run(lab::process::Role::Kiosk, args, "").await?;
    assert!(refused.code == Some(1), "{refused:?}");
    let line = last_line(&refused.err);
    assert!(
        line.contains(&address) && line.contains("--listen"),
        "{line}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_roles_cannot_share_a_pin() -> Told {
    let folder = Folder::temporary()?;
    let kiosk = lone_kiosk(folder.path()).await?;
    let set = async |role: &str, pin: &str| {
        kiosk
            .command(&["staff", "set-pin", "--role", role], pin)
            .await
    };
    set("manager", "135790").await?;
    let refused = set("kitchen", "135790").await.err().context("it was set")?;
    let told = format!("{refused:#}");
    assert!(told.contains("choose another"), "{told}");
    set("kitchen", "246800").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_told_at_start_with_what_to_do() -> Told {
    let Some(disk) = SmallDisk::mount(4)? else {
        return Ok(());
    };
    disk.fill()?;
    let kiosk = lone_kiosk(disk.path()).await?;
    let refused = refused_start(&kiosk).await?;
    assert!(refused.code == Some(1), "{refused:?}");
    let line = last_line(&refused.err);
    assert!(line.contains("make room"), "{line}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_only_data_folder_is_told_in_one_line() -> Told {
    // Permissions don't stop root, a read-only mount does.
    let Some(disk) = SmallDisk::mount(4)? else {
        return Ok(());
    };
    disk.make_read_only()?;
    let kiosk = lone_kiosk(disk.path()).await?;
    let refused = refused_start(&kiosk).await?;
    assert!(refused.code == Some(1), "{refused:?}");
    let line = last_line(&refused.err);
    assert!(
        line.contains(&*kiosk.data().to_string_lossy()),
        "names the folder: {line}"
    );
    assert!(line.to_lowercase().contains("read-only"), "{line}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_orders_and_takes_them_again_when_there_is_room() -> Told {
    let Some(disk) = SmallDisk::mount(24)? else {
        return Ok(());
    };
    let config = disk.path().join("kiosk.toml");
    std::fs::write(&config, "[journal]\nreserve_mib = 4\n")?;
    let mut kiosk = lone_kiosk(disk.path()).await?;
    kiosk.more = vec!["--config".to_owned(), config.to_string_lossy().into_owned()];
    kiosk.start().await?;
    let api = kiosk.api()?;
    let mut shown = Shown::default();
    let mut diner = kiosk.diner(Dice::printed("full disk"))?;
    for _ in 0..5 {
        shown.add(diner.order().await?);
    }
    let ballast = disk.fill()?;
    let cart = diner.cart().await?;
    let key = uuid::Uuid::new_v4().to_string();
    let (what, soon) = ("orders are refused", Duration::from_secs(20));
    until(what, soon, async || {
        let answer = diner.try_once(&key, &cart).await?;
        Ok(match (answer.status, answer.problem()) {
            (507, "storage") => Look::Done(()),
            _ => Look::NotYet(format!("{answer:?}")),
        })
    })
    .await?;
    let ready = api.get("/readyz").await?;
    assert!(ready.status == 503, "{ready:?}");
    assert!(ready.body["reasons"][0].is_string(), "{ready:?}");
    std::fs::remove_file(ballast)?;
    shown.add(diner.order().await?);
    until("ready again", soon, async || {
        let ready = api.get("/readyz").await?;
        Ok(if ready.status == 200 {
            Look::Done(())
        } else {
            Look::NotYet(ready.body.to_string())
        })
    })
    .await?;
    kiosk.terminate().await?;
    let check = kiosk.check().await?;
    assert!(check["orders"] == json!(shown.orders().len()), "{check}");
    shown.strand("a kiosk that stands alone");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_ends_a_kiosk_well_while_orders_flow() -> Told {
    let folder = Folder::temporary()?;
    let mut kiosk = lone_kiosk(folder.path()).await?;
    kiosk.start().await?;
    let mut shown = Shown::default();
    let mut diner = kiosk.diner(Dice::printed("sigterm"))?;
    for _ in 0..10 {
        shown.add(diner.order().await?);
    }
    let (status, took) = kiosk.terminate().await?.context("it ran")?;
    assert!(status.code() == Some(0), "{status}");
    assert!(took < Duration::from_secs(10), "{took:?}");
    println!("stopped in {took:?}");
    let check = kiosk.check().await?;
    assert!(
        check["ok"] == json!(true) && check["orders"] == json!(10),
        "{check}"
    );
    shown.strand("a kiosk that stands alone");
    Ok(())
}
