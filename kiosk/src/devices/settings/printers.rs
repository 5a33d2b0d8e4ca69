//! The printers of the configuration.

use std::collections::BTreeSet;

use firmware_hal::printer::{Connector, Profile};
use firmware_hal_linux::Address;
use serde::Deserialize;

use crate::devices::signals::RESERVED;

/// More printers than a store has; each has a thread.
const MOST_PRINTERS: usize = 16;

/// A printer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrinterSection {
    name: String,
    port: String,
    #[serde(default)]
    width: Option<u16>,
    #[serde(default)]
    receipt: bool,
    #[serde(default)]
    stations: Vec<String>,
    fallback: Option<String>,
    #[serde(default)]
    confirm: Confirm,
    drawer: Option<DrawerPin>,
    #[serde(default)]
    two_byte: bool,
}

/// How a printer says that a job is on paper.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confirm {
    /// By marks, unless it shows that it has none: then by its status.
    #[default]
    Auto,
    /// It hands back the job's mark once everything before it is on paper (`GS ( H`).
    Mark,
    /// It has no marks: it has taken all of it and then says for a while that nothing stops it. Weaker:
    /// what it loses within that time is not missed.
    Status,
    /// It gives no answers at all: it has taken all of it.
    Written,
}

impl Confirm {
    /// The name in the file and on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Mark => "mark",
            Self::Status => "status",
            Self::Written => "written",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum DrawerPin {
    Pin2,
    Pin5,
}

/// A printer.
#[derive(Debug, Clone)]
pub struct PrinterSettings {
    /// What it is called.
    pub name: String,
    /// Where it is.
    pub address: Address,
    /// The paper's width in millimetres.
    pub width: u16,
    /// What it can do.
    pub profile: Profile,
    /// Whether diners' receipts come out of it.
    pub receipt: bool,
    /// The stations whose tickets come out of it.
    pub stations: Vec<String>,
    /// Who takes its jobs while it is stopped.
    pub fallback: Option<String>,
    /// How it says that a job is on paper.
    pub confirm: Confirm,
    /// The cash drawer on its connector.
    pub drawer: Option<Connector>,
}

pub(super) fn printers(
    sections: Vec<PrinterSection>,
    faults: &mut Vec<String>,
) -> Vec<PrinterSettings> {
    if sections.len() > MOST_PRINTERS {
        faults.push(format!(
            "printer: at most {MOST_PRINTERS} can be configured"
        ));
    }
    let names: BTreeSet<String> = sections
        .iter()
        .map(|printer| printer.name.clone())
        .collect();
    if names.len() < sections.len() {
        faults.push("printer: two printers have the same name".to_owned());
    }
    let printers = sections.into_iter();
    printers
        .filter_map(|printer| printer.read(&names, faults))
        .collect()
}

impl PrinterSection {
    fn read(self, names: &BTreeSet<String>, faults: &mut Vec<String>) -> Option<PrinterSettings> {
        let before = faults.len();
        let name = self.name;
        if !is_name(&name) || RESERVED.contains(&name.as_str()) {
            faults.push(format!(
                "printer.name: {name:?} must be 1 to 32 of a-z, 0-9 and -, and not the name of \
                 another device"
            ));
        }
        let of = |field: &str, fault: String| format!("printer {name}.{field}: {fault}");
        let address = address(&self.port).map_err(|fault| faults.push(of("port", fault)));
        let width = self.width.unwrap_or(80);
        let profile = match width {
            58 => Some(Profile::MM58),
            80 => Some(Profile::MM80),
            _ => None,
        };
        if profile.is_none() {
            faults.push(of(
                "width",
                format!("{width} must be 58 or 80 (millimetres)"),
            ));
        }
        if let Some(fallback) = &self.fallback
            && (!names.contains(fallback) || *fallback == name)
        {
            faults.push(of("fallback", format!("{fallback:?} is no other printer")));
        }
        let address = address.ok()?;
        let confirm = match address {
            // What is in the file is on the disk; it gives no answers.
            Address::File(_) => Confirm::Written,
            _ => self.confirm,
        };
        let profile = profile.filter(|_| faults.len() == before)?;
        Some(PrinterSettings {
            profile: Profile {
                leave_two_byte_mode: self.two_byte,
                ..profile
            },
            name,
            address,
            width,
            receipt: self.receipt,
            stations: self.stations,
            fallback: self.fallback,
            confirm,
            drawer: self.drawer.map(|pin| match pin {
                DrawerPin::Pin2 => Connector::Pin2,
                DrawerPin::Pin5 => Connector::Pin5,
            }),
        })
    }
}

/// It stands in metrics and URLs as it is.
pub(super) fn is_name(name: &str) -> bool {
    (1..=32).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// An address as the drivers write it, or as people do: `/dev/usb/lp0`, `/dev/ttyUSB0`.
pub(super) fn address(text: &str) -> Result<Address, String> {
    let written = if text.starts_with("/dev/usb/") || text.starts_with("/dev/lp") {
        format!("usb:{text}")
    } else if text.starts_with("/dev/") {
        format!("serial:{text}")
    } else {
        text.to_owned()
    };
    written.parse().map_err(|fault| format!("{fault}"))
}
