//! Showing the page to whoever sits here.

use std::process::{Command, Stdio};

/// Opens the page in a browser, if this machine has a screen and somebody to ask.
pub(super) fn open(page: &str) {
    let screen = ["DISPLAY", "WAYLAND_DISPLAY"];
    if screen.iter().all(|name| std::env::var_os(name).is_none()) {
        return;
    }
    let mut command = Command::new("xdg-open");
    command
        .arg(page)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    // The address has been printed; without a browser nothing is lost.
    if let Ok(mut child) = command.spawn() {
        std::thread::spawn(move || child.wait());
    }
}
