//! What the configuration file and headquarters set about remote calls, put in force while calls
//! are under way.
//!
//! Each key by itself: what headquarters has set holds over the file, and the file over what the
//! software has. Headquarters sets things at kiosks that nobody stands in front of.

use std::sync::{Arc, Mutex, PoisonError};

use cloud_sync_wire::notice::tuning::{DRY_RUN, Idle, dry_run_of};
use serde::Serialize;

use crate::protect::{Dependency, Rules, Tuning, now};
use crate::uplink::{UplinkHandle, UplinkSettings};

/// Puts other rules in force. Cheap to clone.
#[derive(Clone)]
pub struct Tuner {
    uplink: UplinkHandle,
    settings: UplinkSettings,
    menu: Option<Arc<Dependency>>,
    layers: Arc<Mutex<Layers>>,
}

#[derive(Debug, Clone, Default)]
struct Layers {
    file: Tuning,
    headquarters: Tuning,
}

/// Where a rule comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Nobody said otherwise.
    Software,
    /// The configuration file.
    File,
    /// Headquarters.
    Headquarters,
}

impl Layers {
    fn all(&self) -> Tuning {
        self.file.clone().under(&self.headquarters)
    }

    fn origin(&self, dependency: &str, key: &str) -> Origin {
        let beside = dry_run_of(dependency).filter(|_| key == DRY_RUN);
        if let Some(beside) = beside {
            return match (&self.headquarters, &self.file) {
                (all, _) if all.of(beside).next().is_some() => Origin::Headquarters,
                (_, all) if all.of(beside).next().is_some() => Origin::File,
                _ => Origin::Software,
            };
        }
        if self.headquarters.set(dependency, key).is_some() {
            Origin::Headquarters
        } else if self.file.set(dependency, key).is_some() {
            Origin::File
        } else {
            Origin::Software
        }
    }

    /// What is set and does nothing beside all else that is.
    fn idle(&self) -> Vec<Idle> {
        let set = self.all();
        set.idle(&Tuning::software().under(&set))
    }

    /// What people are told of a mode.
    fn why(&self, dependency: &str) -> &'static str {
        match self.origin(dependency, "mode") {
            Origin::Software => "as the software has it",
            Origin::File => "set in the configuration file",
            Origin::Headquarters => "set by headquarters",
        }
    }
}

impl Tuner {
    pub(crate) fn new(
        uplink: UplinkHandle,
        settings: UplinkSettings,
        menu: Option<Arc<Dependency>>,
    ) -> Self {
        Self {
            uplink,
            settings,
            menu,
            layers: Arc::default(),
        }
    }

    /// Puts in force what was set before this start, all at once: in between, a breaker that
    /// headquarters holds would be let go of. What headquarters set last may not fit the file by now;
    /// then the file alone holds.
    ///
    /// # Errors
    /// What is wrong with the file, in words.
    pub(crate) fn begin(&self, file: &Tuning, headquarters: &Tuning) -> Result<(), String> {
        let both = self.change(|layers| {
            *layers = Layers {
                file: file.clone(),
                headquarters: headquarters.clone(),
            };
        });
        both.or_else(|fault| {
            tracing::warn!("what headquarters set does not hold: {fault}");
            self.file(file)
        })
    }

    /// Puts in force what the file says: all of it or none. Counts stay, and so does the state
    /// unless the mode is another; the waits of an open breaker follow the heartbeat where they are not
    /// set.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn file(&self, tuning: &Tuning) -> Result<(), String> {
        self.change(|layers| layers.file = tuning.clone())
    }

    /// Puts in force what headquarters says: all of it or none, as [`file`](Self::file) does.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn headquarters(&self, tuning: &Tuning) -> Result<(), String> {
        self.change(|layers| layers.headquarters = tuning.clone())
    }

    /// Moves to the broker that headquarters assigns; none for the credential's own.
    pub(crate) fn broker(&self, url: Option<&str>) {
        self.uplink.use_broker(url);
    }

    /// Where a rule before a dependency comes from.
    #[must_use]
    pub fn origin(&self, dependency: &str, key: &str) -> Origin {
        let layers = self.layers.lock().unwrap_or_else(PoisonError::into_inner);
        layers.origin(dependency, key)
    }

    /// What is set for a dependency and does nothing beside all else that is set, in words: each place
    /// was right by itself.
    #[must_use]
    pub fn idle(&self, dependency: &str) -> Vec<String> {
        let layers = self.layers.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = layers.idle().into_iter();
        let beside = dry_run_of(dependency);
        idle.filter(|idle| idle.of == dependency || Some(idle.of) == beside)
            .map(|Idle { key, why, .. }| format!("{key} {why}"))
            .collect()
    }

    fn change(&self, change: impl FnOnce(&mut Layers)) -> Result<(), String> {
        let mut layers = self.layers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut wanted = layers.clone();
        change(&mut wanted);
        let all = wanted.all();
        let tuned = |dependency: &Arc<Dependency>, base: fn(u64) -> Rules| {
            let seed = dependency.rules().breaker.seed;
            let rules = base(seed).tuned(dependency.name(), &all);
            rules.validate().map_err(|error| error.to_string())?;
            Ok::<_, String>((Arc::clone(dependency), rules))
        };
        let ordering = self.uplink.dependency();
        let ordering = ordering.map(|it| tuned(it, Rules::ordering)).transpose()?;
        let menu = self.menu.as_ref();
        let menu = menu.map(|it| tuned(it, Rules::menu)).transpose()?;
        for (dependency, rules) in ordering.iter().chain(&menu) {
            let why = wanted.why(dependency.name());
            let done = dependency.retune(rules, why, now());
            done.map_err(|error| error.to_string())?;
        }
        if let Some((_, rules)) = &ordering {
            self.uplink.retune(self.settings.waiting(rules.timeout));
        }
        *layers = wanted;
        for Idle { of, key, why } in layers.idle() {
            tracing::warn!(dependency = of, key, "what is set together: {key} {why}");
        }
        Ok(())
    }
}
