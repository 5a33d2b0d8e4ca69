//! `lab demo`: the whole store on this machine, and a page to pull plugs on.

mod acts;
mod glance;
mod opening;
mod page;
mod watching;
mod words;

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Mutex, watch};

use self::glance::Glance;
use self::watching::Journal;
use crate::process::Lab;
use crate::store::{Folder, Store, USER};

/// Where the page is if nobody says otherwise.
const PORT: u16 = 8088;
/// The store of the demo, and its kiosks.
const STORE: &str = "canal-street";
const KIOSKS: [&str; 2] = ["front-left", "front-right"];
/// Opens staff screens and calls of both kiosks.
const PIN: &str = "135790";

/// What can be said about a demo.
#[derive(Debug, Clone, Default, Args)]
pub struct Options {
    /// Keep everything in this folder; without it a temporary one is used and removed
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// Port of the page; without it 8088, or a free one if that is taken
    #[arg(long)]
    port: Option<u16>,
    /// Start everything, but open no browser
    #[arg(long)]
    open_nothing: bool,
}

/// What the page and its buttons work with.
#[derive(Clone)]
struct Demo {
    store: Arc<Mutex<Store>>,
    journal: Arc<Journal>,
    glance: watch::Receiver<Glance>,
}

/// Runs until Ctrl-C.
///
/// # Errors
/// If something can't be started or stopped.
pub fn run(options: Options) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(demo(options))
}

async fn demo(options: Options) -> anyhow::Result<()> {
    let mut stop = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    let stopped = async move {
        tokio::select! {
            _ = stop.0.recv() => {}
            _ = stop.1.recv() => {}
        }
    };
    let listener = listen(options.port).await?;
    let page = format!("http://{}", listener.local_addr()?);
    println!("starting cloud, broker and {} kiosks …", KIOSKS.len());
    let store = open(&options).await?;
    tell(&page, &store);
    let store = Arc::new(Mutex::new(store));
    let journal = Arc::new(Journal::default());
    let (seen, glance) = watch::channel(Glance::default());
    let watching = tokio::spawn(watching::watch(
        Arc::clone(&store),
        Arc::clone(&journal),
        seen,
    ));
    let demo = Demo {
        store: Arc::clone(&store),
        journal,
        glance,
    };
    if !options.open_nothing {
        opening::open(&page);
    }
    let served = tokio::select! {
        served = axum::serve(listener, page::routes(demo)).into_future() => served,
        () = stopped => Ok(()),
    };
    watching.abort();
    println!("\nstopping: kiosks first, then the cloud …");
    store.lock().await.stop().await?;
    println!("stopped");
    Ok(served?)
}

async fn listen(port: Option<u16>) -> anyhow::Result<TcpListener> {
    let wanted = port.unwrap_or(PORT);
    match TcpListener::bind(("127.0.0.1", wanted)).await {
        Err(_) if port.is_none() => Ok(TcpListener::bind(("127.0.0.1", 0)).await?),
        bound => bound.with_context(|| {
            format!("can't listen on port {wanted}; stop what uses it or choose another --port")
        }),
    }
}

async fn open(options: &Options) -> anyhow::Result<Store> {
    let folder = match &options.data_dir {
        Some(path) => Folder::named(path)?,
        None => Folder::temporary()?,
    };
    let mut store = Store::enrolled(&Lab::own()?, folder, STORE, &KIOSKS).await?;
    for (last, kiosk) in (2..).zip(&mut store.kiosks) {
        kiosk.host = own_host(last);
        kiosk
            .command(&["staff", "set-pin", "--role", "manager"], PIN)
            .await?;
    }
    store.start_cloud().await?;
    store.start_kiosks().await?;
    Ok(store)
}

/// An address of this machine for each kiosk, where there are several: browsers keep cookies by
/// address without its port, and whoever signs in at one kiosk would be signed out at the other.
fn own_host(last: u8) -> IpAddr {
    let own = IpAddr::V4(Ipv4Addr::new(127, 0, 0, last));
    match std::net::TcpListener::bind((own, 0)) {
        Ok(_) => own,
        Err(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
    }
}

fn tell(page: &str, store: &Store) {
    println!("\n  One store on this machine. Pull its plugs here:\n\n      {page}\n");
    for kiosk in &store.kiosks {
        let base = kiosk.base().unwrap_or_default();
        println!("  {:<14} {base}    manager PIN {PIN}", kiosk.id);
    }
    let (name, password) = USER;
    let base = store.cloud.base().unwrap_or_default();
    println!(
        "  {:<14} {base}    name {name}, password {password}",
        "headquarters"
    );
    println!("  {:<14} {}\n", "data and logs", store.folder().display());
    println!("Ctrl-C stops everything.");
}
