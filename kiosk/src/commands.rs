//! The commands that look at a data folder and end: check, export, backup, reset, paper, menu check, set-pin.

pub(crate) mod paper;
pub(crate) mod rotate;

use std::io::{BufRead, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

use cloud_sync_wire::credential::Credential;
use kiosk_core::ids::EventId;
use tokio::sync::mpsc;

use crate::cli::{BAD_CONFIGURATION, failed, runtime};
use crate::journal::{self, Journal, StaffRole, Stamp};
use crate::web::pictures::Pictures;
use crate::web::sessions::{PIN_DIGITS, hash_pin, is_pin, verify_pin};
use crate::{clock, menus, serve};

/// `kiosk check`
pub(crate) fn check(folder: &Path, json: bool) -> ExitCode {
    let show = std::io::stderr().is_terminal();
    let progress = |done: u64, all: u64| {
        if show {
            let _ = write!(std::io::stderr(), "\rchecked {done} of {all} events");
        }
    };
    let report = match journal::check::check(folder, progress) {
        Ok(report) => report,
        Err(error) => return failed(&error.to_string()),
    };
    if show {
        let _ = writeln!(std::io::stderr());
    }
    let text = if json {
        serde_json::to_string(&report).unwrap_or_default()
    } else {
        let verdict = if report.ok { "ok" } else { "NOT ok" };
        let mut lines = vec![format!(
            "{verdict}: {} orders, {} events, {} unconfirmed, journal {}",
            report.orders, report.events, report.unconfirmed, report.journal
        )];
        lines.extend(report.problems.iter().map(|problem| format!("  {problem}")));
        lines.join("\n")
    };
    let _ = writeln!(std::io::stdout(), "{text}");
    if report.ok {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// `kiosk menu check`
pub(crate) fn check_menu(file: &Path) -> ExitCode {
    match menus::load(Some(file)) {
        Ok(parsed) => {
            let mut out = std::io::stdout();
            let menu = &parsed.menu;
            for warning in &parsed.warnings {
                let _ = writeln!(out, "warning: {warning}");
            }
            for missing in Pictures::beside(Some(file)).missing(menu) {
                let _ = writeln!(out, "warning: {missing}");
            }
            let _ = writeln!(
                out,
                "ok: {} items in {} categories, version {}",
                menu.items().len(),
                menu.categories.len(),
                menu.version()
            );
            ExitCode::SUCCESS
        }
        Err(trouble) => {
            for line in trouble.lines() {
                let _ = writeln!(std::io::stderr(), "{line}");
            }
            ExitCode::FAILURE
        }
    }
}

/// `kiosk staff set-pin`
pub(crate) fn set_pin(folder: &Path, role: StaffRole) -> ExitCode {
    let mut line = String::new();
    if std::io::stdin().lock().read_line(&mut line).is_err() {
        return failed("the PIN can't be read from standard input");
    }
    let pin = line.trim();
    if !is_pin(pin) {
        return failed(&format!(
            "a PIN has {PIN_DIGITS} to 32 digits and nothing else"
        ));
    }
    let kept = hash_pin(pin).and_then(|hash| {
        let settings = serve::base_settings(folder).map_err(|error| error.to_string())?;
        journal::make_folder(folder).map_err(|error| error.to_string())?;
        runtime()?.block_on(async {
            let (feed, _nobody) = mpsc::unbounded_channel();
            let journal = Journal::open(settings, feed).map_err(|error| error.to_string())?;
            let at = clock::wall();
            let event = EventId(clock::uuid7(at));
            let stamp = Stamp {
                at,
                mono_ms: 0,
                event,
                request: None,
            };
            let kept = match told_apart(&journal, role, pin).await {
                Ok(()) => journal.set_pin(stamp, role, hash).await,
                Err(same) => {
                    journal.close().await;
                    return Err(same);
                }
            };
            journal.close().await;
            kept.map_err(|error| error.to_string())
        })
    });
    match kept {
        Ok(()) => {
            let _ = writeln!(std::io::stdout(), "the {} PIN is set", role.as_str());
            ExitCode::SUCCESS
        }
        Err(error) => failed(&error),
    }
}

/// A PIN says who somebody is, so the two roles can't share one.
async fn told_apart(journal: &Journal, role: StaffRole, pin: &str) -> Result<(), String> {
    let other = match role {
        StaffRole::Manager => StaffRole::Kitchen,
        StaffRole::Kitchen => StaffRole::Manager,
    };
    let held = journal.read(move |reader| reader.pin(other)).await;
    let held = held.map_err(|error| error.to_string())?;
    if held.is_some_and(|hash| verify_pin(pin, &hash)) {
        let other = other.as_str();
        return Err(format!("this is the {other} PIN already; choose another"));
    }
    Ok(())
}

/// `kiosk export`
pub(crate) fn export(folder: &Path, out: &Path, all: bool, credential: Option<&Path>) -> ExitCode {
    let read = |file: &Path| {
        let bytes = std::fs::read(file).map_err(|error| error.to_string())?;
        Credential::parse(&bytes).map_err(|error| error.to_string())
    };
    let credential = match credential.map(|file| (file, read(file))) {
        None => None,
        Some((_, Ok(credential))) => Some(credential),
        Some((file, Err(error))) => {
            failed(&format!("{}: {error}", file.display()));
            return ExitCode::from(BAD_CONFIGURATION);
        }
    };
    match journal::export(folder, out, all, credential.as_ref()) {
        Ok(done) => {
            let text = format!(
                "{} events in {} frames: {}",
                done.events,
                done.frames,
                out.display()
            );
            let _ = writeln!(std::io::stdout(), "{text}");
            if !done.registered {
                let _ = writeln!(
                    std::io::stderr(),
                    "kiosk: this kiosk was never enrolled, so that the cloud does not know its journal: \
                     before importing the file, start the kiosk once with its credential, or export again \
                     with --credential"
                );
            }
            ExitCode::SUCCESS
        }
        Err(error) => failed(&error.to_string()),
    }
}

/// `kiosk backup`
pub(crate) fn backup(folder: &Path, out: &Path) -> ExitCode {
    match journal::backup(folder, out) {
        Ok(bytes) => {
            let _ = writeln!(std::io::stdout(), "{bytes} bytes: {}", out.display());
            ExitCode::SUCCESS
        }
        Err(error) => failed(&error.to_string()),
    }
}

/// `kiosk reset`
pub(crate) fn reset(folder: &Path, export: Option<&Path>) -> ExitCode {
    match journal::reset(folder, export) {
        Ok(done) => {
            let mut out = std::io::stdout();
            let _ = writeln!(out, "{} is that of a new kiosk", folder.display());
            if let (1.., Some(file)) = (done.exported, export) {
                let file = file.display();
                let _ = writeln!(
                    out,
                    "{} events are in {file} alone: `cloud-sync import {file}` brings them to headquarters",
                    done.exported
                );
            }
            ExitCode::SUCCESS
        }
        Err(refused) => failed(&refused.to_string()),
    }
}
