//! One walk through the screens in one shape.

use std::collections::BTreeSet;

use super::eye::Eye;
use super::fixture::Fixture;
use super::shape::Shape;
use crate::browser::Browser;

/// A walk, and what is to be looked at on it.
pub(super) struct Visit<'a> {
    pub(super) browser: &'a Browser,
    pub(super) store: &'a Fixture,
    pub(super) eye: &'a mut Eye,
    pub(super) shape: Shape,
    pub(super) wanted: BTreeSet<&'static str>,
    /// How many pixels a finger needs on these screens.
    pub(super) least: u32,
}

impl Visit<'_> {
    /// Looks at a screen if it is wanted in this shape.
    pub(super) async fn look(&mut self, screen: &'static str) -> anyhow::Result<()> {
        if !self.wanted.remove(screen) {
            return Ok(());
        }
        self.eye
            .look(self.browser, screen, self.shape, self.least)
            .await
    }

    pub(super) async fn go(&self, url: &str) -> anyhow::Result<()> {
        Ok(self.browser.client.goto(url).await?)
    }

    pub(super) async fn click(&self, selector: &str) -> anyhow::Result<()> {
        self.browser.click(selector).await
    }

    /// Opens what `opener` opens, looks, and leaves by `closer`.
    pub(super) async fn peek(
        &mut self,
        screen: &'static str,
        opener: &str,
        closer: &str,
    ) -> anyhow::Result<()> {
        self.click(opener).await?;
        self.peek_open(screen, closer).await
    }

    /// Looks at what is open, and leaves by `closer`.
    pub(super) async fn peek_open(
        &mut self,
        screen: &'static str,
        closer: &str,
    ) -> anyhow::Result<()> {
        self.browser.ready(closer).await?;
        self.look(screen).await?;
        self.click(closer).await?;
        let closed = format!("return !document.querySelector(`{closer}`)?.checkVisibility()");
        self.browser
            .holds(&format!("{closer} closes"), &closed)
            .await
    }

    /// Shows a session to the kiosk, or none.
    pub(super) async fn be(&self, base: &str, token: Option<&str>) -> anyhow::Result<()> {
        self.go(&format!("{base}/about")).await?;
        self.browser.client.delete_all_cookies().await?;
        if let Some(token) = token {
            let cookie = format!("document.cookie = 'stillopen_session={token}; path=/'");
            self.browser.script(&cookie).await?;
        }
        Ok(())
    }
}
