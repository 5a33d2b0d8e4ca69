//! What a visitor is shown is true, and the switches really cut.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use lab::api::Api;
use lab::process::Child;
use lab::store::Folder;
use lab::wait::{Look, until};
use reqwest::Method;
use serde_json::Value;

use crate::{Told, lab, serially};

const SOON: Duration = Duration::from_secs(30);

struct Visitor(Api);

impl Visitor {
    async fn press(&self, button: &str) -> anyhow::Result<()> {
        let path = format!("/do/{button}");
        let answer = self
            .0
            .send(Method::POST, &path, &[("X-Lab", "1")], None)
            .await?;
        assert!(answer.status == 204, "{button}: {answer:?}");
        Ok(())
    }

    async fn sees(&self, what: &str, is: impl Fn(&Value) -> bool) -> anyhow::Result<()> {
        until(what, SOON, async || {
            let state = self.0.get("/state?lang=en").await?.expect(200)?;
            Ok(if is(&state) {
                Look::Done(())
            } else {
                Look::NotYet(state.to_string())
            })
        })
        .await?;
        Ok(())
    }
}

/// `lab demo` on a free port, with its data below `folder`.
async fn started(folder: &Path) -> anyhow::Result<(Child, Visitor)> {
    let data = folder.join("data");
    let data = data.to_string_lossy();
    let args = ["demo", "--open-nothing", "--port", "0", "--data-dir", &data];
    let demo = lab().start_itself(&args, &folder.join("demo.log"))?;
    let page = demo.line("      http://").await?;
    let visitor = Visitor(Api::at(format!("http://{page}"))?);
    Ok((demo, visitor))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_runs_only_its_own_scripts_and_heeds_only_its_own_buttons() -> Told {
    let folder = Folder::temporary()?;
    let (_demo, visitor) = started(folder.path()).await?;
    for language in ["en", "zh-Hans"] {
        let page = visitor.0.get(&format!("/?lang={language}")).await?;
        assert!(page.status == 200, "{page:?}");
        let policy = page.headers.get("content-security-policy");
        let policy = policy.context("a policy")?.to_str()?;
        assert!(policy.contains("default-src 'none'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
    }
    let kill = "/do/kill-cloud";
    let bare = visitor.0.send(Method::POST, kill, &[], None).await?;
    assert!(bare.status == 403, "another page's button: {bare:?}");
    let headers = [("X-Lab", "1"), ("Host", "store.example")];
    let rebound = visitor.0.send(Method::POST, kill, &headers, None).await?;
    assert!(
        rebound.status == 403,
        "another name for this machine: {rebound:?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visitor_pulls_plugs_and_sees_every_order_arrive() -> Told {
    let _alone = serially().await?;
    let folder = Folder::temporary()?;
    let (mut demo, visitor) = started(folder.path()).await?;
    visitor
        .sees("both kiosks are online", |state| {
            state["kiosks"]
                .as_array()
                .is_some_and(|kiosks| kiosks.iter().all(|k| k["link"] == "online"))
        })
        .await?;
    visitor.press("kill-cloud").await?;
    visitor.press("rush").await?;
    visitor
        .sees("twenty orders are kept in the store", |state| {
            state["promise"]["open"] == 20
                && state["promise"]["state"] == "waiting"
                && state["cloud"]["running"] == false
                && state["kiosks"][0]["unsent"] == 10
        })
        .await?;
    visitor.press("front-left/kill").await?;
    visitor
        .sees("a dead kiosk", |state| {
            state["kiosks"][0]["running"] == false
        })
        .await?;
    visitor.press("front-right/http-black-hole").await?;
    visitor.press("heal").await?;
    visitor
        .sees("all of them at headquarters", |state| {
            state["promise"]["state"] == "kept"
                && state["promise"]["arrived"] == 20
                && state["kiosks"][0]["unsent"] == 0
        })
        .await?;
    let (status, took) = demo.terminate().await?;
    assert!(status.code() == Some(0), "{status}: {}", demo.log_end());
    println!("stopped in {took:?}");
    Ok(())
}
