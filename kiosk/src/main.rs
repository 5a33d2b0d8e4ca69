//! The in-store binary of Stillopen.

use std::process::ExitCode;

fn main() -> ExitCode {
    kiosk::cli::run(std::env::args_os())
}
