//! The print room on the dashboard: how the devices are, what waits for paper, and what to do about it.

use askama::Template;
use fluent_bundle::FluentArgs;
use kiosk_core::wall::WallTime;

use super::shell::Shell;
use super::small;
use super::store::Store;
use crate::devices::DeviceStatus;
use crate::devices::health::Health;
use crate::devices::job::{Job, Kind, State};
use crate::journal::{JournalError, PrintFilter, Reader};
use crate::web::staff::{age, asset, clock_time, icon, span, station_name};
use crate::web::text::Language;

/// Jobs of each list.
const LISTED: u32 = 40;

/// The jobs that the page shows.
pub(super) struct Jobs {
    stuck: Vec<Job>,
    open: Vec<Job>,
    printed: Vec<Job>,
}

impl Jobs {
    pub(super) fn look(reader: &Reader) -> Result<Self, JournalError> {
        let list = |states: &[State]| {
            reader.prints(&PrintFilter {
                states: states.to_vec(),
                before: None,
                limit: LISTED,
            })
        };
        let mut open = reader.open_prints()?;
        open.truncate(usize::try_from(LISTED).unwrap_or(usize::MAX));
        Ok(Self {
            stuck: list(&[State::Held, State::Failed])?,
            open,
            printed: list(&[State::Printed])?,
        })
    }
}

#[derive(Template)]
#[template(path = "manager/devices.html")]
struct Page<'a> {
    shell: Shell<'a>,
    devices: Vec<DeviceRow<'a>>,
    lists: Vec<List<'a>>,
}

struct DeviceRow<'a> {
    name: &'a str,
    tone: &'static str,
    state: String,
    kind: String,
    /// What it is for, and what waits for it.
    detail: String,
    /// What the system says.
    trouble: Option<&'a str>,
    is_printer: bool,
}

struct List<'a> {
    id: &'static str,
    title: String,
    text: String,
    none: String,
    rows: Vec<JobRow<'a>>,
}

struct JobRow<'a> {
    id: String,
    title: String,
    detail: String,
    state: &'static str,
    state_name: String,
    copy: bool,
    /// Whether it can be printed, thrown away, or printed once more.
    retries: bool,
    discards: bool,
    reprints: bool,
    /// Printers that it can be moved to.
    others: Vec<&'a str>,
}

impl Store {
    pub(super) fn devices_page(
        &self,
        lang: Option<&str>,
        jobs: &Jobs,
    ) -> Result<String, askama::Error> {
        let shell = self.shell(lang, "devices");
        let t = shell.frame.t;
        let list = |id: &'static str, jobs: &[Job]| List {
            id,
            title: t.say(&format!("prints-{id}")),
            text: t.say(&format!("prints-{id}-text")),
            none: t.say(&format!("prints-{id}-none")),
            rows: jobs.iter().map(|job| self.job_row(job, t)).collect(),
        };
        Page {
            devices: self
                .devices
                .iter()
                .map(|device| self.device_row(device, t))
                .collect(),
            lists: vec![
                list("stuck", &jobs.stuck),
                list("open", &jobs.open),
                list("printed", &jobs.printed),
            ],
            shell,
        }
        .render()
    }

    fn device_row<'a>(&'a self, device: &'a DeviceStatus, t: &Language) -> DeviceRow<'a> {
        let printer = self
            .printers
            .iter()
            .find(|printer| printer.name == device.name);
        let mut detail = Vec::new();
        if let Some(printer) = printer {
            if printer.receipt {
                detail.push(t.say("device-receipts"));
            }
            let stations = printer
                .stations
                .iter()
                .map(|station| match station.as_str() {
                    "*" => t.say("device-other-stations"),
                    station => station_name(t, station),
                });
            let stations: Vec<String> = stations.collect();
            if !stations.is_empty() {
                detail.push(stations.join(&t.say("list-comma")));
            }
            if let Some(fallback) = &printer.fallback {
                detail.push(t.say_one("device-fallback", "name", fallback));
            }
        }
        if let Some(weaker @ ("status" | "written")) = device.confirms {
            detail.push(t.say(&format!("device-confirms-{weaker}")));
        }
        if let Some(waiting @ 1..) = device.waiting {
            detail.push(t.count("device-waiting", small(waiting)));
        }
        DeviceRow {
            name: &device.name,
            tone: tone(device.state),
            state: t.say(&format!("device-state-{}", device.state.as_str())),
            kind: t.say(&format!("device-kind-{}", device.kind)),
            detail: detail.join(" · "),
            trouble: device.detail.as_deref(),
            is_printer: printer.is_some(),
        }
    }

    fn job_row<'a>(&'a self, job: &Job, t: &Language) -> JobRow<'a> {
        let kind = t.say(&format!("print-kind-{}", job.kind.as_str()));
        let mut title: Vec<String> = job.number.iter().cloned().chain([kind]).collect();
        match (&job.station, job.kind) {
            (None, _) => {}
            (Some(of), Kind::Report) => title.push(of.to_uppercase().replace('/', " ")),
            (Some(station), _) => title.push(station_name(t, station)),
        }
        let stuck = matches!(job.state, State::Held | State::Failed);
        let done = job.state == State::Printed;
        let at = job.sent_to.as_ref().filter(|_| done).unwrap_or(&job.device);
        let mut detail = vec![
            at.clone(),
            self.when(job.changed_at, done, job.created_at, t),
        ];
        detail.extend(
            job.why
                .map(|why| t.say(&format!("print-why-{}", why.as_str()))),
        );
        let others = self.printers.iter().map(|printer| printer.name.as_str());
        let others = others.filter(|name| *name != job.device && job.kind != Kind::Test);
        JobRow {
            id: job.id.to_string(),
            title: title.join(" · "),
            detail: detail.join(" · "),
            state: job.state.as_str(),
            state_name: t.say(&format!("print-state-{}", job.state.as_str())),
            copy: job.copy,
            retries: stuck,
            discards: stuck || job.state == State::Queued,
            reprints: done && job.kind != Kind::Test,
            others: match job.state {
                State::Held | State::Failed | State::Queued | State::Printed => others.collect(),
                State::Sending | State::Cancelled => Vec::new(),
            },
        }
    }

    fn when(&self, changed: WallTime, done: bool, made: WallTime, t: &Language) -> String {
        if done {
            return clock_time(changed, &self.menu.time_zone);
        }
        let mut args = FluentArgs::new();
        args.set("span", span(t, age(made, self.now)));
        t.say_with("print-waits", &args)
    }
}

fn tone(state: Health) -> &'static str {
    match state {
        Health::Ready => "good",
        Health::PaperLow => "care",
        Health::PaperOut
        | Health::CoverOpen
        | Health::Offline
        | Health::Error
        | Health::Missing => "bad",
    }
}
