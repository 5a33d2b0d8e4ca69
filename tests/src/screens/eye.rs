//! What looks at a screen: axe-core, a few rules of our own, and a picture.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Deserialize;

use super::shape::Shape;
use crate::browser::Browser;

/// Where `npm install --prefix target/axe axe-core` puts it.
const AXE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../target/axe/node_modules/axe-core/axe.min.js"
);
/// What is known, with its reason: rules whose answer a machine can't give.
const EXPLAINED: &str = include_str!("explained.json");

/// Runs axe and our own rules, and gives what they have against the page, one row a node.
const AUDIT: &str = include_str!("audit.js");
/// Gives the words on the page that are cut.
pub const CUT: &str = include_str!("cut.js");

/// Something wrong, or not known to be right, on a screen.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Finding {
    kind: String,
    rule: String,
    key: String,
    target: String,
    html: String,
    said: String,
}

/// Why something that a machine can't decide is right.
#[derive(Debug, Deserialize)]
struct Explained {
    rule: String,
    /// Of the message; any without it.
    #[serde(default)]
    key: String,
    /// Parts of the node's selector or markup, one of which must be there.
    at: Vec<String>,
    why: String,
}

impl Explained {
    fn covers(&self, finding: &Finding) -> bool {
        let parts = &mut self.at.iter();
        finding.kind == "incomplete"
            && finding.rule == self.rule
            && (self.key.is_empty() || finding.key == self.key)
            && parts.any(|part| finding.target.contains(part) || finding.html.contains(part))
    }
}

/// Looks at screens and remembers what it saw.
pub(super) struct Eye {
    axe: String,
    explained: Vec<Explained>,
    used: BTreeSet<usize>,
    out: Option<PathBuf>,
    /// What was found, with the places where it was.
    findings: BTreeMap<(String, String, String), (Finding, Vec<String>)>,
    looks: usize,
}

impl Eye {
    /// An eye that puts pictures into `out`, if there is one.
    pub(super) fn open(out: Option<&Path>) -> anyhow::Result<Self> {
        let path = std::env::var("STILLOPEN_AXE").unwrap_or_else(|_| AXE.to_owned());
        let hint = "axe-core is missing: npm install --prefix target/axe axe-core@4.14.1";
        if let Some(out) = out {
            std::fs::create_dir_all(out)?;
        }
        Ok(Self {
            axe: std::fs::read_to_string(path).context(hint)?,
            explained: serde_json::from_str(EXPLAINED)?,
            used: BTreeSet::new(),
            out: out.map(Path::to_owned),
            findings: BTreeMap::new(),
            looks: 0,
        })
    }

    /// Looks at what the browser shows now. `least` is how many pixels a finger needs there.
    pub(super) async fn look(
        &mut self,
        browser: &Browser,
        screen: &str,
        shape: Shape,
        least: u32,
    ) -> anyhow::Result<()> {
        self.looks += 1;
        if screen != "toast" {
            let away = "document.getElementById('toast')?.hidePopover()";
            browser.script(away).await?;
        }
        rest(browser).await?;
        let place = format!("{screen}.{shape}");
        if let Some(out) = &self.out {
            let picture = browser.client.screenshot().await?;
            std::fs::write(out.join(format!("{place}.png")), picture)?;
        }
        if browser.script("return typeof axe").await? != "object" {
            let axe = format!("{}; return typeof axe", self.axe);
            browser.script(&axe).await?;
        }
        let cut = format!("const words = (() => {{ {CUT} }})();");
        let audit = AUDIT.replace("LEAST", &least.to_string());
        let seen = browser
            .script(&format!("return (async () => {{ {cut} {audit} }})()"))
            .await?;
        let seen: Vec<Finding> = serde_json::from_value(seen)?;
        seen.into_iter()
            .for_each(|finding| self.take(finding, &place));
        Ok(())
    }

    fn take(&mut self, finding: Finding, place: &str) {
        let why = |one: &Explained| one.covers(&finding);
        if let Some(at) = self.explained.iter().position(why) {
            self.used.insert(at);
            return;
        }
        let key = (
            finding.rule.clone(),
            finding.target.clone(),
            finding.key.clone(),
        );
        let (_, places) = self
            .findings
            .entry(key)
            .or_insert_with(|| (finding, Vec::new()));
        places.push(place.to_owned());
    }

    /// What was seen, as text for people.
    pub(super) fn report(&self) -> Report<'_> {
        Report(self)
    }

    /// How often it looked.
    pub(super) fn looks(&self) -> usize {
        self.looks
    }

    /// How many things are wrong or unexplained.
    pub(super) fn findings(&self) -> usize {
        self.findings.len()
    }

    /// Explanations of things that are not there: they would hide what comes later.
    pub(super) fn idle(&self) -> Vec<&str> {
        let all = self.explained.iter().enumerate();
        all.filter(|(at, _)| !self.used.contains(at))
            .map(|(_, one)| one.why.as_str())
            .collect()
    }
}

/// What an eye has seen.
pub(super) struct Report<'a>(&'a Eye);

impl fmt::Display for Report<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (finding, places) in self.0.findings.values() {
            let Finding {
                kind,
                rule,
                key,
                target,
                html,
                said,
            } = finding;
            writeln!(out, "{kind}: {rule} {key}\n  {target}\n  {html}\n  {said}")?;
            let first: Vec<_> = places.iter().take(3).map(String::as_str).collect();
            writeln!(out, "  at {} places: {}", places.len(), first.join(", "))?;
        }
        Ok(())
    }
}

/// Lets what moves to its place come to rest; what always moves is left alone.
async fn rest(browser: &Browser) -> anyhow::Result<()> {
    let still = "return document.fonts.status === 'loaded' \
        && [...document.images].every((one) => one.complete || !one.checkVisibility() || one.loading === 'lazy') \
        && document.getAnimations().every((one) => one.playState !== 'running' \
             || one.effect.getComputedTiming().iterations === Infinity)";
    browser.holds("the page is still", still).await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn finding(kind: &str, target: &str) -> Finding {
        let value = json!({
            "kind": kind, "rule": "color-contrast", "key": "bgGradient",
            "target": target, "html": "<p>", "said": "",
        });
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn an_explanation_never_covers_a_violation_nor_another_place() {
        let explained =
            json!({ "rule": "color-contrast", "key": "bgGradient", "at": ["#number"], "why": "w" });
        let explained: Explained = serde_json::from_value(explained).unwrap();
        assert!(explained.covers(&finding("incomplete", ".ticket #number")));
        assert!(!explained.covers(&finding("violations", ".ticket #number")));
        assert!(!explained.covers(&finding("incomplete", ".ticket #due")));
    }

    #[test]
    fn every_explanation_has_a_reason() {
        let all: Vec<Explained> = serde_json::from_str(EXPLAINED).unwrap();
        assert!(
            all.iter()
                .all(|one| one.why.len() > 30 && !one.at.is_empty())
        );
    }
}
