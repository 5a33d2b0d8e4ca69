//! A browser of the stories' own lab.

use std::ops::Deref;
use std::path::Path;

use crate::lab;

pub(crate) use lab::browser::SOON;

pub(crate) struct Browser(lab::browser::Browser);

impl Browser {
    pub(crate) async fn open(folder: &Path) -> anyhow::Result<Self> {
        lab::browser::Browser::open(&lab(), folder).await.map(Self)
    }

    pub(crate) async fn close_after<T>(self, told: anyhow::Result<T>) -> anyhow::Result<T> {
        self.0.close_after(told).await
    }
}

impl Deref for Browser {
    type Target = lab::browser::Browser;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}
