//! What cloud-sync says when it can't, and how it stops.

use std::time::Duration;

use anyhow::Context;
use lab::process::Role;
use lab::store::{Folder, Store};

use crate::{Told, lab, last_line};

async fn store() -> anyhow::Result<Store> {
    let mut store = Store::enrolled(&lab(), Folder::temporary()?, "canal-street", &[]).await?;
    store.start_cloud().await?;
    Ok(store)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_cloud_on_a_data_folder_says_who_holds_it() -> Told {
    let store = store().await?;
    let data = store.folder().join("cloud");
    let data = data.to_string_lossy();
    let free = "127.0.0.1:0";
    let args = [
        "serve",
        "--data-dir",
        &data,
        "--listen",
        free,
        "--mqtt-listen",
        free,
    ];
    let refused = lab().run(Role::CloudSync, args, "").await?;
    assert!(refused.code == Some(1), "{refused:?}");
    let pid = store.cloud.process_id().context("it runs")?.to_string();
    assert!(
        last_line(&refused.err).contains(&pid),
        "names {pid}: {}",
        refused.err
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cloud_told_wrong_things_tells_them_all_and_makes_nothing() -> Told {
    let folder = Folder::temporary()?;
    let data = folder.path().join("data");
    let text = data.to_string_lossy();
    let args = [
        "serve",
        "--data-dir",
        &text,
        "--listen",
        "here",
        "--mqtt",
        "http://x",
    ];
    let refused = lab().run(Role::CloudSync, args, "").await?;
    assert!(refused.code == Some(64), "{refused:?}");
    for part in ["listen", "mqtt"] {
        assert!(refused.err.contains(part), "{part} in {}", refused.err);
    }
    assert!(!data.exists(), "a refused start makes no data folder");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cloud_whose_port_is_taken_says_which_and_what_to_do() -> Told {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = taken.local_addr()?.to_string();
    let folder = Folder::temporary()?;
    let data = folder.path().to_string_lossy();
    let free = "127.0.0.1:0";
    for ports in [[&*address, free], [free, &*address]] {
        let [http, mqtt] = ports;
        let args = [
            "serve",
            "--data-dir",
            &data,
            "--listen",
            http,
            "--mqtt-listen",
            mqtt,
        ];
        let refused = lab().run(Role::CloudSync, args, "").await?;
        assert!(refused.code == Some(1), "{refused:?}");
        let line = last_line(&refused.err);
        assert!(line.contains(&address) && line.contains("listen"), "{line}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_ends_a_cloud_well_and_its_ports_are_free_again() -> Told {
    let mut store = store().await?;
    for _ in 0..2 {
        let (status, took) = store.cloud.terminate().await?.context("it ran")?;
        assert!(status.code() == Some(0), "{status}");
        assert!(took < Duration::from_secs(10), "{took:?}");
        println!("stopped in {took:?}");
        store.start_cloud().await?;
    }
    Ok(())
}
