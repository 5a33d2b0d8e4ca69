//! The store in a box, as a command.

use std::process::ExitCode;

fn main() -> ExitCode {
    lab::cli::run(std::env::args_os())
}
