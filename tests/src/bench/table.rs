//! The report: a table for people, or one JSON object.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::kiosk::Binary;
use super::samples::{Series, Spread};

/// What a number should be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Goal {
    None,
    AtLeast(f64),
    AtMost(f64),
}

impl Goal {
    fn is_met(self, value: f64) -> Option<bool> {
        match self {
            Self::None => None,
            Self::AtLeast(least) => Some(value >= least),
            Self::AtMost(most) => Some(value <= most),
        }
    }

    fn text(self, value: f64) -> String {
        let verdict = match self.is_met(value) {
            Some(true) => "met",
            Some(false) => "MISSED",
            None => "",
        };
        match self {
            Self::None => String::new(),
            Self::AtLeast(least) => format!("≥ {least}  {verdict}"),
            Self::AtMost(most) => format!("≤ {most}  {verdict}"),
        }
    }
}

/// One line of the report.
pub(super) struct Row {
    name: String,
    unit: &'static str,
    value: Spread,
    p50_p99: Option<(Spread, Spread)>,
    /// Beside what, and how they relate.
    ratio: Option<(&'static str, Spread)>,
    goal: Goal,
}

impl Row {
    /// Orders per second, and their ratio to a floor. The goal is one of the ratio.
    pub(super) fn rate(
        name: impl Into<String>,
        series: &Series,
        floor: Option<(&'static str, &Series)>,
        goal: Goal,
    ) -> Self {
        Self {
            name: name.into(),
            unit: "orders/s",
            value: series.rates(),
            p50_p99: Some((series.p50_millis(), series.p99_millis())),
            ratio: floor.map(|(name, floor)| (name, series.rates_by(floor))),
            goal,
        }
    }

    /// The p99 of a measurement against a fixed goal.
    pub(super) fn p99(name: impl Into<String>, series: &Series, most: Duration) -> Self {
        Self {
            name: format!("{}, p99", name.into()),
            unit: "ms",
            value: series.p99_millis(),
            p50_p99: None,
            ratio: None,
            goal: Goal::AtMost(most.as_secs_f64() * 1e3),
        }
    }

    /// The p99 of a measurement against that of another.
    pub(super) fn p99_ratio(
        name: impl Into<String>,
        series: &Series,
        peer: (&'static str, &Series),
        most: f64,
    ) -> Self {
        Self {
            name: name.into(),
            unit: "ms",
            value: series.p99_millis(),
            p50_p99: None,
            ratio: Some((peer.0, series.p99_by(peer.1))),
            goal: Goal::AtMost(most),
        }
    }

    /// One number that should not be larger.
    pub(super) fn value(
        name: impl Into<String>,
        unit: &'static str,
        value: f64,
        most: f64,
    ) -> Self {
        Self {
            name: name.into(),
            unit,
            value: Spread::of(vec![value]),
            p50_p99: None,
            ratio: None,
            goal: Goal::AtMost(most),
        }
    }

    /// One number without a goal.
    pub(super) fn fact(name: impl Into<String>, unit: &'static str, value: f64) -> Self {
        Self {
            goal: Goal::None,
            ..Self::value(name, unit, value, 0.0)
        }
    }

    /// What the goal is about.
    fn judged(&self) -> f64 {
        self.ratio
            .map_or(self.value.median, |(_, ratio)| ratio.median)
    }

    fn columns(&self) -> [String; 5] {
        let digits = if self.unit == "orders/s" { 0 } else { 2 };
        let Spread { median, min, max } = self.value;
        let mut value = format!("{median:.digits$} {}", self.unit);
        if max > min {
            value.push_str(&format!("  ({min:.digits$}–{max:.digits$})"));
        }
        let latency = self
            .p50_p99
            .map(|(p50, p99)| format!("{:.2} / {:.2} ms", p50.median, p99.median));
        let ratio = self.ratio.map(|(beside, Spread { median, min, max })| {
            format!("{median:.2} × {beside}  ({min:.2}–{max:.2})")
        });
        [
            self.name.clone(),
            value,
            latency.unwrap_or_default(),
            ratio.unwrap_or_default(),
            self.goal.text(self.judged()),
        ]
    }

    fn json(&self) -> Value {
        let (bound, goal) = match self.goal {
            Goal::None => (None, None),
            Goal::AtLeast(least) => (Some("at_least"), Some(least)),
            Goal::AtMost(most) => (Some("at_most"), Some(most)),
        };
        json!({
            "name": self.name,
            "unit": self.unit,
            "value": self.value,
            "p50_ms": self.p50_p99.map(|(p50, _)| p50),
            "p99_ms": self.p50_p99.map(|(_, p99)| p99),
            "beside": self.ratio.map(|(beside, _)| beside),
            "ratio": self.ratio.map(|(_, ratio)| ratio),
            "goal": bound.zip(goal).map(|(bound, goal)| json!({ bound: goal })),
            "met": self.goal.is_met(self.judged()),
        })
    }
}

/// All lines of the report, and what they were measured on.
pub(super) struct Table {
    about: Vec<(&'static str, String)>,
    rows: Vec<Row>,
}

impl Table {
    pub(super) fn new(binary: &Binary, folder: &Path) -> Self {
        let build = if cfg!(debug_assertions) {
            "debug: these numbers say nothing"
        } else {
            "release"
        };
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        Self {
            about: vec![
                ("binary", binary.name().to_owned()),
                ("build", build.to_owned()),
                ("cores", cores.to_string()),
                ("folder", folder.display().to_string()),
            ],
            rows: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    pub(super) fn print(&self, json: bool) -> anyhow::Result<()> {
        let mut out = std::io::stdout().lock();
        if json {
            let about: serde_json::Map<_, _> = self
                .about
                .iter()
                .map(|(name, value)| ((*name).to_owned(), json!(value)))
                .collect();
            let rows: Vec<_> = self.rows.iter().map(Row::json).collect();
            writeln!(out, "{}", json!({ "about": about, "rows": rows }))?;
            return Ok(());
        }
        for (name, value) in &self.about {
            writeln!(out, "{name}: {value}")?;
        }
        let head = [
            "",
            "median (least–most)",
            "p50 / p99",
            "ratio, turn by turn",
            "goal",
        ]
        .map(str::to_owned);
        let lines: Vec<_> = std::iter::once(head)
            .chain(self.rows.iter().map(Row::columns))
            .collect();
        let width = |column: usize| {
            let lengths = lines.iter().filter_map(|line| line.get(column));
            lengths.map(|text| text.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<_> = (0..5).map(width).collect();
        for line in &lines {
            let cells = line
                .iter()
                .zip(&widths)
                .map(|(cell, width)| format!("{cell:<width$}"));
            writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
        }
        Ok(())
    }
}
